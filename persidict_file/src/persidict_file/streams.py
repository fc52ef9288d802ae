"""Files that are handed out: real ones, whose faults name the object."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any, Final, Literal

from persidict_core import ANY, Expect, Marker

from .atomic import Temporary, in_turn
from .folders import Folders
from .locks import close

_COPIED: Final = 1 << 20


class Stream(io.FileIO):
    """An open descriptor as a raw file; what the system refuses is told as the store's error.

    Args:
        descriptor: It stays the caller's to close.
        mode: ``"rb"`` or ``"wb"``.
        explain: Makes the error to raise of the system's.
    """

    def __init__(self, descriptor: int, mode: str, explain: Callable[[OSError], Exception]) -> None:
        super().__init__(descriptor, mode, closefd=False)
        self._explain = explain
        self._process = os.getpid()

    def write(self, data: Any) -> int:
        try:
            check_process(self._process)
            return super().write(data)
        except OSError as error:
            raise self._explain(error) from error

    def truncate(self, size: int | None = None) -> int:
        try:
            check_process(self._process)
            return super().truncate(size)
        except OSError as error:
            raise self._explain(error) from error

    def readinto(self, buffer: Any) -> int:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise self._explain(error) from error

    def readall(self) -> bytes:
        try:
            return super().readall()
        except OSError as error:
            raise self._explain(error) from error


def check_process(number: int) -> None:
    """Refuse to write what another process began: here its descriptor may be another file's.

    Raises:
        OSError: This is another process.
    """
    if os.getpid() != number:
        raise OSError("a write is finished by the process that began it, not by a forked one")


class Draft:
    """A temporary file, with its folder kept open, that is written bit by bit.

    What is done between its beginning and its end may fork: the process that began it ends it.

    Args:
        folders: The folders of the store.
        folder: The absolute path of the folder; it is made if it is missing.
    """

    def __init__(self, folders: Folders, folder: str) -> None:
        self._folders = folders
        self._path = folder
        self._process = os.getpid()
        self._folder, self._temporary = folders.insist(folder, self._begin)

    def _begin(self) -> tuple[int, Temporary]:
        folder = self._folders.open(self._path)
        try:
            return folder, Temporary(folder)
        except BaseException:
            close(folder)
            raise

    @property
    def descriptor(self) -> int:
        """The open file; it changes if the file must be begun anew."""
        return self._temporary.descriptor

    def commit(
        self, name: str, path: str, expect: Expect | Literal[Marker.ANY], fsync: bool
    ) -> None:
        """Give the file its name, if what is there is as expected; see ``atomic.replace``."""
        check_process(self._process)
        self._folders.insist(self._path, lambda: self._commit(name, path, expect, fsync))

    def _commit(
        self, name: str, path: str, expect: Expect | Literal[Marker.ANY], fsync: bool
    ) -> None:
        def place() -> None:
            if fsync:
                os.fsync(self.descriptor)
            self._temporary.place(name, path, expect)

        try:
            if expect is ANY:
                place()
            else:
                in_turn(self._folder, name, path, expect, place)
        except FileNotFoundError:
            self._begin_anew()
            raise
        self._folders.flush(self._folder, self._path)

    def _begin_anew(self) -> None:
        """Copy what was written into a file in the folder as it is now."""
        folder, temporary = self._folders.insist(self._path, self._begin)
        try:
            position = 0
            while chunk := os.pread(self.descriptor, _COPIED, position):
                temporary.write(chunk)
                position += len(chunk)
        finally:
            self.close()
            self._folder, self._temporary = folder, temporary

    def close(self) -> None:
        """Remove the file, unless it was given its name, and close the folder."""
        if os.getpid() != self._process:
            return
        try:
            self._temporary.close()
        finally:
            close(self._folder)
