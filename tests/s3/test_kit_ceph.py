"""The conformance kit on the real server: what it keeps is raced, what it ignores is refused.

A backend without conditions is tried on moto. The server starts a process's work in milliseconds,
not microseconds, so that the races are shorter than the kit's own; `test_races` runs long ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from persidict_core.testing import BackendTests, PersiDictTests
from persidict_core.testing.checks_races import condition_against_plain
from persidict_core.testing.racing import teams
from persidict_s3 import S3Backend, S3Dict

pytestmark = pytest.mark.s3


loses_plain_writes = pytest.mark.xfail(
    reason="Ceph says of a plain PUT that lost a race to a conditional one that it was done",
    strict=False,
)


class TestBackend(BackendTests):
    """As a user would open it: conditions are tried out."""

    rounds: ClassVar[int] = 20
    creators: ClassVar[int] = 8
    workers: ClassVar[int] = 4
    increments: ClassVar[int] = 25
    many: ClassVar[int] = 1001

    @pytest.fixture
    def backend(self, bucket: str) -> Iterator[S3Backend]:
        backend = S3Backend(bucket, "some/prefix")
        yield backend
        backend.close()

    def raw_read(self, backend: S3Backend, path: str) -> bytes:
        answer = bare_client().get_object(Bucket=backend.bucket, Key=backend.prefix + path)
        data: bytes = answer["Body"].read()
        return data

    def raw_write(self, backend: S3Backend, path: str, data: bytes) -> None:
        client = bare_client()
        client.create_bucket(Bucket=backend.bucket)
        client.put_object(Bucket=backend.bucket, Key=backend.prefix + path, Body=data)

    def leave_debris(self, backend: S3Backend) -> None:
        client = bare_client()
        for path in ("b/begun", "bc/begun"):
            client.create_multipart_upload(Bucket=backend.bucket, Key=backend.prefix + path)

    @loses_plain_writes
    def test_conditions_among_plain_writers(self, backend: S3Backend) -> None:
        super().test_conditions_among_plain_writers(backend)  # type: ignore[misc]

    def test_one_condition_holds_among_plain_writers(self, backend: S3Backend) -> None:
        for number, team in enumerate(teams(backend, 5, backend.capabilities.if_match)):
            for turn in range(self.rounds):
                path = f"write/{number}/{turn}"
                etag = backend.write_bytes(path, b"before")
                done = team.run(condition_against_plain, path, "write", "write_if etag", etag)
                assert sum(done[1:]) <= 1
                left = [b"plain", *(b"%d" % index for index in range(1, 5) if done[index])]
                assert backend.read_bytes(path) in left


class _Dicts(PersiDictTests):
    params: ClassVar[dict[str, Any]] = {}
    rounds: ClassVar[int] = 10
    creators: ClassVar[int] = 8
    workers: ClassVar[int] = 4
    increments: ClassVar[int] = 25
    examples: ClassVar[int] = 5
    many: ClassVar[int] = 1001

    @pytest.fixture
    def make_dict(self, shared_bucket: str) -> Callable[..., S3Dict[Any]]:
        return lambda **params: S3Dict(
            shared_bucket, root_prefix=uuid4().hex, **{**self.params, **params}
        )

    @loses_plain_writes
    def test_transforms_among_plain_writers(self, make_dict: Callable[..., S3Dict[Any]]) -> None:
        super().test_transforms_among_plain_writers(make_dict)  # type: ignore[misc]


class TestDict(_Dicts):
    """As a user would open it."""


class TestDictWithCopies(_Dicts):
    """With a cache folder that all of them share; the server's own part was tried above."""

    rounds: ClassVar[int] = 5
    increments: ClassVar[int] = 10
    examples: ClassVar[int] = 3
    many: ClassVar[int] = 101

    @pytest.fixture
    def make_dict(self, shared_bucket: str, tmp_path: Any) -> Callable[..., S3Dict[Any]]:
        return lambda **params: S3Dict(
            shared_bucket, root_prefix=uuid4().hex, base_dir=tmp_path, **params
        )


def bare_client() -> Any:
    import boto3

    return boto3.session.Session().client("s3")
