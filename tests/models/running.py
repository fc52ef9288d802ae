"""How random actions are run: shortly and always the same, or at length."""

from __future__ import annotations

import os
from zlib import crc32

import hypothesis
from hypothesis import Phase
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

AT_LENGTH = int(os.environ.get("PERSIDICT_EXAMPLES", "0"))


def run_machine(
    machine: type[RuleBasedStateMachine],
    name: str,
    examples: int,
    *,
    steps: int = 25,
    cost: int = 1,
    shrink: bool = True,
) -> None:
    """Let a machine do random actions.

    Args:
        machine: A class of its own for each run, since a seed is kept on it.
        name: Chooses the actions, where it is not at length.
        examples: How many sequences there are then.
        steps: How many actions a sequence has then.
        cost: How much longer an action takes than elsewhere: at length there are so many less.
        shrink: Whether to look for the shortest sequence that fails.
    """
    if not AT_LENGTH:
        hypothesis.seed(crc32(name.encode()))(machine)
    settings = hypothesis.settings(
        max_examples=max(examples, AT_LENGTH // cost),
        stateful_step_count=50 if AT_LENGTH else steps,
        phases=tuple(Phase) if shrink else (Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    run_state_machine_as_test(machine, settings=settings)
