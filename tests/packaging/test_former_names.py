"""Submodules that programs for earlier versions import answer still; names that went say so."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import persidict
import persidict_core
from persidict_core.former_names import TODAY

MIGRATING = Path(__file__).parents[2] / "docs/migrating.md"
STUBS = Path(persidict.__file__).with_name("persidict-stubs")
FORMER = Path(persidict_core.__file__).with_name("former")
NAMES = {
    "jokers": "Joker KEEP_CURRENT DELETE_CURRENT KeepCurrentFlag DeleteCurrentFlag "
    "KeepCurrent DeleteCurrent",
    "safe_chars": "SAFE_CHARS_SET SAFE_STRING_MAX_LENGTH get_safe_chars replace_unsafe_chars",
    "safe_str_tuple": "SafeStrTuple",
    "safe_str_tuple_signing": "sign_safe_str_tuple unsign_safe_str_tuple",
    "persi_dict": "PersiDict PersiDictKey",
    "file_dir_dict": "FileDirDict",
    "write_once_dict": "WriteOnceDict",
    "overlapping_multi_dict": "OverlappingMultiDict",
}


@pytest.mark.parametrize("name", NAMES)
def test_former_submodule_has_its_names(name: str) -> None:
    found = importlib.import_module(f"persidict.{name}")
    for attribute in NAMES[name].split():
        value = getattr(found, attribute)
        assert value is getattr(persidict, attribute, value)


def test_former_s3_dict_says_what_to_install_where_s3_is_not() -> None:
    try:
        from persidict import S3Dict
    except ImportError as error:
        with pytest.raises(ImportError, match="pip install persidict-s3"):
            importlib.import_module("persidict.s3_dict")
        assert "pip install persidict-s3" in str(error)
    else:
        assert importlib.import_module("persidict.s3_dict").S3Dict is S3Dict


def test_each_has_a_stub() -> None:
    files = {path.stem for path in FORMER.glob("*.py")}
    assert files == {"__init__", "s3_dict", *NAMES}
    assert {path.stem for path in STUBS.glob("*.pyi")} == files


def test_plain_import_statement_works(tmp_path: Path) -> None:
    code = "import persidict.jokers\nprint(persidict.jokers.KeepCurrent)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("KEEP_CURRENT", "")


def test_unknown_submodule_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"persidict\.nonsense"):
        importlib.import_module("persidict.nonsense")


def test_former_values() -> None:
    jokers = importlib.import_module("persidict.jokers")
    assert jokers.KeepCurrent is persidict.KEEP_CURRENT
    assert jokers.DeleteCurrent is persidict.DELETE_CURRENT
    chars = importlib.import_module("persidict.safe_chars")
    assert isinstance(chars.SAFE_CHARS_SET, set) and "a" in chars.SAFE_CHARS_SET
    assert chars.SAFE_STRING_MAX_LENGTH == 253


def test_former_signing() -> None:
    signing = importlib.import_module("persidict.safe_str_tuple_signing")
    signed = signing.sign_safe_str_tuple(("a", ["b"]), 8)
    assert signed == ("a_btaxlooa", "b_slvv77xg")
    assert signing.sign_safe_str_tuple(signed, 8) == signed
    assert signing.unsign_safe_str_tuple(signed, 8) == ("a", "b")
    assert signing.sign_safe_str_tuple("a", 0) == "a"
    for digest_len in (-1, 27):
        with pytest.raises(ValueError, match="digest_len"):
            signing.sign_safe_str_tuple("a", digest_len)
    with pytest.raises(ValueError, match="may hold only"):
        signing.unsign_safe_str_tuple("a/b", 8)


def names_that_went() -> dict[str, str]:
    """Each exported name in the first column of the page's table, with what stands beside it."""
    section = MIGRATING.read_text().split("\n## Names\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    return {
        name: today
        for before, today in rows
        for name in re.findall(r"\b[A-Z]\w+", before)
        if name != "True"
    }


@pytest.mark.parametrize("name", names_that_went())
def test_a_name_that_went_tells_what_the_page_tells(name: str) -> None:
    today = TODAY[name]
    said = f"persidict has no {name}" + (f"; today it is {today}" if today else " any more")
    assert (today or "none").split("(")[0].split(",")[0].split()[0] in names_that_went()[name]
    assert not hasattr(persidict, name) and getattr(persidict, name, 1) == 1
    with pytest.raises(AttributeError, match=re.escape(said)):
        getattr(persidict, name)


def test_the_page_has_a_table_of_names_that_went() -> None:
    assert {"LocalDict", "ETAG_IS_THE_SAME", "MutationPolicyError"} <= names_that_went().keys()
    assert not TODAY.keys() & {*dir(persidict)}


@pytest.mark.parametrize("name", TODAY)
def test_whoever_imports_a_name_that_went_sees_it(name: str) -> None:
    with pytest.raises(ImportError, match=rf"^persidict has no {name}( any more|; today it is .)"):
        exec(f"from persidict import {name}", {})


def test_other_names_are_as_unknown_as_ever() -> None:
    with pytest.raises(ImportError, match="cannot import name 'LocalDicts'"):
        exec("from persidict import LocalDicts", {})
    with pytest.raises(AttributeError, match=r"^module 'persidict' has no attribute 'LocalDicts'$"):
        persidict.LocalDicts  # noqa: B018
