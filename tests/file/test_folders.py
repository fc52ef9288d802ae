"""Folders that cannot be made: an error, and no loop without end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from persidict_core import BackendError
from persidict_file import FileBackend, FileDirDict

LOST = "No such file or directory .*is a link to nothing"


@pytest.fixture(autouse=True)
def few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop without end ends here."""
    mkdir, left = os.mkdir, iter(range(5000))

    def make(*arguments: object, **named: object) -> None:
        assert next(left, None) is not None, "it tries for ever"
        mkdir(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "mkdir", make)


WAYS: list[Callable[[str], object]] = [
    FileDirDict,
    lambda root: FileBackend(root).write_bytes("a", b""),
    lambda root: FileBackend(root).write_file("a").__enter__(),
]


@pytest.mark.parametrize("way", WAYS, ids=["dictionary", "write", "stream"])
def test_a_folder_below_a_link_to_nothing(way: Callable[[str], object], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("not mounted")
    with pytest.raises(BackendError, match=LOST):
        way(str(tmp_path / "link/sub/store"))


def test_of_many_each_says_so(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("not mounted")
    backend = FileBackend(tmp_path / "link/store")
    for _, result in backend.write_many([("a", b""), ("b/c", b"")]):
        with pytest.raises(BackendError, match=LOST):
            raise result if isinstance(result, Exception) else AssertionError(result)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder in which none can be made")
def test_where_no_folder_can_be_made() -> None:
    with pytest.raises(BackendError, match="No such file or directory"):
        FileDirDict("/proc/nothing/store")


def test_a_known_folder_that_became_a_link_to_nothing(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path)
    for data in (b"older", b"old"):
        backend.write_bytes("x/y/v", data)
    (tmp_path / "x").rename(tmp_path / "moved")
    (tmp_path / "x").symlink_to("nothing")
    with pytest.raises(BackendError, match=LOST):
        backend.write_bytes("x/y/v", b"new")
    assert (tmp_path / "moved/y/v").read_bytes() == b"old"
