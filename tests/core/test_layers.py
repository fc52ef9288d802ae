"""Layers: none is bypassed, none multiplies, and what a layer does not touch is as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from persidict_core import (
    ABSENT,
    ANY,
    BaseBackend,
    BulkError,
    Capabilities,
    MemoryBackend,
    NotSupported,
    ObjectNotFound,
    PersiDict,
    SerializationError,
)
from persidict_core.layers import (
    CompressedBackend,
    CountingBackend,
    FailingBackend,
    LatencyBackend,
    Layer,
    PrefixBackend,
    ReadOnlyBackend,
    base,
)

LZ4 = b"\x04\x22\x4d\x18"


class Recording(BaseBackend):
    """Notes each verb that is called from outside, not those that its store calls in turn."""

    def __init__(self, store: MemoryBackend) -> None:
        self.store = store
        self.called: list[str] = []

    @property
    def capabilities(self) -> Capabilities:
        return self.store.capabilities

    read_bytes = write_bytes = delete = stat = list_prefix = None  # type: ignore[assignment]


def noting(verb: str) -> Callable[..., Any]:
    def call(self: Recording, *args: Any, **params: Any) -> Any:
        self.called.append(verb)
        return getattr(self.store, verb)(*args, **params)

    return call


for each in base.GROUND:
    setattr(Recording, each, noting(each))


def read_file(backend: BaseBackend, path: str) -> bytes:
    with backend.read_file(path) as file:
        return file.read()


def write_file(backend: BaseBackend, path: str, data: bytes, expect: Any = ANY) -> str:
    with backend.write_file(path, expect) as file:
        file.write(data)
    return backend.stat(path).etag


def only(results: Iterator[tuple[str, Any]]) -> Any:
    ((_, result),) = results
    if isinstance(result, Exception):
        raise result
    return result


READS: dict[str, Callable[[BaseBackend, str], Any]] = {
    "read_bytes": lambda b, path: b.read_bytes(path),
    "read_versioned": lambda b, path: b.read_versioned(path)[0],  # type: ignore[index]
    "read_many": lambda b, path: only(b.read_many([path])),
    "read_file": read_file,
}
LOOKS: dict[str, Callable[[BaseBackend, str], Any]] = {
    "stat": lambda b, path: b.stat(path),
    "exists": lambda b, path: b.exists(path),
    "list_prefix": lambda b, path: list(b.list_prefix()),
    "list_stats": lambda b, path: list(b.list_stats()),
    "list_children": lambda b, path: list(b.list_children()),
    "list_some": lambda b, path: b.list_some(),
    "sweep": lambda b, path: [list(b.sweep())],
}
WRITES: dict[str, Callable[[BaseBackend, str, bytes, str], Any]] = {
    "write_bytes": lambda b, path, data, etag: b.write_bytes(path, data),
    "write_if": lambda b, path, data, etag: b.write_if(path, data, etag),
    "write_many": lambda b, path, data, etag: only(b.write_many([(path, data)])),
    "write_many(etag)": lambda b, path, data, etag: only(b.write_many([(path, data)], etag)),
    "write_file": lambda b, path, data, etag: write_file(b, path, data),
    "write_file(etag)": lambda b, path, data, etag: write_file(b, path, data, etag),
    "copy_many": lambda b, path, data, etag: only(b.copy_many(holding(data), [("x", path)])),
}
DELETES: dict[str, Callable[[BaseBackend, str, str], Any]] = {
    "delete": lambda b, path, etag: b.delete(path),
    "delete_if": lambda b, path, etag: b.delete_if(path, etag),
    "delete_many": lambda b, path, etag: only(b.delete_many([path])),
}


def holding(data: bytes) -> MemoryBackend:
    store = MemoryBackend()
    store.write_bytes("x", data)
    return store


def test_every_verb_stands_in_the_table() -> None:
    """A verb that is new in BaseBackend wants its ground in GROUND, and a forward in Layer."""
    verbs = {name for name in vars(BaseBackend) if callable(getattr(BaseBackend, name))}
    # What is no verb on objects is forwarded by hand.
    verbs = {name for name in verbs if not name.startswith("_")} - {"close", "copies_from", "prune"}
    assert verbs == set(base.GROUND)
    assert verbs <= set(vars(Layer))
    tried = {name.partition("(")[0] for name in (*READS, *LOOKS, *WRITES, *DELETES)}
    assert tried == verbs


# These have no default: their ground is what they are a condition of.
DERIVED = [verb for verb in base.GROUND if base.GROUND[verb] and not verb.endswith("_if")]


@pytest.mark.parametrize("verb", DERIVED)
def test_ground_is_what_the_default_is_written_on(verb: str) -> None:
    class Bare(Recording):
        pass

    setattr(Bare, verb, vars(BaseBackend)[verb])
    store = MemoryBackend()
    store.write_bytes("a", b"1")
    recording = Bare(store)
    for name, read in {**READS, **LOOKS}.items():
        if name == verb:
            read(recording, "a")
    for name, write in WRITES.items():
        if name.partition("(")[0] == verb:
            write(recording, "a", b"2", store.stat("a").etag)
    for name, remove in DELETES.items():
        if name == verb:
            remove(recording, "a", store.stat("a").etag)
    called = set(recording.called)
    if verb == "write_file":
        called -= {"stat"}  # The test's own.
    assert called == set(base.GROUND[verb])


class Idle(Layer):
    """Overrides nothing."""


def transformed_calls(verb: str) -> list[str]:
    instead = {
        "read_file": "read_bytes",
        "write_file": "write_bytes",
        "write_file(etag)": "write_if",
        "copy_many": "write_bytes",
    }
    return [instead.get(verb, verb.partition("(")[0])]


def observed_calls(verb: str) -> list[str]:
    instead = {
        "read_many": "read_bytes",
        "write_many": "write_bytes",
        "write_many(etag)": "write_if",
        "delete_many": "delete",
        "copy_many": "write_bytes",
    }
    return [instead.get(verb, verb.partition("(")[0])]


def read_only_calls(verb: str) -> list[str]:
    return [verb] if verb in READS or verb in LOOKS else []


KINDS: dict[str, tuple[Callable[[BaseBackend], BaseBackend], Callable[[str], list[str]]]] = {
    "idle": (Idle, lambda verb: [verb.partition("(")[0]]),
    "idle twice": (lambda b: Idle(Idle(b)), lambda verb: [verb.partition("(")[0]]),
    "prefix": (lambda b: PrefixBackend(b, ""), lambda verb: [verb.partition("(")[0]]),
    "lz4": (CompressedBackend, transformed_calls),
    "counting": (CountingBackend, observed_calls),
    "failing": (lambda b: FailingBackend(b, {}), observed_calls),
    "latency": (lambda b: LatencyBackend(b, 0.0), observed_calls),
    "read-only": (ReadOnlyBackend, read_only_calls),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", [*READS, *LOOKS, *WRITES, *DELETES])
def test_one_verb_is_one_call_of_the_wrapped_backend(kind: str, verb: str) -> None:
    make, calls = KINDS[kind]
    recording = Recording(MemoryBackend())
    layer = make(recording)
    data = CompressedBackend(MemoryBackend()).encode("a", b"1") if kind == "lz4" else b"1"
    etag = recording.store.write_bytes("a", data)
    refused = kind == "read-only" and verb not in READS and verb not in LOOKS
    try:
        if verb in READS:
            assert READS[verb](layer, "a") == b"1"
        elif verb in LOOKS:
            assert LOOKS[verb](layer, "a")
        elif verb in WRITES:
            WRITES[verb](layer, "a", b"2", etag)
        else:
            DELETES[verb](layer, "a", etag)
    except NotSupported:
        assert refused
    else:
        assert not refused
    called = list(recording.called)
    if verb.startswith("write_file") and not refused:
        assert called.pop() == "stat"  # The test's own.
    assert called == calls(verb)


@pytest.mark.parametrize("verb", [*WRITES, *DELETES])
def test_no_verb_slips_past_read_only(verb: str) -> None:
    store = MemoryBackend()
    etag = store.write_bytes("a", b"1")
    before = store.stat("a")
    for layer in (ReadOnlyBackend(store), Idle(ReadOnlyBackend(store))):
        with pytest.raises(NotSupported, match="read-only"):
            if verb in WRITES:
                WRITES[verb](layer, "a", b"2", etag)
            else:
                DELETES[verb](layer, "a", etag)
    assert store.stat("a") == before and list(store.list_prefix()) == ["a"]


def test_read_only_says_so_before_a_value_is_written() -> None:
    with pytest.raises(NotSupported), ReadOnlyBackend(MemoryBackend()).write_file("a"):
        pytest.fail("a file to write to was given")


def test_dictionary_over_read_only_reads_and_never_writes() -> None:
    store = MemoryBackend()
    PersiDict(store)["a"] = 1
    before = store.stat("a.pkl")
    d: PersiDict[Any] = PersiDict(ReadOnlyBackend(store))
    etag = before.etag
    attempts: list[Callable[[], object]] = [
        lambda: d.transform("a", lambda value: value + 1),
        lambda: d.transform("new", lambda value: value + 1, default=0),
        lambda: d.set_if("a", 2, etag),
        lambda: d.set_if("new", 2, ABSENT),
        lambda: d.delete_if("a", etag),
        lambda: d.setdefault("new", 2),
        lambda: d.__setitem__("a", 2),
        lambda: d.__delitem__("a"),
        lambda: d.pop("a"),
        lambda: d.popitem(),
        lambda: d.delete_if_exists("a"),
    ]
    for attempt in attempts:
        with pytest.raises(NotSupported):
            attempt()
    for attempt in (lambda: d.update({"a": 2}), lambda: d.delete_many(["a"]), d.clear):
        with pytest.raises((NotSupported, BulkError)):
            attempt()
    assert store.stat("a.pkl") == before and list(store.list_prefix()) == ["a.pkl"]
    assert d["a"] == 1 and d.setdefault("a", 5) == 1 and d.get_with_etag("a") == (1, etag)


@pytest.mark.parametrize("verb", WRITES)
def test_no_write_slips_past_compression(verb: str) -> None:
    store = MemoryBackend()
    layer = CompressedBackend(store)
    etag = layer.write_bytes("a", b"old")
    WRITES[verb](layer, "a", b"new " * 100, etag)
    stored = store.read_bytes("a")
    assert stored.startswith(LZ4) and LZ4 not in stored[1:], "not compressed, or twice"
    assert layer.decode("a", stored) == b"new " * 100
    assert layer.stat("a").size == len(stored) < 400


@pytest.mark.parametrize("verb", READS)
def test_no_read_slips_past_compression(verb: str) -> None:
    layer = CompressedBackend(MemoryBackend())
    layer.write_bytes("a", b"hello")
    assert READS[verb](layer, "a") == b"hello"


def test_setdefault_through_compression() -> None:
    store = MemoryBackend()
    d: PersiDict[Any] = PersiDict(CompressedBackend(store), file_type="json")
    assert d.setdefault("a", "text") == "text" and d.setdefault("a", "other") == "text"
    assert store.read_bytes("a.json").startswith(LZ4)
    assert d.transform("a", str.upper) == d["a"] == "TEXT"


@pytest.mark.parametrize("verb", [*READS, *LOOKS, *WRITES, *DELETES])
def test_no_verb_slips_past_latency(verb: str) -> None:
    store = MemoryBackend()
    etag = store.write_bytes("a", b"1")
    layer = LatencyBackend(store, 0.02)
    begun = time.perf_counter()
    if verb in READS:
        READS[verb](layer, "a")
    elif verb in LOOKS:
        LOOKS[verb](layer, "a")
    elif verb in WRITES:
        WRITES[verb](layer, "a", b"2", etag)
    else:
        DELETES[verb](layer, "a", etag)
    assert time.perf_counter() - begun >= 0.02


def test_many_through_latency_wait_each_but_side_by_side() -> None:
    class Wide(MemoryBackend):
        concurrency = 10

    counts = {}
    for store in (MemoryBackend(), Wide()):
        for number in range(20):
            store.write_bytes(f"{number}", b"x")
        begun = time.perf_counter()
        list(LatencyBackend(store, 0.01).read_many(map(str, range(20))))
        counts[store.concurrency] = time.perf_counter() - begun
    assert counts[1] >= 0.2
    assert 0.02 <= counts[10] < counts[1]


# Compression.


def test_codec_may_change_in_a_store() -> None:
    store = MemoryBackend()
    for codec in ("lz4", "zlib"):
        CompressedBackend(store, codec).write_bytes(codec, b"x" * 1000)  # type: ignore[arg-type]
    for layer in (CompressedBackend(store), CompressedBackend(store, "zlib")):
        assert layer.read_bytes("lz4") == layer.read_bytes("zlib") == b"x" * 1000
    assert store.read_bytes("zlib")[:1] == b"\x78"
    with pytest.raises(ValueError, match="'lz4' or 'zlib'"):
        CompressedBackend(store, "gzip")  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", ["lz4", "zlib"])
def test_damage_is_told(codec: Any) -> None:
    store = MemoryBackend()
    layer = CompressedBackend(store, codec)
    layer.write_bytes("a", bytes(range(256)) * 10)
    whole = store.read_bytes("a")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (b"", b"plain", whole[:-1], whole[:6], bytes(flipped), whole + b"x"):
        store.write_bytes("a", damaged)
        for name, read in READS.items():
            with pytest.raises(SerializationError) as told:
                read(layer, "a")
            assert told.value.path == "a", name
    store.write_bytes("a", whole)
    store.write_bytes("b", b"plain")
    first, second, third = layer.read_many(["b", "none", "a"])
    assert isinstance(first[1], SerializationError) and isinstance(second[1], ObjectNotFound)
    assert third == ("a", bytes(range(256)) * 10)


def test_what_cannot_be_compressed_is_its_own_failure() -> None:
    store = MemoryBackend()
    items: list[Any] = [("a", b"1"), ("b", "text"), ("c", 3), ("d", b"4"), ("e", None)]
    found = dict(CompressedBackend(store).write_many(items))
    assert list(found) == list("abcde")
    assert [type(found[path]) for path in "bce"] == [TypeError] * 3
    assert sorted(store.list_prefix()) == ["a", "d"]
