"""Temporaries of writers that ended in the middle: found, and removed.

A writer holds the lock of its temporary while it writes, and the lock ends with it however it ends:
what can be locked is abandoned. Only a temporary that has just been made or is getting its name,
and those of a bulk write, which wait together for their flush, are unlocked for a while in the
hands of the living; so what is young is spared, too. Should one be swept all the same, because its
writer was stopped for long, the writer finds it missing when it is to get its name, and writes
again: nothing is lost.

The young are told by the clock that the file system puts on files, which on a server is not ours.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

from persidict_core import Debris
from persidict_core.paths import is_part

from .atomic import Temporary
from .folders import Folders
from .locks import close, open_to_lock, share, try_lock, unlock
from .reading import READING, regular

SPARED: Final = 600.0
"""For how many seconds after its last change a temporary is spared, unless told otherwise."""

SPARED_UNLOCKED: Final = 86400.0
"""The same where there are no locks: more than any single write takes."""

_BATCH: Final = 1000
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_is_temporary: Final = re.compile(r"\+[0-9a-f]+-[0-9a-f]{16}").fullmatch


def sweep(
    folders: Folders, base: str, prefix: str, remove: bool, older_than: float | None
) -> Iterator[Debris]:
    """The abandoned temporaries below a folder.

    Args:
        folders: The folders of the store.
        base: The absolute path of the root, ending in ``/``.
        prefix: Below which prefix, empty or ending in ``/``.
        remove: Whether each is removed before it is given.
        older_than: For how many seconds it must have been left alone; None: `SPARED`.

    Raises:
        OSError: A folder cannot be read, or a file not be removed.
    """
    left = [prefix]
    while left:
        prefix = left.pop()
        try:
            descriptor = folders.open((base + prefix)[:-1] or "/")
        except OSError as error:
            if error.errno in _GONE:
                continue
            raise
        try:
            # Whoever is given what is found may fork, and go on in both processes.
            share(descriptor)
            yield from _in_folder(descriptor, prefix, remove, older_than, left)
        finally:
            os.close(descriptor)


def _in_folder(
    folder: int, prefix: str, remove: bool, older_than: float | None, below: list[str]
) -> Iterator[Debris]:
    """Those of one open folder; its folders are added to those that are left."""
    with os.scandir(folder) as scan:
        while batch := list(islice(scan, _BATCH)):
            found = [
                entry.name
                for entry in batch
                if _is_temporary(entry.name) and entry.is_file(follow_symlinks=False)
            ]
            below += [
                f"{prefix}{entry.name}/"
                for entry in batch
                if entry.is_dir(follow_symlinks=False) and is_part(entry.name)
            ]
            if not found:
                continue
            now = _time_of(folder) if remove else time.time()
            for name in found:
                seen = _abandoned(folder, name, now, remove, older_than)
                if seen is not None:
                    yield Debris(prefix + name, seen.st_size, seen.st_mtime)


def _abandoned(
    folder: int, name: str, now: float, remove: bool, older_than: float | None
) -> os.stat_result | None:
    """The stat of a temporary that nobody is at work on; None if it is another's, or gone."""
    try:
        descriptor = open_to_lock(name, READING, folder=folder)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    locked: bool | None = None
    try:
        found = regular(descriptor)
        locked = try_lock(descriptor)
        if locked is False:
            return None
        if older_than is None:
            older_than = SPARED if locked else SPARED_UNLOCKED
        if now - found.st_mtime < older_than:
            return None
        if remove:
            os.unlink(name, dir_fd=folder)
        return found
    except FileNotFoundError:
        return None  # Another sweeper was faster, or the file has got its name.
    finally:
        try:
            if locked:
                unlock(descriptor)
        finally:
            close(descriptor)


def _time_of(folder: int) -> float:
    """What time it is for the file system of a folder."""
    try:
        probe = Temporary(folder)
    except OSError as error:
        if error.errno in _FULL:  # When sweeping is wanted most.
            return time.time()
        raise
    try:
        return os.fstat(probe.descriptor).st_mtime
    finally:
        probe.close()
