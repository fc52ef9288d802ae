"""A process that is forked at any moment shares no lock to come, and no file in the making."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from persidict_core import BackendError
from persidict_file import FileBackend, locks
from tests.crashes.forked import PATH, WAYS

CALLS = ("open", "write", "fsync", "utime", "rename", "link", "unlink")


def said_by_child(act: Callable[[], Iterable[str]]) -> list[str]:
    """What a child that is forked here says, which then ends."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with open(tell, "w") as file:
                file.write("\n".join(act()))
        finally:
            os._exit(0)
    os.close(tell)
    with open(told) as said:
        lines = said.read().splitlines()
    os.waitpid(child, 0)
    return lines


def open_below(root: Path) -> list[str]:
    """Which files and folders of a store this process has open."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # The listing's own.
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return [each for each in found if each.startswith(str(root))]


@pytest.mark.parametrize("way", WAYS)
def test_a_child_has_nothing_open_that_is_locked_later(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = FileBackend(tmp_path)
    backend.write_bytes(PATH, b"old")
    assert backend.capabilities.delete_if
    said: list[str] = []
    parent = os.getpid()

    def look() -> list[str]:
        return open_below(tmp_path)

    def forking(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def fork_and_call(*arguments: Any, **named: Any) -> Any:
            if os.getpid() == parent:
                said.extend(f"{name}: {each}" for each in said_by_child(look))
            return call(*arguments, **named)

        return fork_and_call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, forking(name, getattr(os, name)))
        patch.setattr(fcntl, "flock", forking("flock", fcntl.flock))
        WAYS[way](backend)
    assert said == []
    assert not locks._held


def test_a_child_of_a_streams_block_has_nothing_open(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path)
    with backend.write_file(PATH) as file:
        file.write(b"new")
        assert said_by_child(lambda: open_below(tmp_path)) == []
    assert backend.read_bytes(PATH) == b"new"


ACTS: dict[str, Callable[[BinaryIO], object]] = {
    "leave": lambda file: None,
    "flush": lambda file: file.flush(),
    "truncate": lambda file: file.truncate(0),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_child_writes_nowhere_what_its_parent_began(act: str, tmp_path: Path) -> None:
    """The number of the stream's descriptor is now that of a file of the child's own."""
    backend, own = FileBackend(tmp_path / "store"), tmp_path / "own"
    child, code = -1, 1
    try:
        with backend.write_file(PATH) as file:
            file.write(b"buffered")
            if act == "truncate":
                file.flush()
            child = os.fork()
            if child == 0:
                for _ in range(5):
                    os.write(os.open(own, os.O_WRONLY | os.O_CREAT), b"precious")
                ACTS[act](file)
            else:
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BackendError as error:
        if child == 0:
            os._exit(0 if "process that began it" in str(error) else 2)
        raise
    finally:
        if child == 0:
            os._exit(3)
    assert code == 0
    assert own.read_bytes() == b"precious"
    assert backend.read_bytes(PATH) == b"buffered"


def test_a_child_goes_on_with_a_sweep(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path)
    names = {f"+1-{number:016x}" for number in range(5)}
    for name in names:
        (tmp_path / name).touch()
    found = backend.sweep(older_than=0)
    first = next(found).name
    assert {*said_by_child(lambda: [each.name for each in found])} == names - {first}
