"""The model of a disk finds what is wrong with ways of writing that are known to be wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from tests.crashes.disk import Disk, File, State

OLD, NEW = b"old value", b"new value, longer"
Way = Callable[[Disk], Iterator[None]]
"""A way to replace ``f/value``; the power may be cut at each ``yield``, and when it returned."""


def begun() -> Disk:
    """A disk on which the old value lasts."""
    disk = Disk()
    disk.make_folder("f")
    disk.create("f/value").write(0, OLD)
    disk.flush_all()
    return disk


def file(disk: Disk, path: str) -> File:
    found = disk.find(path)
    assert isinstance(found, File)
    return found


def flush(disk: Disk, path: str) -> None:
    disk.find(path).flush()


def rightly(disk: Disk) -> Iterator[None]:
    disk.create("f/+1").write(0, NEW)
    yield
    flush(disk, "f/+1")
    yield
    disk.rename("f/+1", "f/value")
    yield
    flush(disk, "f")


def flushing_all(disk: Disk) -> Iterator[None]:
    disk.create("f/+1").write(0, NEW)
    yield
    disk.flush_all()
    disk.rename("f/+1", "f/value")
    yield
    flush(disk, "f")


def in_place(disk: Disk) -> Iterator[None]:
    file(disk, "f/value").write(0, NEW)
    yield
    flush(disk, "f/value")


def without_flushing_the_file(disk: Disk) -> Iterator[None]:
    disk.create("f/+1").write(0, NEW)
    disk.rename("f/+1", "f/value")
    yield
    flush(disk, "f")


def flushing_the_file_too_late(disk: Disk) -> Iterator[None]:
    disk.create("f/+1").write(0, NEW)
    disk.rename("f/+1", "f/value")
    yield
    flush(disk, "f/value")
    flush(disk, "f")


def without_flushing_the_folder(disk: Disk) -> Iterator[None]:
    disk.create("f/+1").write(0, NEW)
    flush(disk, "f/+1")
    disk.rename("f/+1", "f/value")
    yield


def flushing_the_folder_too_early(disk: Disk) -> Iterator[None]:
    disk.create("f/+1").write(0, NEW)
    flush(disk, "f/+1")
    flush(disk, "f")
    disk.rename("f/+1", "f/value")
    yield


def deleting_first(disk: Disk) -> Iterator[None]:
    disk.create("f/+1").write(0, NEW)
    flush(disk, "f/+1")
    disk.remove("f/value")
    yield
    disk.rename("f/+1", "f/value")
    flush(disk, "f")


def faults(way: Way) -> set[str]:
    """What may be wrong after a power cut: the value torn, lost, or old though acknowledged."""
    disk, found, chance = begun(), set(), random.Random(1)
    for _ in way(disk):
        found |= {fault for state in disk.states(1000, chance) if (fault := _fault(state, OLD))}
    return found | {fault for state in disk.states(1000, chance) if (fault := _fault(state, NEW))}


def _fault(state: State, least: bytes) -> str | None:
    value = dict(state).get("f/value")
    if value is None:
        return "lost"
    if value not in (OLD, NEW):
        return "torn"
    return "old" if (value, least) == (OLD, NEW) else None


@pytest.mark.parametrize(
    ("way", "wrong"),
    [
        (rightly, set()),
        (flushing_all, set()),
        (in_place, {"torn"}),
        (without_flushing_the_file, {"torn"}),
        (flushing_the_file_too_late, {"torn"}),
        (without_flushing_the_folder, {"old"}),
        (flushing_the_folder_too_early, {"old"}),
        (deleting_first, {"lost"}),
    ],
)
def test_ways_to_replace_a_value(way: Way, wrong: set[str]) -> None:
    assert faults(way) == wrong


def left(disk: Disk) -> set[State]:
    return set(disk.states(1000, random.Random(1)))


def test_a_new_folder_lasts_once_the_one_above_it_is_flushed() -> None:
    disk = Disk()
    disk.make_folder("a")
    disk.make_folder("a/b")
    disk.create("a/b/value").write(0, NEW)
    flush(disk, "a/b/value")
    flush(disk, "a/b")
    flush(disk, "a")
    assert frozenset() in left(disk)
    flush(disk, "")
    assert left(disk) == {frozenset({("a", None), ("a/b", None), ("a/b/value", NEW)})}


def test_a_name_lasts_only_with_the_flush_of_its_own_folder() -> None:
    disk = begun()
    disk.make_folder("f/g")
    flush(disk, "f/g")
    file(disk, "f/value").flush()
    assert {("f/g", None) in state for state in left(disk)} == {True, False}


def test_changes_of_two_names_last_in_any_order() -> None:
    disk = begun()
    for name in ("f/1", "f/2"):
        disk.create(name)
    there = {tuple(path for path, _ in sorted(state)[1:]) for state in left(disk)}
    assert there == {(*some, "f/value") for some in [(), ("f/1",), ("f/2",), ("f/1", "f/2")]}


def test_a_deletion_lasts_with_the_flush_of_the_folder() -> None:
    disk = begun()
    disk.remove("f/value")
    assert len(left(disk)) == 2
    flush(disk, "f")
    assert left(disk) == {frozenset({("f", None)})}


def test_two_names_of_one_file_hold_the_same() -> None:
    disk = Disk()
    disk.create("a").write(0, NEW)
    disk.link("a", "b")
    flush(disk, "")
    assert {dict(state)["a"] == dict(state)["b"] for state in left(disk)} == {True}
    contents = {dict(state)["a"] for state in left(disk)}
    assert {b"", NEW, bytes(len(NEW)), NEW[: len(NEW) // 2]} < contents


def test_what_was_in_a_folder_that_was_replaced_may_come_back() -> None:
    disk = begun()
    disk.remove("f/value")
    disk.remove("f")
    disk.make_folder("f")
    assert frozenset({("f", None), ("f/value", OLD)}) in left(disk)
    assert frozenset({("f", None)}) in left(disk) and frozenset() in left(disk)


def test_a_sample_holds_the_extremes_and_is_bounded() -> None:
    disk = begun()
    for number in range(20):
        disk.create(f"f/{number}").write(0, NEW)
    some = set(disk.states(50, random.Random(1)))
    assert 100 < len(some) < 400
    assert frozenset({("f", None), ("f/value", OLD)}) in some
    newest = {(f"f/{number}", NEW) for number in range(20)}
    assert frozenset({("f", None), ("f/value", OLD)} | newest) in some


def test_an_ordered_disk_keeps_bytes_before_names() -> None:
    disk = Disk(ordered=True)
    disk.create("+1").write(0, NEW)
    disk.rename("+1", "value")
    assert {dict(state).get("value") for state in left(disk)} == {None, NEW}
