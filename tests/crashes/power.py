"""A process that is recorded, and the check of all that a power cut may leave of what it did."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from persidict_core import PersiDict
from persidict_file import FileDirDict, groups
from tests.crashes.disk import Disk, State
from tests.crashes.steps import Key, Model, Step, after, faults, perform, random_steps, read
from tests.crashes.traces import Player, record

STORE = "new/folders/store"


class Plan(NamedTuple):
    """What a recorded process does.

    Attributes:
        seed: Chooses the steps.
        keys: The keys, with ``/`` between their strings.
        number: How many steps.
        size: How long the values are, in bytes.
        fsync: The dictionary's parameter.
        others: What other processes did before, without flushing: a key of `OTHERS`.
        mutant: Which flush is left out: a key of `MUTANTS`.
    """

    seed: int
    keys: str = "a b/a b/c/d"
    number: int = 20
    size: int = 40
    fsync: bool = True
    others: str = "nothing"
    mutant: str = "nothing"


def steps_of(plan: Plan) -> list[Step]:
    """The steps that a plan names."""
    keys: list[Key] = [tuple(key.split("/")) for key in plan.keys.split()]
    return list(islice(random_steps(random.Random(plan.seed), keys, [plan.size]), plan.number))


def open_it(root: str, fsync: bool = True) -> PersiDict[Any]:
    """The dictionary."""
    return FileDirDict(root, digest_len=0, fsync=fsync)


# What other processes did before.


def _made_folders(root: str) -> None:
    os.makedirs(os.path.join(root, "b", "c"))


def _opened_it(root: str) -> None:
    open_it(root)


OTHERS: dict[str, Callable[[str], None]] = {
    "nothing": lambda root: None,
    "made folders": _made_folders,
    "opened it": _opened_it,
}


# The flushes, left out one kind at a time.


def _leave_out(is_left_out: Callable[[int], bool]) -> None:
    fsync = os.fsync

    def flush(descriptor: int) -> None:
        if not is_left_out(descriptor):
            fsync(descriptor)

    os.fsync = flush


def _is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def _is_above(descriptor: int) -> bool:
    return os.path.isdir(os.readlink(f"/proc/self/fd/{descriptor}") + "/store")


def _no_syncfs() -> None:
    groups._syncfs = lambda: lambda descriptor: 0
    groups.is_overlay = lambda device: False


MUTANTS: dict[str, Callable[[], None]] = {
    "nothing": lambda: None,
    "files": lambda: _leave_out(lambda descriptor: not _is_folder(descriptor)),
    "folders": lambda: _leave_out(_is_folder),
    "folders above": lambda: _leave_out(_is_above),
    "file systems": _no_syncfs,
}


def main() -> None:
    """What the recorded process does."""
    root, given = sys.argv[1:]
    plan = Plan(**json.loads(given))
    OTHERS[plan.others](root)
    MUTANTS[plan.mutant]()
    d = open_it(root, plan.fsync)
    for step in steps_of(plan):
        os.write(1, b"begin\n")
        perform(d, step)
        os.write(1, b"end\n")


class Moment(NamedTuple):
    """What was promised when the power was cut.

    Attributes:
        acknowledged: How many steps had returned.
        under_way: Whether the next one had begun.
    """

    acknowledged: int
    under_way: bool


class Cuts:
    """All that a power cut may leave of what a plan does.

    Args:
        plan: The plan.
        folder: An empty folder.
        most: At most so many states are tried, of each moment as many as can be.
        each: At most so many are looked for when the power is cut at one moment.
        ordered: See ``Disk``.

    Attributes:
        models: What is there after each number of steps.
        moments: The states that are tried, each with the moments that may leave it.
        found: How many states were found.
        cuts: After how many calls of the system the power was cut.
        sampled: After how many of these only some of the states were looked for.
    """

    def __init__(
        self, plan: Plan, folder: Path, most: int, each: int = 500, ordered: bool = False
    ) -> None:
        self.plan = plan
        self._folder = folder
        self._steps = steps_of(plan)
        self.models: list[Model] = [{}]
        for step in self._steps:
            self.models.append(after(self.models[-1], step))
        self._base = folder / "disk"
        self._base.mkdir()
        code = "from tests.crashes.power import main; main()"
        root = str(self._base / STORE)
        lines = record(code, [root, json.dumps(plan._asdict())], folder)
        self.chance = random.Random(plan.seed)
        self._disk = Disk(ordered)
        self.cuts = self.sampled = 0
        moments = self._enumerate(lines, each)
        self.found = len(moments)
        self.moments = {state: moments[state] for state in islice(self._in_turn(moments), most)}

    def describe(self) -> str:
        """What was tried, and of how much."""
        return (
            f"{self.found} states after {self.cuts} calls, of which {self.sampled} have more; "
            f"{len(self.moments)} states tried, {self.plan}"
        )

    def _in_turn(self, moments: dict[State, set[Moment]]) -> Iterator[State]:
        """The states in random order, of each moment one, then of each another, and so on."""
        left: dict[Moment, list[State]] = {}
        for state, some in moments.items():
            for moment in some:
                left.setdefault(moment, []).append(state)
        for states in left.values():
            self.chance.shuffle(states)
        given = set()
        while left:
            for moment, states in list(left.items()):
                state = states.pop()
                if state not in given:
                    given.add(state)
                    yield state
                if not states:
                    del left[moment]

    def _enumerate(self, lines: list[str], each: int) -> dict[State, set[Moment]]:
        moments: dict[State, set[Moment]] = {}
        now = Moment(0, False)
        for said in Player(lines, str(self._base), self._disk).play():
            if said == "begin\n":
                now = Moment(now.acknowledged, True)
            elif said == "end\n":
                now = Moment(now.acknowledged + 1, False)
            self.cuts += 1
            self.sampled += self._disk.possibilities() > each
            for state in self._disk.states(each, self.chance):
                moments.setdefault(state, set()).add(now)
        assert now == Moment(len(self._steps), False), "the recording is not whole"
        return moments

    def opened(self) -> Iterator[tuple[PersiDict[Any], set[Moment]]]:
        """Each state, opened by a new dictionary, with the moments that may leave it."""
        for number, (state, moments) in enumerate(self.moments.items()):
            where = self._folder / str(number)
            materialise(state, where)
            yield open_it(str(where / STORE)), moments
            shutil.rmtree(where)

    def faults(self) -> Iterator[str]:
        """What is wrong in each state, as a new dictionary finds it."""
        for d, moments in self.opened():
            found = read(d)
            for moment in moments:
                step = self._steps[moment.acknowledged] if moment.under_way else None
                for fault in faults(found, self.models[moment.acknowledged], step):
                    yield f"{self.plan}, {moment}, {step and step.verb}: {fault}"


def materialise(state: State, where: Path) -> None:
    """Lay a state into a new folder."""
    where.mkdir()
    for path, data in sorted(state, key=lambda item: item[0]):
        if data is None:
            os.mkdir(where / path)
        else:
            with open(where / path, "wb") as file:
                file.write(data)
