"""One name in one open folder, replaced so that nobody ever sees half of it.

A write prepares a temporary file in the folder of the value, flushes it, and then, holding the lock
of the folder's own descriptor, looks at what is there, stamps the file later than that, and renames
it (``rename`` replaces; ``link`` refuses if the name is taken, also where others use no locks).
Every step is relative to the one descriptor of the folder, so that a folder that was removed
meanwhile shows as ``ENOENT`` and nothing is lost. A temporary's name holds a character that no
path may hold, and no dot, so that no listing shows it.

Sources: ``flock(2)``, ``rename(2)``, ``link(2)``, ``utimensat(2)``, ``fsync(2)``, ``open(2)``.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeVar

from persidict_core import ABSENT, ANY, Expect, Marker, NotSupported, PreconditionFailed

from .faults import NotFlushed, irregular
from .locks import close, lock, open_to_lock, unlock
from .reading import READING
from .versions import check, stat_of

_SAFELY: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_MAKING: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFELY
_UNNAMED: Final = os.O_RDWR | getattr(os, "O_TMPFILE", os.O_EXCL | os.O_CREAT) | _SAFELY
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})

R = TypeVar("R")

_names: Iterator[str]


def _begin_names() -> None:
    """Begin the names of this process's temporaries: its number, and 16 digits that count on."""
    global _names
    begin = int.from_bytes(os.urandom(7))
    _names = map(f"+{os.getpid():x}-%016x".__mod__, itertools.count(begin))


_begin_names()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_names)


class Temporary:
    """A file in the making; its lock is held meanwhile, so that whoever clears debris spares it.

    Args:
        folder: The descriptor of the folder, which stays the caller's.
    """

    __slots__ = ("_folder", "_kept", "_locked", "_placed", "descriptor", "name")

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self._kept = False
        self._placed = False
        self._locked = True
        self.name = next(_names)
        self.descriptor = open_to_lock(self.name, _MAKING, 0o666, folder)
        try:
            lock(self.descriptor)
        except BaseException:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Write all of some bytes."""
        _write(self.descriptor, data)

    def place(self, name: str, path: str, expect: Expect | Literal[Marker.ANY]) -> os.stat_result:
        """Give the file its name, if what is there is as expected; see `place`."""
        locked = lock(self._folder)
        try:
            # Others queue for the lock of the file once it is the value. Were it still ours then,
            # an interrupt at the wrong moment could leave it to the process, and hold up all.
            unlock(self.descriptor)
            self._locked = False
            found = place(self._folder, self.name, name, path, expect, locked, self.descriptor)
        finally:
            if locked:
                unlock(self._folder)
        self._kept = expect is not ABSENT
        self._placed = True
        return found

    def keep(self) -> None:
        """Let the file stay as it is when it is closed; whoever says so places or removes it."""
        self._kept = True

    def close(self) -> None:
        """Let go of the file; it is removed unless it was given its name.

        One that cannot be removed is left to be swept: what was done is done all the same.

        Raises:
            NotFlushed: It was given its name, but the system tells only now that it lost the bytes.
            OSError: It could not be written.
        """
        try:
            if not self._kept:
                with contextlib.suppress(OSError):
                    os.unlink(self.name, dir_fd=self._folder)
        finally:
            try:
                if self._locked:
                    unlock(self.descriptor)
            finally:
                self._close_descriptor()

    def _close_descriptor(self) -> None:
        try:
            close(self.descriptor)
        except OSError as error:
            if self._placed:
                raise NotFlushed(error) from error
            raise


def _write(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    if written < len(data):
        left = memoryview(data)[written:]
        while left:
            left = left[os.write(descriptor, left) :]


def place(
    folder: int,
    temporary: str,
    name: str,
    path: str,
    expect: Expect | Literal[Marker.ANY],
    locked: bool,
    descriptor: int | None = None,
) -> os.stat_result:
    """Give a temporary file its name, if what is there is as expected. The folder is locked.

    Args:
        folder: The descriptor of the folder.
        temporary: The temporary's name.
        name: The name to be.
        path: The relative path of the object, for messages.
        expect: An etag, `ABSENT` or `ANY`.
        locked: Whether the lock is really held.
        descriptor: The temporary, where it is still open.

    Returns:
        The stat of the new version.

    Raises:
        PreconditionFailed: It is not as expected.
        OSError: Something else than a file stands there.
        NotSupported: The file system has no locks, or no links, and the condition needs them.
    """
    if not locked and isinstance(expect, str):
        raise NotSupported(
            f"{path!r} cannot be written on a condition: this file system has no working flock"
        )
    old = look(folder, name)
    if expect is not ANY:
        check(path, expect, old)
    new = stamp(folder, temporary, old, descriptor)
    if expect is ABSENT:
        _link(folder, temporary, name, path)
    else:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    return new


def _link(folder: int, temporary: str, name: str, path: str) -> None:
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        found = look(folder, name)
        current = None if found is None else stat_of(path, found)
        raise PreconditionFailed(path, ABSENT, current) from None
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise NotSupported(
                f"{path!r} cannot be created on the condition that it is absent: this file "
                "system has no hard links"
            ) from error
        raise


def look(folder: int, name: str) -> os.stat_result | None:
    """The stat of the file of a name; None if there is nothing.

    Raises:
        OSError: It is something else than a regular file.
    """
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise irregular(found.st_mode)
    return found


def stamp(
    folder: int, temporary: str, old: os.stat_result | None, descriptor: int | None = None
) -> os.stat_result:
    """Set the time of a file to now, but later than that of the version it replaces.

    The kernel's own times advance in steps of some milliseconds, in which an inode can come back.

    Returns:
        The stat of the file, which stays as it is when the file is renamed.
    """
    now = time.time_ns()
    if old is not None:
        now = max(now, old.st_mtime_ns + 1)
    if descriptor is not None:
        os.utime(descriptor, ns=(now, now))
        return os.fstat(descriptor)
    os.utime(temporary, ns=(now, now), dir_fd=folder, follow_symlinks=False)
    return os.stat(temporary, dir_fd=folder, follow_symlinks=False)


def remove(folder: int, name: str, path: str, expect: Expect | Literal[Marker.ANY]) -> bool:
    """Remove a file, if it is as expected.

    Returns:
        False if there is none.

    Raises:
        PreconditionFailed: It is not as expected.
        OSError: Something else than a file stands there.
        NotSupported: The file system has no locks, and a condition needs them.
    """
    locked = lock(folder)
    try:
        if not locked and isinstance(expect, str):
            raise NotSupported(
                f"{path!r} cannot be deleted on a condition: this file system has no working flock"
            )
        found = look(folder, name)
        check(path, expect, found)
        if found is None:
            return False
        os.unlink(name, dir_fd=folder)
    finally:
        if locked:
            unlock(folder)
    return True


def in_turn(folder: int, name: str, path: str, expect: Expect, act: Callable[[], R]) -> R:
    """Do something, but leave early if a condition does not hold, and wait one's turn.

    Those who want to replace one version queue for the lock of its own file, so that not each of
    them prepares and flushes a file of which only one will be taken. It decides nothing: the look
    under the folder's lock does.

    It is no context manager: an interrupt at its begin or its end would leave the lock to whoever
    keeps the exception.

    Raises:
        PreconditionFailed: It is not as expected.
    """
    check(path, expect, look(folder, name))
    if expect is ABSENT:
        return act()
    descriptor = -1
    # What cannot be opened has vanished, or may be replaced but not read.
    with contextlib.suppress(OSError):
        descriptor = open_to_lock(name, READING, folder=folder)
    try:
        if descriptor >= 0:
            lock(descriptor)
            check(path, expect, look(folder, name))
        return act()
    finally:
        if descriptor >= 0:
            # An interrupt may come at the begin of any function, but not before the last line.
            try:
                unlock(descriptor)
            finally:
                close(descriptor)


def replace(
    folder: int,
    name: str,
    path: str,
    data: bytes,
    expect: Expect | Literal[Marker.ANY],
    fsync: bool,
) -> os.stat_result:
    """Write one file, all or nothing.

    Args:
        folder: The descriptor of its folder.
        name: Its name there.
        path: The relative path of the object, for messages.
        data: All its bytes.
        expect: An etag, `ABSENT` or `ANY`.
        fsync: Whether to flush the bytes before they get their name.

    Returns:
        The stat of the new version.

    Raises:
        PreconditionFailed: What is there is not as expected.
    """
    if expect is ANY:
        return _replace(folder, name, path, data, expect, fsync)
    return in_turn(
        folder, name, path, expect, lambda: _replace(folder, name, path, data, expect, fsync)
    )


def _replace(
    folder: int,
    name: str,
    path: str,
    data: bytes,
    expect: Expect | Literal[Marker.ANY],
    fsync: bool,
) -> os.stat_result:
    temporary = Temporary(folder)
    try:
        temporary.write(data)
        if fsync:
            os.fsync(temporary.descriptor)
        return temporary.place(name, path, expect)
    finally:
        temporary.close()


def create(folder: int, name: str, data: bytes) -> os.stat_result | None:
    """Write one file that is not there yet, all or nothing; nothing is flushed.

    The file is made without a name, so that a kill leaves nothing, and then linked, which on ext4
    takes a third less than a name that is changed.

    Args:
        folder: The descriptor of the folder.
        name: The file's name.
        data: All its bytes.

    Returns:
        The stat of the file; None if something has that name.

    Raises:
        OSError: Also where the system, or the file system, makes no files without names.
    """
    descriptor = os.open(".", _UNNAMED, 0o666, dir_fd=folder)
    try:
        _write(descriptor, data)
        now = time.time_ns()
        os.utime(descriptor, ns=(now, now))
        found = os.fstat(descriptor)
        os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=folder)
    except FileExistsError:
        return None
    finally:
        os.close(descriptor)
    return found


def replace_locked(folder: int, name: str, data: bytes, locked: bool) -> os.stat_result:
    """Write one file, all or nothing, in a folder that is locked already; nothing is flushed.

    Args:
        folder: The descriptor of the folder.
        name: The file's name.
        data: All its bytes.
        locked: Whether the lock is really held.

    Returns:
        The stat of the new version.
    """
    temporary = next(_names)
    descriptor = os.open(temporary, _MAKING, 0o666, dir_fd=folder)
    try:
        _write(descriptor, data)
        return place(folder, temporary, name, name, ANY, locked, descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)
