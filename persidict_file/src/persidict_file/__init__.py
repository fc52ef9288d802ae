"""Dictionaries and objects in a folder of files, safe between processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persidict_core.lazy import lazy_names

if TYPE_CHECKING:
    from .backend import FileBackend as FileBackend
    from .file_dir_dict import FileDirDict as FileDirDict

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {"backend": "FileBackend", "file_dir_dict": "FileDirDict"}
)
