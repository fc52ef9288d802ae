"""Every layer, and a stack of them all, passes the kits, over memory and over files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from persidict_core import (
    ANY,
    BaseBackend,
    Expect,
    Marker,
    MemoryBackend,
    ObjectStat,
    PersiDict,
    PreconditionFailed,
    Scope,
)
from persidict_core.layers import (
    CachedBackend,
    CompressedBackend,
    CountingBackend,
    FailingBackend,
    HashedNames,
    LatencyBackend,
    Layer,
    PrefixBackend,
    ReadOnlyBackend,
    SignedBackend,
)
from persidict_core.testing import BackendTests, PersiDictTests
from persidict_core.testing.pace import paced

MakeStore = Callable[[str], BaseBackend]


class IdleBackend(Layer):
    """Overrides nothing."""


class ReadsThrough(Layer):
    """Writes into a store, and reads it through another backend of it."""

    def __init__(self, wrapped: BaseBackend, reader: BaseBackend) -> None:
        super().__init__(wrapped)
        self.reader = reader

    def read_bytes(self, path: str) -> bytes:
        return self.reader.read_bytes(path)

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        return self.reader.read_versioned(path, unless)

    def stat(self, path: str) -> ObjectStat:
        return self.reader.stat(path)

    def exists(self, path: str) -> bool:
        return self.reader.exists(path)

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        return self.reader.list_prefix(prefix)

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        return self.reader.list_stats(prefix)

    def list_children(self, prefix: str = "") -> Iterator[str]:
        return self.reader.list_children(prefix)

    def list_some(self, prefix: str = "", count: int = 1) -> list[str]:
        return self.reader.list_some(prefix, count)

    def read_many(self, paths: Any) -> Iterator[tuple[str, bytes | Exception]]:
        return self.reader.read_many(paths)

    def read_file(self, path: str) -> Any:
        return self.reader.read_file(path)


class TrueSizes(Layer):
    """Tells the size of what is read, which a layer that compresses cannot tell without reading."""

    def stat(self, path: str) -> ObjectStat:
        found = self.wrapped.read_versioned(path)
        assert not isinstance(found, Marker)
        return found[1]._replace(size=len(found[0]))

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        found = self.wrapped.read_versioned(path, unless)
        if isinstance(found, Marker):
            return found
        return found[0], found[1]._replace(size=len(found[0]))

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        with self._without_size():
            return self.wrapped.write_if(path, data, expect)

    def delete_if(self, path: str, expect: str) -> None:
        with self._without_size():
            self.wrapped.delete_if(path, expect)

    def write_many(self, items: Any, expect: Any = ANY) -> Iterator[tuple[str, str | Exception]]:
        return self.wrapped.write_many(items, expect)

    @contextmanager
    def _without_size(self) -> Iterator[None]:
        try:
            yield
        except PreconditionFailed as error:
            current = None if isinstance(error.current, ObjectStat) else error.current
            raise PreconditionFailed(error.path, error.expect, current) from error


def key() -> bytes:
    """A secret that pickles, for the processes that race."""
    return b"a key of 16 bytes or more"


def cached(make: MakeStore, **params: Any) -> BaseBackend:
    return CachedBackend(make("remote"), make("cache"), HashedNames("kit"), **params)


def stack(make: MakeStore) -> BaseBackend:
    """All layers, each at work on what the one below gives."""
    below = PrefixBackend(CountingBackend(make("remote")), "a/part/")
    small = SignedBackend(CompressedBackend(LatencyBackend(below, 0.00001)), key)
    near = CachedBackend(small, make("cache"), HashedNames("kit"), max_bytes=1 << 20)
    whole = IdleBackend(FailingBackend(TrueSizes(near), {}))
    return ReadsThrough(whole, ReadOnlyBackend(whole))


LAYERS: dict[str, Callable[[MakeStore], BaseBackend]] = {
    "idle": lambda make: IdleBackend(make("store")),
    "read-only": lambda make: ReadsThrough(
        backend := make("store"), reader=ReadOnlyBackend(backend)
    ),
    "lz4": lambda make: TrueSizes(CompressedBackend(make("store"))),
    "zlib": lambda make: TrueSizes(CompressedBackend(make("store"), "zlib")),
    "signed": lambda make: TrueSizes(SignedBackend(make("store"), key)),
    "prefix": lambda make: PrefixBackend(make("store"), "a/part/"),
    "counting": lambda make: CountingBackend(make("store")),
    "failing": lambda make: FailingBackend(make("store"), {}),
    "latency": lambda make: LatencyBackend(make("store"), 0.00001),
    "cached": cached,
    "cached, little room": lambda make: cached(make, max_bytes=100_000),
    "a stack of all": stack,
}


@pytest.fixture(params=LAYERS)
def layered(request: pytest.FixtureRequest) -> Callable[[MakeStore], BaseBackend]:
    return LAYERS[request.param]


class Layered(BackendTests):
    """The races are short: that the stores keep their conditions is tried elsewhere at length."""

    __test__ = False
    rounds = 20
    creators = 8
    workers = 4
    increments = 20
    many = 300

    @pytest.fixture(autouse=True)
    def short(self) -> Iterator[None]:
        with paced(0.3):
            yield


class TestOverMemory(Layered):
    __test__ = True
    scope = Scope.THREADS

    @pytest.fixture
    def backend(self, layered: Callable[[MakeStore], BaseBackend]) -> BaseBackend:
        return layered(lambda name: MemoryBackend())


class TestDictionaryOverLayers(PersiDictTests):
    scope = Scope.THREADS
    rounds = 20
    creators = 8
    workers = 4
    increments = 20
    examples = 5

    @pytest.fixture(params=["prefix", "cached", "a stack of all"])
    def make_dict(self, request: pytest.FixtureRequest) -> Callable[..., PersiDict[Any]]:
        layered = LAYERS[request.param]
        return lambda **params: PersiDict(layered(lambda name: MemoryBackend()), **params)


if importlib.util.find_spec("persidict_file"):
    from persidict_file import FileBackend

    class TestOverFiles(Layered):
        __test__ = True

        @pytest.fixture
        def backend(
            self, layered: Callable[[MakeStore], BaseBackend], tmp_path: Path
        ) -> BaseBackend:
            return layered(lambda name: FileBackend(tmp_path / name, fsync=False))
