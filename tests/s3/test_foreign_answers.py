"""Answers with status 200 that are not S3's, or lack what it never leaves out.

None is a value, and none is a KeyError: that would say that nothing is there, and the caller would
put something in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from persidict_core import BackendError, BulkError
from persidict_s3 import S3Backend, S3Dict
from tests.s3.canned import Answer, clean_environment, scripted

PAGE = b"<html>log in</html>"
HTML = {"content-type": "text/html"}
XML = {"content-type": "application/xml"}
DATE = "Tue, 24 Nov 2026 12:03:25 GMT"
PAGES = {
    "as Express makes them": {**HTML, "ETag": 'W/"13-abc"'},
    "with a date": {**HTML, "Last-Modified": DATE},
    "bare": HTML,
}
Act = Callable[[S3Dict[Any]], object]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)


def answered(answer: Callable[[str], Answer], **params: Any) -> S3Dict[Any]:
    """A dictionary of texts whose requests are answered by their operations."""
    config = Config(retries={"total_max_attempts": 1})
    d: S3Dict[Any] = S3Dict(
        "bucket",
        endpoint_url="http://127.0.0.1:9",
        config=config,
        file_type="txt",
        base_class_for_values=str,
        conditional_writes=True,
        conditional_deletes=True,
        **params,
    )
    scripted(d.backend._connection.client, lambda operation, request: answer(operation))
    return d


READS: dict[str, Act] = {
    "d[k]": lambda d: d["k"],
    "in": lambda d: "k" in d,
    "get_with_etag": lambda d: d.get_with_etag("k"),
    "transform": lambda d: d.transform("k", str.upper),
    "timestamp": lambda d: d.timestamp("k"),
    "pop": lambda d: d.pop("k"),
    "setdefault": lambda d: d.setdefault("k", "mine"),
    "read_file": lambda d: d.backend.read_file("k.txt").__enter__(),
}


@pytest.mark.parametrize("cached", [False, True], ids=["uncached", "cached"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_somebody_else_is_no_value_and_no_absence(
    page: str, cached: bool, tmp_path: Path
) -> None:
    answer = Answer(200, PAGE, PAGES[page])
    d = answered(lambda _: answer, base_dir=tmp_path if cached else None)
    for name, read in READS.items():
        with pytest.raises(BackendError, match="not one of S3"):
            pytest.fail(f"{name} gave {read(d)!r}")


def test_a_weak_etag_names_the_same_version_in_parts() -> None:
    asked: list[Any] = []
    head = {"ETag": 'W/"abc"', "Last-Modified": DATE, "Content-Range": "bytes 0-8388607/8388611"}

    def respond(operation: str, request: Any) -> Answer:
        asked.append(request.headers.get("If-Match"))
        return Answer(206, bytes(8 << 20) if len(asked) == 1 else b"end", head)

    backend = S3Backend("bucket", endpoint_url="http://127.0.0.1:9")
    scripted(backend._connection.client, respond)
    with backend.read_file("k") as file:
        assert file.read()[-3:] == b"end"
    assert asked == [None, b"abc"]


def listed(uploads: bytes, **headers: str) -> Callable[[str], Answer]:
    body = b"<ListMultipartUploadsResult>" + uploads + b"</ListMultipartUploadsResult>"
    return lambda operation: Answer(200, body, {**XML, **headers})


@pytest.mark.parametrize(
    "answer",
    [
        listed(b""),
        listed(b"<IsTruncated>true</IsTruncated>", Date=DATE),
        listed(b"<Upload><Key>k</Key></Upload>", Date=DATE),
        listed(b"<Upload><Initiated>2020-01-01T00:00:00Z</Initiated></Upload>", Date=DATE),
    ],
)
def test_a_listing_of_uploads_that_lacks_something(answer: Callable[[str], Answer]) -> None:
    with pytest.raises(BackendError, match="it has no "):
        list(answered(answer).backend.sweep())


@pytest.mark.parametrize(
    "error",
    [b"<Code>AccessDenied</Code>", b"<Code>AccessDenied</Code><Key>another</Key>"],
)
def test_a_deletion_of_many_that_tells_of_nothing_known(error: bytes) -> None:
    answer = Answer(200, b"<DeleteResult><Error>" + error + b"</Error></DeleteResult>", XML)
    with pytest.raises(BulkError) as raised:
        answered(lambda _: answer).delete_many(["a", "b"])
    assert set(raised.value.failures) == {"a", "b"}
    assert all("not one of S3" in str(each) for each in raised.value.failures.values())
