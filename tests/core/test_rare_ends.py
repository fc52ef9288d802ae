"""What seldom happens to a dictionary: races that are lost each time, errors in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from persidict_core import (
    ABSENT,
    DELETE_CURRENT,
    BackendError,
    BulkError,
    ConcurrencyConflict,
    Expect,
    MemoryBackend,
    PersiDict,
    PreconditionFailed,
    SerializationError,
    URLError,
    WriteOnceDict,
)
from persidict_core.serializers import Serializer


class AlwaysTooLate(MemoryBackend):
    """A rival is faster than any condition."""

    tried = 0

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        self.tried += 1
        raise PreconditionFailed(path, expect, None)

    def delete_if(self, path: str, expect: str) -> None:
        self.tried += 1
        raise PreconditionFailed(path, expect, None)


@pytest.mark.parametrize(
    "act",
    [
        lambda d: d.setdefault("absent", 1),
        lambda d: d.transform("there", lambda value: value + 1),
        lambda d: d.pop("there"),
        lambda d: d.pop("there", None),
    ],
    ids=["setdefault", "transform", "pop", "pop with a default"],
)
def test_a_race_that_is_always_lost_ends(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[PersiDict[int]], object]
) -> None:
    monkeypatch.setattr("persidict_core.attempts.ATTEMPTS", 5)
    backend = AlwaysTooLate()
    d: PersiDict[int] = PersiDict(backend)
    d["there"] = 7
    with pytest.raises(ConcurrencyConflict, match=r"there|absent"):
        act(d)
    assert backend.tried == 5
    assert dict(d) == {"there": 7}


class ShowsGhosts(MemoryBackend):
    """Its listings begin with an item that was just deleted by another."""

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        yield f"{prefix}ghost.pkl"
        yield from super().list_prefix(prefix)


def test_popitem_passes_over_what_another_took() -> None:
    d: PersiDict[int] = PersiDict(ShowsGhosts())
    d["there"] = 1
    assert d.popitem() == ("there", 1)
    with pytest.raises(KeyError, match="empty"):
        d.popitem()


class Breaks(MemoryBackend):
    """One object cannot be read or deleted, though it is there; reads go ahead."""

    concurrency = 4

    def read_bytes(self, path: str) -> bytes:
        self._look(path, "read_bytes")
        return super().read_bytes(path)

    def read_versioned(self, path: str, unless: str | None = None) -> Any:
        self._look(path, "read_versioned")
        return super().read_versioned(path, unless)

    def delete(self, path: str) -> None:
        self._look(path, "delete")
        super().delete(path)

    def delete_many(self, paths: Iterable[str]) -> Iterator[tuple[str, Exception | None]]:
        for path in paths:
            try:
                self.delete(path)
            except Exception as error:
                yield path, error
            else:
                yield path, None

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | Exception]]:
        for path in paths:
            try:
                yield path, self.read_bytes(path)
            except Exception as error:
                yield path, error

    def _look(self, path: str, operation: str) -> None:
        if path.startswith("bad"):
            raise BackendError("the disk is broken", "a test", operation, path)


@pytest.fixture
def breaking() -> PersiDict[int]:
    d: PersiDict[int] = PersiDict(Breaks())
    d.update({"a": 1, "bad": 2, "c": 3})
    return d


@pytest.mark.parametrize(
    "walk",
    [
        lambda d: dict(d.items()),
        lambda d: list(d.values()),
        lambda d: dict(d.get_many(["a", "bad"])),
        lambda d: list(d.items_and_timestamps()),
        lambda d: d.newest_values(),
        lambda d: d == {"a": 1, "bad": 2, "c": 3},
        lambda d: d | {},
    ],
)
def test_a_fault_in_the_middle_of_a_walk_is_no_absence(
    breaking: PersiDict[int], walk: Callable[[PersiDict[int]], object]
) -> None:
    with pytest.raises(BackendError, match="broken"):
        walk(breaking)


@pytest.mark.parametrize(
    "act",
    [
        lambda d: d.update({"a": DELETE_CURRENT, "bad": DELETE_CURRENT, "new": 4}),
        lambda d: d.delete_many(["a", "bad", "new"]),
        lambda d: d.clear(),
    ],
    ids=["update", "delete_many", "clear"],
)
def test_what_cannot_be_deleted_is_told_and_the_rest_is(
    breaking: PersiDict[int], act: Callable[[PersiDict[int]], object]
) -> None:
    with pytest.raises(BulkError) as raised:
        act(breaking)
    assert set(raised.value.failures) == {"bad"}
    assert "bad" in breaking and "a" not in breaking


def test_a_union_with_what_is_no_mapping_is_a_type_error() -> None:
    d: PersiDict[int] = PersiDict("memory://")
    for act in (lambda: d | 5, lambda: 5 | d, lambda: d | [("a", 1)]):
        with pytest.raises(TypeError):
            act()
    assert (d == 5) is False


def test_a_limit_holds_for_versions_too() -> None:
    backend = MemoryBackend()
    PersiDict[str](backend, file_type="json")["long"] = "x" * 100
    d: PersiDict[str] = PersiDict(backend, file_type="json", max_value_bytes=50)
    for act in (
        lambda: d["long"],
        lambda: d.get_with_etag("long"),
        lambda: d.transform("long", str.upper),
        lambda: d.pop("long"),
        lambda: list(d.values()),
        lambda: list(d.items_and_timestamps()),
    ):
        with pytest.raises(SerializationError, match="max_value_bytes=50"):
            act()
    assert "long" in d


class OutOfMemory(Serializer):
    """There is no room for any value."""

    file_type = "oom"

    def dumps(self, value: object) -> bytes:
        raise MemoryError

    def loads(self, data: bytes) -> object:
        raise MemoryError


def test_a_lack_of_memory_is_not_blamed_on_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = MemoryBackend()
    backend.write_bytes("a.pkl", b"x")
    d: PersiDict[object] = PersiDict(backend)
    monkeypatch.setattr(d, "_serializer", OutOfMemory())
    for act in (lambda: d["a"], lambda: d.__setitem__("a", 1), lambda: d.set_if("b", 1, ABSENT)):
        with pytest.raises(MemoryError):
            act()
    assert backend.read_bytes("a.pkl") == b"x"


class Nowhere(MemoryBackend):
    """A store that no URL names."""

    @property
    def url(self) -> str:
        raise URLError("it is nowhere")


def test_what_has_no_url_has_no_base_url() -> None:
    assert PersiDict(Nowhere()).base_url is None
    assert PersiDict(MemoryBackend("named-for-a-url")).base_url == "memory://named-for-a-url"


def test_a_dictionary_around_another_is_opened_by_no_url() -> None:
    with pytest.raises(URLError, match="WriteOnceDict cannot be opened by a URL"):
        WriteOnceDict.from_url("memory://")
