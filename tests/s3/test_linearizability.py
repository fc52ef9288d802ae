"""What eight processes do at once with one dictionary in S3 is linearizable, key by key.

What Ceph does not keep is not asked of it: there a plain write or deletion that raced a conditional
write may have been dropped, though Ceph said that it was done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from persidict_core import Scope
from persidict_core.testing import racing
from persidict_core.testing.racing import ProcessTeam, workers_kept
from persidict_s3 import S3Dict
from tests.linearizability.workload import (
    EVERYTHING,
    SIZE,
    Done,
    check_linearizable,
    operations_wanted,
)
from tests.s3 import faults_played as faults
from tests.s3.proxy import Proxy
from tests.s3.wire import Request

pytestmark = pytest.mark.s3

WHOLE = os.environ.get("PERSIDICT_S3_WHOLE", "") == "1"
PART = 0.2 if WHOLE else 0.1
"""Of the operations of any other store, since each takes milliseconds here."""
LOST = 0.05
"""The share of the writes whose answers get lost."""

CONDITIONAL = ("get", "create", "insert", "setdefault", "read_and_set_if", "set_if", "keep_if")
CONDITIONAL_NAMES = {
    *("get", "set_if(ABSENT)", "immutable set", "setdefault"),
    *("get_with_etag", "set_if", "set_if(KEEP_CURRENT)"),
}
"""What these are called in a history."""

CREATION = (40, 2)
"""Keys of rounds in which nothing is deleted: each can be created only once."""

BOTH = max(PART, 0.15)
"""For a round of each."""

PLAIN = ("get", "contains", "set", "set_many", "delete_many")
PLAIN_NAMES = {"get", "in", "set", "set_many", "delete_many"}

Race = Callable[..., Done]


@pytest.fixture(scope="module", autouse=True)
def processes() -> Iterator[None]:
    """Those who race are started once."""
    with pytest.MonkeyPatch.context() as patched, workers_kept():
        patched.setattr(racing, "MOST_SECONDS", max(racing.MOST_SECONDS, operations_wanted() / 20))
        yield


@pytest.fixture
def race(tmp_path: Path) -> Iterator[Race]:
    """Lets eight processes use a dictionary; its history must be linearizable.

    Just the expected operations must have worked.
    """

    def run(
        dictionary: S3Dict[str], part: float = PART, expected: Collection[str] = (), **said: Any
    ) -> Done:
        done = check_linearizable(
            team,
            dictionary,
            tmp_path / "histories",
            operations=int(operations_wanted() * part),
            expected=expected,
            **said,
        )
        assert set(done.worked) == set(expected)
        return done

    with ProcessTeam(None, SIZE) as team:
        yield run


@pytest.mark.parametrize("cached", [False, True], ids=["uncached", "cached"])
def test_processes(race: Race, endpoint: str, bucket: str, tmp_path: Path, cached: bool) -> None:
    """All share the cache, too."""
    folder = tmp_path / "cache" if cached else None
    dictionary: S3Dict[str] = S3Dict(
        bucket, file_type="json", endpoint_url=endpoint, base_dir=folder
    )
    exact = dictionary.backend.capabilities.delete_if > Scope.NONE
    expected = EVERYTHING if exact else EVERYTHING - {"delete_if"}
    race(dictionary, 1.0 if WHOLE else PART, expected, exact=exact)


def test_processes_where_deletions_keep_conditions(
    race: Race, keeps_deletes: str, bucket: str
) -> None:
    """All is exact where a server keeps all conditions, and loses no write to another."""
    dictionary: S3Dict[str] = S3Dict(bucket, file_type="json", endpoint_url=keeps_deletes)
    race(dictionary, PART, EVERYTHING)


@pytest.mark.parametrize("cached", [False, True], ids=["uncached", "cached"])
def test_plain_writes_alone_are_exact(
    race: Race, endpoint: str, bucket: str, tmp_path: Path, cached: bool
) -> None:
    """Where no condition races them, no server drops one that it has acknowledged."""
    folder = tmp_path / "cache" if cached else None
    dictionary: S3Dict[str] = S3Dict(
        bucket, file_type="json", endpoint_url=endpoint, base_dir=folder
    )
    race(dictionary, PART / 2, PLAIN_NAMES, actions=PLAIN)


def test_a_plain_write_that_was_dropped_is_found(race: Race, proxy: Proxy, bucket: str) -> None:
    """The check of plain writes fails where a server acknowledges what it does not keep."""
    S3Dict[str](bucket, endpoint_url=proxy.url)["made"] = "before"
    proxy.play(faults.drop, "PutObject", when=faults.share(LOST, seed=7), times=None)
    dictionary: S3Dict[str] = S3Dict(bucket, file_type="json", endpoint_url=proxy.url)
    with pytest.raises(AssertionError, match="not linearizable"):
        race(dictionary, part=1.0, actions=PLAIN)


def test_conditions_alone_are_exact(race: Race, endpoint: str, bucket: str) -> None:
    """Among writers who all say a condition, nothing is in doubt on any server."""
    dictionary: S3Dict[str] = S3Dict(bucket, file_type="json", endpoint_url=endpoint)
    race(dictionary, BOTH, CONDITIONAL_NAMES, actions=CONDITIONAL, spread=CREATION)


def test_lost_answers(race: Race, proxy: Proxy, bucket: str) -> None:
    """Of a conditional write it is told truly whether it was made, or that nobody can know."""
    lost: list[Request] = []
    some = faults.share(LOST, seed=7)

    def is_lost(request: Request) -> bool:
        if not some(request):
            return False
        lost.append(request)
        return True

    proxy.play(faults.lose_answer, "PutObject", when=is_lost, times=None)
    dictionary: S3Dict[str] = S3Dict(bucket, file_type="json", endpoint_url=proxy.url)
    said = {"actions": CONDITIONAL, "spread": CREATION, "in_doubt": True}
    done = race(dictionary, BOTH, CONDITIONAL_NAMES, **said)
    made = sum(request.status == 200 for request in lost)
    print(f"{len(lost)} answers lost, {made} of writes that were made, {done.doubts} doubts")
    # Who wrote finds it out, unless many others wrote since; who did not cannot always.
    assert made > 0 and done.doubts <= len(lost) - made * 0.9


def test_lost_answers_of_deletions(race: Race, keeps_deletes: str, bucket: str) -> None:
    """Nor is a conditional deletion told otherwise than it was.

    Answers to writes arrive: what is created in doubt, and deleted meanwhile, is created anew.
    """
    with Proxy(keeps_deletes) as proxy:
        lost = proxy.play(
            faults.lose_answer,
            "DeleteObject",
            key=".json",  # Not those of the trial of conditions.
            when=faults.share(4 * LOST, seed=7),
            times=None,
        )
        dictionary: S3Dict[str] = S3Dict(bucket, file_type="json", endpoint_url=proxy.url)
        # Not `pop`: what may have deleted any value at any time is too much for the checker.
        expected = CONDITIONAL_NAMES | {"delete_if"}
        done = race(dictionary, PART, expected, actions=(*CONDITIONAL, "delete_if"), in_doubt=True)
    print(f"{lost.hits} answers lost, {done.doubts} doubts")
    # Another version, or none, does not tell who made it so.
    assert 0 < done.doubts <= lost.hits


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
            in_doubt=True,
        )
