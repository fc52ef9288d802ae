"""Processes that fork, and that are started: no hang, no corruption, no lock left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from persidict_core import PersiDict
from persidict_file import FileBackend, FileDirDict
from tests.crashes import forked

SECONDS = 60.0


def started(function: str, *arguments: object) -> subprocess.Popen[str]:
    code = f"from tests.crashes import forked; forked.{function}()"
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told_by(function: str, *arguments: object) -> str:
    """What a process says; it must end well, and in time."""
    with started(function, *arguments) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0
    return said


def is_writable(backend: FileBackend, most: float) -> bool:
    """Whether another process can write in time, in each way."""
    code = "import sys; from persidict_file import FileBackend; from persidict_core import ABSENT\n"
    code += "b = FileBackend(sys.argv[1]); e = b.write_bytes('folder/value', b'1')\n"
    code += "e = b.write_if('folder/value', b'2', e); b.delete_if('folder/value', e)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, backend.root]
    try:
        return subprocess.run(command, env=environment, timeout=most).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def killed_after_forking(root: Path, way: str, mutant: str, seconds: float) -> tuple[str, bool]:
    """What a child that was forked under locks has of them, and whether others can write."""
    backend = FileBackend(root)
    backend.write_bytes(forked.PATH, b"old")
    with started("fork_and_be_killed", backend.root, way, mutant) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            said = process.stdout.read()
            assert process.wait(SECONDS) < 0
            # The old or the new.
            assert backend.read_bytes(forked.PATH) == b"old"
            done = is_writable(backend, seconds)
        finally:
            process.kill()
            # Only now the child ends.
            process.stdin.close()
    return said, done


@pytest.mark.parametrize("way", forked.WAYS)
def test_a_child_of_a_killed_process_keeps_no_lock(way: str, tmp_path: Path) -> None:
    assert killed_after_forking(tmp_path, way, "nothing", SECONDS) == ("", True)


@pytest.mark.parametrize("way", ["plain", "delete_if"])
def test_a_child_that_kept_locks_would_hold_up_all(way: str, tmp_path: Path) -> None:
    said, done = killed_after_forking(tmp_path, way, "let go", 3)
    assert "/folder\n" in said and not done


def test_threads_write_while_another_forks(tmp_path: Path) -> None:
    assert told_by("fork_while_threads_write", tmp_path) == ""
    check_values(FileDirDict(tmp_path))


@pytest.mark.parametrize("way", ["fork", "forkserver", "spawn"])
def test_processes_that_are_started_share_a_dictionary(way: str, tmp_path: Path) -> None:
    assert told_by("start_processes", tmp_path, way) == ""
    check_values(FileDirDict(tmp_path))


def check_values(d: PersiDict[Any]) -> None:
    """All values can be read, and nothing else is left."""
    assert all(isinstance(value, int) for value in d.values())
    assert list(Path(d.base_url.removeprefix("file://")).rglob("+*")) == []


@pytest.mark.parametrize("way", ["exits", "goes on"])
def test_the_process_that_began_a_stream_ends_it(way: str, tmp_path: Path) -> None:
    said = told_by("fork_in_a_stream", tmp_path, way)
    assert said == "0 first, second"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["value"]
