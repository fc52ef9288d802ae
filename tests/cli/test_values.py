"""`get` and `put`: values as JSON, as text, and as bytes."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from persidict import FileDirDict, PersiDict
from tests.cli.conftest import Run

Fine = Callable[..., str]
Refused = Callable[..., str]
JSON = "file://data?file_type=json"


GADGETS = {  # Each makes the folder "it-ran" when it is read with all that it describes.
    "pkl": b"\x80\x02cos\nmkdir\n(Vit-ran\ntR.",
    "json": b'{"py/reduce": [{"py/function": "os.mkdir"}, {"py/tuple": ["it-ran"]}]}',
}


@pytest.mark.parametrize("value", ['"dark"', "1", "-0.5", "null", '{"a": [1, true, "é"]}', "[]"])
def test_json_there_and_back(fine: Fine, value: str) -> None:
    fine("put", JSON, "a/b", "--", value)
    assert json.loads(fine("get", JSON, "a/b")) == json.loads(value)
    assert FileDirDict("data", file_type="json")["a", "b"] == json.loads(value)


def test_values_come_from_a_file_or_a_pipe(fine: Fine, folder: Path) -> None:
    folder.joinpath("value").write_text('{"from": "file"}')
    fine("put", JSON, "a", "--file", "value")
    fine("put", JSON, "b", "-", input="[1]")
    fine("put", JSON, "c", input="2")
    assert dict(FileDirDict("data", file_type="json").items()) == {
        "a": {"from": "file"},
        "b": [1],
        "c": 2,
    }


def test_text_is_not_quoted(fine: Fine) -> None:
    text = "one\n  two é\n"
    fine("put", JSON, "a", "--text", text)
    assert json.loads(fine("get", JSON, "a")) == text
    assert fine("get", JSON, "a", "--text") == text


def test_a_dictionary_of_text_takes_and_gives_text(fine: Fine, refused: Refused) -> None:
    fine("put", "notes", "a", "--text", "--file-type", "txt", "[no JSON")
    fine("put", "notes", "b", "x\ny")  # What lies there is text of type txt.
    assert fine("get", "notes", "b") == "x\ny"
    assert dict(FileDirDict("notes", "txt", base_class_for_values=str).items()) == {
        "a": "[no JSON",
        "b": "x\ny",
    }
    assert "'jsn' is not installed: did you mean 'json'?" in refused(
        2, "put", "notes", "c", "1", "--file-type", "jsn"
    )


def test_raw_bytes_there_and_back(fine: Fine, run: Run, folder: Path) -> None:
    data = bytes(range(256)) * 10_000
    fine("put", "data", "a", "--raw", "-", input=data)
    assert run("get", "data", "a", "--raw").stdout_bytes == data
    fine("get", "data", "a", "--raw", "-o", "copy")
    assert folder.joinpath("copy").read_bytes() == data


def test_pickles_are_written_but_not_read_unasked(fine: Fine, refused: Refused) -> None:
    fine("put", "data", "a", '{"b": 1}')
    assert FileDirDict("data")["a"] == {"b": 1}
    line = refused(1, "get", "data", "a")
    assert "--unpickle" in line and "--raw" in line
    assert json.loads(fine("get", "data", "a", "--unpickle")) == {"b": 1}


@pytest.mark.parametrize("file_type", GADGETS)
def test_nothing_runs_unasked(file_type: str, run: Run, folder: Path) -> None:
    d: PersiDict[object] = FileDirDict("data", file_type=file_type)
    d.backend.write_bytes(d.path_of("a"), GADGETS[file_type])
    for args in (
        ["get", "data", "a"],
        ["get", "data", "a", "--json"],
        ["get", "data", "a", "--raw"],
        ["ls", "-l", "data"],
        ["stat", "data", "a"],
        ["info", "data"],
        ["check", "data", "--only", "survey", "--values"],
        ["get", f"file://data?allow_pickle=true&file_type={file_type}", "a"],
    ):
        run(*args)
        assert not folder.joinpath("it-ran").exists(), args
    run("get", "data", "a", "--unpickle")
    assert folder.joinpath("it-ran").exists()


def test_what_json_cannot_say_is_shown_as_python_does(fine: Fine, refused: Refused) -> None:
    d: PersiDict[object] = FileDirDict("data")
    d["set"], d["numbers"] = {1}, {1: (2, 3)}
    itself: list[object] = []
    itself.append(itself)
    d["itself"] = itself
    assert fine("get", "data", "set", "--unpickle") == "{1}\n"
    assert fine("get", "data", "numbers", "--unpickle") == "{1: (2, 3)}\n"
    assert fine("get", "data", "itself", "--unpickle") == "[[...]]\n"
    assert "a set" in refused(1, "get", "data", "set", "--unpickle", "--json")


def test_output_file_is_replaced_as_a_whole(fine: Fine, refused: Refused, folder: Path) -> None:
    fine("put", JSON, "a", "1")
    folder.joinpath("out").write_text("before")
    refused(1, "get", JSON, "missing", "-o", "out")
    assert folder.joinpath("out").read_text() == "before"
    os.symlink("out", "link")
    fine("get", JSON, "a", "-o", "link")
    assert folder.joinpath("out").read_text() == "1\n" and folder.joinpath("link").is_symlink()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(folder.joinpath("out").stat().st_mode) == 0o666 & ~mask
    fine("get", JSON, "a", "-o", "/dev/null")
    assert not stat.S_ISREG(os.stat("/dev/null").st_mode)
    assert sorted(os.listdir()) == ["data", "link", "out"]


def test_the_one_file_type_that_lies_there_is_meant(fine: Fine, refused: Refused) -> None:
    FileDirDict("data", file_type="json")["a"] = 1
    Path("data/README.md").write_text("no value")
    assert fine("get", "data", "a") == "1\n"
    FileDirDict("data", file_type="pkl")["b"] = 1
    assert "json, pkl" in refused(2, "get", "data", "a")
    assert fine("get", "data", "a", "--file-type", "json") == "1\n"
    assert fine("get", JSON, "a") == "1\n"


def test_immutable_items_stay(fine: Fine, refused: Refused) -> None:
    url = JSON + "&immutable_items=true"
    fine("put", url, "a", "1")
    assert "immutable" in refused(1, "put", url, "a", "2")
    assert "immutable" in refused(1, "put", url, "a", "--raw", "2")
    assert "immutable" in refused(1, "rm", url, "a", "--yes")
    assert "read_only" in refused(1, "put", JSON + "&read_only=true", "b", "--raw", "2")
    assert dict(FileDirDict("data", file_type="json").items()) == {"a": 1}


@pytest.mark.parametrize(
    "args, says",
    [
        (["put", JSON, "a", "dark"], "--text"),
        (["put", JSON, "a", "[" * 100_000], "no JSON"),
        (["put", JSON, "a", "1", "--file", __file__], "choose one"),
        (["put", JSON, "a", "1", "--text", "--raw"], "choose one"),
        (["put", JSON, "a", "--file", "missing"], "missing"),
        (["put", JSON, "a", "-5"], "stands after --"),
        (["put", JSON, "a//b", "1"], "no key"),
        (["put", JSON, "a/../b", "1"], "no key"),
        (["put", JSON, "", "1"], "no key"),
        (["put", JSON, "sp ace", "1"], "no key"),
        (["put", JSON, "a" * 254, "1"], "253"),
        (["get", JSON, "a", "--raw", "--json"], "--raw"),
    ],
)
def test_wrong_usage_changes_nothing(args: list[str], says: str, refused: Refused) -> None:
    assert says in refused(2, *args)
    assert not list(FileDirDict("data", file_type="json"))


def test_bytes_that_are_no_text(refused: Refused, fine: Fine) -> None:
    assert "--raw" in refused(2, "put", JSON, "a", "-", input=b"\xff\xfe")
    fine("put", JSON, "a", "--raw", "-", input=b"\xff\xfe")
    assert "no JSON" in refused(1, "get", JSON, "a")
