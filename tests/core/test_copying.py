"""Copies of whole dictionaries: whatever the stores, again and again, and when things go wrong."""

import logging
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from persidict_core import (
    ABSENT,
    BackendError,
    BulkError,
    CompressedBackend,
    Copied,
    CountingBackend,
    FailingBackend,
    ImmutableItemError,
    Layer,
    MemoryBackend,
    NotSupported,
    ObservingLayer,
    PersiDict,
    PrefixBackend,
    SerializationError,
    SignedBackend,
    WriteOnceDict,
    check,
    copying,
)
from persidict_core.journal import is_journal
from persidict_file import FileBackend, FileDirDict
from tests.core.five_verbs import FiveVerbs
from tests.core.peaks import measured
from tests.file.mounts import mounted

ITEMS = {"a": 1, ("b", "c"): [2], ("b", "d", "e"): {"x": 3}, "f": None}
LARGE = (1 << 20) + 1


def memory(**params):
    return PersiDict(MemoryBackend(), **params)


def folder(tmp_path, name="d", **params):
    return FileDirDict(tmp_path / name, **{"fsync": False, **params})


def filled(d, items=ITEMS):
    d.update(items)
    return d


def journals(d):
    return [path for path in d.backend.list_prefix() if is_journal(path)]


MAKERS = {
    "memory": lambda tmp_path, name: memory(),
    "folder": folder,
    "flushed": lambda tmp_path, name: folder(tmp_path, name, fsync=True),
    "part": lambda tmp_path, name: folder(tmp_path, name).get_subdict(("x", "y")),
    "compressed": lambda tmp_path, name: PersiDict(CompressedBackend(MemoryBackend())),
    "signed": lambda tmp_path, name: PersiDict(SignedBackend(MemoryBackend(), b"k" * 32)),
    "cached": lambda tmp_path, name: PersiDict(MemoryBackend(), cache=MemoryBackend()),
    "prefixed": lambda tmp_path, name: PersiDict(PrefixBackend(MemoryBackend(), "p/")),
    "five verbs": lambda tmp_path, name: PersiDict(FiveVerbs()),
    "immutable": lambda tmp_path, name: memory(immutable_items=True),
    "write once": lambda tmp_path, name: WriteOnceDict(memory()),
}


@pytest.mark.parametrize("there", MAKERS)
@pytest.mark.parametrize("here", MAKERS)
def test_from_any_to_any(here, there, tmp_path):
    source = filled(MAKERS[here](tmp_path, "here"))
    source["large"] = random.Random(1).randbytes(LARGE)
    target = MAKERS[there](tmp_path, "there")
    done = source.copy_to(target)
    assert done[:3] == (5, 0, 0) and done.bytes > LARGE
    assert dict(target) == dict(source)
    for key in source:
        raw = [d._layered.read_bytes(d.path_of(key)) for d in (source, target)]
        assert raw[0] == raw[1]
    again = source.copy_to(target)
    if here == "five verbs":
        assert again[:2] == ((0, 5) if there in ("immutable", "write once") else (5, 0))
    else:
        assert again == Copied(0, 5, 0, 0)
    assert dict(target) == dict(source)


def test_digests_are_made_anew(tmp_path):
    source = filled(folder(tmp_path, "here", digest_len=8))
    target = folder(tmp_path, "there", digest_len=3)
    source.copy_to(target)
    assert dict(target) == ITEMS and (tmp_path / "there" / "a_bta.pkl").exists()
    target.copy_to(plain := memory(digest_len=0))
    assert dict(plain) == ITEMS and "b/d/e.pkl" in plain.backend.list_prefix()


# What is copied again.


def test_only_what_was_written_since_is_copied_again(tmp_path):
    source, target = filled(folder(tmp_path, "here")), folder(tmp_path, "there")
    target["besides"] = 0
    source.copy_to(target)
    source["a"] = 9  # Of the same size.
    source["new"] = 1
    del source["f"]
    target[("b", "c")] = [7]  # Of the same size, too.
    del target["b", "d", "e"]
    assert source.copy_to(target)[:3] == (4, 0, 0)
    assert dict(target) == {**source, "f": None, "besides": 0}
    assert source.copy_to(target) == Copied(0, 4, 0, 0)


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_value_that_is_written_while_it_is_copied_is_copied_by_the_next_run(size):
    class Racing(ObservingLayer):
        def before(self, verb, path):
            if verb in ("read_versioned", "read_file"):
                reads.append(verb)
                if len(reads) == 1:
                    self.wrapped.write_bytes(path, b"B" * size)

    class Late(Layer):
        def read_versioned(self, path, unless=None):
            found = self.wrapped.read_versioned(path, unless)
            if not reads:
                self.wrapped.write_bytes(path, b"B" * size)
            reads.append("read_versioned")
            return found

    for kind in (Racing, Late) if size < LARGE else (Racing,):
        store, reads = MemoryBackend(), []
        source, target = (
            PersiDict(backend, file_type="txt", base_class_for_values=str)
            for backend in (kind(store), MemoryBackend())
        )
        source["a"] = "A" * size
        source.copy_to(target)
        source.copy_to(target)
        assert target["a"] == source["a"] == "B" * size
        assert source.copy_to(target) == Copied(0, 1, 0, 0)


def test_without_etags_all_is_copied_each_time():
    source, target = filled(PersiDict(FiveVerbs())), memory()
    for _ in range(2):
        assert source.copy_to(target)[:2] == (4, 0)
    assert journals(target) == []


def test_another_source_file_type_or_part_has_another_journal(tmp_path):
    source, target = filled(memory(file_type="json")), memory()
    other = filled(memory(file_type="json"), {"a": 5, "z": 6})
    source.copy_to(target)
    assert other.copy_to(target)[:2] == (2, 0)
    assert target["a"] == 5 and len(journals(target)) == 2
    assert source.copy_to(target)[:2] == (1, 3), "what the other changed is copied again"
    pickles = PersiDict(source.backend)
    pickles.update({"a": 7})
    assert pickles.copy_to(target)[:2] == (1, 0) and target["a"] == 7
    assert source.get_subdict("b").copy_to(target)[:2] == (2, 0)


def test_what_a_journal_says_of_another_layer_does_not_count():
    class Shouting(Layer):
        def read_bytes(self, path):
            return self.wrapped.read_bytes(path).upper()

        def read_versioned(self, path, unless=None):
            data, stat = self.wrapped.read_versioned(path)
            return data.upper(), stat

    store, text = MemoryBackend(), {"file_type": "txt", "base_class_for_values": str}
    quiet, loud = PersiDict(store, **text), PersiDict(Shouting(store), **text)
    quiet["a"] = "hello"
    target = memory(**text)
    for source, wanted in ((quiet, "hello"), (loud, "HELLO")):
        assert source.copy_to(target)[:2] == (1, 0) and target["a"] == wanted


# The journal.


def test_the_journal_is_no_item_of_anything(tmp_path):
    source = filled(memory())
    target = folder(tmp_path, "there").get_subdict("sub")
    whole = folder(tmp_path, "there")
    source.copy_to(target)
    (path,) = journals(whole)
    assert path.startswith("sub_") and "." not in path
    for file_type in ("pkl", "json", path.rpartition("/")[2]):
        kind = None if file_type == "pkl" else str
        for d in (whole, whole.get_subdict("sub")):
            params = {"file_type": file_type, "base_class_for_values": kind, "digest_len": 8}
            d = PersiDict(d.backend, prefix=d.prefix, **params)
            assert len(d) == len(list(d)) == len(list(d.values())) == 4 * (kind is None)
            assert bool(d) == (kind is None)
            findings = check(d, values=True)
            assert findings.healthy and findings.journals == 1
            assert findings.other_types == ({} if kind is None else {"pkl": 4})
    assert set(whole.subdicts()) == {"sub"} and set(target.subdicts()) == {"b"}
    assert "journals of copies to here: 1" in str(check(whole))
    target.clear()
    assert not target and len(target) == 0 and list(target.children()) == []


def test_a_journal_is_small_and_holds_no_key():
    source = filled(memory(), {f"secret{number}": number for number in range(3000)})
    target = memory()
    source.copy_to(target)
    text = target.backend.read_bytes(journals(target)[0])
    assert len(text) < 40 * 3000 and b"secret" not in text


def damages(text):
    lines = text.split(b"\n")
    yield b""
    yield b"\n" * 258
    yield text[:-1]
    yield text + b"\n"
    yield text[: len(text) // 2]
    yield text.replace(b"copied 1", b"copied 2")
    yield b"\n".join([lines[0], *reversed(lines[1:-2]), *lines[-2:]])
    yield b"\n".join([*lines[:-2], b"0" * 32, b""])
    yield b"\x80\x04\x95" + bytes(100)
    yield bytes(range(256)) * 100


def test_a_damaged_journal_is_done_without(caplog):
    source, target = filled(memory()), memory()
    source.copy_to(target)
    (path,) = journals(target)
    text = target.backend.read_bytes(path)
    for bad in damages(text):
        target.backend.write_bytes(path, bad)
        with caplog.at_level(logging.WARNING, "persidict"):
            assert source.copy_to(target)[:2] == (4, 0)
        assert "so that all is copied" in caplog.text
        caplog.clear()
        assert source.copy_to(target)[:2] == (0, 4)


def test_a_journal_whose_seal_is_right_may_still_hold_nonsense():
    from persidict_core.journal import _hash_of

    source, target = filled(memory()), memory()
    source.copy_to(target)
    (path,) = journals(target)
    head, *lines = target.backend.read_bytes(path).split(b"\n")[:-2]
    for nonsense in (b"====", b"AAAA", b"\xff" * 32, b"A" * 32 + b" ", b"/" * 32):
        body = [head, nonsense, *lines[1:]]
        target.backend.write_bytes(path, b"\n".join([*body, _hash_of(*body), b""]))
        assert source.copy_to(target)[:2] == (4, 0)


def test_a_journal_that_is_too_long_is_not_read_whole(monkeypatch):
    monkeypatch.setattr("persidict_core.journal._MOST_BYTES", 1000)
    source, target = filled(memory()), memory()
    source.copy_to(target)
    (path,) = journals(target)
    target.backend.write_bytes(path, target.backend.read_bytes(path) + b"\n" * 10_000_000)
    assert source.copy_to(target)[:2] == (4, 0)


def test_a_journal_that_cannot_be_written_or_read_is_no_failure(caplog):
    class NoJournals(ObservingLayer):
        def before(self, verb, path):
            if is_journal(path):
                raise BackendError("no", "", verb, path)

    source, target = filled(memory()), PersiDict(NoJournals(MemoryBackend()))
    for _ in range(2):
        assert source.copy_to(target)[:2] == (4, 0)
    assert "another run copies again" in caplog.text and dict(target) == ITEMS


def test_what_the_source_has_no_more_is_forgotten():
    source, target = filled(memory()), memory()
    source.copy_to(target)
    sizes = [len(target.backend.read_bytes(*journals(target)))]
    source.delete_many(["a", "f"])
    source.copy_to(target)
    sizes.append(len(target.backend.read_bytes(*journals(target))))
    assert sizes[1] < sizes[0]
    source.clear()
    assert source.copy_to(target, delete=True) == Copied(0, 0, 4, 0)
    assert list(target.backend.list_prefix()) == []


# Other formats, and other demands.


def test_values_are_converted_where_the_file_types_differ(tmp_path):
    source, target = filled(memory()), folder(tmp_path, file_type="json")
    source["bad"] = {1: 2}
    source["worse"] = object
    with pytest.raises(BulkError) as caught:
        source.copy_to(target, delete=True)
    assert set(caught.value.failures) == {"bad"}
    assert isinstance(caught.value.failures["bad"], SerializationError)
    assert dict(target) == {**ITEMS, "worse": object}
    del source["bad"]
    assert source.copy_to(target) == Copied(0, 5, 0, 0)
    target.copy_to(back := memory())
    assert dict(back) == dict(target)


def test_large_values_are_converted_too():
    source, target = memory(), memory(file_type="json")
    source["a"] = "x" * LARGE
    assert source.copy_to(target)[:2] == (1, 0) and target["a"] == source["a"]


def test_a_store_is_converted_in_its_place(tmp_path):
    source = filled(folder(tmp_path))
    target = folder(tmp_path, file_type="json")
    assert source.copy_to(target)[:2] == (4, 0)
    assert dict(target) == dict(source) == ITEMS
    assert source.copy_to(target)[:2] == (0, 4)


def test_text_of_one_ending_is_not_taken_for_another_format(tmp_path):
    text = memory(file_type="npy", base_class_for_values=str)
    text["a"] = "hello"
    with pytest.raises(BulkError):
        text.copy_to(arrays := memory(file_type="npy"))
    assert not arrays


def test_what_the_target_demands_is_looked_at():
    source = filled(memory(), {"a": 1, "b": "text"})
    with pytest.raises(BulkError) as caught:
        source.copy_to(target := memory(base_class_for_values=int))
    assert set(caught.value.failures) == {"b"} and dict(target) == {"a": 1}
    assert "int" in str(caught.value)
    assert target.backend.read_bytes("a.pkl") == source.backend.read_bytes("a.pkl")
    booleans = filled(memory(base_class_for_values=bool), {"a": True})
    booleans.backend.write_bytes("b.pkl", b"no pickle: nobody looks")
    assert booleans.copy_to(memory(base_class_for_values=int))[:2] == (2, 0)


ran = []


class Dangerous:
    """Runs when it is read."""

    def __reduce__(self):
        return ran.append, ("!",)


@pytest.mark.parametrize("file_type", ["pkl", "json"])
@pytest.mark.parametrize("there", ["pkl", "json"])
def test_nothing_that_could_run_code_is_run_or_passed_on_where_that_is_forbidden(file_type, there):
    store = MemoryBackend()
    wild = PersiDict(store, file_type=file_type)
    if file_type == "pkl":
        wild["bad"] = Dangerous()
    else:
        code = b'{"py/reduce": [{"py/function": "tests.core.test_copying.ran.append"}, ["!"]]}'
        store.write_bytes("bad.json", code)
    ran.clear()
    careful = {"allow_pickle": False}
    ways = [
        (wild, memory(file_type=there, **careful)),
        (PersiDict(store, file_type=file_type, **careful), memory(file_type=there)),
        (
            PersiDict(store, file_type=file_type, **careful),
            memory(file_type=there, base_class_for_values=int),
        ),
    ]
    for source, target in ways:
        untouched = source._serializer.allow_pickle is False and file_type == there
        if untouched and target.base_class_for_values is None:
            assert source.copy_to(target)[0] == 1  # As bytes, of which nobody reads anything.
        elif file_type != there and source is wild:
            continue  # It may be read there, and what comes of it is data.
        else:
            with pytest.raises(BulkError, match="allow_pickle"):
                source.copy_to(target)
            assert not target
        assert ran == []


def test_limits_of_both_are_obeyed():
    source = filled(memory(file_type="json"), {"short": 1, "long": "x" * 100})
    source["huge"] = "x" * LARGE
    for here, there in ((50, None), (None, 50), (50, 1000)):
        limited = PersiDict(source.backend, file_type="json", max_value_bytes=here)
        target = memory(file_type="json", max_value_bytes=there)
        with pytest.raises(BulkError, match="more than max_value_bytes=50") as caught:
            limited.copy_to(target)
        assert set(caught.value.failures) == {"long", "huge"} and dict(target) == {"short": 1}


def test_a_value_that_grows_while_it_is_copied_does_not_slip_through():
    class Growing(ObservingLayer):
        def before(self, verb, path):
            if verb in ("read_versioned", "read_file"):
                self.wrapped.write_bytes(path, b"x" * (2 * LARGE))

    for size in (10, LARGE):
        store = MemoryBackend()
        store.write_bytes("a.txt", b"y" * size)
        text = {"file_type": "txt", "base_class_for_values": str}
        source = PersiDict(Growing(store), max_value_bytes=LARGE + 10, **text)
        with pytest.raises(BulkError, match="max_value_bytes"):
            source.copy_to(target := memory(**text))
        assert list(target.backend.list_prefix()) == []


def test_keys_that_are_too_long_for_the_target_are_told(tmp_path):
    source = filled(memory(), {"x" * 250: 1, "b": 2})
    with pytest.raises(BulkError) as caught:
        source.copy_to(target := folder(tmp_path))
    assert set(caught.value.failures) == {"x" * 250} and dict(target) == {"b": 2}


# What is refused.


def places(tmp_path):
    store = MemoryBackend()
    whole = PersiDict(store)
    yield whole, whole
    yield whole, PersiDict(store, digest_len=4)
    yield whole, whole.get_subdict("b")
    yield whole.get_subdict(("b", "d")), whole.get_subdict("b")
    yield whole, WriteOnceDict(whole)
    yield PersiDict(store, read_only=True), whole
    yield whole, PersiDict(PrefixBackend(store, "backup/"))
    yield whole, PersiDict(CompressedBackend(store))
    yield PersiDict(store, cache=MemoryBackend()), whole
    yield PersiDict(five := FiveVerbs()), PersiDict(five, prefix="x")
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    yield folder(tmp_path), folder(link)
    yield folder(tmp_path), folder(tmp_path, fsync=True)
    yield folder(tmp_path), folder(tmp_path / "d", "backup")
    yield folder(tmp_path / "d", "backup"), folder(tmp_path)


def test_a_copy_onto_itself_is_refused_before_anything(tmp_path):
    for source, target in places(tmp_path):
        filled(source) if not source.read_only else None
        before = {path: source.backend.read_bytes(path) for path in source.backend.list_prefix()}
        for way in ({}, {"dry_run": True}, {"delete": True}):
            with pytest.raises(ValueError, match="one lies in the other"):
                source.copy_to(target, **way)
        after = {path: source.backend.read_bytes(path) for path in source.backend.list_prefix()}
        assert before == after


def test_places_side_by_side_are_not_one_another(tmp_path):
    store = MemoryBackend()
    whole = filled(PersiDict(store))
    assert whole.get_subdict("b").copy_to(whole.get_subdict("bb"))[:2] == (2, 0)
    assert whole.copy_to(PersiDict(MemoryBackend()))[0] == 6
    source = filled(folder(tmp_path))
    assert source.copy_to(folder(tmp_path, "dd"))[:2] == (4, 0)
    assert filled(PersiDict(FiveVerbs())).copy_to(PersiDict(FiveVerbs()))[:2] == (4, 0)


def test_what_cannot_be_a_target_is_refused_at_once(tmp_path):
    source = filled(memory())
    for other in ({}, MemoryBackend(), "memory://", PersiDict):
        with pytest.raises(TypeError, match="update"):
            source.copy_to(other)
    with pytest.raises(NotSupported, match="read_only"):
        source.copy_to(folder(tmp_path, "none", read_only=True))
    assert not (tmp_path / "none").exists()
    for flag in ("dry_run", "delete"):
        with pytest.raises(TypeError, match=flag):
            source.copy_to(memory(), **{flag: "yes"})
    with pytest.raises(TypeError, match="progress"):
        source.copy_to(target := memory(), progress=True)
    assert not target
    with pytest.raises(ValueError, match="immutable"):
        source.copy_to(memory(immutable_items=True), delete=True)
    immutable = memory()
    immutable.immutable_items, immutable.backend = True, PersiDict(FiveVerbs()).backend
    immutable._layered = immutable.backend
    with pytest.raises(NotSupported, match="if_absent"):
        source.copy_to(immutable)


# Immutable targets.


def test_an_immutable_item_that_differs_is_a_failure():
    for make in (lambda store: PersiDict(store, immutable_items=True), None):
        store = MemoryBackend()
        target = make(store) if make else WriteOnceDict(PersiDict(store))
        target.update({"a": 1, "b": 2, "large": "x" * LARGE, "longer": "x"})
        source = filled(memory(), {"a": 1, "b": 3, "c": 4, "large": "x" * LARGE})
        source["longer"] = "xy"
        with pytest.raises(BulkError) as caught:
            source.copy_to(target)
        assert set(caught.value.failures) == {"b", "longer"}
        assert all(isinstance(e, ImmutableItemError) for e in caught.value.failures.values())
        assert dict(target) == {**source, "b": 2, "longer": "x"}
        source.delete_many(["b", "longer"])
        assert source.copy_to(target) == Copied(0, 3, 0, 0)


# Deleting.


def test_delete_makes_the_target_the_same(tmp_path):
    source, target = filled(memory()), folder(tmp_path)
    target.update({"a": 0, "old": 1, ("b", "old"): 2})
    other = folder(tmp_path, file_type="json")
    other["kept"] = 1
    assert source.copy_to(target, delete=True, dry_run=True)[:3] == (4, 0, 2)
    assert set(target) == {"a", "old", ("b", "old")}
    assert source.copy_to(target, delete=True)[:3] == (4, 0, 2)
    assert dict(target) == ITEMS and dict(other) == {"kept": 1}
    assert source.copy_to(target, delete=True) == Copied(0, 4, 0, 0)


def test_nothing_is_deleted_unless_all_was_copied():
    source, target = filled(memory()), memory(base_class_for_values=int)
    target["old"] = 1
    with pytest.raises(BulkError):
        source.copy_to(target, delete=True)
    assert dict(target) == {"old": 1, "a": 1}


def test_nothing_is_deleted_where_the_source_has_vanished_meanwhile(tmp_path):
    class Vanishing(ObservingLayer):
        def before(self, verb, path):
            if verb == "read_versioned":
                self.wrapped._store.objects.clear()

    store = MemoryBackend()
    filled(PersiDict(store))
    target = filled(memory(), {"old": 1})
    with pytest.raises(BackendError, match="vanished"):
        PersiDict(Vanishing(store)).copy_to(target, delete=True)
    assert "old" in target


def test_without_etags_it_is_known_what_to_delete():
    source, target = filled(PersiDict(FiveVerbs())), filled(memory(), {"old": 1})
    assert source.copy_to(target, delete=True)[:3] == (4, 0, 1)
    assert dict(target) == ITEMS


# A rehearsal.


def test_a_dry_run_counts_and_writes_nothing(tmp_path):
    source = filled(folder(tmp_path, "here"))
    writing = FailingBackend(
        MemoryBackend(),
        dict.fromkeys(("write_bytes", "write_if", "write_file", "delete"), BackendError),
    )
    target = PersiDict(writing)
    total = sum(stat.size for stat in source.backend.list_stats())
    assert source.copy_to(target, dry_run=True, delete=True) == Copied(4, 0, 0, total)
    nowhere = PersiDict(FileBackend(tmp_path / "none"))
    assert source.copy_to(nowhere, dry_run=True)[0] == 4 and not (tmp_path / "none").exists()
    source.copy_to(target := memory())
    source["a"] = 5
    before = list(target.backend.list_stats())
    assert source.copy_to(target, dry_run=True)[:2] == (1, 3)
    assert list(target.backend.list_stats()) == before


# Faults.


def stored(count=3000, size=10):
    return filled(memory(), {f"k{number:05}": "x" * size for number in range(count)})


def test_what_cannot_be_read_or_written_is_told_and_all_else_is_copied(tmp_path):
    class Failing(ObservingLayer):
        def before(self, verb, path):
            if path.startswith("k0000") and verb in verbs:
                raise BackendError("broken", "it", verb, path)

    for verbs in (("read_versioned",), ("write_bytes",)):
        source, target = stored(100), memory()
        if verbs == ("read_versioned",):
            source = PersiDict(Failing(source.backend))
        else:
            target = PersiDict(Failing(MemoryBackend()))
        with pytest.raises(BulkError, match=r"10 items failed, all others were done.*broken"):
            source.copy_to(target)
        assert len(target) == 90
        verbs = ()
        assert source.copy_to(target)[:2] == (10, 90)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_store_that_vanishes_ends_the_copy_which_goes_on_later(side):
    source, store = stored(), MemoryBackend()
    verbs = ("read_versioned", "list_some") if side == "source" else ("write_bytes", "list_some")
    failing = FailingBackend(
        source.backend if side == "source" else store,
        dict.fromkeys(verbs, lambda path: BackendError("the line is dead", "it", "", path)),
        after=1500,
    )
    if side == "source":
        first = PersiDict(failing).copy_to, PersiDict(store)
    else:
        first = source.copy_to, PersiDict(failing)
    with pytest.raises(BackendError, match="the line is dead; 1500 items were copied before"):
        first[0](first[1])
    failing.times = 0
    done = first[0](first[1])
    assert done[:2] == (1500, 1500) and len(PersiDict(store)) == 3000


def test_a_source_that_has_vanished_is_asked_for_few_items():
    class Gone(Layer):
        def read_versioned(self, path, unless=None):
            asked.append(path)
            raise BackendError("the line is dead", "it", "read_versioned", path)

        def list_some(self, prefix="", count=1):
            raise BackendError("the line is dead", "it", "list_some", prefix)

    asked = []
    with pytest.raises(BackendError, match="the line is dead; 0 items were copied before"):
        PersiDict(Gone(stored().backend)).copy_to(memory())
    assert len(asked) == 10, "each may take as long as a connection that nobody answers"


def test_a_listing_that_breaks_off_ends_the_copy_which_goes_on_later():
    class Breaking(Layer):
        def list_stats(self, prefix=""):
            for number, stat in enumerate(self.wrapped.list_stats(prefix)):
                if number == broken:
                    raise BackendError("the line is dead", "it", "list_stats", prefix)
                yield stat

    broken = 2500
    source, target = PersiDict(Breaking(stored().backend)), memory()
    with pytest.raises(BackendError, match="2000 items were copied before that"):
        source.copy_to(target, delete=True)
    broken = -1
    assert source.copy_to(target)[:2] == (1000, 2000)


def test_it_gives_up_where_all_fails():
    source = stored()
    failing = FailingBackend(MemoryBackend(), {"write_bytes": lambda path: BackendError("full")})
    with pytest.raises(BackendError, match=r"1000 items in a row failed.*full; 0 items were"):
        source.copy_to(PersiDict(failing))


def test_an_interrupted_copy_goes_on_where_it_was():
    source, target = stored(), memory()
    with pytest.raises(KeyboardInterrupt):
        source.copy_to(target, progress=interrupting(after=1500))
    assert source.copy_to(target)[0] < 1600
    assert dict(target) == dict(source)


def test_a_second_interruption_forgets_nothing_of_the_first_run():
    source, target = stored(), memory()
    for after in (1500, 700):
        with pytest.raises(KeyboardInterrupt):
            source.copy_to(target, progress=interrupting(after=after))
    assert source.copy_to(target)[0] < 1600


def interrupting(after):
    def progress(done, total):
        if done >= after:
            raise KeyboardInterrupt

    return progress


@pytest.fixture(autouse=True)
def _told_of_each_step(monkeypatch, request):
    if "interrupt" in request.node.name or "progress" in request.node.name:
        monkeypatch.setattr("persidict_core.progress._PAUSE", 0.0)


CHILD = """
    import os, signal, sys
    from persidict_core import copying, progress
    from persidict_file import FileDirDict

    copying.JOURNAL_SECONDS = copying._JOURNAL_SHARE = progress._PAUSE = 0
    source, target = (FileDirDict(path, fsync=False) for path in sys.argv[1:3])

    def end_once_there_is_a_journal(done, total):
        if any(name.startswith("persidict-copied") for name in os.listdir(target.base_dir)):
            os.kill(os.getpid(), signal.SIGKILL)

    source.copy_to(target, progress=end_once_there_is_a_journal)
"""


def test_a_copy_that_was_killed_is_finished_by_another_run(tmp_path):
    source = filled(
        folder(tmp_path, "here"),
        {(f"g{number % 7}", f"k{number}"): number for number in range(4000)},
    )
    target = folder(tmp_path, "there")
    command = [sys.executable, "-c", textwrap.dedent(CHILD), source.base_dir, target.base_dir]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    there = len(target)
    assert 0 < there < 4000
    done = source.copy_to(target)
    assert 0 < done.unchanged <= there and done.copied == 4000 - done.unchanged
    assert dict(target) == dict(source) and check(target, values=True).unreadable.total == 0


@pytest.mark.root
@pytest.mark.parametrize("fsync", [False, True])
def test_a_full_disk_is_told_and_the_rest_is_copied_once_there_is_room(fsync, tmp_path):
    source = memory()
    source.update({f"k{number}": random.Random(number).randbytes(60 << 10) for number in range(64)})
    with mounted("tmpfs", tmp_path, "size=2040k") as disk:
        target = folder(disk, fsync=fsync)
        with pytest.raises(BulkError, match="No space left") as caught:
            source.copy_to(target, delete=True)
        there = len(target)
        assert 20 < there == 64 - len(caught.value.failures) < 40
        assert all(isinstance(each, BackendError) for each in caught.value.failures.values())
        subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True, timeout=60)
        assert source.copy_to(target)[:2] == (64 - there, there)
        assert dict(target) == dict(source) and check(target, values=True).healthy


def test_the_journal_is_written_now_and_then(monkeypatch):
    monkeypatch.setattr(copying, "JOURNAL_SECONDS", 0.0)
    monkeypatch.setattr(copying, "_JOURNAL_SHARE", 0)
    target = CountingBackend(MemoryBackend())
    stored(20).copy_to(PersiDict(target))
    assert target.counts["write_file"] == 21


# Layers, and many at once.


def test_a_cache_of_the_target_is_no_obstacle():
    source = filled(memory(), {"a": 1})
    for immutable in (False, True):
        store, cache = MemoryBackend(), MemoryBackend()
        target = PersiDict(store, cache=cache, immutable_items=immutable)
        source.copy_to(target)
        assert target["a"] == 1 and dict(target) == {"a": 1}
        names = len(list(cache.list_prefix()))
        source.copy_to(target)
        assert len(list(cache.list_prefix())) == names <= 1


def test_a_target_that_copies_by_itself_is_let_to():
    class Copying(MemoryBackend):
        def copies_from(self, source, size=0):
            return isinstance(source, MemoryBackend)

        def write_bytes(self, path, data):
            assert is_journal(path)
            return super().write_bytes(path, data)

        def copy_many(self, source, pairs):
            for there, here in pairs:
                asked.append(here)
                yield here, MemoryBackend.write_bytes(self, here, source.read_bytes(there))

    asked = []
    source, target = filled(memory()), PersiDict(Copying())
    assert source.copy_to(target)[:2] == (4, 0) and len(asked) == 4
    assert PersiDict(source.backend, read_only=True).copy_to(target) == Copied(0, 4, 0, 0)
    plain = PersiDict(PrefixBackend(Copying(), "p/"))
    assert source.copy_to(plain)[:2] == (4, 0) and asked[4].startswith("p/")
    with pytest.raises(BulkError, match="AssertionError"):
        source.copy_to(PersiDict(CompressedBackend(Copying())))
    with pytest.raises(BulkError, match="AssertionError"):
        source.copy_to(PersiDict(Copying(), base_class_for_values=int))


def test_as_many_are_under_way_as_the_store_that_can_do_more_allows():
    running, most, lock = [0], [0], threading.Lock()
    gate = threading.Barrier(4)

    class Slow(ObservingLayer):
        concurrency = 4

        def before(self, verb, path):
            if verb in ("read_versioned", "write_bytes"):
                with lock:
                    running[0] += 1
                    most[0] = max(most[0], running[0])
                gate.wait(30)
                with lock:
                    running[0] -= 1

    for here, there in ((Slow, None), (None, Slow)):
        most[0] = 0
        source = stored(40)
        target = memory()
        source, target = (
            PersiDict(wide(d.backend, kind)) for d, kind in ((source, here), (target, there))
        )
        assert source.copy_to(target)[:2] == (40, 0) and most[0] == 4


def wide(backend, kind):
    if kind is None:
        return backend
    layer = kind(backend)
    layer.concurrency = 4
    return layer


def test_memory_stays_flat_with_large_values(tmp_path):
    source, target = folder(tmp_path, "here"), folder(tmp_path, "there")
    for number in range(6):
        with source.backend.write_file(source.path_of(f"k{number}")) as file:
            for _ in range(16):
                file.write(random.Random(number).randbytes(1 << 20))
    with measured() as peak:
        assert source.copy_to(target)[:2] == (6, 0)
    assert peak.megabytes < 24
    for key in source:
        stats = [Path(d.base_dir, d.path_of(key)).read_bytes() for d in (source, target)]
        assert stats[0] == stats[1]


def test_records_take_few_bytes_and_the_last_counts():
    from persidict_core.journal import Records, hashed

    records = Records()
    for round_ in range(3):
        for number in range(2000):
            records.add(hashed(f"p{number}"), hashed(f"{round_}"), hashed("t"))
    for number in range(2000):
        assert records.find(hashed(f"p{number}")) == (hashed("2"), hashed("t"))
    assert records.find(hashed("none")) is None and len(records) == 6000
    again = Records.of_lines([line[:-1] for line in records.lines()])
    assert again.find(hashed("p7")) == (hashed("2"), hashed("t"))


def test_two_copies_at_once_to_one_place_lose_nothing():
    source, target = stored(400), memory()
    threads = [threading.Thread(target=source.copy_to, args=(target,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert dict(target) == dict(source)
    source.copy_to(target)
    assert source.copy_to(target) == Copied(0, 400, 0, 0)


def test_a_racing_insert_into_an_immutable_target_is_kept():
    class Faster(ObservingLayer):
        def before(self, verb, path):
            if verb == "write_if":
                self.wrapped.write_if(path, b"theirs", ABSENT)

    store = MemoryBackend()
    target = PersiDict(Faster(store), immutable_items=True)
    with pytest.raises(BulkError):
        filled(memory(), {"a": 1}).copy_to(target)
    assert store.read_bytes("a.pkl") == b"theirs"


@pytest.mark.parametrize("where", ["memory", "files"])
def test_a_key_that_looks_like_another_with_a_digest_is_told(tmp_path, where):
    """Both would be one item in the target."""
    source = filled(memory(digest_len=0), {"a": 1, "b": 2, ("c", "a_btaxlooa"): 3, "a_btaxlooa": 4})
    target = memory(digest_len=8) if where == "memory" else folder(tmp_path)
    with pytest.raises(BulkError, match="would be taken for another key") as caught:
        source.copy_to(target)
    assert set(caught.value.failures) == {("c", "a_btaxlooa"), "a_btaxlooa"}
    assert target == {"a": 1, "b": 2}
    plain = memory(digest_len=0)
    source.copy_to(plain)
    assert plain == source


def test_a_folder_of_a_name_that_is_no_utf_8_can_be_copied(tmp_path):
    source = filled(FileDirDict(tmp_path / os.fsdecode(b"caf\xe9"), fsync=False))
    target = memory()
    assert source.copy_to(target).copied == source.copy_to(target).unchanged == len(ITEMS)
    assert PersiDict(source.backend, cache=tmp_path / "cache", file_type="pkl") == ITEMS
    assert any((tmp_path / "cache").iterdir())
