"""A store that breaks a promise is told so under that promise, in words that say what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from persidict_core import (
    BackendError,
    BaseBackend,
    FailingBackend,
    Fitness,
    LatencyBackend,
    MemoryBackend,
    PersiDict,
    ReadOnlyBackend,
    Verdict,
    examine,
)
from persidict_core.fitness import examining, promised, trial
from tests.fitness import broken

EMPTY = "An empty value is a value"
LARGE = "A large value comes back whole"
WHOLE = "A write is all or nothing"
NAMES = "Every key has a name of its own, also an odd or long one"
CASE = "Keys that differ in case only are two"
AT_ONCE = "What was written is seen at once, by all"
PAGES = "More than a thousand keys are listed, and deleted together"
TIMES = "Times are near this machine's, and never go back"
ETAGS = "An etag names one version"
CREATES = "Of many who create one key one wins"
CHANGES = "No change is lost: a write replaces the version that it saw"
MIXED = "A plain write or deletion beside conditional ones is not lost"
REACH = "It can be written, read and deleted"
ELSEWHERE = "Other processes open the same store"


def told(found: Fitness, verdict: Verdict = Verdict.DOES_NOT) -> set[str]:
    return {each.name for each in found.promises if each.verdict is verdict}


def explained(found: Fitness, name: str) -> str:
    return next(each.explanation for each in found.promises if each.name == name)


# Each breaks this promise alone.
PRECISELY: list[tuple[type[MemoryBackend], str, str]] = [
    (broken.CutsLarge, LARGE, "of 6 MB the store tells 5000000 bytes"),
    (broken.RefusesNames, NAMES, "'=': refused"),
    (broken.OnePage, PAGES, "lists 1000 of 1010"),
    (broken.OtherTimeZone, TIMES, "+3600 s"),
]

# These break others, too: who lists late misses everything.
AMONG_OTHERS: list[tuple[type[MemoryBackend], str, str]] = [
    (broken.TearsWrites, WHOLE, "a torn read"),
    (broken.LeavesGaps, WHOLE, "nothing is stored"),
    (broken.ListsLate, AT_ONCE, "write 0 is not in the next listing"),
    (broken.ReadsOld, AT_ONCE, "but read as"),
    (broken.RepeatsEtags, ETAGS, "contents had"),
    (broken.DropsEmpty, EMPTY, "an empty object, once written, is missing"),
    (broken.Pretends, CREATES, "not claimed, must raise NotSupported"),
]


@pytest.mark.parametrize(("mutant", "name", "seen"), PRECISELY)
def test_what_is_broken_alone_is_told_alone(
    in_haste: None, mutant: type[MemoryBackend], name: str, seen: str
) -> None:
    found = examine(mutant(), level="quick")
    assert told(found) == {name} and told(found, Verdict.CANNOT_TELL) == {ELSEWHERE}
    assert seen in explained(found, name) and not found.left.total
    assert found.fit is (name == TIMES), "times are a convenience, the others are needed"


@pytest.mark.parametrize(("mutant", "name", "seen"), AMONG_OTHERS)
def test_what_is_broken_is_told(
    in_haste: None, mutant: type[MemoryBackend], name: str, seen: str
) -> None:
    for _ in range(5):  # Some of it shows by chance only.
        store = mutant()
        found = examine(store, level="quick")
        if name in told(found):
            break
    assert name in told(found) and seen in explained(found, name) and not found.fit
    assert told(found, Verdict.HOLDS), "some promises are kept"
    assert found.left.total == 0 and not store._store.objects


def test_conditions_that_look_and_act(conditions_only: None) -> None:
    lost: set[str] = set()
    for _ in range(5):  # A race is lost by chance.
        lost |= told(examine(broken.ChecksThenActs()))
        if lost >= {CREATES, CHANGES, MIXED}:
            break
    assert lost >= {CREATES, CHANGES, MIXED}


def test_processes_are_raced(conditions_only: None, tmp_path: Path) -> None:
    lost: set[str] = set()
    for number in range(5):
        folder = tmp_path / str(number)
        found = examine(broken.ForThreadsOnly(folder, fsync=False), level="quick")
        assert all("thread" not in explained(found, name) for name in (CREATES, CHANGES))
        lost |= told(found)
        if lost >= {CREATES, CHANGES}:
            break
    assert lost >= {CREATES, CHANGES}


@pytest.fixture
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started, and a race ends after three turns."""

    def start(part: BaseBackend, size: int) -> None:
        raise AssertionError("no other process, in this test")

    monkeypatch.setattr(trial, "ProcessTeam", start)
    monkeypatch.setitem(trial.EXTENTS, "quick", trial.EXTENTS["quick"]._replace(race=0.0))


@pytest.fixture
def conditions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    conditions = tuple(each for each in promised.PROMISED if each.group == "Conditions")
    assert len(conditions) == 5
    monkeypatch.setattr(examining, "PROMISED", conditions)


@pytest.mark.parametrize("digest_len", [0, 8])
def test_a_disk_that_folds_case(in_haste: None, digest_len: int) -> None:
    found = examine(broken.FoldsCase(digest_len=digest_len), level="quick")
    assert told(found) == (set() if digest_len else {CASE})
    assert "digest" in explained(found, CASE)


def test_who_may_not_delete_is_asked_for_no_more() -> None:
    for mutant, seen in (
        (broken.RefusesDeletions, "access denied"),
        (broken.KeepsDeleted, "still"),
    ):
        store = mutant()
        found = examine(store, level="quick")
        assert told(found) == {REACH} and not told(found, Verdict.HOLDS) and not found.fit
        assert seen in explained(found, REACH)
        assert len(store._store.objects) == found.left.total == 1
        assert "Could not be removed, 1 in all" in str(found)


@pytest.mark.parametrize(
    "store",
    [
        broken.RefusesWrites(),
        ReadOnlyBackend(MemoryBackend()),
        PersiDict("memory://read-only", read_only=True),
        FailingBackend(MemoryBackend(), {"list_prefix": BackendError, "write_bytes": BackendError}),
    ],
    ids=["no permission", "read-only layer", "read-only dictionary", "broken"],
)
def test_what_cannot_be_written_cannot_be_told(store: BaseBackend | PersiDict[Any]) -> None:
    found = examine(store, level="quick")
    assert {each.verdict for each in found.promises} == {Verdict.CANNOT_TELL} and not found.fit
    assert explained(found, REACH) and found.left.total == 0
    assert str(found).count("Not tried") == 1, "what is the same for all is told once"
    assert found.summary.startswith("Cannot tell whether it is fit: 0 of")


def test_a_store_that_fails_now_and_then_breaks_no_promise(in_haste: None) -> None:
    store = MemoryBackend()
    found = examine(broken.FailsAtRandom(store), level="quick")
    unknown = told(found, Verdict.CANNOT_TELL) - {ELSEWHERE}
    assert unknown and not told(found) and not found.fit
    assert all("The store failed: " in explained(found, name) for name in unknown)
    assert any("connection was reset" in explained(found, name) for name in unknown)
    assert not store._store.objects


def test_a_slow_store_is_told_in_time(in_haste: None, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = trial.EXTENTS["quick"]._replace(seconds=1.0)
    monkeypatch.setitem(trial.EXTENTS, "quick", quick)
    store = MemoryBackend()
    found = examine(LatencyBackend(store, 0.02), level="quick")
    assert not told(found) and told(found, Verdict.HOLDS) and not found.fit
    assert "the store is too slow" in explained(found, PAGES)
    assert found.seconds < 30 and not store._store.objects


def test_a_store_for_each_process(conditions_only: None, tmp_path: Path) -> None:
    found = examine(broken.OwnStoreEach(tmp_path), level="quick")
    assert told(found) == {ELSEWHERE} and "another process found None" in explained(
        found, ELSEWHERE
    )


def test_a_store_that_cannot_be_pickled(conditions_only: None, tmp_path: Path) -> None:
    found = examine(broken.Unportable(tmp_path, fsync=False), level="quick")
    assert not told(found) and not found.fit
    assert "no pickle" in explained(found, ELSEWHERE)
    assert "by threads" in explained(found, CREATES)
