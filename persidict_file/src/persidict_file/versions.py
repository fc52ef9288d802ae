"""What a file's stat says of the version in it: its etag, and whether it is the expected one."""

from __future__ import annotations

import os
from typing import Final, Literal

from persidict_core import ABSENT, ANY, Expect, Marker, ObjectStat, PreconditionFailed

_ETAG: Final = "%x-%x-%x"
_new: Final = tuple.__new__


def etag_of(found: os.stat_result) -> str:
    """The etag of a version: inode, time in ns and size, in hexadecimal digits.

    A writer stamps the time later than that of the version it replaces, so that the three name one
    write even where an inode comes back.
    """
    return _ETAG % (found.st_ino, found.st_mtime_ns, found.st_size)


def stat_of(path: str, found: os.stat_result) -> ObjectStat:
    """What is told of an object by its file's stat.

    Args:
        path: The relative path.
        found: The stat of the file.
    """
    size, time_ns = found.st_size, found.st_mtime_ns
    # As ObjectStat(...) does, in half the time: a listing makes one for every file.
    return _new(ObjectStat, (path, size, time_ns / 1e9, _ETAG % (found.st_ino, time_ns, size)))


def check(path: str, expect: Expect | Literal[Marker.ANY], found: os.stat_result | None) -> None:
    """Raise unless what was found is what is expected.

    Args:
        path: The relative path.
        expect: An etag, `ABSENT`, or `ANY`.
        found: The stat of the file that is there, or None.

    Raises:
        PreconditionFailed: It is not.
    """
    if expect is ANY:
        return
    if (ABSENT if found is None else etag_of(found)) != expect:
        current = ABSENT if found is None else stat_of(path, found)
        raise PreconditionFailed(path, expect, current)
