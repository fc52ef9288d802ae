"""Every kind of dictionary is used by random actions; PERSIDICT_EXAMPLES says how many times each.

As they stand these tests take a moment and always do the same, but each of them something else; at
length they do something new each time, and print the shortest failing sequence of actions.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.cases import CASES, s3_cases
from tests.models.kind import Case
from tests.models.machine import Machine
from tests.models.mixes import MIXES
from tests.models.running import run_machine

EXAMPLES = 8
IN_S3 = ("s3", "s3, no conditions", "s3, cached", "s3, mixed")


def run(case: Case, name: str, examples: int, **how: Any) -> None:
    Machine.case = case
    run_machine(type("Machine", (Machine,), {}), name, examples, **how)


@pytest.mark.parametrize("name", CASES)
def test_it_is_a_dict(name: str) -> None:
    run(CASES[name], name, EXAMPLES if "parquet" not in name else 3)


@pytest.mark.parametrize("name", MIXES)
def test_it_is_a_dict_with_these_parameters(name: str) -> None:
    run(MIXES[name], name, examples=3, cost=2)


@pytest.mark.parametrize("name", IN_S3)
def test_it_is_a_dict_in_s3(name: str, moto_endpoint: str) -> None:
    run(dict(s3_cases(moto_endpoint))[name], name, examples=2, steps=10, cost=10)
