"""Interpreters that end in the middle: no hang, no corruption, nothing left undone."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from persidict_file import FileDirDict
from tests.crashes.ending import AT_ONCE, OLD, SOME, VERBS

SECONDS = 60.0
logging.getLogger("werkzeug").setLevel(logging.ERROR)


def told_by(function: str, *arguments: object, **environment: str) -> str:
    """What a process says; it must end well, and in time."""
    code = f"from tests.crashes import ending; ending.{function}()"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("number", [0, SOME])
@pytest.mark.parametrize("store", ["files", "five verbs"])
def test_what_threads_have_begun_is_done(store: str, number: int, tmp_path: Path) -> None:
    told = told_by("end_before_threads_have_done", store, tmp_path, number)
    assert sorted(told.splitlines()) == sorted(["ends", *VERBS])


@pytest.mark.parametrize("number", [0, SOME])
def test_what_threads_have_begun_on_s3_is_done(number: int, server_of_s3: dict[str, str]) -> None:
    told = told_by("end_before_threads_have_done", "s3", f"ended-{number}", number, **server_of_s3)
    assert sorted(told.splitlines()) == sorted(["ends", *VERBS])


def test_a_large_value_for_s3_is_refused_at_the_end(server_of_s3: dict[str, str]) -> None:
    told = told_by("end_before_a_large_value", "ended-large", "p", **server_of_s3)
    assert "write_file 'large'" in told and "the interpreter ends" in told
    assert told.endswith("[(SafeStrTuple('old'), 1), (SafeStrTuple('small'), 2)] []\n")


@pytest.mark.parametrize("way", ["reading", "walking"])
def test_what_was_being_read_holds_up_nothing(way: str, tmp_path: Path) -> None:
    assert told_by("end_in_the_middle", tmp_path, way) == "ends\n"
    assert dict(FileDirDict(tmp_path)) == OLD


def test_a_daemon_is_cut_off(tmp_path: Path) -> None:
    # It writes without end: if anything waited for it, nothing would be told.
    assert told_by("end_in_the_middle", tmp_path, "daemon") == "ends\n"
    found = dict(FileDirDict(tmp_path))
    new = {key: value for key, value in found.items() if key not in OLD}
    assert found == OLD | new and new == {f"new{n}": n for n in new.values()}
    # In order, but for those that were under way at once.
    assert len(new) > SOME and set(range(max(new.values()) - 2 * AT_ONCE)) <= set(new.values())
    d = FileDirDict(tmp_path)
    d["old0"] = 1
    assert d.transform("old0", lambda value: value + 1) == 2
