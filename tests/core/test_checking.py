"""`check` tells items, strangers, damage and debris apart, runs nothing, repairs only debris."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from persidict_core import (
    BackendError,
    Debris,
    FailingBackend,
    Findings,
    MemoryBackend,
    NotSupported,
    OverlappingMultiDict,
    PersiDict,
    PrefixBackend,
    ReadOnlyBackend,
    SignedBackend,
    WriteOnceDict,
    check,
)
from persidict_core.digests import sign
from persidict_core.printable import printable

ESCAPE = "\x1b[2J"


class Signing(MemoryBackend):
    digest_len = 8


class Leaving(MemoryBackend):
    """A store with debris."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.debris = [Debris(name, 4, 1.0) for name in names]
        self.asked: list[float | None] = []

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        self.asked.append(older_than)
        for each in [each for each in self.debris if each.name.startswith(prefix)]:
            if remove:
                self.debris.remove(each)
            yield each


def test_a_healthy_dictionary() -> None:
    d: PersiDict[int] = PersiDict(Signing(), file_type="json")
    assert check(d) == Findings(0, (0, ()), {}, None, (0, ()), False)
    d.update({("a", str(number)): number for number in range(100)})
    found = check(d, values=True)
    assert found.healthy and found.items == 100 and found.unreadable == (0, ())
    assert check(WriteOnceDict(d)).items == 100


def test_strangers_are_told_from_items_in_any_order() -> None:
    store = Signing()
    d: PersiDict[int] = PersiDict(store, file_type="json")
    d["a"] = d["b", "c"] = d["z"] = 1
    strangers = [
        "0.json",
        "a_btaxloob.json",  # A digest of something else.
        f"{sign('a', 4)}.json",
        f"b/{sign('c', 8)}.json",
        f"{sign('b', 8)}/c.json",
        f"zz/{sign('a', 8)}.json",
        "~.json",
    ]
    for path in strangers:
        store.write_bytes(path, b"1")
    for path in ("a.txt", "b.txt", "x/y.parquet", "none", "x/none", "json", "a.json.bak"):
        store.write_bytes(path, b"")
    found = check(d)
    assert found.items == 3 == len(d) and not found.healthy
    assert found.strangers.total == 7 and sorted(found.strangers.examples) == sorted(strangers)
    assert found.other_types == {"txt": 2, "parquet": 1, "": 3, "bak": 1}
    # a with 4 characters; 0 and ~ with none; the others are signed in part.
    assert (found.other_digests, found.wrong_digests) == ({4: 1, 0: 2}, 1)
    assert all(path in str(found) for path in strangers)
    assert sorted(store.list_prefix()) and len(list(store.list_prefix())) == 17, (
        "check removed some"
    )


@pytest.mark.filterwarnings("ignore:digest_len=0 was given")
@pytest.mark.parametrize("other", [0, 3, 12, 26])
def test_items_of_another_digest_length_are_told_from_strangers(other: int) -> None:
    store = Signing()
    d: PersiDict[int] = PersiDict(store, file_type="json", digest_len=8)
    theirs: PersiDict[int] = PersiDict(MemoryBackend(), file_type="json", digest_len=other)
    theirs.update({"plain": 1, ("b", "c"): 1})
    for path in theirs.backend.list_prefix():
        store.write_bytes(path, b"1")
    store.write_bytes("a_aaaaaaaa.json", b"1")
    d["z"] = 1
    found = check(d)
    assert (found.items, found.strangers.total) == (1, 3) and not found.healthy
    assert (found.other_digests, found.wrong_digests) == ({other: 2}, 1)
    assert f"(keys where digest_len={other})" in str(found)
    assert "with a digest that does not fit: 1" in str(found)
    assert check(PersiDict(store, file_type="json", digest_len=other)).items >= 2


def test_other_file_types_alone_are_healthy() -> None:
    store = MemoryBackend()
    PersiDict(store, file_type="json")["a"] = 1
    PersiDict(store, file_type="pkl")["a"] = 1
    found = check(PersiDict(store, file_type="json"))
    assert found.healthy and found.other_types == {"pkl": 1}


def test_what_is_told_is_bounded() -> None:
    store = Leaving(*(f"+{number}" for number in range(500)))
    d: PersiDict[int] = PersiDict(store, file_type="json", digest_len=4)
    for number in range(500):
        store.write_bytes(f"{number}.json", b"")
        store.write_bytes(f"x.t{number}", b"")
    store.write_bytes(sign("bad", 4) + ".json", b'{"' + b"x" * 100_000)
    found = check(d, values=True)
    assert found.strangers.total == 500 and len(found.strangers.examples) == 10
    assert found.debris is not None and found.debris.total == 500
    assert len(found.debris.examples) == 10 and "and 490 more" in str(found)
    assert sum(found.other_types.values()) == 500 and found.other_types["..."] == 400
    assert len(str(found)) < 10_000


def test_a_long_error_is_cut() -> None:
    class Long(PersiDict[Any]):
        def _load(self, key: Any, path: str) -> Any:
            raise BackendError("x" * 10_000)

    d = Long(MemoryBackend())
    d["a"] = 1
    found = check(d, values=True)
    assert found.unreadable is not None and len(found.unreadable.examples[0]) == 503


def test_values_that_cannot_be_read() -> None:
    store = MemoryBackend()
    d: PersiDict[Any] = PersiDict(store, file_type="json", base_class_for_values=int)
    d.update({"good": 1, "better": 2})
    store.write_bytes("bad.json", b"{")
    store.write_bytes("text.json", b'"text"')
    found = check(d, values=True)
    assert found.items == 4 and found.unreadable is not None and found.unreadable.total == 2
    assert any("bad.json" in each for each in found.unreadable.examples)
    assert any("int" in each for each in found.unreadable.examples)
    assert check(d).unreadable is None and "not looked at" in str(check(d)) and check(d).healthy


def test_a_store_that_fails_for_one_value_and_one_that_fails() -> None:
    store = MemoryBackend()
    PersiDict(store)["a"] = 1
    failing = FailingBackend(store, {"read_bytes": BackendError})
    found = check(PersiDict(failing), values=True)
    assert found.unreadable is not None and found.unreadable.total == 1 and found.items == 1
    with pytest.raises(BackendError):
        check(PersiDict(FailingBackend(store, {"list_prefix": BackendError})))
    with pytest.raises(BackendError):
        check(PersiDict(FailingBackend(store, {"sweep": BackendError})))


def test_a_value_deleted_meanwhile_is_none() -> None:
    class Vanishing(MemoryBackend):
        def list_prefix(self, prefix: str = "") -> Iterator[str]:
            yield from [*super().list_prefix(prefix), "gone.pkl"]

    d: PersiDict[int] = PersiDict(Vanishing())
    d["a"] = 1
    found = check(d, values=True)
    assert (found.items, found.unreadable) == (1, (0, ()))


def test_without_pickles_nothing_runs() -> None:
    store = MemoryBackend()
    ran: list[int] = []
    PersiDict(store)["a"] = Runs(ran)
    found = check(PersiDict(store, allow_pickle=False), values=True)
    assert found.unreadable is not None and "allow_pickle=False" in found.unreadable.examples[0]
    assert Runs.ran == 0
    assert check(PersiDict(store), values=True).healthy and Runs.ran == 1


class Runs:
    ran = 0

    def __init__(self, ran: list[int]) -> None:
        pass

    def __reduce__(self) -> Any:
        return _run, ()


def _run() -> None:
    Runs.ran += 1


def test_only_debris_is_repaired() -> None:
    store = Leaving("+half", "x/+half")
    d: PersiDict[int] = PersiDict(store, file_type="json", digest_len=4)
    d["a"] = 1
    store.write_bytes("stranger.json", b"")
    before = sorted(store.list_prefix())
    assert check(d, older_than=5).debris == (2, ("+half (4 bytes)", "x/+half (4 bytes)"))
    assert len(store.debris) == 2 and store.asked == [5]
    found = check(d, repair=True)
    assert found.removed and found.debris is not None and found.debris.total == 2
    assert "debris, removed: 2" in str(found)
    assert store.debris == [] and sorted(store.list_prefix()) == before
    assert check(d).debris == (0, ())


def test_a_sub_dictionary_is_a_part() -> None:
    store = Leaving("+half", "x/+half")
    d: PersiDict[int] = PersiDict(store, file_type="json")
    d["a"] = d["x", "b"] = d["x", "c"] = 1
    store.write_bytes("x/d.txt", b"")
    store.write_bytes("d.txt", b"")
    found = check(d.get_subdict("x"), repair=True)
    assert (found.items, found.other_types) == (2, {"txt": 1})
    assert found.debris == (1, ("x/+half (4 bytes)",)) and len(store.debris) == 1


@pytest.mark.parametrize("how", ["parameter", "layer"])
def test_a_read_only_dictionary_is_looked_at_and_not_repaired(how: str) -> None:
    store = Leaving("+half")
    d: PersiDict[int] = (
        PersiDict(store, read_only=True)
        if how == "parameter"
        else PersiDict(ReadOnlyBackend(store))
    )
    assert check(d).debris == (1, ("+half (4 bytes)",))
    with pytest.raises(NotSupported, match="read-only"):
        check(d, repair=True)
    assert store.debris


def test_layers_are_looked_through() -> None:
    store = MemoryBackend()
    signed = SignedBackend(PrefixBackend(store, "part/"), b"k" * 16)
    d: PersiDict[int] = PersiDict(signed, file_type="json")
    d["a"] = d["b"] = 1
    store.write_bytes("part/b.json", b"1")
    found = check(d, values=True)
    assert found.items == 2 and found.unreadable is not None
    assert "not signed" in found.unreadable.examples[0]


def test_values_are_read_side_by_side_where_that_pays() -> None:
    together = threading.Barrier(4, timeout=30)

    class Many(MemoryBackend):
        concurrency = 4

        def read_bytes(self, path: str) -> bytes:
            together.wait()
            return super().read_bytes(path)

    d: PersiDict[int] = PersiDict(Many(), file_type="json")
    d.update({str(number): number for number in range(16)})
    found = check(d, values=True)
    assert found.healthy and found.items == 16 and not together.broken


def test_no_dictionary() -> None:
    for other in ({}, "memory://", OverlappingMultiDict):
        with pytest.raises(TypeError, match="a PersiDict is wanted"):
            check(other)  # type: ignore[arg-type]


def test_what_is_shown_is_escaped() -> None:
    store = Leaving(f"+{ESCAPE}\n\u202e")
    d: PersiDict[Any] = PersiDict(store, file_type="json")
    store.write_bytes("a.json", b'{"py/type": "' + b"\\u001b[2J" + b'"}')
    store.write_bytes("b.json", b'{"py/\\u001b\\u202e": 1}')
    text = str(check(d, values=True))
    assert "\x1b" not in text and "\u202e" not in text and r"\x1b[2J\n\u202e" in text
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("caf\u00e9 \u4e2d [bold] <b>", "caf\u00e9 \u4e2d [bold] <b>"),
        ("a\x00\x1b[2J\r\n\t\x9b", r"a\x00\x1b[2J\r\n\t\x9b"),
        ("\u202e\u2066\u200b\u2028\ufeff", r"\u202e\u2066\u200b\u2028\ufeff"),
        ("\ud800\U000e0001", r"\ud800\U000e0001"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
