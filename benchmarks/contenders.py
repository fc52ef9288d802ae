"""The stores that are measured, each with the one face that the measurements know.

A contender keeps pickles of the values. Keys are given as pairs of strings; who wants one string
gets both joined. What a store cannot do, such as flushing each write, it does not claim.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from workload import Key


class Contender:
    """A store under test.

    Args:
        folder: An empty folder, or one in which such a store is already.
        flush: Whether each write waits until it is on the disk.
    """

    name: ClassVar[str]
    distribution: ClassVar[str | None] = None
    """What to install."""
    flushes: ClassVar[tuple[bool, ...]] = (False,)
    """Which values of ``flush`` it can keep."""
    finds_newest: ClassVar[bool] = False

    def __init__(self, folder: Path, flush: bool) -> None:
        self.folder = folder
        self.flush = flush
        self.store: Any = self.open()
        self.get: Callable[[Any], Any] = self.store.__getitem__
        self.has: Callable[[Any], bool] = self.store.__contains__
        self.set: Callable[[Any, Any], object] = self.store.__setitem__

    def open(self) -> Any:
        raise NotImplementedError

    def key(self, key: Key) -> Any:
        """The key as this store takes it."""
        return "/".join(key)

    def keys(self) -> list[Any]:
        # list() would ask for the length first, and walk the store twice.
        return [key for key in self.store.keys()]  # noqa: SIM118

    def length(self) -> int:
        return len(self.store)

    def items(self) -> Iterator[tuple[Any, Any]]:
        return iter(self.store.items())

    def newest(self, count: int) -> list[Any]:
        raise NotImplementedError

    def fill(self, pairs: list[tuple[Any, Any]]) -> None:
        for key, value in pairs:
            self.set(key, value)

    def close(self) -> None:
        close = getattr(self.store, "close", None)
        if close is not None:
            close()

    @classmethod
    def version(cls) -> str | None:
        """What is installed; None if nothing is."""
        if cls.distribution is None:
            return ""
        try:
            return importlib.metadata.version(cls.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None


class Persidict(Contender):
    name = "persidict"
    distribution = "persidict-core"
    flushes: ClassVar[tuple[bool, ...]] = (False, True)
    finds_newest = True

    def open(self) -> Any:
        from persidict import FileDirDict

        return FileDirDict(self.folder, fsync=self.flush)

    def key(self, key: Key) -> Any:
        return key

    def newest(self, count: int) -> list[Any]:
        found: list[Any] = self.store.newest_keys(max_n=count)
        return found

    def fill(self, pairs: list[tuple[Any, Any]]) -> None:
        self.store.update(pairs)


class Published(Persidict):
    """The package that the index had under this name; it always flushes."""

    name = "published"
    distribution = "persidict"
    flushes = (True,)

    def open(self) -> Any:
        from persidict import FileDirDict

        return FileDirDict(base_dir=str(self.folder))  # type: ignore[arg-type, unused-ignore]

    def fill(self, pairs: list[tuple[Any, Any]]) -> None:
        for key, value in pairs:
            self.set(key, value)


class Diskcache(Contender):
    name = "diskcache"
    distribution = "diskcache"
    flushes: ClassVar[tuple[bool, ...]] = (False, True)

    def open(self) -> Any:
        from diskcache import Cache  # type: ignore[import-untyped, unused-ignore]

        return Cache(
            str(self.folder),
            size_limit=2**40,
            cull_limit=0,
            eviction_policy="none",
            sqlite_synchronous=2 if self.flush else 0,
        )

    def keys(self) -> list[Any]:
        return [key for key in self.store]

    def items(self) -> Iterator[tuple[Any, Any]]:
        return ((key, self.store[key]) for key in self.store)

    def fill(self, pairs: list[tuple[Any, Any]]) -> None:
        with self.store.transact():
            super().fill(pairs)


class _OfBytes(Contender):
    """A mapping of bytes, and pickle in front of it."""

    def __init__(self, folder: Path, flush: bool) -> None:
        super().__init__(folder, flush)
        read, write = self.get, self.set
        self.get = lambda key: pickle.loads(read(key))
        self.set = lambda key, value: write(key, pickle.dumps(value, 5))

    def items(self) -> Iterator[tuple[Any, Any]]:
        return ((key, pickle.loads(data)) for key, data in self.store.items())


class Zict(_OfBytes):
    name = "zict"
    distribution = "zict"

    def open(self) -> Any:
        import zict

        return zict.File(str(self.folder))


class Fsspec(_OfBytes):
    name = "fsspec"
    distribution = "fsspec"

    def open(self) -> Any:
        import fsspec  # type: ignore[import-untyped, unused-ignore]

        return fsspec.get_mapper(self.folder.as_uri())


class Shelve(Contender):
    name = "shelve"

    def open(self) -> Any:
        import shelve

        return shelve.open(str(self.folder / "shelf"), protocol=5)

    @classmethod
    def version(cls) -> str | None:
        """Which of the database modules it uses here."""
        for module in ("dbm.sqlite3", "_gdbm", "_dbm"):
            if importlib.util.find_spec(module) is not None:
                return module
        return "dbm.dumb"


class Sqlitedict(Contender):
    name = "sqlitedict"
    distribution = "sqlitedict"

    def open(self) -> Any:
        from sqlitedict import SqliteDict  # type: ignore[import-untyped, unused-ignore]

        return SqliteDict(str(self.folder / "db.sqlite"), autocommit=True, journal_mode="WAL")


class _Lmdb:
    """LMDB has transactions in place of a mapping's face."""

    def __init__(self, folder: Path, flush: bool) -> None:
        import lmdb

        self.environment = lmdb.open(str(folder), map_size=2**34, sync=flush, metasync=flush)

    def __getitem__(self, key: bytes) -> bytes:
        with self.environment.begin() as transaction:
            found: bytes | None = transaction.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: bytes) -> bool:
        with self.environment.begin() as transaction:
            return transaction.get(key) is not None

    def __setitem__(self, key: bytes, value: bytes) -> None:
        with self.environment.begin(write=True) as transaction:
            transaction.put(key, value)

    def keys(self) -> Iterator[bytes]:
        with self.environment.begin() as transaction:
            yield from transaction.cursor().iternext(keys=True, values=False)

    def __len__(self) -> int:
        entries: int = self.environment.stat()["entries"]
        return entries

    def close(self) -> None:
        self.environment.close()


class Lmdb(_OfBytes):
    name = "lmdb"
    distribution = "lmdb"
    flushes: ClassVar[tuple[bool, ...]] = (False, True)

    def open(self) -> Any:
        return _Lmdb(self.folder, self.flush)

    def key(self, key: Key) -> Any:
        return "/".join(key).encode()

    def items(self) -> Iterator[tuple[Any, Any]]:
        with self.store.environment.begin() as transaction:
            for key, data in transaction.cursor():
                yield key, pickle.loads(data)


CONTENDERS: dict[str, type[Contender]] = {
    kind.name: kind
    for kind in (Persidict, Published, Diskcache, Zict, Fsspec, Shelve, Sqlitedict, Lmdb)
}
