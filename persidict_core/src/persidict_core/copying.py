"""Copying all items of one dictionary to another, in any other store.

Bytes are moved as they are where both dictionaries have one format, and decoded and encoded where
not. What a journal in the target remembers (see ``journal``) is passed over: so a copy that was
interrupted goes on, and one that is made again moves only what was written in between.

No two items can meet in one place: a key has one path in a listing, and one path in the target.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Final, Literal, NamedTuple, cast

from . import bulk
from .backend import ABSENT, ANY, BaseBackend, ETags, Marker, ObjectStat
from .errors import (
    BackendError,
    BulkError,
    ImmutableItemError,
    ObjectNotFound,
    PreconditionFailed,
    SerializationError,
    URLError,
)
from .journal import NEVER, Journal, Records, hashed
from .keys import PersiDictKey, SafeStrTuple
from .layers import Layer, PrefixBackend
from .progress import Progress, Steps, steps
from .spool import MOST_IN_MEMORY
from .value_store import ValueStore

_BATCH: Final = 1000
_CHUNK: Final = 1 << 20
_LARGE_AT_ONCE: Final = 4
"""So many values that are streamed are under way at most."""

_FAILURES_TO_LOOK: Final = 10
_FAILURES_TO_STOP: Final = 1000
"""After so many in a row it is seen whether both stores are still there, and given up."""

JOURNAL_SECONDS: Final = 5.0
"""So often the journal is written while a copy runs..."""
_JOURNAL_SHARE: Final = 20
"""... but after one writing so many times as long as it took passes before the next."""


class Copied(NamedTuple):
    """What `PersiDict.copy_to` did, or, in a dry run, would have done.

    Attributes:
        copied: How many items were copied.
        unchanged: How many were not, being in the target as they were copied before.
        deleted: How many items of the target were deleted, which the source has not.
        bytes: How many bytes were written, as they are stored; in a dry run, and where values are
            converted, how many the source stores.

    Example:
        >>> from persidict_core import PersiDict
        >>> here = PersiDict("memory://", file_type="json")
        >>> here["a"] = "some text"
        >>> here.copy_to(PersiDict("memory://", file_type="json"))
        Copied(copied=1, unchanged=0, deleted=0, bytes=11)
    """

    copied: int
    unchanged: int
    deleted: int
    bytes: int


class _Item(NamedTuple):
    """One item to copy: its key, its stat in the source, its path in the target."""

    key: SafeStrTuple
    stat: ObjectStat
    there: str


def copy(
    source: ValueStore[Any],
    target: ValueStore[Any],
    progress: Progress | None,
    dry_run: bool,
    delete: bool,
) -> Copied:
    """Copy all items of a dictionary; see ``PersiDict.copy_to``."""
    place = _Place.of(source)
    if source.file_type == target.file_type and place.overlaps(_Place.of(target)):
        raise ValueError(
            f"{source!r} cannot be copied to {target!r}: they lie in one another, so that items "
            "would be copied onto themselves; choose another place, or another file_type"
        )
    if target.read_only:
        raise target._is_read_only()
    if delete and target.immutable_items:
        raise ValueError(f"delete=True cannot be: the items of {target!r} are immutable")
    with steps(progress) as counted:
        return _Copy(source, target, place, counted, dry_run).run(delete)


class _Place(NamedTuple):
    """Where a dictionary's items lie, beneath all layers.

    Attributes:
        store: The backend beneath the layers.
        prefix: What all paths begin with there.
        layers: The classes of the layers that change what is read.
    """

    store: BaseBackend
    prefix: str
    layers: tuple[str, ...]

    @classmethod
    def of(cls, dictionary: ValueStore[Any]) -> _Place:
        store, prefix, layers = dictionary.backend, dictionary._paths.prefix, []
        while isinstance(store, Layer):
            if isinstance(store, PrefixBackend):
                prefix = store.prefix + prefix
            else:
                layers.append(f"{type(store).__module__}.{type(store).__qualname__}")
            store = store.wrapped
        return cls(store, prefix, tuple(layers))

    @property
    def address(self) -> str | None:
        """What tells the place from all others, and begins like that of each around it."""
        try:
            return f"{self.store.identity.rstrip('/')}/{self.prefix}"
        except URLError:
            return None

    def overlaps(self, other: _Place) -> bool:
        """Whether both are one place, or one lies in the other."""
        here, there = self.address, other.address
        if here is None or there is None:
            if self.store != other.store:
                return False
            here, there = self.prefix, other.prefix
        return here.startswith(there) or there.startswith(here)


class _Copy:
    """One run of a copy.

    Args:
        source: Where from.
        target: Where to.
        place: The source's.
        counted: Told of each item that was dealt with.
        dry_run: Whether nothing is written.
    """

    def __init__(
        self,
        source: ValueStore[Any],
        target: ValueStore[Any],
        place: _Place,
        counted: Steps,
        dry_run: bool,
    ) -> None:
        self._source = source
        self._target = target
        self._counted = counted
        self._dry_run = dry_run
        self._expect: Literal[Marker.ABSENT, Marker.ANY] = ABSENT if target.immutable_items else ANY
        self._at_once = max(source._layered.concurrency, target._layered.concurrency)
        self._known = Records()
        self._done = Records()
        self._before = 0
        self._changed = False
        self._save_at = time.monotonic() + JOURNAL_SECONDS
        self._failures: dict[PersiDictKey, Exception] = {}
        self._in_a_row = 0
        self._copied = self._unchanged = self._bytes = 0
        self._set_way()
        self._set_journal(place)

    def _set_way(self) -> None:
        """How bytes become those of the target: not at all, or decoded to be converted or checked.

        They are looked into where the target demands more than the source did.
        """
        source, target = self._source, self._target
        base, wanted = source.base_class_for_values, target.base_class_for_values
        self._converts = source.file_type != target.file_type or type(
            source._serializer
        ) is not type(target._serializer)
        self._checks = (source.allow_pickle and not target.allow_pickle) or not (
            wanted is None or (base is not None and issubclass(base, wanted))
        )
        self._untouched = not (self._converts or self._checks)

    def _set_journal(self, place: _Place) -> None:
        source, target = self._source, self._target
        self._journal: Journal | None = None
        self._versioned = _has_etags(source.backend)
        self._target_versioned = _has_etags(target.backend)
        address = place.address
        if address is None or not self._versioned:
            return  # What a copy was made of could not be told again.
        kinds = (source._serializer, target._serializer)
        formats = [f"{each.file_type} {type(each).__qualname__}" for each in kinds]
        what = "\n".join([address, *place.layers, *formats])
        # Without a cache: what it holds may be taken for current unasked.
        self._journal = Journal(target.backend, target._paths.prefix, what)

    def run(self, delete: bool) -> Copied:
        """Copy, and delete if that is wanted and all was copied."""
        if self._expect is ABSENT and not self._dry_run:
            self._target._require("copy_to", "if_absent")
        complete = False
        try:
            self._recall()
            listed = self._listed()
            while batch := list(islice(listed, _BATCH)):
                self._copy_batch(batch)
            complete = not self._failures
        except BackendError as error:
            problem = (
                f"{error.problem}; {self._copied} {_items(self._copied)} copied before that, "
                "and another run goes on from there"
            )
            raise BackendError(problem, error.backend, error.operation, error.path) from error
        finally:
            self._remember(complete)
        if self._failures:
            raise BulkError("copy_to", self._failures)
        deleted = self._delete_the_rest() if delete else 0
        return Copied(self._copied, self._unchanged, deleted, self._bytes)

    # What is to be copied.

    def _recall(self) -> None:
        """Find what an earlier run copied and the target still has as it was written then."""
        before = self._journal.load() if self._journal else Records()
        self._before = len(before)
        if not before:
            return
        naming = self._target._paths
        for stat in self._target._layered.list_stats(naming.prefix):
            if stat.path.endswith(naming.suffix):
                path = hashed(stat.path)
                found = before.find(path)
                if found is not None and found[1] == self._version_there(stat.etag):
                    self._known.add(path, *found)

    def _version_there(self, etag: str) -> bytes:
        return hashed(etag) if self._target_versioned else NEVER

    def _listed(self) -> Iterator[_Item]:
        """The items that have to be copied, in the order of the source's listing."""
        naming = self._source._paths
        stats = self._source._layered.list_stats(naming.prefix)
        while some := list(islice(stats, _BATCH)):
            by_path = {stat.path: stat for stat in some}
            for key, path in naming.keys_of(by_path):
                item = self._item(key, by_path[path])
                if item is not None:
                    yield item

    def _item(self, key: SafeStrTuple, stat: ObjectStat) -> _Item | None:
        try:
            there = self._target._paths.path_from(self._source._paths, key, stat.path)
        except ValueError as error:
            self._fail(key, error)
            return None
        if self._before:
            path = hashed(there)
            found = self._known.find(path)
            if found is not None and found[0] == hashed(stat.etag):
                self._pass_over(path, *found)
                return None
        return _Item(key, stat, there)

    # Copying.

    def _copy_batch(self, batch: list[_Item]) -> None:
        """Copy some items, each in the way that its size and both stores allow."""
        if self._dry_run:
            for item in batch:
                self._note(item, item.stat.etag, "", item.stat.size)
            return
        within: list[_Item] = []
        small: list[_Item] = []
        large: list[_Item] = []
        for item in batch:
            if self._is_too_large(item, item.stat.size, self._source):
                continue
            if self._goes_within(item):
                within.append(item)
            else:
                (small if item.stat.size <= MOST_IN_MEMORY else large).append(item)
        if within:
            self._copy_within(within)
        if small:
            self._copy_small(small)
        if large:
            self._copy_large(large)

    def _goes_within(self, item: _Item) -> bool:
        return (
            self._untouched
            and self._expect is ANY
            and self._target._layered.copies_from(self._source.backend, item.stat.size)
        )

    def _copy_within(self, items: list[_Item]) -> None:
        """Let the target's store fetch the bytes: of the version that was listed, or a newer."""
        pairs = [(item.stat.path, item.there) for item in items]
        results = self._target._layered.copy_many(self._source.backend, pairs)
        with closing(cast(Any, results)):
            for item, (_, result) in zip(items, results, strict=True):
                self._settle(item, item.stat.etag, item.stat.size, result)

    def _copy_small(self, items: list[_Item]) -> None:
        """Read ahead, and write many together."""
        read: dict[str, tuple[_Item, str, int]] = {}

        def ready() -> Iterator[tuple[str, bytes]]:
            found = bulk.in_order(self._read, items, self._source._layered.concurrency)
            with closing(cast(Any, found)):
                for item, result in found:
                    if isinstance(result, Exception):
                        self._settle(item, "", 0, result)
                    else:
                        data, etag = result
                        read[item.there] = item, etag, len(data)
                        yield item.there, data

        results = self._target._layered.write_many(ready(), self._expect)
        with closing(cast(Any, results)):
            for there, result in results:
                self._settle(*read.pop(there), result)

    def _copy_large(self, items: list[_Item]) -> None:
        """Stream some at once; what must be converted is whole in memory, one at a time."""
        copy_one = self._stream if self._untouched else self._convert_one
        at_once = min(self._at_once, _LARGE_AT_ONCE) if self._untouched else 1
        results = bulk.in_order(copy_one, items, at_once)
        with closing(cast(Any, results)):
            for item, result in results:
                if isinstance(result, Exception):
                    self._settle(item, "", 0, result)
                else:
                    self._settle(item, *result)

    def _read(self, item: _Item) -> tuple[bytes, str]:
        """The bytes to write for an item, and the etag of the version that they are made of."""
        path = item.stat.path
        if self._versioned:
            found = self._source._layered.read_versioned(path)
            assert isinstance(found, tuple)
            data, etag = found[0], found[1].etag
        else:
            data, etag = self._source._layered.read_bytes(path), item.stat.etag
        self._check_size(item, len(data), self._source)
        if not self._untouched:
            data = self._converted(item, data)
        self._check_size(item, len(data), self._target)
        return data, etag

    def _converted(self, item: _Item, data: bytes) -> bytes:
        # Where one of both forbids what could run code, it is that one who reads.
        reader = self._source
        if not self._converts and not self._target.allow_pickle:
            reader = self._target
        value = reader._decode(item.key, item.stat.path, data)
        self._target._prepare(item.key, value)
        return self._target._encode(item.key, item.there, value) if self._converts else data

    def _convert_one(self, item: _Item) -> tuple[str, int, str]:
        data, etag = self._read(item)
        store = self._target._layered
        if self._expect is ABSENT:
            return etag, len(data), store.write_if(item.there, data, ABSENT)
        return etag, len(data), store.write_bytes(item.there, data)

    def _stream(self, item: _Item) -> tuple[str, int, str]:
        source, target = self._source._layered, self._target._layered
        size = 0
        with (
            source.read_file(item.stat.path) as file,
            target.write_file(item.there, self._expect) as copied,
        ):
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                self._check_size(item, size, self._source)
                self._check_size(item, size, self._target)
                copied.write(chunk)
        return item.stat.etag, size, target.stat(item.there).etag

    def _check_size(self, item: _Item, size: int, side: ValueStore[Any]) -> None:
        if side.max_value_bytes is not None and size > side.max_value_bytes:
            which = "the source" if side is self._source else "the target"
            raise SerializationError(
                f"it has {size} bytes, more than max_value_bytes={side.max_value_bytes} of {which}",
                item.key,
                item.stat.path,
                side.file_type,
            )

    def _is_too_large(self, item: _Item, size: int, side: ValueStore[Any]) -> bool:
        try:
            self._check_size(item, size, side)
            if self._untouched:
                self._check_size(item, size, self._target)
        except SerializationError as error:
            self._fail(item.key, error)
            return True
        return False

    # What became of an item.

    def _settle(self, item: _Item, etag: str, size: int, result: str | Exception) -> None:
        """Take note of one result: the etag of what was written, or what went wrong."""
        if isinstance(result, str):
            self._note(item, etag, result, size)
        elif isinstance(result, ObjectNotFound):
            # Deleted since it was listed. What the target has of it stays until the next run.
            self._done.add(hashed(item.there), NEVER, NEVER)
            self._counted.step()
        elif self._expect is ABSENT and isinstance(result, PreconditionFailed):
            self._settle_existing(item)
        else:
            self._fail(item.key, result)

    def _note(self, item: _Item, etag: str, etag_there: str, size: int) -> None:
        self._in_a_row = 0
        self._copied += 1
        self._bytes += size
        self._changed = True
        self._done.add(hashed(item.there), hashed(etag), self._version_there(etag_there))
        self._counted.step()
        if time.monotonic() >= self._save_at:
            self._save(self._known, self._done)

    def _pass_over(self, path: bytes, etag: bytes, etag_there: bytes) -> None:
        self._unchanged += 1
        self._done.add(path, etag, etag_there)
        self._counted.step()

    def _settle_existing(self, item: _Item) -> None:
        """An immutable item is in the target already: that is well if it is the same."""
        try:
            if not self._is_same(item):
                raise ImmutableItemError(item.key)
            etag_there = self._target._layered.stat(item.there).etag
        except Exception as error:
            self._fail(item.key, error)
        else:
            etags = hashed(item.stat.etag), self._version_there(etag_there)
            self._pass_over(hashed(item.there), *etags)

    def _is_same(self, item: _Item) -> bool:
        source, target = self._source._layered, self._target._layered
        if not self._untouched:
            return self._read(item)[0] == target.read_bytes(item.there)
        with source.read_file(item.stat.path) as here, target.read_file(item.there) as there:
            while (chunk := here.read(_CHUNK)) == there.read(_CHUNK):
                if not chunk:
                    return True
        return False

    def _fail(self, key: SafeStrTuple, error: Exception) -> None:
        self._failures[key] = error
        self._counted.step()
        if not isinstance(error, BackendError):
            return
        self._in_a_row += 1
        if self._in_a_row == _FAILURES_TO_LOOK:
            for store in (self._source, self._target):
                store._layered.list_some(store._paths.prefix)
        if self._in_a_row >= _FAILURES_TO_STOP:
            problem = f"{self._in_a_row} items in a row failed, the last by: {error.problem}"
            raise BackendError(problem, error.backend, error.operation, error.path) from error

    # What is remembered, and deleted.

    def _remember(self, complete: bool) -> None:
        """Write the journal at the end; of a whole run only what the source still has."""
        if not complete:
            if self._changed:
                self._save(self._known, self._done)
        elif self._changed or len(self._done) != self._before:
            self._save(self._done)

    def _save(self, *records: Records) -> None:
        if self._journal is None or self._dry_run:
            return
        begun = time.monotonic()
        if any(map(len, records)):
            self._journal.save(*records)
        else:
            self._journal.remove()
        now = time.monotonic()
        self._save_at = now + max(JOURNAL_SECONDS, _JOURNAL_SHARE * (now - begun))

    def _delete_the_rest(self) -> int:
        """Delete what the source has not, now that all it has was copied; how many those were."""
        source, target = self._source, self._target
        if self._counted.done and not source._layered.list_some(source._paths.prefix):
            raise BackendError(
                "all items that were copied from there have vanished meanwhile, so that nothing "
                "was deleted in the target",
                repr(source.backend),
                "list_some",
                source._paths.prefix,
            )
        listed = target._layered.list_prefix(target._paths.prefix)
        rest = (
            (key, path)
            for key, path in target._paths.keys_of(listed)
            if self._done.find(hashed(path)) is None
        )
        if self._dry_run:
            return sum(1 for _ in rest)
        deleted = 0
        failures: dict[PersiDictKey, Exception] = {}
        keys: dict[str, SafeStrTuple] = {}

        def paths() -> Iterator[str]:
            for key, path in rest:
                keys[path] = key
                yield path

        for path, result in target._layered.delete_many(paths()):
            key = keys.pop(path)
            if result is None:
                deleted += 1
            elif not isinstance(result, ObjectNotFound):
                failures[key] = result
        if failures:
            raise BulkError("copy_to", failures)
        return deleted


def _has_etags(backend: BaseBackend) -> bool:
    """Whether etags name versions; where finding out costs requests, they do."""
    return backend.probes or backend.capabilities.etags is not ETags.NONE


def _items(count: int) -> str:
    return "item was" if count == 1 else "items were"
