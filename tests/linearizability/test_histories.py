"""What eight do at once with one dictionary is linearizable, key by key, on every store.

PERSIDICT_OPERATIONS says how many operations are recorded on each, PERSIDICT_SEED what they are.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from persidict_core import NotSupported, PersiDict
from persidict_core.testing.racing import Team, ThreadTeam
from persidict_file import FileBackend, FileDirDict
from tests.file.mounts import mounted
from tests.linearizability.checker import check
from tests.linearizability.client import Plan
from tests.linearizability.history import read_history
from tests.linearizability.mutants import MUTANTS
from tests.linearizability.workload import (
    BY_ETAG,
    BY_VERSION,
    BY_VERSION_NAMES,
    EVERYTHING,
    SIZE,
    check_linearizable,
    new_seed,
    operations_wanted,
    work,
    worked,
)


def flushed(folder: Path) -> PersiDict[str]:
    return FileDirDict(folder / "store", file_type="json")


def unflushed(folder: Path) -> PersiDict[str]:
    return FileDirDict(folder / "store", file_type="json", fsync=False)


def cached(folder: Path) -> PersiDict[str]:
    """All share the cache, too."""
    cache = FileBackend(folder / "cache", fsync=False)
    return FileDirDict(folder / "store", file_type="json", fsync=False, cache=cache)


def in_memory(folder: Path) -> PersiDict[str]:
    return PersiDict("memory://", file_type="json")


def sqlite(folder: Path) -> PersiDict[str]:
    from persidict_sqlite import SqliteDict

    return SqliteDict(folder / "store.db", file_type="json", fsync=False)


SOME = 1 if operations_wanted() > 10_000 else 0.3
"""A part of the wanted number; at length there is time for all of it."""

Store = Callable[[Path], PersiDict[str]]


def name(case: object) -> str | None:
    return getattr(case, "__name__", None)


def race(
    team: Team,
    dictionary: PersiDict[str],
    folder: Path,
    part: float,
    expected: frozenset[str] = EVERYTHING,
    **said: Any,
) -> None:
    """Let a team use a dictionary, and check that part of the wanted number of operations.

    Nothing but the expected operations must have worked, and each of them at least once: a store
    that claims less than is promised is not asked for it.
    """
    wanted = int(operations_wanted() * part)
    done = check_linearizable(
        team, dictionary, folder / "histories", operations=wanted, expected=expected, **said
    )
    assert set(done.worked) == expected


@pytest.mark.parametrize("store", [flushed, unflushed, cached, sqlite])
def test_processes(team: Team, tmp_path: Path, store: Store) -> None:
    race(team, store(tmp_path), tmp_path, part=1)


@pytest.mark.root
@pytest.mark.parametrize(
    ("kind", "store"),
    [(kind, unflushed) for kind in ("ext4", "xfs", "tmpfs", "overlay")] + [("tmpfs", flushed)],
    ids=name,
)
def test_processes_on_a_file_system(team: Team, tmp_path: Path, kind: str, store: Store) -> None:
    with mounted(kind, tmp_path) as point:
        race(team, store(point), tmp_path, SOME)


@pytest.mark.parametrize(
    ("store", "part"), [(in_memory, 1), (unflushed, SOME), (cached, SOME)], ids=name
)
def test_threads(tmp_path: Path, store: Store, part: float) -> None:
    """Some use one handle together, the others have their own."""
    dictionary = store(tmp_path)
    with ThreadTeam(dictionary, SIZE) as threads:
        race(threads, dictionary, tmp_path, part)


# Clocks and file systems that cannot be trusted: what is claimed is exact, the rest is refused.


@pytest.mark.parametrize("store", [unflushed, cached])
def test_a_clock_that_is_set_back(team: Team, tmp_path: Path, store: Store) -> None:
    race(team, store(tmp_path), tmp_path, part=SOME, mutant="clock_set_back")


@pytest.mark.root
def test_a_clock_that_shows_a_time_again(team: Team, tmp_path: Path) -> None:
    """An inode comes back, too: only what a version replaces keeps it from having its etag."""
    with mounted("ext4", tmp_path) as point:
        said = {"spread": (2,), "actions": BY_VERSION, "mutant": "coarse_clock"}
        race(team, unflushed(point), tmp_path, SOME, BY_VERSION_NAMES, **said)


@pytest.mark.parametrize("weakness", ["no_flock", "unknown_file_system"])
def test_weak_file_systems(team: Team, tmp_path: Path, weakness: str) -> None:
    """Without locks that hold, all but conditions on etags is exact, and those are refused."""
    expected = EVERYTHING - BY_ETAG
    race(team, unflushed(tmp_path), tmp_path, part=SOME, expected=expected, mutant=weakness)
    with MUTANTS[weakness]():
        refuse_etags(unflushed(tmp_path))


@pytest.mark.root
def test_whole_second_times(team: Team, tmp_path: Path) -> None:
    with mounted("ext4 of whole seconds", tmp_path) as point:
        race(team, unflushed(point), tmp_path, part=SOME, expected=EVERYTHING - BY_ETAG)
        refuse_etags(unflushed(point))


def refuse_etags(dictionary: PersiDict[str]) -> None:
    dictionary["refused"] = "as it was"
    etag = dictionary.backend.stat(str(next(dictionary.backend.list_prefix()))).etag
    for act in (
        lambda: dictionary.set_if("refused", "changed", etag),
        lambda: dictionary.delete_if("refused", etag),
        lambda: dictionary.transform("refused", str.upper),
        lambda: dictionary.get_with_etag("refused"),
    ):
        with pytest.raises(NotSupported):
            act()
    assert dictionary["refused"] == "as it was"
    assert dictionary.setdefault("refused", "late") == dictionary.pop("refused") == "as it was"


def test_sixteen_creators_without_flock(team: Team, tmp_path: Path) -> None:
    """All get the one value that is stored, though nothing can be locked."""
    dictionary = unflushed(tmp_path)
    for turn in range(20):
        pairs = team.run(create_without_flock, dictionary, f"{turn}")
        assert {value for pair in pairs for value in pair} == {dictionary[f"{turn}"]}


def create_without_flock(
    subject: object, index: int, dictionary: PersiDict[str], key: str
) -> list[str]:
    """Two threads of each of eight processes."""
    with MUTANTS["no_flock"](), ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda n: dictionary.setdefault(key, f"{index}-{n}"), range(2)))


# Outcomes that nobody knows.


def test_processes_that_are_killed(tmp_path: Path) -> None:
    """What a killed process was doing took effect once, as a whole, or never."""
    seed = new_seed()
    chance = random.Random(seed)
    histories = tmp_path / "histories"
    histories.mkdir()
    context = multiprocessing.get_context("spawn")
    workers = []
    for index in range(SIZE):
        # Every other one would never end by itself.
        operations = 500 if index % 2 else 1_000_000_000
        keys = ("a", "b", "c")
        plan = Plan(unflushed(tmp_path), str(histories), seed, keys, operations)
        workers.append(context.Process(target=work, args=(None, index, plan)))
    try:
        for worker in workers:
            worker.start()
        for victim in workers[::2]:
            until = time.monotonic() + 60
            while not any(histories.glob(f"{workers.index(victim)}-*")):
                assert time.monotonic() < until, "it did not begin"
                time.sleep(0.001)
            time.sleep(chance.random() / 20)
            victim.kill()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [-signal.SIGKILL, 0] * (SIZE // 2)
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    # An operation that reads has no effect, and is not in the history if it did not end.
    history = read_history(histories)
    violation = check(history)
    assert violation is None, f"PERSIDICT_SEED={seed}: {violation}"
    assert set(worked(history)) == EVERYTHING
