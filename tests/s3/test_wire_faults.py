"""What networks, proxies and S3 itself do to a request ends in the right value or the right error.

Never is a fault a KeyError or a False, never is a write reported as the opposite of what became of
it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from botocore.config import Config

from persidict_core import (
    ABSENT,
    BackendError,
    BulkError,
    PreconditionFailed,
)
from persidict_s3 import S3Backend, S3Dict
from tests.s3 import faults_played as faults
from tests.s3.proxy import Exchange, Fault, Proxy

pytestmark = pytest.mark.s3

BIG = bytes(range(256)) * 200
Make = Callable[..., S3Dict[Any]]


@pytest.fixture
def prefix() -> str:
    """Where the objects of one test are."""
    return uuid4().hex


@pytest.fixture
def make(proxy: Proxy, shared_bucket: str, prefix: str) -> Make:
    """Makes dictionaries of one place behind the proxy; boto3 soon gives up."""

    def made(
        attempts: int = 1, silence: float = 30, bucket: str = shared_bucket, **params: Any
    ) -> S3Dict[Any]:
        config = Config(retries={"total_max_attempts": attempts}, read_timeout=silence)
        declared = {"conditional_writes": True, "conditional_deletes": False}
        place = {"root_prefix": prefix, "endpoint_url": proxy.url, "config": config}
        return S3Dict(bucket, **{**place, **declared, **params})

    return made


@pytest.fixture
def d(make: Make) -> S3Dict[Any]:
    d = make()
    d["there"] = BIG
    return d


@pytest.fixture
def direct(shared_bucket: str, prefix: str, d: S3Dict[Any]) -> S3Dict[Any]:
    """The same dictionary, without the proxy."""
    return S3Dict(shared_bucket, root_prefix=prefix)


def by_name(fault: Any) -> str:
    return str(getattr(fault, "__name__", ""))


# Reading.

READS: dict[str, Callable[[S3Dict[Any]], object]] = {
    "get": lambda d: d.get("there"),
    "getitem": lambda d: d["there"],
    "in": lambda d: "there" in d,
    "timestamp": lambda d: d.timestamp("there"),
    "get_with_etag": lambda d: d.get_with_etag("there"),
    "len": len,
    "bool": bool,
    "keys": lambda d: [key for key in d],
    "newest_keys": lambda d: d.newest_keys(),
    "values": lambda d: [value for value in d.values()],
    "get_many": lambda d: [value for _, value in d.get_many(["there"])],
    "subdicts": lambda d: d.subdicts(),
    "setdefault": lambda d: d.setdefault("there", 1),
    "pop": lambda d: d.pop("there", None),
    "delete_if_exists": lambda d: d.delete_if_exists("there"),
    "transform": lambda d: d.transform("there", lambda value: value),
}
NOT_S3: dict[str, Fault] = {
    "403": faults.forbidden,
    "404 as HTML": faults.page(404),
    "200 as HTML": faults.page(200),
    "200 and empty": faults.page(200, ""),
    "503 as HTML": faults.page(503),
    "307 elsewhere": faults.moved("eu-west-1"),
    "connections are reset": faults.lose_request,
    "answers are lost": faults.lose_answer,
}


@pytest.mark.parametrize("fault", NOT_S3)
def test_a_fault_is_no_answer(
    d: S3Dict[Any], direct: S3Dict[Any], proxy: Proxy, fault: str
) -> None:
    for name, read in READS.items():
        proxy.play(NOT_S3[fault], when=lambda r: r.method in ("GET", "HEAD"), times=None)
        with pytest.raises(BackendError) as raised:
            pytest.fail(f"{name} gave {read(d)!r}")
        assert os.environ.get("AWS_SECRET_ACCESS_KEY", "no secret") not in str(raised.value)
        assert direct["there"] == BIG, name
        proxy.calm()
        read(d)
        d["there"] = BIG


def test_a_missing_key_behind_403_is_explained(d: S3Dict[Any], proxy: Proxy) -> None:
    """So answers AWS without the right to list."""
    proxy.play(faults.forbidden, key="absent.pkl", times=None)
    asks: list[Callable[[], object]] = [
        lambda: d.get("absent"),
        lambda: "absent" in d,
        lambda: d.timestamp("absent"),
        lambda: d.get_with_etag("absent"),
        lambda: d.delete_if_exists("absent"),
        lambda: d.setdefault("absent", 1),
    ]
    for ask in asks:
        with pytest.raises(BackendError, match="ListBucket"):
            ask()


@pytest.mark.parametrize("fault", [faults.reset_in_body, faults.truncate_body], ids=by_name)
def test_a_body_that_breaks_off_is_read_again_or_an_error(
    d: S3Dict[Any], proxy: Proxy, fault: Fault
) -> None:
    for name in ("getitem", "get_with_etag", "values", "get_many", "keys"):
        read = READS[name]
        wanted = read(d)
        rule = proxy.play(fault, when=lambda request: request.method == "GET", times=1)
        with suppress(BackendError):
            assert read(d) == wanted, name
        assert rule.hits == 1
        assert read(d) == wanted
        proxy.play(fault, when=lambda request: request.method == "GET", times=None)
        with pytest.raises(BackendError):
            pytest.fail(f"{name} gave {read(d)!r}")
        proxy.calm()


def test_a_body_that_drips_is_read(make: Make, d: S3Dict[Any], proxy: Proxy) -> None:
    """It takes longer than a whole answer may be silent, but never falls silent that long."""
    patient = make(silence=1)
    proxy.play(faults.drip(12, 0.1), "GetObject")
    begun = time.monotonic()
    assert patient["there"] == BIG
    assert time.monotonic() - begun > 1


def test_silence_ends_in_bounded_time(make: Make, d: S3Dict[Any], proxy: Proxy) -> None:
    hasty = make(silence=0.2)
    proxy.play(faults.stall(0.9), "GetObject", times=None)
    with proxy.counting() as counts, pytest.raises(BackendError, match="stopped answering"):
        hasty["there"]
    assert counts["GetObject"] == 1


def test_throttling_passes(make: Make, d: S3Dict[Any], proxy: Proxy) -> None:
    d = make(attempts=2)
    for operation in ("GetObject", "HeadObject", "PutObject", "ListObjectsV2", "DeleteObject"):
        proxy.play(faults.slow_down, operation, times=1)
    assert d["there"] == BIG and "there" in d and len(d) == 1
    d["new"] = 1
    del d["new"]
    assert list(d) == ["there"]
    proxy.play(faults.slow_down, times=None)
    d = make()
    for act in (lambda: d["there"], lambda: "there" in d, lambda: len(d), lambda: d.clear()):
        with pytest.raises(BackendError, match="overloaded"):
            act()


def test_a_bucket_of_another_region(d: S3Dict[Any], proxy: Proxy) -> None:
    """botocore follows once, by what S3 says; where that leads nowhere, the region is named."""
    proxy.play(faults.moved("eu-west-1"), "GetObject", times=1)
    assert d["there"] == BIG
    signed = proxy.requests[-1].headers["Authorization"]
    assert "/eu-west-1/s3/" in signed
    proxy.play(faults.moved("eu-west-3"), times=None)
    with pytest.raises(BackendError, match="eu-west-3"):
        d["there"]


# Writing.


def test_a_plain_write_whose_answer_is_lost_is_made_again(
    make: Make, direct: S3Dict[Any], proxy: Proxy
) -> None:
    proxy.play(faults.lose_answer, "PutObject", times=1)
    make(attempts=2)["new"] = 1
    assert direct["new"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.lose_answer,
        faults.lose_request,
        faults.slow_down,
        faults.page(200),
        faults.page(404),
        faults.page(502),
        faults.forbidden,
        faults.moved("eu-west-1"),
        faults.act_and_answer(faults.internal_error),
    ],
)
def test_a_write_that_cannot_be_made_is_an_error(
    d: S3Dict[Any], direct: S3Dict[Any], proxy: Proxy, fault: Fault
) -> None:
    proxy.play(fault, "PutObject", times=None)
    with pytest.raises(BackendError):
        d["there"] = 1
    with pytest.raises(BulkError) as raised:
        d.update({"there": 1, "new": 2})
    assert set(raised.value.failures) == {"there", "new"}
    assert all(isinstance(error, BackendError) for error in raised.value.failures.values())
    assert direct["there"] in (1, BIG)


@pytest.mark.parametrize("fault", [faults.page(200), faults.page(404), faults.forbidden])
def test_a_delete_that_was_not_made_is_an_error(
    d: S3Dict[Any], direct: S3Dict[Any], proxy: Proxy, fault: Fault
) -> None:
    rule = proxy.play(fault, when=lambda r: r.method in ("DELETE", "POST"), times=None)
    with pytest.raises(BackendError):
        del d["there"]
    with pytest.raises(BackendError):
        d.pop("there")
    with pytest.raises(BulkError) as raised:
        d.delete_many(["there", "absent"])
    assert "there" in raised.value.failures
    with pytest.raises(BulkError):
        d.clear()
    assert rule.hits >= 4
    assert direct["there"] == BIG


def test_a_delete_whose_answer_is_lost_is_done(
    make: Make, direct: S3Dict[Any], proxy: Proxy
) -> None:
    proxy.play(faults.lose_answer, "DeleteObject", times=1)
    assert make(attempts=2).delete_if_exists("there") is True
    assert not direct


# Writing on a condition: the answers that may come after the server acted, or did not.

ACTED: dict[str, Fault] = {
    "lost": faults.lose_answer,
    "500": faults.act_and_answer(faults.internal_error),
    "503 as HTML": faults.act_and_answer(faults.page(503)),
    "200 as HTML": faults.act_and_answer(faults.page(200)),
    "409": faults.act_and_answer(faults.conflict),
}
NOT_ACTED: dict[str, Fault] = {
    "lost": faults.lose_request,
    "500": faults.internal_error,
    "500 of a lost race": faults.lost_race,
    "503": faults.slow_down,
    "409": faults.conflict,
    "502 as HTML": faults.page(502),
}
CONDITIONS: dict[str, Callable[[S3Dict[Any]], object]] = {
    "insert": lambda d: d.set_if("new", "mine", ABSENT),
    "setdefault": lambda d: d.setdefault("new", "mine"),
    "replace": lambda d: d.set_if("there", "mine", d.get_with_etag("there")[1]),
    "transform": lambda d: d.transform("there", lambda value: "mine"),
}


def conditions(d: S3Dict[Any], direct: S3Dict[Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each kind of write, to be tried where one item is there: its key, and the act."""
    for name, act in CONDITIONS.items():
        direct["there"] = BIG
        direct.discard("new")
        yield ("new" if name in ("insert", "setdefault") else "there"), partial(act, d)


@pytest.mark.parametrize("fault", ACTED)
def test_a_write_through_a_proxy_of_the_configuration_is_reported_as_made(
    make: Make, direct: S3Dict[Any], proxy: Proxy, endpoint: str, fault: str
) -> None:
    """The library then tells of a lost answer as of a proxy that cannot be reached."""
    config = Config(retries={"total_max_attempts": 3}, proxies={"http": proxy.url})
    for key, act in conditions(make(endpoint_url=endpoint, config=config), direct):
        rule = proxy.play(ACTED[fault], "PutObject", times=1)
        act()
        assert rule.hits == 1
        assert direct[key] == "mine"


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("fault", ACTED)
def test_a_write_that_was_made_is_reported_as_made(
    make: Make, direct: S3Dict[Any], proxy: Proxy, fault: str, attempts: int
) -> None:
    for key, act in conditions(make(attempts), direct):
        rule = proxy.play(ACTED[fault], "PutObject", times=1)
        act()
        assert rule.hits == 1
        assert direct[key] == "mine"


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("fault", NOT_ACTED)
def test_a_write_that_was_not_made_is_made_or_an_error(
    make: Make, direct: S3Dict[Any], proxy: Proxy, fault: str, attempts: int
) -> None:
    for key, act in conditions(make(attempts), direct):
        rule = proxy.play(NOT_ACTED[fault], "PutObject", times=1)
        try:
            act()
        except (BackendError, PreconditionFailed):
            assert direct.get(key) in (None, BIG)
        else:
            assert direct[key] == "mine"
        assert rule.hits == 1


@pytest.mark.parametrize("fault", NOT_ACTED)
def test_a_write_that_is_never_made_is_an_error(
    d: S3Dict[Any], direct: S3Dict[Any], proxy: Proxy, fault: str
) -> None:
    proxy.play(NOT_ACTED[fault], "PutObject", times=None)
    for act in (CONDITIONS["insert"], CONDITIONS["replace"]):
        with pytest.raises((BackendError, PreconditionFailed)):
            act(d)
    assert dict(direct) == {"there": BIG}


def rival_first(direct: S3Dict[Any], value: object) -> Fault:
    """A rival writes the same key, just before the server sees the request; the answer is lost."""

    def fault(exchange: Exchange) -> None:
        direct["new"] = value
        faults.lose_answer(exchange)

    return fault


def rival_after(direct: S3Dict[Any], value: object) -> Fault:
    """The server acts, a rival overwrites that at once, and the answer is lost."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        direct["new"] = value
        exchange.hang_up(reset=True)

    return fault


@pytest.mark.parametrize("value", ["mine", "theirs"])
def test_a_rival_who_was_first_has_won_even_by_the_same_bytes(
    make: Make, direct: S3Dict[Any], proxy: Proxy, value: str
) -> None:
    proxy.play(rival_first(direct, value), "PutObject", times=1)
    with pytest.raises((PreconditionFailed, BackendError)) as raised:
        make().set_if("new", "mine", ABSENT)
    assert isinstance(raised.value, PreconditionFailed) or "may have been" in str(raised.value)
    assert direct["new"] == value
    proxy.play(rival_first(direct, value), "PutObject", times=1)
    direct.discard("new")
    d = make(immutable_items=True)
    with pytest.raises((KeyError, BackendError)):
        d["new"] = "mine"
    assert direct["new"] == value


@pytest.mark.parametrize("value", ["mine", "theirs"])
def test_what_was_overwritten_since_may_have_been_written(
    d: S3Dict[Any], direct: S3Dict[Any], proxy: Proxy, value: str
) -> None:
    proxy.play(rival_after(direct, value), "PutObject", times=1)
    with pytest.raises(BackendError, match="may have been written"):
        d.set_if("new", "mine", ABSENT)
    assert direct["new"] == value


def test_a_condition_that_fails_is_known_to_have_failed(d: S3Dict[Any], proxy: Proxy) -> None:
    with proxy.counting() as counts, pytest.raises(PreconditionFailed):
        d.set_if("there", "mine", ABSENT)
    assert counts["PutObject"] == 1
    with pytest.raises(PreconditionFailed):
        d.set_if("there", "mine", "0" * 32)
    with pytest.raises(PreconditionFailed):
        d.set_if("absent", "mine", "0" * 32)
    assert d["there"] == BIG


def test_the_first_write_makes_the_bucket_though_answers_get_lost(
    make: Make, proxy: Proxy, bucket: str
) -> None:
    for operation in ("PutObject", "CreateBucket"):
        proxy.play(faults.lose_answer, operation, times=1)
    d = make(attempts=2, bucket=bucket)
    d["first"] = 1
    assert d["first"] == 1


@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject"])
@pytest.mark.parametrize(
    "fault",
    [
        faults.lose_answer,
        faults.conflict,
        faults.page(404),
        faults.page(200),
    ],
)
def test_what_a_server_keeps_is_found_out_though_answers_get_lost(
    endpoint: str, shared_bucket: str, prefix: str, s3_client: Any, operation: str, fault: Fault
) -> None:
    truth = S3Backend(shared_bucket, prefix).capabilities
    for number in range(4):
        # Each proxy has a port of its own, and so is another server, to be tried anew.
        with Proxy(endpoint) as proxy:
            backend = S3Backend(shared_bucket, prefix, endpoint_url=proxy.url)
            rule = proxy.play(fault, operation, after=number, times=1)
            try:
                found = backend.capabilities
            except BackendError:
                found = backend.capabilities
            assert found == truth
            assert rule.hits == (rule.seen > number)
    assert "Contents" not in s3_client.list_objects_v2(Bucket=shared_bucket, Prefix=prefix)
