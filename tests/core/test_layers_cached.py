"""The cached backend never shows what the remote does not hold, and asks it once a read."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest

from persidict_core import (
    ABSENT,
    UNCHANGED,
    BackendError,
    BaseBackend,
    Marker,
    MemoryBackend,
    NotSupported,
    ObjectNotFound,
    ObjectStat,
    PersiDict,
    PreconditionFailed,
)
from persidict_core.layers import CachedBackend, CountingBackend, FailingBackend, HashedNames
from persidict_core.layers.envelopes import MAGIC, Kept, seal, unseal

from .five_verbs import FiveVerbs

NAMES = HashedNames("tests")


class Sending(MemoryBackend):
    """Notes which versioned reads sent bytes."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.sent: list[str] = []

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        found = super().read_versioned(path, unless)
        if found is not UNCHANGED:
            self.sent.append(path)
        return found


class Crash(BaseException):
    """The process ends here."""


def crash(path: str) -> Exception:
    raise Crash


def names_in(cache: BaseBackend) -> list[str]:
    return sorted(cache.list_prefix())


def read_in_every_way(backend: BaseBackend, path: str) -> list[bytes | None]:
    """What each reading verb gives; None for nothing."""

    def or_none(read: Callable[[], Any]) -> bytes | None:
        try:
            found = read()
        except ObjectNotFound:
            return None
        if isinstance(found, ObjectNotFound):
            return None
        assert isinstance(found, bytes), found
        return found

    def from_file() -> bytes:
        with backend.read_file(path) as file:
            return file.read()

    return [
        or_none(lambda: backend.read_bytes(path)),
        or_none(lambda: backend.read_versioned(path)[0]),  # type: ignore[index]
        or_none(lambda: next(backend.read_many([path]))[1]),
        or_none(from_file),
    ]


# One request a read.


def test_each_read_is_one_conditional_request() -> None:
    store = Sending()
    remote = CountingBackend(store)
    near = CachedBackend(remote, MemoryBackend(), NAMES)
    store.write_bytes("a", b"1")
    assert near.read_bytes("a") == b"1" and store.sent == ["a"]
    for _ in range(3):
        remote.counts.clear()
        assert read_in_every_way(near, "a") == [b"1"] * 4
        assert dict(remote.counts) == {"read_versioned": 4}
    etag = store.stat("a").etag
    assert near.read_versioned("a", etag) is UNCHANGED
    assert near.read_versioned("a", "other") == (b"1", store.stat("a"))
    assert store.sent == ["a"], "what was in the cache was sent again"


def test_what_was_written_is_not_sent_back() -> None:
    store = Sending()
    remote = CountingBackend(store)
    near = CachedBackend(remote, MemoryBackend(), NAMES)
    near.write_bytes("a", b"1")
    near.write_if("b", b"2", ABSENT)
    assert dict(near.write_many([("c", b"3"), ("d", b"4")])).keys() == {"c", "d"}
    for path, data in (("a", b"1"), ("b", b"2"), ("c", b"3"), ("d", b"4")):
        assert near.read_bytes(path) == data
    assert store.sent == []
    assert near.read_versioned("a") == (b"1", store.stat("a")), "the stat is the remote's"
    assert near.read_versioned("a") == (b"1", store.stat("a"))
    assert store.sent == ["a"]


def test_many_writes_stay_together() -> None:
    class Together(MemoryBackend):
        batches = 0

        def write_many(self, items: Any, expect: Any = None) -> Iterator[tuple[str, Any]]:
            self.batches += 1
            return super().write_many(items)

    remote, cache = Together(), MemoryBackend()
    near = CachedBackend(remote, cache, NAMES)
    found = list(near.write_many([("a", b"1"), ("../x", b"2"), ("b", b"3")]))
    assert [path for path, _ in found] == ["a", "../x", "b"] and isinstance(found[1][1], ValueError)
    assert remote.batches == 1 and names_in(cache) == sorted(map(NAMES, ("a", "b")))


# Nothing is shown that the remote does not hold.


def test_others_changes_are_seen() -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    near = CachedBackend(remote, cache, NAMES)
    near.write_bytes("a", b"1")
    remote.write_bytes("a", b"2")
    assert read_in_every_way(near, "a") == [b"2"] * 4
    remote.delete("a")
    assert read_in_every_way(near, "a") == [None] * 4
    assert names_in(cache) == [], "what is gone stays in the cache"
    remote.write_bytes("a", b"3")
    assert read_in_every_way(near, "a") == [b"3"] * 4


@pytest.mark.parametrize("validate", [True, False])
def test_deleting_empties_the_cache(validate: bool) -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    near = CachedBackend(remote, cache, NAMES, validate)
    etags = {path: near.write_bytes(path, b"x") for path in "abcd"}
    near.delete("a")
    near.delete_if("b", etags["b"])
    first, _ = near.delete_many(["c", "none"])
    assert first == ("c", None)
    assert names_in(cache) == [NAMES("d")] and list(remote.list_prefix()) == ["d"]
    for path in "abc":
        assert read_in_every_way(near, path) == [None] * 4


WRITES: dict[str, Callable[[BaseBackend, bytes, str], Any]] = {
    "write_bytes": lambda b, data, etag: b.write_bytes("a", data),
    "write_if": lambda b, data, etag: b.write_if("a", data, etag),
    "write_many": lambda b, data, etag: list(b.write_many([("a", data)])),
    "copy_many": lambda b, data, etag: list(b.copy_many(holding(data), [("x", "a")])),
    "write_file": lambda b, data, etag: write_file(b, data),
}


def holding(data: bytes) -> MemoryBackend:
    store = MemoryBackend()
    store.write_bytes("x", data)
    return store


def write_file(backend: BaseBackend, data: bytes) -> None:
    with backend.write_file("a") as file:
        file.write(data)


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("verb", WRITES)
def test_crash_between_remote_and_cache(verb: str, validate: bool) -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    etag = CachedBackend(remote, cache, NAMES, validate).write_bytes("a", b"old")
    crashing = FailingBackend(cache, {"write_bytes": crash})
    near = CachedBackend(remote, crashing, NAMES, validate)
    try:
        WRITES[verb](near, b"new", etag)
    except Crash:
        assert verb not in ("copy_many", "write_file")
    else:
        assert verb in ("copy_many", "write_file"), "these do not fill the cache, all others do"
    after = CachedBackend(remote, cache, NAMES, validate)
    assert read_in_every_way(after, "a") == [b"new"] * 4


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("verb", WRITES)
def test_crash_in_the_remote(verb: str, validate: bool) -> None:
    """What the remote did not take is never shown."""
    remote, cache = MemoryBackend(), MemoryBackend()
    etag = CachedBackend(remote, cache, NAMES, validate).write_bytes("a", b"old")
    failures = dict.fromkeys(("write_bytes", "write_if", "write_file"), crash)
    near = CachedBackend(FailingBackend(remote, failures), cache, NAMES, validate)
    with pytest.raises(Crash):
        WRITES[verb](near, b"new", etag)
    after = CachedBackend(remote, cache, NAMES, validate)
    assert read_in_every_way(after, "a") == [b"old"] * 4


def test_crash_while_deleting() -> None:
    for validate in (True, False):
        remote, cache = MemoryBackend(), MemoryBackend()
        near = CachedBackend(remote, cache, NAMES, validate)
        near.write_bytes("a", b"1")
        remote.delete("a")
        # As if the process had ended right after the remote's part, or right before.
        stopped = CachedBackend(FailingBackend(remote, {"delete": crash}), cache, NAMES, validate)
        with pytest.raises(Crash):
            stopped.delete("a")
        assert read_in_every_way(near, "a") == [None] * 4


# Faults of the cache.


def test_cache_that_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    CachedBackend(remote, cache, NAMES).write_bytes("a", b"old")
    failures: dict[str, Any] = {"write_bytes": BackendError, "delete": OSError}
    near = CachedBackend(remote, FailingBackend(cache, failures), NAMES)
    with caplog.at_level(logging.WARNING, "persidict"):
        near.write_bytes("a", b"new")
        near.write_bytes("b", b"2")
        assert read_in_every_way(near, "a") == [b"new"] * 4
        near.delete("a")
        assert read_in_every_way(near, "a") == [None] * 4
        assert read_in_every_way(near, "b") == [b"2"] * 4
    assert len(caplog.records) == 1, "it warns once"
    assert "MemoryBackend" in caplog.text and "done without" in caplog.text
    assert list(remote.list_prefix()) == ["b"]


def test_cache_that_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    remote = MemoryBackend()
    near = CachedBackend(remote, FailingBackend(MemoryBackend(), {"read_bytes": OSError}), NAMES)
    with caplog.at_level(logging.WARNING, "persidict"):
        near.write_bytes("a", b"1")
        for _ in range(2):
            assert read_in_every_way(near, "a") == [b"1"] * 4
    assert len(caplog.records) == 1


def test_damaged_envelope_is_read_again_and_mended() -> None:
    remote, cache = Sending(), MemoryBackend()
    near = CachedBackend(remote, cache, NAMES)
    remote.write_bytes("a", b"hello")
    near.read_bytes("a")
    whole = cache.read_bytes(NAMES("a"))
    damaged = [b"", b"foreign", whole[:-1], whole + b"x", whole[: len(MAGIC)]]
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1
        damaged.append(bytes(flipped))
    for envelope in damaged:
        cache.write_bytes(NAMES("a"), envelope)
        remote.sent.clear()
        assert near.read_bytes("a") == b"hello", envelope
        assert remote.sent == ["a"], envelope
        assert cache.read_bytes(NAMES("a")) == whole


def same_for_all(path: str) -> str:
    return "the-name"


def test_paths_of_one_name_are_told_apart() -> None:
    remote = MemoryBackend()
    for validate in (True, False):
        near = CachedBackend(remote, MemoryBackend(), same_for_all, validate)
        near.write_bytes("a", b"1")
        near.write_bytes("b", b"2")
        for _ in range(2):
            assert (near.read_bytes("a"), near.read_bytes("b")) == (b"1", b"2")


def test_envelopes() -> None:
    stat = ObjectStat("a/b", 7, 1234.000001, "etag")
    for kept in (Kept(b"", "etag", None), Kept(b"data", "etag", stat), Kept(b"x\n", 'e"tag', None)):
        assert unseal("a/b", seal("a/b", kept)) == kept
        assert unseal("a/c", seal("a/b", kept)) is None


# Without validation.


def test_without_validation_the_cache_is_enough() -> None:
    store = MemoryBackend()
    remote = CountingBackend(store)
    near = CachedBackend(remote, MemoryBackend(), NAMES, validate=False)
    store.write_bytes("read", b"1")
    near.write_if("written", b"2", ABSENT)
    near.read_bytes("read")
    remote.counts.clear()
    for _ in range(3):
        assert read_in_every_way(near, "read") == [b"1"] * 4
        assert near.read_bytes("written") == b"2"
    assert near.read_versioned("read", store.stat("read").etag) is UNCHANGED
    assert not remote.counts


def test_without_validation_a_lost_condition_is_read_anew() -> None:
    remote = MemoryBackend()
    d: PersiDict[int] = PersiDict(CachedBackend(remote, MemoryBackend(), NAMES, validate=False))
    d["n"] = 1
    assert d.get_with_etag("n")[0] == 1
    PersiDict(remote)["n"] = 10
    assert d["n"] == 1, "it is not asked for"
    assert d.transform("n", lambda value: value + 1) == 11


@pytest.mark.parametrize("verb", [*WRITES, "delete", "delete_if", "delete_many"])
def test_without_validation_nothing_changes_under_a_stuck_cache(verb: str) -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    etag = CachedBackend(remote, cache, NAMES, validate=False).write_bytes("a", b"old")
    stuck = FailingBackend(cache, {"write_bytes": OSError, "delete": OSError})
    near = CachedBackend(remote, stuck, NAMES, validate=False)
    changes: dict[str, Callable[[], Any]] = {
        "delete": lambda: near.delete("a"),
        "delete_if": lambda: near.delete_if("a", etag),
        "delete_many": lambda: list(near.delete_many(["a"])),
    }
    try:
        results = changes[verb]() if verb in changes else WRITES[verb](near, b"new", etag)
    except NotSupported as error:
        assert "cache" in str(error)
    else:
        ((_, failure),) = results
        assert isinstance(failure, NotSupported)
    assert remote.read_bytes("a") == near.read_bytes("a") == b"old"
    near.write_bytes("new", b"1")
    assert near.read_bytes("new") == b"1", "what was never in the cache can be written"


def test_without_validation_a_failed_cache_write_leaves_nothing_old() -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    CachedBackend(remote, cache, NAMES, validate=False).write_bytes("a", b"old")
    remote.delete("a")
    full = CachedBackend(remote, FailingBackend(cache, {"write_bytes": OSError}), NAMES, False)
    full.write_if("a", b"new", ABSENT)
    assert read_in_every_way(full, "a") == [b"new"] * 4


def test_immutable_items() -> None:
    remote = CountingBackend(MemoryBackend())
    near = CachedBackend(remote, MemoryBackend(), NAMES, validate=False)
    d: PersiDict[Any] = PersiDict(near, immutable_items=True)
    d["a"] = [1, 2]
    remote.counts.clear()
    assert [d["a"] for _ in range(5)] == [[1, 2]] * 5
    assert not remote.counts
    with pytest.raises(KeyError, match="immutable"):
        d["a"] = 3
    assert d["a"] == [1, 2]


# A limit.


def size_of(cache: BaseBackend) -> int:
    return sum(stat.size for stat in cache.list_stats())


@pytest.mark.parametrize("limit", [10_000, 30_000])
def test_oldest_goes_first(limit: int) -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    near = CachedBackend(remote, cache, NAMES, max_bytes=limit)
    for number in range(200):
        near.write_bytes(f"{number}", b"x" * 500)
        assert size_of(cache) <= limit, f"after {number}"
    assert size_of(cache) > limit // 2, "more went than had to"
    kept = [number for number in range(200) if cache.exists(NAMES(f"{number}"))]
    assert kept == list(range(200 - len(kept), 200)), "others than the oldest went"
    assert all(near.read_bytes(f"{number}") == b"x" * 500 for number in range(200))
    assert size_of(cache) <= limit


def test_too_large_for_the_cache_is_not_kept() -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    near = CachedBackend(remote, cache, NAMES, max_bytes=1000)
    near.write_bytes("a", b"small")
    near.write_bytes("a", b"x" * 1000)
    assert near.read_bytes("a") == b"x" * 1000
    assert names_in(cache) == []


def test_several_share_a_limit() -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    nears = [CachedBackend(remote, cache, NAMES, max_bytes=20_000) for _ in range(3)]
    for number in range(300):
        nears[number % 3].write_bytes(f"{number}", b"x" * 100)
        assert size_of(cache) <= 20_000 * 1.3
    assert all(nears[0].read_bytes(f"{number}") == b"x" * 100 for number in range(300))


def test_limit_of_a_cache_counts_the_listings() -> None:
    cache = CountingBackend(MemoryBackend())
    near = CachedBackend(MemoryBackend(), cache, NAMES, max_bytes=100_000)
    for number in range(400):
        near.write_bytes(f"{number}", b"x" * 400)
    assert cache.counts["list_stats"] <= 30


def test_strangers_in_the_cache_stay() -> None:
    cache = MemoryBackend()
    cache.write_bytes("thesis.tex", b"x" * 900)
    cache.write_bytes("empty", b"")
    near = CachedBackend(MemoryBackend(), cache, NAMES, max_bytes=1000)
    for number in range(20):
        near.write_bytes(f"{number}", b"x" * 100)
    assert cache.read_bytes("thesis.tex") == b"x" * 900 and cache.exists("empty")


# What it is made of.


def test_cache_shared_by_two_handles_and_two_remotes() -> None:
    cache = MemoryBackend("shared cache")
    stores = [Sending("remote one"), Sending("remote two")]
    nears = [CachedBackend(store, cache, HashedNames(store.name or "")) for store in stores]
    for number, near in enumerate(nears):
        near.write_bytes("a", b"%d" % number)
    for number, near in enumerate(nears):
        other = pickle.loads(pickle.dumps(near))
        assert other == near and other.read_bytes("a") == b"%d" % number
        assert other.remote.sent == [], "what another handle has put there is used"


def test_what_cannot_be_cached() -> None:
    with pytest.raises(NotSupported, match="etags"):
        CachedBackend(FiveVerbs(), MemoryBackend(), NAMES)
    with pytest.raises(ValueError, match="at least 1"):
        CachedBackend(MemoryBackend(), MemoryBackend(), NAMES, max_bytes=0)
    cache = FiveVerbs()
    near = CachedBackend(MemoryBackend(), cache, NAMES)
    near.write_bytes("a", b"1")
    assert near.read_bytes("a") == b"1" and len(cache.objects) == 1


def test_lost_condition_changes_neither() -> None:
    remote, cache = MemoryBackend(), MemoryBackend()
    near = CachedBackend(remote, cache, NAMES)
    near.write_bytes("a", b"1")
    for attempt in (
        lambda: near.write_if("a", b"2", ABSENT),
        lambda: near.write_if("a", b"2", "other"),
        lambda: near.delete_if("a", "other"),
    ):
        with pytest.raises(PreconditionFailed):
            attempt()
    assert near.read_bytes("a") == remote.read_bytes("a") == b"1"
