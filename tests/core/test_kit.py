"""The conformance kit fails on what is broken: each mutant is caught by the check that names it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest

from persidict_core import (
    ABSENT,
    BaseBackend,
    Capabilities,
    ETags,
    Expect,
    MemoryBackend,
    ObjectNotFound,
    ObjectStat,
    PreconditionFailed,
    Scope,
    check_path,
    check_prefix,
)
from persidict_core.backend import Marker
from persidict_core.testing import (
    BackendTests,
    checks_bulk,
    checks_conditions,
    checks_etags,
    checks_identity,
    checks_listing,
    checks_paths,
    checks_races,
    checks_sharing,
    checks_verbs,
)
from persidict_core.testing.kit import Check


class ChecksThenActs(MemoryBackend):
    """``write_if`` and ``delete_if`` look first and act later."""

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        self._look(path, expect)
        return self.write_bytes(path, data)

    def delete_if(self, path: str, expect: str) -> None:
        self._look(path, expect)
        try:
            self.delete(path)
        except ObjectNotFound:
            raise PreconditionFailed(path, expect, ABSENT) from None

    def _look(self, path: str, expect: Expect) -> None:
        try:
            current: ObjectStat | Literal[Marker.ABSENT] = self.stat(path)
        except ObjectNotFound:
            current = ABSENT
        if (current.etag if isinstance(current, ObjectStat) else current) != expect:
            raise PreconditionFailed(path, expect, current)


class TwoDeletersWin(ChecksThenActs):
    """``delete_if`` is content where somebody else has deleted."""

    def delete_if(self, path: str, expect: str) -> None:
        try:
            super().delete_if(path, expect)
        except PreconditionFailed as error:
            if error.current is not ABSENT:
                raise


class EtagStays(MemoryBackend):
    """The etag is the size."""

    def write_bytes(self, path: str, data: bytes) -> str:
        super().write_bytes(path, data)
        return str(len(data))

    def stat(self, path: str) -> ObjectStat:
        stat = super().stat(path)
        return stat._replace(etag=str(stat.size))


class ClaimsContent(MemoryBackend):
    """Claims etags of contents, and numbers its writes."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(etags=ETags.PER_CONTENT)


class OtherEtagInListing(MemoryBackend):
    """``list_stats`` quotes the etag."""

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        for stat in super().list_stats(prefix):
            yield stat._replace(etag=f'"{stat.etag}"')


class TornReads(MemoryBackend):
    """Reads in two pieces, the second of whatever is there by then."""

    def read_bytes(self, path: str) -> bytes:
        half = super().read_bytes(path)
        rest = super().read_bytes(path)
        return half[: len(half) // 2] + rest[len(half) // 2 :]


class VersionOfAnother(MemoryBackend):
    """``read_versioned`` reads first and looks at the stat after."""

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        read = super().read_versioned(path, unless)
        if isinstance(read, Marker):
            return read
        return read[0], self.stat(path)


class GapInReplacing(MemoryBackend):
    """Deletes before it writes."""

    def write_bytes(self, path: str, data: bytes) -> str:
        if self.exists(path):
            self.delete(path)
        return super().write_bytes(path, data)


class ListsTemporaries(MemoryBackend):
    """``write_file`` writes under a name that is listed."""

    def write_file(self, path: str, expect: Any = None) -> Any:
        super().write_bytes(check_path(path) + ".tmp", b"")
        return super().write_file(path, expect)


class CommitsOnException(MemoryBackend):
    """``write_file`` keeps what was written before an exception."""

    def write_file(self, path: str, expect: Any = None) -> Any:
        backend = self

        class File:
            def __enter__(self) -> File:
                self.data = b""
                return self

            def write(self, data: bytes) -> None:
                self.data += data

            def __exit__(self, *error: object) -> None:
                backend.write_bytes(path, self.data)

        return File()


class SilentDelete(MemoryBackend):
    """Deleting what is not there is no error."""

    def delete(self, path: str) -> None:
        if self.exists(path):
            super().delete(path)


class AcceptsAnyPath(MemoryBackend):
    """Cleans paths up instead of refusing them."""

    def write_bytes(self, path: str, data: bytes) -> str:
        cleaned = [part for part in path.split("/") if part not in ("", ".", "..")]
        return super().write_bytes("/".join(cleaned) or "x", data)


class ChecksPathsLate(MemoryBackend):
    """Refuses a bad path after it has left something."""

    def write_bytes(self, path: str, data: bytes) -> str:
        super().write_bytes("log", b"")
        return super().write_bytes(path, data)


class ImitatesUnclaimed(MemoryBackend):
    """Claims no condition, and pretends to keep it."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(etags=ETags.PER_WRITE)


class NoneIsAbsent(MemoryBackend):
    """Takes None for ``ABSENT``."""

    def write_if(self, path: str, data: bytes, expect: Any) -> str:
        return super().write_if(path, data, ABSENT if expect is None else expect)


class AbsentIsNotFound(MemoryBackend):
    """A condition on an absent object raises ``ObjectNotFound``."""

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        if expect is not ABSENT:
            self.stat(path)
        return super().write_if(path, data, expect)


class WrongCurrent(MemoryBackend):
    """``PreconditionFailed.current`` is what was expected."""

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        try:
            return super().write_if(path, data, expect)
        except PreconditionFailed as error:
            raise PreconditionFailed(path, expect, expect) from error


class PrefixOfName(MemoryBackend):
    """A prefix without its slash."""

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        start = check_prefix(prefix).rstrip("/")
        return (path for path in super().list_prefix() if path.startswith(start))


class OnePage(MemoryBackend):
    """Lists a thousand and stops."""

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        return (path for path, _ in zip(super().list_prefix(prefix), range(1000), strict=False))


class ListsByPosition(MemoryBackend):
    """Pages by position, while others delete."""

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        for number in count():
            paths = [path for path in list(self._store.objects) if path.startswith(prefix)]
            if number >= len(paths):
                return
            yield paths[number]


class ListsWhole(MemoryBackend):
    """A list is no iterator."""

    def list_prefix(self, prefix: str = "") -> Any:
        return list(super().list_prefix(prefix))


class TakesAll(MemoryBackend):
    """Takes the whole iterable before it begins."""

    def read_many(self, paths: Any) -> Any:
        return super().read_many(list(paths))


class FailsAsAWhole(MemoryBackend):
    """Raises the first item's failure instead of giving it."""

    def delete_many(self, paths: Any) -> Any:
        for path in paths:
            self.delete(path)
            yield path, None


class OutOfOrder(MemoryBackend):
    """Gives results sorted."""

    def read_many(self, paths: Any) -> Any:
        return iter(sorted(super().read_many(paths)))


class StripsLines(MemoryBackend):
    """Text mode."""

    def write_bytes(self, path: str, data: bytes) -> str:
        return super().write_bytes(path, data.replace(b"\r\n", b"\n"))


class Milliseconds(MemoryBackend):
    """The time in milliseconds."""

    def stat(self, path: str) -> ObjectStat:
        stat = super().stat(path)
        return stat._replace(modified=stat.modified * 1000)


class ForgetsParameter(MemoryBackend):
    """A constructor parameter that is not kept as it was given."""

    def __init__(self, name: str | None = None, retries: int = 1) -> None:
        super().__init__(name)
        self.retries = retries + 1


class ShowsPassword(MemoryBackend):
    """A password that is not declared as a secret."""

    def __init__(self, name: str | None = None, password: str = "hunter2") -> None:
        super().__init__(name)
        self.password = password


class StoreOfItsOwn(MemoryBackend):
    """A copy has another store."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name,)


class SeesLate(MemoryBackend):
    """Reads from a cache that nothing renews."""

    def read_bytes(self, path: str) -> bytes:
        cache: dict[str, bytes] = self.__dict__.setdefault("cache", {})
        if path not in cache:
            cache[path] = super().read_bytes(path)
        return cache[path]


class SharedBuffer(MemoryBackend):
    """Keeps the state of a call on the instance."""

    def write_bytes(self, path: str, data: bytes) -> str:
        self.buffer = data
        return super().write_bytes(path, self.buffer)


class KeepsLockInChild(MemoryBackend):
    """A lock of its own, copied by a fork in whatever state it is."""

    def __init__(self, name: str | None = None) -> None:
        import threading

        super().__init__(name)
        self.lock = threading.Lock()

    def write_bytes(self, path: str, data: bytes) -> str:
        with self.lock:
            time.sleep(0.001)
            return super().write_bytes(path, data)


MUTANTS: list[tuple[type[MemoryBackend], Check]] = [
    (ChecksThenActs, checks_races.check_one_creator_wins),
    (ChecksThenActs, checks_races.check_increments_are_exact),
    (ChecksThenActs, checks_races.check_conditions_among_plain_writers),
    (ChecksThenActs, checks_races.check_creators_among_plain_writers),
    (ChecksThenActs, checks_races.check_deleters_among_plain_writers),
    (TwoDeletersWin, checks_races.check_one_deleter_wins),
    (EtagStays, checks_etags.check_etags_name_what_is_claimed),
    (EtagStays, checks_races.check_etags_differ_among_writers),
    (ClaimsContent, checks_etags.check_etags_name_what_is_claimed),
    (OtherEtagInListing, checks_etags.check_one_etag),
    (OtherEtagInListing, checks_listing.check_stats_are_listed),
    (TornReads, checks_sharing.check_no_torn_reads),
    (VersionOfAnother, checks_sharing.check_no_torn_reads),
    (GapInReplacing, checks_sharing.check_no_torn_reads),
    (ListsTemporaries, checks_verbs.check_write_file),
    (ListsTemporaries, checks_listing.check_no_debris_is_listed),
    (CommitsOnException, checks_verbs.check_write_file_drops),
    (SilentDelete, checks_verbs.check_absent_is_told),
    (SilentDelete, checks_verbs.check_delete),
    (AcceptsAnyPath, checks_paths.check_bad_paths_are_refused),
    (ChecksPathsLate, checks_paths.check_bad_paths_are_refused),
    (ImitatesUnclaimed, checks_conditions.check_absent_condition),
    (ImitatesUnclaimed, checks_conditions.check_etag_condition),
    (ImitatesUnclaimed, checks_conditions.check_delete_condition),
    (ImitatesUnclaimed, checks_races.check_one_creator_wins),
    (NoneIsAbsent, checks_conditions.check_conditions_are_of_a_kind),
    (AbsentIsNotFound, checks_conditions.check_etag_condition),
    (WrongCurrent, checks_conditions.check_absent_condition),
    (PrefixOfName, checks_listing.check_prefix_is_a_folder),
    (OnePage, checks_listing.check_many_objects),
    (ListsByPosition, checks_sharing.check_listing_while_others_write),
    (ListsWhole, checks_listing.check_listing_is_an_iterator),
    (TakesAll, checks_bulk.check_many_are_taken_lazily),
    (FailsAsAWhole, checks_bulk.check_failures_are_results),
    (FailsAsAWhole, checks_paths.check_bad_paths_among_many),
    (OutOfOrder, checks_bulk.check_many_in_order),
    (StripsLines, checks_verbs.check_bytes_come_back),
    (Milliseconds, checks_etags.check_times),
    (ForgetsParameter, checks_identity.check_params_make_it_again),
    (ShowsPassword, checks_identity.check_repr_hides_secrets),
    (StoreOfItsOwn, checks_sharing.check_pickled_handle_shares_the_store),
    (SeesLate, checks_sharing.check_visible_at_once),
    (SharedBuffer, checks_sharing.check_threads),
    (KeepsLockInChild, checks_sharing.check_fork),
]
