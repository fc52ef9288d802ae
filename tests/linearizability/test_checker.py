"""The checker accepts what can have happened at moments, and nothing else."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from itertools import chain, combinations, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from tests.linearizability.checker import check
from tests.linearizability.history import (
    NEVER,
    Effect,
    Effects,
    Operation,
    Recorder,
    State,
    perhaps,
    read_history,
    removed,
    replaced,
    saw,
    saw_not,
    wrote,
)


def op(called: int, returned: int, effect: Effect, key: str = "k") -> Operation:
    return Operation(key, "op", "hand", effect, called, returned)


GOOD = {
    "nothing": [],
    "one after the other": [op(0, 1, wrote("a")), op(2, 3, saw("a")), op(4, 5, removed())],
    "absent at first": [
        op(0, 1, saw(None)),
        op(2, 3, replaced(None, "a")),
        op(4, 5, saw_not(None)),
    ],
    "a read beside a write sees it or not": [
        op(0, 9, wrote("a")),
        op(1, 2, saw(None)),
        op(3, 4, saw("a")),
    ],
    "two writes in either order": [
        op(0, 9, wrote("a")),
        op(0, 9, wrote("b")),
        op(10, 11, saw("a")),
    ],
    "one moment is enough": [op(0, 5, wrote("a")), op(5, 6, saw(None))],
    "a change between two writes": [
        op(0, 1, wrote("a")),
        op(2, 9, replaced("b", "c")),
        op(3, 4, wrote("b")),
        op(10, 11, saw("c")),
    ],
    "a condition that fails": [op(0, 1, wrote("a")), op(2, 3, saw_not("b")), op(4, 5, saw("a"))],
    "keys do not meet": [op(0, 1, wrote("a")), op(2, 3, saw(None), "other")],
    "a killed write takes effect late": [
        op(0, NEVER, perhaps(wrote("a"))),
        op(1, 2, saw(None)),
        op(8, 9, saw("a")),
    ],
    "a killed write never takes effect": [op(0, NEVER, perhaps(wrote("a"))), op(1, 2, saw(None))],
    "a killed change hides between reads": [
        op(0, 1, wrote("a")),
        op(2, NEVER, perhaps(replaced("a", None))),
        op(3, 4, saw("a")),
        op(5, 6, saw(None)),
        op(7, 8, replaced(None, "b")),
        op(9, 10, saw("b")),
    ],
    "a doubtful deletion that was none": [
        op(0, 1, wrote("a")),
        op(2, 3, perhaps(wrote(None))),
        op(4, 5, saw("a")),
    ],
}
BAD = {
    "a value from nowhere": [op(0, 1, saw("a"))],
    "a lost write": [op(0, 1, wrote("a")), op(2, 3, saw(None))],
    "an old value": [op(0, 1, wrote("a")), op(2, 3, wrote("b")), op(4, 5, saw("a"))],
    "a value that comes and goes": [
        op(0, 9, wrote("a")), op(1, 2, saw("a")), op(3, 4, saw(None)),
    ],
    "new, then old, by two readers": [
        op(0, 1, wrote("a")), op(2, 9, wrote("b")), op(3, 4, saw("b")), op(5, 6, saw("a")),
    ],
    "a lost increment": [
        op(0, 1, wrote("0")), op(2, 9, replaced("0", "1")), op(2, 9, replaced("0", "2")),
    ],
    "two creators": [op(0, 9, replaced(None, "a")), op(1, 8, replaced(None, "b"))],
    "deleted twice": [op(0, 1, wrote("a")), op(2, 9, removed()), op(2, 9, removed())],
    "taken out twice": [
        op(0, 1, wrote("a")), op(2, 9, replaced("a", None)), op(3, 8, replaced("a", None)),
    ],
    "deleted, and back": [
        op(0, 1, wrote("a")), op(2, 5, removed()), op(3, 6, replaced("a", "b")), op(7, 8, saw("b")),
    ],
    "an old etag accepted": [
        op(0, 1, wrote("a")), op(2, 3, removed()), op(4, 5, wrote("b")),
        op(6, 7, replaced("a", "c")),
    ],
    "a condition that failed without reason": [op(0, 1, wrote("a")), op(2, 3, saw_not("a"))],
    "present before it was written": [op(0, 1, saw_not(None)), op(2, 3, wrote("a"))],
    "a killed write before its call": [op(0, 1, saw("a")), op(2, NEVER, perhaps(wrote("a")))],
    "a killed change takes effect once": [
        op(0, 1, wrote("a")), op(2, NEVER, perhaps(replaced("a", None))), op(3, 4, saw(None)),
        op(5, 6, wrote("b")), op(7, 8, saw(None)),
    ],
    "a doubtful deletion after its end": [
        op(0, 1, wrote("a")), op(2, 3, perhaps(wrote(None))), op(4, 5, saw("a")),
        op(6, 7, saw(None)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD.keys())
def test_good(history: list[Operation]) -> None:
    assert check(history) is None


@pytest.mark.parametrize("history", BAD.values(), ids=BAD.keys())
def test_bad(history: list[Operation]) -> None:
    violation = check(history)
    assert violation is not None
    assert violation.operation in history and violation.operation in violation.around
    assert "not linearizable" in str(violation)


# By definition: all orders of all choices, where hypothesis makes the histories.

VALUES = st.sampled_from(["a", "b", None])


EFFECTS = st.one_of(
    st.builds(saw, VALUES),
    st.builds(saw_not, VALUES),
    st.builds(wrote, VALUES),
    st.builds(replaced, VALUES, VALUES),
    st.builds(removed),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    history = []
    for _ in range(draw(st.integers(1, 6))):
        called = draw(st.integers(0, 9))
        effect = draw(EFFECTS)
        endless = False
        if effect.changes and draw(st.integers(0, 3)) == 0:
            effect = perhaps(effect)
            endless = draw(st.booleans())
        returned = NEVER if endless else called + draw(st.integers(1, 6))
        history.append(op(called, returned, effect))
    return history


def happened(order: tuple[Operation, ...]) -> bool:
    """Whether operations can have happened in just this order."""
    state: State = None
    for number, operation in enumerate(order):
        if any(later.returned < operation.called for later in order[number:]):
            return False
        if not operation.effect.fits(state):
            return False
        state = operation.effect.left if operation.effect.changes else state
    return True


def can_have_happened(history: list[Operation]) -> bool:
    sure = [each for each in history if each.effect.certain]
    unsure = [each for each in history if not each.effect.certain]
    choices = chain.from_iterable(combinations(unsure, n) for n in range(len(unsure) + 1))
    return any(happened(order) for some in choices for order in permutations([*sure, *some]))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(histories())
def test_it_agrees_with_the_definition(history: list[Operation]) -> None:
    assert (check(history) is None) is can_have_happened(history)


# Histories of a real register, whose moments are known.


def simulated(seed: int, size: int, clients: int, killed: int = 0) -> list[Operation]:
    """Operations that overlap, each of which happened at a random moment between its ends."""
    chance = random.Random(seed)
    spans = []
    for client in range(clients):
        now = chance.randrange(100)
        for _ in range(size // clients):
            moment = now + 1 + chance.randrange(100)
            end = moment + 1 + chance.randrange(100)
            spans.append((moment, now, end, client))
            now = end + chance.randrange(20)
    spans.sort()
    dead = set(chance.sample(range(len(spans)), killed))
    state: State = None
    past: list[State] = [None]
    history = []
    for number, (_, called, returned, client) in enumerate(spans):
        new = f"v{number}"
        reads = [saw(state), saw(state), saw_not(chance.choice(past)), saw_not(None)]
        changes = [wrote(new), wrote(None), removed(), replaced(state, new), replaced(state, None)]
        any_effect = chance.choice([*reads, *changes])
        effect = any_effect if any_effect.fits(state) else saw(state)
        if number in dead:
            effect, returned = perhaps(effect), NEVER
        # Of the killed, every other one came to nothing.
        if effect.changes and (number not in dead or number % 2):
            state = effect.left
            past.append(state)
        history.append(Operation("k", "op", str(client), effect, called, returned))
    return history


@pytest.mark.parametrize("seed", range(20))
def test_a_real_registers_history_is_good(seed: int) -> None:
    assert check(simulated(seed, 400, 8)) is None
    assert check(simulated(seed, 200, 8, killed=5)) is None


@pytest.mark.parametrize("seed", range(20))
def test_one_wrong_answer_is_found(seed: int) -> None:
    """A read that gives the value before the last two writes that had ended before it."""
    history = simulated(seed, 400, 8)
    end = max(each.returned for each in history)
    wrong = [
        op(end + 1, end + 2, wrote("older")), op(end + 3, end + 4, wrote("newer")),
        op(end + 5, end + 6, saw("older")),
    ]  # fmt: skip
    assert check([*history, *wrong[:2]]) is None
    violation = check([*history, *wrong])
    assert violation is not None and violation.operation == wrong[2]


@pytest.mark.parametrize("seed", range(20))
def test_mutated_histories_are_found(seed: int) -> None:
    """An answer in the middle is changed to one that nobody can have given."""
    chance = random.Random(seed)
    history = simulated(seed, 400, 8)
    numbers = [n for n, each in enumerate(history) if each.effect == saw(each.effect.state)]
    number = chance.choice(numbers)
    last = max(history[number].called for number in numbers)
    late = wrote("written later")
    history[number] = history[number]._replace(effect=saw("written later"))
    history.append(op(last + 1000, last + 1001, late))
    assert check(history) is not None


def test_thousands_of_operations_of_eight_on_one_key() -> None:
    history = simulated(1, 8000, 8)
    begun = time.process_time()
    assert check(history) is None
    assert time.process_time() - begun < 10


# Recording.


def test_what_is_recorded_is_read(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "me")
    recorder.do("set", [("a", wrote("1"))], lambda: [("a", wrote("1")), ("b", saw(None))])
    recorder.do("none", [], list)

    def fail() -> Effects:
        raise OSError("no answer")

    with pytest.raises(OSError):
        recorder.do("set", [("a", wrote("2"))], fail)
    recorder.do("get", [], lambda: [("a", saw("2"))])
    recorder.close()
    first, second, third, last = read_history(tmp_path)
    assert (first.key, first.what, first.by, first.effect) == ("a", "set", "me", wrote("1"))
    assert first.called < first.returned < third.called
    assert (second.key, second.effect, second.called) == ("b", saw(None), first.called)
    assert (third.effect, third.returned) == (perhaps(wrote("2")), NEVER)
    assert last.effect == saw("2") and last.called > third.called


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.linearizability.history import Recorder, wrote
recorder = Recorder(Path(sys.argv[1]), "victim")
recorder.do("set", [("a", wrote("1"))], lambda: [("a", wrote("1"))])
recorder.do("set", [("a", wrote("2"))], lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_what_a_killed_process_began_is_known(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert [each.effect for each in read_history(tmp_path)] == [wrote("1"), perhaps(wrote("2"))]
