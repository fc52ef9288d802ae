"""Copies to, from and within S3: what they ask of the server, and that all arrives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from persidict_core import BulkError, Copied, MemoryBackend, PersiDict, check
from persidict_file import FileDirDict
from persidict_s3 import S3Backend, S3Dict
from tests.s3.conftest import remove_bucket
from tests.s3.proxy import Proxy

MANY = 1001
"""One more than a page of names has."""

Make = Callable[..., S3Dict[Any]]


@pytest.fixture
def make(moto_endpoint: str) -> Any:
    """Makes dictionaries on moto, each in a bucket of its own that no write has made yet."""
    names = []

    def made(bucket: str = "", **params: Any) -> S3Dict[Any]:
        names.append(bucket or f"t-{uuid4().hex}")
        return S3Dict(names[-1], **{"endpoint_url": moto_endpoint, **params})

    yield made
    import boto3

    client = boto3.session.Session().client("s3", endpoint_url=moto_endpoint)
    for name in set(names):
        remove_bucket(client, name)


def items() -> dict[Any, Any]:
    return {"a": 1, ("b", "c"): "x" * 2_000_000, ("b", "d", "e"): None}


class TestOnMoto:
    def test_there_and_back(self, make: Make, tmp_path: Path) -> None:
        here: FileDirDict[Any] = FileDirDict(tmp_path / "here", fsync=False)
        here.update(items())
        there, back = make(), FileDirDict[Any](tmp_path / "back", fsync=False)
        for source, target in ((here, there), (there, back)):
            assert source.copy_to(target)[:3] == (3, 0, 0)
            assert source.copy_to(target) == Copied(0, 3, 0, 0)
            assert dict(target) == items() and check(target).healthy
        assert there.backend.read_bytes("a.pkl") == here.backend.read_bytes(here.path_of("a"))
        there["a"] = 2
        del here["b", "c"]
        assert there.copy_to(back)[:2] == (1, 2)
        assert here.copy_to(there, delete=True)[:3] == (1, 1, 1)
        assert dict(there) == dict(here)

    def test_a_part_into_a_part_of_another_bucket(self, make: Make) -> None:
        source, target = make(), make(root_prefix="some/where")
        source.update(items())
        assert source.get_subdict("b").copy_to(target.get_subdict("z"))[:2] == (2, 0)
        assert set(target) == {("z", "c"), ("z", "d", "e")}
        assert bool(target) and set(target.subdicts()) == {"z"}
        assert target.get_subdict("z").get_subdict("none").copy_to(make())[:2] == (0, 0)

    def test_what_lies_in_one_another_is_refused(self, make: Make) -> None:
        source = make()
        source.update(items())
        name = source.get_params()["bucket_name"]
        for target in (make(name), make(name, root_prefix="backup"), make(name, max_connections=2)):
            with pytest.raises(ValueError, match="one lies in the other"):
                source.copy_to(target)
            with pytest.raises(ValueError, match="one lies in the other"):
                target.copy_to(source)
        beside = make(name, root_prefix="x").get_subdict("y")
        assert beside.copy_to(make(name, root_prefix="xy"))[:2] == (0, 0)
        assert set(source) == set(items())

    def test_a_dry_run_makes_no_bucket(self, make: Make) -> None:
        source, target = PersiDict[Any](MemoryBackend()), make()
        source.update(items())
        assert source.copy_to(target, dry_run=True)[:2] == (3, 0)
        buckets = target.backend._connection.client.list_buckets()["Buckets"]  # type: ignore[attr-defined]
        assert target.get_params()["bucket_name"] not in [each["Name"] for each in buckets]

    def test_values_are_converted_on_the_way(self, make: Make) -> None:
        source, target = make(), make(file_type="json")
        source.update({"a": 1, "bad": {1: 2}})
        with pytest.raises(BulkError) as caught:
            source.copy_to(target)
        assert set(caught.value.failures) == {"bad"} and dict(target) == {"a": 1}

    def test_what_the_server_would_not_copy_in_one_request_is_streamed(self, make: Make) -> None:
        source, target = make(), make()
        assert isinstance(target.backend, S3Backend)
        assert target.backend.copies_from(source.backend, 5 << 30)
        assert not target.backend.copies_from(source.backend, (5 << 30) + 1)
        assert not target.backend.copies_from(MemoryBackend())
        elsewhere = S3Backend("a-bucket", endpoint_url="http://127.0.0.1:9")
        assert not target.backend.copies_from(elsewhere)


@pytest.mark.s3
class TestRequests:
    @pytest.fixture(autouse=True)
    def one_journal_a_copy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("persidict_core.copying.JOURNAL_SECONDS", 3600.0)

    @pytest.fixture
    def on_server(self, proxy: Proxy, bucket: str, s3_client: Any) -> Make:
        s3_client.create_bucket(Bucket=bucket)

        def made(**params: Any) -> S3Dict[Any]:
            return S3Dict(bucket, **{"endpoint_url": proxy.url, **params})

        return made

    def test_within_a_server_no_value_comes_here(self, on_server: Make, proxy: Proxy) -> None:
        source, target = on_server(root_prefix="here"), on_server(root_prefix="there")
        source.update({f"k{number}": number for number in range(MANY)})
        with proxy.counting() as counts:
            assert source.copy_to(target)[:2] == (MANY, 0)
        # The journal is looked for, and written.
        assert counts == {"ListObjectsV2": 2, "CopyObject": MANY, "GetObject": 1, "PutObject": 1}
        source["k0"] = "new"
        with proxy.counting() as counts:
            assert source.copy_to(target)[:2] == (1, MANY - 1)
        assert counts == {"ListObjectsV2": 4, "CopyObject": 1, "GetObject": 1, "PutObject": 1}
        with proxy.counting() as counts:
            assert source.copy_to(target, delete=True) == Copied(0, MANY, 0, 0)
        assert counts == {"ListObjectsV2": 7, "GetObject": 1}
        assert target["k0"] == "new" and len(target) == MANY

    def test_a_cache_or_read_only_makes_no_difference(
        self, on_server: Make, proxy: Proxy, tmp_path: Path
    ) -> None:
        on_server(root_prefix="here").update({f"k{number}": number for number in range(20)})
        source = on_server(root_prefix="here", base_dir=str(tmp_path / "1"), read_only=True)
        target = on_server(root_prefix="there", base_dir=str(tmp_path / "2"))
        with proxy.counting() as counts:
            source.copy_to(target)
        assert counts["CopyObject"] == 20 and counts["GetObject"] == 1

    def test_from_files_one_request_each(
        self, on_server: Make, proxy: Proxy, tmp_path: Path
    ) -> None:
        source: FileDirDict[int] = FileDirDict(tmp_path, fsync=False)
        source.update({f"k{number}": number for number in range(100)})
        target = on_server()
        with proxy.counting() as counts:
            source.copy_to(target)
        assert counts == {"PutObject": 101, "GetObject": 1}
        with proxy.counting() as counts:
            source.copy_to(target)
        assert counts == {"ListObjectsV2": 1, "GetObject": 1}
