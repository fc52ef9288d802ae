"""``kill -9`` at random instants: nothing acknowledged is lost, nothing torn, no lock left."""

from __future__ import annotations

import fcntl
import os
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from persidict_core import check
from persidict_core.checking import Some
from persidict_file import FileDirDict, sweeping
from tests.crashes.killed import COUNTER, MUTANTS, Orders, Writer, look, temporaries
from tests.crashes.steps import Key, Model, faults

KILLS = int(os.environ.get("PERSIDICT_KILLS", "60"))
SEED = int(os.environ.get("PERSIDICT_SEED", random.randrange(1 << 32)))
WRITERS = 6


class Killing:
    """Writers of one dictionary that are killed, and others after them.

    Args:
        root: The folder of the dictionary.
        mutant: What is wrong with their way of writing.

    Attributes:
        killed: How many were.
        debris: How many temporaries they left.
    """

    def __init__(self, root: Path, mutant: str = "nothing") -> None:
        self._root = str(root)
        self._mutant = mutant
        self._chance = random.Random(SEED)
        self._models: list[Model] = [{} for _ in range(WRITERS)]
        self._counted = 0
        self.killed = 0
        self.debris = 0
        FileDirDict(root)[COUNTER] = 0

    def kill_some(self) -> Iterator[str]:
        """Start writers, kill each at some instant, and tell what is wrong then."""
        orders = [self._orders(number) for number in range(WRITERS)]
        with ExitStack() as stack:
            writers = [stack.enter_context(Writer(each)) for each in orders]
            for writer in writers:
                writer.wait_until_it_writes()
            for writer in self._chance.sample(writers, WRITERS):
                threading.Event().wait(self._chance.uniform(0.0, 0.03))
                writer.kill()
            both = zip(writers, self._models, strict=True)
            told = [writer.acknowledged(model) for writer, model in both]
        self.killed += WRITERS
        seen = look(self._root)
        keys: set[Key] = {key for each in orders for key in each.own_keys()}
        if strange := set(seen.values) - keys:
            yield f"there are keys of nobody: {strange}"
        for number, (model, step, counted) in enumerate(told):
            mine: set[Key] = set(orders[number].own_keys())
            found = {key: value for key, value in seen.values.items() if key in mine}
            for fault in faults(found, model, step):
                yield f"writer {number}, {step.verb}: {fault}"
            self._models[number] = found
            self._counted += counted
        # Each may have counted once more than it could say.
        if not self._counted <= seen.counted <= self._counted + WRITERS:
            yield f"{self._counted} were counted, but {seen.counted} are there"
        self._counted = seen.counted
        if seen.waited > 5.0:
            yield f"a write was held up for {seen.waited} s"
        if seen.swept != seen.debris or seen.left:
            yield f"{seen.debris} temporaries were left, {seen.swept} removed, then {seen.left}"
        if not seen.is_healthy:
            yield "after a repair not all is healthy"
        self.debris += seen.debris

    def _orders(self, number: int) -> Orders:
        is_flushed = self.killed // WRITERS % 4 == 0
        seed = f"{SEED}-{self.killed}-{number}"
        there = list(self._models[number])
        return Orders(self._root, is_flushed, number, seed, there, self._mutant)


def test_nothing_acknowledged_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    print(f"{KILLS} kills, PERSIDICT_SEED={SEED}")
    killing = Killing(tmp_path / "store")
    while killing.killed < KILLS:
        assert list(killing.kill_some()) == [], f"PERSIDICT_SEED={SEED}, kill {killing.killed}"
    assert killing.debris > 0, "no writer was killed in the middle of a write"


@pytest.mark.parametrize("mutant", [name for name in MUTANTS if name != "nothing"])
def test_ways_of_writing_that_lose_or_tear_are_found(mutant: str, tmp_path: Path) -> None:
    killing = Killing(tmp_path / "store", mutant)
    while killing.killed < 100:
        if next(killing.kill_some(), None):
            return
    raise AssertionError("nothing wrong was found")


class Stopping:
    """A writer that is stopped at random instants, and repairs while it is.

    Args:
        root: The folder of the dictionary.

    Attributes:
        met: How many temporaries were locked when the writer was stopped.
        taken: How many of these the repairs removed.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._chance = random.Random(SEED)
        self._d = FileDirDict(root, fsync=False)
        self._d[COUNTER] = 0
        self.met = 0
        self.taken = 0

    def run(self) -> None:
        """Stop it until some were met; nothing that it was told to be done may be lost."""
        orders = Orders(self._root, False, 0, f"{SEED}-stopped", [])
        with Writer(orders) as writer:
            writer.wait_until_it_writes()
            for number in range(10 * KILLS):
                threading.Event().wait(self._chance.uniform(0.0, 0.01))
                writer.stop()
                self._repair()
                writer.go_on()
                if self.met and number >= KILLS // 3:
                    break
            writer.kill()
            model, step, _ = writer.acknowledged({})
        assert self.met > 0, "the writer was never stopped in the middle of a write"
        found = look(self._root).values
        assert faults(found, model, step) == [], f"PERSIDICT_SEED={SEED}"

    def _repair(self) -> None:
        before = set(temporaries(self._root))
        locked = set(filter(is_locked, before))
        found = check(self._d, repair=True).debris
        assert found == Some() and set(temporaries(self._root)) == before, "the young are spared"
        # One that is impatient may take what the writer will miss, and then writes again.
        found = check(self._d, repair=True, older_than=0).debris
        left = set(temporaries(self._root))
        assert found is not None and found.total == len(before - left)
        assert left <= locked, f"what nobody holds was left: {left - locked}"
        self.met += len(locked)
        self.taken += len(locked - left)


def is_locked(path: str) -> bool:
    """Whether somebody has locked a file."""
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_repair_spares_a_writer_that_is_stopped(tmp_path: Path) -> None:
    stopping = Stopping(tmp_path / "store")
    stopping.run()
    print(f"{stopping.met} were in a writer's hands")
    assert stopping.taken == 0, f"PERSIDICT_SEED={SEED}"


def test_without_locks_repair_takes_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the writer writes again, and nothing is lost."""
    monkeypatch.setattr(sweeping, "try_lock", lambda descriptor: None)
    stopping = Stopping(tmp_path / "store")
    stopping.run()
    assert stopping.taken == stopping.met
