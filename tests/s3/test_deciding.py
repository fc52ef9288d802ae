"""What becomes of each answer to a conditional request, or of none: by a script, without a server.

``test_conditions`` plays some of them on the wire.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from persidict_core import ABSENT, BackendError, PreconditionFailed
from persidict_s3 import conditions
from persidict_s3.conditions import BEFORE, NOTHING, WRITE, Conditions, check_deleted
from persidict_s3.faults import ForeignAnswer

PATH, KEY, ETAG, OTHER = "a.pkl", "prefix/a.pkl", "0" * 32, "1" * 32
NOW = datetime.now(UTC)
OK = {"ResponseMetadata": {"HTTPStatusCode": 204, "HTTPHeaders": {}}}
LOST = ConnectionClosedError(endpoint_url="http://127.0.0.1:1")
MAYBE = "the answer was lost ("
WHAT_NOW = "), and what stands there now does not tell; look at the object before you try again"


def refusal(status: int, code: str, operation: str = "PutObject") -> ClientError:
    told = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RequestId": "tx1"}
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": told}
    return ClientError(answer, operation)


FAILED = refusal(412, "PreconditionFailed")
GONE = refusal(404, "NoSuchKey", "GetObject")
CONFLICT = refusal(409, "ConditionalRequestConflict")
RACE = refusal(500, "UnknownError")  # Of Ceph.
DENIED = refusal(403, "AccessDenied")
BROKEN = refusal(500, "InternalError")


class Script:
    """A bucket whose answers are given; it keeps what it is asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.makes_the_bucket = 0
        self.put_args: dict[str, Any] = {}

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        if hasattr(params.get("Body"), "read"):
            assert params["Body"].tell() == 0
            params["Body"].read(7)
        self.asked.append((operation, params))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(self)
        assert isinstance(answer, dict)
        return answer

    def write(self, operation: str, **params: Any) -> dict[str, Any]:
        self.makes_the_bucket += 1
        return self.ask(operation, **params)

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]


def of(etag: str, *tokens: str) -> dict[str, Any]:
    """A version, with the tokens of its writes, the newest first."""
    named = {WRITE: tokens[0], BEFORE: " ".join(tokens[1:])} if tokens else {}
    return {"ETag": f'"{etag}"', "LastModified": NOW, "Metadata": named}


def mine(bucket: Script) -> dict[str, Any]:
    """The version that was just written."""
    return of(OTHER, bucket.asked[0][1]["Metadata"][WRITE])


def over_mine(bucket: Script) -> dict[str, Any]:
    """A version of somebody who had read the one that was just written."""
    return of(OTHER, "rival", bucket.asked[0][1]["Metadata"][WRITE])


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How long it would have waited."""
    waited: list[int] = []
    monkeypatch.setattr(conditions, "pause", waited.append)
    yield waited


def deciding(bucket: Any) -> Conditions:
    return Conditions(bucket, "the backend")


def put(bucket: Script, expect: Any, body: Any = b"mine") -> str:
    return deciding(bucket).put(PATH, KEY, body, expect)


def delete(bucket: Script, expect: str) -> str:
    deciding(bucket).delete(PATH, KEY, expect)
    return "deleted"


ACTS = {"write_if": put, "delete_if": delete}
DONE = {"write_if": "written", "delete_if": "deleted"}
both = pytest.mark.parametrize("operation", ["write_if", "delete_if"])


def refused(operation: str, *answers: object, expect: Any = ETAG) -> PreconditionFailed:
    bucket = Script(*answers)
    with pytest.raises(PreconditionFailed) as raised:
        ACTS[operation](bucket, expect)
    assert not bucket.answers
    assert (raised.value.path, raised.value.expect) == (PATH, expect)
    return raised.value


def failed(operation: str, *answers: object, expect: Any = ETAG) -> BackendError:
    bucket = Script(*answers)
    with pytest.raises(BackendError) as raised:
        ACTS[operation](bucket, expect)
    assert not bucket.answers
    error = raised.value
    assert (error.backend, error.operation, error.path) == ("'the backend'", operation, PATH)
    return error


def lost(operation: str, *answers: object, expect: Any = ETAG) -> None:
    problem = failed(operation, *answers, expect=expect).problem
    assert problem.startswith(f"it may have been {DONE[operation]}: {MAYBE}")
    assert problem.endswith(WHAT_NOW) and "127.0.0.1" in problem


@both
def test_a_condition_that_fails_is_told_without_a_second_look(operation: str) -> None:
    assert refused(operation, FAILED).current is None
    assert refused(operation, GONE).current is ABSENT


@both
def test_what_no_version_has_is_refused_without_a_request(operation: str) -> None:
    assert refused(operation, expect="*").current is None


@both
def test_another_refusal_is_a_failure(operation: str) -> None:
    assert "access is denied" in failed(operation, DENIED).problem


@both
def test_a_conflict_is_tried_again_while_the_object_is_as_expected(
    operation: str, pauses: list[int]
) -> None:
    bucket = Script(CONFLICT, of(ETAG), CONFLICT, of(ETAG), of(OTHER) | OK)
    assert ACTS[operation](bucket, ETAG) in (OTHER, "deleted")
    assert pauses == [0, 1, 2] and not bucket.answers
    looks = [params for name, params in bucket.asked if name == "head_object"]
    assert looks == [{"Key": KEY}] * 2
    acts = [params for name, params in bucket.asked if name != "head_object"]
    assert [(params["Key"], params["IfMatch"]) for params in acts] == [(KEY, ETAG)] * 3


@both
def test_a_conflict_with_one_who_won_is_a_condition_that_failed(operation: str) -> None:
    assert refused(operation, CONFLICT, of(OTHER)).current is None
    assert refused(operation, CONFLICT, GONE).current is ABSENT
    assert refused(operation, RACE, of(OTHER)).current is None


@both
def test_conflicts_without_end_are_a_failure(operation: str) -> None:
    assert "try again" in failed(operation, *[CONFLICT, of(ETAG)] * 5).problem


@both
@pytest.mark.parametrize("doubt", [LOST, BROKEN], ids=["lost", "broken"])
def test_what_was_not_done_is_done_again(operation: str, doubt: Exception) -> None:
    bucket = Script(doubt, of(ETAG), of(OTHER) | OK)
    assert ACTS[operation](bucket, ETAG) in (OTHER, "deleted")


@both
def test_what_may_have_been_done_is_never_told_as_a_condition_that_failed(operation: str) -> None:
    lost(operation, LOST, of(OTHER))  # Another version stands there,
    lost(operation, LOST, GONE)  # or none,
    lost(operation, LOST, DENIED)  # or one cannot look,
    lost(operation, LOST, of(ETAG), FAILED, of(OTHER))  # or it fails the second time,
    lost(operation, LOST, of(ETAG), DENIED)  # or is refused,
    lost(operation, LOST, of(ETAG), CONFLICT, of(OTHER))  # or meets somebody,
    lost(operation, *[LOST, of(ETAG)] * 5)  # or it is lost each time,
    lost(operation, LOST, *[of(ETAG), CONFLICT] * 4, of(ETAG))  # or at first.


@both
def test_where_one_cannot_look_after_a_conflict_that_is_told(operation: str) -> None:
    assert "access is denied" in failed(operation, CONFLICT, DENIED).problem


def test_a_first_version_may_have_been_written() -> None:
    lost("write_if", LOST, of(OTHER), expect=ABSENT)
    assert refused("write_if", FAILED, expect=ABSENT).current is None
    assert refused("write_if", CONFLICT, of(OTHER), expect=ABSENT).current is None
    bucket = Script(LOST, GONE, of(OTHER))
    assert put(bucket, ABSENT) == OTHER
    assert [params["IfNoneMatch"] for name, params in bucket.asked if name == "put_object"] == [
        "*",
        "*",
    ]


def test_a_write_is_found_by_its_token() -> None:
    assert put(Script(LOST, mine), ETAG) == OTHER
    digest = hashlib.md5(b"mine").hexdigest()
    assert put(Script(LOST, over_mine), ETAG) == digest
    assert put(Script(LOST, of(ETAG), FAILED, mine), ETAG) == OTHER


def test_a_large_write_that_was_overwritten_has_the_etag_of_all_its_bytes() -> None:
    body = io.BytesIO(b"x" + bytes(3 << 20))
    assert put(Script(LOST, over_mine), ETAG, body) == hashlib.md5(body.getvalue()).hexdigest()


def test_a_rival_who_came_after_what_was_read_was_faster() -> None:
    for tokens in (["rival", "read"], ["rival", "another", "read", "older"]):
        bucket = Script(LOST, of(OTHER, *tokens))
        decided = deciding(bucket)
        decided.note(KEY, of(ETAG, "read", "older"))
        with pytest.raises(PreconditionFailed):
            decided.put(PATH, KEY, b"mine", ETAG)
    # What is known of another version tells nothing.
    bucket = Script(LOST, of(OTHER, "rival", "read"))
    decided = deciding(bucket)
    decided.note(KEY, of("2" * 32, "read"))
    with pytest.raises(BackendError, match="may have been written"):
        decided.put(PATH, KEY, b"mine", ETAG)


def test_a_rival_who_found_nothing_may_have_come_after_a_deletion() -> None:
    lost("write_if", LOST, of(OTHER, "rival", NOTHING), expect=ABSENT)
    lost("write_if", LOST, GONE, FAILED, of(OTHER, "rival", NOTHING), expect=ABSENT)


def any_delete(bucket: Script) -> None:
    deciding(bucket).delete_any(KEY)


def test_a_plain_delete_takes_what_stands_there() -> None:
    bucket = Script(of(ETAG), OK)
    any_delete(bucket)
    assert bucket.asked[0] == ("head_object", {"Key": KEY})
    assert bucket.asked[1] == ("delete_object", {"Key": KEY, "IfMatch": ETAG})


def test_a_plain_delete_of_nothing_is_an_absence() -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        any_delete(Script(GONE))


@pytest.mark.parametrize("answer", [FAILED, CONFLICT, RACE, GONE], ids=str)
def test_a_plain_delete_that_meets_somebody_looks_again(
    answer: Exception, pauses: list[int]
) -> None:
    bucket = Script(of(ETAG), answer, of(OTHER), OK)
    any_delete(bucket)
    assert bucket.asked[3][1]["IfMatch"] == OTHER and pauses == [0, 1]


def test_a_plain_delete_that_may_have_been_done_has_been_where_nothing_is_left() -> None:
    any_delete(Script(of(ETAG), LOST, GONE))
    with pytest.raises(ClientError, match="NoSuchKey"):
        any_delete(Script(of(ETAG), FAILED, GONE))
    with pytest.raises(ClientError, match="AccessDenied"):
        any_delete(Script(of(ETAG), DENIED))


def test_a_plain_delete_that_may_have_been_done_leaves_what_came_since() -> None:
    others = (of(OTHER), of(OTHER, "rival", NOTHING), of(OTHER, "rival", "another"))
    for since in (*others, of(OTHER, "rival", "older")):
        bucket = Script(of(ETAG, "first", "older"), LOST, since)
        any_delete(bucket)
        assert bucket.operations.count("delete_object") == 1
    # As long as it stands there, it is tried again,
    bucket = Script(of(ETAG), LOST, of(ETAG), FAILED, of(OTHER))
    any_delete(bucket)
    assert bucket.operations.count("delete_object") == 2
    # and what was made of it was not made of nothing.
    bucket = Script(of(ETAG, "first"), LOST, of(OTHER, "rival", "first", "older"), OK)
    any_delete(bucket)
    assert bucket.asked[-1][1]["IfMatch"] == OTHER
    with pytest.raises(ClientError, match="NoSuchKey"):
        any_delete(Script(of(ETAG, "first"), LOST, of(OTHER, "rival", "first"), FAILED, GONE))


def test_a_plain_delete_of_what_is_replaced_all_the_time_asks_for_no_version_in_the_end() -> None:
    bucket = Script(*[of(ETAG), FAILED] * 5, OK)
    any_delete(bucket)
    assert bucket.asked[-1] == ("delete_object", {"Key": KEY})
    page = {
        "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {"content-type": "text/html"}}
    }
    with pytest.raises(ForeignAnswer):
        any_delete(Script(*[of(ETAG), FAILED] * 5, page))


@pytest.mark.parametrize(
    ("status", "kind", "is_foreign"),
    [
        (204, "text/html", False),
        (200, "application/xml", False),
        (200, None, False),
        (200, "text/html; charset=utf-8", True),
    ],
)
def test_a_page_is_no_answer_to_a_delete(status: int, kind: str | None, is_foreign: bool) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = {"ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers}}
    if not is_foreign:
        check_deleted(answer)
        return
    with pytest.raises(ForeignAnswer, match=r"\(a page of HTML\)$"):
        check_deleted(answer)


def test_a_write_carries_its_token_and_those_before() -> None:
    bucket = Script(of(OTHER), of("2" * 32), of("3" * 32))
    bucket.put_args = {"Metadata": {"of": "the user"}, "StorageClass": "STANDARD"}
    decided = deciding(bucket)
    decided.note(KEY, of(ETAG, "read", "older"))
    decided.put(PATH, KEY, b"1", ETAG, ContentType="text/plain")
    decided.put(PATH, KEY, b"2", OTHER)
    decided.put(PATH, KEY, b"3", OTHER)
    (first, one), (_, two), (_, three) = bucket.asked
    token = one["Metadata"][WRITE]
    assert (first, len(token), bucket.makes_the_bucket) == ("put_object", 12, 0)
    named = {"of": "the user", WRITE: token, BEFORE: "read older"}
    params = {"Key": KEY, "Body": b"1", "ContentType": "text/plain", "IfMatch": ETAG}
    assert one == {**params, "Metadata": named}
    assert two["Metadata"][BEFORE] == f"{token} read older" and two["Metadata"][WRITE] != token
    # Which writes made that version is not known any more.
    assert BEFORE not in three["Metadata"]


def test_versions_of_others_have_no_tokens_or_few() -> None:
    bucket = Script(of(OTHER), of(OTHER), of(OTHER))
    decided = deciding(bucket)
    plain: list[Any] = [{"ETag": ETAG}, {"ETag": ETAG, "Metadata": {"x": "y"}}]
    for answer in [*plain, {"ETag": ETAG, "Metadata": {WRITE.title(): "first"}}]:
        decided.note(KEY, answer)
        decided.put(PATH, KEY, b"1", ETAG)
    before = [params["Metadata"].get(BEFORE) for _, params in bucket.asked]
    assert before == [None, None, "first"]


def test_a_first_version_makes_the_bucket_where_it_is_missing() -> None:
    bucket = Script(of(OTHER))
    put(bucket, ABSENT, io.BytesIO(b"some bytes"))
    assert bucket.makes_the_bucket == 1
    assert bucket.asked[0][1]["Metadata"][BEFORE] == NOTHING


def test_a_file_is_sent_again_from_its_begin() -> None:
    put(Script(LOST, of(ETAG), of(OTHER)), ETAG, io.BytesIO(b"some bytes"))


def test_only_a_body_proves_what_a_head_cannot() -> None:
    doubtful = ClientError(
        {
            "Error": {"Code": "404", "Message": "Not Found"},
            "ResponseMetadata": {"HTTPStatusCode": 404, "HTTPHeaders": {}},
        },
        "HeadObject",
    )
    body = io.BytesIO(b"x")
    bucket = Script(doubtful, {"ETag": ETAG, "LastModified": NOW, "Body": body})
    assert conditions.look(bucket, KEY) == {"ETag": ETAG, "LastModified": NOW}  # type: ignore[arg-type]
    assert bucket.asked == [("head_object", {"Key": KEY}), ("get_object", {"Key": KEY})]
    assert body.closed
