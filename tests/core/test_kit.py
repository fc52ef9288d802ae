"""The conformance kit fails on what is broken: each mutant is caught by the check that names it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest

from persidict_core import (
    ABSENT,
    ANY,
    AdaptedBackend,
    BaseBackend,
    Capabilities,
    ETags,
    Expect,
    Joker,
    MemoryBackend,
    ObjectNotFound,
    ObjectStat,
    PersiDict,
    PreconditionFailed,
    Scope,
    bulk,
    check_path,
    check_prefix,
    replace_unsafe_chars,
)
from persidict_core.backend import Marker
from persidict_core.testing import (
    BackendTests,
    PersiDictTests,
    checks_bulk,
    checks_changes,
    checks_conditions,
    checks_dict_bulk,
    checks_dict_races,
    checks_dict_views,
    checks_etags,
    checks_identity,
    checks_items,
    checks_listing,
    checks_machine,
    checks_mapping,
    checks_paths,
    checks_races,
    checks_sharing,
    checks_verbs,
    racing,
)
from persidict_core.testing.kit import Check, Kit, checks_of
from persidict_core.testing.racing import ProcessTeam, ThreadTeam
from tests.fitness.broken import ChecksThenActs


class PlainWritesPassBy(MemoryBackend):
    """Plain writes and deletes do not take the lock that conditions take."""

    def write_bytes(self, path: str, data: bytes) -> str:
        return self._put(check_path(path), data)

    def delete(self, path: str) -> None:
        if self._store.objects.pop(check_path(path), None) is None:
            raise ObjectNotFound(path)

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        with self._store.lock:
            self._check(path, expect)
            return self._put(path, data)


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

    def write_file(self, path: str, expect: Any = ANY) -> Any:
        super().write_bytes(check_path(path) + ".tmp", b"")
        return super().write_file(path, expect)


class CommitsOnException(MemoryBackend):
    """``write_file`` keeps what was written before an exception."""

    def write_file(self, path: str, expect: Any = ANY) -> Any:
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
        for start in count(0, 10):
            page = sorted(super().list_prefix(prefix))[start : start + 10]
            if not page:
                return
            yield from page


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
        super().__init__(name)
        self.lock = threading.Lock()

    def write_bytes(self, path: str, data: bytes) -> str:
        with self.lock:
            time.sleep(0.001)
            return super().write_bytes(path, data)


class AThreadAnItem(MemoryBackend):
    """Starts more threads than it says."""

    concurrency = 2

    def read_many(self, paths: Any) -> Any:
        return bulk.in_order(self.read_bytes, paths, 20)


class SharedFolder(BaseBackend):
    """A folder, claiming conditions between processes that it only imitates; see ``guards``.

    Args:
        root: The folder.
        guards: What is done in one step: ``"absent"``, or nothing.
    """

    def __init__(self, root: str, guards: str = "") -> None:
        self.root = root
        self.guards = guards

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(Scope.PROCESSES, Scope.PROCESSES, Scope.PROCESSES, ETags.PER_WRITE)

    def read_bytes(self, path: str) -> bytes:
        try:
            return self._file(path).read_bytes()
        except OSError:
            raise ObjectNotFound(path) from None

    def write_bytes(self, path: str, data: bytes) -> str:
        file = self._file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f"+{uuid.uuid4().hex}")
        aside.write_bytes(data)
        aside.replace(file)
        return self.stat(path).etag

    def delete(self, path: str) -> None:
        try:
            self._file(path).unlink()
        except OSError:
            raise ObjectNotFound(path) from None

    def stat(self, path: str) -> ObjectStat:
        try:
            found = self._file(path).stat()
        except OSError:
            raise ObjectNotFound(path) from None
        etag = f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"
        return ObjectStat(path, found.st_size, found.st_mtime, etag)

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        for folder, _, names in os.walk(Path(self.root, check_prefix(prefix))):
            for name in names:
                if not name.startswith("+"):
                    yield Path(folder, name).relative_to(self.root).as_posix()

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        if expect is ABSENT and self.guards == "absent":
            self._file(path).parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._file(path).open("xb") as file:
                    file.write(data)
            except FileExistsError:
                raise PreconditionFailed(path, expect) from None
            return self.stat(path).etag
        found = self.stat(path).etag if self.exists(path) else ABSENT
        if found != expect:
            raise PreconditionFailed(path, expect)
        return self.write_bytes(path, data)

    def delete_if(self, path: str, expect: str) -> None:
        if not self.exists(path) or self.stat(path).etag != expect:
            raise PreconditionFailed(path, expect)
        Path(self.root, path).unlink(missing_ok=True)

    def _file(self, path: str) -> Path:
        return Path(self.root, check_path(path))


MUTANTS: list[tuple[type[MemoryBackend], Check]] = [
    (ChecksThenActs, checks_races.check_one_creator_wins),
    (ChecksThenActs, checks_races.check_increments_are_exact),
    (ChecksThenActs, checks_races.check_conditions_among_plain_writers),
    (ChecksThenActs, checks_races.check_creators_among_plain_writers),
    (ChecksThenActs, checks_races.check_deleters_among_plain_writers),
    (PlainWritesPassBy, checks_races.check_conditions_among_plain_writers),
    (PlainWritesPassBy, checks_races.check_creators_among_plain_writers),
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
    (AThreadAnItem, checks_bulk.check_bounded),
    (StripsLines, checks_verbs.check_bytes_come_back),
    (Milliseconds, checks_etags.check_times),
    (ForgetsParameter, checks_identity.check_params_make_it_again),
    (ShowsPassword, checks_identity.check_repr_hides_secrets),
    (StoreOfItsOwn, checks_sharing.check_pickled_handle_shares_the_store),
    (SeesLate, checks_sharing.check_visible_at_once),
    (SharedBuffer, checks_sharing.check_threads),
    (KeepsLockInChild, checks_sharing.check_fork),
]


def catches(check: Callable[[], None], times: int = 20) -> bool:
    """Whether a check fails, which a check of a race does by chance: nearly always, not always."""
    for _ in range(times):
        try:
            check()
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize(("mutant", "check"), MUTANTS)
def test_a_broken_backend_is_caught(
    mutant: type[MemoryBackend], check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks_sharing, "_CHILD_SECONDS", 1.0)
    assert catches(lambda: check(mutant()))


@pytest.mark.parametrize(
    "check",
    [
        checks_races.check_one_creator_wins,
        checks_races.check_increments_are_exact,
        checks_races.check_one_deleter_wins,
        checks_races.check_conditions_among_plain_writers,
        checks_races.check_creators_among_plain_writers,
        checks_races.check_deleters_among_plain_writers,
    ],
)
def test_processes_catch_a_broken_backend(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks_races, "teams", only_processes)

    def check_afresh() -> None:
        check(SharedFolder(tempfile.mkdtemp(dir=tmp_path)))

    assert catches(check_afresh)


def test_processes_pass_what_is_guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_races, "teams", only_processes)
    checks_races.check_one_creator_wins(SharedFolder(str(tmp_path), "absent"), rounds=50)


def only_processes(subject: object, size: int, scope: Scope) -> Iterator[ProcessTeam]:
    with ProcessTeam(subject, size) as team:
        yield team


class Remembers(PersiDict[Any]):
    """Gives the very object that was read before."""

    def __getitem__(self, key: Any) -> Any:
        known: dict[Any, Any] = self.__dict__.setdefault("known", {})
        return known.setdefault(str(key), super().__getitem__(key))


class StoresJokers(PersiDict[Any]):
    """``update`` ignores ``KEEP_CURRENT``, and deletes nothing."""

    def set_many(self, items: Any) -> None:
        for key, value in dict(items).items():
            super().__setitem__(key, repr(value) if isinstance(value, Joker) else value)


class TransformsInTwoSteps(PersiDict[Any]):
    """``transform`` reads and writes."""

    def transform(self, key: Any, function: Any, default: Any = 0) -> Any:
        self[key] = value = function(self.get(key, default))
        return value


class TellsOthersKeyError(PersiDict[Any]):
    """A missing key raises the backend's error."""

    def __getitem__(self, key: Any) -> Any:
        value = self.get(key, self)
        if value is self:
            raise ObjectNotFound(str(key))
        return value


class DeletesImmutable(PersiDict[Any]):
    """``pop`` forgets that items are immutable."""

    def pop(self, key: Any, default: Any = None) -> Any:
        value = self[key]
        self.backend.delete(self._path(key))
        return value


class DeletesManyImmutable(PersiDict[Any]):
    """``delete_many`` forgets that items are immutable."""

    def delete_many(self, keys: Any) -> None:
        for key in keys:
            self.backend.delete(self._path(key))


class AcceptsAnyKey(PersiDict[Any]):
    """Turns whatever it gets into a key."""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and super().__contains__(replace_unsafe_chars(key, "_") or "x")


class OldestAreNewest(PersiDict[Any]):
    """The wrong end."""

    def newest_keys(self, max_n: int | None = None) -> Any:
        return super().oldest_keys(max_n)


class TakesAllKeys(PersiDict[Any]):
    """``get_many`` takes all keys first."""

    def get_many(self, keys: Any) -> Any:
        return super().get_many(list(keys))


class SubdictIsCopy(PersiDict[Any]):
    """A sub-dictionary of its own."""

    def get_subdict(self, key: Any = ()) -> Any:
        copied = PersiDict("memory://")
        copied.update(super().get_subdict(key))
        return copied


class ForgetsToDelete(PersiDict[Any]):
    """``delete_many`` leaves the last."""

    def delete_many(self, keys: Any) -> None:
        super().delete_many(list(keys)[:-1])


DICTS: list[tuple[type[PersiDict[Any]], type[MemoryBackend], Check]] = [
    (PersiDict, ChecksThenActs, checks_dict_races.check_one_default_is_set),
    (PersiDict, ChecksThenActs, checks_dict_races.check_one_immutable_is_inserted),
    (PersiDict, TwoDeletersWin, checks_dict_races.check_one_takes_out),
    (PersiDict, ChecksThenActs, checks_dict_races.check_transforms_are_exact),
    (PersiDict, PlainWritesPassBy, checks_dict_races.check_transforms_among_plain_writers),
    (TransformsInTwoSteps, MemoryBackend, checks_changes.check_transform),
    (TransformsInTwoSteps, MemoryBackend, checks_dict_races.check_transforms_are_exact),
    (Remembers, MemoryBackend, checks_items.check_values_are_copies),
    (Remembers, MemoryBackend, checks_machine.check_random_actions),
    (StoresJokers, MemoryBackend, checks_changes.check_jokers),
    (TellsOthersKeyError, MemoryBackend, checks_mapping.check_missing_keys_raise),
    (DeletesImmutable, MemoryBackend, checks_changes.check_immutable_items),
    (DeletesManyImmutable, MemoryBackend, checks_changes.check_immutable_items),
    (AcceptsAnyKey, MemoryBackend, checks_items.check_bad_keys_are_refused),
    (OldestAreNewest, MemoryBackend, checks_dict_views.check_newest_and_oldest),
    (TakesAllKeys, MemoryBackend, checks_dict_bulk.check_get_many_is_lazy),
    (SubdictIsCopy, MemoryBackend, checks_dict_views.check_subdicts),
    (ForgetsToDelete, MemoryBackend, checks_dict_bulk.check_set_many),
]


@pytest.mark.parametrize(("kind", "backend", "check"), DICTS)
def test_a_broken_dictionary_is_caught(
    kind: type[PersiDict[Any]], backend: type[MemoryBackend], check: Check
) -> None:
    assert catches(lambda: check(lambda **params: kind(backend(), **params)))


class TestFiveVerbs(BackendTests):
    """Nothing is claimed: the kit demands that all of it is refused, and skips nothing."""

    scope = Scope.THREADS

    @pytest.fixture
    def backend(self) -> AdaptedBackend:
        return AdaptedBackend(MemoryBackend())


class TestDictOfFiveVerbs(PersiDictTests):
    scope = Scope.THREADS

    @pytest.fixture
    def make_dict(self) -> Callable[..., PersiDict[Any]]:
        return lambda **params: PersiDict(AdaptedBackend(MemoryBackend()), **params)


class Pooled(MemoryBackend):
    """Many requests at once, as a store behind a network."""

    concurrency = 4


class TestPooled(BackendTests):
    rounds, increments = 20, 20

    @pytest.fixture
    def backend(self) -> Pooled:
        return Pooled()


class TestDictPooled(PersiDictTests):
    rounds, increments, examples = 20, 20, 5

    @pytest.fixture
    def make_dict(self) -> Callable[..., PersiDict[Any]]:
        return lambda **params: PersiDict(Pooled(), **params)


class TestOutOfBand(BackendTests):
    """The hooks are used: without them a transforming backend would pass."""

    rounds, increments = 5, 10

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return Reverses()

    def raw_read(self, backend: MemoryBackend, path: str) -> bytes:
        return MemoryBackend.read_bytes(backend, path)

    def raw_write(self, backend: MemoryBackend, path: str, data: bytes) -> None:
        MemoryBackend.write_bytes(backend, path, data)

    @pytest.mark.xfail(reason="it stores every object backwards", strict=True)
    def test_store_holds_the_bytes(self, backend: MemoryBackend) -> None:
        super().test_store_holds_the_bytes(backend)  # type: ignore[misc]

    @pytest.mark.xfail(reason="it stores every object backwards", strict=True)
    def test_others_objects_are_read(self, backend: MemoryBackend) -> None:
        super().test_others_objects_are_read(backend)  # type: ignore[misc]


class Reverses(MemoryBackend):
    """Stores every object backwards."""

    def read_bytes(self, path: str) -> bytes:
        return super().read_bytes(path)[::-1]

    def write_bytes(self, path: str, data: bytes) -> str:
        return super().write_bytes(path, _backwards(data))

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        return super().write_if(path, _backwards(data), expect)

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        read = super().read_versioned(path, unless)
        return read if isinstance(read, Marker) else (read[0][::-1], read[1])


def _backwards(data: bytes) -> bytes:
    return bytes(memoryview(data)[::-1])


class TestOverriding:
    """A test of the kit is not left out unnoticed."""

    def test_by_another_test(self) -> None:
        with pytest.raises(TypeError, match="overrides a test of the conformance kit"):
            type("Mine", (BackendTests,), {"test_delete": lambda self, backend: None})

    @pytest.mark.parametrize("value", [None, pytest.mark.skip(lambda self, backend: None)])
    def test_by_nothing(self, value: object) -> None:
        with pytest.raises(TypeError, match="test_delete"):
            type("Mine", (BackendTests,), {"test_delete": value})

    def test_by_a_class_before_it(self) -> None:
        before = type("Before", (), {"test_subdicts": None})
        with pytest.raises(TypeError, match="test_subdicts"):
            type("Mine", (before, PersiDictTests), {})

    def test_by_an_expected_failure_without_a_reason(self) -> None:
        test = pytest.mark.xfail(lambda self, backend: None)
        with pytest.raises(TypeError, match="reason"):
            type("Mine", (BackendTests,), {"test_delete": test})

    def test_by_an_expected_failure_with_a_reason(self) -> None:
        def test(self: object, backend: object) -> None: ...

        test = pytest.mark.xfail(reason="the store cannot delete")(test)
        mine = type("Mine", (BackendTests,), {"test_delete": test})
        assert mine.test_delete is test  # type: ignore[attr-defined]
        type("Sub", (mine,), {})

    def test_own_tests_and_numbers_are_welcome(self) -> None:
        type("Mine", (BackendTests,), {"test_own": lambda self, backend: None, "rounds": 9})


@pytest.mark.parametrize("kit", [BackendTests, PersiDictTests])
def test_every_test_says_the_promise_and_what_to_mend(kit: type[Kit]) -> None:
    assert len(kit.kit_tests) > 40
    for name, test in kit.kit_tests.items():
        promise, _, mend = (test.__doc__ or "").partition("To mend:")
        assert len(promise.split()) > 5 and len(mend.split()) > 3, name


def test_checks_need_no_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = sys.modules['hypothesis'] = None\n"
        "from persidict_core import MemoryBackend, PersiDict\n"
        "from persidict_core.testing import checks_races, checks_verbs, checks_mapping\n"
        "checks_verbs.check_delete(MemoryBackend())\n"
        "checks_races.check_one_creator_wins(MemoryBackend(), rounds=3)\n"
        "checks_mapping.check_views(lambda: PersiDict('memory://'))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_checks_refuse_to_run_without_assertions() -> None:
    code = "from persidict_core.testing import checks_verbs"
    done = subprocess.run(
        [sys.executable, "-O", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode and "without -O" in done.stderr


def fail_here(subject: object, index: int) -> None:
    print("noise on standard output")
    if index == 1:
        raise PreconditionFailed("the/path", "an etag")


def end_here(subject: object, index: int) -> None:
    os._exit(3)


def wait_here(subject: object, index: int) -> None:
    threading.Event().wait(30)


class TestTeams:
    """Who races is heard, also when it fails, ends or hangs."""

    def test_a_failure_comes_back_with_its_trace(self, tmp_path: Path) -> None:
        with (
            ProcessTeam(SharedFolder(str(tmp_path)), 2) as team,
            pytest.raises(AssertionError, match=r"process 1 of 2 failed(?s:.*)fail_here") as caught,
        ):
            team.run(fail_here)
        assert isinstance(caught.value.__cause__, PreconditionFailed)
        assert caught.value.__cause__.path == "the/path"

    def test_an_end_is_told(self, tmp_path: Path) -> None:
        with (
            ProcessTeam(SharedFolder(str(tmp_path)), 2) as team,
            pytest.raises(AssertionError, match="ended"),
        ):
            team.run(end_here)

    def test_who_hangs_is_ended(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(racing, "MOST_SECONDS", 2.0)
        with (
            ProcessTeam(SharedFolder(str(tmp_path)), 1) as team,
            pytest.raises(AssertionError, match="did not finish in time"),
        ):
            team.run(wait_here)

    def test_what_another_process_cannot_open_is_told(self) -> None:
        with pytest.raises(AssertionError, match="lives in the process that made it"):
            ProcessTeam(MemoryBackend(), 1).__enter__()

    def test_threads_of_a_broken_subject_are_told(self) -> None:
        with (
            ThreadTeam(MemoryBackend(), 2) as team,
            pytest.raises(AssertionError, match="thread 1 of 2 failed"),
        ):
            team.run(fail_here)


def test_a_kits_checks_are_all_of_a_module() -> None:
    names = [name for name, _ in checks_of(checks_verbs)]
    assert names[0] == "bytes_come_back" and "path" not in names
