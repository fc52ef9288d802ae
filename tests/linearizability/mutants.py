"""Guards taken out of those who race, one at a time, and stores that can promise less.

Each is a context manager, for a process of one thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import stat
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from persidict_core import ANY, ObjectNotFound, PersiDict, PreconditionFailed
from persidict_file import FileBackend, atomic, backend, filesystems, groups, locks, versions

_HOUR_NS = 3_600_000_000_000


@contextmanager
def _no_folder_lock() -> Iterator[None]:
    def lock_files(descriptor: int) -> bool:
        return stat.S_ISDIR(os.fstat(descriptor).st_mode) or locks.lock(descriptor)

    with patch.object(atomic, "lock", lock_files):
        yield


@contextmanager
def _unlocked(verb: str, plain: bool) -> Iterator[None]:
    """Without the folder's lock for all that ``replace`` or ``remove`` does plainly, or not so."""
    act = getattr(backend, verb)

    def unlocked(*arguments: Any) -> Any:
        with _no_folder_lock() if (ANY in arguments) is plain else nullcontext():
            return act(*arguments)

    with patch.object(backend, verb, unlocked):
        yield


@contextmanager
def sets_without_lock() -> Iterator[None]:
    """Plain writes do not take the folder's lock."""
    with _unlocked("replace", plain=True):
        yield


@contextmanager
def deletes_without_lock() -> Iterator[None]:
    """Plain deletions do not take the folder's lock."""
    with _unlocked("remove", plain=True):
        yield


@contextmanager
def conditions_without_lock() -> Iterator[None]:
    """Conditional writes and deletions do not take the folder's lock."""
    with _unlocked("replace", plain=False), _unlocked("remove", plain=False):
        yield


@contextmanager
def many_without_lock() -> Iterator[None]:
    """Bulk writes do not take the folder's lock."""
    with patch.object(groups, "lock", lambda descriptor: True):
        yield


@contextmanager
def look_before_lock() -> Iterator[None]:
    """An etag is looked at before the folder is locked, and not again."""
    place, remove = atomic.place, atomic.remove

    def place_anyway(
        folder: int, temporary: str, name: str, path: str, expect: Any, *rest: Any
    ) -> os.stat_result:
        expect = ANY if isinstance(expect, str) else expect
        return place(folder, temporary, name, path, expect, *rest)

    def look_and_remove(folder: int, name: str, path: str, expect: Any) -> bool:
        versions.check(path, expect, atomic.look(folder, name))
        return remove(folder, name, path, ANY)

    with (
        patch.object(atomic, "place", place_anyway),
        patch.object(backend, "remove", look_and_remove),
    ):
        yield


@contextmanager
def kernel_time() -> Iterator[None]:
    """Files keep the time that the kernel gave them."""

    def only_look(folder: int, temporary: str, *rest: object) -> os.stat_result:
        return os.stat(temporary, dir_fd=folder, follow_symlinks=False)

    with patch.object(atomic, "stamp", only_look):
        yield


@contextmanager
def etag_by_name() -> Iterator[None]:
    """The etag that a write gives is of whatever is there afterwards."""
    write_if = FileBackend.write_if

    def write_and_look(self: FileBackend, path: str, data: bytes, expect: Any) -> str:
        etag = write_if(self, path, data, expect)
        try:
            return self.stat(path).etag
        except ObjectNotFound:
            return etag

    with patch.object(FileBackend, "write_if", write_and_look):
        yield


@contextmanager
def setdefault_in_two_steps() -> Iterator[None]:
    """``setdefault`` is that of any mapping: a look, then a write."""
    with patch.object(PersiDict, "setdefault", MutableMapping.setdefault):
        yield


@contextmanager
def pop_in_two_steps() -> Iterator[None]:
    """``pop`` is a read, then a deletion."""

    def read_and_delete(self: PersiDict[Any], key: str, default: Any) -> Any:
        value = self.get(key, default)
        self.discard(key)
        return value

    with patch.object(PersiDict, "pop", read_and_delete):
        yield


@contextmanager
def sqlite_in_two_steps() -> Iterator[None]:
    """The example looks at the version, and then writes."""
    from persidict_sqlite import SqliteBackend

    write_if = SqliteBackend.write_if

    def look_and_write(self: Any, path: str, data: bytes, expect: Any) -> str:
        if not isinstance(expect, str):
            etag: str = write_if(self, path, data, expect)
            return etag
        try:
            found = self.stat(path)
        except ObjectNotFound:
            raise PreconditionFailed(path, expect) from None
        if found.etag != expect:
            raise PreconditionFailed(path, expect, found)
        return str(self.write_bytes(path, data))

    with patch.object(SqliteBackend, "write_if", look_and_write):
        yield


@contextmanager
def s3_without_if_match() -> Iterator[None]:
    """What is asked of S3 says no version."""
    from persidict_s3.buckets import Bucket

    ask = Bucket.ask

    def ask_anyway(self: Any, operation: str, **params: Any) -> Any:
        params.pop("IfMatch", None)
        return ask(self, operation, **params)

    with patch.object(Bucket, "ask", ask_anyway):
        yield


@contextmanager
def s3_repeated_by_botocore() -> Iterator[None]:
    """A conditional write whose answer was lost is repeated, and loses to itself."""
    from persidict_s3 import unsure

    with patch.object(unsure, "hold_retries_back", lambda client: None):
        yield


# Stores that can promise less, and a clock that cannot be trusted: what is claimed still holds.


@contextmanager
def no_flock() -> Iterator[None]:
    """The file system has no locks."""

    def fail(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with patch.object(fcntl, "flock", fail):
        yield


@contextmanager
def no_flock_and_rename() -> Iterator[None]:
    """There are no locks, and what must be absent is made by ``rename``."""

    def rename(folder: int, temporary: str, name: str, path: str) -> None:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    with no_flock(), patch.object(atomic, "_link", rename):
        yield


@contextmanager
def unknown_file_system() -> Iterator[None]:
    """The type of the file system is on no list."""
    with patch.object(filesystems, "KERNEL_LOCKS", frozenset()):
        yield


@contextmanager
def clock_set_back() -> Iterator[None]:
    """The clock is now right, now an hour late."""
    time_ns = time.time_ns
    with patch.object(time, "time_ns", lambda: time_ns() - random.choice([0, _HOUR_NS])):
        yield


@contextmanager
def coarse_clock() -> Iterator[None]:
    """The clock shows one of two moments only, so that a time comes back all the time."""
    moments = [1_700_000_000_000_000_000 + hours * _HOUR_NS for hours in (0, 1)]
    with patch.object(time, "time_ns", lambda: random.choice(moments)):
        yield


@contextmanager
def coarse_clock_alone() -> Iterator[None]:
    """A file gets the time that such a clock shows, whatever it replaces."""
    stamp = atomic.stamp

    def stamp_blindly(
        folder: int, temporary: str, old: object, descriptor: int | None = None
    ) -> os.stat_result:
        return stamp(folder, temporary, None, descriptor)

    with coarse_clock(), patch.object(atomic, "stamp", stamp_blindly):
        yield


MUTANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "nothing": nullcontext,
    **{
        mutant.__name__: mutant
        for mutant in (
            sets_without_lock,
            deletes_without_lock,
            conditions_without_lock,
            many_without_lock,
            look_before_lock,
            kernel_time,
            etag_by_name,
            setdefault_in_two_steps,
            pop_in_two_steps,
            sqlite_in_two_steps,
            s3_without_if_match,
            s3_repeated_by_botocore,
            no_flock,
            no_flock_and_rename,
            unknown_file_system,
            clock_set_back,
            coarse_clock,
            coarse_clock_alone,
        )
    },
}
