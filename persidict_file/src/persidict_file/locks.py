"""``flock`` on an open descriptor: among threads and processes alike, and never left behind.

A lock belongs to one opening of a file. A process that was forked meanwhile holds the same opening,
so closing it does not release: `unlock` does.
"""

from __future__ import annotations

import errno
import os
from typing import Final

try:
    import fcntl
except ImportError:  # Windows has none.
    fcntl = None  # type: ignore[assignment]

HAS_FLOCK: Final = fcntl is not None

_NO_LOCKS: Final = frozenset(
    {
        errno.ENOLCK,
        errno.EINVAL,
        errno.ENOSYS,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.EBADF,  # NFS: no exclusive lock on what is open for reading.
        errno.EPERM,
        errno.EACCES,
    }
)


def lock(descriptor: int) -> bool:
    """Wait for the exclusive lock of what is open.

    Returns:
        Whether it is held; False where the file system has no locks.

    Raises:
        OSError: Any other fault.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


def unlock(descriptor: int) -> None:
    """Release the lock, also from a forked process that holds the same opening."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def lock_works(folder: str) -> bool:
    """Whether a folder can be locked at all; nothing is waited for."""
    if fcntl is None:
        return False
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
