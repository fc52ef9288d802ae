"""Temporaries of the dead are swept; those of the living are spared, and their writes land."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from persidict_core import ABSENT, BackendError, NotSupported, PersiDict, check
from persidict_file import FileBackend, FileDirDict, atomic, backend as backend_module, sweeping

PATH = "x/value"
LIMIT = 60.0


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    backend = FileBackend(tmp_path / "store", fsync=False)
    backend.write_bytes(PATH, b"old")
    return backend


def place_of(backend: FileBackend, name: str) -> Path:
    return Path(backend.root, name)


def leave(backend: FileBackend, name: str, age: float = 0.0) -> Path:
    place = place_of(backend, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"half")
    then = time.time() - age
    os.utime(place, (then, then))
    return place


def swept(backend: FileBackend, **params: float) -> list[str]:
    return [each.name for each in backend.sweep(True, **params)]  # type: ignore[arg-type]


class TestWhatIsSwept:
    def test_the_old_not_the_young(self, backend: FileBackend) -> None:
        old = leave(backend, "x/y/+1f-0123456789abcdef", sweeping.SPARED + 60)
        young = leave(backend, "+1f-fedcba9876543210", sweeping.SPARED - 60)
        (told,) = backend.sweep()
        assert told.name == "x/y/+1f-0123456789abcdef" and told.size == 4
        assert told.modified == old.stat().st_mtime
        assert list(backend.sweep(True)) == [told]
        assert not old.exists() and young.exists()
        assert swept(backend, older_than=sweeping.SPARED - 120) == ["+1f-fedcba9876543210"]
        assert backend.read_bytes(PATH) == b"old"

    def test_nothing_else(self, backend: FileBackend, tmp_path: Path) -> None:
        name = "+1f-0123456789abcdef"
        others = ["+", "+1f", "+1f-0123", "+xx-0123456789abcdef", "1f-0123456789abcdef", name + "0"]
        kept = [leave(backend, other, 1e6) for other in others]
        kept.append(leave(backend, "not a part/" + name, 1e6))
        outside = FileBackend(tmp_path / "outside")
        kept.append(leave(outside, name, 1e6))
        place_of(backend, "linked").symlink_to(outside.root)
        place_of(backend, "x/" + name).symlink_to(kept[-1])
        place_of(backend, "y").mkdir()
        os.mkfifo(place_of(backend, "y/" + name))
        place_of(backend, "z/" + name).mkdir(parents=True)
        assert swept(backend, older_than=0) == []
        assert swept(backend, prefix="linked/", older_than=0) == []  # type: ignore[arg-type]
        assert all(place.exists() for place in kept)
        assert place_of(backend, "x/" + name).is_symlink() and place_of(backend, "y/" + name)

    def test_under_a_prefix(self, backend: FileBackend) -> None:
        for folder in ("", "x/", "x/y/", "xy/"):
            leave(backend, folder + "+1f-0123456789abcdef", 1e6)
        under = sorted(each.name for each in backend.sweep(True, prefix="x/"))
        assert under == ["x/+1f-0123456789abcdef", "x/y/+1f-0123456789abcdef"]
        assert len(list(backend.sweep())) == 2

    def test_more_than_a_batch(self, backend: FileBackend, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sweeping, "_BATCH", 3)
        for number in range(20):
            leave(backend, f"x/+1f-{number:016x}", 1e6)
        assert len(swept(backend)) == 20 and swept(backend) == []

    def test_a_second_name_of_a_value(self, backend: FileBackend) -> None:
        """A creator that ended between ``link`` and ``unlink`` leaves one."""
        os.link(place_of(backend, PATH), place_of(backend, "x/+1f-0123456789abcdef"))
        etag = backend.stat(PATH).etag
        assert swept(backend, older_than=0) == ["x/+1f-0123456789abcdef"]
        assert backend.read_bytes(PATH) == b"old" and backend.stat(PATH).etag == etag
        backend.write_if(PATH, b"new", etag)  # And no lock is left on it.

    def test_deep_folders_want_no_recursion(self, backend: FileBackend) -> None:
        folder = "/".join(["d"] * 1200)
        try:
            backend.write_bytes(folder + "/value", b"deep")
            place_of(backend, folder + "/+1f-0123456789abcdef").write_bytes(b"half")
            assert swept(backend, older_than=0) == [folder + "/+1f-0123456789abcdef"]
        finally:
            # Python's own rmtree, which would clear the test's folder, does recurse.
            subprocess.run(["rm", "-r", backend.root], check=True)

    @pytest.mark.parametrize("age", [-1, float("nan")])
    def test_an_age_that_is_none(self, backend: FileBackend, age: float) -> None:
        with pytest.raises(ValueError, match="older_than"):
            backend.sweep(older_than=age)
        with pytest.raises(ValueError, match="prefix"):
            backend.sweep(prefix="x")

    def test_a_missing_store_has_none(self, tmp_path: Path) -> None:
        assert swept(FileBackend(tmp_path / "none"), older_than=0) == []
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(BackendError, match=r"sweep.*is not a folder"):
            list(FileBackend(tmp_path / "file").sweep())


class TestClocks:
    def test_the_age_is_told_by_the_file_systems_clock(
        self, backend: FileBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(time, "time", lambda: 4e9)
        leave(backend, "+1f-0123456789abcdef")
        os.utime(place_of(backend, "+1f-0123456789abcdef"))
        assert swept(backend) == []

    def test_a_full_disk_can_be_swept(
        self, backend: FileBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leave(backend, "+1f-0123456789abcdef", 1e6)
        make = os.open

        def full(path: str, flags: int, *args: int, **named: int) -> int:
            if flags & os.O_CREAT:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return make(path, flags, *args, **named)

        monkeypatch.setattr(os, "open", full)
        assert swept(backend) == ["+1f-0123456789abcdef"]

    def test_without_locks_only_what_is_a_day_old(
        self, backend: FileBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def flock(descriptor: int, what: int) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        leave(backend, "+1f-0123456789abcdef", 80_000)
        leave(backend, "+2f-0123456789abcdef", 90_000)
        monkeypatch.setattr("fcntl.flock", flock)
        assert swept(backend) == ["+2f-0123456789abcdef"]

    def test_where_nothing_can_be_told_it_refuses(
        self, backend: FileBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backend_module, "RELATIVE", False)
        with pytest.raises(NotSupported, match="cannot tell debris"):
            backend.sweep()
        found = check(PersiDict(backend))
        assert found.debris is None and "the store cannot tell" in str(found)
        with pytest.raises(NotSupported):
            check(PersiDict(backend), repair=True)


_STREAMS = """
with backend.write_file("x/value") as file:
    file.write(b"n" * 100_000)
    file.flush()
    stop()
"""

# All are written and none is locked: the flush is still to come.
_MANY = """
flush = groups._syncfs()
groups._syncfs = lambda: lambda descriptor: stop() or flush(descriptor)
groups.is_overlay = lambda device: False
items = [("x/value", b"n" * 100_000)] + [(f"x/{number}", b"n") for number in range(20)]
assert all(isinstance(result, str) for _, result in backend.write_many(items))
"""

# The file is made, but its lock is not taken yet.
_UNLOCKED = """
lock = atomic.lock
def wait(descriptor):
    atomic.lock = lock
    stop()
    return lock(descriptor)
atomic.lock = wait
backend.write_bytes("x/value", b"n" * 100_000)
"""

_CREATES = """
write = atomic.Temporary.write
def wait(temporary, data):
    atomic.Temporary.write = write
    write(temporary, data)
    stop()
atomic.Temporary.write = wait
backend.write_if("x/created", b"n" * 100_000, ABSENT)
backend.write_bytes("x/value", backend.read_bytes("x/created"))
"""

# The lock of the folder is held, that of the file no more.
_PLACES = """
stamp = atomic.stamp
def wait(*arguments):
    atomic.stamp = stamp
    stop()
    return stamp(*arguments)
atomic.stamp = wait
backend.write_bytes("x/value", b"n" * 100_000)
"""

LOCKED = pytest.mark.parametrize("program", [_STREAMS, _CREATES], ids=["streams", "creates"])
UNLOCKED = pytest.mark.parametrize(
    ("program", "count"),
    [(_MANY, 21), (_UNLOCKED, 1), (_PLACES, 1)],
    ids=["many", "not locked yet", "locked no more"],
)

_WRITER = """
import os, signal, sys
from persidict_core import ABSENT
from persidict_file import FileBackend, atomic, groups
backend = FileBackend(sys.argv[1])
def stop():
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@contextmanager
def stopped(backend: FileBackend, program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A writer that has stopped itself in the middle."""
    command = [sys.executable, "-c", _WRITER + program, backend.root]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment) as writer:
        try:
            deadline = time.monotonic() + LIMIT
            while not (status := os.waitpid(writer.pid, os.WUNTRACED | os.WNOHANG))[0]:
                assert time.monotonic() < deadline, "the writer did not stop"
                time.sleep(0.005)
            assert os.WIFSTOPPED(status[1]), "the writer ended before it stopped"
            yield writer
        finally:
            writer.kill()


class TestTheLiving:
    """A writer that was stopped in the middle, a sweep, and the writer goes on."""

    @LOCKED
    def test_what_is_locked_is_spared(self, backend: FileBackend, program: str) -> None:
        with stopped(backend, program) as writer:
            assert debris(backend) and swept(backend, older_than=0) == [] and debris(backend)
            writer.send_signal(signal.SIGCONT)
            assert writer.wait(LIMIT) == 0
        assert backend.read_bytes(PATH) == b"n" * 100_000 and debris(backend) == []

    @UNLOCKED
    def test_what_is_not_is_spared_while_it_is_young(
        self, backend: FileBackend, program: str, count: int
    ) -> None:
        with stopped(backend, program) as writer:
            assert swept(backend) == [] and len(debris(backend)) == count
            writer.send_signal(signal.SIGCONT)
            assert writer.wait(LIMIT) == 0
        assert backend.read_bytes(PATH) == b"n" * 100_000 and debris(backend) == []

    @UNLOCKED
    def test_the_write_lands_even_where_it_was_swept(
        self, backend: FileBackend, program: str, count: int
    ) -> None:
        with stopped(backend, program) as writer:
            assert len(swept(backend, older_than=0)) == count and debris(backend) == []
            writer.send_signal(signal.SIGCONT)
            assert writer.wait(LIMIT) == 0
        assert backend.read_bytes(PATH) == b"n" * 100_000 and debris(backend) == []

    @LOCKED
    def test_the_lock_is_what_spares_it(
        self, backend: FileBackend, program: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweeping, "try_lock", lambda descriptor: None)
        with stopped(backend, program) as writer:
            assert len(swept(backend, older_than=0)) == 1
            writer.send_signal(signal.SIGCONT)
            assert writer.wait(LIMIT) == 0
        # Even then nothing is lost.
        assert backend.read_bytes(PATH) == b"n" * 100_000

    @pytest.mark.parametrize("program", [_STREAMS, _MANY, _UNLOCKED, _CREATES, _PLACES])
    def test_the_dead_are_swept_at_once(self, backend: FileBackend, program: str) -> None:
        with stopped(backend, program) as writer:
            writer.kill()
            writer.wait(LIMIT)
            assert swept(backend, older_than=0) and debris(backend) == []
        assert backend.read_bytes(PATH) == b"old"


def debris(backend: FileBackend) -> list[str]:
    return [path.name for path in Path(backend.root).rglob("+*")]


def test_check_repairs_a_folder(tmp_path: Path) -> None:
    d = FileDirDict(tmp_path / "store", file_type="json", cache=str(tmp_path / "cache"))
    d["a"] = 1
    far = leave(d.backend, "x/+1f-0123456789abcdef", 1e6)
    assert isinstance(d.cache, FileBackend)
    near = leave(d.cache, "+1f-0123456789abcdef", 1e6)
    found = check(d)
    assert found.debris is not None and found.debris.total == 2 and not found.healthy
    assert far.exists() and near.exists()
    assert check(d, repair=True).healthy and not far.exists() and not near.exists()
    assert check(d).healthy and d["a"] == 1


def test_a_temporary_is_what_is_looked_for(backend: FileBackend) -> None:
    folder = os.open(backend.root, os.O_RDONLY)
    try:
        temporary = atomic.Temporary(folder)
        temporary.keep()
        temporary.close()
    finally:
        os.close(folder)
    assert swept(backend, older_than=0) == [temporary.name]


def test_two_sweepers_side_by_side(backend: FileBackend) -> None:
    for number in range(200):
        leave(backend, f"x/+1f-{number:016x}", 1e6)
    other = FileBackend(backend.root)
    both = zip(backend.sweep(True), other.sweep(True), strict=False)
    names = [each.name for pair in both for each in pair]
    names += [*swept(backend), *swept(other)]
    assert len(set(names)) == 200 and debris(backend) == []
    assert backend.write_if("x/new", b"", ABSENT)
