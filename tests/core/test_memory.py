"""``memory://``: what every backend keeps, and what is its own."""

from __future__ import annotations

import gc
import os
import pickle
import select
import threading
import uuid
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import persidict_core
from persidict_core import MemoryBackend, PersiDict
from persidict_core.testing import BackendTests, PersiDictTests
from persidict_core.testing.racing import ProcessTeam


class TestMemoryBackend(BackendTests):
    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()


class TestMemoryDict(PersiDictTests):
    @pytest.fixture
    def make_dict(self) -> Callable[..., PersiDict[Any]]:
        return lambda **params: PersiDict(MemoryBackend(), **params)


class TestStores:
    """Who shares a store with whom."""

    def test_one_name_is_one_store(self) -> None:
        name = uuid.uuid4().hex
        MemoryBackend(name).write_bytes("a", b"1")
        assert MemoryBackend(name).read_bytes("a") == b"1"
        assert MemoryBackend(name) == MemoryBackend(name)
        assert hash(MemoryBackend(name)) == hash(MemoryBackend(name))
        assert not list(MemoryBackend(name + "2").list_prefix())

    def test_a_named_store_outlives_its_backends(self) -> None:
        name = uuid.uuid4().hex
        MemoryBackend(name).write_bytes("a", b"1")
        gc.collect()
        assert MemoryBackend(name).read_bytes("a") == b"1"

    def test_without_a_name_each_is_private(self) -> None:
        one, other = MemoryBackend(), MemoryBackend()
        one.write_bytes("a", b"1")
        assert not other.exists("a")
        assert one != other
        assert one == pickle.loads(pickle.dumps(one))

    def test_a_private_store_ends_with_its_last_backend(self) -> None:
        backend = MemoryBackend()
        copy = pickle.dumps(backend)
        del backend
        gc.collect()
        with pytest.raises(RuntimeError, match="share a folder"):
            pickle.loads(copy)

    def test_a_dictionary_by_url_is_shared_by_its_name(self) -> None:
        url = f"memory://{uuid.uuid4().hex}?file_type=json"
        persidict_core.open(url)["a"] = [1]
        d = persidict_core.open(url)
        assert d["a"] == [1] and d.url == url

    def test_a_copy_of_a_subclass_is_of_that_class(self) -> None:
        backend = Counting(uuid.uuid4().hex, step=3)
        copy = pickle.loads(pickle.dumps(backend))
        assert type(copy) is Counting and copy.step == 3 and copy == backend

    def test_many_threads_that_name_a_new_store_share_one(self) -> None:
        for _ in range(50):
            name = uuid.uuid4().hex
            with ThreadPoolExecutor(8) as pool:
                backends = list(pool.map(lambda _: MemoryBackend(name), range(8)))  # noqa: B023
            assert len(set(backends)) == 1


class Counting(MemoryBackend):
    def __init__(self, name: str | None = None, step: int = 1) -> None:
        super().__init__(name)
        self.step = step


class TestOtherProcesses:
    """A store lives in one process, and says so anywhere else."""

    @pytest.mark.parametrize("name", [None, "named"])
    @pytest.mark.parametrize("kind", ["backend", "dictionary"])
    def test_a_pickle_does_not_open_elsewhere(self, name: str | None, kind: str) -> None:
        backend = MemoryBackend(name)
        subject = backend if kind == "backend" else PersiDict(backend)
        with pytest.raises(AssertionError) as caught:
            ProcessTeam(subject, 1).__enter__()
        assert isinstance(caught.value.__cause__, RuntimeError)
        assert "share a folder or a bucket" in str(caught.value.__cause__)

    @pytest.mark.parametrize("name", [None, "named-before-the-fork"])
    def test_nor_in_a_child_of_a_fork(self, name: str | None) -> None:
        backend = MemoryBackend(name)
        packed = pickle.dumps(backend)
        assert in_a_child(lambda: pickle.loads(packed)) == "RuntimeError"

    def test_a_child_has_a_copy_of_its_own(self) -> None:
        backend = MemoryBackend()
        backend.write_bytes("a", b"1")

        def use() -> None:
            assert backend.read_bytes("a") == b"1"
            backend.write_bytes("a", b"child")
            copy = pickle.loads(pickle.dumps(backend))
            assert copy.read_bytes("a") == b"child"
            assert MemoryBackend("made-in-the-child").write_bytes("b", b"2")

        assert in_a_child(use) == "well"
        assert backend.read_bytes("a") == b"1"

    def test_a_child_forked_under_the_lock_can_write(self) -> None:
        backend = MemoryBackend()
        held, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            with backend._store.lock:
                held.set()
                go_on.wait(30)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(30)
        try:
            assert in_a_child(lambda: backend.write_bytes("a", b"child")) == "well"
        finally:
            go_on.set()
            holder.join()


def in_a_child(act: Callable[[], object]) -> str:
    """Run a function in a child of a fork; "well", or the name of what it raised, or "hangs"."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            act()
            os.write(writer, b"well")
        except BaseException as error:
            os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        ready, _, _ = select.select([told], [], [], 20)
        if not ready:
            os.kill(pid, 9)
        os.waitpid(pid, 0)
        return told.read().decode() or "hangs"


def test_what_was_read_cannot_change_the_store() -> None:
    data = bytearray(b"abc")
    backend = MemoryBackend()
    backend.write_bytes("a", data)  # type: ignore[arg-type]
    data[0] = 0
    assert backend.read_bytes("a") == b"abc"


def test_after_a_fork_etags_are_not_the_parents() -> None:
    backend = MemoryBackend(uuid.uuid4().hex)
    before = backend.write_bytes("a", b"before")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        told = backend.identity, backend.stat("a").etag, backend.write_bytes("a", b"child")
        os.write(writer, " ".join(told).encode())
        os._exit(0)
    os.waitpid(child, 0)
    identity, same, etag = os.read(reader, 1000).decode().split()
    os.close(reader)
    os.close(writer)
    assert same == before
    assert etag != backend.write_bytes("a", b"parent")
    assert identity != backend.identity
