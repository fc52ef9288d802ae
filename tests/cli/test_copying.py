"""`cp` and `sync`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from persidict import FileDirDict, register_backend
from persidict_core import BackendError, MemoryBackend
from persidict_core.registry import backends
from tests.cli.conftest import Run
from tests.cli.terminals import PROGRAM, TIMEOUT, Terminal, piped

Fine = Callable[..., str]
Refused = Callable[..., str]


@pytest.fixture
def d(folder: Path) -> FileDirDict[object]:
    d: FileDirDict[object] = FileDirDict("data", file_type="json")
    d.update({"theme": "dark", ("users", "alex"): 1, ("users", "kim"): 2})
    return d


def test_a_copy_and_what_is_left_to_copy(fine: Fine, d: FileDirDict[object]) -> None:
    first = json.loads(fine("cp", "data", "copy", "--json"))
    assert (first["copied"], first["unchanged"], first["dry_run"]) == (3, 0, False)
    copy: FileDirDict[object] = FileDirDict("copy", file_type="json")
    assert copy == dict(d)
    d["theme"] = "lite"  # Of the same length.
    assert fine("cp", "data", "copy").startswith("copied 1 (6 B), unchanged 2")
    assert copy == dict(d)


def test_pickles_are_copied_as_they_are_and_converted_only_if_told(
    fine: Fine, refused: Refused, folder: Path
) -> None:
    source: FileDirDict[object] = FileDirDict("data")
    source["a"] = {"b": 1}
    fine("cp", "data", "copy")
    assert FileDirDict("copy")["a"] == {"b": 1}
    to = "file://converted?file_type=json"
    assert "--unpickle" in refused(2, "cp", "data", to)
    assert not Path("converted").exists()
    fine("cp", "data", to, "--unpickle")
    assert FileDirDict("converted", file_type="json")["a"] == {"b": 1}
    fine("cp", "converted", "file://back?file_type=pkl")  # To write a pickle runs no code.
    assert FileDirDict("back")["a"] == {"b": 1}


def test_a_rehearsal_makes_nothing(fine: Fine, d: FileDirDict[object], folder: Path) -> None:
    assert fine("cp", "data", "copy", "--dry-run").startswith("would copy 3 ")
    assert json.loads(fine("sync", "data", "copy", "--dry-run", "--json"))["copied"] == 3
    assert os.listdir(folder) == ["data"]


def test_sync_deletes_what_the_source_has_not(fine: Fine, d: FileDirDict[object]) -> None:
    copy: FileDirDict[object] = FileDirDict("copy", file_type="json")
    copy["stale"] = copy["theme"] = 0
    assert "would delete 1" in fine("sync", "data", "copy", "--dry-run")
    assert len(copy) == 2
    assert "deleted 1" in fine("sync", "data", "copy", "--yes")
    assert copy == dict(d)


def test_sync_asks(refused: Refused, d: FileDirDict[object]) -> None:
    copy: FileDirDict[object] = FileDirDict("copy", file_type="json")
    copy["stale"] = 0
    assert "--yes" in refused(2, "sync", "data", "copy")
    for answer, code in (("n", 1), ("y", 0)):
        assert dict(copy) == {"stale": 0}
        terminal = Terminal("sync", "data", "copy")
        terminal.expect("Delete 1 item that FROM has not? [y/N]: ")
        terminal.type(answer + "\n")
        assert terminal.end() == code
    assert copy == dict(d)


def test_a_bar_on_a_terminal_only(d: FileDirDict[object]) -> None:
    terminal = Terminal("cp", "data", "copy", columns=40)
    assert terminal.end() == 0
    assert "copying" in terminal.seen and "copied 3" in terminal.seen
    assert piped("cp", "data", "again").stderr == ""


@pytest.mark.parametrize(
    "source, target",
    [
        ("data", "data"),
        ("data", "file://data?prefix=users"),
        ("file://data?prefix=users", "data"),
        ("data", "./data/../data"),
    ],
)
def test_onto_itself(source: str, target: str, refused: Refused, d: FileDirDict[object]) -> None:
    before = dict(d)
    refused(1, "cp", source, target)
    refused(1, "sync", source, target, "--yes")
    assert d == before


def test_a_missing_source_deletes_nothing(refused: Refused, d: FileDirDict[object]) -> None:
    assert "there is no folder" in refused(1, "sync", "nowhere", "data", "--yes")
    assert len(d) == 3


def test_an_empty_source_deletes_nothing(refused: Refused, d: FileDirDict[object]) -> None:
    FileDirDict("empty")
    assert "rm -r" in refused(1, "sync", "empty", "data", "--yes")
    assert "rm -r" in refused(1, "sync", "data", "backup", "--file-type", "pkl", "--yes")
    assert len(d) == 3 and not Path("backup").exists()


def test_a_target_that_takes_nothing(refused: Refused, d: FileDirDict[object]) -> None:
    assert "read" in refused(1, "cp", "data", "file://copy?read_only=true")
    assert not Path("copy").exists()


class Vanishing(MemoryBackend):
    """It serves some reads, then no more."""

    scheme = "vanishing"
    left = 0

    def read_bytes(self, path: str) -> bytes:
        return self.read_versioned(path)[0]

    def read_versioned(self, path: str, unless: str | None = None) -> Any:
        if not Vanishing.left:
            raise BackendError("the connection was lost", repr(self), "read", path)
        Vanishing.left -= 1
        return super().read_versioned(path, unless)


def test_a_store_that_vanishes_in_the_middle(run: Run, fine: Fine, folder: Path) -> None:
    register_backend(Vanishing, replace=True)
    try:
        source = Vanishing("source")
        for number in range(20):
            source.write_bytes(f"{number}.json", b"1")
        Vanishing.left = 7
        result = run("cp", "vanishing://source", "copy")
        assert result.exit_code == 1
        assert "the connection was lost" in result.stderr
        assert "13 items failed, all others were done" in result.stderr
        Vanishing.left = 1000
        done = json.loads(fine("cp", "vanishing://source", "copy", "--json"))
    finally:
        del backends.registered["vanishing"]
    assert done["copied"] + done["unchanged"] == 20
    assert len(FileDirDict("copy", file_type="json")) == 20


def test_two_copies_to_one_place(d: FileDirDict[object], folder: Path) -> None:
    other: FileDirDict[object] = FileDirDict("other", file_type="json")
    other.update({"theme": "bright", "more": 1})
    both = [
        subprocess.Popen([*PROGRAM, "cp", source, "copy"], stderr=subprocess.PIPE, text=True)
        for source in ("data", "other")
    ]
    for process in both:
        _, said = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, said
    copy: FileDirDict[object] = FileDirDict("copy", file_type="json")
    assert set(copy) == {*d, *other}
    assert copy["theme"] in ("dark", "bright")


def test_to_copy_nothing_is_told(run: Run, folder: Path) -> None:
    Path("empty").mkdir()
    result = run("cp", "empty", "copy")
    assert result.exit_code == 0 and result.stdout.startswith("copied 0")
    assert result.stderr == "persidict: FROM has no items of file type 'pkl'\n"


def test_a_check_of_the_store_changes_no_file_type(run: Run, folder: Path) -> None:
    FileDirDict("data", file_type="json")["a"] = 1
    trial = Path("data/persidict-check-0123456789abcdef")
    trial.mkdir()
    (trial / "x.pkl").write_bytes(b"")
    assert run("ls", "data").stdout.startswith("a\n")
