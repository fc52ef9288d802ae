"""A proxy on loopback in front of a real S3 server: it records requests, and plays faults.

What a client sends reaches the server as it is, the `Host` that it signed included; where a fault
changes a request, or the server is one of TLS, which would not know that host, it is signed again.
The faults are functions of an `Exchange` in `faults_played`; `Proxy.play` says which requests meet
one.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.s3.wire import Request, signed_again

SECONDS = 60.0
"""How long the proxy waits for either side."""

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@dataclass
class Answer:
    """One answer to a request; the length is said by who sends it."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


Fault = Callable[["Exchange"], None]


@dataclass
class Rule:
    """Which requests meet a fault.

    Attributes:
        fault: What they meet.
        match: Whether a request is one of them.
        times: How many meet it; None: all.
        after: How many of them go well first.
        seen: How many there were.
        hits: How many met it.
    """

    fault: Fault
    match: Callable[[Request], bool]
    times: int | None
    after: int
    seen: int = 0
    hits: int = 0

    def takes(self, request: Request) -> bool:
        if (self.times is not None and self.hits >= self.times) or not self.match(request):
            return False
        self.seen += 1
        if self.seen <= self.after:
            return False
        self.hits += 1
        return True


class Exchange:
    """One request, and what becomes of it."""

    def __init__(self, request: Request, handler: _Handler) -> None:
        self.request = request
        self._handler = handler

    def forward(self, without: tuple[str, ...] = ()) -> Answer:
        """Let the server act, and give its answer.

        Args:
            without: Headers, in lower case, that the server shall not see.
        """
        return self._handler.ask(self.request, without)

    def look(self) -> Answer:
        """What the server tells of the object that the request is about."""
        asked = Request("HEAD", self.request.target, self.request.headers, b"")
        return self._handler.ask(asked, ("if-match", "if-none-match"))

    def send(self, answer: Answer, length: int | None = None) -> None:
        """Send an answer.

        Args:
            answer: The answer.
            length: What to claim as the length of the body, if not the truth.
        """
        self._handler.reply(self.head(answer, length) + self._body_of(answer))

    def send_raw(self, data: bytes) -> None:
        self._handler.reply(data)

    def head(self, answer: Answer, length: int | None = None) -> bytes:
        """The first line and the headers of an answer."""
        lines = [f"HTTP/1.1 {answer.status} {self._handler.reason(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        # What is answered to a HEAD says the length of what a GET would give.
        if not any(name.lower() == "content-length" for name, _ in answer.headers):
            lines.append(f"Content-Length: {len(answer.body) if length is None else length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _body_of(self, answer: Answer) -> bytes:
        return b"" if self.request.method == "HEAD" or answer.status == 304 else answer.body

    def hang_up(self, reset: bool = False) -> None:
        """End the connection: in order, or by a reset."""
        self._handler.hang_up(reset)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = SECONDS
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream: HTTPConnection | None = None
        self.server.proxy.connected(self.connection)

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        self.server.proxy.disconnected(self.connection)
        super().finish()

    def handle_any(self) -> None:
        # Who takes this for a proxy by his configuration says the whole URL.
        target = self.path.removeprefix(self.server.proxy.upstream.rstrip("/"))
        request = Request(self.command, target, self.headers, self._read_body())
        exchange = Exchange(request, self)
        fault = self.server.proxy.note(request)
        if fault is None:
            exchange.send(exchange.forward())
        else:
            fault(exchange)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def ask(self, request: Request, without: tuple[str, ...]) -> Answer:
        proxy = self.server.proxy
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP and name.lower() not in without
        ]
        is_as_signed = request.method == self.command and len(headers) == sum(
            name.lower() not in _HOP_BY_HOP for name in request.headers
        )
        if proxy.is_secure or not is_as_signed:
            headers = signed_again(request, headers, proxy.upstream)
        if self._upstream is None:
            self._upstream = proxy.connection()
        self._upstream.putrequest(
            request.method, request.target, skip_host=True, skip_accept_encoding=True
        )
        for name, value in headers:
            self._upstream.putheader(name, value)
        if request.body or request.method in ("PUT", "POST"):
            self._upstream.putheader("Content-Length", str(len(request.body)))
        self._upstream.endheaders(request.body or None)
        found = self._upstream.getresponse()
        body = found.read()
        request.status = found.status
        kept = [(name, value) for name, value in found.getheaders() if self._is_kept(name)]
        if request.method == "HEAD" and (length := found.getheader("Content-Length")):
            kept.append(("Content-Length", length))
        return Answer(found.status, body, kept)

    def _is_kept(self, name: str) -> bool:
        return name.lower() not in _HOP_BY_HOP

    def reply(self, data: bytes) -> None:
        self.wfile.write(data)

    def reason(self, status: int) -> str:
        return self.responses[status][0] if status in self.responses else "Unknown"

    def hang_up(self, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, format: str, *args: Any) -> None:
        """The proxy records requests; it prints none."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    proxy: Proxy

    def shutdown_request(self, request: Any) -> None:
        # The default's orderly shutdown would send a FIN before the reset.
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.proxy.note_error()


class Proxy:
    """A context manager: a proxy that listens on a port of its own.

    Args:
        upstream: The URL of the server.

    Attributes:
        url: Where it listens.
        requests: What it was asked, in order.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.is_secure = upstream.startswith("https:")
        self.requests: list[Request] = []
        self._rules: list[Rule] = []
        self._errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="proxy"
        )
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # Its other end was faster.
        if self._errors:
            raise self._errors[0]

    def play(
        self,
        fault: Fault,
        operation: str | None = None,
        *,
        key: str | None = None,
        when: Callable[[Request], bool] = lambda request: True,
        times: int | None = 1,
        after: int = 0,
    ) -> Rule:
        """Let some requests meet a fault; of several rules the first that takes a request counts.

        Args:
            fault: One of `faults_played`.
            operation: S3's name of what is asked, as in ``PutObject``; None: anything.
            key: What the key ends in; None: any.
            when: What else makes a request one of them.
            times: How many meet it; None: all.
            after: How many of them go well first.
        """

        def match(request: Request) -> bool:
            is_operation = operation is None or request.operation == operation
            return is_operation and (key is None or request.key.endswith(key)) and when(request)

        rule = Rule(fault, match, times, after)
        with self._lock:
            self._rules.append(rule)
        return rule

    def calm(self) -> None:
        """Play no fault any more."""
        with self._lock:
            self._rules.clear()

    @contextmanager
    def counting(self) -> Iterator[Counter[str]]:
        """Count the requests by operation while the context lasts; complete when it has ended."""
        counts: Counter[str] = Counter()
        begin = len(self.requests)
        yield counts
        counts.update(request.operation for request in self.requests[begin:])

    # For the connections' threads.

    def note(self, request: Request) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            return next((rule.fault for rule in self._rules if rule.takes(request)), None)

    def note_error(self) -> None:
        import sys

        error = sys.exception()
        # A client may leave whenever it likes, and a fault may make it.
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            self._errors.append(error)

    def connection(self) -> HTTPConnection:
        kind = HTTPSConnection if self.is_secure else HTTPConnection
        return kind(urlsplit(self.upstream).netloc, timeout=SECONDS)

    def connected(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def disconnected(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)
