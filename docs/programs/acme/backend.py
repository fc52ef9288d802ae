"""Bytes under paths, in Acme."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import persidict_core as core


class AcmeBackend(core.BaseBackend):
    """Objects in Acme.

    Args:
        address: Where: what stands after ``acme://`` in a URL.
    """

    scheme = "acme"
    max_path_bytes = 255

    def __init__(self, address: str) -> None:
        # Each parameter is kept under its own name; what it leads to is opened on first use.
        self.address = address

    def read_bytes(self, path: str) -> bytes:
        with self._blaming("read_bytes", path), open(self._file(path), "rb") as file:
            return file.read()

    def write_bytes(self, path: str, data: bytes) -> str:
        target, aside = self._file(path), os.path.join(self.address, f"#{uuid4().hex}")
        with self._blaming("write_bytes", path):
            os.makedirs(self.address, exist_ok=True)
            with open(aside, "wb") as file:
                file.write(data)
            os.replace(aside, target)
        return "none"

    def delete(self, path: str) -> None:
        with self._blaming("delete", path):
            os.remove(self._file(path))

    def stat(self, path: str) -> core.ObjectStat:
        with self._blaming("stat", path):
            found = os.stat(self._file(path))
        return core.ObjectStat(path, found.st_size, found.st_mtime, "none")

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        core.check_prefix(prefix)
        with self._blaming("list_prefix", prefix):
            there = os.listdir(self.address) if os.path.isdir(self.address) else []
        paths = [name.replace(",", "/") for name in there if name[0] != "#"]
        return (path for path in paths if path.startswith(prefix))

    def _file(self, path: str) -> str:
        # No path holds a comma: all files lie in one folder, and no name is also a folder's.
        return os.path.join(self.address, core.check_path(path).replace("/", ","))

    @contextmanager
    def _blaming(self, operation: str, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise core.ObjectNotFound(path) from error
        except OSError as error:
            raise core.BackendError(str(error), repr(self), operation, path) from error
