"""What fails leaves the old value whole and no debris, and says what was wrong, and where."""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from persidict_core import ABSENT, BackendError, ObjectNotFound
from persidict_core.testing.racing import ProcessTeam
from persidict_file import FileBackend, atomic, groups
from tests.file import races
from tests.file.mounts import mounted, mounted_read_only

KILLS = 50
SIZE = 400_000

_WRITER = f"""
import os
import sys
from persidict_core import ABSENT
from persidict_file import FileBackend

backend, way = FileBackend(sys.argv[1], fsync=False), sys.argv[2]
flushed = FileBackend(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    data = (b"a", b"b", b"c")[number % 3] * {SIZE}
    if way == "write_bytes":
        backend.write_bytes("x/value", data)
    elif way == "write_file":
        with backend.write_file("x/value") as file:
            for _ in range(4):
                file.write(data[: {SIZE} // 4])
    elif way == "write_many":
        list(flushed.write_many([(f"x/value{{n}}", data) for n in range(10)] + [("x/value", data)]))
    elif way == "write_if":
        backend.write_if("x/value", data, backend.stat("x/value").etag)
    else:
        backend.write_if(f"x/value{{os.getpid()}}-{{number}}", data, ABSENT)
        backend.delete(f"x/value{{os.getpid()}}-{{number}}")
"""


def debris(root: str) -> list[str]:
    return [str(path) for path in Path(root).rglob("*") if path.name.startswith("+")]


def test_a_kill_in_the_middle_leaves_whole_values(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path / "store", fsync=False)
    backend.write_bytes("x/value", b"a" * SIZE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ways = ("write_bytes", "write_file", "write_many", "write_if", "create")
    left = 0
    for number in range(KILLS):
        command = [sys.executable, "-c", _WRITER, backend.root, ways[number % len(ways)]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
            try:
                assert writer.stdout is not None
                assert writer.stdout.readline() == b"ready\n"
                threading.Event().wait(random.uniform(0.0, 0.03))
                assert writer.poll() is None, "the writer ended by itself"
            finally:
                writer.send_signal(signal.SIGKILL)
        for path in backend.list_prefix():
            assert path.startswith("x/value"), path
            data = backend.read_bytes(path)
            assert len(data) == SIZE == data.count(data[:1]), "a torn value"
        assert list(backend.list_children()) == ["x/"]
        # No lock is left behind.
        etag = backend.write_bytes("x/value", b"a" * SIZE)
        backend.write_if("x/value", b"a" * SIZE, etag)
        left += len(debris(backend.root))
    assert left > 0, "no writer was killed in the middle of a write"


@pytest.mark.root
def test_a_full_disk(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path, "size=1m") as point:
        backend = FileBackend(point / "store")
        backend.write_bytes(races.PATH, b"old")
        for error in races.every_write(backend, b"n" * (2 << 20)):
            assert "the disk is full" in str(error) and repr(races.PATH) in str(error)
            assert isinstance(error.__cause__, OSError)
        assert backend.read_bytes(races.PATH) == b"old" and debris(backend.root) == []
        backend.write_bytes(races.PATH, b"n" * 500_000)


@pytest.mark.root
def test_a_read_only_file_system(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path / "store")
    etag = backend.write_bytes(races.PATH, b"old")
    with mounted_read_only(tmp_path):
        again = FileBackend(backend.root)
        for each in (backend, again):
            errors = races.every_write(each, b"new")
            for act in (
                lambda each=each: each.delete(races.PATH),
                lambda each=each: each.delete_if(races.PATH, etag),
                lambda each=each: each.write_if(races.PATH, b"new", etag),
            ):
                with pytest.raises(BackendError) as caught:
                    act()
                errors.append(caught.value)
            for error in errors:
                assert "mounted read-only" in str(error) and repr(races.PATH) in str(error)
        assert again.read_bytes(races.PATH) == b"old"
        assert [each.etag for each in again.list_stats()] == [etag]
        with pytest.raises(BackendError, match="mounted read-only"):
            FileBackend(tmp_path / "other").make_root()
    assert debris(backend.root) == []


def test_a_limit_of_size(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path / "store")
    backend.write_bytes(races.PATH, b"old")
    with ProcessTeam(backend, 1) as team:
        [said] = team.run(races.write_beyond_the_size_limit)
    assert len(said) == 4
    for text in said:
        assert "would be larger" in text and repr(races.PATH) in text
    assert backend.read_bytes(races.PATH) == b"old" and debris(backend.root) == []


@pytest.mark.root
def test_another_users_folder(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path / "store")
    backend.write_bytes(races.PATH, b"old")
    os.chmod(backend.root, 0o700)
    with ProcessTeam(backend, 1) as team:
        [said] = team.run(races.use_as_a_stranger)
    assert len(said) == 9
    for text in said:
        assert "this user may not" in text
    assert backend.read_bytes(races.PATH) == b"old" and debris(backend.root) == []


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    backend = FileBackend(tmp_path / "store")
    backend.write_bytes(races.PATH, b"old")
    return backend


def failing(is_failing: Callable[[int], bool]) -> Callable[[int], None]:
    fsync = os.fsync

    def fail(descriptor: int) -> None:
        if is_failing(descriptor):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    return fail


def is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def test_a_device_that_fails_to_flush_a_file(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(lambda descriptor: not is_folder(descriptor)))
    monkeypatch.setattr(groups, "_syncfs", lambda: lambda descriptor: errno.EIO)
    for error in races.every_write(backend, b"new"):
        assert "the device failed" in str(error) and repr(races.PATH) in str(error)
    assert backend.read_bytes(races.PATH) == b"old" and debris(backend.root) == []


def test_a_device_that_fails_to_flush_a_folder(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(is_folder))
    for error in races.every_write(backend, b"new"):
        assert "was done, but may not survive a power cut" in str(error)
        assert "the device failed" in str(error) and repr(races.PATH) in str(error)
    assert backend.read_bytes(races.PATH) == b"new" and debris(backend.root) == []
    with pytest.raises(BackendError, match="was done, but may not survive"):
        backend.delete(races.PATH)
    assert not backend.exists(races.PATH)


def test_without_syncfs_each_file_is_flushed(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = []
    fsync = os.fsync

    def count(descriptor: int) -> None:
        flushed.append(is_folder(descriptor))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", count)
    monkeypatch.setattr(groups, "is_overlay", lambda device: False)
    items = [(f"{n % 3}/{n}", b"x") for n in range(30)]
    assert all(isinstance(result, str) for _, result in backend.write_many(items))
    assert flushed.count(False) == 0 and 3 <= flushed.count(True) < 30
    flushed.clear()
    monkeypatch.setattr(groups, "_syncfs", lambda: None)
    assert all(isinstance(result, str) for _, result in backend.write_many(items))
    assert flushed.count(False) == 30


def test_many_deletions_flush_each_folder_once(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [f"{n % 3}/{n}" for n in range(30)]
    assert all(isinstance(etag, str) for _, etag in backend.write_many((p, b"") for p in paths))
    flushed = []
    fsync = os.fsync

    def count(descriptor: int) -> None:
        flushed.append(is_folder(descriptor))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", count)
    assert {result for _, result in backend.delete_many(paths)} == {None}
    assert flushed == [True] * 3


def test_many_deletions_that_may_not_last(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.write_bytes("a/b", b"")
    monkeypatch.setattr(os, "fsync", failing(is_folder))
    results = dict(backend.delete_many(["a/b", "a/absent"]))
    assert isinstance(results["a/absent"], ObjectNotFound)
    assert "was done, but may not survive a power cut" in str(results["a/b"])


def test_what_is_acknowledged_was_flushed_up_to_the_file_systems_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def inodes(names: list[str]) -> list[int]:
        return [(tmp_path / name).stat().st_ino for name in names]

    device = tmp_path.stat().st_dev
    above = [str(each) for each in tmp_path.parents if each.stat().st_dev == device]
    # The folders are there, made by somebody who may not have flushed them.
    (tmp_path / "store" / "x" / "y").mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", note)
    backend = FileBackend(tmp_path / "store")
    backend.write_bytes("x/y/a", b"1")
    assert flushed == inodes(["store/x/y/a", "store/x/y", "store/x", "store", ".", *above])
    flushed.clear()
    backend.write_bytes("x/y/b", b"1")
    assert flushed == inodes(["store/x/y/b", "store/x/y"])
    flushed.clear()
    # A folder that this process makes: those above the root last already.
    backend.write_bytes("x/z/a", b"1")
    assert flushed == inodes(["store/x/z/a", "store/x/z", "store/x", "store", "."])
    flushed.clear()
    # Folders that this process makes above the root, and a root that is a link.
    FileBackend(tmp_path / "p" / "q" / "store").write_bytes("x/a", b"1")
    made = ["p/q/store/x/a", "p/q/store/x", "p/q/store", "p/q", "p", "."]
    assert flushed == inodes([*made, *above])
    flushed.clear()
    (tmp_path / "link").symlink_to(tmp_path / "p" / "q" / "store")
    FileBackend(tmp_path / "link").write_bytes("x/b", b"1")
    assert flushed == inodes(["link/x/b", "link/x", "link", ".", "p/q", "p", *above])
    flushed.clear()
    # A folder that was removed and made again.
    (tmp_path / "store" / "x" / "y" / "a").unlink()
    (tmp_path / "store" / "x" / "y" / "b").unlink()
    (tmp_path / "store" / "x" / "y").rmdir()
    backend.write_bytes("x/y/b", b"1")
    assert flushed == inodes(["store/x/y/b", "store/x/y", "store/x", "store", "."])
    flushed.clear()
    FileBackend(tmp_path / "store", fsync=False).write_bytes("x/y/b", b"1")
    assert flushed == []


def test_a_folder_with_the_number_of_one_that_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has made it, and may not have flushed the folder above."""
    backend = FileBackend(tmp_path)
    backend.write_bytes("x/a", b"1")
    (tmp_path / "x" / "a").unlink()
    # The file system shall give the same number, which only some do: so it is moved.
    (tmp_path / "x").rename(tmp_path / "y")
    flushed: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    backend.write_bytes("y/a", b"1")
    assert tmp_path.stat().st_ino in flushed


def test_an_interrupt_leaves_nothing(backend: FileBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    etag = backend.stat(races.PATH).etag
    for target, name in ((os, "fsync"), (atomic, "stamp"), (atomic, "look"), (os, "rename")):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, interrupt)
            for act in (
                lambda: backend.write_bytes(races.PATH, b"new"),
                lambda: backend.write_if(races.PATH, b"new", etag),
                lambda: list(backend.write_many([(races.PATH, b"new")])),
            ):
                with pytest.raises(KeyboardInterrupt):
                    act()
    assert backend.read_bytes(races.PATH) == b"old" and debris(backend.root) == []
    # And no lock is left.
    backend.write_if(races.PATH, b"new", etag)


def test_a_creation_interrupted_after_it_is_done(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def interrupt(*arguments: str, **named: int) -> None:
        link(*arguments, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", interrupt)
    with pytest.raises(KeyboardInterrupt):
        backend.write_if("x/new", b"new", ABSENT)
    assert backend.read_bytes("x/new") == b"new" and debris(backend.root) == []


def test_a_forked_child_keeps_no_lock(backend: FileBackend) -> None:
    """A child that was forked in the middle of a write does not hold up later ones."""
    with ProcessTeam(backend, 1) as team:
        assert team.run(races.fork_in_the_middle) == [True]
