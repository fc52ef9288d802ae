"""Prefix, counting and failing, each by itself."""

from __future__ import annotations

import os
import pickle
import time

import pytest

from persidict_core import (
    ABSENT,
    BackendError,
    MemoryBackend,
    ObjectNotFound,
    PersiDict,
    PreconditionFailed,
)
from persidict_core.layers import (
    CountingBackend,
    FailingBackend,
    LatencyBackend,
    PrefixBackend,
)


def test_prefix_tells_the_path_that_was_given() -> None:
    store = MemoryBackend()
    part = PrefixBackend(store, "p/q/")
    store.write_bytes("other", b"x")
    etag = part.write_bytes("a", b"1")
    assert list(part.list_stats()) == [part.stat("a")] and part.stat("a").path == "a"
    with pytest.raises(PreconditionFailed) as told:
        part.write_if("a", b"2", ABSENT)
    assert (told.value.path, told.value.current) == ("a", part.stat("a"))
    ((path, failure),) = part.write_many([("a", b"2")], ABSENT)
    assert path == "a" and isinstance(failure, PreconditionFailed) and failure.path == "a"
    with pytest.raises(ObjectNotFound) as absent, part.write_file("b", ABSENT):
        store.read_bytes("elsewhere")
    assert absent.value.path == "elsewhere", "the caller's own error was changed"
    assert not part.exists("b")
    part.delete_if("a", etag)
    assert list(store.list_prefix()) == ["other"]


def test_prefix_that_is_none() -> None:
    for bad in ("a", "/", "../", "a//"):
        with pytest.raises(ValueError, match=r"prefix|path"):
            PrefixBackend(MemoryBackend(), bad)

    class Short(MemoryBackend):
        max_path_bytes = 5

    with pytest.raises(ValueError, match="no room"):
        PrefixBackend(Short(), "abcd/")


def test_counts() -> None:
    counted = CountingBackend(MemoryBackend("counts"))
    list(counted.write_many([("a", b"1"), ("b", b"2")]))
    copy = pickle.loads(pickle.dumps(counted))
    copy.read_bytes("a")
    assert dict(counted.counts) == {"write_bytes": 2} and dict(copy.counts) == {"read_bytes": 1}
    d: PersiDict[int] = PersiDict(counted)
    d["n"] = 1
    counted.counts.clear()
    d.transform("n", lambda value: value + 1)
    assert dict(counted.counts) == {"read_versioned": 1, "write_if": 1}


def test_counting_survives_a_fork_while_a_thread_counts() -> None:
    counted = CountingBackend(MemoryBackend())
    with counted._tally.lock:
        pid = os.fork()
        if not pid:
            counted.exists("a")
            os._exit(0 if counted.counts["exists"] == 1 else 1)
    deadline = time.monotonic() + 20
    while not (ended := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < deadline:
        time.sleep(0.002)
    if not ended[0]:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    assert ended == (pid, 0), "the child waits for a lock of its parent's thread"


def test_failures_after_and_times() -> None:
    store = MemoryBackend()
    failing = FailingBackend(store, {"write_bytes": BackendError}, after=1, times=2)
    found = [result for _, result in failing.write_many((path, b"x") for path in "abcd")]
    assert [isinstance(result, BackendError) for result in found] == [False, True, True, False]
    assert sorted(store.list_prefix()) == ["a", "d"]
    assert failing.read_bytes("a") == b"x"
    always = FailingBackend(store, {"read_versioned": ObjectNotFound})
    copy = pickle.loads(pickle.dumps(always))
    for layer in (always, copy, always):
        with pytest.raises(ObjectNotFound):
            layer.read_versioned("a")
    assert copy == always
    with pytest.raises(ValueError, match="no verb 'read'"):
        FailingBackend(store, {"read": OSError})
    with pytest.raises(ValueError, match="numbers of calls"):
        FailingBackend(store, {}, after=-1)
    with pytest.raises(ValueError, match="not negative"):
        LatencyBackend(store, -1)
