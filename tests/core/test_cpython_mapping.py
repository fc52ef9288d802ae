"""CPython's own tests of what every mapping must do, on dictionaries of each kind."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from persidict_core import PersiDict
from persidict_file import FileDirDict

mapping_tests = pytest.importorskip("test.mapping_tests", reason="this Python lacks its own tests")

MAKERS: dict[str, Callable[[Path], PersiDict[Any]]] = {
    "memory": lambda folder: PersiDict("memory://"),
    "memory, json": lambda folder: PersiDict("memory://", file_type="json"),
    "file": lambda folder: FileDirDict(folder),
    "file, cached": lambda folder: FileDirDict(folder, cache="memory://"),
}


def check_mapping(make: Callable[[], PersiDict[Any]]) -> None:
    """Run all of them on what a function makes, an empty dictionary each time."""

    class Case(mapping_tests.BasicTestMappingProtocol):  # type: ignore[misc,name-defined]
        type2test = staticmethod(make)

    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Case)
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun > 10
    faults = [text for _, text in result.failures + result.errors]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_dictionary_is_a_mapping_to_cpython(kind: str, tmp_path: Path) -> None:
    numbers = count()
    check_mapping(lambda: MAKERS[kind](tmp_path / str(next(numbers))))
