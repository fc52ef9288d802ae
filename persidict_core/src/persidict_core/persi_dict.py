"""`PersiDict`: the mapping, over any backend.

The way of one value, from a key to the bytes and back, is in ``value_store``; here is all that is
written on it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from heapq import nlargest, nsmallest
from itertools import chain, islice
from operator import ge, itemgetter, le
from typing import Any, Final, Literal, Self, TypeVar, cast, overload

from . import bulk
from .backend import (
    ABSENT,
    ANY,
    Expect,
    Marker,
    ObjectStat,
    check_etag,
    check_expect,
)
from .errors import (
    BulkError,
    ConcurrencyConflict,
    ImmutableItemError,
    ObjectNotFound,
    PreconditionFailed,
)
from .jokers import DELETE_CURRENT, KEEP_CURRENT, Joker
from .keys import PersiDictKey, SafeStrTuple, hashable
from .value_store import ValueStore
from .views import ItemsView, KeysView, ValuesView

V = TypeVar("V")
T = TypeVar("T")

BATCH: Final = 1000
"""How many items of a bulk write are under way at most."""

ATTEMPTS: Final = 300
"""How often an atomic change is tried again when others were faster."""

_FEW: Final = 32
"""So many candidates are looked at together where the first by time are looked for."""

_MISSING: Final = object()


class PersiDict(ValueStore[V], MutableMapping[PersiDictKey, V]):
    """A persistent dictionary: each value is one object in a backend, shared by all who open it.

    It behaves like ``dict``; keys are strings, or (nested) sequences of strings, over
    ``A-Za-z0-9()_-~.=``. A value that was read is a copy: changing it in place changes nothing in
    the store (assign it again, or use `transform`).

    Args:
        backend: Where the values are: a backend, an object with the five verbs, or the URL of a
            backend. `open` takes parameters of the dictionary in the URL, too.
        file_type: The format of the values, and the end of their names: ``pkl``, ``json``, any
            other that is installed, or, with ``base_class_for_values=str``, any name for text.
        prefix: The dictionary holds the keys that begin so, without that beginning.
        digest_len: How many characters of digest each string gets in the names. None: what the
            names in the store carry, or the backend's default.
        immutable_items: Whether items, once written, can be neither changed nor deleted.
        base_class_for_values: The class of all values, checked on writing and on reading.
        allow_pickle: False refuses, on writing and on reading, all that could run code.
        max_value_bytes: The most bytes that a stored value may have, also uncompressed; None: no
            limit.
        read_only: Whether every change is refused.
        cache: Where copies of values are kept nearby: a backend, or the URL of one, such as a
            folder's name. Each read asks the backend whether its copy is current, but of immutable
            items a copy is current for ever. See ``persidict_core.layers.CachedBackend``.
        cache_max_bytes: How much the cache may hold, in bytes; None: no limit.

    Raises:
        TypeError: A parameter of the wrong kind.
        ValueError: A parameter that cannot be.
        NotSupported: ``immutable_items`` on a backend that cannot keep it.

    Example:
        >>> d = PersiDict("memory://")
        >>> d["users", "alex"] = {"theme": "dark"}
        >>> d["users", "alex"]
        {'theme': 'dark'}
        >>> list(d)
        [SafeStrTuple('users', 'alex')]
    """

    # One item, as dict has it.

    def __getitem__(self, key: PersiDictKey) -> V:
        """The value of a key; KeyError if there is none."""
        try:
            return self._load(key, self._path(key))
        except ObjectNotFound:
            raise KeyError(key) from None

    def __setitem__(self, key: PersiDictKey, value: V | Joker) -> None:
        """Write a value; atomic, and visible at once to all who share the store."""
        self._act(key, value)

    def __delitem__(self, key: PersiDictKey) -> None:
        """Delete an item; KeyError if there is none."""
        if not self._delete_path(key, self._path(key)):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        """Whether a key is there; a key that cannot be one is an error."""
        return self._layered.exists(self._path(key))  # type: ignore[arg-type]

    @overload
    def get(self, key: PersiDictKey, /) -> V | None: ...
    @overload
    def get(self, key: PersiDictKey, /, default: V | T) -> V | T: ...
    def get(self, key: PersiDictKey, /, default: Any = None) -> Any:
        """The value of a key, or the default."""
        try:
            return self._load(key, self._path(key))
        except ObjectNotFound:
            return default

    def setdefault(self, key: PersiDictKey, default: V | None = None) -> V:
        """The value of a key; written first, if there is none.

        Where the backend claims ``if_absent``, one of many racing callers writes and all get its
        value; elsewhere it is done in two steps.

        Raises:
            TypeError: If the default is a joker.
        """
        path = self._path(key)
        if isinstance(default, Joker):
            raise TypeError(f"setdefault takes a value, not {default!r}")
        for attempt in range(ATTEMPTS):
            try:
                return self._load(key, path)
            except ObjectNotFound:
                self._prepare(key, default)
            try:
                self._store(key, path, default, ABSENT if self._claims("if_absent") else ANY)
                return cast(V, default)
            except PreconditionFailed:
                _wait(attempt)
        raise ConcurrencyConflict(str(SafeStrTuple(key)), ABSENT, None, ATTEMPTS)

    def pop(self, key: PersiDictKey, default: Any = _MISSING) -> Any:
        """Take an item out: give its value, and delete it.

        Where the backend claims ``delete_if``, one of many racing callers gets the value; elsewhere
        it is done in two steps.

        Raises:
            KeyError: If there is none and no default.
        """
        path = self._path(key)
        self._check_deletion(key)
        atomic = self._claims("delete_if")
        for attempt in range(ATTEMPTS):
            try:
                if not atomic:
                    value = self._load(key, path)
                    self._layered.delete(path)
                    return value
                value, stat = self._load_versioned(key, path)
                self._layered.delete_if(path, stat.etag)
                return value
            except ObjectNotFound:
                if default is _MISSING:
                    raise KeyError(key) from None
                return default
            except PreconditionFailed:
                _wait(attempt)
        raise ConcurrencyConflict(str(SafeStrTuple(key)), None, None, ATTEMPTS)

    def popitem(self) -> tuple[SafeStrTuple, V]:
        """Take any item out, by one look; KeyError if there is none."""
        for key in self:
            self._check_deletion(key)
            try:
                return key, self.pop(key)
            except KeyError:
                continue  # Another was faster.
        raise KeyError("popitem(): the dictionary is empty")

    def delete_if_exists(self, key: PersiDictKey) -> bool:
        """Delete an item; whether there was one."""
        return self._delete_path(key, self._path(key))

    def discard(self, key: PersiDictKey) -> bool:
        """Another name of `delete_if_exists`."""
        return self.delete_if_exists(key)

    # One item, under a condition.

    def get_with_etag(
        self, key: PersiDictKey, default: Any = None
    ) -> tuple[Any, str | Literal[Marker.ABSENT]]:
        """The value of a key and the etag of that version; ``(default, ABSENT)`` if there is none.

        Raises:
            NotSupported: If etags of this backend name no version.
        """
        try:
            value, stat = self._load_versioned(key, self._path(key))
        except ObjectNotFound:
            return default, ABSENT
        return value, stat.etag

    def set_if(
        self, key: PersiDictKey, value: V | Joker, expect: Expect
    ) -> str | Literal[Marker.ABSENT]:
        """Write a value only if the item is as expected.

        Args:
            key: The item's key.
            value: The value, or a joker.
            expect: The etag that `get_with_etag` or `set_if` gave, or `ABSENT`.

        Returns:
            The etag of what stands there now; `ABSENT` after `DELETE_CURRENT`.

        Raises:
            PreconditionFailed: If it is not; nothing was changed.
            NotSupported: If the backend does not claim that condition.
        """
        path = self._prepare(key, value, check_expect(expect))
        try:
            return self._set_if(key, path, value, expect)
        except PreconditionFailed as error:
            raise PreconditionFailed(str(SafeStrTuple(key)), expect, error.current) from None

    def _set_if(
        self, key: PersiDictKey, path: str, value: object, expect: Expect
    ) -> str | Literal[Marker.ABSENT]:
        if self.immutable_items and expect is not ABSENT and value is not KEEP_CURRENT:
            raise ImmutableItemError(key)
        if value is KEEP_CURRENT:
            return self._compare(path, expect)
        if value is DELETE_CURRENT:
            if expect is ABSENT:
                return self._compare(path, expect)
            self.delete_if(key, expect)
            return ABSENT
        self._require("set_if", "if_absent" if expect is ABSENT else "if_match")
        return self._layered.write_if(path, self._encode(key, path, value), expect)

    def _compare(self, path: str, expect: Expect) -> Expect:
        """Give an expectation back if it holds now."""
        try:
            current: ObjectStat | Literal[Marker.ABSENT] = self._layered.stat(path)
        except ObjectNotFound:
            current = ABSENT
        if (current.etag if isinstance(current, ObjectStat) else current) != expect:
            raise PreconditionFailed(path, expect, current)
        return expect

    def delete_if(self, key: PersiDictKey, expect: str) -> None:
        """Delete an item only if it is as expected.

        Args:
            key: The item's key.
            expect: The etag of the version to delete.

        Raises:
            PreconditionFailed: If it is not; nothing was changed.
            NotSupported: If the backend does not claim that condition.
        """
        path = self._path(key)
        check_etag(expect)
        self._check_deletion(key)
        self._require("delete_if", "delete_if")
        try:
            self._layered.delete_if(path, expect)
        except PreconditionFailed as error:
            raise PreconditionFailed(str(SafeStrTuple(key)), expect, error.current) from None

    def transform(
        self, key: PersiDictKey, function: Callable[[Any], Any], default: Any = _MISSING
    ) -> Any:
        """Replace a value by a function of it, atomically: nobody's change in between is lost.

        The function may be called several times, and under no lock.

        Args:
            key: The item's key.
            function: Takes the current value (a copy, which it may change), gives the new one, or a
                joker.
            default: What the function takes if there is no item.

        Returns:
            The stored value; after `KEEP_CURRENT` the current one; after `DELETE_CURRENT` that
            joker.

        Raises:
            KeyError: If there is no item and no default.
            ConcurrencyConflict: If others changed the item in all of a bounded number of attempts.
            NotSupported: If the backend does not claim ``if_absent`` and ``if_match``.

        Example:
            >>> d = PersiDict("memory://")
            >>> d.transform("hits", lambda hits: hits + 1, default=0)
            1
        """
        path = self._path(key)
        if not callable(function):
            raise TypeError(f"transform takes a function of the value, not {function!r}")
        self._require("transform", "if_absent", "if_match")
        etag: Expect = ABSENT
        for attempt in range(ATTEMPTS):
            try:
                current, stat = self._load_versioned(key, path)
                etag = stat.etag
            except ObjectNotFound:
                if default is _MISSING:
                    raise KeyError(key) from None
                current, etag = default, ABSENT
            if self.immutable_items and etag is not ABSENT:
                raise ImmutableItemError(key)
            value = function(current)
            try:
                stored = self.set_if(key, value, etag) if value is not KEEP_CURRENT else etag
            except PreconditionFailed:
                _tell_of_retry(path, attempt)
                _wait(attempt + 1)
                continue
            if value is KEEP_CURRENT:
                return current
            return DELETE_CURRENT if stored is ABSENT else value
        raise ConcurrencyConflict(str(SafeStrTuple(key)), etag, None, ATTEMPTS)

    # Many items.

    def get_many(self, keys: Iterable[PersiDictKey]) -> Iterator[tuple[PersiDictKey, V]]:
        """Each key with its value, in order, read ahead where it pays; absent ones are left out.

        Args:
            keys: The keys, taken lazily.
        """
        return self._read_ahead((key, self._path(key)) for key in _several(keys))

    def set_many(
        self, items: Mapping[Any, V | Joker] | Iterable[tuple[PersiDictKey, V | Joker]]
    ) -> None:
        """Write many items, in batches of 1,000 (flushed together, where the backend flushes).

        A bad key or a value of a wrong class is an error before its batch is written.

        Args:
            items: A mapping, or pairs, taken lazily; of a key given twice in a batch the last
                counts.

        Raises:
            BulkError: If some could not be written; all the others were.
        """
        pairs = iter(items.items() if isinstance(items, Mapping) else items)
        failures: dict[PersiDictKey, Exception] = {}
        while batch := list(islice(pairs, BATCH)):
            prepared: dict[str, tuple[PersiDictKey, object]] = {}
            for key, value in batch:
                path = self._prepare(key, value)
                if value is DELETE_CURRENT:
                    self._check_deletion(key)
                if value is not KEEP_CURRENT:
                    prepared[path] = key, value
            failures.update(self._act_on_many(prepared))
        if failures:
            raise BulkError("set_many", failures)

    def update(self, other: Any = (), /, **items: V) -> None:
        """Write many items, as ``dict.update`` does, by `set_many`: lazily, in flat memory."""
        if hasattr(other, "keys") and not isinstance(other, Mapping):
            self.set_many((key, other[key]) for key in other.keys())  # noqa: SIM118
        else:
            self.set_many(other)
        self.set_many(items)

    def delete_many(self, keys: Iterable[PersiDictKey]) -> None:
        """Delete many items; that one is absent is no error.

        Args:
            keys: The keys, taken lazily.

        Raises:
            BulkError: If some could not be deleted; all the others were.
        """
        self._delete_pairs("delete_many", ((key, self._path(key)) for key in _several(keys)))

    def _delete_pairs(self, operation: str, pairs: Iterable[tuple[PersiDictKey, str]]) -> None:
        failures: dict[PersiDictKey, Exception] = {}
        waiting: deque[PersiDictKey] = deque()

        def permitted() -> Iterator[tuple[PersiDictKey, str]]:
            for key, path in pairs:
                self._check_deletion(key)
                yield key, path

        for _, result in self._layered.delete_many(self._noting(permitted(), waiting)):
            key = waiting.popleft()
            if isinstance(result, Exception) and not isinstance(result, ObjectNotFound):
                failures[hashable(key)] = result
        if failures:
            raise BulkError(operation, failures)

    def _noting(
        self, pairs: Iterable[tuple[PersiDictKey, str]], waiting: deque[PersiDictKey]
    ) -> Iterator[str]:
        for key, path in pairs:
            waiting.append(key)
            yield path

    def _read_ahead(
        self, pairs: Iterable[tuple[PersiDictKey, str]]
    ) -> Iterator[tuple[PersiDictKey, V]]:
        """Keys with their values, in order; what is deleted meanwhile is passed over."""
        if self.max_value_bytes is not None or self._layered.concurrency <= 1:
            for key, path in pairs:
                try:
                    yield key, self._load(key, path)
                except ObjectNotFound:
                    continue
            return
        waiting: deque[PersiDictKey] = deque()
        for path, data in self._layered.read_many(self._noting(pairs, waiting)):
            key = waiting.popleft()
            if not isinstance(data, Exception):
                yield key, self._decode(key, path, data)
            elif not isinstance(data, ObjectNotFound):
                raise data

    def clear(self) -> None:
        """Delete all items; those that are written meanwhile may stay.

        Linear in their number, in flat memory.
        """
        self._delete_pairs("clear", self._walk())

    # The whole.

    def _walk(self) -> Iterator[tuple[SafeStrTuple, str]]:
        return self._paths.keys_of(self._layered.list_prefix(self._paths.prefix))

    def walk_items(self) -> Iterator[tuple[SafeStrTuple, V]]:
        """What `items` iterates over: keys with values, streamed, read ahead where it pays.

        Linear, in flat memory.
        """
        return cast("Iterator[tuple[SafeStrTuple, V]]", self._read_ahead(self._walk()))

    def __iter__(self) -> Iterator[SafeStrTuple]:
        """All keys, in no order, streamed: linear, in flat memory.

        ``list(d)``, ``tuple(d)`` and ``sorted(d)`` ask for ``len(d)`` first, and so go over the
        store twice; ``[key for key in d]``, ``set(d)`` and a loop do it once.
        """
        return map(itemgetter(0), self._walk())

    def __len__(self) -> int:
        """How many items there are, counted: linear in their number, in flat memory.

        To see whether there is any, ``bool(d)`` takes one look.
        """
        return self._paths.count(self._layered.list_prefix(self._paths.prefix))

    def __bool__(self) -> bool:
        """Whether there is an item, by one look, unless that shows what is no item."""
        some = self._layered.list_some(self._paths.prefix)
        return bool(some) and (bool(self._paths.count(some)) or any(True for _ in self._walk()))

    def keys(self) -> KeysView:
        """The keys: a live, set-like view. To go over it or to measure it is linear."""
        return KeysView(self)

    def values(self) -> ValuesView[V]:
        """The values: a live view, which reads them one after the other, or ahead where it pays.

        To go over it is linear, and in flat memory, as is ``in``, which reads until it finds.
        """
        return ValuesView(self)

    def items(self) -> ItemsView[V]:
        """Keys and values: a live, set-like view, read like `values`."""
        return ItemsView(self)

    def __eq__(self, other: object) -> bool:
        """Whether a mapping holds the same keys and values.

        Linear, in flat memory: it reads all values, and counts the other, unless they differ.
        """
        if not isinstance(other, Mapping):
            return NotImplemented
        count = 0
        for key, value in self.items():
            there = other.get(key, _MISSING)
            if there is _MISSING or not (there is value or there == value):
                return False
            count += 1
        return count == len(other)

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Mapping[Any, Any]) -> dict[Any, Any]:
        """A plain ``dict`` of both, with all values in memory; the other's win."""
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self.items()) | dict(other.items())

    def __ror__(self, other: Mapping[Any, Any]) -> dict[Any, Any]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(other.items()) | dict(self.items())

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc]
        self.update(other)
        return self

    # Sub-dictionaries.

    def get_subdict(self, key: PersiDictKey | tuple[()] = ()) -> Self:
        """The dictionary of the keys that begin so, without that beginning.

        A view: nothing is read or made.

        Args:
            key: The first strings; empty gives the whole.
        """
        strings = SafeStrTuple(key).strings if key else ()
        below = object.__new__(self.__class__)
        below.__dict__.update(self.__dict__)
        below.prefix = (*self.prefix, *strings)
        below._paths = self._paths.below(below.prefix)
        return below

    def subdicts(self) -> dict[str, Self]:
        """The sub-dictionary of each first string that has something below it, of any file type.

        Linear in their number, also in memory; where a backend lists no folders by themselves, in
        the number of items.
        """
        names = self._layered.list_children(self._paths.prefix)
        parts = (self._paths.part_of(name[:-1]) for name in names if name.endswith("/"))
        return {part: self.get_subdict(part) for part in parts if part is not None}

    # Times, and chance.

    def timestamp(self, key: PersiDictKey) -> float:
        """When an item was written, in POSIX seconds; KeyError if there is none."""
        try:
            return self._layered.stat(self._path(key)).modified
        except ObjectNotFound:
            raise KeyError(key) from None

    def random_key(self) -> SafeStrTuple | None:
        """Any key, each as likely as the others; None if there is none.

        Linear in their number, in flat memory: each is looked at, and replaces the one chosen
        before with a chance of one in so many as were seen (Vitter's algorithm R).
        """
        from random import random

        chosen: SafeStrTuple | None = None
        for number, key in enumerate(iter(self), 1):
            if random() * number < 1:
                chosen = key
        return chosen

    def newest_keys(self, max_n: int | None = None) -> list[SafeStrTuple]:
        """The keys by time, the newest first.

        Linear in the number of items, of which each is asked for its time; in memory only those
        that are given.

        Args:
            max_n: How many at most; None: all.
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
            chosen = sorted(self._walk_times(), reverse=newest)
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

    def _walk_times(self) -> Iterator[tuple[float, str, SafeStrTuple]]:
        stats = self._layered.list_stats(self._paths.prefix)
        while some := list(islice(stats, BATCH)):
            yield from self._keys_by_time(some)

    def _keys_by_time(
        self, stats: Iterable[ObjectStat]
    ) -> Iterator[tuple[float, str, SafeStrTuple]]:
        times = {stat.path: stat.modified for stat in stats}
        return ((times[path], path, key) for key, path in self._paths.keys_of(times))

    def keys_and_timestamps(self) -> Iterator[tuple[SafeStrTuple, float]]:
        """Each key with the time of its item, in POSIX seconds; linear, streamed."""
        return ((key, time_) for time_, _, key in self._walk_times())

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

    # Life.

    def close(self) -> None:
        """Give back what the backend has opened; a later use opens it again."""
        self._layered.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _several(keys: Iterable[PersiDictKey]) -> Iterable[PersiDictKey]:
    """Give keys back, unless they are a single one, which would be taken letter by letter."""
    if isinstance(keys, str | SafeStrTuple):
        raise TypeError(f"several keys are wanted, such as a list of them, not the key {keys!r}")
    return keys


def _tell_of_retry(path: str, attempt: int) -> None:
    import logging

    logging.getLogger("persidict").debug("%r: lost a race, attempt %d", path, attempt + 1)


def _wait(attempt: int) -> None:
    """Let others finish: not at all the first time, then a random time that grows to 16 ms.

    Where many want one item, it is soonest done if few of them try at a time.
    """
    if attempt:
        import random

        time.sleep(random.uniform(0, min(0.016, 0.001 * 2 ** min(attempt, 4))))
