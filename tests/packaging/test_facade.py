"""`persidict` finds everything, and loads nothing before it is asked for."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import persidict
import persidict_core

HEAVY = {
    "boto3",
    "concurrent.futures",
    "importlib.metadata",
    "joblib",
    "jsonpickle",
    "lz4",
    "numpy",
    "pandas",
    "pyarrow",
}


def run(code: str, cwd: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program, with folders in front of its path, in another process."""
    lines = [f"import sys; sys.path[:0] = {[str(folder) for folder in path]!r}", code]
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def answer(code: str, cwd: Path, *path: Path) -> str:
    done = run(code, cwd, *path)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def module(folder: Path, name: str, source: str) -> Path:
    folder.joinpath(name).write_text(source)
    return folder


@pytest.mark.parametrize(
    "statement",
    [
        "import persidict",
        "import persidict_core",
        "from persidict import FileDirDict",
        "from persidict import PersiDict, MemoryBackend, KEEP_CURRENT, URLError",
        "from persidict.jokers import KeepCurrent",
    ],
)
def test_import_loads_nothing_heavy(statement: str, tmp_path: Path) -> None:
    loaded = json.loads(
        answer(f"{statement}\nimport json; print(json.dumps(list(sys.modules)))", tmp_path)
    )
    assert not HEAVY & set(loaded)


def test_naming_what_is_there_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import persidict; persidict.__all__; dir(persidict); print(list(sys.modules))"
    loaded = set(json.loads(answer(code, tmp_path).replace("'", '"')))
    assert not (HEAVY - {"importlib.metadata"}) & loaded


@pytest.mark.parametrize("name", [*persidict_core.__all__, "open"])
def test_every_name_of_the_core_is_here(name: str) -> None:
    assert getattr(persidict, name) is getattr(persidict_core, name)


def test_all_names_what_is_installed_but_for_open() -> None:
    names = persidict.__all__
    assert {"FileDirDict", *persidict_core.__all__} <= set(names)
    assert "open" not in names and "open" not in dir(persidict)
    assert set(names) <= set(dir(persidict))
    assert all(hasattr(persidict, name) for name in names)


def test_stub_has_the_same_names() -> None:
    tree = ast.parse(
        Path(persidict.__file__).with_name("persidict-stubs").joinpath("__init__.pyi").read_text()
    )
    imported = {
        alias.asname
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    (listed,) = (ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    assert set(listed) == {*persidict_core.__all__, "FileDirDict", "S3Dict"}
    assert imported == {*listed, "open"}


def test_star_import_leaves_the_builtin_open_alone(tmp_path: Path) -> None:
    code = "from persidict import *\nimport builtins\nprint(open is builtins.open, FileDirDict)"
    assert answer(code, tmp_path) == "True <class 'persidict_file.file_dir_dict.FileDirDict'>"


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(persidict, "Nonsense")
    with pytest.raises(AttributeError, match="Nonsense"):
        persidict.Nonsense  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        from persidict import Nonsense  # noqa: F401


def test_dictionary_that_is_not_installed_says_what_to_install(tmp_path: Path) -> None:
    blocked = module(tmp_path, "block.py", BLOCK)
    code = "import block; block.block('persidict_s3')\nfrom persidict import S3Dict"
    assert "ImportError: S3Dict comes with persidict-s3, which is not installed: " in (
        error := run(code, tmp_path, blocked).stderr
    )
    assert "pip install persidict-s3" in error


BLOCK = """
import sys
class Block:
    def __init__(self, name): self.name = name
    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
def block(name): sys.meta_path.insert(0, Block(name))
"""


def test_bare_folder_of_that_name_counts_as_missing(tmp_path: Path) -> None:
    tmp_path.joinpath("persidict_s3", "src").mkdir(parents=True)
    code = """
import persidict_s3
sys.modules['persidict_s3'].__file__ = None
import persidict
print('S3Dict' in persidict.__all__)
from persidict import S3Dict
"""
    done = run(code, tmp_path, tmp_path)
    assert done.stdout.strip() == "False"
    assert "pip install persidict-s3" in done.stderr


def test_installed_dictionary_that_is_broken_says_so(tmp_path: Path) -> None:
    package = tmp_path / "persidict_s3"
    package.mkdir()
    module(package, "__init__.py", "import a_module_that_nobody_has")
    code = "from persidict import *; print('fine', flush=True)\nfrom persidict import S3Dict"
    done = run(code, tmp_path, tmp_path)
    assert done.stdout.strip() == "fine"
    assert "persidict-s3 is installed, but S3Dict cannot be imported from it" in done.stderr
    assert "The above exception was the direct cause" in done.stderr
    assert "pip install" not in done.stderr


PLUGIN = """
from persidict_core import PersiDict
class AcmeDict(PersiDict):
    scheme = "acme"
"""


def plugin(folder: Path, source: str, name: str = "AcmeDict") -> Path:
    """Install a distribution that brings one dictionary."""
    module(folder, "acme.py", source)
    info = folder / "acme-1.dist-info"
    info.mkdir()
    module(info, "METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    module(info, "entry_points.txt", f"[persidict.dicts]\n{name} = acme:{name}\n")
    return folder


def test_dictionary_of_a_plugin_is_found_and_imported_when_asked_for(tmp_path: Path) -> None:
    code = """
import persidict
assert 'AcmeDict' in dir(persidict) and 'acme' not in sys.modules
from persidict import *
assert 'acme' not in sys.modules
from persidict import AcmeDict
print(AcmeDict.__module__, persidict.AcmeDict is AcmeDict)
"""
    assert answer(code, tmp_path, plugin(tmp_path, PLUGIN)) == "acme True"


def test_broken_plugin_harms_only_who_asks_for_it(tmp_path: Path) -> None:
    code = """
from persidict import *
from persidict import PersiDict, FileDirDict, PluginError
import persidict
dir(persidict)
try:
    persidict.AcmeDict
except PluginError as error:
    print('acme 1' in str(error) or 'acme' in str(error), type(error.__cause__).__name__)
"""
    folder = plugin(tmp_path, "raise ZeroDivisionError")
    assert answer(code, tmp_path, folder) == "True ZeroDivisionError"


def test_plugin_cannot_take_a_name_of_ours(tmp_path: Path) -> None:
    code = "import persidict\nprint(persidict.PersiDict.__module__)"
    folder = plugin(tmp_path, "raise SystemExit(3)", "PersiDict")
    assert answer(code, tmp_path, folder) == "persidict_core.persi_dict"
