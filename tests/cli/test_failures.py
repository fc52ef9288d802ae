"""Whatever is wrong is told in one line, by the exit code, and without a secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from persidict import FileDirDict, register_backend
from persidict_core import BulkError, MemoryBackend, __version__
from persidict_core.cli.failures import told
from persidict_core.registry import backends
from tests.cli.conftest import Run

Refused = Callable[..., str]
PASSWORD = "hunter2"


@pytest.mark.parametrize(
    "args, says",
    [
        ([], "Usage"),
        (["sl"], "did you mean 'ls'?"),
        (["serialisers"], "did you mean 'serializers'?"),
        (["frobnicate"], "no command 'frobnicate'"),
        (["data"], "no command 'data'"),
        (["s3://bucket"], "a URL stands after a command"),
        (["ls"], "'URL'"),
        (["ls", ""], "empty"),
        (["ls", "data", "--limt", "3"], "--limit"),
        (["ls", "data", "--limit", "0"], "--limit"),
        (["ls", "acme://x"], "'acme' is not installed"),
        (["ls", "fil://x"], "did you mean 'file'?"),
        (["ls", "data?file_type=json"], "file:///folder?file_type=json"),
        (["ls", "file://data?file_typ=json"], "did you mean 'file_type'?"),
        (["ls", "file://data?digest_len=many"], "digest_len"),
        (["ls", "data", "--file-type", "../x"], "file_type"),
        (["ls", __file__], "no folder"),
        (["cp", "data"], "'TO'"),
        (["get", "data", "no key"], "no key"),
        (["backends", "x"], "unexpected extra argument"),
    ],
)
def test_wrong_usage(args: list[str], says: str, run: Run, folder: Path) -> None:
    FileDirDict("data", file_type="json")
    result = run(*args)
    assert result.exit_code == 2
    assert says in result.stdout + result.stderr
    if args:
        assert len(result.stderr.splitlines()) == 1 and result.stderr.startswith("persidict: ")


@pytest.mark.parametrize(
    "args",
    [
        ["ls", f"s3://me:{PASSWORD}@bucket"],
        ["ls", f"s3://bucket?secret_key={PASSWORD}"],
        ["ls", f"s3://bucket?aws_secret_access_key={PASSWORD}&x=1"],
        [f"s3://me:{PASSWORD}@bucket"],
        ["ls", "data", "x", f"s3://me:{PASSWORD}@bucket"],
        ["ls", "data", "--limit", f"s3://me:{PASSWORD}@bucket"],
        ["cp", "data", f"acme://me:{PASSWORD}@host"],
        ["get", "data", f"s3://me:{PASSWORD}@bucket"],
        ["put", "data", "a", "--file", f"s3://me:{PASSWORD}@bucket"],
    ],
)
def test_no_secret_is_echoed(args: list[str], refused: Refused, folder: Path) -> None:
    FileDirDict("data", file_type="json")
    assert PASSWORD not in refused(2, *args)


def test_version(run: Run) -> None:
    assert run("--version").stdout.startswith(f"persidict, version {__version__}")


class Broken(MemoryBackend):
    scheme = "broken"

    def list_prefix(self, prefix: str = "") -> object:  # type: ignore[override]
        raise RuntimeError("two\nlines \x1b[2J")


def test_a_plugin_may_raise_anything(refused: Refused) -> None:
    register_backend(Broken, replace=True)
    try:
        line = refused(1, "ls", "broken://x")
    finally:
        del backends.registered["broken"]
    assert "RuntimeError: two lines \\x1b[2J" in line and "--debug" in line


def test_of_many_failures_the_first_are_told() -> None:
    error = BulkError("copy_to", {("a", str(n)): ValueError(f"bad {n}\x1b") for n in range(12)})
    first, *rest = told(error).splitlines()
    assert first == "persidict: 12 items failed, all others were done:"
    assert rest[0] == "    a/0: bad 0\\x1b" and rest[-1] == "    and 2 more" and len(rest) == 11
