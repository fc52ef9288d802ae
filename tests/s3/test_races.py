"""Races between processes for one key of a real S3 server, also where answers get lost."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from persidict_core import (
    ABSENT,
    BackendError,
    ImmutableItemError,
    NotSupported,
    PreconditionFailed,
    Scope,
)
from persidict_core.testing.racing import ProcessTeam, workers_kept
from persidict_s3 import S3Dict
from tests.s3 import faults_played as faults
from tests.s3.proxy import Proxy

pytestmark = pytest.mark.s3

WHOLE = os.environ.get("PERSIDICT_S3_WHOLE", "") == "1"
CREATORS, ROUNDS = 16, 200 if WHOLE else 20
CHANGERS, CHANGES = 8, 500 if WHOLE else 30
LOST = 0.1
"""The share of the writes whose answers get lost."""

MAYBE = "may have been written"

Make = Callable[..., S3Dict[Any]]


@pytest.fixture(scope="module", autouse=True)
def processes() -> Iterator[None]:
    """Those who race are started once."""
    with workers_kept():
        yield


@pytest.fixture(params=["all answers arrive", "answers get lost"])
def make(request: pytest.FixtureRequest, endpoint: str, bucket: str) -> Iterator[Make]:
    """Makes dictionaries of one bucket; what is lost is lost to all processes."""
    with Proxy(endpoint) as proxy:
        url = endpoint
        if request.param == "answers get lost":
            url = proxy.url
            proxy.play(faults.lose_answer, "PutObject", when=faults.share(LOST, seed=7), times=None)
        yield lambda **params: S3Dict(bucket, endpoint_url=url, **params)
        assert url == endpoint or any(request.status == 412 for request in proxy.requests)


def setdefault(d: S3Dict[int], index: int, key: str) -> int:
    try:
        return d.setdefault(key, index)
    except BackendError as error:
        # His refusal was lost; and a rival may be there since somebody deleted his own.
        assert MAYBE in str(error)
        return d[key]


def insert(d: S3Dict[int], index: int, key: str) -> bool:
    try:
        d[key] = index
    except ImmutableItemError:
        return False
    except BackendError as error:
        assert MAYBE in str(error)
        return d[key] == index
    return True


def insert_if_absent(d: S3Dict[int], index: int, key: str) -> bool:
    """All write the same value: its etag does not tell whose write it was."""
    try:
        d.set_if(key, 0, ABSENT)
    except PreconditionFailed:
        return False
    except BackendError as error:
        # Not the one who wrote: he finds the token of his write.
        assert MAYBE in str(error)
        return False
    return True


def test_one_creator_wins(make: Make) -> None:
    d = make()
    with ProcessTeam(d, CREATORS) as team:
        for number in range(ROUNDS):
            key = f"default{number}"
            values = team.run(setdefault, key)
            assert set(values) == {d[key]}
            key = f"same{number}"
            assert team.run(insert_if_absent, key).count(True) == 1


def test_one_insert_of_an_immutable_item_wins(make: Make) -> None:
    d = make(immutable_items=True)
    with ProcessTeam(d, CREATORS) as team:
        for number in range(ROUNDS):
            won = team.run(insert, f"item{number}")
            assert won.count(True) == 1
            assert d[f"item{number}"] == won.index(True)


def change(d: S3Dict[dict[int, int]], index: int, times: int) -> int:
    """Count one's own changes in one value that all share; give how often it was in doubt."""

    def add_mine(counts: dict[int, int]) -> dict[int, int]:
        return {**counts, index: counts.get(index, 0) + 1}

    doubts = 0
    for number in range(1, times + 1):
        while True:
            try:
                stored = d.transform("counts", add_mine, default={})
            except BackendError as error:
                # Its answer was lost, and others have written since: only the value can tell.
                assert MAYBE in str(error)
                doubts += 1
                if d["counts"].get(index, 0) == number:
                    break
            else:
                assert stored[index] == number
                break
    return doubts


def test_no_change_is_lost_or_doubled(make: Make, endpoint: str) -> None:
    d = make()
    with ProcessTeam(d, CHANGERS) as team:
        doubts = team.run(change, CHANGES)
    assert d["counts"] == dict.fromkeys(range(CHANGERS), CHANGES)
    # Doubt is for the rare case that many others wrote before the question could be asked.
    lost = 0 if d.backend.endpoint_url == endpoint else CHANGERS * CHANGES * LOST
    assert sum(doubts) <= lost / 10


def add(d: S3Dict[int], index: int, times: int) -> None:
    for _ in range(times):
        d.transform("number", lambda number: number + 1, default=0)


def test_these_races_tell_where_conditions_are_ignored(proxy: Proxy, bucket: str) -> None:
    """The other tests would fail: here the server's promise is declared, and not kept."""
    proxy.play(faults.ignore_conditions, "PutObject", times=None)
    d: S3Dict[int] = S3Dict(
        bucket, endpoint_url=proxy.url, conditional_writes=True, conditional_deletes=False
    )
    with ProcessTeam(d, 4) as team:
        winners = [team.run(insert_if_absent, f"same{number}").count(True) for number in range(10)]
        team.run(add, 10)
    assert max(winners) > 1
    assert d["number"] < 4 * 10


def pop(d: S3Dict[int], index: int, key: str) -> int | None:
    found: int | None = d.pop(key, None)
    return found


def test_pop_has_one_winner_where_that_is_claimed(make: Make) -> None:
    d = make()
    claimed = d.backend.capabilities.delete_if is not Scope.NONE
    with ProcessTeam(d, CREATORS if claimed else 1) as team:
        for number in range(ROUNDS):
            d["item"] = number
            assert [value for value in team.run(pop, "item") if value is not None] == [number]
    if not claimed:
        d["item"] = 1
        with pytest.raises(NotSupported):
            d.delete_if("item", d.get_with_etag("item")[1])
        assert d["item"] == 1


def delete_if(d: S3Dict[int], index: int, etag: str) -> bool:
    try:
        d.delete_if("item", etag)
    except PreconditionFailed:
        return False
    return True


def test_one_deletes_where_deletions_keep_conditions(keeps_deletes: str, bucket: str) -> None:
    d: S3Dict[int] = S3Dict(bucket, endpoint_url=keeps_deletes)
    with ProcessTeam(d, CREATORS) as team:
        for number in range(ROUNDS // 4):
            d["item"] = number
            assert [value for value in team.run(pop, "item") if value is not None] == [number]
            d["item"] = number
            assert team.run(delete_if, d.get_with_etag("item")[1]).count(True) == 1
            assert "item" not in d


def test_the_race_to_delete_tells_where_conditions_are_ignored(proxy: Proxy, bucket: str) -> None:
    proxy.play(faults.ignore_conditions, "DeleteObject", times=None)
    d: S3Dict[int] = S3Dict(
        bucket, endpoint_url=proxy.url, conditional_writes=True, conditional_deletes=True
    )
    popped, deleted = [], []
    with ProcessTeam(d, CREATORS) as team:
        for number in range(10):
            d["item"] = number
            popped.append(team.run(pop, "item").count(number))
            d["item"] = number
            deleted.append(team.run(delete_if, d.get_with_etag("item")[1]).count(True))
    assert max(popped) > 1 and max(deleted) > 1


def test_a_server_that_ignores_conditions_is_refused(proxy: Proxy, bucket: str) -> None:
    proxy.play(faults.ignore_conditions, times=None)
    d: S3Dict[int] = S3Dict(bucket, endpoint_url=proxy.url)
    d["there"] = 1
    etag = d.get_with_etag("there")[1]
    assert etag is not ABSENT
    acts: list[Callable[[], object]] = [
        lambda: d.set_if("there", 2, etag),
        lambda: d.set_if("new", 2, ABSENT),
        lambda: d.transform("there", lambda value: value + 1),
        lambda: d.transform("new", lambda value: value + 1, default=0),
        lambda: d.delete_if("there", etag),
    ]
    for act in acts:
        with pytest.raises(NotSupported):
            act()
    immutable: S3Dict[int] = S3Dict(bucket, endpoint_url=proxy.url, immutable_items=True)
    with pytest.raises(NotSupported):
        immutable["new"] = 2
    assert dict(d) == {"there": 1}
    # What dict promises goes in two steps.
    assert d.setdefault("new", 2) == 2
    assert d.pop("new") == 2
    assert list(d) == ["there"]
    # The probes have left nothing behind.
    import boto3

    listed = boto3.session.Session().client("s3").list_objects_v2(Bucket=bucket)
    assert [entry["Key"] for entry in listed["Contents"]] == ["there.pkl"]
