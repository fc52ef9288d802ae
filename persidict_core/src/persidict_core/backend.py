"""The Backend protocol: bytes under paths.

A backend is five verbs over ``/``-separated relative paths. `Backend` is the protocol;
`BaseBackend` is what authors subclass: they write the five and get the rest, written on them, and
override what their store does better. What a store promises beyond the five stands in
`Capabilities`, as data on the instance; a promise that is not claimed is refused, never imitated.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum, IntEnum
from itertools import islice
from typing import (
    BinaryIO,
    Final,
    Literal,
    NamedTuple,
    Protocol,
    TypeAlias,
    runtime_checkable,
)

from . import bulk
from .addressed import Addressed
from .errors import NotSupported, ObjectNotFound
from .paths import check_path, check_prefix


class Marker(Enum):
    """The three states that are no etag; each is its own singleton, also after pickling.

    Example:
        >>> list(Marker)
        [ABSENT, ANY, UNCHANGED]
    """

    ABSENT = "ABSENT"
    ANY = "ANY"
    UNCHANGED = "UNCHANGED"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__


ABSENT: Final = Marker.ABSENT
"""Expected: nothing is there. Found: nothing was there."""

ANY: Final = Marker.ANY
"""Expected: whatever is there, or nothing (no condition)."""

UNCHANGED: Final = Marker.UNCHANGED
"""Found: the version that the caller already has."""

Expect: TypeAlias = str | Literal[Marker.ABSENT]
"""What a condition expects: the etag of one version, or `ABSENT`."""


class Scope(IntEnum):
    """Among whom a promise holds; each includes those before it.

    Example:
        >>> Scope.NONE < Scope.THREADS < Scope.PROCESSES < Scope.HOSTS
        True
    """

    NONE = 0
    THREADS = 1
    PROCESSES = 2
    HOSTS = 3


class ETags(Enum):
    """What an etag names.

    ``NONE``: there are none to rely on. ``PER_CONTENT``: the bytes (a store that hashes them; two
    writes of the same bytes have the same etag). ``PER_WRITE``: one write.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> store = MemoryBackend()
        >>> store.capabilities.etags.name
        'PER_WRITE'
        >>> store.write_bytes("a", b"same") == store.write_bytes("a", b"same")
        False
    """

    NONE = "none"
    PER_CONTENT = "per content"
    PER_WRITE = "per write"


class Capabilities(NamedTuple):
    """What one backend instance promises beyond the five verbs.

    Attributes:
        if_absent: Among whom ``write_if(..., ABSENT)`` has one winner.
        if_match: Among whom ``write_if(..., etag)`` replaces only that version.
        delete_if: Among whom ``delete_if(..., etag)`` deletes only that version.
        etags: What an etag names.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> MemoryBackend().capabilities.if_match.name, Capabilities().if_match.name
        ('THREADS', 'NONE')
    """

    if_absent: Scope = Scope.NONE
    if_match: Scope = Scope.NONE
    delete_if: Scope = Scope.NONE
    etags: ETags = ETags.NONE


class ObjectStat(NamedTuple):
    """What a store knows of one object without reading it.

    Attributes:
        path: The relative path.
        size: The length in bytes.
        modified: When it was written, in POSIX seconds.
        etag: An opaque name of this version; see `ETags`.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> store = MemoryBackend()
        >>> etag = store.write_bytes("users/alex.txt", b"hello")
        >>> stat = store.stat("users/alex.txt")
        >>> stat.path, stat.size, stat.etag == etag
        ('users/alex.txt', 5, True)
    """

    path: str
    size: int
    modified: float
    etag: str


class Debris(NamedTuple):
    """Something in a store that is no object, left behind by a write that was never finished.

    Attributes:
        name: What the store calls it; no path, and it may hold any character.
        size: The length in bytes.
        modified: When it was last written, in POSIX seconds.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> list(MemoryBackend().sweep())  # What is in memory leaves nothing behind.
        []
    """

    name: str
    size: int
    modified: float


@runtime_checkable
class Backend(Protocol):
    """Bytes under relative paths: the five verbs that are all a dictionary needs.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> isinstance(MemoryBackend(), Backend), isinstance({}, Backend)
        (True, False)
    """

    def read_bytes(self, path: str) -> bytes:
        """The whole object; `ObjectNotFound` if there is none."""

    def write_bytes(self, path: str, data: bytes) -> str:
        """Write all or nothing, replacing; visible at once. Gives the new etag."""

    def delete(self, path: str) -> None:
        """Delete the object; `ObjectNotFound` if there is none."""

    def stat(self, path: str) -> ObjectStat:
        """Its size, time and etag; `ObjectNotFound` if there is none."""

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        """Every path under the prefix, streamed, in any order."""


class BaseBackend(Addressed, ABC):
    """What authors of backends subclass.

    Write the five abstract verbs, and say in `capabilities` what else the store promises; override
    the derived verbs where the store does better than they do. Keep every constructor parameter as
    the attribute of its name. Make connections on first use. Raise `ObjectNotFound` only where
    absence is proven, ``BackendError`` for every other fault; check paths by
    ``persidict_core.paths`` before any I/O. An instance must serve many threads at once, and still
    work in the child after a fork.

    Attributes:
        scheme: The URL scheme under which the backend is registered.
        digest_len: How many characters of digest a dictionary adds to each part of a name, where
            it is not told; not 0 also makes it look what the names in the store carry.
        concurrency: How many requests may run at once where many are made.
        max_name_bytes: The longest part of a path, or None.
        max_path_bytes: The longest path, or None.
        probes: Whether reading `capabilities` may cost a request.

    Example:
        >>> import time
        >>> from hashlib import blake2b
        >>> from persidict_core import PersiDict, check_path, check_prefix
        >>> class Shelf(BaseBackend):
        ...     def __init__(self, objects):
        ...         self.objects = objects
        ...
        ...     def _at(self, path):
        ...         if check_path(path) not in self.objects:
        ...             raise ObjectNotFound(path)
        ...         return self.objects[path]
        ...
        ...     def read_bytes(self, path):
        ...         return self._at(path)[0]
        ...
        ...     def write_bytes(self, path, data):
        ...         self.objects[check_path(path)] = bytes(data), time.time()
        ...         return blake2b(data).hexdigest()
        ...
        ...     def delete(self, path):
        ...         self._at(path)
        ...         del self.objects[path]
        ...
        ...     def stat(self, path):
        ...         data, modified = self._at(path)
        ...         return ObjectStat(path, len(data), modified, blake2b(data).hexdigest())
        ...
        ...     def list_prefix(self, prefix=""):
        ...         check_prefix(prefix)
        ...         return (path for path in list(self.objects) if path.startswith(prefix))
        >>> d = PersiDict(Shelf({}), file_type="json")
        >>> d.update({("users", "alex"): 1, ("users", "bo"): 2})
        >>> sorted(map(str, d)), d.pop(("users", "bo"))
        (['users/alex', 'users/bo'], 2)
    """

    digest_len: int = 0
    concurrency: int = 1
    max_name_bytes: int | None = None
    max_path_bytes: int | None = None
    probes: bool = False

    @property
    def capabilities(self) -> Capabilities:
        """What this instance promises beyond the five verbs; nothing, unless overridden."""
        return Capabilities()

    @property
    def identity(self) -> str:
        """What tells this store from all others, for caches that many share; its URL by default.

        Of a store that lies in another, as a folder in a folder, it begins with the other's and a
        ``/``.

        Raises:
            URLError: If the class has no URL and does not say otherwise.
        """
        return self.url

    # The five: every backend has them.

    @abstractmethod
    def read_bytes(self, path: str) -> bytes:
        """Read one whole object, as one write left it.

        Args:
            path: The relative path.

        Raises:
            ObjectNotFound: Nothing is there.
        """

    @abstractmethod
    def write_bytes(self, path: str, data: bytes) -> str:
        """Write one object, all or nothing; it replaces and is visible at once.

        Args:
            path: The relative path.
            data: All its bytes.

        Returns:
            The etag of what was written.
        """

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete one object.

        Args:
            path: The relative path.

        Raises:
            ObjectNotFound: Nothing was there.
        """

    @abstractmethod
    def stat(self, path: str) -> ObjectStat:
        """Look at one object without reading it.

        Args:
            path: The relative path.

        Raises:
            ObjectNotFound: Nothing is there.
        """

    @abstractmethod
    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        """Every path under a prefix, streamed, in any order; not a snapshot.

        Args:
            prefix: Empty, or ending in ``/``.
        """

    # The opt-in trio: refused unless a backend writes and claims them.

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        """Write one object only if it is as expected; atomic, in the scope that is claimed.

        Args:
            path: The relative path.
            data: All its bytes.
            expect: The etag of the version to replace, or `ABSENT`.

        Returns:
            The etag of what was written.

        Raises:
            PreconditionFailed: It is not; nothing was changed.
            NotSupported: The backend claims no such condition.
        """
        raise self._unsupported("write on a condition")

    def delete_if(self, path: str, expect: str) -> None:
        """Delete one object only if it is as expected; atomic, in the scope that is claimed.

        Args:
            path: The relative path.
            expect: The etag of the version to delete.

        Raises:
            PreconditionFailed: It is not; nothing was changed.
            NotSupported: The backend claims no such condition.
        """
        raise self._unsupported("delete on a condition")

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        """Read one object and the stat of that very version.

        Args:
            path: The relative path.
            unless: An etag; if it still is the object's, nothing is read.

        Returns:
            The bytes and their stat, or `UNCHANGED`.

        Raises:
            ObjectNotFound: Nothing is there.
            NotSupported: Etags of this backend name no version.
        """
        if self.capabilities.etags is not ETags.PER_WRITE:
            raise self._unsupported("read a value together with its version")
        before = self.stat(path)
        while before.etag != unless:
            data = self.read_bytes(path)
            after = self.stat(path)
            if after.etag == before.etag:
                return data, after
            before = after
        return UNCHANGED

    def _unsupported(self, what: str) -> NotSupported:
        return NotSupported(f"{self!r} cannot {what}: its capabilities are {self.capabilities}")

    # Derived: right on the five alone, overridden where the store does better.

    def exists(self, path: str) -> bool:
        """Whether an object is there."""
        try:
            self.stat(path)
        except ObjectNotFound:
            return False
        return True

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        """The stat of every object under a prefix, streamed; what vanishes meanwhile is left out.

        Args:
            prefix: Empty, or ending in ``/``.
        """
        for _, found in bulk.in_order(self.stat, self.list_prefix(prefix), self.concurrency):
            if isinstance(found, ObjectStat):
                yield found
            elif not isinstance(found, ObjectNotFound):
                raise found

    def list_children(self, prefix: str = "") -> Iterator[str]:
        """The next parts under a prefix, each once; those of folders end in ``/``.

        Args:
            prefix: Empty, or ending in ``/``.
        """
        seen: set[str] = set()
        for path in self.list_prefix(prefix):
            part, slash, _ = path[len(prefix) :].partition("/")
            if part + slash not in seen:
                seen.add(part + slash)
                yield part + slash

    def list_some(self, prefix: str = "", count: int = 1) -> list[str]:
        """A few paths under a prefix, without a look at the others.

        Args:
            prefix: Empty, or ending in ``/``.
            count: How many; fewer are given only if there are no more.
        """
        return list(islice(self.list_prefix(prefix), count))

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | Exception]]:
        """Read many objects: each path with its bytes or its error, in order, read ahead lazily."""
        return bulk.in_order(self.read_bytes, paths, self.concurrency)

    def write_many(
        self,
        items: Iterable[tuple[str, bytes]],
        expect: Expect | Literal[Marker.ANY] = ANY,
    ) -> Iterator[tuple[str, str | Exception]]:
        """Write many objects: each path with its etag or its error, in order, taken lazily.

        Args:
            items: Paths and bytes; no path twice.
            expect: `ANY`, or `ABSENT` for objects that must not be there yet.
        """
        if expect is not ANY:
            check_expect(expect)

        def write(item: tuple[str, bytes]) -> str:
            return _write(self, *item, expect)

        for (path, _), result in bulk.in_order(write, items, self.concurrency):
            yield path, result

    def delete_many(self, paths: Iterable[str]) -> Iterator[tuple[str, Exception | None]]:
        """Delete many objects: each path with None or its error, in order, taken lazily.

        One that is not there gives `ObjectNotFound`, or None where a store does not tell.
        """
        return bulk.in_order(self.delete, paths, self.concurrency)

    def copy_many(
        self, source: BaseBackend, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[str, str | Exception]]:
        """Copy many objects from another backend, each path here with its etag or its error.

        Args:
            source: Where to read.
            pairs: Each path there, and the path here.
        """

        def copy(pair: tuple[str, str]) -> str:
            return self.write_bytes(pair[1], source.read_bytes(pair[0]))

        for (_, path), result in bulk.in_order(copy, pairs, self.concurrency):
            yield path, result

    def copies_from(self, source: BaseBackend, size: int = 0) -> bool:
        """Whether `copy_many` takes a shorter way from there than to read and to write.

        Args:
            source: Where to read.
            size: The length of the object in bytes.

        Example:
            >>> from persidict_core import MemoryBackend
            >>> MemoryBackend().copies_from(MemoryBackend())
            False
        """
        return False

    @contextmanager
    def read_file(self, path: str) -> Iterator[BinaryIO]:
        """Open one object for reading, as a binary file.

        Args:
            path: The relative path.

        Raises:
            ObjectNotFound: Nothing is there.
        """
        with io.BytesIO(self.read_bytes(path)) as file:
            yield file

    @contextmanager
    def write_file(
        self, path: str, expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[BinaryIO]:
        """Write one object through a binary file: leaving commits it, an exception drops it.

        Args:
            path: The relative path.
            expect: `ANY`, the etag of the version to replace, or `ABSENT`.
        """
        check_path(path)
        if expect is not ANY:
            check_expect(expect)
        with io.BytesIO() as file:
            yield file
            data = file.getvalue()
        _write(self, path, data, expect)

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        """What writers that ended in the middle left behind, streamed; listings never show it.

        What a living writer is at work on is no debris, where the store can tell, nor is what is
        young; a write whose preparations are swept nevertheless is not lost. A store that leaves
        nothing behind has none.

        Args:
            remove: Whether each is removed before it is given.
            prefix: Empty, or ending in ``/``: what was to be an object under it.
            older_than: How many seconds ago it was written last, at least; None: as long as writers
                of this store may need.
        """
        check_prefix(prefix)
        check_age(older_than)
        return iter(())

    def prune(self, prefix: str = "") -> None:
        """Remove the empty folders under a prefix, and its own; no object, and no listing, changes.

        A store without folders has none to remove.

        Args:
            prefix: Empty, or ending in ``/``.

        Example:
            >>> from persidict_core import MemoryBackend
            >>> MemoryBackend().prune("users/")
        """
        check_prefix(prefix)

    def close(self) -> None:
        """Give back what was opened; a later use opens it again."""


def _write(
    backend: BaseBackend, path: str, data: bytes, expect: Expect | Literal[Marker.ANY]
) -> str:
    if expect is ANY:
        return backend.write_bytes(path, data)
    return backend.write_if(path, data, expect)


VERBS: Final = ("read_bytes", "write_bytes", "delete", "stat", "list_prefix")


class AdaptedBackend(BaseBackend):
    """Completes an object that merely has the five verbs.

    Args:
        wrapped: The object; it promises the five verbs and nothing more.

    Raises:
        TypeError: If a verb is missing.

    Example:
        >>> try:
        ...     AdaptedBackend({})
        ... except TypeError as error:
        ...     print(str(error)[:46])
        dict is no backend: it lacks read_bytes, write
    """

    def __init__(self, wrapped: Backend) -> None:
        missing = [verb for verb in VERBS if not callable(getattr(wrapped, verb, None))]
        if missing:
            raise TypeError(
                f"{type(wrapped).__name__} is no backend: it lacks {', '.join(missing)} "
                f"of the five verbs {', '.join(VERBS)}"
            )
        self.wrapped = wrapped

    def read_bytes(self, path: str) -> bytes:
        return self.wrapped.read_bytes(check_path(path))

    def write_bytes(self, path: str, data: bytes) -> str:
        return self.wrapped.write_bytes(check_path(path), data)

    def delete(self, path: str) -> None:
        self.wrapped.delete(check_path(path))

    def stat(self, path: str) -> ObjectStat:
        return self.wrapped.stat(check_path(path))

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        return self.wrapped.list_prefix(check_prefix(prefix))


def adapted(backend: Backend) -> BaseBackend:
    """A backend as it is, or an object with the five verbs alone, completed.

    Raises:
        TypeError: If it is neither; a class in place of an instance, or a URL, is a common mistake.
    """
    if isinstance(backend, BaseBackend):
        return backend
    if isinstance(backend, type):
        raise TypeError(f"an instance of {backend.__name__} is wanted as backend, not the class")
    return AdaptedBackend(backend)


def check_age(older_than: float | None) -> float | None:
    """Give an age for `BaseBackend.sweep` back if it is one.

    Raises:
        ValueError: It is negative, or no number.
    """
    if older_than is not None and not older_than >= 0:
        raise ValueError(f"older_than is a number of seconds, 0 or more, not {older_than!r}")
    return older_than


def check_expect(expect: object) -> Expect:
    """Give a condition back if it is one.

    Raises:
        TypeError: If it is neither an etag nor `ABSENT`; None is a common mistake for `ABSENT`.

    Example:
        >>> check_expect("1a2b"), check_expect(ABSENT)
        ('1a2b', ABSENT)
    """
    if isinstance(expect, str) or expect is ABSENT:
        return expect
    raise TypeError(f"expect is an etag (a str) or ABSENT, not {expect!r}")


def check_etag(expect: object) -> str:
    """Give an etag back if it is one.

    Raises:
        TypeError: If it is none; what is to be deleted cannot be expected `ABSENT`.

    Example:
        >>> check_etag("1a2b")
        '1a2b'
    """
    if isinstance(expect, str):
        return expect
    raise TypeError(f"expect is the etag (a str) of the version to delete, not {expect!r}")
