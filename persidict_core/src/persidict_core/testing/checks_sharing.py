"""Checks of what many see who use one store at once: threads, processes, children of a fork."""

from __future__ import annotations

import os
import pickle
import threading
import time
import traceback
import warnings
from typing import Final

from ..backend import UNCHANGED, BaseBackend, ETags, Scope
from ..errors import ObjectNotFound
from .expecting import raised
from .pace import turns
from .racing import ThreadTeam, shared_among, teams

_SIZES: Final = (1_000, 300_000, 70_000, 1_200_000)
_CHILD_SECONDS: Final = 30.0
_RUNS: Final = 10
_MOVING: Final = [
    f"s/{number % 5}/{where}moving{number}" for where in ("-", "") for number in range(44)
]


def look(backend: BaseBackend, index: int, path: str) -> bytes | None:
    """What another sees under a path, by every verb that looks; None if nothing is there."""
    listed = path in set(backend.list_prefix())
    there = backend.exists(path)
    try:
        size = backend.stat(path).size
        data = backend.read_bytes(path)
    except ObjectNotFound:
        assert not listed and not there, "listed or existing, but not to be read"
        return None
    assert listed and there and size == len(data), "read, but not listed, or of another size"
    return data


def put(backend: BaseBackend, index: int, path: str, data: bytes | None) -> None:
    """Write, or delete, as another does."""
    if data is None:
        backend.delete(path)
    else:
        backend.write_bytes(path, data)


def replace_or_read(backend: BaseBackend, index: int, path: str, times: int) -> None:
    """The first replaces an object again and again, the others read it: whole, or they raise."""
    if index == 0:
        for number in range(times):
            size = _SIZES[number % len(_SIZES)]
            backend.write_bytes(path, bytes([number % 256]) * size)
        return
    versions: dict[str, tuple[int, int]] = {}
    for number in range(times):
        if number % 2 or backend.capabilities.etags is ETags.NONE:
            data = backend.read_bytes(path)
        else:
            read = backend.read_versioned(path)
            assert read is not UNCHANGED
            data, stat = read
            assert stat.size == len(data), "read_versioned: the stat is of another version"
            seen = data[0], len(data)
            assert versions.setdefault(stat.etag, seen) == seen, "one etag, two contents"
        torn = len(data) not in _SIZES or data.count(data[:1]) != len(data)
        assert not torn, f"a torn read: {len(data)} bytes, of {len(set(data))} writes"


def use_own_names(backend: BaseBackend, index: int, times: int) -> None:
    """Use every verb on names of one's own, with nobody in between."""
    for number in range(times):
        path, data = f"own{index}/{number}", b"%d-%d" % (index, number)
        backend.write_bytes(path, data)
        assert backend.read_bytes(path) == data, f"{path} holds another's bytes"
        assert backend.stat(path).size == len(data), f"{path}: another's stat"
        own = list(backend.list_prefix(f"own{index}/"))
        assert own == [path], f"own{index}/ lists {own}"
        backend.delete(path)


def churn_or_list(backend: BaseBackend, index: int, stable: set[str], times: int) -> None:
    """The first two list, again and again; the others write and delete among what is listed."""
    if index >= 2:
        for _ in range(times):
            for number, path in enumerate(_MOVING[index % 2 :: 2]):
                backend.delete(path)
                if number % 3:
                    backend.write_bytes(path, b"x")
            for path in _MOVING[index % 2 :: 2]:
                backend.write_bytes(path, b"x")
        return
    for _ in range(times):
        found = list(backend.list_prefix() if index else backend.list_prefix("s/"))
        for path in stable:
            count = found.count(path)
            assert count == 1, f"{path}, untouched by others, was listed {count} times"
        strange = set(found) - stable - set(_MOVING)
        assert not strange, f"listed, but never written: {strange}"
        stats = {stat.path for stat in backend.list_stats("s/")}
        assert stats >= stable, "list_stats misses what nobody touched"
        assert set(backend.list_children("s/")) == {f"{n}/" for n in range(5)}, "list_children"


def check_visible_at_once(backend: BaseBackend, scope: Scope | None = None) -> None:
    """What one handle has written or deleted, every other sees at once, in other processes too.

    To mend: no cache that is not asked for, no buffer that is not flushed, no open transaction.
    """
    for number, team in enumerate(teams(backend, 2, shared_among(backend, scope))):
        for turn, data in enumerate((b"first", b"second, longer", b"", None, b"again")):
            path = f"seen/{number}"
            put(backend, 0, path, data)
            seen = team.run(look, path)
            assert seen == [data, data], f"after change {turn} to {data!r} others see {seen}"
        for data in (b"theirs", None):
            path = f"theirs/{number}"
            team.run(put, f"{path}-x", b"") if data is None else team.run(put, path, data)
            assert look(backend, 0, f"{path}-x" if data is None else path) is not None, "unseen"


def check_no_torn_reads(
    backend: BaseBackend, scope: Scope | None = None, increments: int = 100
) -> None:
    """While an object is being replaced, each read gives one write's bytes whole, never a gap.

    To mend: put new bytes aside and swap them in one step; read from one opened version.
    """
    for number, team in enumerate(teams(backend, 4, shared_among(backend, scope))):
        path = f"torn/{number}"
        backend.write_bytes(path, b"\0" * _SIZES[0])
        for _ in turns(2 * _RUNS):
            team.run(replace_or_read, path, max(1, increments // 5))


def check_threads(backend: BaseBackend, workers: int = 8) -> None:
    """Many threads use one handle at once, each for itself.

    To mend: a connection per thread, or a lock around the one; no state of a call on the instance.
    """
    with ThreadTeam(backend, workers) as team:
        for _ in turns(2 * _RUNS):
            team.run(use_own_names, 5)


def check_processes(backend: BaseBackend, scope: Scope | None = None, workers: int = 8) -> None:
    """Many at once who share the store do not disturb each other, in whatever scope it has.

    To mend: look for names or files that all use (temporaries, locks), and for "busy" as an error.
    """
    for team in teams(backend, workers, shared_among(backend, scope)):
        for _ in turns(_RUNS):
            team.run(use_own_names, 5)


def check_listing_while_others_write(
    backend: BaseBackend, scope: Scope | None = None, rounds: int = 200
) -> None:
    """While others write and delete, a listing gives all that they leave alone, each once.

    To mend: page by name and not by position; pass over what vanishes; show no temporaries.
    """
    stable = {f"s/{number % 5}/{number}" for number in range(150)}
    for path in (*_MOVING, *sorted(stable)):
        backend.write_bytes(path, b"x")
    for team in teams(backend, 4, shared_among(backend, scope)):
        for _ in turns(max(1, rounds // 20)):
            team.run(churn_or_list, stable, 2)


def _child(backend: BaseBackend, path: str) -> None:
    backend.write_bytes(path, b"child")
    assert look(backend, 0, path) == b"child", "a child does not find what it wrote"
    backend.write_bytes(path, b"child again")
    assert backend.read_bytes(path) == b"child again", "a child reads what was before"
    backend.delete(path)
    raised(ObjectNotFound, "read_bytes after delete in a child", backend.read_bytes, path)


def _fork(backend: BaseBackend, path: str) -> str:
    """What went wrong in a forked child; empty if nothing did."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of a fork with threads, which is what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            _child(backend, path)
            os.write(writer, b"ok")
        except BaseException:
            os.write(writer, traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(0)
    os.close(writer)
    deadline = time.monotonic() + _CHILD_SECONDS
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if time.monotonic() > deadline:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(reader)
            return f"it hung for {_CHILD_SECONDS:.0f} s: a lock or connection of its parent"
        time.sleep(0.002)
    told = os.read(reader, 4096).decode()
    os.close(reader)
    return "" if told == "ok" else told or "it ended without a word"


def check_fork(backend: BaseBackend) -> None:
    """A child forked while threads of its parent write can use the backend, and so can they.

    To mend: renew locks by ``os.register_at_fork``; key connections by ``os.getpid()``.
    """
    if not hasattr(os, "fork"):
        assert not hasattr(os, "register_at_fork"), "no fork, yet hooks for it"
        return
    ended = threading.Event()
    errors: list[Exception] = []

    def write(index: int) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            try:
                backend.write_bytes(f"parent/{index}", b"%d" % number)
                backend.read_bytes(f"parent/{index}")
            except Exception as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=write, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in turns(20):
            told = _fork(backend, f"child/{number}")
            assert not told, f"child {number} of a fork failed: {told}"
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not errors, f"a thread of the parent failed while it forked: {errors[0]!r}"
    assert sorted(backend.list_prefix()) == [f"parent/{index}" for index in range(4)], "listing"


def check_pickled_handle_shares_the_store(backend: BaseBackend) -> None:
    """A pickle of the backend opens the same store, used or not, again and again.

    To mend: keep constructor parameters as attributes; leave connections to their first use.
    """
    fresh = pickle.loads(pickle.dumps(backend))
    backend.write_bytes("p/a", b"1")
    used = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(backend))))
    for copy in (fresh, used):
        assert copy.exists("p/a"), "a pickled copy does not see the store"
        assert copy.read_bytes("p/a") == b"1", "a pickled copy reads something else"
        copy.write_bytes("p/b", b"2")
        assert backend.exists("p/b"), "a pickled copy writes elsewhere"
        copy.delete("p/b")
        copy.close()
    assert backend.read_bytes("p/a") == b"1", "closing a copy closed the store"
