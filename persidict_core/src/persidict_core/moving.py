"""Moving the bytes of some items from one dictionary to another, as both stores allow.

Within one store, the store itself fetches them; what is small is read ahead and written together;
what is large is streamed. Values are decoded only where the formats differ, or where the target
demands more of them than the source did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final, Literal, NamedTuple, cast

from . import bulk
from .backend import ABSENT, ANY, ETags, Marker, ObjectStat
from .errors import SerializationError
from .keys import SafeStrTuple
from .spool import MOST_IN_MEMORY
from .value_store import ValueStore

CHUNK: Final = 1 << 20
_LARGE_AT_ONCE: Final = 4
"""So many values that are streamed are under way at most."""


class Item(NamedTuple):
    """One item to move.

    Attributes:
        key: Its key.
        stat: What the source's listing says of it.
        there: Its path in the target.
    """

    key: SafeStrTuple
    stat: ObjectStat
    there: str


class Moved(NamedTuple):
    """What became of one item.

    Attributes:
        item: Which.
        result: The etag of what was written, or what went wrong.
        etag: The etag of the version in the source that was moved.
        size: How many bytes were written.
    """

    item: Item
    result: str | Exception
    etag: str = ""
    size: int = 0


class Mover:
    """Moves items from one dictionary to another.

    Args:
        source: Where from.
        target: Where to; where its items are immutable, none is replaced.

    Attributes:
        source: Where from.
        target: Where to.
        expect: What must be in the place of an item: `ABSENT`, or `ANY` thing.
        untouched: Whether bytes are moved as they are, and no value is decoded.
    """

    def __init__(self, source: ValueStore[Any], target: ValueStore[Any]) -> None:
        self.source = source
        self.target = target
        self.expect: Literal[Marker.ABSENT, Marker.ANY] = ABSENT if target.immutable_items else ANY
        base, wanted = source.base_class_for_values, target.base_class_for_values
        self._converts = source.file_type != target.file_type or type(
            source._serializer
        ) is not type(target._serializer)
        checks = (source.allow_pickle and not target.allow_pickle) or not (
            wanted is None or (base is not None and issubclass(base, wanted))
        )
        self.untouched = not (self._converts or checks)
        self._versioned = has_etags(source)

    def move(self, items: Sequence[Item], settle: Callable[[Moved], object]) -> None:
        """Move some items, each in the way that its size and both stores allow.

        Args:
            items: The items, each with a place of its own in the target.
            settle: Is told what became of each, in any order, as soon as that is known; what it
                raises ends the move, also where no item can be read.
        """
        within: list[Item] = []
        small: list[Item] = []
        large: list[Item] = []
        for item in items:
            try:
                self._check_size(item, item.stat.size, self.source)
                if self.untouched:
                    self._check_size(item, item.stat.size, self.target)
            except SerializationError as error:
                settle(Moved(item, error))
                continue
            if self._goes_within(item):
                within.append(item)
            else:
                (small if item.stat.size <= MOST_IN_MEMORY else large).append(item)
        if within:
            self._within(within, settle)
        if small:
            self._small(small, settle)
        if large:
            self._large(large, settle)

    def _goes_within(self, item: Item) -> bool:
        return (
            self.untouched
            and self.expect is ANY
            and self.target._layered.copies_from(self.source.backend, item.stat.size)
        )

    def _within(self, items: list[Item], settle: Callable[[Moved], object]) -> None:
        """Let the target's store fetch the bytes: of the version that was listed, or a newer."""
        pairs = [(item.stat.path, item.there) for item in items]
        results = self.target._layered.copy_many(self.source.backend, pairs)
        with closing(cast(Any, results)):
            for item, (_, result) in zip(items, results, strict=True):
                settle(Moved(item, result, item.stat.etag, item.stat.size))

    def _small(self, items: list[Item], settle: Callable[[Moved], object]) -> None:
        """Read ahead, and write many together."""
        read: dict[str, tuple[Item, str, int]] = {}

        def ready() -> Iterator[tuple[str, bytes]]:
            found = bulk.in_order(self.read, items, self.source._layered.concurrency)
            with closing(cast(Any, found)):
                for item, result in found:
                    if isinstance(result, Exception):
                        settle(Moved(item, result))
                    else:
                        data, etag = result
                        read[item.there] = item, etag, len(data)
                        yield item.there, data

        results = self.target._layered.write_many(ready(), self.expect)
        with closing(cast(Any, results)):
            for there, result in results:
                item, etag, size = read.pop(there)
                settle(Moved(item, result, etag, size))

    def _large(self, items: list[Item], settle: Callable[[Moved], object]) -> None:
        """Stream some at once; what must be converted is whole in memory, one at a time."""
        concurrency = max(self.source._layered.concurrency, self.target._layered.concurrency)
        move_one = self._stream if self.untouched else self._convert_one
        at_once = min(concurrency, _LARGE_AT_ONCE) if self.untouched else 1
        results = bulk.in_order(move_one, items, at_once)
        with closing(cast(Any, results)):
            for item, result in results:
                settle(Moved(item, result) if isinstance(result, Exception) else result)

    def read(self, item: Item) -> tuple[bytes, str]:
        """The bytes to write for an item, and the etag of the version that they are made of.

        Args:
            item: The item.

        Raises:
            SerializationError: The value does not load, or is too large, or not as demanded.
        """
        path = item.stat.path
        if self._versioned:
            found = self.source._layered.read_versioned(path)
            assert isinstance(found, tuple)
            data, etag = found[0], found[1].etag
        else:
            data, etag = self.source._layered.read_bytes(path), item.stat.etag
        self._check_size(item, len(data), self.source)
        if not self.untouched:
            data = self._converted(item, data)
        self._check_size(item, len(data), self.target)
        return data, etag

    def _converted(self, item: Item, data: bytes) -> bytes:
        # Where one of both forbids what could run code, it is that one who reads.
        reader = self.source
        if not self._converts and not self.target.allow_pickle:
            reader = self.target
        value = reader._decode(item.key, item.stat.path, data)
        self.target._prepare(item.key, value)
        return self.target._encode(item.key, item.there, value) if self._converts else data

    def _convert_one(self, item: Item) -> Moved:
        data, etag = self.read(item)
        store = self.target._layered
        if self.expect is ABSENT:
            return Moved(item, store.write_if(item.there, data, ABSENT), etag, len(data))
        return Moved(item, store.write_bytes(item.there, data), etag, len(data))

    def _stream(self, item: Item) -> Moved:
        source, target = self.source._layered, self.target._layered
        size = 0
        with (
            source.read_file(item.stat.path) as file,
            target.write_file(item.there, self.expect) as copied,
        ):
            while chunk := file.read(CHUNK):
                size += len(chunk)
                self._check_size(item, size, self.source)
                self._check_size(item, size, self.target)
                copied.write(chunk)
        return Moved(item, target.stat(item.there).etag, item.stat.etag, size)

    def is_there(self, item: Item) -> bool:
        """Whether the target has just what moving an item would write.

        Args:
            item: The item.
        """
        source, target = self.source._layered, self.target._layered
        if not self.untouched:
            return self.read(item)[0] == target.read_bytes(item.there)
        with source.read_file(item.stat.path) as here, target.read_file(item.there) as there:
            while (chunk := here.read(CHUNK)) == there.read(CHUNK):
                if not chunk:
                    return True
        return False

    def _check_size(self, item: Item, size: int, side: ValueStore[Any]) -> None:
        if side.max_value_bytes is not None and size > side.max_value_bytes:
            which = "the source" if side is self.source else "the target"
            raise SerializationError(
                f"it has {size} bytes, more than max_value_bytes={side.max_value_bytes} of {which}",
                item.key,
                item.stat.path,
                side.file_type,
            )


def has_etags(dictionary: ValueStore[Any]) -> bool:
    """Whether etags name versions; where finding out costs requests, they do.

    Args:
        dictionary: In whose store.
    """
    backend = dictionary.backend
    return backend.probes or backend.capabilities.etags is not ETags.NONE
