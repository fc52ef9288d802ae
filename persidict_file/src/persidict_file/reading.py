"""Reading one file whole: no link is followed, no FIFO waited for, no lock taken.

Sources: ``open(2)``, and ``fcntl(2)`` for leases.
"""

from __future__ import annotations

import os
import stat
import time
from typing import Final

from .faults import irregular

READING: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
"""How a value is opened."""

CHUNK: Final = 65536

_LONGEST_LEASE: Final = 60.0
"""In so many seconds a lease that is asked back has ended: Linux takes it back after 45."""

_PAUSE: Final = 0.005

_MOST: Final = 1 << 30
"""So many bytes are asked for at once: Linux gives at most 2 GiB, and macOS refuses to give more.
"""


def read(place: str, folder: int | None = None) -> bytes:
    """All bytes of a regular file.

    Args:
        place: Its absolute path, or its name in the folder.
        folder: The descriptor of an open folder.

    Raises:
        OSError: It is none, or cannot be read.
    """
    descriptor = open_to_read(place, folder)
    try:
        # Most values take this one call; it fails on whatever has no positions.
        data = os.pread(descriptor, CHUNK, 0)
        if 0 < len(data) < CHUNK:
            return data
        return read_all(descriptor, regular(descriptor))
    finally:
        os.close(descriptor)


def open_to_read(place: str, folder: int | None = None) -> int:
    """Open a file to read it; one on which another holds a lease, once that has ended.

    Args:
        place: Its absolute path, or its name in the folder.
        folder: The descriptor of an open folder.

    Returns:
        Its descriptor, for the caller to close.

    Raises:
        OSError: It cannot be opened, or the lease does not end.
    """
    try:
        return os.open(place, READING, dir_fd=folder)
    except BlockingIOError:
        return _open_leased(place, folder)


def _open_leased(place: str, folder: int | None) -> int:
    # The first attempt has asked the lease back, but does not wait, lest it wait for a FIFO.
    until = time.monotonic() + _LONGEST_LEASE
    while True:
        found = os.stat(place, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise irregular(found.st_mode)
        try:
            return os.open(place, READING, dir_fd=folder)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
        time.sleep(_PAUSE)


def regular(descriptor: int) -> os.stat_result:
    """The stat of an open regular file.

    Raises:
        OSError: It is none.
    """
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise irregular(found.st_mode)
    return found


def read_all(descriptor: int, found: os.stat_result) -> bytes:
    """All bytes of an open file.

    Args:
        descriptor: The open file.
        found: Its stat.
    """
    data = os.pread(descriptor, min(found.st_size, _MOST), 0)
    if len(data) == found.st_size:
        return data
    chunks, size = [data], len(data)
    while size < found.st_size and (
        data := os.pread(descriptor, min(found.st_size - size, _MOST), size)
    ):
        chunks.append(data)
        size += len(data)
    return b"".join(chunks)
