"""Folders: opened, made where they are missing, and flushed so that they last."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from .faults import NotFlushed
from .locks import open_to_lock

_OPEN: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_MOST_LASTING: Final = 8192
_TRIES: Final = 100
_IN_USE: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY})

R = TypeVar("R")


class Folders:
    """The folders of one store.

    Args:
        root: The absolute path of the root, which may be a link.
        fsync: Whether what is made must survive a power cut.

    Attributes:
        overlays: Of each device that has been asked for, whether it is an overlay.
    """

    def __init__(self, root: str, fsync: bool) -> None:
        self._root = root
        self._fsync = fsync
        self._made = 0
        self._root_lasts = False
        self.overlays: dict[int, bool] = {}
        self._lasting: set[tuple[str, int, int]] = set()

    def open(self, folder: str) -> int:
        """Open a folder of the store, not through a link unless it is the root.

        Returns:
            Its descriptor, which may be locked, for the caller to close by ``locks.close``.

        Raises:
            OSError: ``ENOENT`` if it is missing, ``ENOTDIR`` if it is a file or a link.
        """
        return open_to_lock(folder, _OPEN if folder == self._root else _OPEN | _NO_LINK)

    def insist(self, folder: str, act: Callable[[], R]) -> R:
        """Do something in a folder, which is made whenever it turns out to be missing.

        Others may remove it between any two steps; a bounded number of times it is made again.

        Args:
            folder: The absolute path of the folder.
            act: What to do; FileNotFoundError says that the folder is missing.
        """
        failure: FileNotFoundError | None = None
        for _ in range(_TRIES):
            try:
                return act()
            except FileNotFoundError as error:
                failure = error
                self.make(folder)
        assert failure is not None
        raise failure

    def make(self, folder: str) -> None:
        """Make a folder and those above it that are missing; others may be making them too.

        It is `flush` that makes them last.

        Raises:
            OSError: ``ENOENT`` if one above is there, and yet nothing can be made in it.
        """
        missing, tries = [folder], _TRIES
        while missing:
            try:
                os.mkdir(missing[-1])
            except FileNotFoundError:
                # In a link to nothing that never ends, nor in /proc.
                if not tries:
                    raise
                missing.append(os.path.dirname(missing[-1]))
            except FileExistsError:
                missing.pop()
                tries -= 1
            else:
                made = missing.pop()
                # The new folder may have the number of one that was removed.
                self._made += 1
                self._lasting.clear()
                self._root_lasts = self._root_lasts and len(made) > len(self._root)

    def flush(self, descriptor: int, folder: str) -> None:
        """Flush a folder's entries and, once, the entries of all folders that lead to it.

        Another process may have made any of them and not have flushed the one above it yet; so each
        process does it before it first says that something in the folder is safe. It does so again
        for another folder under the same path, unless that has the number of the first one: then it
        trusts the file system to flush a new folder with its name, as ext4, xfs and btrfs do.

        Args:
            descriptor: The open folder.
            folder: Its absolute path.

        Raises:
            NotFlushed: The system could not.
        """
        if not self._fsync:
            return
        try:
            os.fsync(descriptor)
            found = os.fstat(descriptor)
            # By its path, too: another folder may have the number of one that was removed.
            identity = folder, found.st_dev, found.st_ino
            if identity in self._lasting:
                return
            made = self._made
            for above in self._above(folder):
                _flush(above)
            if not self._root_lasts:
                self._flush_above_root()
        except FileNotFoundError:
            # The folder, with all in it, was moved or removed since, and nothing is left to last.
            return
        except OSError as error:
            raise NotFlushed(error) from error
        if len(self._lasting) >= _MOST_LASTING:
            self._lasting.clear()
        if made == self._made:
            self._lasting.add(identity)
            self._root_lasts = True

    def _above(self, folder: str) -> Iterator[str]:
        """The folders that lead to one, as far as the one that the root lies in."""
        last = os.path.dirname(self._root)
        while folder != last:
            folder = os.path.dirname(folder)
            yield folder

    def _flush_above_root(self) -> None:
        """Flush the folders that lead to the one that the root lies in, on its file system.

        The root may be a link to a folder that lies elsewhere.
        """
        folder = os.path.realpath(self._root)
        device = os.stat(folder).st_dev
        while (above := os.path.dirname(folder)) != folder:
            folder = above
            try:
                descriptor = os.open(folder, _OPEN)
            except PermissionError:
                # Whoever may not open it made nothing in it.
                return
            try:
                if os.fstat(descriptor).st_dev != device:
                    return
                if folder != os.path.dirname(self._root):
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def prune(self, folder: str) -> None:
        """Remove the empty folders below a folder, and itself; but the root stays.

        Args:
            folder: Its absolute path.

        Raises:
            OSError: One is empty, but cannot be removed.
        """
        # What is made next may have the number of one that goes.
        self._made += 1
        self._lasting.clear()
        for below, _, _ in os.walk(folder, topdown=False):
            if below != self._root:
                try:
                    os.rmdir(below)
                except OSError as error:
                    if error.errno not in _IN_USE:
                        raise


def _flush(folder: str) -> None:
    try:
        descriptor = os.open(folder, _OPEN)
    except PermissionError:
        # A folder may be passed through without being readable, but only what can be opened can
        # be flushed by itself.
        os.sync()
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
