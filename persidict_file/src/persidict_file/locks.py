"""``flock`` on an open descriptor: among threads and processes alike, and never left behind.

A lock belongs to one opening of a file. A process that was forked meanwhile holds the same opening,
so closing it does not release: `unlock` does. Were the first one killed, the lock would live on in
the forked one; so that lets go, at once, of all that was open to be locked when it was forked.

It belongs to the opening, not to the thread: a signal handler or ``__del__`` that writes where its
own thread was about to would wait for ever, and keep all others waiting. It is refused.

Sources: ``flock(2)``, ``proc_pid_fdinfo(5)``.
"""

from __future__ import annotations

import contextlib
import errno
import os
from threading import get_ident
from typing import Final

try:
    import fcntl
except ImportError:  # Windows has none.
    fcntl = None  # type: ignore[assignment]

HAS_FLOCK: Final = fcntl is not None

_AT_ONCE: Final = fcntl.LOCK_EX | fcntl.LOCK_NB if HAS_FLOCK else 0
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

_held: Final[dict[int, int]] = {}
"""The descriptors that this process has locked, or may lock before it closes them: which thread's.
"""


def open_to_lock(name: str, flags: int, mode: int = 0o777, folder: int | None = None) -> int:
    """Open what is to be locked.

    Args:
        name: Its absolute path, or its name in the folder.
        flags: As of ``os.open``.
        mode: As of ``os.open``.
        folder: The descriptor of an open folder.

    Returns:
        Its descriptor, for the caller to `close`.
    """
    descriptor = os.open(name, flags, mode, dir_fd=folder)
    # Before it is locked: a process that is forked at any time from now on would share the lock.
    # One that another thread forks between these two lines does so all the same.
    _held[descriptor] = get_ident()
    return descriptor


def close(descriptor: int) -> None:
    """Close what was opened to be locked."""
    try:
        # Before it is closed: the number may be somebody else's at once.
        _held.pop(descriptor, None)
    finally:
        os.close(descriptor)


def share(descriptor: int) -> None:
    """Let a process that is forked keep what is not to be locked after all."""
    _held.pop(descriptor, None)


def lock(descriptor: int) -> bool:
    """Wait for the exclusive lock of what is open.

    Returns:
        Whether it is held; False where the file system has no locks.

    Raises:
        OSError: ``EDEADLK`` if it is the same thread that holds it, and any other fault.
    """
    try:
        try:
            fcntl.flock(descriptor, _AT_ONCE)
        except BlockingIOError:
            if _is_held_by_this_thread(descriptor):
                raise OSError(errno.EDEADLK, os.strerror(errno.EDEADLK)) from None
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


def _is_held_by_this_thread(descriptor: int) -> bool:
    """Whether this thread has locked the same file by another opening, as far as can be told."""
    thread, found = get_ident(), os.fstat(descriptor)
    # Of numbers in one step; a list of pairs may run a finalizer, which lets other threads come in.
    for other in list(_held):
        if _held.get(other) == thread and other != descriptor:
            # Another thread may close what this one has opened to write bit by bit.
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(other), found) and _is_locked(other):
                    return True
    return False


def _is_locked(descriptor: int) -> bool:
    with open(f"/proc/self/fdinfo/{descriptor}", "rb") as file:
        return b"FLOCK" in file.read()


def try_lock(descriptor: int) -> bool | None:
    """Take the exclusive lock of what is open, if nobody else has it.

    Returns:
        Whether it is held now; None where the file system has no locks.

    Raises:
        OSError: Any other fault.
    """
    try:
        fcntl.flock(descriptor, _AT_ONCE)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def unlock(descriptor: int) -> None:
    """Release the lock, also from a forked process that holds the same opening."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _let_go() -> None:
    """In a forked process: close what is not its own to lock."""
    for descriptor in _held:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def lock_works(folder: str) -> bool:
    """Whether a folder can be locked at all; nothing is waited for.

    Raises:
        OSError: That could not be found out.
    """
    if fcntl is None:
        return False
    try:
        descriptor = open_to_lock(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return False
    try:
        held = try_lock(descriptor)
        if held:
            unlock(descriptor)
        return held is not None
    finally:
        close(descriptor)
