"""The core and files: `FileDirDict` works with neither numpy, pandas nor S3 about."""

from __future__ import annotations

import pytest

from tests.isolation.environments import Environment


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, str]) -> Environment:
    return Environment.make(
        tmp_path_factory.mktemp("file"), wheels["persidict-core"], wheels["persidict-file"]
    )


USE_FILES = """
from persidict import FileDirDict
import persidict
FileDirDict("{folder}", file_type="json")["users", "alex"] = [1, None]
FileDirDict("{folder}")["object"] = range(3)
print(persidict.open("{folder}")["object"], FileDirDict("{folder}", "json")["users", "alex"])
"""


def test_files_work(files: Environment) -> None:
    assert files.answer(USE_FILES.format(folder="data")) == "range(0, 3) [1, None]"


def test_files_work_without_fcntl(files: Environment) -> None:
    blocked = "import sys; sys.modules['fcntl'] = None\n"
    answer = files.answer(blocked + USE_FILES.format(folder="data-without-fcntl"))
    assert answer == "range(0, 3) [1, None]"


def test_all_names_files_but_not_s3(files: Environment) -> None:
    code = (
        "import persidict; print('FileDirDict' in persidict.__all__, 'S3Dict' in persidict.__all__)"
    )
    assert files.answer(code) == "True False"


def test_s3_says_what_to_install(files: Environment) -> None:
    assert files.error("from persidict import S3Dict").endswith("pip install persidict-s3")


def test_nothing_heavy_is_needed(files: Environment) -> None:
    code = """
from importlib.util import find_spec
print([name for name in ("numpy", "pandas", "pyarrow", "boto3") if find_spec(name)])
"""
    assert files.answer(code) == "[]"


MEASURE = """
import resource, subprocess, sys
def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
def seconds(code):
    start = used()
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
    return used() - start
statements = {statements!r}
runs = [[seconds(code) for code in ("pass", *statements)] for _ in range(25)]
bare, *rest = map(min, zip(*runs))
print(*(round((with_import - bare) * 1000, 1) for with_import in rest))
"""


# Time of the processor, so that what else runs on the machine counts little.
def test_imports_are_quick(files: Environment) -> None:
    statements = ["import persidict", "from persidict import FileDirDict"]
    facade, file_dir_dict = map(float, files.answer(MEASURE.format(statements=statements)).split())
    print(f"import persidict: {facade} ms, from persidict import FileDirDict: {file_dir_dict} ms")
    assert facade < 25
    assert file_dir_dict < 40
