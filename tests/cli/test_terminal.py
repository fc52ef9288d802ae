"""What a person sees: escaped, not at any length, in aligned columns; no bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from persidict import FileDirDict
from tests.cli.terminals import Terminal, piped, shown

HOSTILE = "\x1b]0;title\x07\x1b[2J\r[bold red]markup[/] <script> \u202e \x9b1m"


@pytest.fixture
def d(folder: Path) -> Iterator[FileDirDict[object]]:
    yield FileDirDict("data", file_type="json")


def unstyled(seen: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", seen)


def is_harmless(seen: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in seen)


def test_values_are_escaped(d: FileDirDict[object]) -> None:
    d["a"] = HOSTILE
    code, seen = shown("get", "data", "a", "--text")
    assert code == 0 and is_harmless(seen), seen
    assert "[bold red]markup[/] <script>" in seen
    assert piped("get", "data", "a", "--text").stdout.encode() == HOSTILE.encode().replace(
        b"\r", b"\n"
    )


def test_names_of_strangers_are_escaped(d: FileDirDict[object], folder: Path) -> None:
    d["a"] = 1
    strange = folder / "evil\x1b[31m"
    strange.mkdir()
    code, seen = shown("ls", str(strange / "missing"))
    assert code == 1 and is_harmless(seen)


def test_a_long_value_is_cut_on_a_terminal_only(d: FileDirDict[object], folder: Path) -> None:
    d["a"] = list(range(20_000))
    code, seen = shown("get", "data", "a")
    assert code == 0
    assert "cut" in seen and "-o FILE" in seen and "19999" not in seen
    assert piped("get", "data", "a").stdout.splitlines()[-2].strip() == "19999"


def test_no_bytes_on_a_terminal(d: FileDirDict[object]) -> None:
    d["a"] = 1
    code, seen = shown("get", "data", "a", "--raw")
    assert code == 2
    assert seen == "persidict: bytes are not written to a terminal: give -o FILE, or a pipe\n"


@pytest.mark.parametrize("columns", [80, 40])
def test_long_lines_are_aligned(columns: int, d: FileDirDict[object]) -> None:
    names = ["a", "b", "users/"]
    d.update({"a": "x" * 5000, "b": 1, ("users", "alex"): 1})
    code, seen = shown("ls", "-l", "data", columns=columns)
    lines = unstyled(seen).splitlines()
    assert code == 0 and len(lines) == 3
    assert all(len(line) <= columns for line in lines)
    starts = {len(line.removesuffix(name)) for line, name in zip(lines, names, strict=True)}
    assert len(starts) == 1
    assert "5.0 kB" in lines[0] and "1 B" in lines[1]


@pytest.mark.parametrize("columns", [80, 40])
def test_lists_of_plugins_fit(columns: int, folder: Path) -> None:
    code, seen = shown("serializers", columns=columns)
    assert code == 0
    assert all(len(line) <= columns for line in unstyled(seen).splitlines())
    assert "persidict-core" in seen


def test_an_empty_store_is_told_but_not_in_json(folder: Path) -> None:
    FileDirDict("data")
    code, seen = shown("ls", "data")
    assert code == 0 and seen == "persidict: no keys of file type 'pkl' are there\n"
    assert piped("ls", "data").stderr == seen
    assert piped("ls", "data", "--json").stderr == ""


def test_who_types_nothing_is_told(d: FileDirDict[object]) -> None:
    code, seen = shown("put", "data", "a")
    assert code == 2 and "Give VALUE" in seen


def test_a_person_can_type_a_value(d: FileDirDict[object]) -> None:
    terminal = Terminal("put", "file://data?file_type=json", "a", "-")
    terminal.type("[1,\n2]\n\x04")
    assert terminal.end() == 0
    assert d["a"] == [1, 2]
