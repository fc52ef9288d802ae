"""The connection: one client a process, made late, cheap at work, and never a secret shown."""

from __future__ import annotations

import io
import logging
import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest
from botocore.config import Config

from persidict_core import BackendError, URLError
from persidict_s3 import tuning
from persidict_s3.client import Connection
from persidict_s3.faults import known
from tests.s3.canned import Answer, CannedServer, Seen, canned, clean_environment

DATE = "Tue, 24 Nov 2026 12:03:25 GMT"
XML = {"content-type": "application/xml"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer(lambda seen: Answer(200, b"", {"ETag": '"e"', "Last-Modified": DATE})) as one:
        yield one


def seconds_parser(session: Any) -> Any:
    """The parser of times that a botocore session's clients have."""
    factory = session.get_component("response_parser_factory")
    return factory.create_parser("rest-xml")._timestamp_parser


def test_importing_the_package_loads_no_boto3() -> None:
    program = """
import sys
import persidict_s3, persidict_s3.backend, persidict_s3.s3_dict, persidict_s3.client
persidict_s3.client.Connection("http://127.0.0.1:9", region="us-east-1")
heavy = {"boto3", "botocore", "urllib3", "xml.etree.ElementTree", "s3transfer"} & sys.modules.keys()
assert not heavy, heavy
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)


def test_a_connection_is_its_parameters() -> None:
    one = Connection("http://127.0.0.1:9", region="eu-west-1", verify=False, max_connections=7)
    assert Connection(**one.get_params()) == one == pickle.loads(pickle.dumps(one))
    assert repr(one) == (
        "Connection(endpoint_url='http://127.0.0.1:9', region='eu-west-1', verify=False, "
        "max_connections=7)"
    )


def test_the_parameters_arrive_in_the_client() -> None:
    client = Connection("http://127.0.0.1:9", region="eu-west-1", max_connections=7).client
    assert client.meta.endpoint_url == "http://127.0.0.1:9"
    assert client.meta.region_name == "eu-west-1"
    assert client.meta.config.max_pool_connections == 7
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (5, 60)


def test_a_users_config_wins() -> None:
    config = Config(connect_timeout=1.5, s3={"addressing_style": "path"}, max_pool_connections=3)
    meta = Connection(config=config, max_connections=9).client.meta
    assert (meta.config.connect_timeout, meta.config.read_timeout) == (1.5, 60)
    assert meta.config.max_pool_connections == 3
    assert meta.config.s3["addressing_style"] == "path"


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"endpoint_url": 7}, TypeError, "endpoint_url"),
        ({"endpoint_url": "127.0.0.1:9000"}, ValueError, "http://"),
        ({"endpoint_url": "ftp://host"}, ValueError, "http://"),
        ({"endpoint_url": "http://"}, ValueError, "http://"),
        ({"endpoint_url": "http://host:99999"}, ValueError, "http://"),
        ({"endpoint_url": "http://a host"}, ValueError, "http://"),
        ({"endpoint_url": "http://me:very-secret-word@host"}, URLError, "password"),
        ({"endpoint_url": "http://host/?key=very-secret-word"}, URLError, "query"),
        ({"endpoint_url": "http://host#very-secret-word"}, URLError, "query"),
        ({"region": 7}, TypeError, "region"),
        ({"region": "us east"}, ValueError, "us east"),
        ({"region": ""}, ValueError, "region"),
        (
            {"region": "eu-west-1", "endpoint_url": "https://s3.eu-west-2.amazonaws.com"},
            ValueError,
            "eu-west-2",
        ),
        (
            {"region": "eu-west-1", "endpoint_url": "https://b.s3-us-gov-west-1.amazonaws.com"},
            ValueError,
            "us-gov-west-1",
        ),
        ({"session": boto3.Session}, TypeError, "boto3.Session"),
        ({"session": "default"}, TypeError, "boto3.Session"),
        ({"config": {"retries": 1}}, TypeError, "botocore.config.Config"),
        ({"max_connections": 0}, ValueError, "at least 1"),
        ({"max_connections": 2.5}, TypeError, "number"),
        ({"max_connections": True}, TypeError, "number"),
        ({"verify": 1}, TypeError, "verify"),
        ({"profile": 3}, TypeError, "profile"),
    ],
)
def test_bad_parameters_are_refused_at_once(params: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        Connection(**params)
    assert "very-secret-word" not in str(caught.value)


def test_a_region_that_is_the_endpoints_is_taken() -> None:
    Connection("https://s3.eu-west-1.amazonaws.com", region="eu-west-1")
    Connection("https://s3.dualstack.eu-west-1.amazonaws.com", region="eu-west-1")
    Connection("https://s3.example.com", region="auto")


def test_session_and_profile_are_not_both_taken() -> None:
    with pytest.raises(ValueError, match="profile"):
        Connection(session=boto3.Session(), profile="default")


def test_the_environments_endpoint_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Connection().is_aws and Connection().endpoint.endswith(".amazonaws.com")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9/")
    assert Connection().endpoint == "http://127.0.0.1:9" and not Connection().is_aws
    assert not Connection("https://s3.amazonaws.com.example.org").is_aws


@pytest.mark.parametrize(
    "url",
    [
        "me:very-secret-word@host",
        "http://me:very-secret-word@",
        "http://me:very-secret-word@127.0.0.1:9",
        "http://127.0.0.1:9/?key=very-secret-word",
        "x",
    ],
)
def test_the_environments_bad_endpoint_is_told(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    with pytest.raises(BackendError, match="AWS_ENDPOINT_URL_S3") as caught:
        _ = Connection().client
    shown = "".join(traceback.format_exception(caught.value))
    assert "very-secret-word" not in shown


def test_no_session_is_not_shown() -> None:
    with pytest.raises(TypeError, match="not dict") as caught:
        Connection(session={"aws_secret_access_key": "very-secret-word"})
    assert "very-secret-word" not in str(caught.value)


def test_nothing_shows_a_credential(server: CannedServer) -> None:
    connection = Connection(server.url)
    connection.client.get_object(Bucket="bucket", Key="k")
    assert server.seen, "the client holds its credentials by now"
    shown = repr(connection) + str(connection.get_params()) + str(pickle.dumps(connection))
    assert "very-secret" not in shown and "AKIDNOBODY" not in shown


def test_a_pickle_has_no_client_and_makes_its_own(server: CannedServer) -> None:
    connection = Connection(server.url)
    client = connection.client
    other = pickle.loads(pickle.dumps(connection))
    assert other == connection and other.client is not client
    other.client.get_object(Bucket="bucket", Key="k")


def test_a_session_neither_pickles_nor_goes_elsewhere() -> None:
    connection = Connection(session=boto3.Session())
    with pytest.raises(TypeError, match="session lives in this process"):
        pickle.dumps(connection)
    with pytest.raises(URLError, match="S3Backend has no URL: its session"):
        connection.check_portable("S3Backend has no URL", URLError)
    Connection().check_portable("S3Backend does not pickle")


def test_a_password_in_a_config_does_not_leave_the_process() -> None:
    proxies = {"https": "http://me:very-secret-word@127.0.0.1:9"}
    connection = Connection(config=Config(proxies=proxies))
    with pytest.raises(TypeError, match="proxy's password") as caught:
        pickle.dumps(connection)
    assert "very-secret" not in str(caught.value) + repr(connection)
    config = pickle.loads(pickle.dumps(Connection(config=Config(read_timeout=7)))).config
    assert config.read_timeout == 7


class SlowSession(boto3.Session):
    """A session that takes its time, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def client(self, *args: Any, **kwargs: Any) -> Any:
        self.made += 1
        threading.Event().wait(0.05)
        return super().client(*args, **kwargs)


def test_many_threads_share_one_client() -> None:
    session = SlowSession()
    connection = Connection(session=session)
    barrier = threading.Barrier(8)

    def get(_: int) -> Any:
        barrier.wait(10)
        return connection.client

    with ThreadPoolExecutor(8) as pool:
        clients = set(map(id, pool.map(get, range(8))))
    assert len(clients) == 1 == session.made


def test_close_gives_back_and_a_later_use_makes_anew(server: CannedServer) -> None:
    connection = Connection(server.url)
    connection.close()
    client = connection.client
    client.get_object(Bucket="bucket", Key="k")
    connection.close()
    connection.close()
    assert connection.client is not client
    connection.client.get_object(Bucket="bucket", Key="k")


_FORKING = """
import os, signal, sys, threading
from persidict_s3 import client
from persidict_s3.client import Connection

connection, unused = Connection(sys.argv[1]), Connection(sys.argv[1])
mine = connection.client
mine.head_object(Bucket="bucket", Key="of-parent")
held = threading.Event()

def hold():  # As a thread does that makes a client when the process forks.
    with client._making:
        held.set()
        threading.Event().wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
pid = os.fork()
signal.alarm(20)  # Of each process its own: neither outlives a test that fails.
if pid == 0:
    code = 1
    try:
        assert connection.client is not mine
        assert connection.client is connection.client
        connection.client.head_object(Bucket="bucket", Key="of-child")
        unused.client.head_object(Bucket="bucket", Key="of-child")
        connection.close()
        connection.client.head_object(Bucket="bucket", Key="of-child")
        code = 0
    finally:
        os._exit(code)
_, status = os.waitpid(pid, 0)
assert status == 0, status
assert connection.client is mine
mine.head_object(Bucket="bucket", Key="of-parent")
os._exit(0)
"""


def test_a_forked_child_makes_its_own(server: CannedServer) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _FORKING, server.url]
    subprocess.run(command, env=environment, check=True, timeout=60)
    paths = [seen.path for seen in server.seen]
    assert paths.count("/bucket/of-child") == 3 and paths.count("/bucket/of-parent") == 2


# What makes a request cheaper, and where it is left out.


def sent_by(connection: Connection, server: CannedServer, body: Any) -> Seen:
    connection.client.put_object(Bucket="bucket", Key="k", Body=body)
    return server.seen[-1]


@pytest.mark.parametrize("own", [True, False])
def test_small_bodies_are_sent_at_once(server: CannedServer, own: bool) -> None:
    connection = Connection(server.url, session=None if own else boto3.Session())
    for body in (b"", b"small", b"x" * (tuning.SMALL - 1), io.BytesIO(b"file"), bytearray(b"b")):
        seen = sent_by(connection, server, body)
        assert "expect" not in seen.headers
        assert seen.body == (body.getvalue() if isinstance(body, io.BytesIO) else body)
    half = io.BytesIO(b"x" * tuning.SMALL)
    half.seek(10)
    assert "expect" not in sent_by(connection, server, half).headers


def test_large_bodies_are_asked_for_first(server: CannedServer) -> None:
    connection = Connection(server.url)
    assert "expect" in sent_by(connection, server, b"x" * tuning.SMALL).headers
    assert "expect" in sent_by(connection, server, io.BytesIO(b"x" * tuning.SMALL)).headers

    class Unseekable(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("read before it is sent")

        def seekable(self) -> bool:
            return False

    params = {"headers": {"Expect": "100-continue"}, "body": Unseekable()}
    tuning._drop_expect(params)
    assert params["headers"] == {"Expect": "100-continue"}


def test_a_bare_client_would_ask() -> None:
    """What the test above proves, it proves of us: boto3 by itself asks for each body."""
    with CannedServer(lambda seen: Answer(200, b"", {"ETag": '"e"'})) as server:
        client = boto3.session.Session().client("s3", endpoint_url=server.url)
        client.put_object(Bucket="bucket", Key="k", Body=b"small")
        assert "expect" in server.seen[-1].headers


def test_the_name_is_short_and_ours(server: CannedServer) -> None:
    agent = sent_by(Connection(server.url), server, b"").headers["user-agent"]
    assert agent.startswith(tuning.user_agent()) and agent.startswith("persidict/")
    assert f"Boto3/{boto3.__version__} " in agent


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (Config(user_agent="mine/1"), ["mine/1"]),
        (Config(user_agent="mine/1", user_agent_extra="x/2"), ["mine/1", "x/2"]),
        (Config(user_agent_appid="my-app"), ["app/my-app"]),
        (Config(user_agent_extra="x/2"), ["x/2", "persidict/"]),
    ],
)
def test_a_users_name_is_kept(server: CannedServer, config: Config, words: list[str]) -> None:
    agent = sent_by(Connection(server.url, config=config), server, b"").headers["user-agent"]
    assert all(word in agent for word in words)
    assert ("persidict/" in agent) == ("persidict/" in words)


def test_a_users_name_in_the_environment_is_kept(
    server: CannedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "my-app")
    assert "app/my-app" in sent_by(Connection(server.url), server, b"").headers["user-agent"]


def test_a_users_session_is_left_as_it_is(server: CannedServer) -> None:
    inner = botocore.session.get_session()
    inner.user_agent_name, inner.user_agent_version = "Mine", "7"
    session = boto3.Session(botocore_session=inner)
    before = seconds_parser(inner)
    other = session.client("s3", endpoint_url=server.url)
    agent = sent_by(Connection(server.url, session=session), server, b"").headers["user-agent"]
    assert agent.startswith("Mine/7") and "persidict" not in agent
    assert seconds_parser(inner) is before is botocore.utils.parse_timestamp
    for client in (other, session.client("s3", endpoint_url=server.url)):
        client.put_object(Bucket="bucket", Key="k", Body=b"small")
        assert "expect" in server.seen[-1].headers
        listing = b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"
        answer = canned(client, iter([Answer(200, listing, XML)])).list_objects_v2(Bucket="bucket")
        assert [one["Key"] for one in answer["Contents"]] == ["a"]


def test_other_sessions_of_the_process_are_left_as_they_are() -> None:
    _ = Connection().client
    assert seconds_parser(botocore.session.get_session()) is botocore.utils.parse_timestamp
    assert seconds_parser(boto3.Session()._session) is botocore.utils.parse_timestamp


def test_files_are_read_for_the_first_client_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.create_loader", botocore.loaders.create_loader)
    monkeypatch.setattr(tuning, "_loaders", {})
    _ = Connection().client
    read: list[str] = []
    load = botocore.loaders.JSONFileLoader.load_file

    def counting(self: Any, path: str) -> Any:
        read.append(path)
        return load(self, path)

    monkeypatch.setattr(botocore.loaders.JSONFileLoader, "load_file", counting)
    places = set()
    for _ in range(3):
        _ = Connection().client
        places.add(tuple(tuning._loaders[None].search_paths))
    assert not read and len(places) == 1
    _ = boto3.session.Session().client("s3", region_name="us-east-1")
    assert read, "a session of somebody else's reads for itself"


def test_times_are_what_boto3_gives(server: CannedServer) -> None:
    bare = boto3.session.Session().client("s3", endpoint_url=server.url)
    times = [
        client.head_object(Bucket="bucket", Key="k")["LastModified"]
        for client in (bare, Connection(server.url).client)
    ]
    assert times[0] == times[1] and times[0].utcoffset() == times[1].utcoffset()
    assert times[1].tzinfo is UTC, "of the fast parser; dateutil has a zone of its own"


def test_a_time_that_is_none_fails_as_in_boto3() -> None:
    with CannedServer(lambda seen: Answer(200, b"", {"Last-Modified": "yesterday"})) as server:
        bare = boto3.session.Session().client("s3", endpoint_url=server.url)
        for client in (bare, Connection(server.url).client):
            with pytest.raises(ValueError, match="yesterday"):
                client.head_object(Bucket="bucket", Key="k")


def test_retries_are_told_and_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    answers = iter([Answer(503), Answer(500), Answer(200, b"", {"ETag": '"e"'})])
    with (
        CannedServer(lambda seen: next(answers)) as server,
        caplog.at_level(logging.INFO, "persidict"),
    ):
        seen = sent_by(Connection(server.url), server, b"value")
    assert [one.body for one in server.seen] == [b"value"] * 3 and "expect" not in seen.headers
    assert [record.getMessage() for record in caplog.records] == [
        "S3 PutObject: attempt 2",
        "S3 PutObject: attempt 3",
    ]


def test_s3s_redirection_to_a_region_is_followed() -> None:
    def answer(seen: Seen) -> Answer:
        if "/us-east-1/" in seen.headers["authorization"]:
            return Answer(301, b"", {"x-amz-bucket-region": "eu-west-1"})
        return Answer(200, b"", {"ETag": '"e"', "x-amz-bucket-region": "eu-west-1"})

    with CannedServer(answer) as server:
        client = Connection(server.url, region="us-east-1").client
        assert client.head_object(Bucket="bucket", Key="k")["ETag"] == '"e"'
    assert len(server.seen) == 2


def test_an_unreachable_endpoint_fails_in_bounded_time() -> None:
    client = Connection("http://127.0.0.1:1", config=Config(retries={"max_attempts": 0})).client
    with pytest.raises(known()):
        client.head_object(Bucket="bucket", Key="k")
