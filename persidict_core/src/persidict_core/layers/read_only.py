"""A store that is only read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NoReturn

from ..backend import ANY, Debris, Expect, Marker
from ..errors import NotSupported
from .base import Layer


class ReadOnlyBackend(Layer):
    """Refuses every verb that writes or deletes, with nothing changed; reading is as it was.

    Args:
        wrapped: The backend below.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> store = MemoryBackend()
        >>> etag = store.write_bytes("a", b"hello")
        >>> ReadOnlyBackend(store).read_bytes("a")
        b'hello'
        >>> ReadOnlyBackend(store).delete("a")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        persidict_core.errors.NotSupported: cannot delete: ReadOnlyBackend(...) is read-only
    """

    def write_bytes(self, path: str, data: bytes) -> NoReturn:
        raise self._unsupported("write")

    def delete(self, path: str) -> NoReturn:
        raise self._unsupported("delete")

    def write_file(self, path: str, expect: Expect | Literal[Marker.ANY] = ANY) -> NoReturn:
        # At once: not after a long value was produced.
        raise self._unsupported("write")

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        if remove:
            raise self._unsupported("remove debris")
        return self.wrapped.sweep(prefix=prefix, older_than=older_than)

    def prune(self, prefix: str = "") -> NoReturn:
        raise self._unsupported("remove folders")

    def _unsupported(self, what: str) -> NotSupported:
        return NotSupported(f"cannot {what}: {self!r} is read-only")
