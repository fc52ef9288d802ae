"""A good store is told fit, and left as it was, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from persidict_core import (
    AdaptedBackend,
    FailingBackend,
    MemoryBackend,
    PersiDict,
    PrefixBackend,
    Promise,
    URLError,
    Verdict,
    examine,
)
from persidict_core.checking import Some
from persidict_core.errors import BackendError
from persidict_core.fitness import Fitness
from persidict_core.fitness.promised import ELSEWHERE, PROMISED, REACH
from persidict_core.testing.pace import paced, turns
from persidict_core.testing.racing import ProcessTeam, workers_kept
from persidict_file import FileBackend, FileDirDict

ESCAPE = "\x1b[2J"


def verdicts(found: Fitness) -> dict[str, Verdict]:
    return {each.name: each.verdict for each in found.promises}


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_memory_is_fit_among_its_threads() -> None:
    found = examine("memory://fit", level="quick")
    assert found.fit and found.left == Some() and found.store == "memory://fit"
    others = verdicts(found)
    assert others.pop(ELSEWHERE.name) is Verdict.CANNOT_TELL
    assert set(others.values()) == {Verdict.HOLDS}
    assert MemoryBackend("fit")._store.objects == {}


def test_files_are_fit_and_left_as_they_were(tmp_path: Path) -> None:
    d: FileDirDict[int] = FileDirDict(tmp_path / "d", file_type="json", fsync=False)
    d["a"] = d["b", "c"] = 1
    (tmp_path / "d" / "empty").mkdir()
    before = everything_below(tmp_path)
    steps: list[tuple[int, int | None]] = []
    found = examine(d, level="quick", progress=lambda *step: steps.append(step))
    assert found.fit and set(verdicts(found).values()) == {Verdict.HOLDS}, str(found)
    assert everything_below(tmp_path) == before, "an empty folder of its own is left, say"
    count = len(found.promises)
    assert steps == [(number, count) for number in range(1, count + 1)]
    assert found.left == Some() and found.store == d.url
    raced = [each for each in found.promises if each.name.startswith("Of many who")]
    assert len(raced) == 2 and all("by processes" in each.explanation for each in raced)


def test_the_whole_is_more_than_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    from persidict_core.fitness import trial

    whole = trial.EXTENTS["whole"]._replace(race=0.0)
    monkeypatch.setitem(trial.EXTENTS, "whole", whole)
    found = examine("memory://whole")
    assert found.fit and len(found.promises) == len(PROMISED) + 2
    assert {each.name for each in PROMISED} | {REACH.name, ELSEWHERE.name} == set(verdicts(found))


def test_what_follows_where_nothing_is_claimed_is_told() -> None:
    found = examine(AdaptedBackend(MemoryBackend()), level="quick")
    told = {each.name: each for each in found.promises if each.group == "Conditions"}
    assert {each.verdict for each in told.values()} == {Verdict.NOT_CLAIMED}
    assert "`setdefault` looks first" in told["Of many who create one key one wins"].explanation
    assert "not claimed" in str(found) and "5 are not claimed" in found.summary
    # It claims nothing, so that it could be shared by processes, and could not be opened there.
    assert not found.fit and verdicts(found)[ELSEWHERE.name] is Verdict.CANNOT_TELL


def test_a_sub_dictionary_is_examined_in_its_place() -> None:
    store = MemoryBackend()
    whole: PersiDict[int] = PersiDict(FailingOutside(store), prefix="mine")
    inside = whole.get_subdict("part")
    assert examine(inside, level="quick").fit and not store._store.objects
    assert not examine(FailingOutside(store), level="quick").fit


class FailingOutside(FailingBackend):
    """Its user may write below one prefix only."""

    def __init__(self, wrapped: Any) -> None:
        super().__init__(wrapped, {"write_bytes": BackendError, "write_file": BackendError})

    def before(self, verb: str, path: str) -> None:
        if not path.startswith("mine/part/"):
            super().before(verb, path)


def test_other_objects_are_left_alone() -> None:
    store = MemoryBackend()
    kept = {f"persidict-check-other/{number}": b"x" for number in range(5)} | {"a": b"1"}
    for path, data in kept.items():
        store.write_bytes(path, data)
    assert examine(PrefixBackend(store, "deep/below/"), level="quick").fit
    assert {path: store.read_bytes(path) for path in store.list_prefix()} == kept


class Stopped(BaseException):
    pass


def test_an_exception_in_the_middle_leaves_nothing() -> None:
    store = MemoryBackend()

    def stop(done: int, total: int | None) -> None:
        if done == 6:
            assert store._store.objects, "nothing was written yet"
            raise Stopped

    with pytest.raises(Stopped) as caught:
        examine(store, level="quick", progress=stop)
    assert not store._store.objects and not hasattr(caught.value, "__notes__")


def test_what_an_exception_leaves_is_told() -> None:
    store = KeepsAfterAWhile()

    def stop(done: int, total: int | None) -> None:
        if done == 3:
            store.keeps = True
            raise Stopped

    with pytest.raises(Stopped) as caught:
        examine(store, level="quick", progress=stop)
    (note,) = caught.value.__notes__
    assert "could not be removed" in note and "persidict-check-" in note


class KeepsAfterAWhile(MemoryBackend):
    keeps = False

    def delete(self, path: str) -> None:
        if self.keeps:
            raise BackendError("access denied")
        super().delete(path)


def test_an_interrupt_leaves_nothing_and_no_process(tmp_path: Path) -> None:
    code = (
        "import sys, persidict_core\n"
        "from persidict_file import FileBackend\n"
        "def step(done, total): print(done, flush=True)\n"
        "try:\n"
        "    persidict_core.examine(FileBackend(sys.argv[1], fsync=False), progress=step)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    begun = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "d")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert begun.stdout is not None
        for line in begun.stdout:
            if line == "5\n":  # The next one is a race of processes.
                begun.send_signal(signal.SIGINT)
                break
        out, err = begun.communicate(timeout=60)
    finally:
        begun.kill()
        begun.wait()
    assert "interrupted" in out and "Traceback" not in err, err
    assert everything_below(tmp_path) == ["d"]


def test_it_needs_neither_pytest_nor_hypothesis(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pytest'] = sys.modules['hypothesis'] = None\n"
        "import persidict_core\n"
        "assert persidict_core.examine('memory://', level='quick').fit\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("level", ["", "QUICK", None, 1])
def test_a_level_that_is_none(level: Any) -> None:
    with pytest.raises(ValueError, match="'whole' or 'quick'"):
        examine("memory://", level=level)


def test_no_store() -> None:
    with pytest.raises(URLError):
        examine("memory://x?no_such=1")
    with pytest.raises(TypeError, match="no backend"):
        examine({})  # type: ignore[arg-type]


def made(verdict: Verdict, explanation: str = "", needed: bool = True) -> Promise:
    return Promise("Group", "A promise of some length", verdict, explanation, needed, 0.25)


def test_the_report_fits_80_columns_and_programs() -> None:
    long = "so long that it has to be broken into lines, " * 6
    promises = tuple(made(verdict, long) for verdict in (*Verdict, Verdict.CANNOT_TELL))
    found = Fitness("memory://x", "whole", promises, Some(2, ("a" * 200, "b c")), 1.0)
    assert all(len(line) <= 80 for line in str(found).splitlines() if "aaa" not in line)
    assert str(found).count("so long") == 6 * 4, "what keeps from trying is told once"
    told = json.loads(json.dumps(found.as_dict()))
    assert told["fit"] is False and told["left"]["total"] == 2
    assert {each["verdict"] for each in told["promises"]} == {each.value for each in Verdict}


@pytest.mark.parametrize(
    ("verdicts", "fit", "begins"),
    [
        ([(Verdict.HOLDS, True)], True, "Fit: 1 of 1 promises hold ("),
        ([(Verdict.NOT_CLAIMED, True)], True, "Fit: 0 of 1 promises hold, 1 is not claimed"),
        ([(Verdict.DOES_NOT, False)], True, "Fit: 0 of 1 promises hold, 1 does not"),
        ([(Verdict.CANNOT_TELL, False)], True, "Fit: 0 of 1 promises hold, 1 could not be told"),
        ([(Verdict.CANNOT_TELL, True)], False, "Cannot tell whether it is fit: 0 of 1"),
        ([(Verdict.DOES_NOT, True)] * 2, False, "Not fit: 0 of 2 promises hold, 2 do not"),
    ],
)
def test_what_fit_means(verdicts: list[tuple[Verdict, bool]], fit: bool, begins: str) -> None:
    promises = tuple(made(verdict, needed=needed) for verdict, needed in verdicts)
    found = Fitness("x", "whole", promises, Some(), 1.0)
    assert found.fit is fit and found.summary.startswith(begins)


def test_what_is_shown_is_escaped() -> None:
    class Hostile(MemoryBackend):
        def write_bytes(self, path: str, data: bytes) -> str:
            raise BackendError(f"{ESCAPE}\n\u202eno")

    found = examine(Hostile(f"name{ESCAPE}"), level="quick")
    assert all(line.isprintable() for line in str(found).splitlines())


def test_races_are_paced() -> None:
    assert len(list(turns(50))) == 50
    with paced(0.0) as pace:
        assert list(turns(50)) == [0, 1, 2] and list(turns(2)) == [0, 1]
    assert len(list(turns(50))) == 50 and not pace.raced


def own_pid(subject: object, index: int) -> int:
    return os.getpid()


def test_processes_are_kept_for_the_next_team(tmp_path: Path) -> None:
    with workers_kept():
        with ProcessTeam(FileBackend(tmp_path / "a"), 2) as team:
            first = team.run(own_pid)
        with ProcessTeam(FileBackend(tmp_path / "b"), 1) as team:
            second = team.run(own_pid)
            assert team.run(put_here) == [str(tmp_path / "b")]
        assert set(second) < set(first)
    assert not any(is_alive(pid) for pid in first)
    with ProcessTeam(FileBackend(tmp_path), 1) as team:
        third = team.run(own_pid)
    assert not any(is_alive(pid) for pid in third)


def put_here(subject: FileBackend, index: int) -> str:
    return subject.root


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
