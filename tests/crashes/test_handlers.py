"""What a signal handler writes, where its own thread was in the middle of a write."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from persidict_core import BackendError, PreconditionFailed
from persidict_file import FileBackend, FileDirDict, locks

PATH = "folder/value"
SECONDS = 10


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    backend = FileBackend(tmp_path)
    backend.write_bytes(PATH, b"old")
    return backend


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise AssertionError("it waits for itself")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@contextmanager
def handled_at(
    call: str, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[object]]:
    """Let a signal come at a call of the system; what its handler's act gives or raises."""
    results: list[object] = []
    real = getattr(os, call)

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            results.append(act())
        except BackendError as error:
            results.append(error)

    def signalled(*arguments: Any, **named: Any) -> Any:
        patch.undo()
        os.kill(os.getpid(), signal.SIGUSR1)
        return real(*arguments, **named)

    before = signal.signal(signal.SIGUSR1, handle)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, signalled)
        yield results
    signal.signal(signal.SIGUSR1, before)


def _stream(backend: FileBackend) -> None:
    with backend.write_file("folder/other") as file:
        file.write(b"new")


def _many(backend: FileBackend) -> None:
    for _, result in backend.write_many([(PATH, b"new"), ("folder/other", b"new")]):
        if isinstance(result, Exception):
            raise result


def _delete_many(backend: FileBackend) -> None:
    for _, result in backend.delete_many([PATH]):
        if isinstance(result, Exception):
            raise result


def _copy(backend: FileBackend) -> None:
    unflushed = FileBackend(backend.root, fsync=False)
    for _, result in unflushed.copy_many(unflushed, [(PATH, "folder/other")]):
        if isinstance(result, Exception):
            raise result


WAYS: dict[str, Callable[[FileBackend], object]] = {
    "plain": lambda backend: backend.write_bytes("folder/other", b"new"),
    "conditional": lambda backend: backend.write_if(PATH, b"new", backend.stat(PATH).etag),
    "delete": lambda backend: backend.delete(PATH),
    "stream": _stream,
    "many": _many,
    "delete many": _delete_many,
    "copy": _copy,
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_refused_where_it_would_wait_for_itself(
    way: str, backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with handled_at("rename", lambda: WAYS[way](backend), monkeypatch) as results:
        backend.write_bytes(PATH, b"outer")
    [error] = results
    assert isinstance(error, BackendError) and "let another thread do it" in str(error)
    assert [*backend.list_prefix()] == [PATH] and backend.read_bytes(PATH) == b"outer"
    WAYS[way](backend)
    assert not locks._held


def test_a_transform_in_a_transform_of_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    d: FileDirDict[int] = FileDirDict(tmp_path)
    d["a"] = d["b"] = 1

    def add(key: str) -> int:
        return d.transform(key, lambda value: value + 1)

    with handled_at("fsync", lambda: add("a"), monkeypatch) as results:
        assert add("a") == 2
    assert isinstance(results[0], BackendError) and "another thread" in str(results[0])
    with handled_at("fsync", lambda: add("b"), monkeypatch) as results:
        assert add("a") == 3
    assert results == [2]


def test_it_is_done_where_nothing_is_locked(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with handled_at("rename", lambda: backend.write_bytes("b/v", b"new"), monkeypatch) as results:
        backend.write_bytes(PATH, b"outer")
    assert results == [backend.stat("b/v").etag]
    etag = backend.stat(PATH).etag
    with (
        handled_at("fsync", lambda: backend.write_bytes(PATH, b"inner"), monkeypatch) as results,
        pytest.raises(PreconditionFailed),
    ):
        backend.write_if(PATH, b"outer", etag)
    assert results == [backend.stat(PATH).etag]


@pytest.mark.parametrize("streams", [False, True], ids=["plain", "in a stream"])
def test_another_thread_is_waited_for(streams: bool, backend: FileBackend) -> None:
    """Also where this thread has the same folder open, but has not locked it."""
    begun = threading.Event()

    def hold() -> None:
        descriptor = os.open(Path(backend.root, "folder"), os.O_RDONLY)
        locks.lock(descriptor)
        begun.set()
        threading.Event().wait(0.2)
        os.close(descriptor)

    thread = threading.Thread(target=hold)
    if streams:
        with backend.write_file("folder/streamed") as file:
            thread.start()
            begun.wait()
            file.write(b"streamed")
            backend.write_bytes(PATH, b"new")
    else:
        thread.start()
        begun.wait()
        backend.write_bytes(PATH, b"new")
    thread.join()
    assert backend.read_bytes(PATH) == b"new"
