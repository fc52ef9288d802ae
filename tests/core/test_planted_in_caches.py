"""Whoever can write into a cache's folder is no more powerful than who writes the store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from persidict_core import (
    CachedBackend,
    HashedNames,
    MemoryBackend,
    PersiDict,
    SerializationError,
)
from persidict_core.layers.envelopes import MAGIC, Kept, seal, unseal
from persidict_file import FileBackend
from tests.core import hostile

EVIL = "hostile_module_that_was_planted"
VALUES: dict[str, list[Any]] = {
    "pkl": [[1], [1, 2]],
    "json": [[1], [1, 2]],
    "npy": [numpy.arange(1), numpy.arange(2)],
    "parquet": [pandas.DataFrame({"x": [1]}), pandas.DataFrame({"x": [1, 2]})],
}
"""Of each file type a value of length 1, and one of length 2."""
RUNNING: dict[str, Callable[[Path], dict[str, bytes]]] = {
    "pkl": hostile.pickles,
    "json": lambda flag: hostile.texts(flag, EVIL),
    "npy": hostile.arrays,
    "parquet": lambda flag: {},
}
ENOUGH = {"pkl": 9, "json": 12, "npy": 0, "parquet": 0}
"""How many of them do run where pickles are allowed, at least; arrays and tables never do."""


class Planting:
    """A dictionary with a cache, and somebody who writes into the cache.

    Args:
        cache: The cache.
        file_type: The dictionary's.
        allow_pickle: The dictionary's.
        immutable: Whether what is in the cache is read without asking the store.
    """

    def __init__(
        self, cache: FileBackend, file_type: str, allow_pickle: bool, immutable: bool
    ) -> None:
        store = MemoryBackend()
        self.path = f"a.{file_type}"
        writer: PersiDict[Any] = PersiDict(store, file_type=file_type)
        short, long = VALUES[file_type]
        writer["a"] = short
        self.harmless = store.read_bytes(self.path)
        writer["a"] = long
        self.stat = store.stat(self.path)
        self.cache = cache
        self.name = HashedNames(store.identity)(self.path)
        self.d: PersiDict[Any] = PersiDict(
            store,
            file_type=file_type,
            cache=cache,
            allow_pickle=allow_pickle,
            immutable_items=immutable,
        )

    def results(self, envelope: bytes) -> Iterator[Any]:
        """What each way of reading gives of an envelope that was planted before, or its error."""
        for read in (
            self.d.__getitem__,
            lambda key: self.d.get_with_etag(key)[0],
            lambda key: dict(self.d.get_many([key]))[key],
            lambda key: dict(self.d.items())[key],
        ):
            self.cache.write_bytes(self.name, envelope)
            try:
                yield read("a")
            except SerializationError as error:
                yield error

    def sealed(self, data: bytes) -> bytes:
        """An envelope as the cache itself makes them, of the version that the store has."""
        return seal(self.path, Kept(data, self.stat.etag, self.stat))


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that a gadget would make, and a module on the path that would make it."""
    flag = tmp_path / "ran"
    (tmp_path / f"{EVIL}.py").write_text(f"import os\nos.mkdir({str(flag)!r})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield flag
    sys.modules.pop(EVIL, None)


@pytest.fixture
def cache(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "cache", fsync=False)


@pytest.mark.parametrize("file_type", VALUES)
@pytest.mark.parametrize("immutable", [False, True], ids=["asked", "unasked"])
class TestPlanted:
    def test_a_planted_pickle_does_not_run(
        self, evil: Path, cache: FileBackend, file_type: str, immutable: bool
    ) -> None:
        planting = Planting(cache, file_type, allow_pickle=False, immutable=immutable)
        refused = 0
        for name, data in hostile.everything(evil, EVIL).items():
            for result in planting.results(planting.sealed(data)):
                # Some tables are good ones, but for what they say of themselves.
                assert isinstance(result, SerializationError | pandas.DataFrame), name
                refused += isinstance(result, SerializationError)
            assert not evil.exists() and EVIL not in sys.modules, name
        assert refused > 400

    def test_what_is_planted_is_what_is_read(
        self, evil: Path, cache: FileBackend, file_type: str, immutable: bool
    ) -> None:
        """Where pickles are allowed it runs: so the planted bytes were refused above."""
        planting = Planting(cache, file_type, allow_pickle=True, immutable=immutable)
        harmless = planting.sealed(planting.harmless)
        assert [len(each) for each in planting.results(harmless)] == [1] * 4
        ran = 0
        for data in RUNNING[file_type](evil).values():
            for _ in planting.results(planting.sealed(data)):
                sys.modules.pop(EVIL, None)
                if evil.exists():
                    evil.rmdir()
                    ran += 1
        assert ran >= 4 * ENOUGH[file_type]

    def test_what_is_no_envelope_is_not_read(
        self, evil: Path, cache: FileBackend, file_type: str, immutable: bool
    ) -> None:
        """Also where pickles are allowed: the store is asked instead."""
        planting = Planting(cache, file_type, allow_pickle=True, immutable=immutable)
        for data in [planting.harmless, *RUNNING[file_type](evil).values()]:
            assert [len(each) for each in planting.results(data)] == [2] * 4
        assert not evil.exists() and EVIL not in sys.modules


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"{",
        b"1",
        b"[]",
        b'["a"]',
        b'["a", 5]',
        b'["a", null, 1, 2.0]',
        b'["a", "etag", 1]',
        b'["a", "etag", "1", 2.0]',
        b'["a", "etag", 1, [2.0]]',
        b'["a", "etag", 1, 2.0, 3]',
        b"[" * 100_000,
        b"9" * 10_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_envelope_is_read_as_nothing(told: bytes) -> None:
    rest = len(told).to_bytes(4, "big") + told + b"planted"
    envelope = MAGIC + blake2b(rest, digest_size=16).digest() + rest
    assert unseal("a", envelope) is None
    store, cache = MemoryBackend(), MemoryBackend()
    store.write_bytes("a", b"true")
    near = CachedBackend(store, cache, HashedNames("test"))
    cache.write_bytes(near.name("a"), envelope)
    assert near.read_bytes("a") == b"true"
    found = near.read_versioned("a")
    assert isinstance(found, tuple) and found[0] == b"true"


def test_it_cannot_say_which_type_the_etag_has() -> None:
    assert unseal("a", seal("a", Kept(b"x", "etag", None))) == Kept(b"x", "etag", None)
