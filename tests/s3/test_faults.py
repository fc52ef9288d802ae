"""What S3 and the way to it say becomes the right error, in words, without a secret."""

from __future__ import annotations

import io
import pickle
import socket
from functools import cache
from itertools import repeat
from typing import Any

import pytest
from botocore.config import Config

from persidict_core import (
    ABSENT,
    BackendError,
    NotSupported,
    ObjectNotFound,
    PersiDictError,
    PreconditionFailed,
)
from persidict_s3 import faults
from persidict_s3.client import Connection
from persidict_s3.faults import ForeignAnswer
from tests.s3.canned import Answer, CannedServer, canned, clean_environment
from tests.s3.listening import listening

ONCE = Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=0.3)
XML = {"content-type": "application/xml", "x-amz-request-id": "tx1"}
HTML = {"content-type": "text/html; charset=utf-8"}
SECRETS = ("very-secret-word", "very-secret-token", "X-Amz-Signature", "AKIDNOBODY")


ANSWER = [Answer()]
"""What the one client of `answering` is answered; to make a client takes long."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)


@cache
def client_without_server() -> Any:
    return canned(Connection(config=ONCE).client, (ANSWER[0] for _ in repeat(None)))


def answering(answer: Answer) -> Any:
    """A client that is answered the same each time."""
    ANSWER[0] = answer
    return client_without_server()


def said(code: str, message: str = "", more: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>".encode()


def raised(client: Any, operation: str, **params: Any) -> Exception:
    """What an operation fails with; it is among those that are known."""
    with pytest.raises(faults.known()) as caught:
        getattr(client, operation)(Bucket="bucket", **params)
    return caught.value


def answered(operation: str, status: int, body: bytes = b"", headers: Any = XML) -> Exception:
    """What boto3 raises of one answer."""
    body = b"" if operation.startswith("head") else body
    params = {} if operation in ("list_objects_v2", "create_bucket") else {"Key": "users/alex.pkl"}
    return raised(answering(Answer(status, body, headers)), operation, **params)


def told(error: BaseException, expect: object = None) -> Exception:
    found = faults.told(error, "S3Backend('bucket')", "read_bytes", "users/alex.pkl", expect)
    again = pickle.loads(pickle.dumps(found))
    assert (type(again), str(again)) == (type(found), str(found)), "it crosses processes"
    assert not any(secret in str(found) for secret in SECRETS)
    assert len(str(found)) < 700 and "\n" not in str(found)
    return found


@pytest.mark.parametrize(
    ("operation", "body", "headers"),
    [
        ("get_object", said("NoSuchKey"), XML),
        ("get_object", said("NoSuchKey"), {}),
        ("get_object", said("NoSuchBucket"), XML),
        ("delete_object", said("NoSuchBucket"), XML),
        ("head_object", b"", XML),
        ("head_object", b"", {"Content-Type": "application/xml"}),
        ("head_object", b"", {"X-Amz-Request-Id": "tx1"}),
        ("get_object", b"", {"x-amz-request-id": "tx1"}),
    ],
)
def test_what_s3_says_is_absent_is_absent(operation: str, body: bytes, headers: Any) -> None:
    error = answered(operation, 404, body, headers)
    assert faults.is_absence(error) and not faults.is_doubtful(error)
    found = told(error)
    assert isinstance(found, ObjectNotFound) and found.path == "users/alex.pkl"


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html><body>404</body></html>", HTML),
        (b"<html><body>404<br></body></html>", HTML),
        (b"not found", {"content-type": "text/plain"}),
        (b"", {}),
        (b"", HTML),
        (b"", {**HTML, "x-amz-request-id": "of a website"}),
        (b'{"error": "no such route"}', {"content-type": "application/json"}),
    ],
)
def test_a_404_of_somebody_else_is_no_absence(operation: str, body: bytes, headers: Any) -> None:
    error = answered(operation, 404, body, headers)
    assert not faults.is_absence(error)
    found = told(error)
    assert isinstance(found, BackendError), found
    if operation == "head_object":
        assert faults.is_doubtful(error)
        assert "not one of S3" in str(found) and "is not known" in str(found)


@pytest.mark.parametrize("code", ["NoSuchUpload", "NoSuchVersion", "NoSuchLifecycleConfiguration"])
def test_another_404_is_no_absence(code: str) -> None:
    error = answered("get_object", 404, said(code))
    assert not faults.is_absence(error)
    assert type(told(error)) is BackendError and code in str(told(error))


@pytest.mark.parametrize("status", [200, 403, 500])
def test_nothing_but_404_is_absence(status: int) -> None:
    error = answered("list_objects_v2", status, said("NoSuchKey"))
    assert not faults.is_absence(error) and isinstance(told(error), BackendError)


def test_a_missing_bucket_is_a_fault_of_a_write() -> None:
    error = answered("put_object", 404, said("NoSuchBucket"))
    assert faults.is_missing_bucket(error)
    found = told(error, ABSENT)
    assert isinstance(found, BackendError) and "bucket does not exist" in str(found)


def test_conditions_that_do_not_hold() -> None:
    found = told(answered("put_object", 412, said("PreconditionFailed")), "etag")
    assert isinstance(found, PreconditionFailed) and found.expect == "etag"
    assert found.current is None
    for code in ("NoSuchKey", "NoSuchBucket"):
        found = told(answered("put_object", 404, said(code)), "etag")
        assert isinstance(found, PreconditionFailed) and found.current is ABSENT


@pytest.mark.parametrize(
    ("operation", "status", "code", "words"),
    [
        ("head_object", 403, "", ["s3:ListBucket", "not known", "403"]),
        ("get_object", 403, "AccessDenied", ["s3:ListBucket", "not known", "AccessDenied"]),
        ("list_objects_v2", 403, "AccessDenied", ["access is denied", "another account's"]),
        ("put_object", 403, "AccessDenied", ["access is denied"]),
        ("get_object", 403, "InvalidAccessKeyId", ["unknown", "AWS_*"]),
        ("get_object", 403, "SignatureDoesNotMatch", ["secret key", "AWS_*"]),
        ("get_object", 403, "RequestTimeTooSkewed", ["clock"]),
        ("get_object", 400, "ExpiredToken", ["expired"]),
        ("head_object", 400, "", ["region", "expired"]),
        ("get_object", 403, "InvalidObjectState", ["archived"]),
        ("get_object", 503, "SlowDown", ["overloaded", "later"]),
        ("get_object", 500, "InternalError", ["server failed"]),
        ("put_object", 400, "EntityTooLarge", ["larger"]),
        ("put_object", 400, "KeyTooLongError", ["1024 bytes"]),
        ("put_object", 409, "ConditionalRequestConflict", ["others", "try again"]),
        ("create_bucket", 409, "BucketAlreadyExists", ["another account"]),
        ("put_object", 418, "Teapot", ["refused", "Teapot"]),
    ],
)
def test_each_fault_says_what_to_do(
    operation: str, status: int, code: str, words: list[str]
) -> None:
    found = told(answered(operation, status, said(code, "As the server says.")))
    assert isinstance(found, BackendError)
    assert all(word in str(found) for word in [*words, str(status), "users/alex.pkl", "bucket"])
    assert ("As the server says." in str(found)) == bool(code)


def test_a_wrong_region_names_the_right_one() -> None:
    more = "<Region>eu-west-1</Region>"
    body = said("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong", more)
    assert "'eu-west-1'" in str(told(answered("put_object", 400, body)))
    headers = {**XML, "x-amz-bucket-region": "eu-central-1"}
    assert "'eu-central-1'" in str(told(answered("head_object", 301, headers=headers)))
    body = said("PermanentRedirect", "", more)
    assert "'eu-west-1'" in str(told(answered("get_object", 301, body)))


@pytest.mark.parametrize(
    "operation", ["get_object", "head_object", "put_object", "list_objects_v2"]
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_server_that_redirects_everything_is_told(operation: str, status: int) -> None:
    headers = {"Location": "https://me:very-secret-word@other.example/bucket/k?x=1"}
    found = told(answered(operation, status, b"<html>moved</html>", headers))
    assert isinstance(found, BackendError) and "redirects to https://other.example)" in str(found)
    headers = {"x-amz-request-id": "tx1"}
    assert "redirects" in str(told(answered(operation, status, said("Moved"), headers)))
    if operation == "get_object":
        assert "redirects" in str(told(answered(operation, status, said("PermanentRedirect"))))


def test_what_a_server_does_not_know_is_not_supported() -> None:
    found = told(answered("put_object", 501, said("NotImplemented", "A header you provided...")))
    assert isinstance(found, NotSupported) and "users/alex.pkl" in str(found)


def test_retries_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    config = Config(retries={"max_attempts": 2, "mode": "legacy"})
    client = canned(Connection(config=config).client, repeat(Answer(503, said("SlowDown"), XML)))
    assert "after 2 retries" in str(told(raised(client, "get_object", Key="k")))


def test_what_others_say_is_made_short_and_tame() -> None:
    text = "\x1b[31mred\x07 http://me:word@host/k?X-Amz-Signature=1f2e ".replace("\x1b", "&#27;")
    body = said("Odd", "one&#10;two " + "x" * 5000)
    message = str(told(answered("get_object", 400, body)))
    assert "one two x" in message and "..." in message
    cleaned = faults.clean(text)
    assert "word" not in cleaned and "1f2e" not in cleaned and cleaned.isprintable()


def test_parameters_that_no_request_can_carry() -> None:
    client = Connection(config=ONCE).client
    for params in ({"SSECustomerKey": "very-secret-word", "Metadata": 3}, {"Metadata": 3}):
        error = raised(client, "put_object", Key="k", **params)
        assert isinstance(told(error), ValueError) and "Metadata" in str(told(error))
    error = raised(client, "put_object", Key="k", CacheControl={"very-secret-word": 1})
    assert isinstance(told(error), ValueError) and "CacheControl" in str(told(error))


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_an_endpoint_that_is_not_there_is_named() -> None:
    port = closed_port()
    message = str(
        told(raised(Connection(f"http://{port}", config=ONCE).client, "get_object", Key="k"))
    )
    assert f"http://{port} cannot be reached (Connection refused)" in message


def test_a_host_that_is_not_known_is_named() -> None:
    client = Connection("http://no-such-host.invalid", config=ONCE).client
    message = str(told(raised(client, "get_object", Key="k")))
    assert "http://no-such-host.invalid cannot be reached" in message


def test_an_endpoint_without_tls_is_told_so() -> None:
    with CannedServer(lambda seen: Answer()) as server:
        endpoint = server.url.replace("http:", "https:")
        client = Connection(endpoint, config=ONCE).client
        message = str(told(raised(client, "get_object", Key="k")))
    assert f"the TLS connection to {endpoint} failed" in message and "verify=" in message


def test_a_file_of_certificates_that_is_not_there_is_told() -> None:
    with CannedServer(lambda seen: Answer()) as server:
        endpoint = server.url.replace("http:", "https:")
        client = Connection(endpoint, config=ONCE, verify="/no/such/file.pem").client
        message = str(told(raised(client, "get_object", Key="k")))
    assert "No such file" in message and "verify=" in message


def test_a_proxy_that_is_not_there_is_named_without_its_password() -> None:
    port = closed_port()
    proxies = {"http": f"http://me:very-secret-word@{port}"}
    client = Connection("http://127.0.0.2:9", config=ONCE.merge(Config(proxies=proxies))).client
    message = str(told(raised(client, "get_object", Key="k")))
    assert f"http://{port}" in message and "reached" in message


def test_a_server_that_stops_answering() -> None:
    def wait(connection: socket.socket) -> None:
        while connection.recv(1 << 16):
            pass

    with listening(wait) as address:
        client = Connection(f"http://{address}", config=ONCE).client
        message = str(told(raised(client, "get_object", Key="k")))
    assert f"http://{address} stopped answering" in message


def test_a_connection_that_breaks() -> None:
    with listening(lambda connection: connection.recv(1 << 16)) as address:
        client = Connection(f"http://{address}", config=ONCE).client
        message = str(told(raised(client, "get_object", Key="k")))
    assert "broke" in message


@pytest.mark.parametrize("length", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_a_body_that_breaks_off(length: bytes) -> None:
    def half(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "e"\r\n' + length + b"\r\n\r\n20\r\nhalf")

    with listening(half) as address:
        client = Connection(f"http://{address}", config=ONCE).client
        body = client.get_object(Bucket="bucket", Key="k")["Body"]
        with pytest.raises(faults.known()) as caught:
            body.read()
    found = told(caught.value)
    assert isinstance(found, BackendError) and "broke" in str(found)


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    message = str(told(raised(Connection(config=ONCE).client, "get_object", Key="k")))
    assert "no credentials" in message and "AWS_*" in message


def test_incomplete_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(faults.known()) as caught:
        _ = Connection().client
    assert "not complete" in str(told(caught.value))


def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(faults.known()) as caught:
        _ = Connection(profile="nobody").client
    assert isinstance(told(caught.value), BackendError) and "nobody" in str(told(caught.value))


def test_a_managed_transfer_fails_as_its_request_does() -> None:
    client = answering(Answer(404, said("NoSuchBucket"), XML))
    with pytest.raises(faults.known()) as caught:
        client.upload_fileobj(io.BytesIO(b"x"), "bucket", "k")
    assert faults.is_missing_bucket(caught.value)
    assert isinstance(told(caught.value), BackendError)
    client = answering(Answer(403, said("AccessDenied"), XML))
    with pytest.raises(faults.known()) as caught:
        client.upload_file(__file__, "bucket", "k")
    assert faults.status_of(caught.value) == 403 and "access is denied" in str(told(caught.value))


def test_a_broken_download_is_told() -> None:
    def half(connection: socket.socket) -> None:
        head = connection.recv(1 << 16).startswith(b"HEAD")
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 100\r\n\r\n')
        connection.sendall(b"" if head else b"half")

    with listening(half) as address:
        client = Connection(f"http://{address}", config=ONCE).client
        with pytest.raises(faults.known()) as caught:
            client.download_fileobj("bucket", "k", io.BytesIO())
    assert isinstance(told(caught.value), BackendError) and "broke" in str(told(caught.value))


def test_an_answer_without_an_etag_is_foreign() -> None:
    assert faults.etag_of({"ETag": '"9dd4"'}) == "9dd4"
    assert faults.etag_of({"ETag": "9dd4-2"}) == "9dd4-2"
    for answer in ({}, {"ETag": ""}, {"ETag": '""'}, {"ETag": None}):
        with pytest.raises(ForeignAnswer, match="proxy"):
            faults.etag_of(answer)
    assert isinstance(told(ForeignAnswer("x")), BackendError)


def test_a_page_of_a_login_in_place_of_a_listing_is_foreign() -> None:
    html = Answer(200, b"<html><body>log in<br></body></html>", HTML)
    error = raised(answering(html), "list_objects_v2")
    assert isinstance(told(error), PersiDictError)
    assert faults.status_of(error) in (0, 200, 500)
