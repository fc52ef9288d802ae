"""CPython's own tests of every mapping, and of ``dict``, on dictionaries of each kind.

A few ask for what no PersiDict promises; each of them stands in `EXCUSED`, and is to fail as is
said there. Keys that are numbers in the tests' displays are made strings.
"""

from __future__ import annotations

import ast
import os
import sysconfig
import unittest
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from persidict_core import PersiDict
from persidict_file import FileDirDict

MAKERS: dict[str, Callable[[Path], PersiDict[Any]]] = {
    "memory": lambda folder: PersiDict("memory://"),
    "memory, json": lambda folder: PersiDict("memory://", file_type="json"),
    "file": lambda folder: FileDirDict(folder),
    "file, cached": lambda folder: FileDirDict(folder, cache="memory://"),
}
SUITES = ("BasicTestMappingProtocol", "TestMappingProtocol", "TestHashMappingProtocol")
NO_KEY: Final = "a key is a string or a (nested) sequence of strings"
EXCUSED: Final = {
    # The constructor says where the items are, not what they are.
    "TestMappingProtocol.test_constructor": "unexpected keyword argument 'x'",
    "TestMappingProtocol.test_fromkeys": "no attribute 'fromkeys'",
    "TestHashMappingProtocol.test_fromkeys": "no attribute 'fromkeys'",
    # A copy would need a place of its own: there is copy_to.
    "TestMappingProtocol.test_copy": "no attribute 'copy'",
    # What is read is a copy, so that what is done to it is not kept.
    "TestMappingProtocol.test_setdefault": "list index out of range",
    "TestHashMappingProtocol.test_setdefault": "list index out of range",
    # Keys equal strings, but are not strings, and only strings are made numbers.
    "TestMappingProtocol.test_popitem": "int() argument must be a string",
    # Keys are strings: what cannot be hashed or compared is refused, and so is a number.
    **{
        f"TestHashMappingProtocol.test_{name}": NO_KEY
        for name in ("getitem", "pop", "eq", "mutatingiteration", "repr_deep")
    },
    # It says where the items are, and shows none.
    "TestHashMappingProtocol.test_repr": "!= '{}'",
}


class StringsAsKeys(ast.NodeTransformer):
    """Makes strings of the numbers that are keys in displays, and in lists of one pair."""

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        node.keys = [key and _as_string(key) for key in node.keys]
        return self.generic_visit(node)

    def visit_List(self, node: ast.List) -> ast.AST:
        match node.elts:
            case [ast.Tuple(elts=[key, _] as pair)]:
                pair[0] = _as_string(key)
        return self.generic_visit(node)


def _as_string(key: ast.expr) -> ast.expr:
    if isinstance(key, ast.Constant) and isinstance(key.value, int):
        return ast.copy_location(ast.Constant(str(key.value)), key)
    return key


@cache
def their_tests() -> dict[str, Any]:
    """The names of CPython's module; the gate does not do without, others may lack it."""
    path = Path(sysconfig.get_path("stdlib"), "test", "mapping_tests.py")
    if not path.exists():
        text = "this Python lacks its own tests; Debian has them in libpython3-testsuite"
        (pytest.fail if "PERSIDICT_GATE" in os.environ else pytest.skip)(text)
    tree = StringsAsKeys().visit(ast.parse(path.read_text(encoding="utf-8")))
    names: dict[str, Any] = {"__name__": "mapping_tests"}
    exec(compile(tree, path, "exec"), names)
    return names


def check_mapping(make: Callable[[], PersiDict[Any]]) -> None:
    """Run all of them on what a function makes, an empty dictionary each time."""
    wrong = []
    for suite in SUITES:
        base = their_tests()[suite]
        case = type(suite, (base,), {"type2test": staticmethod(make)})
        for name in vars(base):
            if not name.startswith("test_"):
                continue
            result = unittest.TestResult()
            case(name).run(result)
            assert result.testsRun == 1
            text = "".join(text for _, text in result.failures + result.errors)
            excuse = EXCUSED.get(f"{suite}.{name}")
            if text if excuse is None else excuse not in text:
                wrong.append(f"{suite}.{name}, excused by {excuse!r}:\n{text}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_dictionary_is_a_mapping_to_cpython(kind: str, tmp_path: Path) -> None:
    numbers = count()
    check_mapping(lambda: MAKERS[kind](tmp_path / str(next(numbers))))
