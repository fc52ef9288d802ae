"""What is concluded of a server that is tried: by a script, without one.

``test_conditions`` tries a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.config import Config

from persidict_core import ABSENT, BackendError, NotSupported, Scope
from persidict_s3 import S3Backend
from tests.s3.canned import Answer, clean_environment, refusing, scripted

FAILED = refusing(412, "PreconditionFailed")
GONE = refusing(404, "NoSuchKey")
PORTS = count(1)
"""Each server has an endpoint of its own, which none has tried before."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)


class Server:
    """Objects, and conditions that are kept.

    Attributes:
        meddle: Gives what is answered in place of what is true; None: nothing.
        objects: The etag of each object.
        asked: The operations, in order.
    """

    def __init__(self, meddle: Callable[[str, Any], Answer | None] = lambda *_: None) -> None:
        self.meddle = meddle
        self.objects: dict[str, str] = {}
        self.asked: list[str] = []
        self._url = f"http://127.0.0.1:{next(PORTS)}"

    def backend(self, **params: Any) -> S3Backend:
        config = Config(retries={"total_max_attempts": 1})
        made = S3Backend("bucket", endpoint_url=self._url, config=config, **params)
        scripted(made._connection.client, self._answer)
        return made

    def _answer(self, operation: str, request: Any) -> Answer:
        self.asked.append(operation)
        return self.meddle(operation, request) or self._act(operation, request)

    def _act(self, operation: str, request: Any) -> Answer:
        key = request.url.rpartition("/")[2]
        there = self.objects.get(key)
        wanted = request.headers.get("If-Match", b"").decode()
        if wanted and wanted != there:
            return FAILED if there else GONE
        if request.headers.get("If-None-Match") and there:
            return FAILED
        if operation == "DeleteObject":
            self.objects.pop(key, None)
            return Answer(204)
        self.objects[key] = f"{len(self.asked):032x}"
        return Answer(200, b"", {"ETag": f'"{self.objects[key]}"'})


def test_conditions_that_are_kept_are_found_kept() -> None:
    server = Server()
    assert all(server.backend().capabilities[:3])
    assert not server.objects


@pytest.mark.parametrize("at", [0, 2, 3, 6])
@pytest.mark.parametrize(
    "answer",
    [
        refusing(400, "ExpiredToken"),
        refusing(400, "RequestTimeout"),
        refusing(400, "AuthorizationHeaderMalformed"),
        refusing(404, "NoSuchUpload"),
        refusing(403, "SignatureDoesNotMatch"),
    ],
    ids=lambda answer: f"{answer.status}",
)
def test_what_fails_for_another_cause_is_told_and_concludes_nothing(
    at: int, answer: Answer
) -> None:
    server = Server(lambda *_: answer if len(server.asked) == at + 1 else None)
    with pytest.raises(BackendError) as raised:
        server.backend().write_if("k", b"1", ABSENT)
    assert f"HTTP {answer.status}" in str(raised.value)
    assert all(server.backend().capabilities[:3])
    server.backend().write_if("k", b"1", ABSENT)


@pytest.mark.parametrize("status", [400, 501])
def test_a_plain_put_that_is_refused_is_no_verdict_on_conditions(status: int) -> None:
    code = "InvalidRequest" if status == 400 else "NotImplemented"

    def meddle(operation: str, request: Any) -> Answer | None:
        is_plain = "If-Match" not in request.headers and "If-None-Match" not in request.headers
        return refusing(status, code) if operation == "PutObject" and is_plain else None

    server = Server(meddle)
    with pytest.raises((BackendError, NotSupported), match=code):
        assert server.backend(conditional_writes=False).capabilities


@pytest.mark.parametrize(
    "answer",
    [
        refusing(501, "NotImplemented"),
        refusing(400, "InvalidArgument"),
        refusing(400, "InvalidRequest"),
        refusing(405, "MethodNotAllowed"),
    ],
    ids=lambda answer: f"{answer.status}",
)
def test_a_server_that_refuses_conditions_is_believed(answer: Answer) -> None:
    def meddle(operation: str, request: Any) -> Answer | None:
        is_plain = "If-Match" not in request.headers and "If-None-Match" not in request.headers
        return None if is_plain else answer

    server = Server(meddle)
    backend = server.backend()
    assert not any(backend.capabilities[:3]) and not server.objects
    with pytest.raises(NotSupported, match="did not write what was not there"):
        backend.write_if("k", b"1", ABSENT)


def deny_deletion(operation: str, request: Any) -> Answer | None:
    return refusing(403, "AccessDenied") if operation == "DeleteObject" else None


@pytest.mark.parametrize("deletes", [None, False])
def test_one_who_may_not_delete_may_write_on_conditions(
    deletes: bool | None, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(deny_deletion)
    for name in ("a", "b"):
        backend = server.backend(conditional_deletes=deletes)
        backend.write_if(name, b"1", ABSENT)
    assert backend.capabilities[:2] == (Scope.HOSTS, Scope.HOSTS)
    (left,) = (name for name in server.objects if "probe" in name)
    assert unquote(left) in caplog.text and "access is denied" in caplog.text
    with pytest.raises(NotSupported, match=r"conditional_deletes|permits no deletion"):
        backend.delete_if("a", server.objects["a"])


def test_a_fault_of_tidying_up_is_no_fault_of_what_was_found(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(
        lambda operation, _: refusing(403, "Odd") if operation == "DeleteObject" else None
    )
    backend = server.backend(conditional_deletes=False)
    backend.write_if("a", b"1", ABSENT)
    assert "persidict+probe+" in caplog.text


def test_deletions_that_fail_for_another_cause_are_no_verdict() -> None:
    server = Server(
        lambda operation, _: refusing(403, "Odd") if operation == "DeleteObject" else None
    )
    with pytest.raises(BackendError, match="Odd"):
        server.backend().delete_if("a", "0" * 32)


def test_a_fault_of_tidying_up_that_passes_leaves_nothing() -> None:
    page = Answer(404, b"<html>no</html>", {"content-type": "text/html"})
    server = Server(
        lambda operation, _: (
            page if operation == "DeleteObject" and server.asked.count("DeleteObject") < 3 else None
        )
    )
    server.backend(conditional_deletes=False).write_if("a", b"1", ABSENT)
    assert set(server.objects) == {"a"}


def test_a_server_that_does_not_answer_stops_no_trial_of_another() -> None:
    is_asked, goes_on = Event(), Event()

    def stall(operation: str, request: Any) -> Answer | None:
        is_asked.set()
        assert goes_on.wait(20)
        return None

    with ThreadPoolExecutor(3) as pool:
        dead, healthy = Server(stall), Server()
        stalled = [pool.submit(lambda: dead.backend().capabilities) for _ in range(2)]
        try:
            assert is_asked.wait(20)
            found = pool.submit(lambda: healthy.backend().capabilities).result(20)
        finally:
            goes_on.set()
        assert all(found[:3]) and all(each.result(20) == found for each in stalled)
    assert dead.asked == healthy.asked  # Those who ask at once make one trial.
