"""Files where the system has neither ``flock`` nor paths relative to a folder, as on Windows.

Reads, and writes that are all or nothing, after Python's documents of ``os.replace``; no condition
is promised there.
"""

from __future__ import annotations

import os
import stat

from .faults import irregular


def read(place: str) -> bytes:
    """All bytes of a regular file."""
    check_regular(place)
    with open(place, "rb", buffering=0) as file:
        return file.readall()


def replace(place: str, data: bytes, fsync: bool) -> os.stat_result:
    """Write a file, all or nothing; its folder must be there."""
    if os.path.lexists(place):
        check_regular(place)
    folder = os.path.dirname(place)
    temporary = os.path.join(folder, f"+{os.getpid():x}-{os.urandom(8).hex()}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            if fsync:
                file.flush()
                os.fsync(file.fileno())
        found = os.lstat(temporary)
        os.replace(temporary, place)
    except BaseException:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise
    return found


def remove(place: str) -> None:
    """Remove a regular file."""
    check_regular(place)
    os.unlink(place)


def check_regular(place: str) -> None:
    """Raise unless a regular file is there.

    Raises:
        OSError: Something else is, or nothing.
    """
    mode = os.lstat(place).st_mode
    if not stat.S_ISREG(mode):
        raise irregular(mode)
