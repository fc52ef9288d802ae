"""`ls` and `tree`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from persidict import FileDirDict
from persidict_core.cli import ls as listing

Fine = Callable[..., str]
Refused = Callable[..., str]


@pytest.fixture
def d(folder: Path) -> FileDirDict[object]:
    d: FileDirDict[object] = FileDirDict("data", file_type="json")
    d.update(
        {"theme": "x" * 100, ("users", "alex"): 1, ("users", "kim"): 22, ("users", "alex", "x"): 0}
    )
    for number, key in enumerate(["theme", ("users", "alex"), ("users", "kim")]):
        os.utime(os.path.join("data", d.path_of(key)), (10 + number, 1_000_000_000 + number))
    return d


def test_one_level_or_all(fine: Fine, d: FileDirDict[object]) -> None:
    assert fine("ls", "data").splitlines() == ["theme", "users/"]
    everything = ["theme", "users/alex", "users/alex/x", "users/kim"]
    for option in ("-R", "--recursive", "--all"):
        assert fine("ls", option, "data").splitlines() == everything


def test_a_prefix_gives_whole_keys(fine: Fine, refused: Refused, d: FileDirDict[object]) -> None:
    below = ["users/alex", "users/alex/", "users/kim"]
    for prefix in ("users", "users/"):
        assert fine("ls", "data", prefix).splitlines() == below
    assert fine("ls", "-R", "data", "users/alex").splitlines() == ["users/alex/x"]
    assert fine("ls", "data", "users/kim").splitlines() == ["users/kim"]
    assert fine("ls", "-l", "data", "users/kim").split()[-1] == "users/kim"
    assert "'users/nobody'" in refused(1, "ls", "data", "users/nobody")
    assert "'nobody'" in refused(1, "ls", "data", "nobody")


def test_every_name_can_be_got(fine: Fine, d: FileDirDict[object]) -> None:
    for key in fine("ls", "-R", "data").split():
        assert json.loads(fine("get", "data", key)) == d[tuple(key.split("/"))]


def test_long_lines_for_programs(fine: Fine, d: FileDirDict[object]) -> None:
    theme, users = fine("ls", "-l", "data").splitlines()
    etag = d.stat("theme").etag
    assert theme.split("\t") == ["102", "2001-09-09T01:46:40Z", etag, "theme"]
    assert users.split("\t") == ["-", "-", "-", "users/"]


def test_json_lines(fine: Fine, d: FileDirDict[object]) -> None:
    assert [json.loads(line) for line in fine("ls", "--json", "data").splitlines()] == [
        {"key": "theme"},
        {"prefix": "users/"},
    ]
    for args in (["-R"], []):
        line = fine("ls", "--json", "-l", *args, "data").splitlines()[0]
        stat = d.stat("theme")
        assert json.loads(line) == {
            "key": "theme",
            "size": stat.size,
            "modified": stat.modified,
            "etag": stat.etag,
        }


@pytest.mark.parametrize(
    "options, expected",
    [
        (["--sort", "name"], ["theme", "users/alex", "users/alex/x", "users/kim"]),
        (["--sort", "time"], ["users/alex/x", "users/kim", "users/alex", "theme"]),
        (["--sort", "size"], ["theme", "users/kim", "users/alex", "users/alex/x"]),
        (["--sort", "time", "--limit", "2"], ["users/alex/x", "users/kim"]),
        (["--sort", "time", "--limit", "2", "--reverse"], ["theme", "users/alex"]),
        (["--reverse"], ["users/kim", "users/alex/x", "users/alex", "theme"]),
    ],
)
def test_orders(
    options: list[str], expected: list[str], fine: Fine, d: FileDirDict[object]
) -> None:
    assert fine("ls", "-R", "data", *options).splitlines() == expected


def test_limit_alone_takes_what_comes_first(fine: Fine, d: FileDirDict[object]) -> None:
    assert len(fine("ls", "-R", "data", "--limit", "2").splitlines()) == 2
    assert len(fine("ls", "data", "--limit", "20").splitlines()) == 2


def test_levels_sort_folders_last(fine: Fine, d: FileDirDict[object]) -> None:
    d["z"] = 1
    assert fine("ls", "data", "--sort", "size").splitlines() == ["theme", "z", "users/"]


def test_more_than_are_sorted_come_all(
    fine: Fine, refused: Refused, d: FileDirDict[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_SORTED", 3)
    keys = {"theme", "users/alex", "users/alex/x", "users/kim"}
    lines = fine("ls", "-R", "data").splitlines()
    assert len(lines) == 4 and set(lines) == keys
    assert "--sort name" in refused(2, "ls", "-R", "data", "--reverse")


def test_what_vanishes_meanwhile_is_passed_over(
    fine: Fine, d: FileDirDict[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: object, key: str) -> None:
        raise KeyError(key)

    monkeypatch.setattr(FileDirDict, "stat", gone)
    assert fine("ls", "-l", "data").splitlines() == ["-\t-\t-\tusers/"]


def test_an_empty_store(fine: Fine, folder: Path) -> None:
    FileDirDict("empty")
    assert fine("ls", "empty") == fine("ls", "-l", "empty") == fine("ls", "--json", "empty") == ""
    assert fine("tree", "empty") == "file://empty\n\n0 items, 0 branches\n"


def test_tree(fine: Fine, d: FileDirDict[object]) -> None:
    assert fine("tree", "data") == (
        "file://data\n"
        "├── theme\n"
        "└── users/\n"
        "    ├── alex\n"
        "    ├── alex/\n"
        "    │   └── x\n"
        "    └── kim\n"
        "\n"
        "4 items, 2 branches\n"
    )
    assert fine("tree", "-L", "1", "data").splitlines()[1:3] == ["├── theme", "└── users/"]
    assert fine("tree", "data", "users").splitlines()[0] == "users"


@pytest.mark.parametrize("name", ["ls", "tree", "get", "stat", "rm", "info", "check"])
def test_what_is_not_there_is_said_and_not_made(name: str, refused: Refused, folder: Path) -> None:
    args = {"get": ["a"], "stat": ["a"], "rm": ["a", "--yes"]}.get(name, [])
    assert str(folder / "nowhere") in refused(1, name, "nowhere", *args)
    assert not os.listdir(folder)
