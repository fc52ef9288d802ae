"""What a store knows of items without reading them: above all, when each was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import nlargest, nsmallest
from itertools import chain, islice
from operator import ge, le
from typing import Final, TypeVar

from . import bulk
from .backend import ObjectStat
from .errors import ObjectNotFound
from .keys import PersiDictKey, SafeStrTuple
from .many import BATCH, ManyItems

V = TypeVar("V")

_FEW: Final = 32
"""So many candidates are looked at together where the first by time are looked for."""


class DatedItems(ManyItems[V]):
    """Items with their sizes, etags and times, and in the order of these."""

    def path_of(self, key: PersiDictKey) -> str:
        """Where the value of a key stands, or would stand, in the backend; nothing is looked at.

        With it ``d.backend`` reads and writes the stored bytes themselves.

        Raises:
            TypeError: If it is no key.
            ValueError: If it is not safe, or too long for its place.

        Example:
            >>> from persidict_core import PersiDict
            >>> d = PersiDict("memory://", file_type="json")
            >>> d["users", "alex"] = 7
            >>> d.path_of(("users", "alex")), d.backend.read_bytes("users/alex.json")
            ('users/alex.json', b'7')
        """
        return self._path(key)

    def stat(self, key: PersiDictKey) -> ObjectStat:
        """The path, size, time and etag of an item; KeyError if there is none.

        Example:
            >>> from persidict_core import PersiDict
            >>> d = PersiDict("memory://", file_type="json")
            >>> d["a"] = "x"
            >>> d.stat("a").size
            3
        """
        try:
            return self._layered.stat(self._path(key))
        except ObjectNotFound:
            raise KeyError(key) from None

    def keys_and_stats(self) -> Iterator[tuple[SafeStrTuple, ObjectStat]]:
        """Each key with the stat of its item, from the listing itself where it tells; streamed."""
        stats = self._layered.list_stats(self._paths.prefix)
        while some := list(islice(stats, BATCH)):
            yield from self._with_keys(some)

    def _with_keys(self, stats: Iterable[ObjectStat]) -> Iterator[tuple[SafeStrTuple, ObjectStat]]:
        by_path = {stat.path: stat for stat in stats}
        return ((key, by_path[path]) for key, path in self._paths.keys_of(by_path))

    def timestamp(self, key: PersiDictKey) -> float:
        """When an item was written, in POSIX seconds; KeyError if there is none."""
        return self.stat(key).modified

    def newest_keys(self, max_n: int | None = None) -> list[SafeStrTuple]:
        """The keys by time, the newest first.

        Linear in the number of items, of which each is asked for its time; in memory only those
        that are given.

        Args:
            max_n: How many at most; None: all.

        Example:
            >>> from persidict_core import PersiDict
            >>> d = PersiDict("memory://")
            >>> d["a"], d["b"] = 1, 2
            >>> d.newest_keys(1)
            [SafeStrTuple('b')]
        """
        return [key for key, _ in self._by_time(max_n, newest=True)]

    def oldest_keys(self, max_n: int | None = None) -> list[SafeStrTuple]:
        """The keys by time, the oldest first; see `newest_keys`."""
        return [key for key, _ in self._by_time(max_n, newest=False)]

    def newest_values(self, max_n: int | None = None) -> list[V]:
        """The values by time, the newest first; see `newest_keys`."""
        return [value for _, value in self._read_ahead(self._by_time(max_n, newest=True))]

    def oldest_values(self, max_n: int | None = None) -> list[V]:
        """The values by time, the oldest first; see `newest_keys`."""
        return [value for _, value in self._read_ahead(self._by_time(max_n, newest=False))]

    def _by_time(self, max_n: int | None, newest: bool) -> list[tuple[SafeStrTuple, str]]:
        if max_n is not None and (isinstance(max_n, bool) or not isinstance(max_n, int)):
            raise TypeError(f"max_n is a number of items or None, not {max_n!r}")
        if max_n is not None and max_n < 0:
            raise ValueError(f"max_n is 0 or more, not {max_n}")
        if max_n is None:
            chosen = sorted(map(_in_order_of_time, self.keys_and_stats()), reverse=newest)
        else:
            chosen = self._first_by_time(max_n, newest)
        return [(key, path) for _, path, key in chosen]

    def _first_by_time(self, number: int, newest: bool) -> list[tuple[float, str, SafeStrTuple]]:
        """The first keys by time, in order; only what may be one of them is read as a key."""
        choose, comes_first = (nlargest, ge) if newest else (nsmallest, le)
        first: list[tuple[float, str, SafeStrTuple]] = []
        last: float | None = None
        candidates: list[ObjectStat] = []
        for stat in self._layered.list_stats(self._paths.prefix) if number else ():
            if last is None or comes_first(stat.modified, last):
                candidates.append(stat)
                if len(candidates) >= max(number, _FEW):
                    first = choose(number, chain(first, self._keys_by_time(candidates)))
                    candidates = []
                    if len(first) == number:
                        last = first[-1][0]
        return choose(number, chain(first, self._keys_by_time(candidates)))

    def _keys_by_time(
        self, stats: Iterable[ObjectStat]
    ) -> Iterator[tuple[float, str, SafeStrTuple]]:
        return map(_in_order_of_time, self._with_keys(stats))

    def keys_and_timestamps(self) -> Iterator[tuple[SafeStrTuple, float]]:
        """Each key with the time of its item, in POSIX seconds; linear, streamed."""
        return ((key, stat.modified) for key, stat in self.keys_and_stats())

    def values_and_timestamps(self) -> Iterator[tuple[V, float]]:
        """Each value with its time, in POSIX seconds; linear, streamed."""
        return ((value, time_) for _, value, time_ in self.items_and_timestamps())

    def items_and_timestamps(self) -> Iterator[tuple[SafeStrTuple, V, float]]:
        """Each key, its value and the time of that value in POSIX seconds; linear, streamed."""

        def read(pair: tuple[SafeStrTuple, str]) -> tuple[V, ObjectStat]:
            return self._load_versioned(*pair)

        for (key, _), found in bulk.in_order(read, self._walk(), self._layered.concurrency):
            if isinstance(found, tuple):
                yield key, found[0], found[1].modified
            elif not isinstance(found, ObjectNotFound):
                raise found


def _in_order_of_time(item: tuple[SafeStrTuple, ObjectStat]) -> tuple[float, str, SafeStrTuple]:
    key, stat = item
    return stat.modified, stat.path, key
