"""What many writes at once trust to tell what could not be written."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from persidict_core import BackendError
from persidict_file import FileBackend, filesystems, groups
from tests.file.mounts import mounted

ITEMS = [(f"{number % 3}/{number}", b"x") for number in range(30)]


@pytest.fixture
def flushed_files(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The files, not folders, that are flushed each by itself."""
    flushed: list[int] = []
    fsync = os.fsync

    def count(descriptor: int) -> None:
        found = os.fstat(descriptor)
        if not stat.S_ISDIR(found.st_mode):
            flushed.append(found.st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", count)
    return flushed


@pytest.fixture
def any_kernel() -> Iterator[None]:
    groups._syncfs.cache_clear()
    yield
    groups._syncfs.cache_clear()


def write_all(backend: FileBackend) -> None:
    assert all(isinstance(result, str) for _, result in backend.write_many(ITEMS))


class Device:
    """Tells a failure once to each opening that was there, as Linux does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failed = False
        self._knowing: set[int] = set()
        self._write, self._close = os.write, os.close
        monkeypatch.setattr(os, "write", self._fail_later)
        monkeypatch.setattr(os, "close", self._forget)
        monkeypatch.setattr(groups, "_syncfs", lambda: self._flush)
        monkeypatch.setattr(groups, "is_overlay", lambda device: False)

    def _fail_later(self, descriptor: int, data: bytes) -> int:
        if not self.failed:
            self.failed = True
            listed = [int(name) for name in os.listdir("/proc/self/fd")]
            self._knowing = {each for each in listed if os.path.exists(f"/proc/self/fd/{each}")}
        return self._write(descriptor, data)

    def _forget(self, descriptor: int) -> None:
        self._knowing.discard(descriptor)
        self._close(descriptor)

    def _flush(self, descriptor: int) -> int:
        return errno.EIO if descriptor in self._knowing else 0


def test_a_failure_that_another_process_has_been_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has flushed in between, so that whoever opens the file system now hears nothing of it."""
    backend, opened = FileBackend(tmp_path), len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch:
        device = Device(patch)
        results = dict(backend.write_many(ITEMS))
    assert device.failed
    for path, _ in ITEMS:
        assert isinstance(results[path], BackendError), path
        assert "the device failed" in str(results[path]) and not backend.exists(path)
    assert len(os.listdir("/proc/self/fd")) == opened
    assert list(tmp_path.rglob("+*")) == []


@pytest.mark.root
@pytest.mark.parametrize("kind", ["overlay", "tmpfs", "ext4"])
def test_on_an_overlay_each_file_is_flushed(
    kind: str, tmp_path: Path, flushed_files: list[int]
) -> None:
    with mounted(kind, tmp_path) as point:
        write_all(FileBackend(point / "store"))
    assert len(flushed_files) == (30 if kind == "overlay" else 0)


def test_an_overlay_is_told_by_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "24 1 0:41 / / rw shared:1 - overlay overlay rw\n25 24 0:42 / /run rw - tmpfs run rw\n"
    (tmp_path / "mounts").write_text(lines)
    monkeypatch.setattr(filesystems, "MOUNTINFO", tmp_path / "mounts")
    assert filesystems.is_overlay(os.makedev(0, 41))
    assert not filesystems.is_overlay(os.makedev(0, 42))
    assert not filesystems.is_overlay(os.makedev(8, 41))


@pytest.mark.usefixtures("any_kernel")
@pytest.mark.parametrize("release", ["5.7.19-amd64", "4.18.0", "strange"])
def test_a_kernel_that_does_not_tell(
    release: str, tmp_path: Path, flushed_files: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
        write_all(FileBackend(tmp_path))
    assert len(flushed_files) == 30


@pytest.mark.usefixtures("any_kernel")
@pytest.mark.parametrize("release", ["5.8-rc1", "5.10.0-26-amd64", "6.18.4"])
def test_a_kernel_that_tells(
    release: str, tmp_path: Path, flushed_files: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "is_overlay", lambda device: False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
        write_all(FileBackend(tmp_path))
    assert flushed_files == []
