"""What is below a folder, streamed: regular files whose names a path may hold, no links.

What is found is given some at a time, in lists.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import islice
from stat import S_ISREG
from typing import Final

from persidict_core import ObjectStat
from persidict_core.paths import are_parts, is_part

from .versions import stat_of

_BATCH: Final = 1000

_BY_DESCRIPTOR: Final = os.scandir in os.supports_fd and hasattr(os, "O_DIRECTORY")
"""Whether a folder can be listed that is open: its files are then looked at without a way there."""

_OPENING: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""What tells that a folder vanished meanwhile, became a link, or is too deep for any path."""


def paths(base: str, prefix: str) -> Iterator[list[str]]:
    """The paths of the files below a folder.

    Args:
        base: The absolute path of the root, ending in ``/``.
        prefix: Below which prefix, empty or ending in ``/``.

    Raises:
        OSError: A folder cannot be read; one that is missing is no fault.
    """
    for folder, files in _files(base, prefix):
        yield [folder + entry.name for entry in files]


def stats(base: str, prefix: str) -> Iterator[list[ObjectStat]]:
    """The stat of each file below a folder; arguments and errors are those of `paths`."""
    for folder, files in _files(base, prefix):
        found = []
        for entry in files:
            try:
                seen = entry.stat()  # It is no link, and if it has become one, of the link.
            except FileNotFoundError:
                continue
            if S_ISREG(seen.st_mode):
                found.append(stat_of(folder + entry.name, seen))
        yield found


def children(base: str, prefix: str) -> Iterator[list[str]]:
    """The names in a folder; arguments and errors are those of `paths`.

    Those of folders end in ``/``, and are given only if a file is somewhere below.
    """
    for batch in _entries(base, prefix):
        for entry in batch:
            if entry.is_file(follow_symlinks=False):
                yield [entry.name]
            elif entry.is_dir(follow_symlinks=False):
                name = entry.name + "/"
                if next(_files(base, prefix + name), None) is not None:
                    yield [name]


def _files(base: str, prefix: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """The files below a folder, some at a time, with the prefix of their folder."""
    folders = [prefix]
    while folders:
        prefix = folders.pop()
        for batch in _entries(base, prefix):
            found = [entry for entry in batch if entry.is_file(follow_symlinks=False)]
            if found:
                yield prefix, found
            if len(found) < len(batch):
                folders += [
                    f"{prefix}{entry.name}/"
                    for entry in batch
                    if entry.is_dir(follow_symlinks=False)
                ]


def _entries(base: str, prefix: str) -> Iterator[list[os.DirEntry[str]]]:
    """What is in one folder, some at a time, but for names that no path may hold."""
    descriptor = None
    try:
        if _BY_DESCRIPTOR:
            no_link = _NO_LINK if prefix else 0
            descriptor = os.open((base + prefix)[:-1] or "/", _OPENING | no_link)
        with os.scandir(base + prefix if descriptor is None else descriptor) as scan:
            while batch := list(islice(scan, _BATCH)):
                if not are_parts([entry.name for entry in batch]):
                    batch = [entry for entry in batch if is_part(entry.name)]
                yield batch
    except OSError as error:
        if error.errno not in _GONE:
            raise
    finally:
        if descriptor is not None:
            os.close(descriptor)
