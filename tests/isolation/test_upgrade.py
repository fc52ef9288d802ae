"""`pip install -U` from the published package, a package folder, leaves ours working."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.isolation.environments import Environment

HEAVY = ("numpy", "pandas", "pyarrow", "joblib", "jsonpickle", "lz4")

WRITE = """
import persidict
d = persidict.FileDirDict(base_dir="data", serialization_format="json")
d["users", "alex"] = [1, 2]
print(persidict.__file__)
"""
READ = """
import persidict
from persidict.jokers import KEEP_CURRENT
d = persidict.FileDirDict("data", file_type="json")
d["users", "alex"] = KEEP_CURRENT
print(persidict.__file__, d["users", "alex"])
"""


@pytest.mark.parametrize("pip", ["pip==23.*", "pip"])
def test_upgrade_from_the_published_package(
    pip: str, tmp_path: Path, wheels: dict[str, str]
) -> None:
    environment = Environment.make(tmp_path, pip, *HEAVY)
    site_packages = environment.site_packages
    environment.pip("install", "--quiet", "persidict==0.309.*")
    assert environment.answer(WRITE) == str(site_packages / "persidict" / "__init__.py")

    environment.pip("install", "--quiet", "-U", *wheels.values())

    assert environment.answer(READ) == f"{site_packages / 'persidict.py'} [1, 2]"
    assert not list(site_packages.glob("persidict/*.py"))
    assert "persidict 1." in environment.pip("list", "--format=freeze").replace("==", " ")
