"""The core and S3: `S3Dict` works with neither files, numpy nor pandas about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.isolation.environments import Environment


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, str]) -> Iterator[Environment]:
    from moto.server import ThreadedMotoServer

    made = Environment.make(
        tmp_path_factory.mktemp("s3"), wheels["persidict-core"], wheels["persidict-s3"]
    )
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as m:
        m.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        m.setenv("AWS_ACCESS_KEY_ID", "testing")
        m.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        m.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield made
    server.stop()


def test_s3_works(s3: Environment) -> None:
    code = """
from persidict import S3Dict
import persidict
settings = S3Dict("isolated", file_type="json")
settings["users", "alex"] = [1, None]
S3Dict("isolated")["object"] = range(3)
print(persidict.open("s3://isolated")["object"], settings["users", "alex"])
"""
    assert s3.answer(code) == "range(0, 3) [1, None]"


def test_boto3_is_loaded_by_the_first_request_only(s3: Environment) -> None:
    code = """
import sys
from persidict import S3Dict
d = S3Dict("isolated")
print("boto3" in sys.modules, "botocore" in sys.modules)
"""
    assert s3.answer(code) == "False False"


def test_all_names_s3_but_not_files(s3: Environment) -> None:
    code = (
        "import persidict; print('FileDirDict' in persidict.__all__, 'S3Dict' in persidict.__all__)"
    )
    assert s3.answer(code) == "False True"


def test_files_say_what_to_install(s3: Environment) -> None:
    assert s3.error("from persidict import FileDirDict").endswith("pip install persidict-file")


def test_a_cache_folder_says_what_to_install(s3: Environment) -> None:
    error = s3.error("from persidict import S3Dict; S3Dict('isolated', base_dir='cache')")
    assert 'pip install "persidict-file"' in error


def test_nothing_else_is_needed(s3: Environment) -> None:
    code = """
from importlib.util import find_spec
print([name for name in ("numpy", "pandas", "pyarrow", "persidict_file") if find_spec(name)])
"""
    assert s3.answer(code) == "[]"


def test_a_boto3_that_cannot_be_imported_is_named(s3: Environment) -> None:
    blocked = "import sys; sys.modules['boto3'] = None\n"
    error = s3.error(f"{blocked}from persidict import S3Dict\nS3Dict('isolated')['a']")
    assert "boto3" in error and "pip install persidict-s3" not in error
