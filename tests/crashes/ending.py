"""Processes whose interpreter ends while something is under way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final

from persidict_core import BackendError, BaseBackend, PersiDict
from persidict_core.backend import adapted
from persidict_file import FileBackend, FileDirDict
from persidict_s3 import S3Backend
from tests.core.five_verbs import FiveVerbs

MANY, SOME = 30, 10
AT_ONCE: Final = 4

OLD: Final = {f"old{n}": n for n in range(MANY)}
NEW: Final = {f"new{n}": n for n in range(MANY)}

STORES: Final[dict[str, Callable[[str, str], BaseBackend]]] = {
    "files": lambda place, part: FileBackend(f"{place}/{part}", fsync=False),
    "five verbs": lambda place, part: adapted(FiveVerbs()),
    "s3": S3Backend,
}


Reach = Callable[[int], None]
"""Takes how many items were begun; it is called in the thread that asked for all."""


class _Told:
    """A number that tells when it is pickled, which is just before it is written."""

    def __init__(self, number: int, reach: Reach) -> None:
        self._number = number
        self._reach = reach

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        self._reach(self._number)
        return int, (self._number,)


class _Target(FiveVerbs):
    """A store that tells how many objects it holds whenever one is to be written."""

    def __init__(self, reach: Reach) -> None:
        super().__init__()
        self._reach = reach

    def write_bytes(self, path: str, data: bytes) -> str:
        self._reach(len(self.objects))
        return str(super().write_bytes(path, data))


def _set_many(d: PersiDict[Any], reach: Reach) -> None:
    d.set_many({key: _Told(value, reach) for key, value in NEW.items()})
    assert dict(d) == OLD | NEW


def _get_many(d: PersiDict[Any], reach: Reach) -> None:
    found = {}
    for key, value in d.get_many(list(OLD)):
        found[key] = value
        reach(len(found))
    assert found == OLD


def _delete_many(d: PersiDict[Any], reach: Reach) -> None:
    def keys() -> Iterator[str]:
        for number, key in enumerate(OLD):
            reach(number)
            yield key

    d.delete_many(keys())
    assert dict(d) == {}


def _copy_to(d: PersiDict[Any], reach: Reach) -> None:
    target: PersiDict[Any] = PersiDict(_Target(reach))
    d.copy_to(target)
    assert dict(target) == OLD


VERBS: Final[dict[str, Callable[[PersiDict[Any], Reach], None]]] = {
    verb.__name__.lstrip("_"): verb for verb in (_set_many, _get_many, _delete_many, _copy_to)
}


def end_before_threads_have_done() -> None:
    """End while threads are at work, for which the interpreter waits; they go on only then.

    The number says how many items each has begun by then. With 0 there never was a pool of threads.
    """
    store, place, number = sys.argv[1:]
    reached = {verb: threading.Event() for verb in VERBS}

    def work(verb: str, d: PersiDict[Any]) -> None:
        def reach(begun: int) -> None:
            if begun == int(number) and not reached[verb].is_set():
                reached[verb].set()
                threading.main_thread().join()

        reach(0)
        VERBS[verb](d, reach)
        print(f"{verb}\n", end="", flush=True)

    dictionaries = [(verb, PersiDict[Any](STORES[store](place, verb))) for verb in VERBS]
    for _, d in dictionaries:
        for key, value in OLD.items():
            d[key] = value
        d.backend.concurrency = AT_ONCE
    # What S3 is asked by has such a module in memory anyhow.
    assert "concurrent.futures.thread" not in sys.modules or store == "s3"
    for pair in dictionaries:
        threading.Thread(target=work, args=pair).start()
    for event in reached.values():
        assert event.wait(30)
    print("ends", flush=True)


def end_before_a_large_value() -> None:
    """End, and write to S3 then: a small value, and one that wants threads."""
    bucket, prefix = sys.argv[1:]
    d: PersiDict[Any] = PersiDict(S3Backend(bucket, prefix))
    d["old"] = 1

    def write() -> None:
        threading.main_thread().join()
        d["small"] = 2
        try:
            with d.backend.write_file("large") as file:
                file.write(bytes(9 << 20))
        except BackendError as error:
            print(error, flush=True)
        print(sorted(d.items()), list(d.backend.sweep(older_than=0)), flush=True)

    threading.Thread(target=write).start()


def end_in_the_middle() -> None:
    """End while values are read or walked over, or while a daemon writes without end."""
    root, way = sys.argv[1:]
    d: PersiDict[Any] = FileDirDict(root, fsync=False)
    d.backend.concurrency = AT_ONCE
    d.update(OLD)
    if way == "reading":
        values = d.get_many(list(d))
        next(values)
        globals()["kept"] = values
    elif way == "walking":
        globals()["kept"] = iter(d.items())
        next(globals()["kept"])
    else:
        reached = threading.Event()

        def reach(done: int, total: int | None) -> None:
            if done > SOME:
                reached.set()

        def write() -> None:
            d.set_many(_without_end(), progress=reach)

        threading.Thread(target=write, daemon=True).start()
        assert reached.wait(30)
    print("ends", flush=True)


def _without_end() -> Iterator[tuple[str, int]]:
    return ((f"new{number}", number) for number in count())
