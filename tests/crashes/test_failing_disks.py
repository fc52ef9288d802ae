"""Disks that fail or are full, seen from a dictionary: an error that says where, nothing torn."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from persidict_core import BackendError, BulkError, PersiDict
from persidict_file import FileDirDict, groups
from tests.crashes.steps import Case, Key, Step, cases, faults, perform, read
from tests.file.mounts import mounted, mounted_read_only

CALLS = (
    *("open", "close", "write", "pread", "stat", "lstat", "fstat", "utime", "rename", "replace"),
    *("link", "unlink", "mkdir", "rmdir", "scandir"),
)


def more_cases() -> Iterator[Any]:
    """Also more items than are flushed one by one, and, last, whether what is made is immutable."""
    many: list[Key] = [("folder" if n % 3 else "below", str(n)) for n in range(9)]
    nine = Case(dict.fromkeys(many, b"old"), Step("update", dict.fromkeys(many, b"new")))
    for case in [*cases(), nine]:
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


class FailingCall:
    """Lets one of the system's calls fail.

    Args:
        number: Which of the calls.
        stays: Whether all after it fail, too.
    """

    def __init__(self, number: int, stays: bool) -> None:
        self.left = number
        self.failed = ""
        self._stays = stays

    @contextmanager
    def played(self) -> Iterator[None]:
        """While this is open, calls are counted, and fail."""
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self.instead_of(name, getattr(os, name)))
            patch.setattr(os, "fsync", self.instead_of("fsync", lambda descriptor: None))
            patch.setattr(fcntl, "flock", self.instead_of("flock", fcntl.flock))
            syncfs = self.instead_of("syncfs", lambda descriptor: 0)
            patch.setattr(groups, "_syncfs", lambda: partial(_number_of_the_error, syncfs))
            yield

    def instead_of(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def fail_or_call(*arguments: Any, **named: Any) -> Any:
            if _never_fails(name, arguments):
                return call(*arguments)
            self.left -= 1
            if self.left == 0 or (self._stays and self.left < 0):
                self.failed = self.failed or name
                if name == "close":
                    call(*arguments)  # It is closed all the same.
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return call(*arguments, **named)

        return fail_or_call


def _never_fails(name: str, arguments: tuple[Any, ...]) -> bool:
    """Unlocking fails on nothing that is open, and closing only where bytes were written."""
    if name == "flock":
        return arguments[1] == fcntl.LOCK_UN
    flags = fcntl.fcntl(arguments[0], fcntl.F_GETFL) if name == "close" else os.O_RDWR
    return flags & os.O_ACCMODE == os.O_RDONLY


def _number_of_the_error(syncfs: Callable[[int], int], descriptor: int) -> int:
    try:
        return syncfs(descriptor)
    except OSError as error:
        assert error.errno is not None
        return error.errno


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
        failing = FailingCall(number, stays)
        with failing.played():
            errors = errors_of(d, case.step)
        if failing.left > 0:
            break
        failed.add(failing.failed)
        where = f"{case.step.verb}, {failing.failed}, call {number}: {errors}"
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
        may_stay = stays or failing.failed in ("unlink", "open")
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

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    for name in ("stat", "open"):
        monkeypatch.setattr(os, name, fail)
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
