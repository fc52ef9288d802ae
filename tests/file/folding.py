"""Folders in which ``A`` and ``a`` are one name, as those of macOS, Windows and FAT are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_CALLS = ("open", "stat", "lstat", "link", "mkdir", "rename", "replace", "rmdir", "unlink", "utime")
_FOLDERS = ("dir_fd", "src_dir_fd", "dst_dir_fd")


@contextmanager
def case_folding(root: Path) -> Iterator[None]:
    """Let the system's calls of this process find names below a folder in either case.

    A name that is made keeps its case; what is there already keeps the one that it has.

    Args:
        root: The folder, which is there.
    """
    with pytest.MonkeyPatch.context() as patch:
        listed = os.listdir
        for name in _CALLS:
            patch.setattr(os, name, _instead_of(getattr(os, name), _Found(str(root), listed)))
        yield


class _Found:
    """Names as they are in their folders.

    Args:
        root: Below which folder.
        listed: What gives the names in a folder.
    """

    def __init__(self, root: str, listed: Callable[[Any], list[str]]) -> None:
        self._root = root
        self._listed = listed

    def name(self, name: str, folder: int | str) -> str:
        """The name that is in a folder; the same, where there is none."""
        try:
            there = self._listed(folder)
        except OSError:
            return name
        return next((each for each in there if each.lower() == name.lower()), name)

    def place(self, path: str) -> str:
        """The absolute path that leads there."""
        if not path.startswith(self._root + "/"):
            return path
        found = self._root
        for part in path[len(self._root) + 1 :].split("/"):
            found += "/" + (self.name(part, found) if part else "")
        return found


def _instead_of(call: Callable[..., Any], found: _Found) -> Callable[..., Any]:
    def folded(*arguments: Any, **named: Any) -> Any:
        folders = [named[each] for each in _FOLDERS if named.get(each) is not None]
        paths = []
        for number, path in enumerate(arguments):
            path = os.fspath(path) if isinstance(path, os.PathLike) else path
            if isinstance(path, str) and os.path.isabs(path):
                path = found.place(path)
            elif isinstance(path, str) and folders:
                path = found.name(path, folders[min(number, len(folders) - 1)])
            paths.append(path)
        return call(*paths, **named)

    return folded
