"""The instruments themselves: bare boto3 through the proxy, to the real server."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    ReadTimeoutError,
)

from tests.s3 import faults_played as faults
from tests.s3.proxy import Fault, Proxy

pytestmark = pytest.mark.s3
KEY = "some/odd key=(1)~+&é.pkl"


@pytest.fixture
def make_client() -> Callable[..., Any]:
    import boto3

    def make(proxy: Proxy, attempts: int = 1, **config: Any) -> Any:
        options = Config(retries={"total_max_attempts": attempts}, **config)
        return boto3.session.Session().client("s3", endpoint_url=proxy.url, config=options)

    return make


@pytest.fixture
def client(make_client: Callable[..., Any], proxy: Proxy, s3_client: Any, bucket: str) -> Any:
    s3_client.create_bucket(Bucket=bucket)
    return make_client(proxy)


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def test_what_passes_through_arrives_as_it_is(client: Any, bucket: str, proxy: Proxy) -> None:
    for size in (0, 1000, 9_000_000):
        data = bytes(range(256)) * (size // 256)
        written = client.put_object(Bucket=bucket, Key=KEY, Body=data, Metadata={"a": "b"})
        read = client.get_object(Bucket=bucket, Key=KEY)
        assert read["Body"].read() == data
        assert read["ETag"] == written["ETag"] and read["Metadata"] == {"a": "b"}
        head = client.head_object(Bucket=bucket, Key=KEY)
        assert head["ContentLength"] == len(data)
    assert [found["Key"] for found in client.list_objects_v2(Bucket=bucket)["Contents"]] == [KEY]
    assert {request.key for request in proxy.requests} == {KEY, ""}
    assert all(request.status == 200 for request in proxy.requests)


def test_operations_have_their_names(client: Any, bucket: str, proxy: Proxy) -> None:
    there = {"Bucket": bucket, "Key": "a"}
    called: list[str] = []
    client.meta.events.register("before-call.s3", lambda model, **rest: called.append(model.name))
    with proxy.counting() as counts:
        client.head_bucket(Bucket=bucket)
        client.put_object(**there, Body=b"1")
        client.copy_object(Bucket=bucket, Key="b", CopySource=there)
        client.get_object(**there)
        client.head_object(**there)
        client.list_objects_v2(Bucket=bucket, Prefix="a")
        upload = client.create_multipart_upload(**there)["UploadId"]
        client.upload_part(**there, UploadId=upload, PartNumber=1, Body=b"2")
        client.list_multipart_uploads(Bucket=bucket)
        client.abort_multipart_upload(**there, UploadId=upload)
        client.delete_object(**there)
        client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}]})
        client.delete_bucket(Bucket=bucket)
        client.create_bucket(Bucket=bucket)
    assert len(called) == 14
    assert [request.operation for request in proxy.requests] == called
    assert dict(counts) == dict.fromkeys(called, 1)


def test_an_answer_is_lost_after_the_server_acted(client: Any, bucket: str, proxy: Proxy) -> None:
    rule = proxy.play(faults.lose_answer, "PutObject", key="/lost")
    with pytest.raises(ConnectionClosedError):
        client.put_object(Bucket=bucket, Key="a/lost", Body=b"1")
    assert client.get_object(Bucket=bucket, Key="a/lost")["Body"].read() == b"1"
    assert (rule.seen, rule.hits) == (1, 1)


def test_a_request_is_lost_before_the_server_saw_it(client: Any, bucket: str, proxy: Proxy) -> None:
    proxy.play(faults.lose_request, "PutObject")
    with pytest.raises(ConnectionClosedError):
        client.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert proxy.requests[-1].status is None
    with pytest.raises(ClientError) as raised:
        client.get_object(Bucket=bucket, Key="a")
    assert code_of(raised) == "NoSuchKey"


@pytest.mark.parametrize("fault", [faults.reset_in_body, faults.truncate_body])
def test_a_body_breaks_off(client: Any, bucket: str, proxy: Proxy, fault: Fault) -> None:
    client.put_object(Bucket=bucket, Key="a", Body=bytes(10_000))
    proxy.play(fault, "GetObject")
    with pytest.raises(Exception) as raised:
        client.get_object(Bucket=bucket, Key="a")["Body"].read()
    assert isinstance(raised.value, HTTPClientError | ConnectionError), raised.value


def test_what_is_truncated_silently_looks_whole(client: Any, bucket: str, proxy: Proxy) -> None:
    client.put_object(Bucket=bucket, Key="a", Body=bytes(10_000))
    proxy.play(faults.truncate_silently, "GetObject")
    assert len(client.get_object(Bucket=bucket, Key="a")["Body"].read()) == 5000


def test_a_body_drips(client: Any, bucket: str, proxy: Proxy) -> None:
    client.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    proxy.play(faults.drip(10, 0.01), "GetObject")
    begun = time.perf_counter()
    assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"0123456789"
    assert time.perf_counter() - begun > 0.1


def test_an_answer_comes_too_late(
    make_client: Callable[..., Any], client: Any, bucket: str, proxy: Proxy
) -> None:
    proxy.play(faults.stall(0.5), "PutObject")
    with pytest.raises(ReadTimeoutError):
        make_client(proxy, read_timeout=0.1).put_object(Bucket=bucket, Key="a", Body=b"1")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (faults.slow_down, 503, "SlowDown"),
        (faults.conflict, 409, "ConditionalRequestConflict"),
        (faults.forbidden, 403, "AccessDenied"),
        (faults.moved("eu-west-1"), 301, "PermanentRedirect"),
    ],
)
def test_a_refusal_is_like_one_of_s3(
    client: Any, bucket: str, proxy: Proxy, fault: Fault, status: int, code: str
) -> None:
    proxy.play(fault, "GetObject", times=None)  # botocore follows a redirection once.
    with pytest.raises(ClientError) as raised:
        client.get_object(Bucket=bucket, Key="a")
    assert code_of(raised) == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_head_is_refused_without_a_body(client: Any, bucket: str, proxy: Proxy) -> None:
    proxy.play(faults.forbidden, "HeadObject")
    with pytest.raises(ClientError) as raised:
        client.head_object(Bucket=bucket, Key="a")
    assert code_of(raised) == "403"
    client.put_object(Bucket=bucket, Key="a", Body=b"1")  # The connection is still in step.


def test_botocore_tries_again(
    make_client: Callable[..., Any], client: Any, bucket: str, proxy: Proxy
) -> None:
    proxy.play(faults.slow_down, "PutObject", times=1)
    make_client(proxy, attempts=2).put_object(Bucket=bucket, Key="a", Body=b"1")
    assert [request.status for request in proxy.requests] == [None, 200]


def test_a_server_that_ignores_conditions(client: Any, bucket: str, proxy: Proxy) -> None:
    client.put_object(Bucket=bucket, Key=KEY, Body=b"1")
    with pytest.raises(ClientError) as raised:
        client.put_object(Bucket=bucket, Key=KEY, Body=b"2", IfNoneMatch="*")
    assert code_of(raised) == "PreconditionFailed"
    proxy.play(faults.ignore_conditions, times=None)
    client.put_object(Bucket=bucket, Key=KEY, Body=b"2", IfNoneMatch="*")
    client.put_object(Bucket=bucket, Key=KEY, Body=b"3", IfMatch="nonsense")
    assert client.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"3"
    assert proxy.requests[-2].is_conditional


def test_a_server_that_keeps_conditions_of_deletes(
    make_client: Callable[..., Any], client: Any, bucket: str, proxy: Proxy
) -> None:
    proxy.play(faults.keep_deletes(), when=faults.changes, times=None)
    there = {"Bucket": bucket, "Key": KEY}
    etag = client.put_object(**there, Body=b"1")["ETag"]
    with pytest.raises(ClientError) as raised:
        client.delete_object(**there, IfMatch="nonsense")
    assert code_of(raised) == "PreconditionFailed"
    with pytest.raises(ClientError) as raised:
        client.put_object(**there, Body=b"2", IfMatch="nonsense")
    assert code_of(raised) == "PreconditionFailed"
    assert client.get_object(**there)["Body"].read() == b"1"
    clients = [make_client(proxy) for _ in range(8)]

    def delete(client: Any) -> str:
        try:
            client.delete_object(**there, IfMatch=etag.strip('"'))
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "deleted"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(delete, clients)) == ["NoSuchKey"] * 7 + ["deleted"]
    client.put_object(**there, Body=b"1")
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": KEY}]})
    assert proxy.requests[-1].keys == [KEY]
    with pytest.raises(ClientError) as raised:
        client.delete_object(**there, IfMatch="*")
    assert code_of(raised) == "NoSuchKey"


def test_a_write_that_is_dropped(client: Any, bucket: str, proxy: Proxy) -> None:
    proxy.play(faults.drop, "PutObject")
    answer = client.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert answer["ETag"] == client.put_object(Bucket=bucket, Key="b", Body=b"1")["ETag"]
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == ["b"]


def test_a_share_of_the_requests_at_random(client: Any, bucket: str, proxy: Proxy) -> None:
    proxy.play(faults.slow_down, when=faults.share(0.3, seed=1), times=None)
    failed = 0
    for _ in range(100):
        try:
            client.list_objects_v2(Bucket=bucket)
        except ClientError:
            failed += 1
    assert 15 < failed < 45
    proxy.calm()
    client.list_objects_v2(Bucket=bucket)


def test_a_rule_begins_later_and_ends(client: Any, bucket: str, proxy: Proxy) -> None:
    proxy.play(faults.forbidden, "HeadBucket", after=1, times=2)
    outcomes = []
    for _ in range(4):
        try:
            client.head_bucket(Bucket=bucket)
        except ClientError:
            outcomes.append("refused")
        else:
            outcomes.append("well")
    assert outcomes == ["well", "refused", "refused", "well"]


def test_an_error_of_the_proxy_itself_is_raised(endpoint: str) -> None:
    import boto3

    def broken(exchange: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Proxy(endpoint) as proxy:
        proxy.play(broken)
        config = Config(retries={"total_max_attempts": 1})
        client = boto3.session.Session().client("s3", endpoint_url=proxy.url, config=config)
        with pytest.raises(ConnectionClosedError):
            client.list_buckets()
