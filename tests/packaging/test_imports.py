"""Imports go only downwards, and across distributions only by public names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "persidict_core/src/persidict_core"
PACKAGES = {path.name: path for path in ROOT.glob("*/src/persidict_*") if path.is_dir()}
BACKENDS = sorted(PACKAGES.keys() - {"persidict_core"})

# What is named in a line may import from that line and from those above it.
BANDS = (
    {"lazy"},
    {"printable", "errors", "paths", "configuration", "progress", "urls", "addressed"},
    {"backend", "bulk", "spool", "memory", "layers"},
    {"keys", "digests", "naming", "serializers"},
    {"installed", "registry"},
    {
        "attempts",
        "jokers",
        "views",
        "value_store",
        "conditional",
        "many",
        "dated",
        "persi_dict",
        "write_once",
        "overlapping",
        "location",
        "moving",
        "copying",
        "journal",
        "checking",
        "describing",
        "memoizing",
        "joblib_store",
    },
    {"opening"},
    {"testing", "cli", "fitness"},
    {"former", "former_names"},
)


def imports(source: str, package: str) -> Iterator[tuple[str, str | None]]:
    """Each import that is carried out, as a module's whole name and a name taken from it."""
    unseen = [ast.parse(source)]
    while unseen:
        node: ast.AST = unseen.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            unseen.extend(node.orelse)  # type: ignore[arg-type]
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join([*(base if node.level else []), *filter(None, [node.module])])
            yield from ((module, alias.name) for alias in node.names)
        unseen.extend(ast.iter_child_nodes(node))  # type: ignore[arg-type]


def package_of(path: Path) -> str:
    source = next(parent for parent in path.parents if parent.name == "src")
    return ".".join(path.relative_to(source).parent.parts)


def files(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def core_modules(path: Path) -> set[str]:
    """The modules of the core, by the first name below it, that a file of it imports."""
    found = set()
    for module, name in imports(path.read_text(), package_of(path)):
        first, _, below = module.partition(".")
        if first == "persidict_core":
            found.add(below.partition(".")[0] if below else name)
    return {name for name in found if name and name in known_modules()}


def known_modules() -> set[str]:
    return {path.stem for path in CORE.iterdir() if path.suffix == ".py" or path.is_dir()} - {
        "__init__",
        "__pycache__",
    }


def module_of(path: Path) -> str:
    return Path(path.relative_to(CORE).parts[0]).stem


def band_of(module: str) -> int:
    return next(number for number, band in enumerate(BANDS) if module in band)


def test_reader_of_imports_sees_each_kind() -> None:
    source = """
import a.b
from . import c
from ..d import e
if TYPE_CHECKING:
    from f import g
else:
    import h
def function():
    from .i import j
"""
    assert set(imports(source, "top.sub")) == {
        ("a.b", None),
        ("top.sub", "c"),
        ("top.d", "e"),
        ("h", None),
        ("top.sub.i", "j"),
    }


def test_every_module_of_the_core_has_a_band() -> None:
    assert known_modules() - set().union(*BANDS) == set()


def test_the_tree_of_contributing_has_these_bands() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    tree = text.split("/src/persidict_core/\n")[1].split("\n    persidict_file/")[0]
    told: list[set[str]] = []
    for line in tree.splitlines():
        names = {name.rstrip("/") for name in re.split(" {2,}", line.strip())[0].split()}
        if line.startswith(" " * 12):
            told[-1] |= names
        else:
            told.append(names)
    assert told == list(BANDS)


@pytest.mark.parametrize("path", files(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_core_imports_only_downwards(path: Path) -> None:
    if path == CORE / "__init__.py":
        return
    own = band_of(module_of(path))
    upwards = {name for name in core_modules(path) if band_of(name) > own}
    assert not upwards, f"{path.name} imports from a band above its own"


def test_core_has_no_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for path in files(CORE):
        if path != CORE / "__init__.py":
            graph.setdefault(module_of(path), set()).update(core_modules(path) - {module_of(path)})
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_no_package_imports_a_backend_of_another(name: str) -> None:
    strangers = {*BACKENDS} - {name}
    for path in files(PACKAGES[name]):
        found = imports(path.read_text(), package_of(path))
        assert not {module.partition(".")[0] for module, _ in found} & strangers, path


@pytest.mark.parametrize("name", BACKENDS)
def test_nothing_private_crosses_distributions(name: str) -> None:
    for path in files(PACKAGES[name]):
        for module, attribute in imports(path.read_text(), package_of(path)):
            if module.partition(".")[0] != name and module.startswith("persidict"):
                names = [*module.split("."), attribute or ""]
                private = [n for n in names if n.startswith("_") and not n.endswith("__")]
                assert not private, (path, module, attribute)
