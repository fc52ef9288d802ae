"""A store far away, with copies nearby."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import BinaryIO, Final, Literal

from ..backend import (
    ABSENT,
    ANY,
    UNCHANGED,
    Backend,
    BaseBackend,
    Debris,
    ETags,
    Expect,
    Marker,
    ObjectStat,
    adapted,
)
from ..configuration import Configured
from ..errors import NotSupported, ObjectNotFound, PersiDictError
from ..paths import check_path
from .base import Layer
from .envelopes import MAGIC, Kept, seal, unseal
from .many import handed_on

_FAULTS: Final = (PersiDictError, OSError)


class HashedNames(Configured):
    """Names in a cache by hash of store and path, so that many stores may share one cache.

    Args:
        store: What tells the store from all others, such as its URL.

    Example:
        >>> HashedNames("s3://bucket")("users/alex.json")
        'cc/f70d74138e245426d748141eabb2340a6e1af0'
    """

    def __init__(self, store: str) -> None:
        self.store = store

    def __call__(self, path: str) -> str:
        """The name for a path of the store."""
        from hashlib import blake2b

        # A store's name may be a folder's, which need not be UTF-8.
        what = f"{self.store}\n{path}".encode(errors="surrogatepass")
        name = blake2b(what, digest_size=20).hexdigest()
        return f"{name[:2]}/{name[2:]}"


class CachedBackend(Layer):
    """Reads from a cache what the remote says is unchanged.

    A read is one conditional request of the remote, which sends the bytes only if they are not
    those in the cache; so it gives what the remote holds at that moment, whoever wrote it. Data and
    etag lie in the cache in one object, which is written after the remote has taken the value: no
    crash and no fault of the cache can show a value that the remote does not hold. A cache that
    cannot be used is done without, and its first fault is logged as a warning.

    Listing, ``stat`` and ``exists`` ask the remote. ``write_file`` does not fill the cache, reading
    does.

    With ``validate=False`` what is in the cache is not asked for at all. That is right where the
    items never change; where one does, or is deleted, past this cache, the old value may be seen.

    Args:
        remote: The store; it must have `read_versioned`.
        cache: Any backend; many processes may share it, and many remotes, if their names differ.
        name: Gives a path's name in the cache, another for each path and remote; a function that
            pickles, such as `HashedNames`.
        validate: Whether the remote is asked if it still holds what is in the cache.
        max_bytes: How much the cache may hold, in bytes; what was put there first goes first.
            Each further process may exceed it by a tenth. None: no limit.

    Raises:
        NotSupported: The remote's etags name no versions.
        ValueError: ``max_bytes`` is not positive.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> remote, cache = MemoryBackend(), MemoryBackend()
        >>> near = CachedBackend(remote, cache, HashedNames("doctest"))
        >>> etag = remote.write_bytes("a", b"hello")
        >>> near.read_bytes("a"), len(list(cache.list_prefix()))
        (b'hello', 1)
        >>> etag = remote.write_bytes("a", b"changed")
        >>> near.read_bytes("a")
        b'changed'
    """

    def __init__(
        self,
        remote: Backend,
        cache: Backend,
        name: Callable[[str], str],
        validate: bool = True,
        max_bytes: int | None = None,
    ) -> None:
        super().__init__(remote)
        self.remote = self.wrapped
        self.cache = adapted(cache)
        self.name = name
        self.validate = validate
        self.max_bytes = max_bytes
        self._room = 0
        self._warned = False
        if max_bytes is not None and max_bytes < 1:
            raise ValueError(f"max_bytes is at least 1, not {max_bytes}")
        if not self.remote.probes and self.remote.capabilities.etags is ETags.NONE:
            raise NotSupported(f"{self.remote!r} cannot be cached: its etags name no versions")

    # Reading.

    def read_bytes(self, path: str) -> bytes:
        kept = self._kept(path)
        if kept is None:
            found = self._ask(path, None)
            assert found is not UNCHANGED
            return found[0]
        found = self._ask(path, kept.etag) if self.validate else UNCHANGED
        return kept.data if found is UNCHANGED else found[0]

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        kept = self._kept(path)
        if kept is None or kept.stat is None:
            return self._ask(path, unless)
        if self.validate:
            found = self._ask(path, kept.etag)
            if found is not UNCHANGED:
                return UNCHANGED if found[1].etag == unless else found
        return UNCHANGED if kept.etag == unless else (kept.data, kept.stat)

    def _ask(
        self, path: str, unless: str | None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        """The one request of a read; what it brings is kept, what is gone is dropped."""
        try:
            found = self.remote.read_versioned(path, unless)
        except ObjectNotFound:
            self._drop(path)
            raise
        if found is not UNCHANGED:
            data, stat = found
            self._keep(path, Kept(data, stat.etag, stat))
        return found

    # Writing: first the remote, then the cache.

    def write_bytes(self, path: str, data: bytes) -> str:
        self._renounce(path)
        etag = self.remote.write_bytes(path, data)
        self._keep(path, Kept(data, etag, None))
        return etag

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        if expect is not ABSENT:
            self._renounce(path)
        etag = self.remote.write_if(path, data, expect)
        self._keep(path, Kept(data, etag, None))
        return etag

    def write_many(
        self, items: Iterable[tuple[str, bytes]], expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[tuple[str, str | Exception]]:
        def renounced(item: tuple[str, bytes]) -> tuple[str, bytes]:
            if expect is not ABSENT:
                self._renounce(item[0])
            return item

        for (path, data), result in handed_on(
            items, renounced, lambda ready: self.remote.write_many(ready, expect)
        ):
            if not isinstance(result, Exception):
                self._keep(path, Kept(data, result, None))
            yield path, result

    @contextmanager
    def write_file(
        self, path: str, expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[BinaryIO]:
        with self.remote.write_file(path, expect) as file:
            yield file
            self._renounce(path)

    def copy_many(
        self, source: BaseBackend, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[str, str | Exception]]:
        def renounced(pair: tuple[str, str]) -> tuple[str, str]:
            self._renounce(pair[1])
            return pair

        for (_, path), result in handed_on(
            pairs, renounced, lambda ready: self.remote.copy_many(source, ready)
        ):
            yield path, result

    def delete(self, path: str) -> None:
        self._renounce(path)
        self.remote.delete(path)
        self._drop(path)

    def delete_if(self, path: str, expect: str) -> None:
        self._renounce(path)
        self.remote.delete_if(path, expect)
        self._drop(path)

    def delete_many(self, paths: Iterable[str]) -> Iterator[tuple[str, Exception | None]]:
        def renounced(path: str) -> str:
            self._renounce(path)
            return path

        for path, result in handed_on(paths, renounced, self.remote.delete_many):
            if result is None:
                self._drop(path)
            yield path, result

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        found = self.remote.sweep(remove, prefix=prefix, older_than=older_than)
        if prefix:  # Of which names in the cache tell nothing.
            return found
        return chain(found, self.cache.sweep(remove, older_than=older_than))

    def close(self) -> None:
        self.remote.close()
        self.cache.close()

    # The cache. None of its faults is the caller's.

    def _kept(self, path: str) -> Kept | None:
        name = self.name(check_path(path))
        try:
            return unseal(path, self.cache.read_bytes(name))
        except ObjectNotFound:
            return None
        except _FAULTS as error:
            self._warn(error)
            return None

    def _keep(self, path: str, kept: Kept) -> None:
        envelope = seal(path, kept)
        try:
            if self._make_room(len(envelope)):
                self.cache.write_bytes(self.name(path), envelope)
            else:
                self._drop(path)
        except _FAULTS as error:
            self._warn(error)
            self._drop(path)

    def _drop(self, path: str) -> bool:
        """Whether the cache holds nothing of the object any more."""
        try:
            self.cache.delete(self.name(path))
        except ObjectNotFound:
            return True
        except _FAULTS as error:
            self._warn(error)
            return False
        return True

    def _renounce(self, path: str) -> None:
        """Before a change: nobody may go on to take the old value from the cache unasked.

        Raises:
            NotSupported: It cannot be taken out.
        """
        if self.validate or self._drop(check_path(path)):
            return
        if self._kept(path) is not None:
            raise NotSupported(
                f"{path!r} cannot be changed: its old value cannot be taken out of the cache "
                f"{self.cache!r}, which is not validated"
            )

    def _make_room(self, size: int) -> bool:
        """Whether an envelope may be put into the cache; if need be, after the oldest went.

        The cache is listed once for each tenth of ``max_bytes`` that this process puts there.
        """
        if self.max_bytes is None:
            return True
        if size > self.max_bytes:
            return False
        if size > self._room:
            self._room = max(size, self.max_bytes // 10)
            stats = sorted(self.cache.list_stats(), key=lambda stat: stat.modified)
            excess = sum(stat.size for stat in stats) + self._room - self.max_bytes
            for stat in stats:
                if excess <= 0:
                    break
                with suppress(ObjectNotFound):  # Another made room, too.
                    if self._is_envelope(stat.path):
                        self.cache.delete(stat.path)
                        excess -= stat.size
        self._room -= size
        return True

    def _is_envelope(self, name: str) -> bool:
        """Whether it is the cache's to delete, and no file of somebody's."""
        with self.cache.read_file(name) as file:
            return file.read(len(MAGIC)) == MAGIC

    def _warn(self, error: Exception) -> None:
        level = logging.DEBUG if self._warned else logging.WARNING
        self._warned = True
        logging.getLogger("persidict").log(
            level, "the cache %r fails, and is done without: %s", self.cache, error
        )
