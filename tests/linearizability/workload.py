"""Rounds of operations by eight who race, and whether their histories are linearizable."""

from __future__ import annotations

import os
import pickle
import random
import sys
from pathlib import Path
from typing import Any

from persidict_core import PersiDict
from persidict_core.testing.racing import Team
from tests.linearizability.checker import check
from tests.linearizability.client import Client, Plan
from tests.linearizability.history import Recorder, read_history
from tests.linearizability.mutants import MUTANTS

SIZE = 8
"""How many race."""

SPREAD = (1, 3, 20)
"""On so many keys."""


def work(subject: object, index: int, plan: Plan) -> None:
    """Do one's part of a round; a task for a team, whose own subject is not used."""
    if index % 2:
        plan = pickle.loads(pickle.dumps(plan))  # Threads: half of them share one handle.
    recorder = Recorder(Path(plan.folder), str(index))
    # The team would let some be unsteady all the time; here it is some operations of each, and
    # while one of them lingers, many others happen.
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        with MUTANTS[plan.mutant]():
            Client(plan, index, recorder).run(plan.operations)
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
    **said: Any,
) -> int:
    """Let a team do many rounds with a dictionary, and check the history of each.

    Args:
        team: `SIZE` who race; its subject decides where it is unsteady, and no more.
        dictionary: An empty dictionary of texts, of a store that the team shares.
        folder: An empty folder for histories.
        operations: How many in all; None: `operations_wanted`.
        spread: On so many keys, in turn.
        said: What else a `Plan` takes.

    Returns:
        How many were recorded.

    Raises:
        AssertionError: A history that is not linearizable; it tells the seed.
    """
    seed = new_seed()
    print(f"PERSIDICT_SEED={seed}")
    wanted = operations_wanted() if operations is None else operations
    recorded = rounds = 0
    while recorded < wanted:
        place = folder / str(rounds)
        place.mkdir(parents=True)
        keys = tuple(f"{rounds}-{number}" for number in range(spread[rounds % len(spread)]))
        team.run(work, Plan(dictionary, str(place), seed + rounds, keys, **said))
        history = read_history(place)
        violation = check(history)
        assert violation is None, f"PERSIDICT_SEED={seed}, round {rounds}: {violation}"
        recorded += len(history)
        rounds += 1
    return recorded
