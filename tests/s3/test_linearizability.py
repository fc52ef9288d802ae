"""What eight processes do at once with one dictionary in S3 is linearizable, key by key.

What Ceph does not keep is not asked of it: there a plain write or deletion that raced a conditional
write may have been dropped, though Ceph said that it was done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from persidict_core import BackendError, Scope
from persidict_core.testing.racing import ProcessTeam
from persidict_s3 import S3Dict
from tests.linearizability.workload import SIZE, check_linearizable, operations_wanted
from tests.s3 import faults_played as faults
from tests.s3.proxy import Proxy

pytestmark = pytest.mark.s3

PART = 1.0 if os.environ.get("PERSIDICT_S3_WHOLE", "") == "1" else 0.1
LOST = 0.05
"""The share of the writes whose answers get lost."""

CONDITIONAL = ("get", "create", "insert", "setdefault", "read_and_set_if", "set_if", "keep_if")

Race = Callable[..., None]


@pytest.fixture
def race(tmp_path: Path) -> Iterator[Race]:
    """Lets eight processes use a dictionary; its history must be linearizable."""

    def run(dictionary: S3Dict[str], part: float = PART, **said: Any) -> None:
        exact = dictionary.backend.capabilities.delete_if > Scope.NONE
        wanted = int(operations_wanted() * part)
        done = check_linearizable(
            team,
            dictionary,
            tmp_path / "histories",
            operations=wanted,
            exact=exact,
            **said,
        )
        assert done >= wanted

    with ProcessTeam(None, SIZE) as team:
        yield run


@pytest.mark.parametrize("cached", [False, True], ids=["uncached", "cached"])
def test_processes(race: Race, endpoint: str, bucket: str, tmp_path: Path, cached: bool) -> None:
    """All share the cache, too."""
    folder = tmp_path / "cache" if cached else None
    dictionary: S3Dict[str] = S3Dict(
        bucket, file_type="json", endpoint_url=endpoint, base_dir=folder
    )
    race(dictionary)


def test_conditions_alone_are_exact(race: Race, endpoint: str, bucket: str) -> None:
    """Among writers who all say a condition, nothing is in doubt on any server."""
    dictionary: S3Dict[str] = S3Dict(bucket, file_type="json", endpoint_url=endpoint)
    race(dictionary, actions=CONDITIONAL)


def test_lost_answers(race: Race, proxy: Proxy, bucket: str) -> None:
    """Of a conditional write it is told truly whether it was made, or that nobody can know."""
    proxy.play(faults.lose_answer, "PutObject", when=faults.share(LOST, seed=7), times=None)
    dictionary: S3Dict[str] = S3Dict(bucket, file_type="json", endpoint_url=proxy.url)
    race(dictionary, actions=CONDITIONAL, unknown=(BackendError,))


@pytest.mark.parametrize(
    ("mutant", "lost"), [("s3_without_if_match", 0.0), ("s3_repeated_by_botocore", 0.3)]
)
def test_without_a_guard_it_is_not(
    race: Race, proxy: Proxy, bucket: str, mutant: str, lost: float
) -> None:
    """A dictionary without that guard has a history that the checker does not pass."""
    proxy.play(faults.lose_answer, "PutObject", when=faults.share(lost, seed=7), times=None)
    dictionary: S3Dict[str] = S3Dict(
        bucket, file_type="json", endpoint_url=proxy.url, conditional_writes=True
    )
    with pytest.raises(AssertionError, match="not linearizable"):
        race(
            dictionary,
            part=1.0,
            spread=(1,),
            mutant=mutant,
            actions=("get", "create", "read_and_set_if"),
            unknown=(BackendError,),
        )
