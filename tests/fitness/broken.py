"""Stores that break one promise each; at the top of a module, so that other processes open them."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from persidict_core import (
    ABSENT,
    ANY,
    BackendError,
    Expect,
    MemoryBackend,
    NotSupported,
    ObjectNotFound,
    ObjectStat,
    PreconditionFailed,
)
from persidict_core.backend import Marker
from persidict_core.layers import Layer
from persidict_file import FileBackend

R = TypeVar("R")


def _kept_as(backend: MemoryBackend, path: str, **changes: Any) -> str:
    data, stat = backend._store.objects[path]
    stat = stat._replace(**changes)
    backend._store.objects[path] = data, stat
    return stat.etag


class TearsWrites(MemoryBackend):
    """A write shows in two steps: half of the bytes first."""

    def write_bytes(self, path: str, data: bytes) -> str:
        super().write_bytes(path, data[: len(data) // 2])
        return super().write_bytes(path, data)


class LeavesGaps(MemoryBackend):
    """Deletes before it writes."""

    def write_bytes(self, path: str, data: bytes) -> str:
        if self.exists(path):
            self.delete(path)
        return super().write_bytes(path, data)


class ListsLate(MemoryBackend):
    """An object is listed some time after it was written."""

    late = 0.03

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        now = time.time()
        for path in super().list_prefix(prefix):
            try:
                if now - self.stat(path).modified >= self.late:
                    yield path
            except ObjectNotFound:
                continue


class ReadsOld(MemoryBackend):
    """A read gives what a read gave before, for some time."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._seen: dict[str, tuple[float, bytes]] = {}

    def read_bytes(self, path: str) -> bytes:
        read, data = self._seen.get(path, (0.0, b""))
        if time.time() - read > 0.05:
            data = super().read_bytes(path)
            self._seen[path] = time.time(), data
        return data


class ChecksThenActs(MemoryBackend):
    """Conditions look first and act later."""

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        self._look(path, expect)
        return self.write_bytes(path, data)

    def delete_if(self, path: str, expect: str) -> None:
        self._look(path, expect)
        try:
            self.delete(path)
        except ObjectNotFound:
            raise PreconditionFailed(path, expect, ABSENT) from None

    def _look(self, path: str, expect: Expect) -> None:
        try:
            current: ObjectStat | Literal[Marker.ABSENT] = self.stat(path)
        except ObjectNotFound:
            current = ABSENT
        if (current.etag if isinstance(current, ObjectStat) else current) != expect:
            raise PreconditionFailed(path, expect, current)


class Pretends(MemoryBackend):
    """Claims nothing, and does as if."""

    @property
    def capabilities(self) -> Any:
        return type(super().capabilities)(etags=super().capabilities.etags)


_one_at_a_time = threading.Lock()


class ForThreadsOnly(FileBackend):
    """Conditions are kept among the threads of a process, and claimed among processes."""

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        with _one_at_a_time:
            self._look(path, expect)
            return self.write_bytes(path, data)

    def delete_if(self, path: str, expect: str) -> None:
        with _one_at_a_time:
            self._look(path, expect)
            try:
                self.delete(path)
            except ObjectNotFound:
                raise PreconditionFailed(path, expect, ABSENT) from None

    @contextmanager
    def write_file(self, path: str, expect: Any = ANY) -> Iterator[Any]:
        with super().write_file(path) as file:
            yield file
            if expect is not ANY:
                self._look(path, expect)

    def _look(self, path: str, expect: Expect) -> None:
        try:
            current: Any = self.stat(path)
        except ObjectNotFound:
            current = ABSENT
        if getattr(current, "etag", current) != expect:
            raise PreconditionFailed(path, expect, current)


class RepeatsEtags(MemoryBackend):
    """The etag is the size."""

    def _put(self, path: str, data: bytes) -> str:
        super()._put(path, data)
        return _kept_as(self, path, etag=str(len(data)))


class DropsEmpty(MemoryBackend):
    """An object of no bytes is none."""

    def write_bytes(self, path: str, data: bytes) -> str:
        etag = super().write_bytes(path, data)
        if not data:
            super().delete(path)
        return etag


class CutsLarge(MemoryBackend):
    """Keeps the first 5 MB."""

    def write_bytes(self, path: str, data: bytes) -> str:
        return super().write_bytes(path, data[:5_000_000])


class FoldsCase(MemoryBackend):
    """A disk that keeps the case of names, and takes ``A`` for ``a``."""

    def __init__(self, name: str | None = None, digest_len: int = 0) -> None:
        super().__init__(name)
        self.digest_len = digest_len

    def _get(self, path: str) -> tuple[bytes, ObjectStat]:
        return super()._get(self._as_kept(path))

    def _put(self, path: str, data: bytes) -> str:
        return super()._put(self._as_kept(path), data)

    def _as_kept(self, path: str) -> str:
        kept = {each.lower(): each for each in self._store.objects}
        return kept.get(path.lower(), path)


class RefusesNames(MemoryBackend):
    """Some names mean something to it."""

    def write_bytes(self, path: str, data: bytes) -> str:
        if "=" in path or path.startswith("~"):
            raise BackendError("bad name", repr(self), "write_bytes", path)
        return super().write_bytes(path, data)


class OnePage(MemoryBackend):
    """Lists a thousand and stops."""

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        return (path for path, _ in zip(super().list_prefix(prefix), range(1000), strict=False))


class OtherTimeZone(MemoryBackend):
    """Its clock is an hour ahead."""

    def _put(self, path: str, data: bytes) -> str:
        super()._put(path, data)
        return _kept_as(self, path, modified=time.time() + 3600)


class KeepsDeleted(MemoryBackend):
    """A deletion is answered, and forgotten."""

    def delete(self, path: str) -> None:
        self.stat(path)


class RefusesDeletions(MemoryBackend):
    """Who may write may not delete."""

    def delete(self, path: str) -> None:
        raise BackendError("access denied", repr(self), "delete", path)


class RefusesWrites(MemoryBackend):
    """Who may read may not write."""

    def write_bytes(self, path: str, data: bytes) -> str:
        raise BackendError("no permission", repr(self), "write_bytes", path)


class FailsAtRandom(Layer):
    """One request in a hundred fails, but none of the first."""

    share = 0.01
    chance = random.Random(2)

    def read_bytes(self, path: str) -> bytes:
        return self._perhaps("read_bytes", path, super().read_bytes)

    def write_bytes(self, path: str, data: bytes) -> str:
        return self._perhaps("write_bytes", path, lambda path: self.wrapped.write_bytes(path, data))

    def stat(self, path: str) -> ObjectStat:
        return self._perhaps("stat", path, super().stat)

    def _perhaps(self, verb: str, path: str, act: Callable[[str], R]) -> R:
        if self.chance.random() < self.share:
            raise BackendError("the connection was reset", repr(self), verb, path)
        return act(path)


class OwnStoreEach(FileBackend):
    """Each process has a folder of its own, as a container has."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        super().__init__(os.path.join(root, str(os.getpid())), fsync=False)

    def get_params(self) -> dict[str, Any]:
        return {"root": os.path.dirname(self.root)}

    def __reduce__(self) -> Any:
        return OwnStoreEach, (os.path.dirname(self.root),)


class Unportable(FileBackend):
    """Holds what no pickle takes."""

    def __reduce__(self) -> Any:
        raise NotSupported("a live session has no pickle")
