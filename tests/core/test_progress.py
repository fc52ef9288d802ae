"""How far a long operation is: told now and then, once at the end, and ended by what it raises."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from persidict_core import MemoryBackend, PersiDict, check, progress
from persidict_core.layers import LatencyBackend

MANY = 2500
RECIPE = Path(__file__).parents[2] / "docs/recipes/progress.md"


def of(count=MANY):
    d = PersiDict(MemoryBackend())
    d.update({f"k{number}": number for number in range(count)})
    return d


def keys(count=MANY):
    return [f"k{number}" for number in range(count)]


OPERATIONS = {
    "set_many": (lambda d, tell: d.set_many(dict.fromkeys(keys(), 1), progress=tell), MANY),
    "set_many of pairs": (lambda d, tell: d.set_many(iter(d.items()), progress=tell), None),
    "set_many of a store": (lambda d, tell: PersiDict(MemoryBackend()).set_many(d, progress=tell),
                            None),
    "get_many": (lambda d, tell: list(d.get_many(keys(), progress=tell)), MANY),
    "get_many of absent ones": (
        lambda d, tell: list(d.get_many([f"x{key}" for key in keys()], progress=tell)),
        MANY,
    ),
    "get_many of keys": (lambda d, tell: list(d.get_many(d.keys(), progress=tell)), None),
    "delete_many": (lambda d, tell: d.delete_many(keys(), progress=tell), MANY),
    "clear": (lambda d, tell: d.clear(progress=tell), None),
    "copy_to": (lambda d, tell: d.copy_to(PersiDict(MemoryBackend()), progress=tell), None),
    "check": (lambda d, tell: check(d, progress=tell), None),
    "check of values": (lambda d, tell: check(d, values=True, progress=tell), None),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_step_may_be_told_and_the_last_is_once(name, monkeypatch):
    monkeypatch.setattr(progress, "_PAUSE", 0.0)
    operation, total = OPERATIONS[name]
    told = []
    operation(of(), lambda *said: told.append(said))
    numbers = [done for done, _ in told]
    assert numbers == sorted(set(numbers)) and numbers[-1] == MANY and len(numbers) > 2
    assert {said for _, said in told} == {total}


@pytest.mark.parametrize("name", OPERATIONS)
def test_it_is_told_seldom(name):
    told = []
    OPERATIONS[name][0](of(), lambda *said: told.append(said))
    assert 1 <= len(told) < 200, "a few times a second, on however slow a machine"
    assert told[-1][0] == MANY and [done for done, _ in told].count(MANY) == 1


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_what_it_raises_ends_the_operation_and_no_thread_is_left(name, concurrency, monkeypatch):
    class Enough(Exception):
        pass

    def tell(done, total):
        if done >= 100:
            raise Enough

    monkeypatch.setattr(progress, "_PAUSE", 0.0)
    monkeypatch.setattr(MemoryBackend, "concurrency", concurrency)
    with pytest.raises(Enough):
        OPERATIONS[name][0](of(), tell)
    assert not [each for each in threading.enumerate() if each.name.startswith("persidict")]


def test_nothing_to_do_is_told_once():
    told = []
    d = PersiDict(MemoryBackend())
    for operation in (
        lambda tell: d.set_many({}, progress=tell),
        lambda tell: list(d.get_many([], progress=tell)),
        lambda tell: d.delete_many([], progress=tell),
        lambda tell: d.clear(progress=tell),
        lambda tell: d.copy_to(PersiDict(MemoryBackend()), progress=tell),
    ):
        operation(lambda *said: told.append(said))
    assert told == [(0, 0)] * 3 + [(0, None)] * 2


def test_an_operation_that_fails_is_not_told_to_be_at_its_end():
    told = []
    d = PersiDict(MemoryBackend())
    with pytest.raises(ValueError):
        d.set_many({"a": 1, "b c": 2}, progress=lambda *said: told.append(said))
    assert told == []


def test_slow_operations_are_told_while_they_run():
    told = []
    d = PersiDict(LatencyBackend(MemoryBackend(), 0.01))
    d.set_many(dict.fromkeys(keys(60), 1), progress=lambda *said: told.append(said))
    assert len(told) > 2 and told[0][0] < 60


def test_what_cannot_be_called_is_refused_before_anything():
    d = PersiDict(MemoryBackend())
    for operation in (d.clear, lambda progress: d.set_many({"a": 1}, progress=progress)):
        with pytest.raises(TypeError, match="progress is a function"):
            operation(progress="yes")
    with pytest.raises(TypeError, match="progress is a function"):
        d.get_many([], progress=3)
    assert not d


def test_the_recipe_runs(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", RECIPE.read_text(), re.DOTALL)))
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    assert "writing: 100%" in done.stderr and "copying" in done.stdout
