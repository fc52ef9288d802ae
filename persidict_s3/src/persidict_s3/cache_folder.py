"""The folder of a local cache: nobody else's, since what lies in it is unpickled."""

from __future__ import annotations

import logging
import os
import stat
from typing import Final

from persidict_core import URL, BackendError

SUBFOLDER: Final = "persidict-s3-cache"
"""Where the cache lies in the user's folder, so that it leaves all else there alone."""

_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


def cache_url(base_dir: str) -> str | None:
    """Make the folder of a cache, with no rights for others, and give the URL of its backend.

    Args:
        base_dir: The user's folder, absolute; it is made where it is missing.

    Returns:
        The URL; None if the folder is not there and cannot be made, which is logged as a warning.

    Raises:
        BackendError: It is another user's, or others can write to it: they could put something
            there that runs code when it is read.
    """
    folder = os.path.join(base_dir, SUBFOLDER)
    try:
        os.makedirs(base_dir, 0o700, exist_ok=True)
        # A folder that all may write to, and delete only their own from, such as /tmp, will do.
        _check(base_dir, os.stat(base_dir), shared=True)
        if not os.path.lexists(folder):
            os.makedirs(folder, 0o700, exist_ok=True)
        _check(folder, os.lstat(folder), shared=False)
    except OSError as error:
        logging.getLogger("persidict").warning(
            "the cache folder %r cannot be used, and is done without: %s", folder, error
        )
        return None
    # What a power cut takes from a cache is read again.
    return str(URL("file", folder, {"fsync": "false"}))


def _check(folder: str, found: os.stat_result, shared: bool) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise _refused(folder, "is no folder")
    if not hasattr(os, "geteuid"):
        return
    sticky = shared and found.st_mode & stat.S_ISVTX
    if found.st_uid != os.geteuid() and not (sticky or (shared and found.st_uid == 0)):
        raise _refused(folder, "is another user's")
    if found.st_mode & _OTHERS and not sticky:
        raise _refused(folder, "can be written to by others (chmod go-w takes that right away)")


def _refused(folder: str, why: str) -> BackendError:
    return BackendError(
        f"the cache folder {folder!r} {why}: what lies there is unpickled, so it has to be this "
        "user's alone; choose another base_dir, or None for no cache",
        operation="base_dir",
    )
