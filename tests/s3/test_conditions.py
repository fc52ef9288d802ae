"""Whose write was it? What becomes of conditional writes and deletes when answers get lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from persidict_core import ABSENT, UNCHANGED, BackendError, NotSupported, PreconditionFailed
from persidict_s3 import S3Backend
from persidict_s3.conditions import BEFORE, NOTHING, WRITE, can_be_etag
from tests.s3 import faults_played as faults
from tests.s3.proxy import Exchange, Fault, Proxy

pytestmark = pytest.mark.s3
Make = Callable[..., S3Backend]


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def make(proxy: Proxy, shared_bucket: str, prefix: str) -> Make:
    """Makes backends of one place behind the proxy."""

    def made(**params: Any) -> S3Backend:
        declared = {"conditional_writes": True, "conditional_deletes": False}
        place = {"prefix": prefix, "endpoint_url": proxy.url}
        return S3Backend(shared_bucket, **{**place, **declared, **params})

    return made


@pytest.fixture
def backend(make: Make) -> S3Backend:
    return make()


@pytest.fixture
def direct(shared_bucket: str, prefix: str) -> S3Backend:
    """The same place, without the proxy."""
    return S3Backend(shared_bucket, prefix, conditional_writes=True)


def read(backend: S3Backend, path: str) -> tuple[bytes, str]:
    found = backend.read_versioned(path)
    assert found is not UNCHANGED
    return found[0], found[1].etag


def append(backend: S3Backend, path: str, data: bytes) -> str:
    """What `transform` does once."""
    before, etag = read(backend, path)
    return backend.write_if(path, before + data, etag)


def then(act: Callable[[], object]) -> Fault:
    """The server acts, something else happens, and the answer is lost."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        act()
        exchange.hang_up(reset=True)

    return fault


def test_a_lost_answer_is_found_by_one_head_without_a_second_put(
    backend: S3Backend, proxy: Proxy
) -> None:
    proxy.play(faults.lose_answer, "PutObject")
    with proxy.counting() as counts:
        etag = backend.write_if("a", b"mine", ABSENT)
    assert counts == {"PutObject": 1, "HeadObject": 1}
    assert read(backend, "a") == (b"mine", etag)


def test_a_lost_request_is_made_again(backend: S3Backend, proxy: Proxy) -> None:
    etag = backend.write_if("a", b"1", ABSENT)
    proxy.play(faults.lose_request, "PutObject")
    second = backend.write_if("a", b"2", etag)
    assert read(backend, "a") == (b"2", second)


@pytest.mark.parametrize("overwriters", [1, 5])
def test_who_was_overwritten_by_readers_of_his_write_knows_that_he_wrote(
    backend: S3Backend, make: Make, direct: S3Backend, proxy: Proxy, overwriters: int
) -> None:
    first = direct.write_bytes("a", b"first")
    rivals = [direct, *(S3Backend(direct.bucket, direct.prefix) for _ in range(overwriters - 1))]
    proxy.play(then(lambda: [append(rival, "a", b"+") for rival in rivals]), "PutObject")
    backend.read_versioned("a")
    etag = backend.write_if("a", b"mine", first)
    assert direct.read_bytes("a") == b"mine" + b"+" * overwriters
    with pytest.raises(PreconditionFailed):
        backend.write_if("a", b"again", etag)


def test_who_was_overwritten_by_one_who_did_not_look_cannot_know(
    backend: S3Backend, direct: S3Backend, proxy: Proxy
) -> None:
    etag = direct.write_bytes("a", b"first")
    proxy.play(then(lambda: direct.write_bytes("a", b"blind")), "PutObject")
    with pytest.raises(BackendError, match="may have been written"):
        backend.write_if("a", b"mine", etag)
    proxy.play(then(lambda: direct.delete("a")), "PutObject")
    with pytest.raises(BackendError, match="may have been written"):
        backend.write_if("a", b"mine", backend.stat("a").etag)
    assert not direct.exists("a")


def test_who_was_deleted_before_a_rival_came_is_not_told_that_he_lost(
    backend: S3Backend, direct: S3Backend, proxy: Proxy
) -> None:
    def take_and_make_anew() -> None:
        assert direct.read_bytes("a") == b"mine"
        direct.delete("a")
        direct.write_if("a", b"rival", ABSENT)

    proxy.play(then(take_and_make_anew), "PutObject")
    with pytest.raises(BackendError, match="may have been written"):
        backend.write_if("a", b"mine", ABSENT)


def test_a_rival_of_the_same_bytes_is_told_from_oneself(
    backend: S3Backend, direct: S3Backend, proxy: Proxy
) -> None:
    def rival_first(exchange: Exchange) -> None:
        direct.write_if("a", b"same", ABSENT)
        faults.lose_answer(exchange)

    proxy.play(rival_first, "PutObject")
    with pytest.raises((PreconditionFailed, BackendError)):
        backend.write_if("a", b"same", ABSENT)


@pytest.mark.parametrize("fault", [faults.internal_error, faults.page(502)])
def test_an_error_of_the_server_after_it_acted_is_seen_through(
    backend: S3Backend, proxy: Proxy, fault: Fault
) -> None:
    proxy.play(faults.act_and_answer(fault), "PutObject")
    etag = backend.write_if("a", b"mine", ABSENT)
    assert read(backend, "a") == (b"mine", etag)


@pytest.mark.parametrize("fault", [faults.conflict, faults.lost_race, faults.internal_error])
def test_an_error_of_the_server_that_did_nothing_is_tried_again(
    backend: S3Backend, proxy: Proxy, fault: Fault
) -> None:
    etag = backend.write_if("a", b"1", ABSENT)
    proxy.play(fault, "PutObject", times=2)
    second = backend.write_if("a", b"2", etag)
    assert read(backend, "a") == (b"2", second)


@pytest.mark.parametrize("fault", [faults.conflict, faults.lost_race])
def test_a_conflict_with_one_who_won_is_a_condition_that_failed(
    backend: S3Backend, direct: S3Backend, proxy: Proxy, fault: Fault
) -> None:
    def rival_wins(exchange: Exchange) -> None:
        direct.write_bytes("a", b"rival")
        fault(exchange)

    etag = direct.write_bytes("a", b"first")
    for expect in (etag, ABSENT):
        proxy.play(rival_wins, "PutObject")
        with pytest.raises(PreconditionFailed):
            backend.write_if("a", b"mine", expect)
    assert direct.read_bytes("a") == b"rival"


def test_conflicts_without_end_end(backend: S3Backend, proxy: Proxy) -> None:
    proxy.play(faults.conflict, "PutObject", times=None)
    with proxy.counting() as counts, pytest.raises(BackendError, match="try again"):
        backend.write_if("a", b"mine", ABSENT)
    assert counts["PutObject"] == 5


def test_nothing_is_known_where_nobody_answers_any_more(backend: S3Backend, proxy: Proxy) -> None:
    proxy.play(faults.lose_answer, "PutObject", times=None)
    proxy.play(faults.forbidden, "HeadObject", times=None)
    with pytest.raises(BackendError, match="may have been written") as raised:
        backend.write_if("a", b"mine", ABSENT)
    assert "persidict-test-secret" not in str(raised.value)


def test_a_delete_whose_answer_was_lost_is_not_claimed(
    make: Make, direct: S3Backend, proxy: Proxy
) -> None:
    backend = make(conditional_deletes=True)
    etag = direct.write_bytes("a", b"1")
    proxy.play(faults.lose_answer, "DeleteObject")
    with pytest.raises(BackendError, match="may have been deleted"):
        backend.delete_if("a", etag)
    etag = direct.write_bytes("b", b"1")
    proxy.play(faults.lose_request, "DeleteObject")
    backend.delete_if("b", etag)
    assert not direct.exists("b")


def test_a_plain_delete_whose_answer_was_lost_is_done(
    make: Make, direct: S3Backend, proxy: Proxy
) -> None:
    for deletes in (True, False):
        backend = make(conditional_deletes=deletes)
        direct.write_bytes("a", b"1")
        proxy.play(faults.lose_answer, "DeleteObject")
        backend.delete("a")
        assert not direct.exists("a")


def test_a_plain_delete_goes_on_while_others_replace(
    make: Make, direct: S3Backend, proxy: Proxy
) -> None:
    backend = make(conditional_deletes=True)
    direct.write_bytes("a", b"1")
    proxy.play(faults.precondition_failed, "DeleteObject", times=2)
    backend.delete("a")
    assert not direct.exists("a")


def test_tokens_are_metadata_beside_the_users_own(
    make: Make, s3_client: Any, shared_bucket: str, prefix: str
) -> None:
    backend = make(put_args={"Metadata": {"mine": "yes"}})
    backend.write_if("a", b"1", ABSENT)
    append(backend, "a", b"2")
    metadata = s3_client.head_object(Bucket=shared_bucket, Key=f"{prefix}/a")["Metadata"]
    assert metadata["mine"] == "yes"
    tokens = [metadata[WRITE], *metadata[BEFORE].split()]
    assert tokens.pop() == NOTHING
    assert len(set(tokens)) == 2 and all(len(token) == 12 for token in tokens)


def test_the_line_of_tokens_is_bounded(
    backend: S3Backend, s3_client: Any, shared_bucket: str, prefix: str
) -> None:
    backend.write_if("a", b"", ABSENT)
    for _ in range(30):
        append(backend, "a", b"+")
    metadata = s3_client.head_object(Bucket=shared_bucket, Key=f"{prefix}/a")["Metadata"]
    assert len(metadata[BEFORE].split()) == 24


def test_the_etag_goes_without_quotes(backend: S3Backend, proxy: Proxy) -> None:
    etag = backend.write_bytes("a", b"1")
    assert '"' not in etag
    backend.write_if("a", b"2", etag)
    assert proxy.requests[-1].headers["If-Match"] == etag


@pytest.mark.parametrize("expect", ["", "*", '"', "a b", "é", "\n", "0" * 33, f"{'a' * 32}x"])
def test_what_no_version_has_as_its_etag_is_not_sent(
    backend: S3Backend, proxy: Proxy, expect: str
) -> None:
    backend.write_bytes("a", b"1")
    assert not can_be_etag(expect)
    with proxy.counting() as counts, pytest.raises(PreconditionFailed):
        backend.write_if("a", b"2", expect)
    assert not counts
    assert backend.read_versioned("a", expect) == (b"1", backend.stat("a"))


class TestProbing:
    @pytest.fixture
    def probed(self, proxy: Proxy, bucket: str) -> S3Backend:
        return S3Backend(bucket, "p", endpoint_url=proxy.url)

    def test_it_is_made_once_and_leaves_nothing(
        self, probed: S3Backend, proxy: Proxy, s3_client: Any
    ) -> None:
        probed.write_bytes("a", b"1")
        with proxy.counting() as counts:
            can = probed.capabilities
        assert 0 < sum(counts.values()) <= 7 and set(counts) == {"PutObject", "DeleteObject"}
        with proxy.counting() as counts:
            assert S3Backend(probed.bucket, "q", endpoint_url=proxy.url).capabilities == can
            assert probed.capabilities == can
        assert not counts
        assert [
            entry["Key"] for entry in s3_client.list_objects_v2(Bucket=probed.bucket)["Contents"]
        ] == ["p/a"]

    def test_a_server_that_ignores_conditions_is_found_out_and_refused(
        self, probed: S3Backend, proxy: Proxy, s3_client: Any
    ) -> None:
        rule = proxy.play(faults.ignore_conditions, when=lambda r: r.is_conditional, times=None)
        probed.write_bytes("a", b"1")
        etag = probed.stat("a").etag
        assert not any(probed.capabilities[:3])
        met = rule.hits
        for expect in (ABSENT, etag):
            with pytest.raises(NotSupported, match=f"{proxy.url}.*ignored"):
                probed.write_if("a", b"2", expect)
            with pytest.raises(NotSupported), probed.write_file("a", expect) as file:
                file.write(b"2")
        with pytest.raises(NotSupported, match="ignored the If-Match of a DELETE"):
            probed.delete_if("a", etag)
        assert rule.hits == met and probed.read_bytes("a") == b"1"
        assert list(probed.list_prefix()) == ["a"]
        assert s3_client.list_objects_v2(Bucket=probed.bucket)["KeyCount"] == 1

    def test_what_is_declared_is_not_tried(self, bucket: str, proxy: Proxy) -> None:
        kept = S3Backend(
            bucket, endpoint_url=proxy.url, conditional_writes=True, conditional_deletes=True
        )
        none = S3Backend(
            bucket, endpoint_url=proxy.url, conditional_writes=False, conditional_deletes=False
        )
        with proxy.counting() as counts:
            assert all(kept.capabilities[:3]) and not any(none.capabilities[:3])
            with pytest.raises(NotSupported, match="conditional_writes=False"):
                none.write_if("a", b"", ABSENT)
        assert not counts and not kept.probes and not none.probes

    def test_half_declared_the_other_half_is_tried(self, bucket: str, proxy: Proxy) -> None:
        backend = S3Backend(bucket, endpoint_url=proxy.url, conditional_writes=False)
        with proxy.counting() as counts:
            can = backend.capabilities
        assert not can.if_absent and not can.if_match
        assert not any(r.is_conditional for r in proxy.requests if r.operation == "PutObject")
        assert counts["DeleteObject"] >= 1

    def test_a_server_that_cannot_be_tried_is_an_error_and_no_verdict(
        self, probed: S3Backend, proxy: Proxy
    ) -> None:
        proxy.play(faults.forbidden, "PutObject")
        with pytest.raises(BackendError, match="denied"):
            assert probed.capabilities
        assert probed.capabilities.if_absent

    def test_aws_needs_no_trial(self) -> None:
        backend = S3Backend("a-bucket", endpoint_url="https://s3.eu-west-1.amazonaws.com")
        assert all(backend.capabilities[:3])
