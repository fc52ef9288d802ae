"""A clean-up that fails hides nothing: what was written is told as written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from persidict_core import ABSENT, BackendError
from persidict_file import FileBackend, FileDirDict, groups


def fail(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_many_that_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    d: FileDirDict[int] = FileDirDict(tmp_path, immutable_items=True)
    monkeypatch.setattr(os, "unlink", fail)
    d.update({"a": 1, "b": 2})
    assert dict(d) == {"a": 1, "b": 2}


def test_what_is_created_is_flushed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, flushed, fsync = FileBackend(tmp_path), [], os.fsync

    def flush(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", fail)
        patch.setattr(os, "fsync", flush)
        etag = backend.write_if("a", b"1", ABSENT)
    assert backend.stat("a").etag == etag
    assert tmp_path.stat().st_ino in flushed
    [left] = tmp_path.glob("+*")
    list(backend.sweep(remove=True, older_than=0))
    assert not left.exists()


def test_a_folder_that_became_a_file_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, place = FileBackend(tmp_path), groups.place

    def place_and_replace(*arguments: Any) -> os.stat_result:
        (tmp_path / "z").rename(tmp_path / "moved")
        (tmp_path / "z").write_bytes(b"a file")
        return place(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(groups, "place", place_and_replace)
        results = dict(backend.write_many([("a/x", b"1"), ("z/x", b"2")]))
    assert results["a/x"] == backend.stat("a/x").etag
    assert isinstance(results["z/x"], BackendError)


def test_a_write_that_fails_says_its_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(os, "unlink", fail)
    with pytest.raises(BackendError, match="the disk is full"):
        FileBackend(tmp_path).write_bytes("a", b"1")
