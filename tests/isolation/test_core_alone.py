"""The core by itself: memory works, and what is not installed is said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.isolation.environments import Environment


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, str]) -> Environment:
    return Environment.make(tmp_path_factory.mktemp("core"), wheels["persidict-core"])


def test_nothing_else_is_installed(core: Environment) -> None:
    code = """
from importlib.util import find_spec
print([name for name in ("numpy", "pandas", "pyarrow", "boto3", "pytest", "persidict_file",
    "persidict_s3") if find_spec(name)])
"""
    assert core.answer(code) == "[]"


USE_MEMORY = """
import persidict
d = persidict.open("memory://shared?file_type=json")
d["a", "b"] = [1, 2]
once = persidict.WriteOnceDict(persidict.PersiDict("memory://"))
once["key"] = {1, 2}
print(persidict.PersiDict("memory://shared", file_type="json")["a", "b"], once["key"])
"""


def test_memory_works(core: Environment) -> None:
    assert core.answer(USE_MEMORY) == "[1, 2] {1, 2}"


def test_memory_works_without_fcntl(core: Environment) -> None:
    assert core.answer(f"import sys; sys.modules['fcntl'] = None\n{USE_MEMORY}") == "[1, 2] {1, 2}"


def test_all_is_the_core(core: Environment) -> None:
    code = """
import persidict, persidict_core
print(sorted(persidict.__all__) == sorted(persidict_core.__all__))
from persidict import *
"""
    assert core.answer(code) == "True"


@pytest.mark.parametrize(
    ("name", "distribution"), [("FileDirDict", "persidict-file"), ("S3Dict", "persidict-s3")]
)
def test_dictionary_that_is_not_installed(core: Environment, name: str, distribution: str) -> None:
    expected = (
        f"ImportError: {name} comes with {distribution}, which is not installed: "
        f"pip install {distribution}"
    )
    assert core.error(f"from persidict import {name}") == expected
    assert core.error(f"import persidict; persidict.{name}") == expected


@pytest.mark.parametrize(
    ("code", "install"),
    [
        ("persidict.open('file:///tmp/nowhere')", "persidict-file"),
        ("persidict.open('s3://bucket')", "persidict-s3"),
        ("persidict.PersiDict('memory://', file_type='npy')['a']", "persidict-core[numpy]"),
        ("persidict.PersiDict('memory://', file_type='parquet')['a']", "persidict-core[pandas]"),
    ],
)
def test_what_is_not_installed_says_what_to_install(
    core: Environment, code: str, install: str
) -> None:
    error = core.error(f"import persidict\n{code}")
    assert install in error and "pip install" in error


def test_bare_folders_of_a_checkout_count_as_missing(core: Environment) -> None:
    for name in ("persidict_file", "persidict_s3"):
        (core.folder / "checkout" / name / "src").mkdir(parents=True)
    checkout = f"import sys; sys.path.insert(0, {str(Path(core.folder) / 'checkout')!r})\n"
    for name in ("FileDirDict", "S3Dict"):
        error = core.error(f"{checkout}from persidict import {name}")
        assert error.endswith(f"pip install persidict-{'file' if name == 'FileDirDict' else 's3'}")


def test_the_command_line_says_what_it_wants(core: Environment) -> None:
    program = Path(core.python).with_name("persidict")
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        'persidict: the command line wants click and rich: pip install "persidict-core[cli]"\n'
    )
