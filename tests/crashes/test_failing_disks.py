"""Disks that fail or are full, seen from a dictionary: an error that says where, nothing torn."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from persidict_core import BackendError, BulkError, PersiDict, PreconditionFailed
from persidict_file import FileDirDict
from tests.crashes.calls import Calls, fail
from tests.crashes.steps import Case, Key, Step, cases, faults, perform, read
from tests.file.mounts import mounted, mounted_read_only


def more_cases() -> Iterator[Any]:
    """Also more items than are flushed one by one, and, last, whether what is made is immutable."""
    many: list[Key] = [("folder" if n % 3 else "below", str(n)) for n in range(9)]
    nine = Case(dict.fromkeys(many, b"old"), Step("update", dict.fromkeys(many, b"new")))
    yield pytest.param(nine, False, id="update of nine")
    for case in cases():
        yield pytest.param(case, False, id=case.step.verb)
        if case.step.verb in ("set", "setdefault", "update"):
            yield pytest.param(Case({}, case.step), True, id=case.step.verb + "-immutable")


def debris(d: FileDirDict[Any]) -> list[Path]:
    return list(Path(d.base_dir).rglob("+*"))


def errors_of(d: PersiDict[Any], step: Step) -> dict[str, BackendError]:
    """The errors of a step, by key; none if it was done."""
    try:
        perform(d, step)
    except BulkError as error:
        assert all(isinstance(each, BackendError) for each in error.failures.values()), error
        return {"/".join(key): each for key, each in error.failures.items()}
    except BackendError as error:
        return {"/".join(key): error for key in step.items}
    return {}


@pytest.mark.parametrize("stays", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("case, immutable", list(more_cases()))
def test_each_call_of_the_system_may_fail(
    case: Case, immutable: bool, stays: bool, tmp_path: Path
) -> None:
    before = case.before
    root = tmp_path / "store"
    d: FileDirDict[Any] = FileDirDict(root, digest_len=0, immutable_items=immutable)
    anew: FileDirDict[Any] = FileDirDict(root, digest_len=0, fsync=False)
    number = 0
    failed = set()
    while True:
        number += 1
        anew.clear()
        anew.update(before)
        failing = Calls(number, fail, stays)
        with failing.counted():
            errors = errors_of(d, case.step)
        if failing.left > 0:
            break
        failed.add(failing.at)
        where = f"{case.step.verb}, {failing.at}, call {number}: {errors}"
        found = read(d)
        assert faults(found, before, case.step) == [], where
        for key, error in errors.items():
            place = repr(d.base_dir if error.operation == "capabilities" else key + ".pkl")
            assert "the device failed" in str(error) and place in str(error), where
        for key, new in case.step.items.items():
            # Without an error all is done, and with one nothing, unless it says so.
            error = errors.get("/".join(key))
            is_done = error is None or "it was done" in str(error)
            assert found.get(key) == (new if is_done else before.get(key)), where
        # What was to be removed stays until it is swept.
        may_stay = stays or failing.at in ("unlink", "open")
        assert debris(d) == [] or may_stay, where
        for name in debris(d):
            name.unlink()
        # No lock is left.
        key = next(iter(case.step.items))
        anew[key] = b"again"
        assert anew.transform(key, lambda value: value + b"!") == b"again!"
    assert failed > {"open", "flock"}
    if len(case.step.items) > 5:
        assert "syncfs" in failed and "fsync" in failed


def test_the_topmost_folder_cannot_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is above it where a folder that is there could be looked for."""
    backend = FileDirDict(tmp_path).backend

    for name in ("stat", "open"):
        monkeypatch.setattr(os, name, lambda *_, **__: fail())
    with pytest.raises(BackendError, match="the device failed"):
        _ = backend.capabilities


@pytest.mark.root
def test_a_full_disk(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path, "size=1m") as point:
        d: FileDirDict[Any] = FileDirDict(point, digest_len=0)
        old = {(f"k{n}",): os.urandom(1000) for n in range(20)}
        d.update(old)
        size = 200_000
        new = {key: os.urandom(size) for key in old}
        for case in cases():
            if case.step.verb in ("set", "set_if", "transform", "create", "setdefault"):
                key = ("new",) if not case.before else ("k1",)
                step = Step(case.step.verb, {key: os.urandom(2_000_000)})
                [error] = errors_of(d, step).values()
                assert "the disk is full" in str(error) and repr(key[0] + ".pkl") in str(error)
                assert read(d) == old and debris(d) == []
        with pytest.raises(BulkError) as caught:
            d.update(new)
        failed = {tuple(key) for key in caught.value.failures}
        assert failed and failed < set(new)
        for key, error in caught.value.failures.items():
            assert "the disk is full" in str(error) and repr("/".join(key) + ".pkl") in str(error)
        assert read(d) == {**new, **{key: old[key] for key in failed}} and debris(d) == []
        # What is full can be emptied, and written again.
        d.delete_many(new)
        d.update(old)
        assert read(d) == old


@pytest.mark.root
def test_a_disk_that_becomes_read_only(tmp_path: Path) -> None:
    d: FileDirDict[Any] = FileDirDict(tmp_path / "store", digest_len=0)
    for case in cases():
        d.clear()
        d.update(case.before)
        with mounted_read_only(tmp_path):
            errors = errors_of(d, case.step)
            assert errors.keys() == {"/".join(key) for key in case.step.items}
            for key, error in errors.items():
                assert "mounted read-only" in str(error) and repr(key + ".pkl") in str(error)
            assert read(d) == case.before
        assert debris(d) == []
        perform(d, case.step)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.step.verb)
def test_the_folder_is_removed_while_the_dictionary_is_open(case: Case, tmp_path: Path) -> None:
    d: FileDirDict[Any] = FileDirDict(tmp_path / "store", digest_len=0)
    d.update(case.before)
    perform(d, case.step)
    shutil.rmtree(d.base_dir)
    assert read(d) == {} and len(d) == 0
    # It begins anew.
    d.update(case.before)
    perform(d, case.step)
    assert faults(read(d), {**case.before, **case.step.items}, case.step) == []
    other: FileDirDict[Any] = FileDirDict(tmp_path / "store", digest_len=0)
    assert read(other) == read(d)


@pytest.mark.parametrize("case, immutable", list(more_cases()))
def test_the_folder_is_removed_before_each_call_of_the_system(
    case: Case, immutable: bool, tmp_path: Path
) -> None:
    root = tmp_path / "store"
    anew: FileDirDict[Any] = FileDirDict(root, digest_len=0, fsync=False)
    verb, items = case.step.verb, case.step.items
    number = 0
    while True:
        number += 1
        anew.clear()
        anew.update(case.before)
        root.mkdir(exist_ok=True)
        # A new one: it has still to find out what the file system promises.
        d: FileDirDict[Any] = FileDirDict(root, digest_len=0, immutable_items=immutable)
        removing = Calls(number, partial(shutil.rmtree, root))
        refused = None
        with removing.counted():
            try:
                perform(d, case.step)
            except (KeyError, PreconditionFailed, TypeError) as error:
                refused = error
        if removing.left > 0:
            break
        where = f"{verb}, {removing.at}, call {number}: {refused!r}"
        # Whoever deletes, or replaces a version, is told that it is gone; who writes, writes.
        allowed = {
            "delete": KeyError,
            "pop": KeyError,
            "set_if": PreconditionFailed,
            "delete_if": (PreconditionFailed, TypeError),  # The etag that is given may be ABSENT.
        }
        assert refused is None or isinstance(refused, allowed.get(verb, ())), where
        # What got its name since is there, and nothing else is; and all got it, before or since.
        found = read(d)
        assert found == {key: items[key] for key in found}, where
        before, since = (
            calls["rename"] + calls["link"] for calls in (removing.before, removing.since)
        )
        assert len(found) == since, where
        is_written = refused is None and None not in items.values()
        assert before + since == (len(items) if is_written else 0), where
        assert debris(d) == [], where
        key = next(iter(items))
        anew[key] = b"again"
        assert anew.transform(key, lambda value: value + b"!") == b"again!"
    assert number > 5


def test_what_cannot_be_found_out_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no descriptor to spare, nothing is said of the file system, once and for all."""
    FileDirDict(tmp_path)["a"] = 1
    expected = FileDirDict(tmp_path).backend.capabilities
    assert expected.if_match
    # A folder with whole seconds makes it try how finely times are kept.
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda *place, **named: _Whole(stat(*place, **named)))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    refused = 0
    with _no_gap_below(tmp_path) as lowest:
        for spare in range(4):
            backend = FileDirDict(tmp_path, digest_len=8).backend
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, before[1]))
                found = backend.capabilities
            except BackendError as error:
                assert "too many files are open" in str(error)
                refused += 1
            else:
                assert found == expected
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            assert backend.capabilities == expected
    assert refused == 2


@contextmanager
def _no_gap_below(folder: Path) -> Iterator[int]:
    """The lowest number of a descriptor above which none is in use, with all below it in use."""
    fillers = [os.open(folder, os.O_RDONLY)]
    try:
        # The listing has a descriptor itself, the last one.
        while fillers[-1] < max(map(int, os.listdir("/proc/self/fd"))) - 1:
            fillers.append(os.open(folder, os.O_RDONLY))
        yield fillers[-1] + 1
    finally:
        for filler in fillers:
            os.close(filler)


class _Whole:
    """A stat of a file that was made in the first moment of a second."""

    def __init__(self, found: os.stat_result) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._found, name)
        return found - found % 1_000_000_000 if name.endswith("_ns") else found
