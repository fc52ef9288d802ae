"""What is below a folder, streamed: regular files whose names a path may hold, no links."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import islice
from typing import Final

from persidict_core.paths import check_path, is_part

_BATCH: Final = 1000

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""What tells that a folder vanished meanwhile, became a link, or is too deep for any path."""


def files(base: str, prefix: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """The files below a folder, some at a time, with the prefix of their folder.

    Args:
        base: The absolute path of the root, ending in ``/``.
        prefix: Below which prefix, empty or ending in ``/``.

    Raises:
        OSError: A folder cannot be read; one that is missing is no fault.
    """
    folders = [prefix]
    while folders:
        prefix = folders.pop()
        for batch in entries(base, prefix):
            found = [entry for entry in batch if entry.is_file(follow_symlinks=False)]
            if found:
                yield prefix, found
            if len(found) < len(batch):
                folders += [
                    f"{prefix}{entry.name}/"
                    for entry in batch
                    if entry.is_dir(follow_symlinks=False)
                ]


def entries(base: str, prefix: str) -> Iterator[list[os.DirEntry[str]]]:
    """What is in one folder, some at a time, but for names that no path may hold.

    Args:
        base: The absolute path of the root, ending in ``/``.
        prefix: The folder's relative path, empty or ending in ``/``.

    Raises:
        OSError: The folder cannot be read; if it is missing, that is no fault.
    """
    try:
        scan = os.scandir(base + prefix)
    except OSError as error:
        if error.errno in _GONE:
            return
        raise
    with scan:
        while batch := list(islice(scan, _BATCH)):
            # All names of a batch are checked at once, each by itself only if one is odd.
            try:
                check_path("/".join([entry.name for entry in batch]))
            except ValueError:
                batch = [entry for entry in batch if is_part(entry.name)]
            yield batch
