"""A file on which a file server holds a lease is read once that has ended."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from persidict_core import BackendError
from persidict_file import FileBackend, reading

if not hasattr(fcntl, "F_SETLEASE"):
    pytest.skip("Linux has leases", allow_module_level=True)

# It gives the lease back when the system asks for it, but not at once.
_HOLDER = """
import fcntl, os, signal, sys, time
def give_back(number, frame):
    time.sleep(0.1)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
signal.signal(signal.SIGIO, give_back)
descriptor = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def leased(tmp_path: Path) -> Iterator[FileBackend]:
    backend = FileBackend(tmp_path)
    backend.write_bytes("a", b"value")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, tmp_path / "a"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != "held\n":
            pytest.skip("this file system has no leases")
        yield backend
        holder.kill()


def _versioned(backend: FileBackend) -> bytes:
    found = backend.read_versioned("a")
    assert isinstance(found, tuple)
    return found[0]


def _streamed(backend: FileBackend) -> bytes:
    with backend.read_file("a") as file:
        return file.read()


def _copied(backend: FileBackend) -> bytes:
    unflushed = FileBackend(backend.root, fsync=False)
    assert isinstance(dict(unflushed.copy_many(unflushed, [("a", "b")]))["b"], str)
    return unflushed.read_bytes("b")


WAYS: dict[str, Callable[[FileBackend], bytes]] = {
    "whole": lambda backend: backend.read_bytes("a"),
    "versioned": _versioned,
    "streamed": _streamed,
    "copied": _copied,
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_waited_for(way: str, leased: FileBackend) -> None:
    assert WAYS[way](leased) == b"value"


def test_it_is_written_meanwhile(leased: FileBackend) -> None:
    leased.write_if("a", b"new", leased.stat("a").etag)
    assert leased.read_bytes("a") == b"new"


def refuse(*_: object, **__: object) -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def test_one_that_does_not_end_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = FileBackend(tmp_path)
    backend.write_bytes("a", b"value")
    monkeypatch.setattr(reading, "_LONGEST_LEASE", 0.05)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BackendError, match="Resource temporarily unavailable"):
        backend.read_bytes("a")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "a")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BackendError, match="FIFO"):
        FileBackend(tmp_path).read_bytes("a")
