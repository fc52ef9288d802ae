"""What cannot be is refused before any request, and what S3 refuses is told with what to do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import persidict
from persidict_core import BackendError, URLError
from persidict_s3 import S3Backend, S3Dict

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "ab",
        "a b",
        "a/b",
        "s3://b",
        "-abc",
        "abc-",
        "a..b",
        "é" * 5,
        "x" * 256,
        "a\nb",
        "*b*",
    ],
)
def test_a_name_that_no_bucket_has(name: str) -> None:
    for make in (S3Backend, S3Dict):
        with pytest.raises(ValueError, match="bucket"):
            make(name)
    for other in (None, b"bucket", 7):
        with pytest.raises(TypeError, match="bucket"):
            S3Backend(other)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["..", "a/../b", "./a", "a\n", "\0", "\ud800", "x" * 1024])
def test_a_prefix_that_no_name_has(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"^prefix"):
        S3Backend("a-bucket", prefix)
    with pytest.raises(ValueError, match=r"^root_prefix"):
        S3Dict("a-bucket", root_prefix=prefix)
    with pytest.raises(TypeError):
        S3Backend("a-bucket", 7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"region": ""}, ValueError),
        ({"region": "eu west"}, ValueError),
        ({"endpoint_url": "127.0.0.1:9000"}, ValueError),
        ({"endpoint_url": "ftp://a"}, ValueError),
        ({"region": "us-east-1", "endpoint_url": "https://s3.eu-west-1.amazonaws.com"}, ValueError),
        ({"session": object()}, TypeError),
        ({"config": {"retries": 3}}, TypeError),
        ({"put_args": "StorageClass"}, TypeError),
        ({"put_args": {1: 2}}, TypeError),
        ({"put_args": {"Body": b""}}, ValueError),
        ({"put_args": {"IfMatch": "x"}}, ValueError),
        ({"put_args": {"SSECustomerKey": SECRET}}, ValueError),
        ({"max_connections": 0}, ValueError),
        ({"max_connections": "many"}, TypeError),
        ({"max_connections": True}, TypeError),
        ({"create_bucket": "no"}, TypeError),
        ({"conditional_writes": 1}, TypeError),
        ({"conditional_deletes": "false"}, TypeError),
    ],
)
def test_parameters_that_cannot_be(params: dict[str, Any], error: type[Exception]) -> None:
    for make in (S3Backend, S3Dict):
        with pytest.raises(error) as raised:
            make("a-bucket", **params)
        assert SECRET not in str(raised.value)


@pytest.mark.parametrize("content_type", ["", "text", "text/plain\r\nX: y", "té/xt", b"a/b"])
def test_a_content_type_that_is_none(content_type: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="content"):
        S3Backend("a-bucket", content_type=content_type)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"base_dir": ""}, TypeError),
        ({"base_dir": 7}, TypeError),
        ({"base_dir": "file:///tmp"}, ValueError),
        ({"cache_max_bytes": 1000}, ValueError),
        ({"digest_len": 27}, ValueError),
        ({"digest_len": "8"}, TypeError),
    ],
)
def test_parameters_of_copies_that_cannot_be(
    params: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        S3Dict("a-bucket", **params)


def test_too_small_a_cache_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cache_max_bytes"):
        S3Dict("a-bucket", base_dir=tmp_path / "copies", cache_max_bytes=0)


@pytest.mark.parametrize(
    "url",
    [
        f"s3://me:{SECRET}@a-bucket",
        f"s3://a-bucket?aws_secret_access_key={SECRET}",
        f"s3://a-bucket?token={SECRET}",
        f"s3://a-bucket?endpoint_url=http://me:{SECRET}@127.0.0.1:9000",
        f"s3://a-bucket?endpoint_url=http://127.0.0.1:9000?key={SECRET}",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_echoed(url: str) -> None:
    for opened in (persidict.open, S3Dict.from_url, S3Backend.from_url):
        with pytest.raises(URLError) as raised:
            opened(url)  # type: ignore[operator]
        assert SECRET not in str(raised.value)


def test_a_url_without_a_bucket() -> None:
    for url in ("s3://", "s3:///prefix", "s3://?bucket=a-bucket", "s3://a-bucket?nonsense=1"):
        with pytest.raises(ValueError):
            S3Backend.from_url(url)


def test_a_key_that_is_too_long_is_refused_before_the_request() -> None:
    d: S3Dict[Any] = S3Dict("a-bucket", endpoint_url="http://127.0.0.1:1", root_prefix="p" * 700)
    for key in (("x" * 200, "y" * 200), ["x" * 200, "y" * 200]):
        with pytest.raises(ValueError, match="the limit of this store is 323"):
            d[key] = 1  # type: ignore[index]
        with pytest.raises(ValueError):
            d.get(key)  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", ["read_bytes", "exists", "stat", "delete"])
def test_an_endpoint_that_is_not_there_is_named_soon(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.config import Config

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    backend = S3Backend(
        "a-bucket",
        region="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 2}),
    )
    begin = time.monotonic()
    with pytest.raises(BackendError, match=r"http://127\.0\.0\.1:9 cannot be reached") as raised:
        getattr(backend, verb)("a")
    assert time.monotonic() - begin < 30 and SECRET not in str(raised.value)


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    backend = S3Backend("a-bucket", region="us-east-1", endpoint_url="http://127.0.0.1:9")
    for act in (backend.read_bytes, backend.exists):
        with pytest.raises(BackendError, match=r"no credentials.*AWS_"):
            act("a")
    with pytest.raises(BackendError, match="no credentials"):
        list(backend.list_prefix())


def test_a_profile_that_is_not_there_is_told() -> None:
    backend = S3Backend("a-bucket", profile=f"none-{uuid4().hex}")
    with pytest.raises(BackendError, match="profile"):
        backend.read_bytes("a")


@pytest.mark.s3
class TestOnTheServer:
    def test_a_bucket_that_cannot_be_made(self, endpoint: str) -> None:
        with pytest.raises(BackendError, match="cannot be made: that is no name for a bucket"):
            S3Backend("Not_A_Bucket").write_bytes("a", b"1")

    def test_a_region_that_the_server_does_not_have(self, bucket: str) -> None:
        with pytest.raises(BackendError, match=r"cannot be made.*InvalidLocationConstraint"):
            S3Backend(bucket, region="eu-west-1").write_bytes("a", b"1")

    def test_a_secret_key_that_is_wrong(
        self, shared_bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        backend = S3Backend(shared_bucket)
        for act in (
            lambda: backend.read_bytes("a"),
            lambda: backend.write_bytes("a", b""),
            lambda: list(backend.list_prefix()),
            lambda: backend.exists("a"),
        ):
            with pytest.raises(BackendError) as raised:
                act()
            assert SECRET not in str(raised.value) + repr(raised.value)

    def test_put_args_that_the_client_does_not_know(self, shared_bucket: str) -> None:
        backend = S3Backend(shared_bucket, uuid4().hex, put_args={"Nonsense": 1})
        with pytest.raises(ValueError, match="Nonsense"):
            backend.write_bytes("a", b"1")
        assert not backend.exists("a")
