"""One contender against bare calls: each operation in turn with its yardstick, in this process.

    python3 operations.py CONTENDER FOLDER COUNT PASSES [OPERATION...]

It needs nothing but the standard library and the contender, which may live in another environment
than the rest.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import workload
from bare import Bare
from contenders import CONTENDERS, Contender
from rows import Pass, Row, hand_over, ratio_row

CHUNK = 200
SETS_FLUSHED = 200
SETS = 1000
BULKS = (1000, 10_000)
NEWEST = 10

Work = Callable[[Any], object]


def timed(work: Work, chunk: Any) -> float:
    """The seconds that it takes."""
    start = perf_counter()
    work(chunk)
    return perf_counter() - start


def in_turn(bare: Work, theirs: Work, chunks: list[tuple[Any, Any]]) -> Pass:
    """Do all the chunks, each by one and by the other; the seconds of both for each chunk."""
    done = []
    for number, (for_bare, for_theirs) in enumerate(chunks):
        # Neither may always find the caches as the other leaves them.
        if number % 2:
            base, own = timed(bare, for_bare), timed(theirs, for_theirs)
        else:
            own, base = timed(theirs, for_theirs), timed(bare, for_bare)
        done.append((base, own))
    return done


def chunked(for_bare: list[Any], for_theirs: list[Any], size: int) -> list[tuple[Any, Any]]:
    starts = range(0, len(for_bare), size)
    return [(for_bare[at : at + size], for_theirs[at : at + size]) for at in starts]


def each(function: Callable[[Any], Any]) -> Work:
    def work(chunk: list[Any]) -> None:
        for item in chunk:
            function(item)

    return work


def each_pair(function: Callable[[Any, Any], Any]) -> Work:
    def work(chunk: list[tuple[Any, Any]]) -> None:
        for key, value in chunk:
            function(key, value)

    return work


def exhaust(items: Iterator[Any]) -> None:
    deque(items, maxlen=0)


class Match:
    """One contender with a filled store, and the yardstick with the same items.

    Args:
        kind: The contender's class.
        folder: An empty folder.
        count: How many items.
        passes: How often everything is repeated.
    """

    def __init__(self, kind: type[Contender], folder: Path, count: int, passes: int) -> None:
        self.kind = kind
        self.folder = folder
        self.count = count
        self.passes = passes
        self.pairs = workload.pairs(count)
        self.keys = [key for key, _ in self.pairs]
        self.bare = Bare(folder / "bare")
        self.paths = self.bare.paths(self.keys)
        for path, (_, value) in zip(self.paths, self.pairs, strict=True):
            self.bare.set(path, value)
        (folder / "store").mkdir()
        store = self.opened(kind.flushes[0])
        store.fill([(store.key(key), value) for key, value in self.pairs])
        assert store.get(store.key(self.keys[-1])) == self.pairs[-1][1]
        assert store.length() == count
        store.close()

    def opened(self, flush: bool = False) -> Contender:
        return self.kind(self.folder / "store", flush)

    def row(self, operation: str, passes: list[Pass], done: int) -> Row:
        return ratio_row(operation, self.kind.name, self.count, passes, done)

    def look_up(self, verb: str, operation: str) -> Iterator[Row]:
        """`get` and `has`, with a handle that has seen the keys, and with ever new ones."""
        store = self.opened()
        known = [store.key(key) for key in self.keys]
        chunks = chunked(self.paths, known, CHUNK)
        bare, theirs = each(getattr(self.bare, verb)), each(getattr(store, verb))
        theirs(known)
        passes = [in_turn(bare, theirs, chunks) for _ in range(self.passes)]
        yield self.row(f"{operation}, key seen", passes, self.count)
        store.close()

        passes = []
        for _ in range(self.passes):
            store = self.opened()
            unknown = [store.key(key) for key in workload.keys(self.count)]
            chunks = chunked(self.paths, unknown, CHUNK)
            passes.append(in_turn(bare, each(getattr(store, verb)), chunks))
            store.close()
        yield self.row(f"{operation}, never seen", passes, self.count)

    def get(self) -> Iterator[Row]:
        return self.look_up("get", "get")

    def has(self) -> Iterator[Row]:
        return self.look_up("has", "in")

    def set(self) -> Iterator[Row]:
        """Existing items are replaced; a flushed write is timed by itself, the disk has moods."""
        for flush in self.kind.flushes:
            bare, store = Bare(self.folder / "bare", flush), self.opened(flush)
            number = min(self.count, SETS_FLUSHED if flush else SETS)
            pairs = self.pairs[:number]
            for_bare = [(self.bare.path(key), value) for key, value in pairs]
            for_theirs = [(store.key(key), value) for key, value in pairs]
            chunks = chunked(for_bare, for_theirs, 1 if flush else CHUNK)
            sets = each_pair(bare.set), each_pair(store.set)
            passes = [in_turn(*sets, chunks) for _ in range(self.passes)]
            yield self.row(f"set, {'flushed' if flush else 'unflushed'}", passes, number)
            store.close()

    def walk(self) -> Iterator[Row]:
        """What goes over all items."""
        store = self.opened()
        number = len(store.keys())
        assert number == len(self.bare.keys()) == self.count
        works: dict[str, tuple[Work, Work]] = {
            "keys": (lambda _: self.bare.keys(), lambda _: store.keys()),
            "len": (lambda _: self.bare.keys(), lambda _: store.length()),
            "items": (lambda _: exhaust(self.bare.items()), lambda _: exhaust(store.items())),
        }
        if store.finds_newest:
            works["newest 10"] = (lambda _: self.bare.newest(10), lambda _: store.newest(10))
        for operation, work in works.items():
            passes = [in_turn(*work, [(None, None)]) for _ in range(3 * self.passes)]
            yield self.row(operation, passes, self.count)
        store.close()

    def bulk(self) -> Iterator[Row]:
        """`update`, flushed, with one write after the other as its yardstick; new keys."""
        if not issubclass(self.kind, CONTENDERS["persidict"]):
            return
        store = self.opened(flush=True)
        for size in BULKS if self.count >= min(BULKS) else (self.count,):
            passes = []
            for number in range(min(3, self.passes)):
                single = workload.pairs(min(SETS, size), f"single{number}_{size}_")
                many = workload.pairs(size, f"many{number}_{size}_")
                start = perf_counter()
                each_pair(store.set)(single)
                middle = perf_counter()
                store.store.update(many)
                end = perf_counter()
                passes.append([((middle - start) / len(single), (end - middle) / size)])
            yield self.row(f"update with {size}, flushed", passes, 1)
        store.close()


OPERATIONS = {
    "get": Match.get,
    "in": Match.has,
    "set": Match.set,
    "walk": Match.walk,
    "bulk": Match.bulk,
}


def main() -> None:
    name, folder, count, passes, *only = sys.argv[1:]
    match = Match(CONTENDERS[name], Path(folder), int(count), int(passes))
    hand_over(row for name in only or OPERATIONS for row in OPERATIONS[name](match))


if __name__ == "__main__":
    main()
