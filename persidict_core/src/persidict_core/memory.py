"""``memory://``: objects in a dictionary of this process."""

from __future__ import annotations

import os
import time
import uuid
import weakref
from collections.abc import Iterator
from itertools import count
from threading import Lock
from typing import Any, Literal

from .backend import (
    ABSENT,
    UNCHANGED,
    BaseBackend,
    Capabilities,
    ETags,
    Expect,
    Marker,
    ObjectStat,
    Scope,
    check_etag,
    check_expect,
)
from .errors import ObjectNotFound, PreconditionFailed
from .paths import check_path, check_prefix


class _Store:
    """The objects of one store, each with its stat; the lock is for whoever changes them."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.id = uuid.uuid4().hex
        self.lock = Lock()
        self.objects: dict[str, tuple[bytes, ObjectStat]] = {}
        self.numbers = count(1)
        _all[self.id] = self


_all: weakref.WeakValueDictionary[str, _Store] = weakref.WeakValueDictionary()
_named: dict[str, _Store] = {}
_naming = Lock()
_process = uuid.uuid4().hex


def _renew_after_fork() -> None:
    global _naming, _process
    _naming = Lock()
    _process = uuid.uuid4().hex
    for store in list(_all.values()):
        store.lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


class MemoryBackend(BaseBackend):
    """Objects in the memory of one process; conditions hold between its threads.

    A pickle of it opens the same store in the same process, and raises in any other.

    Args:
        name: The store's name: all backends of one name share their objects, until the process
            ends. None makes a private store, which ends with the last backend of it; its URL
            opens another one.

    Example:
        >>> backend = MemoryBackend("doctest")
        >>> etag = backend.write_bytes("a.txt", b"hello")
        >>> MemoryBackend("doctest").read_bytes("a.txt")
        b'hello'
    """

    scheme = "memory"

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        if name is None:
            self._store = _Store(None)
        else:
            with _naming:
                if name not in _named:
                    _named[name] = _Store(name)
                self._store = _named[name]

    @property
    def capabilities(self) -> Capabilities:
        """All conditions, among threads; etags name single writes."""
        return Capabilities(Scope.THREADS, Scope.THREADS, Scope.THREADS, ETags.PER_WRITE)

    @property
    def identity(self) -> str:
        """The store itself: one of the same name in another process is another."""
        return f"{self.scheme}:{self._store.id}.{_process}"

    def read_bytes(self, path: str) -> bytes:
        return self._get(path)[0]

    def write_bytes(self, path: str, data: bytes) -> str:
        check_path(path)
        with self._store.lock:
            return self._put(path, data)

    def delete(self, path: str) -> None:
        check_path(path)
        with self._store.lock:
            if self._store.objects.pop(path, None) is None:
                raise ObjectNotFound(path)

    def stat(self, path: str) -> ObjectStat:
        return self._get(path)[1]

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        with self._store.lock:
            paths = list(self._store.objects)
        return (path for path in paths if path.startswith(prefix))

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        check_prefix(prefix)
        with self._store.lock:
            objects = list(self._store.objects.values())
        return (stat for _, stat in objects if stat.path.startswith(prefix))

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        check_path(path)
        check_expect(expect)
        with self._store.lock:
            self._check(path, expect)
            return self._put(path, data)

    def delete_if(self, path: str, expect: str) -> None:
        check_path(path)
        check_etag(expect)
        with self._store.lock:
            self._check(path, expect)
            del self._store.objects[path]

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        data, stat = self._get(path)
        return UNCHANGED if stat.etag == unless else (data, stat)

    def _get(self, path: str) -> tuple[bytes, ObjectStat]:
        try:
            return self._store.objects[path]
        except KeyError:
            check_path(path)
            raise ObjectNotFound(path) from None

    def _put(self, path: str, data: bytes) -> str:
        # After a fork there are two, which both go on counting.
        etag = f"{self._store.id}.{_process[:8]}.{next(self._store.numbers)}"
        data = bytes(data)
        self._store.objects[path] = data, ObjectStat(path, len(data), time.time(), etag)
        return etag

    def _check(self, path: str, expect: Expect) -> None:
        found = self._store.objects.get(path)
        current = ABSENT if found is None else found[1]
        if (current if found is None else found[1].etag) != expect:
            raise PreconditionFailed(path, expect, current)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (type(self), self._params(), _process, self._store.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryBackend) and other._store is self._store

    def __hash__(self) -> int:
        return hash(self._store.id)


def _reopen(
    cls: type[MemoryBackend], params: dict[str, Any], process: str, store_id: str
) -> MemoryBackend:
    store = _all.get(store_id) if process == _process else None
    if store is None:
        raise RuntimeError(
            f"memory://{params['name'] or ''} lives in the process that made it: another process "
            "cannot open its pickle; share a folder or a bucket instead"
        )
    backend = cls(**params)
    backend._store = store
    return backend
