"""What a file's stat says of the version in it: its etag, and whether it is the expected one."""

from __future__ import annotations

import os
from typing import Literal

from persidict_core import ABSENT, ANY, Expect, Marker, ObjectStat, PreconditionFailed


def etag_of(found: os.stat_result) -> str:
    """The etag of a version: inode, time in ns and size, in hexadecimal digits.

    A writer stamps the time later than that of the version it replaces, so that the three name one
    write even where an inode comes back.
    """
    return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"


def stat_of(path: str, found: os.stat_result) -> ObjectStat:
    """What is told of an object by its file's stat.

    Args:
        path: The relative path.
        found: The stat of the file.
    """
    return ObjectStat(path, found.st_size, found.st_mtime_ns / 1e9, etag_of(found))


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
