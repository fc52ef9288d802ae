"""Whether a request that failed may have been carried out: by each way in which one may fail.

Whoever takes a lost answer for a lost request repeats it, and loses against himself.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    SSLError,
)

from persidict_core import ABSENT, BackendError
from persidict_s3 import S3Backend
from persidict_s3.client import Connection
from persidict_s3.faults import known
from persidict_s3.unsure import hold_retries_back, is_unsure
from tests.s3.canned import Answer, clean_environment, refusing, scripted
from tests.s3.listening import Serve, listening

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
PATIENT = Config(retries={"total_max_attempts": 3}, connect_timeout=2, read_timeout=2)
REFUSED = b"HTTP/1.1 412 No\r\nContent-Type: application/xml\r\nContent-Length: 46\r\n\r\n" + (
    b"<Error><Code>PreconditionFailed</Code></Error>"
)
DATE = "Tue, 24 Nov 2026 12:03:25 GMT"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a key and of its certificate, for 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(pem, form, plain) + made.public_bytes(pem))
    return file


def read_request(connection: Any) -> bytes:
    """One whole request, with a body of 4 bytes if it is a PUT."""
    data = b""
    while b"\r\n\r\n" not in data or (data.startswith(b"PUT") and b"mine" not in data):
        piece = connection.recv(1 << 16)
        if not piece:
            break
        data += piece
    return data


def hang_up(connection: socket.socket) -> None:
    """Read a request, and end the connection without an answer."""
    read_request(connection)


def damage(certificate: Path, connection: socket.socket) -> None:
    """Read a request under TLS, and answer what is no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(inside, outside, server_side=True)
    data = b""
    while b"mine" not in data:
        try:
            data += secure.read(1 << 16)
        except ssl.SSLWantReadError:
            connection.sendall(outside.read())
            if not inside.write(connection.recv(1 << 16)):
                return
        except ssl.SSLError:
            return  # The client does not trust the certificate.
    connection.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))


def tunnel(serve: Serve, connection: socket.socket) -> None:
    """Let a proxy's CONNECT succeed, and be the server behind it."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    serve(connection)


def failing(endpoint: str, **params: Any) -> Exception:
    """What a PUT fails with, while another failure to connect is being handled."""
    config = ONCE.merge(Config(proxies=params.pop("proxies", {})))
    client = Connection(endpoint, config=config, **params).client
    with pytest.raises(known()) as caught:
        client.put_object(Bucket="bucket", Key="k", Body=b"mine")
    return caught.value


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_an_answer_that_a_proxy_loses_leaves_in_doubt() -> None:
    with listening(hang_up) as address:
        error = failing("http://far.invalid", proxies={"http": f"http://{address}"})
        assert is_unsure(error), error
        assert is_unsure(failing(f"http://{address}"))


def test_an_answer_that_is_lost_in_a_tunnel_leaves_in_doubt(certificate: Path) -> None:
    serve = partial(tunnel, partial(damage, certificate))
    with listening(serve) as address:
        proxies = {"https": f"http://{address}"}
        error = failing("https://127.0.0.1:1", proxies=proxies, verify=str(certificate))
    assert is_unsure(error), error


def test_an_answer_that_is_damaged_under_tls_leaves_in_doubt(certificate: Path) -> None:
    with listening(partial(damage, certificate)) as address:
        error = failing(f"https://{address}", verify=str(certificate))
    assert type(error).__name__ == "SSLError" and is_unsure(error), error


def test_what_never_met_a_server_was_not_done(certificate: Path) -> None:
    nobody = closed_port()
    assert not is_unsure(failing(f"http://{nobody}"))
    assert not is_unsure(failing("http://far.invalid", proxies={"http": f"http://{nobody}"}))
    assert not is_unsure(failing("https://far.invalid", proxies={"https": f"http://{nobody}"}))
    proxies = {"https": "http://no-such-proxy.invalid"}
    assert not is_unsure(failing("https://far.invalid", proxies=proxies))


def test_a_handshake_that_fails_is_no_doubt(certificate: Path) -> None:
    with listening(partial(damage, certificate)) as address:
        assert not is_unsure(failing(f"https://{address}"))  # It is not trusted.
    with listening(partial(tunnel, partial(damage, certificate))) as address:
        assert not is_unsure(failing("https://127.0.0.1:1", proxies={"https": f"http://{address}"}))
    with listening(lambda connection: connection.sendall(REFUSED)) as address:
        assert not is_unsure(failing(f"https://{address}"))  # It knows no TLS.


def test_a_tunnel_that_is_refused_is_no_doubt() -> None:
    def refuse(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with listening(refuse) as address:
        error = failing("https://far.invalid", proxies={"https": f"http://{address}"})
    assert not is_unsure(error), error


def test_what_failed_before_says_nothing_of_this_request() -> None:
    nobody = closed_port()
    try:
        raise EndpointConnectionError(endpoint_url="x") from failing(
            "http://far.invalid", proxies={"http": f"http://{nobody}"}
        )
    except EndpointConnectionError:
        with listening(hang_up) as address:
            error = failing("http://far.invalid", proxies={"http": f"http://{address}"})
    assert is_unsure(error)


def test_a_fault_of_tls_of_which_nothing_is_told_leaves_in_doubt() -> None:
    assert is_unsure(SSLError(endpoint_url="https://far.invalid", error=ssl.SSLError()))


def test_an_answer_that_breaks_off_leaves_in_doubt() -> None:
    def half(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\n<Error>")

    with listening(half) as address:
        assert is_unsure(failing(f"http://{address}"))


def test_a_write_behind_a_proxy_whose_answer_is_lost_is_not_taken_for_refused() -> None:
    """The proxy lets the first PUT through, and loses its answer; the object is there then."""
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(read_request(connection).split(b" ", 1)[0])
        if asked.count(b"PUT") > 1:
            connection.sendall(REFUSED)

    with listening(serve) as address:
        config = PATIENT.merge(Config(proxies={"http": f"http://{address}"}))
        backend = S3Backend(
            "bucket", endpoint_url="http://far.invalid", config=config, conditional_writes=True
        )
        with pytest.raises(BackendError, match="may have been written"):
            backend.write_if("k", b"mine", ABSENT)
    assert asked.count(b"PUT") == 1


@pytest.mark.parametrize(
    ("status", "code", "unsure"),
    [
        (499, "Anything", False),
        (500, "InternalError", True),
        (500, "SlowDown", True),
        (500, "UnknownError", False),
        (502, "UnknownError", True),
        (503, "Anything", True),
        (503, "SlowDown", False),
        (504, "SlowDown", True),
    ],
)
def test_what_a_server_says_may_leave_in_doubt(status: int, code: str, unsure: bool) -> None:
    told = {"HTTPStatusCode": status}
    error = ClientError({"Error": {"Code": code}, "ResponseMetadata": told}, "PutObject")
    assert is_unsure(error) is unsure


@pytest.fixture
def deciders() -> dict[str, Callable[..., bool | None]]:
    """Who is asked first about repeating an operation, by a client of ours."""
    found = {}

    class Client:
        """It keeps who is registered."""

        def register_first(self, event: str, act: Callable[..., bool | None]) -> None:
            found[event] = act

    Client.meta = Client.events = Client()  # type: ignore[attr-defined]
    hold_retries_back(Client())
    return found


@pytest.mark.parametrize("condition", ["If-Match", "If-None-Match", None])
@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject"])
def test_botocore_repeats_no_condition_that_may_have_been_met(
    deciders: dict[str, Callable[..., bool | None]], operation: str, condition: str | None
) -> None:
    assert len(deciders) == 2
    act = deciders[f"needs-retry.s3.{operation}"]

    def decided(response: Any, caught: Exception | None) -> bool | None:
        request = {"headers": {} if condition is None else {condition: "x"}}
        return act(request, response=response, caught_exception=caught, operation="any")

    def answer(status: int, code: str | None) -> Any:
        told = {} if code is None else {"Error": {"Code": code}}
        return type("Raw", (), {"status_code": status})(), told

    held = None if condition is None else False
    assert decided(None, ConnectionClosedError(endpoint_url="x")) is held
    assert decided(None, EndpointConnectionError(endpoint_url="x")) is None
    assert decided(None, None) is None
    assert decided(answer(500, "InternalError"), None) is held
    assert decided(answer(500, "UnknownError"), None) is held
    assert decided(answer(409, "ConditionalRequestConflict"), None) is held
    assert decided(answer(502, None), None) is held
    assert decided(answer(503, "SlowDown"), None) is None
    assert decided(answer(200, None), None) is None


def test_a_request_of_another_thread_at_the_same_moment_takes_nobody_from_the_list() -> None:
    """botocore looks up whom to ask, and keeps that: without a lock in between."""
    asked: list[str] = []
    sent: dict[str, Any] = {}

    def respond(operation: str, request: Any) -> Answer | Exception:
        asked.append(operation)
        if not request.url.endswith("/k"):
            return Answer(200, b"", {"ETag": '"e"'})
        if operation == "HeadObject":
            return Answer(200, b"", {"ETag": '"mine"', "Last-Modified": DATE, **sent})
        if asked.count("PutObject") > 3:
            return refusing(412, "PreconditionFailed")
        names = [name for name in request.headers if name.startswith("x-amz-meta")]
        sent.update({name: request.headers[name].decode() for name in names})
        lost: Exception = ConnectionClosedError(endpoint_url=request.url)
        return lost

    backend = S3Backend(
        "bucket", endpoint_url="http://127.0.0.1:9", config=PATIENT, conditional_writes=True
    )
    emitter = scripted(backend._connection.client, respond).meta.events._emitter
    handlers = emitter._handlers

    class Interrupted:
        """Another thread comes in when the first has looked, and not kept yet what it found."""

        def __getattr__(self, name: str) -> Any:
            return getattr(handlers, name)

        def prefix_search(self, name: str) -> Any:
            found = handlers.prefix_search(name)
            if name == "needs-retry.s3.PutObject":
                emitter._handlers = handlers
                backend.write_if("of-another-thread", b"1", ABSENT)
            return found

    emitter._handlers = Interrupted()
    backend.write_bytes("plain", b"1")
    assert emitter._handlers is handlers and asked == ["PutObject"] * 2
    assert backend.write_if("k", b"mine", ABSENT) == "mine"
    assert asked == [*["PutObject"] * 3, "HeadObject"]
