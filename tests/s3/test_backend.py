"""`S3Backend` on moto: names, buckets, content types, parameters, bulk, and who it is."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from persidict_core import ABSENT, BackendError, MemoryBackend, ObjectNotFound, URLError
from persidict_s3 import S3Backend
from tests.s3.conftest import remove_bucket

Make = Callable[..., S3Backend]
OK = {"HTTPStatusCode": 200, "HTTPHeaders": {}}


@pytest.fixture
def name(moto_endpoint: str, client: Any) -> Iterator[str]:
    name = f"bucket-{uuid4().hex}"
    yield name
    remove_bucket(client, name)


@pytest.fixture
def client(moto_endpoint: str) -> Any:
    import boto3

    return boto3.session.Session().client("s3", endpoint_url=moto_endpoint)


@pytest.fixture
def make(moto_endpoint: str, name: str) -> Make:
    def made(prefix: str = "", **params: Any) -> S3Backend:
        return S3Backend(name, prefix, **{"endpoint_url": moto_endpoint, **params})

    return made


def keys(client: Any, name: str) -> list[str]:
    return [entry["Key"] for entry in client.list_objects_v2(Bucket=name).get("Contents", ())]


class TestBuckets:
    def test_a_missing_one_reads_as_empty_and_is_not_made(self, make: Make, client: Any) -> None:
        backend = make()
        assert not backend.exists("a")
        for verb in (backend.read_bytes, backend.stat, backend.delete, backend.read_versioned):
            with pytest.raises(ObjectNotFound):
                verb("a")
        for listing in (backend.list_prefix, backend.list_stats, backend.list_children):
            assert list(listing()) == []
        assert isinstance(dict(backend.read_many(["a"]))["a"], ObjectNotFound)
        assert dict(backend.delete_many(["a"])) == {"a": None} or isinstance(
            dict(backend.delete_many(["a"]))["a"], ObjectNotFound
        )
        assert backend.bucket not in [b["Name"] for b in client.list_buckets()["Buckets"]]

    @pytest.mark.parametrize("way", ["write_bytes", "write_if", "write_file", "many", "copy"])
    def test_the_first_write_makes_it(self, make: Make, way: str) -> None:
        backend = make(conditional_writes=True)
        if way == "write_bytes":
            backend.write_bytes("a", b"1")
        elif way == "write_if":
            backend.write_if("a", b"1", ABSENT)
        elif way == "write_file":
            with backend.write_file("a") as file:
                file.write(b"1")
        elif way == "many":
            assert all(isinstance(r, str) for _, r in backend.write_many([("a", b"1")]))
        else:
            other = MemoryBackend()
            other.write_bytes("b", b"1")
            assert all(isinstance(r, str) for _, r in backend.copy_many(other, [("b", "a")]))
        assert backend.read_bytes("a") == b"1"

    def test_many_first_writes_at_once(self, make: Make) -> None:
        results = dict(make().write_many((f"{number}", b"x") for number in range(100)))
        assert all(isinstance(etag, str) for etag in results.values())

    def test_a_condition_on_a_version_makes_none(self, make: Make, client: Any) -> None:
        from persidict_core import PreconditionFailed

        backend = make(conditional_writes=True)
        with pytest.raises(PreconditionFailed) as raised:
            backend.write_if("a", b"1", "0" * 32)
        assert raised.value.current is ABSENT
        assert backend.bucket not in [b["Name"] for b in client.list_buckets()["Buckets"]]

    def test_create_bucket_false_makes_none(self, make: Make, client: Any) -> None:
        backend = make(create_bucket=False, conditional_writes=True)
        with pytest.raises(BackendError, match="does not exist, and create_bucket=False"):
            backend.write_bytes("a", b"1")
        with pytest.raises(BackendError, match="create_bucket=False"):
            backend.write_if("a", b"1", ABSENT)
        assert backend.bucket not in [b["Name"] for b in client.list_buckets()["Buckets"]]

    def test_it_is_made_where_the_region_says(self, make: Make, client: Any) -> None:
        backend = make(region="eu-west-1")
        backend.write_bytes("a", b"1")
        place = client.get_bucket_location(Bucket=backend.bucket)["LocationConstraint"]
        assert place == "eu-west-1"

    def test_versions_are_seen_as_one_object(self, make: Make, client: Any, name: str) -> None:
        client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        backend = make()
        for data in (b"1", b"2"):
            backend.write_bytes("a", data)
        assert list(backend.list_prefix()) == ["a"] and backend.read_bytes("a") == b"2"
        backend.delete("a")
        assert not backend.exists("a") and list(backend.list_prefix()) == []
        with pytest.raises(ObjectNotFound):
            backend.delete("a")
        backend.write_bytes("a", b"3")
        assert list(backend.delete_many(["a"])) == [("a", None)] and not backend.exists("a")


class TestNames:
    @pytest.mark.parametrize(
        ("prefix", "begins"),
        [
            ("", ""),
            ("a", "a/"),
            ("a/b/", "a/b/"),
            ("/", "/"),
            ("/a", "/a/"),
            ("a//b", "a//b/"),
            ("a//", "a//"),
            ("é 中+%2F?#&", "é 中+%2F?#&/"),
        ],
    )
    def test_they_begin_with_the_prefix_as_it_is(
        self, make: Make, client: Any, name: str, prefix: str, begins: str
    ) -> None:
        backend = make(prefix)
        backend.write_bytes("x/y.json", b"1")
        assert keys(client, name) == [f"{begins}x/y.json"]
        assert list(backend.list_prefix()) == ["x/y.json"]
        assert list(backend.list_children()) == ["x/"]
        assert [stat.path for stat in backend.list_stats("x/")] == ["x/y.json"]
        assert backend.read_bytes("x/y.json") == b"1"
        again = S3Backend.from_url(backend.url)
        assert again == backend and again.url == backend.url and again.prefix == begins
        ((_, copied),) = backend.copy_many(backend, [("x/y.json", "z")])
        assert copied == backend.stat("z").etag
        backend.delete("x/y.json")
        assert keys(client, name) == [f"{begins}z"]

    def test_strange_ones_are_passed_over(self, make: Make, client: Any, name: str) -> None:
        backend = make("p")
        backend.write_bytes("a/b", b"1")
        strange = ["p/a/", "p/", "p/a//c", "p//d", "p/e f", "p/é", "p/../up", "p/+", "q/a", "p"]
        for key in strange:
            client.put_object(Bucket=name, Key=key, Body=b"")
        assert list(backend.list_prefix()) == ["a/b"]
        assert [stat.path for stat in backend.list_stats()] == ["a/b"]
        assert list(backend.list_children()) == ["a/"]
        assert list(backend.list_children("a/")) == ["b"]

    def test_the_longest_name_has_1024_bytes_with_its_prefix(self, make: Make) -> None:
        backend = make("é" * 10)
        assert backend.max_path_bytes == 1024 - 21
        with pytest.raises(ValueError, match=r"1025 bytes in S3.*the limit is 1024"):
            backend.write_bytes("n" * 1004, b"")

    def test_pages_follow_each_other(self, make: Make) -> None:
        backend = make()
        wanted = [f"{number:04}/x" for number in range(1100)]
        assert all(isinstance(r, str) for _, r in backend.write_many((p, b"") for p in wanted))
        assert list(backend.list_prefix()) == wanted
        assert list(backend.list_children()) == [path[:-1] for path in wanted]
        assert len(list(backend.list_stats())) == 1100
        assert all(result is None for _, result in backend.delete_many(wanted))
        assert list(backend.list_prefix()) == []


class TestWhatIsSent:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("a.pkl", "application/octet-stream"),
            ("a.json", "application/json"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a", "application/octet-stream"),
        ],
    )
    def test_content_types(self, make: Make, client: Any, name: str, path: str, kind: str) -> None:
        backend = make(conditional_writes=True)
        ways: list[Callable[[], object]] = [
            lambda: backend.write_bytes(path, b"1"),
            lambda: backend.write_if(path, b"2", backend.stat(path).etag),
            lambda: list(backend.copy_many(backend, [("other", path)])),
        ]
        backend.write_bytes("other", b"")
        for way in ways:
            way()
            assert client.head_object(Bucket=name, Key=path)["ContentType"] == kind
        make(content_type="a/b").write_bytes(path, b"")
        assert client.head_object(Bucket=name, Key=path)["ContentType"] == "a/b"
        make(put_args={"ContentType": "c/d"}).write_bytes(path, b"")
        assert client.head_object(Bucket=name, Key=path)["ContentType"] == "c/d"

    def test_put_args_go_with_every_write(self, make: Make, client: Any, name: str) -> None:
        args = {
            "ServerSideEncryption": "AES256",
            "StorageClass": "STANDARD_IA",
            "Tagging": "a=b",
            "Metadata": {"mine": "yes"},
        }
        backend = make(put_args=args, conditional_writes=True)
        backend.write_bytes("plain", b"1")
        backend.write_if("new", b"1", ABSENT)
        list(backend.write_many([("many", b"1")]))
        with backend.write_file("file") as file:
            file.write(b"1")
        list(backend.copy_many(backend, [("plain", "copy")]))
        for key in keys(client, name):
            found = client.head_object(Bucket=name, Key=key)
            assert found["ServerSideEncryption"] == "AES256", key
            assert found["StorageClass"] == "STANDARD_IA", key
            assert found["Metadata"]["mine"] == "yes", key
            tags = client.get_object_tagging(Bucket=name, Key=key)["TagSet"]
            assert tags == [{"Key": "a", "Value": "b"}], key

    def test_other_requests_carry_what_they_know(self, make: Make) -> None:
        from persidict_s3.buckets import Bucket

        args = {"ExpectedBucketOwner": "123456789012", "StorageClass": "STANDARD_IA"}
        backend = make(put_args=args)
        bucket = Bucket(backend._connection, "b", args, True, str)
        owner = {"ExpectedBucketOwner": "123456789012"}
        for operation in ("get_object", "head_object", "delete_object", "delete_objects"):
            assert bucket.args_of(operation) == owner
        assert bucket.args_of("list_objects_v2") == owner
        assert bucket.args_of("put_object") == args == bucket.args_of("copy_object")


class TestMany:
    def test_each_error_has_its_path(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        backend = make("p")
        for path in "abc":
            backend.write_bytes(path, b"")
        answer = {
            "ResponseMetadata": OK,
            "Errors": [
                {"Key": "p/b", "Code": "AccessDenied", "Message": "no"},
                {"Key": "p/c", "Code": "NoSuchKey", "Message": ""},
            ],
        }
        monkeypatch.setattr(backend._bucket, "ask", lambda operation, **params: answer)
        results = list(backend.delete_many(["a", "b", "b", "../x", "c"]))
        assert [path for path, _ in results] == ["a", "b", "b", "../x", "c"]
        found = [result for _, result in results]
        assert found[0] is None and found[4] is None and isinstance(found[3], ValueError)
        for error in found[1:3]:
            assert isinstance(error, BackendError) and error.path == "b"
            assert "AccessDenied" in str(error)

    def test_batches_are_taken_one_after_the_other(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backend = make()
        sizes: list[int] = []

        def ask(operation: str, **params: Any) -> dict[str, Any]:
            sizes.append(len(params["Delete"]["Objects"]))
            return {"ResponseMetadata": OK}

        monkeypatch.setattr(backend._bucket, "ask", ask)
        results = backend.delete_many(f"{number}" for number in range(2500))
        next(results)
        assert sizes == [1000]
        assert len(list(results)) == 2499 and sizes == [1000, 1000, 500]

    def test_copies_stay_in_the_server(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        source, target = make("from"), make("to")
        source.write_bytes("a", b"1")
        monkeypatch.setattr(source, "read_bytes", None)
        pairs = [("a", "b"), ("none", "c"), ("a", "../d"), ("../a", "e")]
        results = dict(target.copy_many(source, pairs))
        assert results["b"] == source.stat("a").etag
        assert isinstance(results["c"], ObjectNotFound) and results["c"].path == "none"
        assert isinstance(results["../d"], ValueError) and isinstance(results["e"], ValueError)
        assert target.read_bytes("b") == b"1" and list(target.list_prefix()) == ["b"]

    def test_a_copy_makes_the_bucket(self, make: Make, moto_endpoint: str, client: Any) -> None:
        source = make()
        source.write_bytes("a", b"1")
        target = S3Backend(f"t-{uuid4().hex}", endpoint_url=moto_endpoint)
        results = dict(target.copy_many(source, [("a", "b"), ("none", "c")]))
        assert isinstance(results["b"], str) and isinstance(results["c"], ObjectNotFound)
        assert target.read_bytes("b") == b"1"
        remove_bucket(client, target.bucket)


class TestIdentity:
    def test_it_costs_no_client(self) -> None:
        import subprocess
        import sys

        code = (
            "import sys, pickle; from persidict_s3 import S3Backend, S3Dict\n"
            "b = S3Backend('a-bucket', 'p'); d = S3Dict('a-bucket')\n"
            "b.url, repr(b), pickle.dumps(b), d.url, repr(d), pickle.dumps(d), d.get_subdict('x')\n"
            "print([n for n in ('boto3', 'botocore', 'urllib3') if n in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("[]\n", "")

    def test_a_url_says_all_that_is_text(self) -> None:
        backend = S3Backend(
            "a-bucket",
            "p/q",
            region="eu-west-1",
            endpoint_url="http://127.0.0.1:9000",
            profile="work",
            verify=False,
            content_type="text/plain; charset=utf-8",
            max_connections=5,
            create_bucket=False,
            conditional_writes=True,
            conditional_deletes=False,
        )
        assert backend.url.startswith("s3://a-bucket/p/q?region=eu-west-1&")
        assert S3Backend.from_url(backend.url) == backend
        assert pickle.loads(pickle.dumps(backend)) == backend
        assert S3Backend.from_url("s3://a-bucket/") == S3Backend("a-bucket")

    def test_a_session_stays_in_its_process(self) -> None:
        import boto3

        backend = S3Backend("a-bucket", session=boto3.session.Session())
        with pytest.raises(TypeError, match="session lives in this process"):
            pickle.dumps(backend)
        with pytest.raises(TypeError, match="session"):
            copy.copy(backend)
        with pytest.raises(URLError, match="session"):
            assert backend.url

    def test_what_a_url_cannot_say_it_refuses(self) -> None:
        with pytest.raises(URLError, match="put_args"):
            assert S3Backend("a-bucket", put_args={"StorageClass": "GLACIER"}).url
        arn = "arn:aws:s3:us-west-2:123456789012:accesspoint/mine"
        with pytest.raises(URLError, match="ARN"):
            assert S3Backend(arn).url

    def test_identity_names_the_server_as_it_is_used(
        self, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_endpoint)
        here = S3Backend("a-bucket", "p").identity
        assert here == S3Backend("a-bucket", "p", endpoint_url=moto_endpoint).identity
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
        others = [S3Backend("a-bucket", "p"), S3Backend("b-bucket", "p"), S3Backend("a-bucket")]
        assert len({here, *(backend.identity for backend in others)}) == 4
