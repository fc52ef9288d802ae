"""A group of writes: how much is taken at a time, what is flushed, and what becomes of each."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from persidict_core import ABSENT, ANY, Expect, Marker, NotSupported, PreconditionFailed
from persidict_file import groups, locks
from persidict_file.folders import Folders
from persidict_file.groups import Group, Write, grouped
from persidict_file.versions import etag_of, stat_of


class TestGrouped:
    @pytest.fixture(autouse=True)
    def bounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(groups, "MOST_ITEMS", 3)
        monkeypatch.setattr(groups, "MOST_BYTES", 10)

    def test_by_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert list(grouped(range(7))) == [[0, 1, 2], [3, 4, 5], [6]]
        assert list(grouped([])) == []
        # Where no size is told, none counts.
        monkeypatch.setattr(groups, "MOST_BYTES", 1)
        assert list(grouped(range(6))) == [[0, 1, 2], [3, 4, 5]]

    def test_by_bytes(self) -> None:
        sizes = [4, 6, 9, 1, 3, 20, 1, 1, 1, 9, 1]
        assert list(grouped(sizes, lambda size: size)) == [[4, 6], [9, 1], [3, 20], [1] * 3, [9, 1]]

    def test_lazily(self) -> None:
        source = iter(range(10))
        found = grouped(source)
        assert next(found) == [0, 1, 2] and next(source) == 3

    @pytest.mark.parametrize("number", [2, 3])
    def test_an_error_comes_after_what_came_before(self, number: int) -> None:
        def items() -> Iterator[int]:
            yield from range(number)
            raise RuntimeError("the source broke")

        found = grouped(items())
        assert next(found) == list(range(number))
        with pytest.raises(RuntimeError, match="the source broke"):
            next(found)

    def test_an_error_of_a_size(self) -> None:
        found = grouped([1, 0, 1], lambda size: 1 // size)
        assert next(found) == [1]
        with pytest.raises(ZeroDivisionError):
            next(found)


class Alone:
    """Notes what the group could not write, and is written by itself."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    def __call__(self, path: str, data: bytes) -> str:
        self.asked.append((path, data))
        if data == b"fails":
            raise NotSupported(path)
        return "alone"


class Store:
    """A folder, with what a group needs of it.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders = Folders(str(root), fsync=True)
        self.alone = Alone()

    def run(
        self, *items: tuple[str, bytes], expect: Expect | Literal[Marker.ANY] = ANY
    ) -> list[Any]:
        """Write some as one group; give the results."""
        writes = [Write(path, data) for path, data in items]
        Group(self.folders, self.locate, self.alone, expect).run(writes)
        return [write.result for write in writes]

    def locate(self, path: str) -> str:
        if " " in path:
            raise ValueError(path)
        return str(self.root / path)

    def etag(self, path: str) -> str:
        return etag_of((self.root / path).stat())

    def names(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    held = dict(locks._held)
    yield Store(tmp_path)
    assert locks._held == held, "a lock is left"


@pytest.fixture
def flushed(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is flushed: each file or folder, and the file system, by the name that it has then."""
    names: list[str] = []
    fsync = os.fsync

    def note(how: str, descriptor: int) -> int:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        name = os.path.relpath(path, store.root)
        names.append(how + ("+" if "+" in name else name))
        fsync(descriptor)
        return 0

    monkeypatch.setattr(os, "fsync", lambda descriptor: note("", descriptor))
    monkeypatch.setattr(groups, "_syncfs", lambda: lambda descriptor: note("all of ", descriptor))
    return names


def fail_once(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    """Let the first call of a function of the module fail."""
    act = getattr(groups, name)
    left = [error]

    def failing(*arguments: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return act(*arguments, **named)

    monkeypatch.setattr(groups, name, failing)


def test_results_are_of_what_is_there(store: Store) -> None:
    results = store.run(("a", b"1"), ("b ad", b""), ("x/a", b"22"), ("b", b"333"))
    assert isinstance(results.pop(1), ValueError)
    assert results == [store.etag(path) for path in ("a", "x/a", "b")]
    assert [(store.root / path).read_bytes() for path in ("a", "x/a", "b")] == [b"1", b"22", b"333"]
    assert store.names() == {"a", "b", "x", "x/a"} and store.alone.asked == []


def test_a_condition_is_of_each(store: Store) -> None:
    store.run(("a", b"old"))
    old = stat_of("a", (store.root / "a").stat())
    refused, created = store.run(("a", b"new"), ("b", b"new"), expect=ABSENT)
    assert isinstance(refused, PreconditionFailed)
    assert (refused.path, refused.current) == ("a", old) and "ABSENT" in str(refused)
    assert created == store.etag("b") and (store.root / "a").read_bytes() == b"old"
    replaced, refused = store.run(("a", b"new"), ("c", b"new"), expect=old.etag)
    assert isinstance(refused, PreconditionFailed)
    assert (refused.path, refused.current) == ("c", ABSENT) and old.etag in str(refused)
    assert replaced == store.etag("a") != old.etag
    assert store.names() == {"a", "b"}


def test_what_is_there_already_is_not_prepared(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.run(("a", b"old"))
    monkeypatch.setattr(groups, "_write_temporary", lambda *_: pytest.fail("it was prepared"))
    assert isinstance(store.run(("a", b"new"), expect=ABSENT)[0], PreconditionFailed)


def test_few_are_flushed_one_by_one(store: Store, flushed: list[str]) -> None:
    store.run(*((f"{n % 2}/{n}", b"") for n in range(8)))
    assert flushed[:8] == ["+"] * 8, "a file got its name before it was flushed"
    assert flushed[8:].count("0") == flushed[8:].count("1") == 1
    assert not any("all of" in name for name in flushed)


def test_many_are_flushed_at_once(store: Store, flushed: list[str]) -> None:
    store.run(*((f"{n % 2}/{n}", b"") for n in range(9)))
    assert flushed[0] == "all of 0" and flushed.count("0") == flushed.count("1") == 1
    assert not any("all of" in name or "+" in name for name in flushed[1:])


def test_each_file_system_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    answers = {1: 0, 2: errno.EIO}

    def stat_of_device(device: int) -> os.stat_result:
        return os.stat_result((0, 0, device, 0, 0, 0, 0, 0, 0, 0))

    monkeypatch.setattr(os, "fstat", stat_of_device)
    monkeypatch.setattr(
        groups, "_syncfs", lambda: lambda device: (asked.append(device), answers[device])[1]
    )
    monkeypatch.setattr(os, "dup", lambda folder: folder)
    syncfs = groups._syncfs()
    assert syncfs is not None
    monkeypatch.setattr(groups, "is_overlay", lambda device: device == 3)
    overlays = {1: False}
    flusher = groups._Flusher(syncfs, overlays)
    for device in (1, 2, 3, 1, 2, 3):
        assert flusher.watch(device) is (device != 3)
    for device in (1, 2, 3, 1, 2, 3):
        if device != 2:
            flusher.flush(device)
            continue
        with pytest.raises(OSError, match=os.strerror(errno.EIO)) as caught:
            flusher.flush(device)
        assert caught.value.errno == errno.EIO
    assert asked == [1, 2] and overlays == {1: False, 2: False, 3: True}
    closed: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(os, "close", closed.append)
        flusher.close()
    assert closed == [1, 2]


def test_the_real_flush_tells_its_error(tmp_path: Path) -> None:
    flush = groups._syncfs()
    assert flush is not None
    descriptor = os.open(tmp_path, os.O_RDONLY)
    assert flush(descriptor) == 0
    os.close(descriptor)
    assert flush(descriptor) == errno.EBADF


def test_a_root_may_be_that_of_the_file_system(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def instead(folder: str) -> int:
        opened.append(folder)
        return os.open(store.root, os.O_RDONLY)

    monkeypatch.setattr(store.folders, "open", instead)
    monkeypatch.setattr(store.folders, "flush", lambda descriptor, folder: opened.append(folder))
    monkeypatch.setattr(store, "locate", lambda path: f"/{path}")
    assert store.run(("a", b"1")) == [store.etag("a")] and set(opened) == {"/"}


@pytest.mark.parametrize("name", ["_write_temporary", "place"])
def test_what_vanished_is_written_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fail_once(monkeypatch, name, FileNotFoundError())
    results = store.run(("a", b"1"), ("b", b"2"), ("c", b"3"))
    assert results == ["alone", store.etag("b"), store.etag("c")]
    assert store.alone.asked == [("a", b"1")] and store.names() == {"b", "c"}


def test_what_fails_by_itself_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_once(monkeypatch, "place", FileNotFoundError())
    results = store.run(("a", b"fails"), ("b", b"2"))
    assert isinstance(results[0], NotSupported) and results[1] == store.etag("b")


@pytest.mark.parametrize("name", ["_write_temporary", "place"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "failed"), NotSupported("it")])
def test_what_fails_fails_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    fail_once(monkeypatch, name, error)
    results = store.run(("a", b"1"), ("b", b"2"), ("x/c", b"3"))
    assert results == [error, store.etag("b"), store.etag("x/c")]
    assert store.names() == {"b", "x", "x/c"} and store.alone.asked == []


def test_a_folder_that_fails_fails_for_all_in_it(store: Store) -> None:
    (store.root / "file").write_bytes(b"")
    results = store.run(("file/a", b""), ("b", b""), ("file/c d", b""), ("file/e", b""))
    kinds = [type(result) for result in results]
    assert kinds == [NotADirectoryError, str, ValueError, NotADirectoryError]
    assert store.alone.asked == []


def test_a_folder_that_is_not_flushed_fails_for_all_but_the_failed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = OSError(errno.EIO, "failed")

    def fail(descriptor: int, folder: str) -> None:
        raise failed

    monkeypatch.setattr(store.folders, "flush", fail)
    (store.root / "a").write_bytes(b"old")
    results = store.run(("a", b"new"), ("b", b"new"), ("c", b"new"), expect=ABSENT)
    assert isinstance(results[0], PreconditionFailed) and results[1:] == [failed] * 2
    assert store.names() == {"a", "b", "c"}


def test_what_is_not_flushed_gets_no_name(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "_syncfs", lambda: lambda descriptor: errno.EIO)
    results = store.run(*((f"{number % 2}/{number}", b"") for number in range(9)))
    assert [result.errno for result in results] == [errno.EIO] * 9
    assert store.names() == {"0", "1"} and store.alone.asked == []


@pytest.mark.parametrize("how", ["_write_temporary", "flush", "place"])
def test_a_folder_that_goes_is_made_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """At each step, what is left of the group is written, by itself where its file went, too."""
    folder = store.root / "x"

    def first(act: Callable[..., Any]) -> Callable[..., Any]:
        left = [True]

        def going(*arguments: Any, **named: Any) -> Any:
            if left and folder.exists():
                left.clear()
                for path in folder.iterdir():
                    path.unlink()
                folder.rmdir()
            return act(*arguments, **named)

        return going

    if how == "flush":
        monkeypatch.setattr(groups, "_syncfs", lambda: first(lambda descriptor: 0))
    else:
        monkeypatch.setattr(groups, how, first(getattr(groups, how)))
    items = [(f"x/{number}", b"%d" % number) for number in range(9)]
    assert store.run(*items) == ["alone"] * 9 and store.alone.asked == items
    assert store.names() <= {"x"}


@pytest.mark.parametrize("folders", [2, 9])
def test_an_interrupt_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, folders: int
) -> None:
    """Also where the first folder is done with, and has nothing left."""
    place = groups.place
    done: list[str] = []

    def interrupted(folder: int, temporary: str, *rest: Any) -> Any:
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(temporary)
        return place(folder, temporary, *rest)

    monkeypatch.setattr(groups, "place", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.run(*((f"{number % folders}/{number}", b"") for number in range(9)))
    assert store.names() == {"0/0", *map(str, range(folders))} and store.alone.asked == []


def test_without_locks_only_a_version_cannot_be_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "lock", lambda descriptor: False)
    monkeypatch.setattr(groups, "unlock", lambda descriptor: pytest.fail("nothing was locked"))
    assert store.run(("a", b"1")) == [store.etag("a")]
    assert isinstance(store.run(("a", b"2"), expect=ABSENT)[0], PreconditionFailed)
    assert isinstance(store.run(("a", b"2"), expect=store.etag("a"))[0], NotSupported)


def test_files_are_named_under_the_lock_of_their_folder(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = groups.place
    held: list[bool | None] = []

    def looking(*arguments: Any) -> Any:
        descriptor = os.open(store.root, os.O_RDONLY)
        try:
            held.append(locks.try_lock(descriptor))
        finally:
            os.close(descriptor)
        return place(*arguments)

    monkeypatch.setattr(groups, "place", looking)
    store.run(("a", b""), ("b", b""))
    assert held == [False, False]
