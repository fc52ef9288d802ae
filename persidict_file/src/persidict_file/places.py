"""Where an object's file is: a relative path, checked once and remembered."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from persidict_core.paths import check_path, is_part

_MOST_PLACES: Final = 8192
_MOST_FOLDERS: Final = 8192
_LONGEST_KEPT: Final = 250


def check_root(root: object) -> str:
    """The absolute path of a folder that a user names.

    Raises:
        TypeError: It is no str or path object.
        ValueError: No folder can have the name.
    """
    if not isinstance(root, str | os.PathLike):
        raise TypeError(f"the folder is a str or a path object, not {type(root).__name__}")
    text = os.fspath(root)
    if not isinstance(text, str):
        raise TypeError("the folder is a str or a path object of str, not of bytes")
    if not text:
        raise ValueError("an empty string is no folder's name; the current folder is '.'")
    if "\0" in text:
        raise ValueError(f"no folder has a NUL in its name: {text!r}")
    return os.path.abspath(text)


class Places(dict[str, str]):
    """Relative path to absolute path; looking one up that was never seen checks it.

    Each folder on the way, below the root, must be a real one, not a symbolic link. What was seen
    to be so is remembered, for a bounded number of paths and folders.

    Args:
        root: The absolute path of the root, which may itself be a link.
        max_name_bytes: The longest part of a path.
        max_path_bytes: The longest path.
    """

    def __init__(self, root: str, max_name_bytes: int, max_path_bytes: int) -> None:
        super().__init__()
        self.base = root if root.endswith("/") else root + "/"
        self._max_name = max_name_bytes
        self._max_path = max_path_bytes
        self._real: set[str] = set()

    def __missing__(self, path: str) -> str:
        folder, _, name = path.rpartition("/") if isinstance(path, str) else ("", "", "")
        # What is known of a folder was checked when it was first seen.
        if not (folder in self._real and is_part(name) and len(path) <= _LONGEST_KEPT):
            check_path(path)
            if len(path) > self._max_name:
                self._check_length(path)
            if not self.is_real(folder) or len(path) > _LONGEST_KEPT:
                return self.base + path
        if len(self) >= _MOST_PLACES:
            self.clear()
        self[path] = place = self.base + path
        return place

    def _check_length(self, path: str) -> None:
        if len(path) > self._max_path:
            raise ValueError(
                f"{path[:40]!r}... is a path of {len(path)} bytes; the limit here is "
                f"{self._max_path}"
            )
        longest = max(path.split("/"), key=len)
        if len(longest) > self._max_name:
            raise ValueError(
                f"{longest[:40]!r}... is a name of {len(longest)} bytes; the limit here is "
                f"{self._max_name}"
            )

    def is_real(self, folder: str) -> bool:
        """Whether a folder below the root is there, and a real one like all those above it.

        Args:
            folder: Its relative path, without ``/`` at its end; empty for the root.

        Raises:
            OSError: ``ELOOP`` where it, or one above it, is a symbolic link.
        """
        if not folder or folder in self._real:
            return True
        end = 0
        while end < len(folder):
            end = folder.find("/", end + 1)
            if end < 0:
                end = len(folder)
            each = folder[:end]
            if each not in self._real:
                if not self._is_folder(self.base + each):
                    return False
                if len(self._real) >= _MOST_FOLDERS:
                    self._real.clear()
                self._real.add(each)
        return True

    @staticmethod
    def _is_folder(place: str) -> bool:
        try:
            mode = os.lstat(place).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        if stat.S_ISLNK(mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), place)
        return stat.S_ISDIR(mode)
