"""The table of promises names tests that exist and that the gate runs; every promise has one."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
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
def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / "tests" / file).read_text())


@cache
def defined_in(file: str) -> dict[str, ast.FunctionDef]:
    """The tests that a file defines, those in its classes among them."""
    functions = [node for node in ast.walk(parsed(file)) if isinstance(node, ast.FunctionDef)]
    return {each.name: each for each in functions if each.name.startswith("test_")}


@cache
def marks_of(file: str) -> dict[str, str]:
    """The marks that a file gives names of its own, as source."""
    named = [node for node in parsed(file).body if isinstance(node, ast.Assign)]
    return {ast.unparse(each.targets[0]): ast.unparse(each.value) for each in named}


def passed_over(file: str, name: str) -> list[str]:
    """What in a test may keep it from being run, or from failing."""
    function = defined_in(file)[name]
    marks = [ast.unparse(each) for each in function.decorator_list]
    marks = [marks_of(file).get(mark, mark) for mark in marks]
    marks.append(marks_of(file).get("pytestmark", ""))
    calls = [ast.unparse(each.func) for each in ast.walk(function) if isinstance(each, ast.Call)]
    ends = [call for call in calls if re.search(r"pytest\.(skip|xfail|importorskip)$", call)]
    return [mark for mark in marks if re.search(r"mark\.(skip|xfail)", mark)] + ends


def sessions_of(file: str, name: str) -> Iterator[str]:
    """The folders that the session of the gate looks through which has to run a test."""
    marks = [ast.unparse(each) for each in defined_in(file)[name].decorator_list]
    if "pytest.mark.s3" in [*marks, marks_of(file).get("pytestmark")]:
        yield from re.findall(r'"(tests/\w+)"', source_of_session("s3"))
        return
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    yield from settings["tool"]["pytest"]["ini_options"]["testpaths"]
    yield from re.findall(r'"(tests/\w+)"', source_of_session("compat"))


@cache
def source_of_session(name: str) -> str:
    """What a session does; the gate has to name it."""
    assert re.search(rf"nox .*\b{name}\b", (ROOT / ".ci" / "run").read_text())
    text = (ROOT / "noxfile.py").read_text()
    tree = ast.parse(text)
    (session,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    return ast.get_source_segment(text, session) or ""


def overrides(name: str) -> Iterator[str]:
    """The files in which a test of the kit is written anew for some store."""
    for path in sorted((ROOT / "tests").glob("*/test_*.py")):
        file = str(path.relative_to(ROOT / "tests"))
        if path.name != "test_kit.py" and name in defined_in(file):
            yield file


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


@pytest.mark.parametrize("promise", rows()[2:], ids=lambda cells: cells[0][:40])
def test_named_tests_are_run_by_the_gate_and_may_fail(promise: list[str]) -> None:
    """But that one is expected to fail on some store where the caveat says so."""
    has_caveat = "](#" in "".join(promise[1:5])
    for test in named(promise[-1]):
        where, _, name = test.partition("::")
        if where not in KITS:
            assert not passed_over(where, name), f"{test}: {passed_over(where, name)}"
            assert f"tests/{where.partition('/')[0]}" in list(sessions_of(where, name)), test
        for file in overrides(name) if where in KITS else ():
            assert has_caveat or not passed_over(file, name), f"{file}: {passed_over(file, name)}"


def test_what_may_be_passed_over_is_noticed() -> None:
    assert passed_over("s3/test_kit_ceph.py", "test_conditions_among_plain_writers")
    assert "s3/test_kit_ceph.py" in overrides("test_conditions_among_plain_writers")
    assert not passed_over("s3/test_races.py", "test_one_creator_wins")
    assert "tests/core" not in list(sessions_of("s3/test_races.py", "test_one_creator_wins"))


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
