"""Large objects: in parts, in bounded memory, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any
from uuid import uuid4

import pytest

from persidict_core import ABSENT, BackendError, NotSupported, ObjectNotFound
from persidict_s3 import S3Backend
from persidict_s3.transfers import PART
from tests.s3 import faults_played as faults
from tests.s3.proxy import Proxy

pytestmark = pytest.mark.s3
LARGE = os.urandom(3 * PART + 12_345)


@pytest.fixture
def backend(proxy: Proxy, shared_bucket: str) -> S3Backend:
    declared = {"conditional_writes": True, "conditional_deletes": False}
    return S3Backend(shared_bucket, uuid4().hex, endpoint_url=proxy.url, **declared)


def write(backend: S3Backend, path: str, data: bytes, piece: int = 1_000_000) -> None:
    with backend.write_file(path) as file:
        for start in range(0, len(data), piece):
            file.write(data[start : start + piece])


def uploads(client: Any, bucket: str) -> list[Any]:
    found: list[Any] = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return found


def upload_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(("persidict", "ThreadPool"))]


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART])
def test_up_to_a_part_goes_in_one_put(backend: S3Backend, proxy: Proxy, size: int) -> None:
    with proxy.counting() as counts:
        write(backend, "a", LARGE[:size])
    assert counts == {"PutObject": 1}
    with proxy.counting() as counts, backend.read_file("a") as file:
        assert file.read() == LARGE[:size]
    assert counts["GetObject"] == (1 if size else 2)


def test_more_goes_and_comes_in_parts(backend: S3Backend, proxy: Proxy) -> None:
    with proxy.counting() as counts:
        write(backend, "a", LARGE)
    assert counts["UploadPart"] == 4 and counts["CompleteMultipartUpload"] == 1
    with proxy.counting() as counts, backend.read_file("a") as file:
        assert file.read(10) == LARGE[:10]
        assert file.read() == LARGE[10:]
        assert file.read() == b""
    assert counts == {"GetObject": 4}
    assert backend.read_bytes("a") == LARGE


def test_all_parts_are_of_one_version(backend: S3Backend) -> None:
    write(backend, "a", LARGE * 4)
    with backend.read_file("a") as file:
        assert file.read(100) == LARGE[:100]
        write(backend, "a", b"new" * PART)
        with pytest.raises(BackendError, match="replaced while it was being read"):
            file.read()


def test_a_reader_may_leave_early(backend: S3Backend) -> None:
    write(backend, "a", LARGE * 4)
    before = threading.active_count()
    with backend.read_file("a") as file:
        file.read(10)
    assert threading.active_count() == before
    with pytest.raises(ObjectNotFound), backend.read_file("absent"):
        pass


@pytest.mark.parametrize("fault", [faults.reset_in_body, faults.truncate_body])
def test_a_part_that_breaks_is_asked_for_again(
    backend: S3Backend, proxy: Proxy, fault: Any
) -> None:
    write(backend, "a", LARGE)
    proxy.play(fault, "GetObject", times=2, after=1)
    with backend.read_file("a") as file:
        assert file.read() == LARGE


def test_an_exception_aborts_the_upload(
    backend: S3Backend, s3_client: Any, shared_bucket: str
) -> None:
    backend.write_bytes("a", b"old")

    def stop_in_the_middle() -> None:
        with backend.write_file("a") as file:
            for _ in range(5):
                file.write(os.urandom(PART))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle()
    assert uploads(s3_client, shared_bucket) == []
    assert backend.read_bytes("a") == b"old"
    assert not [name for name in upload_threads() if name == "persidict-upload"]


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart"])
def test_a_refused_upload_is_an_error_and_leaves_nothing(
    backend: S3Backend, proxy: Proxy, s3_client: Any, shared_bucket: str, operation: str
) -> None:
    proxy.play(faults.forbidden, operation, times=None)
    with pytest.raises(BackendError, match="denied"):
        write(backend, "a", LARGE * 4)
    assert not backend.exists("a")
    assert uploads(s3_client, shared_bucket) == []


def test_the_bucket_is_made_before_parts_are_sent(bucket: str, proxy: Proxy) -> None:
    backend = S3Backend(bucket, endpoint_url=proxy.url)
    write(backend, "a", LARGE)
    assert backend.stat("a").size == len(LARGE)
    refusing = S3Backend(f"{bucket}-2"[-63:], endpoint_url=proxy.url, create_bucket=False)
    with pytest.raises(BackendError, match="create_bucket=False"):
        write(refusing, "a", LARGE)


def test_put_args_and_content_type_go_with_parts(
    backend: S3Backend, proxy: Proxy, s3_client: Any, shared_bucket: str
) -> None:
    args = {"Metadata": {"mine": "yes"}, "Tagging": "a=b", "StorageClass": "STANDARD"}
    tagged = S3Backend(shared_bucket, backend.prefix, endpoint_url=proxy.url, put_args=args)
    write(tagged, "a.json", LARGE)
    (begun,) = (r for r in proxy.requests if r.operation == "CreateMultipartUpload")
    assert begun.headers["x-amz-tagging"] == "a=b"
    found = s3_client.head_object(Bucket=shared_bucket, Key=backend.prefix + "a.json")
    assert found["Metadata"] == {"mine": "yes"} and found["ContentType"] == "application/json"


def test_a_condition_makes_it_one_put_however_large(backend: S3Backend, proxy: Proxy) -> None:
    with proxy.counting() as counts, backend.write_file("a", ABSENT) as file:
        file.write(LARGE)
    assert counts == {"PutObject": 1}
    proxy.play(faults.lose_answer, "PutObject")
    with backend.write_file("a", backend.stat("a").etag) as file:
        file.write(LARGE[::-1])
    assert backend.read_bytes("a") == LARGE[::-1]
    proxy.play(faults.lose_request, "PutObject")
    with backend.write_file("a", backend.stat("a").etag) as file:
        file.write(LARGE)
    assert backend.read_bytes("a") == LARGE


def test_more_than_one_put_takes_is_refused_before_it_is_sent(
    backend: S3Backend, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persidict_s3.backend.MAX_PUT", 1000)
    refused = pytest.raises(NotSupported, match="in parts only")
    with proxy.counting() as counts, refused, backend.write_file("a", ABSENT) as file:
        file.write(b"x" * 1001)
    assert not counts


_MEMORY = """
import os, sys
from persidict_s3 import S3Backend
backend = S3Backend(sys.argv[1], sys.argv[2])
piece, count = os.urandom(1 << 20), 200
with backend.write_file("large") as file:
    for _ in range(count):
        file.write(piece)
with backend.read_file("large") as file:
    for _ in range(count):
        assert file.read(1 << 20) == piece
    assert file.read() == b""
# What getrusage tells is that of the process that started this one, too.
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


def test_200_mb_go_up_and_down_in_a_process_of_less(shared_bucket: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, shared_bucket, uuid4().hex],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200
