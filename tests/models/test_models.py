"""Every kind of dictionary is used by random actions; PERSIDICT_EXAMPLES says how many times each.

As they stand these tests take a moment and always do the same; at length they do something new each
time, and print the shortest failing sequence of actions.
"""

from __future__ import annotations

import os

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.models.cases import CASES, s3_cases
from tests.models.machine import Case, Machine

AT_LENGTH = int(os.environ.get("PERSIDICT_EXAMPLES", "0"))
IN_S3 = ("s3", "s3, no conditions", "s3, cached")


def run(case: Case, examples: int, steps: int, cost: int = 1, shrink: bool = True) -> None:
    Machine.case = case
    run_state_machine_as_test(
        Machine,
        settings=hypothesis.settings(
            max_examples=max(examples, AT_LENGTH // cost),
            stateful_step_count=50 if AT_LENGTH else steps,
            derandomize=not AT_LENGTH,
            phases=tuple(Phase) if shrink else (Phase.generate,),
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


@pytest.mark.parametrize("name", CASES)
def test_it_is_a_dict(name: str) -> None:
    run(CASES[name], examples=5, steps=25)


@pytest.mark.parametrize("name", IN_S3)
def test_it_is_a_dict_in_s3(name: str, moto_endpoint: str) -> None:
    run(dict(s3_cases(moto_endpoint))[name], examples=2, steps=10, cost=10)
