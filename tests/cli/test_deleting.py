"""`rm`, and that deletions ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from persidict import FileDirDict
from tests.cli.conftest import Run
from tests.cli.terminals import Terminal

Fine = Callable[..., str]
Refused = Callable[..., str]


@pytest.fixture
def d(folder: Path) -> FileDirDict[int]:
    d: FileDirDict[int] = FileDirDict("data", file_type="json")
    d.update({"a": 1, "b": 2, ("users", "alex"): 3, ("users", "kim"): 4, "users": 5})
    return d


def test_keys_are_deleted(fine: Fine, d: FileDirDict[int]) -> None:
    fine("rm", "data", "a", "users/alex", "--yes")
    assert set(d) == {"b", ("users", "kim"), "users"}


def test_a_branch_is_deleted_with_its_own_item(fine: Fine, d: FileDirDict[int]) -> None:
    fine("rm", "-r", "data", "users/", "--yes")
    assert set(d) == {"a", "b"}


def test_all_is_deleted(fine: Fine, d: FileDirDict[int]) -> None:
    assert json.loads(fine("rm", "-r", "data", "--yes", "--json")) == {"deleted": 5, "absent": []}
    assert not d


def test_what_is_absent_is_told_and_the_rest_deleted(run: Run, d: FileDirDict[int]) -> None:
    result = run("rm", "data", "a", "nobody", "b", "--yes")
    assert result.exit_code == 1
    assert "'nobody'" in result.stderr and "deleted: 2" in result.stderr
    assert set(d) == {("users", "alex"), ("users", "kim"), "users"}
    result = run("rm", "data", "nobody", "users", "--yes", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"deleted": 1, "absent": ["nobody"]}


@pytest.mark.parametrize(
    "args, says",
    [
        (["data", "a"], "--yes"),
        (["-r", "data"], "--yes"),
        (["data", "--yes"], "KEY"),
        (["data", "", "--yes"], "KEY"),
        (["data", "a//", "--yes"], "no key"),
    ],
)
def test_nothing_is_deleted_by_wrong_usage(
    args: list[str], says: str, refused: Refused, d: FileDirDict[int]
) -> None:
    assert says in refused(2, "rm", *args)
    assert len(d) == 5


@pytest.mark.parametrize("answer, code, left", [("n", 1, 5), ("", 1, 5), ("y", 0, 2)])
def test_a_person_is_asked(answer: str, code: int, left: int, d: FileDirDict[int]) -> None:
    terminal = Terminal("rm", "-r", "data", "users")
    terminal.expect("Delete 3 items? [y/N]: ")
    terminal.type(answer + "\n")
    assert terminal.end() == code
    assert len(d) == left
    assert ("nothing was deleted" in terminal.seen) == bool(code)


@pytest.mark.parametrize("args", [("data", "nobody"), ("-r", "data", "nobody", "none/")])
def test_nobody_is_asked_about_nothing(args: tuple[str, ...], d: FileDirDict[int]) -> None:
    terminal = Terminal("rm", *args)
    assert terminal.end() == 1
    assert "Delete" not in terminal.seen and "there is no 'nobody'" in terminal.seen
    assert len(d) == 5


def test_who_is_interrupted_deletes_nothing(d: FileDirDict[int]) -> None:
    terminal = Terminal("rm", "data", "a")
    terminal.expect("Delete 1 item? [y/N]: ")
    terminal.interrupt()
    assert terminal.end() == 130
    assert "Traceback" not in terminal.seen and "persidict:" not in terminal.seen
    assert len(d) == 5
