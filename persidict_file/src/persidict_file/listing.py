"""What is below a folder, streamed: regular files whose names a path may hold, no links."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from itertools import islice
from typing import Final

from persidict_core import ObjectStat
from persidict_core.paths import check_path, is_part

from .versions import stat_of

_BATCH: Final = 1000

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""What tells that a folder vanished meanwhile, became a link, or is too deep for any path."""


def paths(base: str, prefix: str) -> Iterator[str]:
    """The paths of the files below a folder.

    Args:
        base: The absolute path of the root, ending in ``/``.
        prefix: Below which prefix, empty or ending in ``/``.

    Raises:
        OSError: A folder cannot be read; one that is missing is no fault.
    """
    for folder, found in _files(base, prefix):
        yield from [folder + entry.name for entry in found]


def stats(base: str, prefix: str) -> Iterator[ObjectStat]:
    """The stat of each file below a folder; arguments and errors are those of `paths`."""
    for folder, found in _files(base, prefix):
        for entry in found:
            try:
                seen = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(seen.st_mode):
                yield stat_of(folder + entry.name, seen)


def children(base: str, prefix: str) -> Iterator[str]:
    """The names in a folder; arguments and errors are those of `paths`.

    Those of folders end in ``/``, and are given only if a file is somewhere below.
    """
    for batch in _entries(base, prefix):
        for entry in batch:
            if entry.is_file(follow_symlinks=False):
                yield entry.name
            elif entry.is_dir(follow_symlinks=False):
                name = entry.name + "/"
                if next(_files(base, prefix + name), None) is not None:
                    yield name


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
