"""The table of promises names tests that exist, and every promise has one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from persidict_core.testing import BackendTests, PersiDictTests

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "promises.md"
KITS = {kit.__name__: kit for kit in (BackendTests, PersiDictTests)}
COLUMNS = ["promise", "memory", "files", "S3 (AWS, Ceph)", "caveat", "tests"]


def rows() -> list[list[str]]:
    """The cells of each line of the table, its head and its rule among them."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def defined_in(file: str) -> frozenset[str]:
    """The names of the tests that a file defines, those in its classes among them."""
    tree = ast.parse((ROOT / "tests" / file).read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return frozenset(each.name for each in functions if each.name.startswith("test_"))


def exists(test: str) -> bool:
    where, _, name = test.partition("::")
    if where in KITS:
        return name.startswith("test_") and hasattr(KITS[where], name)
    return (ROOT / "tests" / where).is_file() and name in defined_in(where)


def test_the_table_is_whole() -> None:
    head, rule, *promises = rows()
    assert head == COLUMNS and set(rule) == {"---"}
    assert len(promises) > 10
    for cells in promises:
        assert len(cells) == len(COLUMNS), cells[0]
        assert named(cells[-1]), f"no test holds: {cells[0]}"
        assert cells[0].endswith("."), "a promise is a sentence"


@pytest.mark.parametrize("test", sorted({test for row in rows()[2:] for test in named(row[-1])}))
def test_a_named_test_exists(test: str) -> None:
    assert exists(test), f"{DOCUMENT.name} names {test}, which is no test"


@pytest.mark.parametrize(
    "test", ["core/test_none.py::test_a", "core/test_keys.py::test_none", "BackendTests::test_none"]
)
def test_what_does_not_exist_is_noticed(test: str) -> None:
    assert not exists(test)


def test_caveats_lead_to_their_headings() -> None:
    text = DOCUMENT.read_text()
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}
    targets = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert targets and targets <= anchors
