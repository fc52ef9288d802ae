"""The base of layers: forward what was not touched, derive what was.

A layer overrides some verbs of the backend that it wraps. For every other verb there are two ways:
to *forward* it, one call of the wrapped backend's own; or to *derive* it anew, by the default of
`BaseBackend`, on the layer's verbs. Forwarding everything would let a verb slip past the layer
(``write_if`` past one that overrides ``write_bytes``); deriving everything would lose what the
store does better (three requests for one versioned read). So `GROUND` says on which verbs each
default is written, and a verb is forwarded exactly where neither it nor anything in its ground was
overridden.

The three verbs of conditions have no sound default, so for them to derive is to refuse: a layer
that changes how objects are written says itself how they are written on a condition, or claims
none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar, Final, Literal, NoReturn

from ..backend import (
    ANY,
    Backend,
    BaseBackend,
    Capabilities,
    Debris,
    ETags,
    Expect,
    Marker,
    ObjectStat,
    Scope,
    adapted,
)
from ..errors import URLError

GROUND: Final[dict[str, tuple[str, ...]]] = {
    "read_bytes": (),
    "write_bytes": (),
    "delete": (),
    "stat": (),
    "list_prefix": (),
    "write_if": ("write_bytes",),
    "delete_if": ("delete",),
    "read_versioned": ("read_bytes", "stat"),
    "exists": ("stat",),
    "list_stats": ("list_prefix", "stat"),
    "list_children": ("list_prefix",),
    "list_some": ("list_prefix",),
    "read_many": ("read_bytes",),
    "write_many": ("write_bytes", "write_if"),
    "delete_many": ("delete",),
    "copy_many": ("write_bytes",),
    "read_file": ("read_bytes",),
    "write_file": ("write_bytes", "write_if"),
    "sweep": (),
}
"""Each verb, and the verbs that its default in `BaseBackend` is written on."""


class Layer(BaseBackend):
    """A backend around another, the same in everything that a subclass does not override.

    Override the verbs that shall differ; in them, ``self.wrapped`` is the backend below. All other
    verbs follow, as the module says. Whoever overrides ``write_bytes``, ``delete``, or one of
    ``read_bytes`` and ``stat``, writes ``write_if``, ``delete_if``, ``read_versioned`` as well, or
    they refuse and `capabilities` claims them no more. Without ``read_versioned`` there are no
    etags, and without those no conditions.

    Keep further constructor parameters as the attributes of their names, as in every backend.

    Args:
        wrapped: The backend below; an object with the five verbs alone is completed.

    Raises:
        TypeError: If it is no backend.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> class Shouting(Layer):
        ...     def read_bytes(self, path):
        ...         return self.wrapped.read_bytes(path).upper()
        >>> loud = Shouting(MemoryBackend())
        >>> etag = loud.write_bytes("a", b"hello")
        >>> list(loud.read_many(["a"]))
        [('a', b'HELLO')]
        >>> loud.capabilities.etags
        <ETags.NONE: 'none'>
    """

    _placed: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        above = cls.__mro__[: cls.__mro__.index(Layer)]
        own = {
            verb: next(
                (
                    vars(base)[verb]
                    for base in above
                    if verb in vars(base) and verb not in vars(base).get("_placed", ())
                ),
                None,
            )
            for verb in GROUND
        }

        def changed(verb: str) -> bool:
            return own[verb] is not None or any(map(changed, GROUND[verb]))

        # A version that cannot be read is no good for conditions either.
        unversioned = own["read_versioned"] is None and changed("read_versioned")
        cls._placed = frozenset(verb for verb in GROUND if verb not in vars(cls))
        for verb in cls._placed:
            derived = changed(verb) or (unversioned and verb in ("write_if", "delete_if"))
            setattr(cls, verb, own[verb] or vars(BaseBackend if derived else Layer)[verb])

    def __init__(self, wrapped: Backend) -> None:
        self.wrapped = adapted(wrapped)
        self.digest_len = self.wrapped.digest_len
        self.concurrency = self.wrapped.concurrency
        self.max_name_bytes = self.wrapped.max_name_bytes
        self.max_path_bytes = self.wrapped.max_path_bytes
        self.probes = self.wrapped.probes

    @property
    def capabilities(self) -> Capabilities:
        """What the wrapped backend promises, less what this layer refuses; asked each time."""
        can = self.wrapped.capabilities
        if self._derives("read_versioned"):
            can = can._replace(if_match=Scope.NONE, delete_if=Scope.NONE, etags=ETags.NONE)
        if self._derives("write_if"):
            can = can._replace(if_absent=Scope.NONE, if_match=Scope.NONE)
        if self._derives("delete_if"):
            can = can._replace(delete_if=Scope.NONE)
        return can

    def _derives(self, verb: str) -> bool:
        return getattr(type(self), verb) is getattr(BaseBackend, verb)

    @property
    def url(self) -> NoReturn:
        """None: a URL would open the store without the layer.

        Raises:
            URLError: Always.
        """
        raise URLError(
            f"{type(self).__name__} has no URL: the URL of the store would open it without this "
            "layer; use the url of its wrapped backend, and put the layer around that"
        )

    # Forwarding, verb by verb.

    def read_bytes(self, path: str) -> bytes:
        return self.wrapped.read_bytes(path)

    def write_bytes(self, path: str, data: bytes) -> str:
        return self.wrapped.write_bytes(path, data)

    def delete(self, path: str) -> None:
        self.wrapped.delete(path)

    def stat(self, path: str) -> ObjectStat:
        return self.wrapped.stat(path)

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        return self.wrapped.list_prefix(prefix)

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        return self.wrapped.write_if(path, data, expect)

    def delete_if(self, path: str, expect: str) -> None:
        self.wrapped.delete_if(path, expect)

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        return self.wrapped.read_versioned(path, unless)

    def exists(self, path: str) -> bool:
        return self.wrapped.exists(path)

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        return self.wrapped.list_stats(prefix)

    def list_children(self, prefix: str = "") -> Iterator[str]:
        return self.wrapped.list_children(prefix)

    def list_some(self, prefix: str = "", count: int = 1) -> list[str]:
        return self.wrapped.list_some(prefix, count)

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | Exception]]:
        return self.wrapped.read_many(paths)

    def write_many(
        self, items: Iterable[tuple[str, bytes]], expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[tuple[str, str | Exception]]:
        return self.wrapped.write_many(items, expect)

    def delete_many(self, paths: Iterable[str]) -> Iterator[tuple[str, Exception | None]]:
        return self.wrapped.delete_many(paths)

    def copy_many(
        self, source: BaseBackend, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[str, str | Exception]]:
        return self.wrapped.copy_many(source, pairs)

    def copies_from(self, source: BaseBackend, size: int = 0) -> bool:
        return not self._derives("copy_many") and self.wrapped.copies_from(source, size)

    @contextmanager
    def read_file(self, path: str) -> Iterator[BinaryIO]:
        with self.wrapped.read_file(path) as file:
            yield file

    @contextmanager
    def write_file(
        self, path: str, expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[BinaryIO]:
        with self.wrapped.write_file(path, expect) as file:
            yield file

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        return self.wrapped.sweep(remove, prefix=prefix, older_than=older_than)

    def prune(self, prefix: str = "") -> None:
        self.wrapped.prune(prefix)

    def close(self) -> None:
        self.wrapped.close()
