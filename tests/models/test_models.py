"""Every kind of dictionary is used by random actions; PERSIDICT_EXAMPLES says how many times each.

As they stand these tests take a moment and always do the same, but each of them something else; at
length they do something new each time, and print the shortest failing sequence of actions.
"""

from __future__ import annotations

import os
from zlib import crc32

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.models.cases import CASES, s3_cases
from tests.models.kind import Case
from tests.models.machine import Machine
from tests.models.mixes import MIXES

AT_LENGTH = int(os.environ.get("PERSIDICT_EXAMPLES", "0"))
EXAMPLES = 8
IN_S3 = ("s3", "s3, no conditions", "s3, cached", "s3, mixed")


def run(
    case: Case, name: str, examples: int, steps: int = 25, cost: int = 1, shrink: bool = True
) -> None:
    Machine.case = case
    machine = type("Machine", (Machine,), {})
    if not AT_LENGTH:
        hypothesis.seed(crc32(name.encode()))(machine)
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(
            max_examples=max(examples, AT_LENGTH // cost),
            stateful_step_count=50 if AT_LENGTH else steps,
            phases=tuple(Phase) if shrink else (Phase.generate,),
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


@pytest.mark.parametrize("name", CASES)
def test_it_is_a_dict(name: str) -> None:
    run(CASES[name], name, EXAMPLES if "parquet" not in name else 3)


@pytest.mark.parametrize("name", MIXES)
def test_it_is_a_dict_with_these_parameters(name: str) -> None:
    run(MIXES[name], name, examples=3, cost=2)


@pytest.mark.parametrize("name", IN_S3)
def test_it_is_a_dict_in_s3(name: str, moto_endpoint: str) -> None:
    run(dict(s3_cases(moto_endpoint))[name], name, examples=2, steps=10, cost=10)
