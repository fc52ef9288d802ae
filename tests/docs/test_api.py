"""Every public name is documented: with a docstring, an example, and once in the API's pages."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

import persidict
import persidict_core

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "api"
# In the order in which a name is looked for: where it is public first, it is documented.
MODULES = (
    "persidict",
    "persidict_core.layers",
    "persidict_core.testing",
    "persidict_file",
    "persidict_s3",
)


def public_names() -> dict[str, object]:
    """All that users may import, by the name under which it is documented."""
    names: dict[str, object] = {"persidict.open": persidict.open}
    for module in MODULES:
        found = importlib.import_module(module)
        for name in found.__all__:
            if f"persidict.{name}" not in names:
                names[f"{module}.{name}"] = getattr(found, name)
    return names


NAMES = public_names()
WITH_EXAMPLES = [
    name for name, value in NAMES.items() if inspect.isclass(value) or inspect.isfunction(value)
]
OTHERS = [name for name in NAMES if name not in WITH_EXAMPLES]


def documented() -> list[str]:
    pages = "".join(page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md")))
    return re.findall(r"^\.\. auto(?:class|function|exception|data):: (\S+)$", pages, re.MULTILINE)


@cache
def told_constants() -> dict[str, str]:
    """The string that stands below each constant of the core where it is defined."""
    told = {}
    for path in sorted(Path(persidict_core.__file__).parent.rglob("*.py")):
        for statement, after in pairwise(ast.parse(path.read_text(encoding="utf-8")).body):
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                for target in getattr(statement, "targets", [getattr(statement, "target", None)]):
                    if isinstance(target, ast.Name):
                        told[target.id] = str(after.value.value)
    return told


def test_the_pages_hold_every_public_name_once() -> None:
    assert Counter(documented()) == Counter(NAMES.keys())


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_a_class_or_function_has_an_example(name: str) -> None:
    docstring = inspect.getdoc(NAMES[name]) or ""
    assert docstring.partition("\n")[0].endswith((".", "?")), "the first line says what it is"
    assert ">>> " in docstring, "no example that runs"
    assert "# doctest: +SKIP" not in docstring


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_its_parameters_are_told(name: str) -> None:
    """What a constructor or a function takes stands in the docstring, by name."""
    value = NAMES[name]
    function = value.__init__ if inspect.isclass(value) else value
    if inspect.isclass(value) and (issubclass(value, tuple) or not inspect.isfunction(function)):
        return
    code = inspect.unwrap(function).__code__
    taken = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    docstring = inspect.getdoc(value) or ""
    public = [each for each in taken if each != "self" and not each.startswith("_")]
    if not re.search(r"^(Args|Attributes):$", docstring, re.MULTILINE):
        assert len(public) <= 1, f"no Args: for {', '.join(public)}"
        return
    told = re.findall(r"^ +\**(\w+): ", docstring, re.MULTILINE)
    missing = [each for each in public if each not in told]
    assert not missing, f"not told: {', '.join(missing)}"


@pytest.mark.parametrize("name", OTHERS)
def test_a_constant_is_told(name: str) -> None:
    assert told_constants()[name.rpartition(".")[2]].endswith(".")


def test_what_is_missing_is_noticed() -> None:
    assert "VERBS" not in told_constants()
    assert told_constants()["ABSENT"].startswith("Expected")
