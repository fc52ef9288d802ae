"""Names on the disk: of temporaries, which nobody else may make, and of what was seen before."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from persidict_file import FileBackend
from persidict_file.atomic import Temporary

MANY = 200
PATIENCE = 60


def temporary_names(folder: str, count: int) -> list[str]:
    descriptor = os.open(folder, os.O_RDONLY)
    names = []
    try:
        for _ in range(count):
            temporary = Temporary(descriptor)
            temporary.close()
            names.append(temporary.name)
    finally:
        os.close(descriptor)
    return names


def _send_names(folder: str, end: Connection) -> None:
    end.send(temporary_names(folder, MANY))


def test_threads_and_forked_children_make_names_of_their_own(tmp_path: Path) -> None:
    made = temporary_names(str(tmp_path), MANY)
    context = multiprocessing.get_context("fork")
    for _ in range(2):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_send_names, args=(str(tmp_path), theirs))
        child.start()
        assert ours.poll(PATIENCE), "the child made no names"
        made += ours.recv()
        child.join(PATIENCE)
    with ThreadPoolExecutor(4) as pool:
        for names in pool.map(temporary_names, [str(tmp_path)] * 4, [MANY] * 4):
            made += names
    assert len(set(made)) == len(made) == 7 * MANY
    # A number may come back, to a child that was forked with the same count.
    assert len({name.partition("-")[2] for name in made}) == len(made)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "b c", "b\n", "b\0", "\u00e9", "b/../c", "b//c", "+b", "b/"]
)
def test_a_name_is_checked_in_a_folder_that_is_known(tmp_path: Path, name: str) -> None:
    backend = FileBackend(tmp_path)
    backend.write_bytes("a/b", b"1")
    assert backend.exists("a/b")
    for act in (backend.read_bytes, backend.exists, backend.stat, backend.delete):
        with pytest.raises(ValueError, match="is no path"):
            act(f"a/{name}")
    with pytest.raises(ValueError, match="is no path"):
        backend.write_bytes(f"a/{name}", b"2")
    assert os.listdir(tmp_path / "a") == ["b"]


@pytest.mark.parametrize("path", [5, b"a/b", None, Path("a/b")])
def test_a_path_is_a_str_in_a_folder_that_is_known(tmp_path: Path, path: object) -> None:
    backend = FileBackend(tmp_path)
    backend.write_bytes("a/b", b"1")
    with pytest.raises(TypeError, match="a path is a str"):
        backend.read_bytes(path)  # type: ignore[arg-type]
