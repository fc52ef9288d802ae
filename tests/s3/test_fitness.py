"""What is told of S3 servers: of those that keep their word, and of those that do not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from persidict_core import BaseBackend, Fitness, Scope, Verdict, examine
from persidict_core.fitness import examining, promised, trial
from persidict_s3 import S3Backend, S3Dict
from tests.s3 import faults_played as faults
from tests.s3.proxy import Exchange, Proxy

WHOLE = os.environ.get("PERSIDICT_S3_WHOLE", "") == "1"
CREATES = "Of many who create one key one wins"
CHANGES = "No change is lost: a write replaces the version that it saw"
DELETES = "Of many who delete one version one does"
MIXED = "A plain write or deletion beside conditional ones is not lost"
REACH = "It can be written, read and deleted"
LARGE = "A large value comes back whole"
PAGES = "More than a thousand keys are listed, and deleted together"


def told(found: Fitness, verdict: Verdict) -> set[str]:
    return {each.name for each in found.promises if each.verdict is verdict}


@pytest.fixture
def moto(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before moto, which answers from this process and slowly: so few races, by threads."""

    def start(part: BaseBackend, size: int) -> None:
        raise AssertionError("no other process, in this test")

    monkeypatch.setattr(trial, "ProcessTeam", start)
    monkeypatch.setitem(trial.EXTENTS, "quick", trial.EXTENTS["quick"]._replace(race=0.0))
    with Proxy(moto_endpoint) as running:
        yield running


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    kept = tuple(each for each in promised.PROMISED if each.name in names)
    assert len(kept) == len(names)
    monkeypatch.setattr(examining, "PROMISED", kept)


def test_what_is_not_claimed_is_told(moto: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, LARGE, CREATES, CHANGES, DELETES, MIXED)
    d: S3Dict[int] = S3Dict(
        f"fit-{uuid4().hex}",
        root_prefix="some/prefix",
        endpoint_url=moto.url,
        conditional_writes=False,
        conditional_deletes=False,
    )
    d["a"] = 1
    found = examine(d, level="quick")
    assert told(found, Verdict.NOT_CLAIMED) == {CREATES, CHANGES, DELETES, MIXED}
    assert told(found, Verdict.HOLDS) == {REACH, LARGE}
    assert list(d.backend.list_prefix()) == ["a.pkl"]


def test_a_server_that_ignores_conditions_is_told(
    moto: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, CREATES, CHANGES)
    moto.play(faults.ignore_conditions, "PutObject", times=None)
    bucket = f"fit-{uuid4().hex}"
    found = examine(S3Backend(bucket, endpoint_url=moto.url), level="quick")
    assert told(found, Verdict.NOT_CLAIMED) == {CREATES, CHANGES}, "the server was tried first"
    believed = S3Backend(bucket, endpoint_url=moto.url, conditional_writes=True)
    assert believed.capabilities.if_absent is Scope.HOSTS
    found = examine(believed, level="quick")
    assert told(found, Verdict.DOES_NOT) == {CREATES, CHANGES} and not found.fit


@pytest.mark.parametrize(
    ("operation", "verdict", "seen"),
    [
        ("PutObject", Verdict.CANNOT_TELL, "AccessDenied"),
        ("DeleteObject", Verdict.DOES_NOT, "Deletions are refused"),
    ],
)
def test_a_user_who_may_not_is_told(
    moto: Proxy, operation: str, verdict: Verdict, seen: str
) -> None:
    backend = S3Backend(f"fit-{uuid4().hex}", endpoint_url=moto.url)
    backend.write_bytes("kept", b"")
    moto.play(faults.forbidden, operation, times=None)
    if operation == "DeleteObject":
        moto.play(faults.forbidden, "DeleteObjects", times=None)
    found = examine(backend, level="quick")
    reach = found.promises[0]
    assert reach.verdict is verdict and seen in reach.explanation, reach
    assert len(told(found, Verdict.CANNOT_TELL)) >= len(found.promises) - 1
    assert found.left.total == (operation == "DeleteObject")


def test_no_secret_is_shown(moto: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    moto.play(faults.forbidden, "PutObject", times=None)
    found = examine(S3Backend(f"fit-{uuid4().hex}", endpoint_url=moto.url), level="quick")
    assert "hunter2" not in str(found) + str(found.as_dict())


@pytest.mark.s3
def test_a_server_that_gives_one_page_is_told(
    proxy: Proxy, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_early(exchange: Exchange) -> None:
        answer = exchange.forward()
        answer.body = answer.body.replace(b"ated>true</IsTrunc", b"ated>false</IsTrunc")
        exchange.send(answer)

    only(monkeypatch, PAGES)
    rule = proxy.play(end_early, "ListObjectsV2", times=None)
    found = examine(S3Backend(bucket, endpoint_url=proxy.url), level="quick")
    assert rule.hits and told(found, Verdict.DOES_NOT) == {PAGES} and found.left.total == 0


@pytest.mark.s3
def test_the_real_server_is_fit_and_what_it_loses_is_told(
    proxy: Proxy, bucket: str, s3_client: Any
) -> None:
    url = f"s3://{bucket}/some/prefix?endpoint_url={quote(proxy.url)}"
    with proxy.counting() as counts:
        found = examine(url, level="whole" if WHOLE else "quick")
    assert WHOLE or sum(counts.values()) < 6_000, counts
    assert found.fit, str(found)
    assert told(found, Verdict.DOES_NOT) <= {MIXED}
    assert told(found, Verdict.NOT_CLAIMED) <= {DELETES}
    assert told(found, Verdict.CANNOT_TELL) == set()
    left = s3_client.list_objects_v2(Bucket=bucket)
    assert left["KeyCount"] == 0 and not s3_client.list_multipart_uploads(Bucket=bucket).get(
        "Uploads"
    )
