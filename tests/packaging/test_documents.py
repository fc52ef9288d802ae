"""What the documents show runs, what they link to is there, and public names have docstrings."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import persidict
import persidict_core
import persidict_file
import persidict_s3

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/recipes/encryption.md",
    *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("persidict_*/README.md"))),
]


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def python_blocks() -> Iterator[object]:
    for document in DOCUMENTS:
        for number, block in enumerate(blocks(document, "python")):
            yield pytest.param(block, id=f"{document}-{number}")


@pytest.mark.parametrize("block", list(python_blocks()))
def test_python_runs(block: str, tmp_path: Path, server_of_s3: dict[str, str]) -> None:
    program = tmp_path / "test_program.py"
    program.write_text(block)
    command = [sys.executable, str(program)]
    if "BackendTests" in block:
        command = [sys.executable, "-m", "pytest", "-q", "-k", "read or stat", str(program)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **server_of_s3},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_has_a_tour_that_can_be_run() -> None:
    assert len(blocks("README.md", "python")) == 2


@pytest.mark.parametrize("heading", ["Try it", "Test it"])
def test_heading_has_one_block_of_one_command(heading: str) -> None:
    section = (ROOT / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    assert section.count("```") == 2
    assert len(block.strip().splitlines()) == 1


def test_install_commands_name_every_distribution() -> None:
    folders = {f"./{path.parent.name}" for path in ROOT.glob("persidict_*/pyproject.toml")}
    readme = (ROOT / "README.md").read_text()
    for command in re.findall(r"pip install (\./[^&\n]*)", readme):
        assert set(command.split()) == {*folders, "."}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / document).read_text()):
        if "://" not in target:
            assert ((ROOT / document).parent / target).exists(), target


def public_classes_and_functions() -> Iterator[object]:
    for package in (persidict_core, persidict_file, persidict_s3):
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if ".former" in info.name:
                continue
            module = importlib.import_module(info.name)
            for name, member in vars(module).items():
                if not name.startswith("_") and getattr(member, "__module__", "") == info.name:
                    yield pytest.param(member, id=f"{info.name}.{name}")


@pytest.mark.parametrize("member", list(public_classes_and_functions()))
def test_public_name_has_a_docstring(member: object) -> None:
    if not inspect.isclass(member):
        assert not inspect.isfunction(member) or inspect.getdoc(member)
        return
    assert member.__doc__
    for name, attribute in vars(member).items():
        if not name.startswith("_") and (
            inspect.isfunction(attribute) or isinstance(attribute, property | classmethod)
        ):
            assert inspect.getdoc(getattr(member, name)), f"{member.__qualname__}.{name}"


def test_facade_is_documented() -> None:
    assert "FileDirDict" in (persidict.__doc__ or "")
