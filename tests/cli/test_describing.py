"""`stat`, `info`, `check`, `backends` and `serializers`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from persidict import FileDirDict, PersiDict, register_backend
from persidict_core import MemoryBackend
from persidict_core.registry import backends
from tests.cli.conftest import Run

Fine = Callable[..., str]
Refused = Callable[..., str]


@pytest.fixture
def d(folder: Path) -> FileDirDict[object]:
    d: FileDirDict[object] = FileDirDict("data", file_type="json")
    d["users", "alex"] = 1
    return d


def test_stat(fine: Fine, refused: Refused, d: FileDirDict[object]) -> None:
    found = d.stat(("users", "alex"))
    assert json.loads(fine("stat", "data", "users/alex", "--json")) == {
        "key": "users/alex",
        "path": found.path,
        "size": 1,
        "modified": found.modified,
        "etag": found.etag,
    }
    lines = dict(line.split(maxsplit=1) for line in fine("stat", "data", "users/alex").splitlines())
    assert lines["key"] == "users/alex" and lines["size"] == "1 bytes"
    assert "'users'" in refused(1, "stat", "data", "users")


def test_info(fine: Fine, d: FileDirDict[object]) -> None:
    found = json.loads(fine("info", "data", "--json"))
    assert found["kind"] == "FileDirDict" and found["looked_at"] == 1 and found["is_all"]
    assert found["file_type"] == "json" and "read_only" not in found["settings"]
    assert "users/alex" in fine("info", "data")
    FileDirDict("data", file_type="pkl")["x"] = 1
    assert "items" in fine("info", "data")  # Of several file types one is chosen.


def test_survey_of_what_lies_there(run: Run, fine: Fine, d: FileDirDict[object]) -> None:
    assert "items: 1" in fine("check", "data", "--only", "survey")
    d.backend.write_bytes("stranger.json", b"1")
    d.backend.write_bytes(d.path_of("broken"), b"no JSON")
    result = run("check", "data", "--only", "survey", "--values")
    assert result.exit_code == 1
    assert "stranger.json" in result.stdout and "broken" in result.stdout
    found = json.loads(run("check", "data", "--only", "survey", "--values", "--json").stdout)
    assert found["fitness"] is None
    assert found["survey"]["items"] == 2 and found["survey"]["unreadable"]["total"] == 1


def test_repair_removes_debris_only(fine: Fine, run: Run, d: FileDirDict[object]) -> None:
    stranger = Path("data/stranger.txt")
    stranger.write_text("mine")
    # What a writer that was killed leaves: the one long ago, the other just now.
    folder = Path("data", d.path_of(("users", "alex"))).parent
    old, young = (folder / f"+1f-{n:016x}" for n in range(2))
    for each in (old, young):
        each.write_text("half a va")
    os.utime(old, (1, 1))
    before = run("check", "data", "--only", "survey")
    assert before.exit_code == 1 and "debris: 1" in before.stdout and old.exists()
    assert f"{folder.name}/{old.name} (9 bytes)" in before.stdout
    assert "debris, removed: 1" in fine("check", "data", "--only", "survey", "--repair")
    assert not old.exists() and young.exists()
    assert "debris: 0" in fine("check", "data", "--only", "survey")
    assert stranger.exists() and dict(d) == {("users", "alex"): 1}


def test_fitness(fine: Fine, run: Run, d: FileDirDict[object]) -> None:
    class Forgetful(MemoryBackend):
        scheme = "forgetful"

        def write_bytes(self, path: str, data: bytes) -> str:
            return super().write_bytes(path, data[:5])

    register_backend(Forgetful, replace=True)
    try:
        result = run("check", "forgetful://x", "--quick", "--only", "fitness", "--json")
        text = run("check", "forgetful://x", "--quick", "--only", "fitness")
    finally:
        del backends.registered["forgetful"]
    assert result.exit_code == text.exit_code == 1
    found = json.loads(result.stdout)
    assert found["survey"] is None and not found["fitness"]["fit"]
    assert {each["verdict"] for each in found["fitness"]["promises"]} >= {"does not"}
    assert "does not" in text.stdout


@pytest.mark.parametrize(
    "args", [["--only", "fitness", "--repair"], ["--only", "survey", "--quick"]]
)
def test_contradictions(args: list[str], refused: Refused, d: FileDirDict[object]) -> None:
    assert "belong" in refused(2, "check", "data", *args)


@pytest.mark.parametrize(
    "name, known", [("backends", {"file", "memory", "s3"}), ("serializers", {"json", "npy", "pkl"})]
)
def test_what_is_installed(name: str, known: set[str], fine: Fine) -> None:
    found = {each["name"]: each for each in json.loads(fine(name, "--json"))}
    assert known <= found.keys()
    lines = [line.split("\t") for line in fine(name).splitlines()]
    assert {line[0] for line in lines} == found.keys()
    assert all(len(line) == 5 for line in lines)
    assert not found[min(known)]["error"]


def test_a_plain_dictionary_serves_where_its_class_knows_too_little(fine: Fine) -> None:
    d: PersiDict[object] = PersiDict("memory://of-the-command-line", file_type="json")
    d["a"] = 1
    assert fine("ls", "memory://of-the-command-line") == "a\n"
