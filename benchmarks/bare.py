"""The yardstick: the same work in as few calls of the operating system as it takes."""

from __future__ import annotations

import heapq
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workload import Key

SUFFIX = ".pkl"


class Bare:
    """One uncompressed pickle a file, one folder for each first part of a key.

    Args:
        root: The folder; it is made.
        flush: Whether each write waits until it is on the disk.
    """

    def __init__(self, root: Path, flush: bool = False) -> None:
        self.root = str(root)
        self.flush = flush

    def path(self, key: Key) -> str:
        return f"{self.root}/{'/'.join(key)}{SUFFIX}"

    def paths(self, keys: list[Key]) -> list[str]:
        """The paths of keys; their folders are made."""
        for folder in {key[0] for key in keys}:
            os.makedirs(f"{self.root}/{folder}", exist_ok=True)
        return [self.path(key) for key in keys]

    def get(self, path: str) -> Any:
        with open(path, "rb", buffering=0) as file:
            return pickle.loads(file.read())

    def has(self, path: str) -> bool:
        return os.path.exists(path)

    def set(self, path: str, value: object) -> None:
        data = pickle.dumps(value, 5)
        temporary = f"{path}.tmp"
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            os.write(descriptor, data)
            if self.flush:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
        if self.flush:
            folder = os.open(os.path.dirname(path), os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def entries(self) -> Iterator[os.DirEntry[str]]:
        folders = [self.root]
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.name.endswith(SUFFIX):
                        yield entry

    def key_of(self, path: str) -> tuple[str, ...]:
        return tuple(path[len(self.root) + 1 : -len(SUFFIX)].split("/"))

    def keys(self) -> list[tuple[str, ...]]:
        return [self.key_of(entry.path) for entry in self.entries()]

    def newest(self, count: int) -> list[tuple[str, ...]]:
        times = ((entry.stat().st_mtime_ns, entry.path) for entry in self.entries())
        return [self.key_of(path) for _, path in heapq.nlargest(count, times)]

    def items(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        for entry in self.entries():
            yield self.key_of(entry.path), self.get(entry.path)
