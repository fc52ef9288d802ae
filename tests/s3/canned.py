"""Answers that no server needs to give: from a loopback server, or without any."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

import pytest


class Answer(NamedTuple):
    """What is answered to a request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012


class Seen(NamedTuple):
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class CannedServer:
    """A loopback server that keeps what it is asked, and answers what a function says."""

    def __init__(self, answer: Callable[[Seen], Answer]) -> None:
        self.seen: list[Seen] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(handler) -> None:
                headers = {name.lower(): value for name, value in handler.headers.items()}
                body = handler.rfile.read(int(headers.get("content-length", 0)))
                seen = Seen(handler.command, handler.path, headers, body)
                self.seen.append(seen)
                given = answer(seen)
                handler.send_response(given.status)
                for name, value in given.headers.items():
                    handler.send_header(name, value)
                handler.send_header("Content-Length", str(len(given.body)))
                handler.end_headers()
                if handler.command != "HEAD":
                    handler.wfile.write(given.body)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = respond

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def canned(client: Any, answers: Iterator[Answer]) -> Any:
    """Let a client take its answers from an iterator, and send nothing."""
    return scripted(client, lambda operation, request: next(answers))


def scripted(client: Any, respond: Callable[[str, Any], Answer | Exception]) -> Any:
    """Let a client take its answers from a function, and send nothing.

    Args:
        client: The client.
        respond: Is given S3's name of the operation and botocore's request, and gives the answer,
            or what the way to the server fails with.
    """
    from botocore.awsrequest import AWSResponse, HeadersDict

    class Raw(io.BytesIO):
        def stream(self, amount: int = 1 << 16, **_: Any) -> Iterator[bytes]:
            while piece := self.read(amount):
                yield piece

    def send(request: Any, event_name: str, **_: Any) -> Any:
        answer = respond(event_name.rpartition(".")[2], request)
        if isinstance(answer, Exception):
            raise answer
        headers = HeadersDict(answer.headers)
        return AWSResponse(request.url, answer.status, headers, Raw(answer.body))

    client.meta.events.register("before-send.s3", send)
    return client


def refusing(status: int, code: str) -> Answer:
    """S3's own way to refuse."""
    body = f"<Error><Code>{code}</Code><Message>as played</Message></Error>".encode()
    return Answer(status, body, {"content-type": "application/xml", "x-amz-request-id": "tx1"})


def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of nobody, and nothing that this machine says of AWS."""
    import os

    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDNOBODY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-word")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "very-secret-token")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
