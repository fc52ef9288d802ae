"""Rounds of operations by eight who race, and whether their histories are linearizable."""

from __future__ import annotations

import os
import pickle
import random
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from persidict_core import PersiDict
from persidict_core.testing.racing import Team
from tests.linearizability.checker import check
from tests.linearizability.client import Client, Plan
from tests.linearizability.history import NEVER, Operation, Recorder, read_history
from tests.linearizability.mutants import MUTANTS

SIZE = 8
"""How many race."""

SPREAD = (1, 3, 20)
"""On so many keys."""

_MOST_TIMES = 10
"""So many times the wanted operations are done at most, until each kind has worked."""

READS = frozenset({"get", "in", "get_with_etag", "set_if(KEEP_CURRENT)"})
"""The operations that change nothing, by the names that they have in a history."""

BY_ETAG = frozenset({"get_with_etag", "set_if", "set_if(KEEP_CURRENT)", "delete_if", "transform"})
"""The operations that want an etag."""

EVERYTHING = (
    READS
    | BY_ETAG
    | {"set", "del", "set_many", "delete_many"}
    | {"pop", "setdefault", "immutable set", "set_if(ABSENT)"}
)
"""All operations."""


BY_VERSION = ("get", "set", "create", "read_and_set_if", "set_if", "keep_if")
"""What is done, by the names of the methods, where versions are to follow each other."""

BY_VERSION_NAMES = frozenset(
    {"get", "set", "set_if(ABSENT)", "get_with_etag", "set_if", "set_if(KEEP_CURRENT)"}
)
"""What these are called in a history."""


class Done(NamedTuple):
    """What a team did.

    Attributes:
        worked: How many operations of each name changed something, or read a value.
        doubts: Of how many nobody knows whether they took effect.
    """

    worked: Counter[str]
    doubts: int


def worked(history: Iterable[Operation]) -> Counter[str]:
    """How many operations of each name changed something, or read a value."""
    return Counter(
        operation.what
        for operation in history
        if operation.returned != NEVER and _worked(operation)
    )


def _worked(operation: Operation) -> bool:
    if operation.what in READS:
        return not operation.effect.fits(None)
    return operation.effect.changes


def work(subject: object, index: int, plan: Plan) -> int:
    """Do one's part of a round; a task for a team, whose own subject is not used.

    Returns:
        Of how many operations nobody knows whether they took effect.
    """
    if index % 2:
        plan = pickle.loads(pickle.dumps(plan))  # Threads: half of them share one handle.
    recorder = Recorder(Path(plan.folder), str(index))
    # The team would let some be unsteady all the time; here it is some operations of each, and
    # while one of them lingers, many others happen.
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        with MUTANTS[plan.mutant]():
            client = Client(plan, index, recorder)
            client.run(plan.operations)
            return client.doubts
    finally:
        sys.settrace(trace)
        recorder.close()


def operations_wanted() -> int:
    """How many operations a test records: PERSIDICT_OPERATIONS, or 10,000."""
    return int(os.environ.get("PERSIDICT_OPERATIONS", "10000"))


def new_seed() -> int:
    """PERSIDICT_SEED, or a number by chance; what each one does can be had again by it."""
    return int(os.environ.get("PERSIDICT_SEED", random.randrange(1 << 32)))


def check_linearizable(
    team: Team,
    dictionary: PersiDict[Any],
    folder: Path,
    *,
    operations: int | None = None,
    spread: tuple[int, ...] = SPREAD,
    expected: Collection[str] = (),
    **said: Any,
) -> Done:
    """Let a team do many rounds with a dictionary, and check the history of each.

    Args:
        team: `SIZE` who race; its subject decides where it is unsteady, and no more.
        dictionary: An empty dictionary of texts, of a store that the team shares.
        folder: An empty folder for histories.
        operations: How many in all; None: `operations_wanted`.
        spread: On so many keys, in turn.
        expected: The operations that are to work. Where one is rare, and by chance has not worked,
            more rounds are done than are wanted.
        said: What else a `Plan` takes.

    Returns:
        What was done; which operations these are is for the test to say, since each does no more
        than what the store claims.

    Raises:
        AssertionError: A history that is not linearizable; it tells the seed.
    """
    seed = new_seed()
    print(f"PERSIDICT_SEED={seed}")
    wanted = operations_wanted() if operations is None else operations
    recorded = rounds = doubts = 0
    found: Counter[str] = Counter()
    while recorded < wanted or (set(expected) - set(found) and recorded < _MOST_TIMES * wanted):
        place = folder / str(rounds)
        place.mkdir(parents=True)
        keys = tuple(f"{rounds}-{number}" for number in range(spread[rounds % len(spread)]))
        doubts += sum(team.run(work, Plan(dictionary, str(place), seed + rounds, keys, **said)))
        history = read_history(place)
        violation = check(history)
        assert violation is None, f"PERSIDICT_SEED={seed}, round {rounds}: {violation}"
        recorded += len(history)
        rounds += 1
        found += worked(history)
    done = Done(found, doubts)
    print(done)
    return done
