"""Uploads in parts that never ended are told, and aborted, but for those that are young."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest

from persidict_s3 import S3Backend

# moto says of every upload that it was begun in 2010.
pytestmark = pytest.mark.s3


@pytest.fixture
def backend(bucket: str) -> S3Backend:
    made = S3Backend(bucket, "mine")
    made.write_bytes("kept", b"x")
    return made


def begin(s3_client: Any, backend: S3Backend, key: str, size: int = 0) -> None:
    named = {"Bucket": backend.bucket, "Key": key}
    upload = s3_client.create_multipart_upload(**named)["UploadId"]
    if size:
        s3_client.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"x" * size)


def test_what_never_ended_is_told_and_aborted(backend: S3Backend, s3_client: Any) -> None:
    begin(s3_client, backend, "mine/a b+c", 12)
    begin(s3_client, backend, "mine/below/a")
    begin(s3_client, backend, "others/a")
    told = sorted(backend.sweep(older_than=0))
    assert [(each.name, each.size) for each in told] == [("a b+c", 12), ("below/a", 0)]
    assert all(abs(each.modified - time.time()) < 60 for each in told)
    assert sorted(backend.sweep(True, older_than=0)) == told
    assert list(backend.sweep(older_than=0)) == []
    left = s3_client.list_multipart_uploads(Bucket=backend.bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["others/a"]
    assert backend.read_bytes("kept") == b"x"


def test_what_is_young_is_spared(backend: S3Backend, s3_client: Any) -> None:
    begin(s3_client, backend, "mine/a")
    assert list(backend.sweep(True)) == list(backend.sweep(True, older_than=3600)) == []
    assert len(list(backend.sweep(older_than=0))) == 1


def test_a_prefix_is_swept_alone(backend: S3Backend, s3_client: Any) -> None:
    begin(s3_client, backend, "mine/a/x")
    begin(s3_client, backend, "mine/ab/x")
    assert [each.name for each in backend.sweep(True, prefix="a/", older_than=0)] == ["a/x"]
    assert [each.name for each in backend.sweep(older_than=0)] == ["ab/x"]


def test_a_missing_bucket_has_no_debris(endpoint: str) -> None:
    backend = S3Backend(f"none-{uuid4().hex}", endpoint_url=endpoint)
    assert list(backend.sweep(True, older_than=0)) == []


@pytest.mark.parametrize("age", [-1, float("nan")])
def test_a_wrong_age_is_refused(backend: S3Backend, age: float) -> None:
    with pytest.raises(ValueError, match="older_than"):
        backend.sweep(older_than=age)
