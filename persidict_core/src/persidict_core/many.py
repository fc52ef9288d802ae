"""Many items at once: read ahead, written and deleted in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, Final, TypeVar

from .conditional import ConditionalItems
from .errors import BulkError, ObjectNotFound
from .jokers import DELETE_CURRENT, KEEP_CURRENT, Joker
from .keys import PersiDictKey, SafeStrTuple, hashable
from .progress import Progress, Steps, steps
from .views import ItemsView, KeysView, ValuesView

V = TypeVar("V")

BATCH: Final = 1000
"""How many items of a bulk write are under way at most."""


class ManyItems(ConditionalItems[V]):
    """Items that are read, written and deleted many at a time."""

    def get_many(
        self, keys: Iterable[PersiDictKey], *, progress: Progress | None = None
    ) -> Iterator[tuple[PersiDictKey, V]]:
        """Each key with its value, in order, read ahead where it pays; absent ones are left out.

        Args:
            keys: The keys, taken lazily.
            progress: Called as ``progress(done, total)`` a few times a second, and at the end; the
                total is None where it is not known beforehand.
        """
        pairs = ((key, self._path(key)) for key in _several(keys))
        if progress is None:
            return self._read_ahead(pairs)
        return self._read_ahead(pairs, Steps(progress, _known_size(keys)))

    def set_many(
        self,
        items: Mapping[Any, V | Joker] | Iterable[tuple[PersiDictKey, V | Joker]],
        *,
        progress: Progress | None = None,
    ) -> None:
        """Write many items, in batches of 1,000 (flushed together, where the backend flushes).

        A bad key or a value of a wrong class is an error before its batch is written.

        Args:
            items: A mapping, or pairs, taken lazily; of a key given twice the last counts, or,
                where items are immutable, the first.
            progress: Called as in `get_many`.

        Raises:
            BulkError: If some could not be written; all the others were.

        Example:
            >>> from persidict_core import PersiDict
            >>> d = PersiDict("memory://")
            >>> d.set_many({"a": 1, "b": 2}, progress=lambda done, total: print(done, "of", total))
            2 of 2
        """
        pairs = iter(items.items() if isinstance(items, Mapping) else items)
        size = _known_size(items)
        with _told("set_many") as failures, steps(progress, size) as counted:
            while batch := list(islice(pairs, BATCH)):
                prepared: dict[str, tuple[PersiDictKey, object]] = {}
                again: list[tuple[str, tuple[PersiDictKey, object]]] = []
                for key, value in batch:
                    path = self._prepare(key, value)
                    if value is DELETE_CURRENT:
                        self._check_deletion(key)
                    if value is KEEP_CURRENT:
                        continue
                    if self.immutable_items and path in prepared:
                        again.append((path, (key, value)))
                    else:
                        prepared[path] = key, value
                before = counted.done
                failures.update(self._act_on_many(prepared, counted))
                for path, item in again:
                    failures.update(self._act_on_many({path: item}, counted))
                counted.reach(before + len(batch))

    def update(self, other: Any = (), /, **items: V) -> None:
        """Write many items, as ``dict.update`` does, by `set_many`: lazily, in flat memory."""
        pairs: Any = other
        if hasattr(other, "keys") and not isinstance(other, Mapping):
            pairs = ((key, other[key]) for key in other.keys())  # noqa: SIM118
        if items:
            pairs = chain(pairs.items() if isinstance(pairs, Mapping) else pairs, items.items())
        self.set_many(pairs)

    def delete_many(
        self, keys: Iterable[PersiDictKey], *, progress: Progress | None = None
    ) -> None:
        """Delete many items; that one is absent is no error.

        Args:
            keys: The keys, taken lazily.
            progress: Called as in `get_many`.

        Raises:
            BulkError: If some could not be deleted; all the others were.
        """
        pairs = ((key, self._path(key)) for key in _several(keys))
        with steps(progress, _known_size(keys)) as counted:
            self._delete_pairs("delete_many", pairs, counted)

    def _delete_pairs(
        self, operation: str, pairs: Iterable[tuple[PersiDictKey, str]], counted: Steps
    ) -> None:
        waiting: deque[PersiDictKey] = deque()

        def permitted() -> Iterator[tuple[PersiDictKey, str]]:
            for key, path in pairs:
                self._check_deletion(key)
                yield key, path

        with _told(operation) as failures:
            for _, result in self._layered.delete_many(self._noting(permitted(), waiting)):
                key = waiting.popleft()
                if isinstance(result, Exception) and not isinstance(result, ObjectNotFound):
                    failures[hashable(key)] = result
                counted.step()

    def _noting(
        self, pairs: Iterable[tuple[PersiDictKey, str]], waiting: deque[PersiDictKey]
    ) -> Iterator[str]:
        for key, path in pairs:
            waiting.append(key)
            yield path

    def _read_ahead(
        self, pairs: Iterable[tuple[PersiDictKey, str]], counted: Steps | None = None
    ) -> Iterator[tuple[PersiDictKey, V]]:
        """Keys with their values, in order; what is deleted meanwhile is passed over."""
        if self.max_value_bytes is not None or self._layered.concurrency <= 1:
            for key, path in pairs:
                if counted is not None:
                    counted.step()
                try:
                    yield key, self._load(key, path)
                except ObjectNotFound:
                    continue
        else:
            waiting: deque[PersiDictKey] = deque()
            for path, data in self._layered.read_many(self._noting(pairs, waiting)):
                key = waiting.popleft()
                if counted is not None:
                    counted.step()
                if not isinstance(data, Exception):
                    yield key, self._decode(key, path, data)
                elif not isinstance(data, ObjectNotFound):
                    raise data
        if counted is not None:
            counted.end()

    def clear(self, *, progress: Progress | None = None) -> None:
        """Delete all items; those that are written meanwhile may stay.

        Linear in their number, in flat memory.

        Args:
            progress: Called as in `get_many`.
        """
        with steps(progress) as counted:
            self._delete_pairs("clear", self._walk(), counted)

    def _walk(self) -> Iterator[tuple[SafeStrTuple, str]]:
        return self._paths.keys_of(self._layered.list_prefix(self._paths.prefix))


@contextmanager
def _told(operation: str) -> Iterator[dict[PersiDictKey, Exception]]:
    """Failures of single items, which are told at the end, or beside what ends all before that."""
    failures: dict[PersiDictKey, Exception] = {}
    try:
        yield failures
    except Exception as error:
        if failures:
            error.add_note(f"before that, {BulkError(operation, failures)}")
        raise
    if failures:
        raise BulkError(operation, failures)


def _several(keys: Iterable[PersiDictKey]) -> Iterable[PersiDictKey]:
    """Give keys back, unless they are a single one, which would be taken letter by letter."""
    if isinstance(keys, str | SafeStrTuple):
        raise TypeError(f"several keys are wanted, such as a list of them, not the key {keys!r}")
    return keys


def _known_size(items: object) -> int | None:
    """How many items an argument holds; None if a store would have to be asked."""
    if isinstance(items, ManyItems | KeysView | ItemsView | ValuesView):
        return None
    return len(items) if isinstance(items, Sized) else None
