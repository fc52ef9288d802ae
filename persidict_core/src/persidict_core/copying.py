"""Copying all items of one dictionary to another, in any other store.

How bytes get there stands in ``moving``. What a journal in the target remembers (see ``journal``)
is passed over: so a copy that was interrupted goes on, and one that is made again moves only what
was written in between.

No two items can meet in one place: a key has one path in a listing, and one path in the target,
whose names it can be read from again; one that cannot is told, and not copied.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple, cast

from .backend import ABSENT, ObjectStat
from .digests import is_signed
from .errors import (
    BackendError,
    BulkError,
    ImmutableItemError,
    ObjectNotFound,
    PreconditionFailed,
)
from .journal import NEVER, Journal, Records, hashed
from .keys import PersiDictKey, SafeStrTuple
from .location import Location
from .moving import Item, Moved, Mover, has_etags
from .progress import Progress, Steps, steps
from .value_store import ValueStore

_BATCH: Final = 1000

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


def copy(
    source: ValueStore[Any],
    target: ValueStore[Any],
    progress: Progress | None,
    dry_run: bool,
    delete: bool,
) -> Copied:
    """Copy all items of a dictionary; see ``PersiDict.copy_to``."""
    location, there = Location.of(source), Location.of(target)
    if source.file_type == target.file_type and location.overlaps(there):
        raise ValueError(
            f"{location} cannot be copied to {there}: they are one place, or one lies in the "
            "other, so that items would be copied onto themselves; choose another place, or "
            "another file_type"
        )
    if target.read_only:
        raise target._is_read_only()
    if delete and target.immutable_items:
        raise ValueError(f"delete=True cannot be: the items of {target!r} are immutable")
    with steps(progress) as counted:
        return _Copy(source, target, location, counted, dry_run).run(delete)


class _Copy:
    """One run of a copy.

    Args:
        source: Where from.
        target: Where to.
        location: The source's.
        counted: Told of each item that was dealt with.
        dry_run: Whether nothing is written.
    """

    def __init__(
        self,
        source: ValueStore[Any],
        target: ValueStore[Any],
        location: Location,
        counted: Steps,
        dry_run: bool,
    ) -> None:
        self._source = source
        self._target = target
        self._counted = counted
        self._dry_run = dry_run
        self._mover = Mover(source, target)
        self._known = Records()
        self._done = Records()
        self._before = 0
        self._changed = False
        self._save_at = time.monotonic() + JOURNAL_SECONDS
        self._failures: dict[PersiDictKey, Exception] = {}
        self._in_a_row = 0
        self._copied = self._unchanged = self._bytes = 0
        self._set_journal(location)

    def _set_journal(self, location: Location) -> None:
        source, target = self._source, self._target
        self._journal: Journal | None = None
        self._target_versioned = has_etags(target)
        address = location.address
        if address is None or not has_etags(source):
            return  # What a copy was made of could not be told again.
        kinds = (source._serializer, target._serializer)
        formats = [f"{each.file_type} {type(each).__qualname__}" for each in kinds]
        what = "\n".join([address, *location.layers, *formats])
        # Without a cache: what it holds may be taken for current unasked.
        self._journal = Journal(target.backend, target._paths.prefix, what)

    def run(self, delete: bool) -> Copied:
        """Copy, and delete if that is wanted and all was copied."""
        if self._mover.expect is ABSENT and not self._dry_run:
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

    def _listed(self) -> Iterator[Item]:
        """The items that have to be copied, in the order of the source's listing."""
        naming = self._source._paths
        stats = self._source._layered.list_stats(naming.prefix)
        while some := list(islice(stats, _BATCH)):
            by_path = {stat.path: stat for stat in some}
            for key, path in naming.keys_of(by_path):
                item = self._item(key, by_path[path])
                if item is not None:
                    yield item

    def _item(self, key: SafeStrTuple, stat: ObjectStat) -> Item | None:
        try:
            self._check_name(key)
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
        return Item(key, stat, there)

    def _check_name(self, key: SafeStrTuple) -> None:
        length = self._target.digest_len
        if length in (0, self._source.digest_len):
            return
        for part in key.strings:
            if "_" in part and is_signed(part, length):
                raise ValueError(
                    f"{part!r} ends like a name with a digest of {length} characters, as those in "
                    "the target do, and would be taken for another key there; rename it, or copy "
                    "to a dictionary with digest_len=0"
                )

    def _copy_batch(self, batch: list[Item]) -> None:
        if self._dry_run:
            for item in batch:
                self._note(Moved(item, "", item.stat.etag, item.stat.size))
            return
        self._mover.move(batch, self._settle)

    # What became of an item.

    def _settle(self, moved: Moved) -> None:
        item, result = moved.item, moved.result
        if isinstance(result, str):
            self._note(moved)
        elif isinstance(result, ObjectNotFound):
            # Deleted since it was listed. What the target has of it stays until the next run.
            self._done.add(hashed(item.there), NEVER, NEVER)
            self._counted.step()
        elif self._mover.expect is ABSENT and isinstance(result, PreconditionFailed):
            self._settle_existing(item)
        else:
            self._fail(item.key, result)

    def _note(self, moved: Moved) -> None:
        self._in_a_row = 0
        self._copied += 1
        self._bytes += moved.size
        self._changed = True
        etag_there = self._version_there(cast(str, moved.result))
        self._done.add(hashed(moved.item.there), hashed(moved.etag), etag_there)
        self._counted.step()
        if time.monotonic() >= self._save_at:
            self._save(self._known, self._done)

    def _pass_over(self, path: bytes, etag: bytes, etag_there: bytes) -> None:
        self._unchanged += 1
        self._done.add(path, etag, etag_there)
        self._counted.step()

    def _settle_existing(self, item: Item) -> None:
        """An immutable item is in the target already: that is well if it is the same."""
        try:
            if not self._mover.is_there(item):
                raise ImmutableItemError(item.key)
            etag_there = self._target._layered.stat(item.there).etag
        except Exception as error:
            self._fail(item.key, error)
        else:
            etags = hashed(item.stat.etag), self._version_there(etag_there)
            self._pass_over(hashed(item.there), *etags)

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


def _items(count: int) -> str:
    return "item was" if count == 1 else "items were"
