"""Dictionaries and objects in a folder of files, safe between processes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .backend import FileBackend as FileBackend
    from .file_dir_dict import FileDirDict as FileDirDict

_MODULE_OF = {"FileBackend": "backend", "FileDirDict": "file_dir_dict"}

__all__ = ["FileBackend", "FileDirDict"]


def __getattr__(name: str) -> object:
    try:
        module = _MODULE_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
