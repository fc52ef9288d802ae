"""``kill -9`` at random instants: nothing acknowledged is lost, nothing torn, no lock left."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from persidict_core import check
from persidict_file import FileDirDict
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
            yield f"{seen.debris} temporaries were left, {seen.swept} swept, then {seen.left}"
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


def test_repair_spares_a_writer_that_is_stopped(tmp_path: Path) -> None:
    root = str(tmp_path / "store")
    chance = random.Random(SEED)
    d = FileDirDict(root, fsync=False)
    d[COUNTER] = 0
    met = 0
    orders = Orders(root, False, 0, f"{SEED}-stopped", [])
    with Writer(orders) as writer:
        writer.wait_until_it_writes()
        for number in range(100):
            threading.Event().wait(chance.uniform(0.0, 0.01))
            writer.stop()
            before = temporaries(root)
            assert check(d, repair=True).removed
            assert set(temporaries(root)) == set(before), f"PERSIDICT_SEED={SEED}"
            # One that is impatient may take what the writer will miss, and then writes again.
            list(d.backend.sweep(remove=True, older_than=0))
            met += len(before)
            writer.go_on()
            if met and number >= 20:
                break
        writer.kill()
        model, step, _ = writer.acknowledged({})
    assert met > 0, "the writer was never stopped in the middle of a write"
    found = look(root).values
    assert faults(found, model, step) == [], f"PERSIDICT_SEED={SEED}"
