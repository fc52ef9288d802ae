"""What went wrong, in words for whoever has to mend it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Final, NoReturn

from persidict_core import BackendError, ObjectNotFound

_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_ADVICE: Final = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "this user may not: look at the owner and mode of the folder and the file",
    errno.EPERM: "this user may not: look at the owner, mode and attributes of folder and file",
    errno.EFBIG: "the file would be larger than the process (ulimit -f) or file system allows",
    errno.EMFILE: "too many files are open in this process (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
    errno.EIO: "the device failed: look at the system's log",
    errno.ENAMETOOLONG: "the name is longer than this file system allows",
    errno.ESTALE: "the folder is no longer on its server",
    errno.EDEADLK: "a signal handler or __del__ writes where its own thread is in the middle of a "
    "write: let another thread do it",
    errno.EISDIR: "a folder stands there, and is left as it is",
    errno.ENOENT: "the folder vanishes again each time it is made, or is a link to nothing",
}

_NO_WAY: Final = (errno.ENOTDIR, errno.ELOOP, errno.EMLINK, errno.EEXIST)
_NO_FILE: Final = (errno.ELOOP, errno.EMLINK, errno.ESPIPE, errno.ENXIO, errno.ENODEV)


class NotAFile(OSError):
    """Something else than a regular file stands where an object would be.

    Args:
        mode: Its ``st_mode``.
    """

    def __init__(self, mode: int) -> None:
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        super().__init__(f"{kind} stands there: it is not a regular file, and is left as it is")


class NotFlushed(OSError):
    """Something was done, but the system could not make it last.

    Args:
        error: What it said.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"it was done, but may not survive a power cut: {explain(error)}")


def irregular(mode: int) -> OSError:
    """The error for something else than a regular file.

    Args:
        mode: Its ``st_mode``.
    """
    if stat.S_ISDIR(mode):
        return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return NotAFile(mode)


def explain(error: OSError) -> str:
    """What an OSError means, and what to do."""
    if error.errno is None:
        return str(error)
    advice = _ADVICE.get(error.errno)
    said = os.strerror(error.errno)
    return f"{said} ({advice})" if advice else said


def obstacle(root: str, path: str, files: bool = True) -> str | None:
    """What on the way to an object is no folder, in words; None if nothing is.

    Args:
        root: The absolute path of the store.
        path: The relative path of the object.
        files: Whether regular files count; they prove that nothing is below them.
    """
    if os.path.exists(root) and not os.path.isdir(root):
        return f"{root!r} is not a folder"
    folder = root
    for part in path.split("/")[:-1]:
        folder = os.path.join(folder, part)
        try:
            mode = os.lstat(folder).st_mode
        except OSError:
            return None
        if stat.S_ISLNK(mode):
            return f"{folder!r} is a symbolic link, and links below the root are not followed"
        if not stat.S_ISDIR(mode) and (files or not stat.S_ISREG(mode)):
            return f"{folder!r} is a file, so that nothing can be below it"
    return None


class Faults:
    """Makes of what the system said what the store says.

    Args:
        root: The absolute path of the store.
        describe: Gives the store's ``repr``.
    """

    def __init__(self, root: str, describe: Callable[[], str]) -> None:
        self._root = root
        self._describe = describe

    def is_absence(self, error: OSError, path: str) -> bool:
        """Whether an error proves that no object is there.

        Args:
            error: What the system said.
            path: The relative path of the object.
        """
        if error.errno == errno.ENOTDIR:
            return obstacle(self._root, path, files=False) is None
        return error.errno in (errno.ENOENT, errno.EISDIR)

    def raise_for(self, error: OSError, operation: str, path: str) -> NoReturn:
        """Raise for an object that could not be had.

        Raises:
            ObjectNotFound: If that is proven.
            BackendError: For all else.
        """
        if self.is_absence(error, path):
            raise ObjectNotFound(path) from None
        raise self.told(error, operation, path) from error

    def told(self, error: OSError, operation: str, path: str = "") -> BackendError:
        """The store's error, to be raised from the system's."""
        problem = None
        if error.errno in _NO_WAY:
            problem = obstacle(self._root, path)
        if problem is None and error.errno in _NO_FILE:
            problem = self._what_stands_at(path)
        return BackendError(problem or explain(error), self._describe(), operation, path or None)

    def _what_stands_at(self, path: str) -> str | None:
        try:
            mode = os.lstat(os.path.join(self._root, path)).st_mode
        except OSError:
            return None
        return None if stat.S_ISREG(mode) else str(NotAFile(mode))
