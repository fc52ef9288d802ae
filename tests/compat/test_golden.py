"""Version 0.36 of the published package wrote the files in `golden-0.36`: all of them are read."""

import shutil
from pathlib import Path

import numpy
import pandas
import pytest
from compat_values import difference

from persidict_core.serializers.json_text import JsonSerializer
from persidict_core.serializers.pkl import PickleSerializer
from persidict_core.serializers.text import TextSerializer
from persidict_file import FileDirDict

GOLDEN = Path(__file__).parent / "golden-0.36"
SERIALIZERS = {"pkl": PickleSerializer(), "json": JsonSerializer(), "txt": TextSerializer("txt")}
EXPECTED = {
    "pkl": {
        ("user", "alex"): {"theme": "dark", "n": 3, "t": (1, 2.5, None), "s": {1, 2}},
        ("a", "B"): "text \u00e9\n",
        ("username",): "alex",
        ("arrays", "a10"): numpy.arange(10.0),
        ("arrays", "frame"): pandas.DataFrame({"x": [1, 2], "y": ["p", "q"]}),
        ("big",): b"\0" * 200_000,
    },
    "json": {
        ("conf",): {"a": [1, 2.5, None, True], "u": "\u00e9"},
        ("tuple",): (1, (2, 3)),
        ("set",): {1, 2},
        ("bytes",): b"ab",
        ("arr",): numpy.arange(4),
        ("frame",): pandas.DataFrame({"x": [1.5, 2.5]}),
    },
    "txt": {("note", "n1"): "line1\nline2 \u4e2d\n", ("empty",): ""},
}
FOLDERS = {
    "files/pkl8": ("pkl", 8),
    "files/pkl0": ("pkl", 0),
    "files/json8": ("json", 8),
    "files/txt8": ("txt", 8),
    "s3/root/p": (None, 0),
}


def read_key(path, folder):
    digest_len = FOLDERS[folder][1]
    parts = path.relative_to(GOLDEN / folder).with_suffix("").parts
    return tuple(part[: -digest_len - 1] if digest_len else part for part in parts)


def all_files():
    return [
        pytest.param(path, folder, id=str(path.relative_to(GOLDEN)))
        for folder in FOLDERS
        for path in sorted((GOLDEN / folder).rglob("*"))
        if path.is_file()
    ]


@pytest.mark.parametrize(("path", "folder"), all_files())
def test_each_file_is_read_as_the_value_it_was(path, folder):
    file_type = path.suffix[1:]
    value = SERIALIZERS[file_type].loads(path.read_bytes())
    assert difference(EXPECTED[file_type][read_key(path, folder)], value) is None


def test_no_file_is_left_out():
    files = [path for path in GOLDEN.rglob("*") if path.is_file() and path.suffix != ".md"]
    found = [parameter.values[0] for parameter in all_files()]
    assert sorted(found) == sorted(files) and len(files) > 25


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("file_type", EXPECTED)
def test_each_folder_is_a_dictionary(folder, file_type, tmp_path):
    held, digest_len = FOLDERS[folder]
    shutil.copytree(GOLDEN / folder, tmp_path / "copy")
    d = FileDirDict(
        tmp_path / "copy",
        file_type=file_type,
        digest_len=None if digest_len else 0,
        base_class_for_values=str if file_type == "txt" else None,
    )
    expected = EXPECTED[file_type] if held in (None, file_type) else {}
    assert {tuple(key) for key in d} == set(expected)
    for key, value in expected.items():
        assert difference(value, d[key]) is None


@pytest.mark.parametrize("file_type", ["json", "txt"])
def test_text_is_written_byte_for_byte_as_it_was(file_type):
    for parameter in all_files():
        path, folder = parameter.values
        if path.suffix == "." + file_type:
            value = EXPECTED[file_type][read_key(path, folder)]
            assert SERIALIZERS[file_type].dumps(value) == path.read_bytes(), path
