"""The servers that the tests of S3 talk to: a real one, and moto in this process.

The real one is what AWS_ENDPOINT_URL_S3 names, with credentials as boto3 finds them, or else
Ceph's, started here once. Without either, the tests that want it fail.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import uuid4

import pytest

from tests.s3 import faults_played as faults
from tests.s3.proxy import Proxy
from tests.s3.server.running import ENDPOINT, s3_environment


@pytest.fixture(autouse=True)
def stays_on_this_machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tests that want the real server may look for another machine."""
    if request.node.get_closest_marker("s3"):
        return
    # boto3 would look for credentials there.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    find = socket.getaddrinfo

    def find_here(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in ("127.0.0.1", "localhost", "::1", None) and not name.endswith(".invalid"):
            pytest.fail(f"a test asks for {host!r}, which is another machine")
        return find(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find_here)


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """What botocore knows of S3 is read once, not for each of thousands of clients."""
    import botocore.session

    with pytest.MonkeyPatch.context() as m:
        m.setattr("botocore.session.create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session", autouse=True)
def short_pauses() -> Iterator[None]:
    """botocore waits for up to 8 s before it tries again; here it is milliseconds."""
    with pytest.MonkeyPatch.context() as m:
        m.setattr("botocore.retryhandler.delay_exponential", _pause)
        yield


def _pause(base: float, growth_factor: float, attempts: int) -> float:
    return 0.001 * growth_factor**attempts


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the real server; AWS_* in the environment lead to it, too."""
    with s3_environment(tmp_path_factory.mktemp("s3")) as added, pytest.MonkeyPatch.context() as m:
        for name, value in added.items():
            m.setenv(name, value)
        if added:
            m.delenv("AWS_PROFILE", raising=False)
            m.delenv("AWS_SESSION_TOKEN", raising=False)
        yield os.environ[ENDPOINT]


@pytest.fixture(scope="session")
def s3_client(endpoint: str) -> Any:
    """A bare client of the real server."""
    import boto3

    return boto3.session.Session().client("s3")


@pytest.fixture
def bucket(s3_client: Any) -> Iterator[str]:
    """The name of a bucket that is not there yet; what becomes of it is removed in the end."""
    name = f"persidict-test-{uuid4().hex}"
    yield name
    remove_bucket(s3_client, name)


@pytest.fixture(scope="session")
def shared_bucket(s3_client: Any) -> Iterator[str]:
    """A bucket that is there, for tests that each keep to a prefix of their own."""
    name = f"persidict-test-{uuid4().hex}"
    s3_client.create_bucket(Bucket=name)
    yield name
    remove_bucket(s3_client, name)


@pytest.fixture
def proxy(endpoint: str) -> Iterator[Proxy]:
    """A proxy in front of the real server, to count requests and to play faults."""
    with Proxy(endpoint) as running:
        yield running


@pytest.fixture
def keeps_deletes(endpoint: str) -> Iterator[str]:
    """The URL of a server that keeps conditions of deletions, too: AWS does, Ceph does not."""
    with Proxy(endpoint) as running:
        running.play(faults.keep_deletes(), when=faults.changes, times=None)
        yield running.url


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """The URL of a moto server in this process."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as m:
        if not os.environ.get(ENDPOINT):
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                m.setenv(name, os.environ.get(name, "testing"))
            m.setenv("AWS_DEFAULT_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    server.stop()


def remove_bucket(client: Any, name: str) -> None:
    """Remove a bucket with all that is in it: versions, and uploads that were begun."""
    from botocore.exceptions import ClientError

    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            entries = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            gone = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
            if gone:
                client.delete_objects(Bucket=name, Delete={"Objects": gone, "Quiet": True})
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=name):
            for upload in page.get("Uploads", ()):
                client.abort_multipart_upload(
                    Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"]
                )
        client.delete_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
