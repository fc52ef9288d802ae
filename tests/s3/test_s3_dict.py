"""`S3Dict`: its parameters, and its folder of copies."""

from __future__ import annotations

import inspect
import logging
import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import persidict
from persidict_core import BackendError, NotSupported, URLError
from persidict_s3 import S3Dict
from persidict_s3.cache_folder import SUBFOLDER
from tests.s3.proxy import Proxy

Make = Callable[..., S3Dict[Any]]


@pytest.fixture
def make(proxy: Proxy, shared_bucket: str, tmp_path: Path) -> Make:
    """Makes dictionaries of one place with one cache folder, behind the proxy."""
    prefix = uuid4().hex

    def made(bucket: str = shared_bucket, **params: Any) -> S3Dict[Any]:
        place = {
            "root_prefix": prefix,
            "endpoint_url": proxy.url,
            "base_dir": tmp_path / "copies",
            "conditional_writes": True,
        }
        return S3Dict(bucket, **{**place, **params})

    return made


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class TestParameters:
    def test_they_stand_in_the_order_of_earlier_versions(self) -> None:
        assert list(inspect.signature(S3Dict).parameters)[:8] == [
            "bucket_name",
            "region",
            "root_prefix",
            "base_dir",
            "file_type",
            "immutable_items",
            "digest_len",
            "base_class_for_values",
        ]

    def test_get_params_make_it_again(self, tmp_path: Path) -> None:
        d: S3Dict[Any] = S3Dict(
            "a-bucket", "eu-west-1", "/x//", tmp_path, "json", digest_len=8, cache_max_bytes=10**6
        )
        assert list(d.get_params()) == list(inspect.signature(S3Dict).parameters)
        again = S3Dict(**d.get_params())
        for made in (again, pickle.loads(pickle.dumps(d)), persidict.open(d.url)):
            assert made.get_params() == d.get_params() and made.url == d.url
        assert d.base_dir == str(tmp_path) and d.digest_len == 8

    def test_sub_dictionaries_share_all(self, tmp_path: Path) -> None:
        d: S3Dict[Any] = S3Dict("a-bucket", base_dir=tmp_path)
        below = d.get_subdict(("x", "y"))
        assert below.backend is d.backend and below.url == d.url + "&prefix=x/y"
        for made in (persidict.open(below.url), pickle.loads(pickle.dumps(below))):
            assert made.get_params() == below.get_params()

    def test_a_session_stays_in_its_process(self) -> None:
        import boto3

        d: S3Dict[Any] = S3Dict("a-bucket", session=boto3.session.Session())
        with pytest.raises(TypeError, match=r"S3Dict does not pickle.*session"):
            pickle.dumps(d)
        with pytest.raises(URLError, match=r"S3Dict has no URL.*session"):
            assert d.url
        assert d.get_subdict("x").backend is d.backend

    def test_former_names_are_told(self) -> None:
        with pytest.raises(TypeError, match="immutable_items"):
            S3Dict("a-bucket", append_only=True)  # type: ignore[call-arg]

    def test_text_has_its_content_type(self) -> None:
        d: S3Dict[str] = S3Dict("a-bucket", file_type="md", base_class_for_values=str)
        assert d.backend.content_type == "text/plain; charset=utf-8"
        assert S3Dict("a-bucket", base_class_for_values=str).backend.content_type is None


@pytest.mark.s3
class TestCopies:
    def test_each_read_is_one_request_that_brings_nothing(self, make: Make, proxy: Proxy) -> None:
        d = make()
        d["a"] = "x" * 10_000
        with proxy.counting() as counts:
            assert d["a"] == "x" * 10_000
        assert counts == {"GetObject": 1} and proxy.requests[-1].status == 304

    def test_what_another_wrote_is_seen_at_once(self, make: Make) -> None:
        d, other = make(), make(base_dir=None)
        d["a"] = 1
        other["a"] = 2
        assert d["a"] == 2
        del other["a"]
        with pytest.raises(KeyError):
            d["a"]

    def test_immutable_ones_cost_no_request(self, make: Make, proxy: Proxy) -> None:
        d = make(immutable_items=True)
        d["a"] = 1
        with proxy.counting() as counts:
            assert d["a"] == 1 and make(immutable_items=True)["a"] == 1
        assert not counts

    def test_buckets_and_prefixes_share_a_folder(self, make: Make, bucket: str) -> None:
        dicts = [
            make(immutable_items=True),
            make(bucket, immutable_items=True),
            make(root_prefix=uuid4().hex, immutable_items=True),
            make(endpoint_url=None, root_prefix=uuid4().hex, immutable_items=True),
        ]
        for number, d in enumerate(dicts):
            d["a"] = number
        assert [d["a"] for d in dicts] == [0, 1, 2, 3]

    def test_a_damaged_copy_is_read_again(self, make: Make, tmp_path: Path) -> None:
        d = make(immutable_items=True)
        d["a"] = [1, 2, 3]
        (copy,) = files(tmp_path)
        for damaged in (b"", b"nonsense", copy.read_bytes()[:-1] + b"?"):
            copy.write_bytes(damaged)
            assert d["a"] == [1, 2, 3]

    def test_they_are_bounded(self, make: Make, tmp_path: Path) -> None:
        d = make(cache_max_bytes=100_000)
        for number in range(30):
            d[f"k{number}"] = os.urandom(10_000)
        assert sum(path.stat().st_size for path in files(tmp_path)) <= 110_000
        assert len(d) == 30 and len(d["k0"]) == 10_000

    def test_what_else_is_in_the_folder_is_left_alone(self, make: Make, tmp_path: Path) -> None:
        folder = tmp_path / "copies"
        folder.mkdir()
        (folder / "a.pkl").write_bytes(b"the published package's")
        (folder / "a_btaxlooa.pkl").write_bytes(b"too")
        d = make(cache_max_bytes=1000)
        d["a"] = 1
        assert d["a"] == 1 and list(d) == ["a"]
        d.clear()
        assert sorted(p.name for p in files(tmp_path)) == ["a.pkl", "a_btaxlooa.pkl"]

    def test_a_full_folder_is_done_without_and_warned_of_once(
        self, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        d = make()
        d["first"] = 1
        # No folder can be made where a file stands: as it is where a disk is full.
        where = tmp_path / "copies" / SUBFOLDER
        for path in files(where):
            path.unlink()
        for folder in where.iterdir():
            folder.rmdir()
        for number in range(256):
            (where / f"{number:02x}").write_bytes(b"")
        caplog.clear()
        with caplog.at_level(logging.WARNING, "persidict"):
            for number in range(5):
                d[f"k{number}"] = number
            assert [d[f"k{number}"] for number in range(5)] == list(range(5))
        assert len(caplog.records) == 1 and "is done without" in caplog.text

    def test_a_folder_that_cannot_be_made_is_done_without(
        self, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_bytes(b"")
        with caplog.at_level(logging.WARNING, "persidict"):
            d = make(base_dir=tmp_path / "file" / "below", cache_max_bytes=1000)
            d["a"] = 1
            assert d["a"] == 1 and pickle.loads(pickle.dumps(d))["a"] == 1
        assert "cannot be used" in caplog.text
        assert d.get_params()["cache_max_bytes"] == 1000

    def test_a_dictionary_that_may_only_read(self, make: Make) -> None:
        make()["a"] = 1
        d = make(read_only=True)
        assert d["a"] == 1 and d["a"] == 1
        with pytest.raises(NotSupported):
            d["a"] = 2
        assert make()["a"] == 1


class TestTheFolder:
    def test_it_is_nobody_elses(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            S3Dict("a-bucket", base_dir=tmp_path / "new" / "copies")
        finally:
            os.umask(before)
        for folder in (tmp_path / "new" / "copies", tmp_path / "new" / "copies" / SUBFOLDER):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    @pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
    @pytest.mark.parametrize("inner", [True, False])
    def test_one_that_others_can_write_to_is_refused(
        self, tmp_path: Path, mode: int, inner: bool
    ) -> None:
        S3Dict("a-bucket", base_dir=tmp_path)
        (tmp_path / SUBFOLDER if inner else tmp_path).chmod(mode)
        with pytest.raises(BackendError, match="can be written to by others"):
            S3Dict("a-bucket", base_dir=tmp_path)

    def test_one_where_each_has_his_own_will_do(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o1777)
        S3Dict("a-bucket", base_dir=tmp_path)
        (tmp_path / SUBFOLDER).chmod(0o1777)
        with pytest.raises(BackendError, match="can be written to by others"):
            S3Dict("a-bucket", base_dir=tmp_path)

    @pytest.mark.root
    def test_another_users_is_refused(self, tmp_path: Path) -> None:
        S3Dict("a-bucket", base_dir=tmp_path)
        os.chown(tmp_path / SUBFOLDER, 12_345, 12_345)
        with pytest.raises(BackendError, match="another user's"):
            S3Dict("a-bucket", base_dir=tmp_path)

    def test_a_link_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        (tmp_path / SUBFOLDER).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(BackendError, match="is no folder"):
            S3Dict("a-bucket", base_dir=tmp_path)

    def test_without_files_installed_it_says_what_to_install(self, tmp_path: Path) -> None:
        code = (
            "import sys; sys.modules['persidict_file'] = None\n"
            "sys.modules['persidict_file.backend'] = None\n"
            "from persidict_s3 import S3Dict\n"
            "try: S3Dict('a-bucket', base_dir=sys.argv[1])\n"
            "except Exception as error: print(type(error).__name__, error)\n"
            "print(S3Dict('a-bucket').base_dir)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, tmp_path], capture_output=True, text=True
        )
        first, second = done.stdout.strip().rsplit("\n", 1)
        assert first.startswith("PluginError") and second == "None", done.stderr
