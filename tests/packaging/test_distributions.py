"""The distributions belong together: one version, one license, each with what it promises."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import persidict_core

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT, *sorted(path.parent for path in ROOT.glob("persidict_*/pyproject.toml"))]
SIBLINGS = {"persidict", "persidict-core", "persidict-file", "persidict-s3"}


def project(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return found


def requirements(folder: Path) -> list[str]:
    found = project(folder)
    return [*found["dependencies"], *chain(*found.get("optional-dependencies", {}).values())]


def test_there_is_one_version() -> None:
    versions = {project(folder)["version"] for folder in FOLDERS}
    assert versions == {persidict_core.__version__}
    assert int(persidict_core.__version__.partition(".")[0]) >= 1


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_siblings_are_required_at_that_version(folder: Path) -> None:
    for requirement in requirements(folder):
        name = re.split(r"[\[=<>~! ]", requirement)[0]
        if name in SIBLINGS:
            assert requirement.endswith(f"=={persidict_core.__version__}"), requirement


def test_core_requires_no_sibling() -> None:
    assert not any(line.startswith("persidict") for line in requirements(ROOT / "persidict_core"))


@pytest.mark.parametrize("extra", project(ROOT / "persidict_core")["optional-dependencies"])
def test_the_whole_passes_each_extra_of_the_core_through(extra: str) -> None:
    (line,) = project(ROOT)["optional-dependencies"][extra]
    assert line.startswith(f"persidict-core[{extra}]==")


def test_the_core_brings_the_command_line_and_its_extra_what_that_needs() -> None:
    core = project(ROOT / "persidict_core")
    assert core["scripts"] == {"persidict": "persidict_core.cli:main"}
    assert not any(
        "scripts" in project(folder) for folder in FOLDERS if folder.name != "persidict_core"
    )
    wanted = core["optional-dependencies"]["cli"]
    assert {re.split("[>=]", line)[0] for line in wanted} == {"click", "rich"}
    assert set(wanted) <= set(core["optional-dependencies"]["testing"])


def test_every_wheel_carries_the_license() -> None:
    assert {(folder / "LICENSE").read_text() for folder in FOLDERS} == {
        (ROOT / "LICENSE").read_text()
    }


def test_changelog_tells_of_this_version() -> None:
    assert f"## {persidict_core.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_file_names_an_index_or_locks_one() -> None:
    names = {path.name for path in ROOT.iterdir()}
    assert not names & {"uv.lock", "poetry.lock", "pdm.lock", "requirements.txt", "pip.conf"}
