"""A part of a store as a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal, TypeVar

from ..backend import (
    ANY,
    UNCHANGED,
    Backend,
    BaseBackend,
    Debris,
    Expect,
    Marker,
    ObjectStat,
)
from ..errors import ObjectNotFound, PreconditionFailed
from ..paths import check_path, check_prefix
from .base import Layer
from .many import handed_on

R = TypeVar("R")


class PrefixBackend(Layer):
    """What stands under a prefix of the wrapped backend, by the rest of its path.

    ``ObjectNotFound`` and ``PreconditionFailed`` tell the path that was given, every other error
    the whole one.

    Args:
        wrapped: The backend below.
        prefix: Ends in ``/``.

    Raises:
        ValueError: If it is no prefix, or leaves no room for a path.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> store = MemoryBackend()
        >>> part = PrefixBackend(store, "users/alex/")
        >>> etag = part.write_bytes("a", b"hello")
        >>> list(part.list_prefix()), list(store.list_prefix())
        (['a'], ['users/alex/a'])
    """

    def __init__(self, wrapped: Backend, prefix: str) -> None:
        super().__init__(wrapped)
        self.prefix = check_prefix(prefix)
        if self.max_path_bytes is not None:
            self.max_path_bytes -= len(prefix)
            if self.max_path_bytes < 1:
                raise ValueError(f"the prefix {prefix!r} leaves no room for a path")

    def read_bytes(self, path: str) -> bytes:
        with self._telling(path):
            return self.wrapped.read_bytes(self._whole(path))

    def write_bytes(self, path: str, data: bytes) -> str:
        return self.wrapped.write_bytes(self._whole(path), data)

    def delete(self, path: str) -> None:
        with self._telling(path):
            self.wrapped.delete(self._whole(path))

    def stat(self, path: str) -> ObjectStat:
        with self._telling(path):
            return self.wrapped.stat(self._whole(path))._replace(path=path)

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        found = self.wrapped.list_prefix(self.prefix + check_prefix(prefix))
        return (path[len(self.prefix) :] for path in found)

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        with self._telling(path):
            return self.wrapped.write_if(self._whole(path), data, expect)

    def delete_if(self, path: str, expect: str) -> None:
        with self._telling(path):
            self.wrapped.delete_if(self._whole(path), expect)

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        with self._telling(path):
            found = self.wrapped.read_versioned(self._whole(path), unless)
        return UNCHANGED if found is UNCHANGED else (found[0], found[1]._replace(path=path))

    def exists(self, path: str) -> bool:
        return self.wrapped.exists(self._whole(path))

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        found = self.wrapped.list_stats(self.prefix + check_prefix(prefix))
        return (stat._replace(path=stat.path[len(self.prefix) :]) for stat in found)

    def list_children(self, prefix: str = "") -> Iterator[str]:
        return self.wrapped.list_children(self.prefix + check_prefix(prefix))

    def list_some(self, prefix: str = "", count: int = 1) -> list[str]:
        found = self.wrapped.list_some(self.prefix + check_prefix(prefix), count)
        return [path[len(self.prefix) :] for path in found]

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | Exception]]:
        for path, result in handed_on(paths, self._whole, self.wrapped.read_many):
            yield path, self._told(path, result)

    def write_many(
        self, items: Iterable[tuple[str, bytes]], expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[tuple[str, str | Exception]]:
        for (path, _), result in handed_on(
            items,
            lambda item: (self._whole(item[0]), item[1]),
            lambda whole: self.wrapped.write_many(whole, expect),
        ):
            yield path, self._told(path, result)

    def delete_many(self, paths: Iterable[str]) -> Iterator[tuple[str, Exception | None]]:
        for path, result in handed_on(paths, self._whole, self.wrapped.delete_many):
            yield path, self._told(path, result)

    def copy_many(
        self, source: BaseBackend, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[str, str | Exception]]:
        for (_, path), result in handed_on(
            pairs,
            lambda pair: (pair[0], self._whole(pair[1])),
            lambda whole: self.wrapped.copy_many(source, whole),
        ):
            yield path, result

    @contextmanager
    def read_file(self, path: str) -> Iterator[BinaryIO]:
        with self._telling(path), self.wrapped.read_file(self._whole(path)) as file:
            yield file

    @contextmanager
    def write_file(
        self, path: str, expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[BinaryIO]:
        with self._telling(path), self.wrapped.write_file(self._whole(path), expect) as file:
            yield file

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        whole = self.prefix + check_prefix(prefix)
        found = self.wrapped.sweep(remove, prefix=whole, older_than=older_than)
        return (each._replace(name=each.name.removeprefix(self.prefix)) for each in found)

    def prune(self, prefix: str = "") -> None:
        self.wrapped.prune(self.prefix + check_prefix(prefix))

    def _whole(self, path: str) -> str:
        return self.prefix + check_path(path)

    @contextmanager
    def _telling(self, path: str) -> Iterator[None]:
        try:
            yield
        except (ObjectNotFound, PreconditionFailed) as error:
            if error.path != self.prefix + path:
                raise  # The caller's own, in the midst of a file.
            raise self._told(path, error) from error

    def _told(self, path: str, result: R | Exception) -> R | Exception:
        """A result, with the path that was given where it tells one."""
        if isinstance(result, ObjectNotFound):
            return ObjectNotFound(path)
        if isinstance(result, PreconditionFailed):
            current = result.current
            if isinstance(current, ObjectStat):
                current = current._replace(path=path)
            return PreconditionFailed(path, result.expect, current)
        return result
