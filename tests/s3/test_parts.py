"""Large objects where something fails: by a script, without a server."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from persidict_core import BackendError
from persidict_s3 import S3Backend
from persidict_s3.transfers import PART, _Pipe
from tests.s3.canned import Answer, clean_environment, refusing, scripted

XML = {"content-type": "application/xml"}
BEGUN = Answer(
    200,
    b"<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>",
    XML,
)
LOST = ReadTimeoutError(endpoint_url="http://127.0.0.1:9")
Respond = Callable[[str, Any], Answer | Exception]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)


class Played:
    """A backend whose answers are given; it keeps what it is asked.

    Args:
        **answers: What is answered to an operation in place of what S3 would.
    """

    def __init__(self, params: dict[str, Any] | None = None, **answers: Any) -> None:
        self.asked: list[str] = []
        self.requests: list[Any] = []
        self._answers = answers
        config = Config(retries={"total_max_attempts": 1})
        declared = {"conditional_writes": True, "conditional_deletes": True, "config": config}
        self.backend = S3Backend(
            "bucket", endpoint_url="http://127.0.0.1:9", **{**declared, **(params or {})}
        )
        scripted(self.backend._connection.client, self._respond)

    def _respond(self, operation: str, request: Any) -> Answer | Exception:
        self.asked.append(operation)
        self.requests.append(request)
        if hasattr(request.body, "read"):
            request.body.read()
        answer = self._answers.get(operation)
        if callable(answer):
            answer = answer()
        if answer is not None:
            return answer  # type: ignore[no-any-return]
        if operation == "CompleteMultipartUpload":
            return Answer(200, b"<CompleteMultipartUploadResult/>", XML)
        return BEGUN if operation == "CreateMultipartUpload" else Answer(200, b"", {"ETag": '"e"'})

    def write(self, pieces: int, size: int = 1 << 20) -> None:
        with self.backend.write_file("k") as file:
            for _ in range(pieces):
                file.write(bytes(size))


def nothing_goes_on(played: Played) -> bool:
    """Whether an upload that is given up stays so when its file is freed."""
    before = list(played.asked)
    gc.collect()
    time.sleep(0.1)
    busy = [t.name for t in threading.enumerate() if t.name == "persidict-upload"]
    return played.asked == before and not busy


def test_what_still_waits_in_a_buffer_brings_no_dropped_upload_to_life() -> None:
    played = Played()

    def stop() -> None:
        with played.backend.write_file("k") as file:
            file.write(bytes(PART - 1000))  # Goes through at once,
            file.write(bytes(2000))  # and this waits.
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop()
    assert nothing_goes_on(played) and not played.asked


def test_an_upload_that_could_not_begin_begins_no_second_time() -> None:
    answers = iter([refusing(503, "SlowDown")])
    played = Played(HeadBucket=lambda: next(answers, None))
    with pytest.raises(BackendError, match="overloaded"):
        played.write(100, 100_000)
    assert nothing_goes_on(played) and set(played.asked) == {"HeadBucket"}


def test_an_upload_that_could_not_begin_is_not_committed_either() -> None:
    played = Played(HeadBucket=refusing(503, "SlowDown"))
    told: list[Exception] = []

    def write_on() -> None:
        with played.backend.write_file("k") as file:
            for _ in range(20):
                try:
                    file.write(bytes(1 << 20))
                except BackendError as error:
                    told.append(error)

    with pytest.raises(BackendError, match="overloaded"):
        write_on()
    assert len(told) == 1 and nothing_goes_on(played)


def test_an_upload_for_which_no_thread_begins_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    played = Played()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(BackendError, match=r"write_file 'k'.*none can begin"):
            played.write(9)
    assert nothing_goes_on(played) and played.asked == ["HeadBucket"]
    played.write(9)


def test_a_fault_of_the_users_own_credentials_is_not_taken_for_a_lack_of_threads() -> None:
    def fail() -> None:
        raise RuntimeError("the vault is closed")

    played = Played(CreateMultipartUpload=fail)
    with pytest.raises(RuntimeError, match="the vault is closed"):
        played.write(9)
    assert nothing_goes_on(played)


def test_what_is_said_with_one_put_is_said_with_parts() -> None:
    args = {
        "ServerSideEncryption": "aws:kms",
        "BucketKeyEnabled": True,
        "ChecksumAlgorithm": "CRC32",
        "ExpectedBucketOwner": "123456789012",
        "RequestPayer": "requester",
    }
    played = Played({"put_args": args})
    played.write(1)
    played.write(9)
    assert played.asked[:3] == ["PutObject", "HeadBucket", "CreateMultipartUpload"]
    assert played.asked[-1] == "CompleteMultipartUpload"
    small, _, large, *parts = played.requests
    said = {"x-amz-server-side-encryption", "x-amz-server-side-encryption-bucket-key-enabled"}
    assert said <= set(small.headers) and said <= set(large.headers)
    for each in (small, large, *parts):
        assert each.headers["x-amz-expected-bucket-owner"] == b"123456789012"


def test_who_may_not_look_at_a_bucket_may_write_parts() -> None:
    """HeadBucket wants the right to list all of it, without a condition on prefixes."""
    played = Played(HeadBucket=Answer(403))
    played.write(9)
    assert played.asked[-1] == "CompleteMultipartUpload"
    played = Played(HeadBucket=Answer(403), CreateMultipartUpload=refusing(403, "AccessDenied"))
    with pytest.raises(BackendError, match="denied"):
        played.write(9)


@pytest.mark.parametrize(
    "answer", [LOST, refusing(404, "NoSuchUpload"), refusing(500, "InternalError"), Answer(502)]
)
def test_a_large_write_whose_last_answer_is_lost_may_have_been_written(answer: Any) -> None:
    """botocore asks again, and the upload is gone, since it was done at first."""
    played = Played(CompleteMultipartUpload=answer)
    with pytest.raises(BackendError, match=r"may have been written: .*look at it") as raised:
        played.write(9)
    assert (raised.value.operation, raised.value.path) == ("write_file", "k")


def test_a_small_write_whose_answer_is_lost_may_have_been_written() -> None:
    with pytest.raises(BackendError, match="may have been written"):
        Played(PutObject=LOST).write(1)


@pytest.mark.parametrize(
    "answers",
    [
        {"UploadPart": LOST},
        {"UploadPart": refusing(404, "NoSuchUpload")},
        {"CreateMultipartUpload": LOST},
        {"CompleteMultipartUpload": refusing(403, "AccessDenied")},
        {"HeadBucket": LOST},
    ],
    ids=lambda answers: next(iter(answers)),
)
def test_a_large_write_that_fails_before_its_end_was_not_made(answers: dict[str, Any]) -> None:
    with pytest.raises(BackendError) as raised:
        Played(**answers).write(9)
    assert "may have been" not in str(raised.value)


def test_a_small_write_that_is_refused_was_not_made() -> None:
    with pytest.raises(BackendError, match="denied") as raised:
        Played(PutObject=refusing(403, "AccessDenied")).write(1)
    assert "may have been" not in str(raised.value)


def part(number: int, data: bytes, etag: str = "e") -> Answer:
    """One part of an object that has 10 bytes more than a part."""
    span = f"0-{PART - 1}" if number == 1 else f"{PART}-{PART + 9}"
    headers = {"ETag": f'"{etag}"', "Last-Modified": "Tue, 24 Nov 2026 12:03:25 GMT"}
    return Answer(206, data, {**headers, "Content-Range": f"bytes {span}/{PART + 10}"})


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (part(2, bytes(10), "other"), "replaced while it was being read"),
        (part(2, bytes(9)), "9 bytes in place of 10"),
        (part(2, bytes(PART)), "bytes in place of 10"),
    ],
)
def test_parts_of_two_versions_make_no_file(second: Answer, words: str) -> None:
    """A server may not know the condition of a GET."""
    answers = iter([part(1, bytes(PART)), second, part(1, bytes(PART)), part(2, b"0123456789")])
    played = Played(GetObject=lambda: next(answers))
    with played.backend.read_file("k") as file, pytest.raises(BackendError, match=words):
        file.read()
    with played.backend.read_file("k") as file:
        assert file.read() == bytes(PART) + b"0123456789"


def test_one_large_write_takes_time_in_proportion() -> None:
    def reads(size: int) -> float:
        pipe = _Pipe(PART)
        pipe.put(bytes(size))
        pipe.end()
        begun = time.perf_counter()
        while pipe.read(1000):
            pass
        return time.perf_counter() - begun

    # Else each read copies all that is left.
    assert min(reads(8 << 20) for _ in range(3)) < 30 * min(reads(1 << 20) for _ in range(3))


def test_bytes_come_out_as_they_went_in() -> None:
    pipe = _Pipe(100)
    for piece in (b"abc", b"", b"defgh", b"i"):
        pipe.put(piece)
    pipe.end()
    assert [pipe.read(size) for size in (2, 2, 10, 10)] == [b"ab", b"cd", b"efghi", b""]
