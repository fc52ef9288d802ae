"""Checks of the verbs on many: in order, errors as results, lazily, within bounds."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from ..backend import BaseBackend, ETags
from ..errors import ObjectNotFound
from ..memory import MemoryBackend
from .expecting import raised, taken

_MILLION: Final = 1_000_000
_TAKEN_AHEAD: Final = 2_500
"""More than any batch: a thousand and what is read ahead."""


def check_many_in_order(backend: BaseBackend, many: int = 300) -> None:
    """Writing, reading, deleting many give each path with its result, in the order given.

    To mend: keep the order also where requests run at once.
    """
    items = {f"o/{(number * 7919) % many}": b"%d" % number for number in range(many)}
    written = list(backend.write_many(items.items()))
    assert [path for path, _ in written] == list(items), "write_many: not in the order given"
    for path, etag in written:
        assert isinstance(etag, str), f"write_many({path!r}) gave {etag!r}"
        known = backend.capabilities.etags is not ETags.NONE
        assert not known or backend.stat(path).etag == etag, f"write_many: not {path!r}'s etag"
    assert list(backend.read_many(items)) == list(items.items()), "read_many: order or bytes"
    deleted = list(backend.delete_many(items))
    assert deleted == [(path, None) for path in items], "delete_many: order or results"
    assert list(backend.list_prefix()) == [], "delete_many left some"


def check_failures_are_results(backend: BaseBackend) -> None:
    """What fails among many is a result of its own, and all the others are done.

    To mend: catch per item; raise only what the caller's own iterable raises.
    """
    for path in ("a", "c"):
        backend.write_bytes(path, b"x")
    for name, results in (
        ("read_many", taken("read_many", backend.read_many(["a", "b", "c"]))),
        ("delete_many", taken("delete_many", backend.delete_many(["a", "b", "c"]))),
    ):
        assert [path for path, _ in results] == ["a", "b", "c"], f"{name}: {results}"
        error = results[1][1]
        if name == "read_many" or error is not None:
            assert isinstance(error, ObjectNotFound), f"{name}('b'), absent, gave {error!r}"
            assert error.path == "b", f"{name}: the error's path is {error.path!r}"
        others = [result for _, result in (results[0], results[2])]
        assert not any(isinstance(each, Exception) for each in others), f"{name}: {others}"
    assert list(backend.list_prefix()) == [], "delete_many did not delete the others"


def check_callers_error_is_raised(backend: BaseBackend) -> None:
    """An exception of the iterable that is given comes through; what was before it is done.

    To mend: do not swallow it, and do not lose what was collected.
    """

    def paths() -> Iterator[str]:
        yield "a"
        raise ZeroDivisionError

    backend.write_bytes("a", b"x")
    for name, verb in (
        ("read_many", lambda: list(backend.read_many(paths()))),
        ("write_many", lambda: list(backend.write_many((path, b"y") for path in paths()))),
        ("delete_many", lambda: list(backend.delete_many(paths()))),
    ):
        raised(ZeroDivisionError, f"{name} of an iterable that raises", verb)


def check_many_are_taken_lazily(backend: BaseBackend) -> None:
    """Of a million only what is needed is taken, when the consumer stops after ten.

    To mend: make the verb a generator; no ``list(items)``; end the pool when the consumer leaves.
    """
    count = 0

    def paths() -> Iterator[str]:
        nonlocal count
        for number in range(_MILLION):
            count += 1
            yield f"l/{number % 50}"

    for number in range(50):
        backend.write_bytes(f"l/{number}", b"x")
    verbs: dict[str, Callable[[], Iterator[Any]]] = {
        "read_many": lambda: backend.read_many(paths()),
        "write_many": lambda: backend.write_many(
            (f"{path}/{count}", b"x" * 10) for path in paths()
        ),
        "delete_many": lambda: backend.delete_many(f"{path}/none{count}" for path in paths()),
    }
    for name, verb in verbs.items():
        count = 0
        results = verb()
        assert count <= _TAKEN_AHEAD, f"{name} takes {count} items before any result is asked for"
        for _ in range(10):
            next(results)
        del results
        assert count <= _TAKEN_AHEAD, f"{name} took {count} items for ten results"


def check_bounded(backend: BaseBackend) -> None:
    """However many are asked for, threads are at most ``concurrency`` more, and end.

    To mend: use ``persidict_core.bulk.in_order`` with the backend's ``concurrency``.
    """
    assert isinstance(backend.concurrency, int) and backend.concurrency >= 1, "concurrency"
    for number in range(20):
        backend.write_bytes(f"c/{number}", b"x")
    backend.read_bytes("c/0")
    before, most, count = threading.active_count(), 0, 0

    def paths() -> Iterator[str]:
        nonlocal count
        for number in range(5_000):
            count += 1
            yield f"c/{number % 20}"

    for done, _ in enumerate(backend.read_many(paths())):
        most = max(most, threading.active_count() - before)
        assert count - done <= _TAKEN_AHEAD, f"read_many took {count - done} items ahead"
    allowed = backend.concurrency if backend.concurrency > 1 else 0
    assert most <= allowed, f"{most} threads were started, concurrency is {backend.concurrency}"
    left = threading.active_count() - before
    assert left <= 0, f"{left} threads are left after read_many"


def check_copy_many(backend: BaseBackend) -> None:
    """Objects are copied from another store, and from this one; each path here with its result.

    To mend: read there, write here; where both are one endpoint the store may copy by itself.
    """
    other = MemoryBackend()
    other.write_bytes("there/1", b"one")
    other.write_bytes("there/2", b"")
    pairs = [("there/1", "here/1"), ("there/none", "here/none"), ("there/2", "here/x/2")]
    found = taken("copy_many", backend.copy_many(other, pairs))
    assert [path for path, _ in found] == [here for _, here in pairs], f"copy_many: {found}"
    assert isinstance(found[1][1], ObjectNotFound), f"an absent source gave {found[1][1]!r}"
    for path, etag in (found[0], found[2]):
        assert isinstance(etag, str), f"copy_many to {path!r} gave {etag!r}"
    own = pickle.loads(pickle.dumps(backend))
    for source in (backend, own):
        for _, etag in backend.copy_many(source, [("here/1", "again/1"), ("here/x/2", "again/2")]):
            assert isinstance(etag, str), f"copying in one store gave {etag!r}"
    wanted = {"here/1": b"one", "here/x/2": b"", "again/1": b"one", "again/2": b""}
    assert {p: backend.read_bytes(p) for p in backend.list_prefix()} == wanted, "copied otherwise"
    pairs = [("there/1", "../up"), ("there/1", "good")]
    bad = taken("copy_many", backend.copy_many(other, pairs))
    assert isinstance(bad[0][1], ValueError), f"copy_many to '../up' gave {bad[0][1]!r}"
    assert isinstance(bad[1][1], str), f"copy_many after a bad path gave {bad[1][1]!r}"
