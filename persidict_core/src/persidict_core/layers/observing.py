"""The base of layers that only look on: counting, delaying, failing, logging."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal

from ..backend import ANY, Debris, Expect, Marker, ObjectStat
from .base import Layer


class ObservingLayer(Layer):
    """Calls `before` ahead of each call of the wrapped backend, and changes nothing.

    The verbs on many are derived: each item is one call, observed by itself, as many at once as the
    wrapped backend's ``concurrency`` says. So what is counted is what is asked of it; what it would
    do better on many together (a common flush, one request for all) is not used.

    Args:
        wrapped: The backend below.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> class Printing(ObservingLayer):
        ...     def before(self, verb, path):
        ...         print(verb, path)
        >>> store = Printing(MemoryBackend())
        >>> results = list(store.write_many([("a", b"1"), ("b", b"2")]))
        write_bytes a
        write_bytes b
    """

    @abstractmethod
    def before(self, verb: str, path: str) -> None:
        """Look at a call that is about to be made; an exception prevents it.

        Many threads may call this at once.

        Args:
            verb: The wrapped backend's verb, such as ``"read_bytes"``.
            path: Its path or prefix; not checked yet.
        """

    def read_bytes(self, path: str) -> bytes:
        self.before("read_bytes", path)
        return self.wrapped.read_bytes(path)

    def write_bytes(self, path: str, data: bytes) -> str:
        self.before("write_bytes", path)
        return self.wrapped.write_bytes(path, data)

    def delete(self, path: str) -> None:
        self.before("delete", path)
        self.wrapped.delete(path)

    def stat(self, path: str) -> ObjectStat:
        self.before("stat", path)
        return self.wrapped.stat(path)

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        self.before("list_prefix", prefix)
        return self.wrapped.list_prefix(prefix)

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        self.before("write_if", path)
        return self.wrapped.write_if(path, data, expect)

    def delete_if(self, path: str, expect: str) -> None:
        self.before("delete_if", path)
        self.wrapped.delete_if(path, expect)

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        self.before("read_versioned", path)
        return self.wrapped.read_versioned(path, unless)

    def exists(self, path: str) -> bool:
        self.before("exists", path)
        return self.wrapped.exists(path)

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        self.before("list_stats", prefix)
        return self.wrapped.list_stats(prefix)

    def list_children(self, prefix: str = "") -> Iterator[str]:
        self.before("list_children", prefix)
        return self.wrapped.list_children(prefix)

    def list_some(self, prefix: str = "", count: int = 1) -> list[str]:
        self.before("list_some", prefix)
        return self.wrapped.list_some(prefix, count)

    @contextmanager
    def read_file(self, path: str) -> Iterator[BinaryIO]:
        self.before("read_file", path)
        with self.wrapped.read_file(path) as file:
            yield file

    @contextmanager
    def write_file(
        self, path: str, expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[BinaryIO]:
        self.before("write_file", path)
        with self.wrapped.write_file(path, expect) as file:
            yield file

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        self.before("sweep", prefix)
        return self.wrapped.sweep(remove, prefix=prefix, older_than=older_than)
