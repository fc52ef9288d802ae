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
        (["ls", "s3//bucket"], "s3://address"),
        (["put", "memory//x", "a", "1"], "memory://address"),
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
        ["ls", f"s3//me:{PASSWORD}@bucket"],
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


def test_two_slashes_in_a_folder_do_no_harm(fine: Callable[..., str], folder: Path) -> None:
    (folder / "data").mkdir()
    fine("put", "data//below", "a", "1")
    assert fine("ls", "data//below") == "a\n"


@pytest.mark.parametrize("command", ["get", "stat", "ls"])
@pytest.mark.parametrize(
    "key, near",
    [
        ("runn/7", "run/"),
        ("run/77", "run/7"),
        ("theme", "themes"),
        ("run/seven/x", None),
        ("elsewhere", None),
    ],
)
def test_an_absent_key_is_told_with_the_nearest(
    command: str, key: str, near: str | None, refused: Refused, folder: Path
) -> None:
    d: FileDirDict[int] = FileDirDict("data", file_type="json")
    d.update({("run", "7"): 1, ("run", "8"): 2, "themes": 3})
    line = refused(1, command, "data", key)
    if near is None:
        assert "did you mean" not in line
    else:
        assert line.endswith(f"; did you mean {near!r}?")


def test_the_begin_of_keys_is_no_item(refused: Refused, folder: Path) -> None:
    d: FileDirDict[int] = FileDirDict("data", file_type="json")
    d["run", "7"] = 1
    assert refused(1, "get", "data", "run").endswith("; did you mean 'run/'?")


def test_an_empty_store_says_so_also_to_programs(run: Run, folder: Path) -> None:
    for url, says in (("data", "are there\n"), ("memory://x", "a missing one reads as empty\n")):
        (folder / "data").mkdir(exist_ok=True)
        result = run("ls", url)
        assert result.exit_code == 0 and result.stdout == "" and result.stderr.endswith(says)


def test_a_bad_key_is_told_without_names_of_functions(refused: Refused, folder: Path) -> None:
    line = refused(2, "put", "data", "a b", "1")
    assert "A-Z a-z 0-9 ( ) _ - ~ . =" in line and "replace_unsafe_chars" not in line


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
