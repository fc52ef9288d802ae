"""The base of layers that store other bytes than they are given: compressed, signed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Literal

from ..backend import ANY, UNCHANGED, Expect, Marker, ObjectStat
from .base import Layer
from .many import handed_on


class TransformLayer(Layer):
    """Stores what `encode` makes of an object, and reads what `decode` makes of that.

    Every verb that writes encodes once, every verb that reads decodes once. Etags and times are
    those of what is stored, and so are sizes: ``stat(path).size`` is what the object takes in the
    store, not the length of what is read.

    Where the wrapped backend's etags are ``PER_CONTENT``, equal bytes must have equal encodings;
    a layer that adds chance, as encryption does, overrides `capabilities`.

    Args:
        wrapped: The backend below.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> class Reversed(TransformLayer):
        ...     def encode(self, path, data):
        ...         return data[::-1]
        ...
        ...     def decode(self, path, data):
        ...         return data[::-1]
        >>> store = MemoryBackend()
        >>> backwards = Reversed(store)
        >>> etag = backwards.write_bytes("a", b"hello")
        >>> store.read_bytes("a"), backwards.read_bytes("a")
        (b'olleh', b'hello')
    """

    @abstractmethod
    def encode(self, path: str, data: bytes) -> bytes:
        """What is stored of an object.

        Args:
            path: The relative path; not checked yet.
            data: All its bytes.
        """

    @abstractmethod
    def decode(self, path: str, data: bytes) -> bytes:
        """The object of which this was stored.

        Args:
            path: The relative path.
            data: What is stored.

        Raises:
            SerializationError: This layer did not store it, or it is damaged.
        """

    def read_bytes(self, path: str) -> bytes:
        return self.decode(path, self.wrapped.read_bytes(path))

    def write_bytes(self, path: str, data: bytes) -> str:
        return self.wrapped.write_bytes(path, self.encode(path, data))

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        found = self.wrapped.read_versioned(path, unless)
        return UNCHANGED if found is UNCHANGED else (self.decode(path, found[0]), found[1])

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        return self.wrapped.write_if(path, self.encode(path, data), expect)

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | Exception]]:
        for path, found in self.wrapped.read_many(paths):
            try:
                result = found if isinstance(found, Exception) else self.decode(path, found)
            except Exception as error:
                result = error
            yield path, result

    def write_many(
        self, items: Iterable[tuple[str, bytes]], expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[tuple[str, str | Exception]]:
        for (path, _), result in handed_on(
            items,
            lambda item: (item[0], self.encode(*item)),
            lambda encoded: self.wrapped.write_many(encoded, expect),
        ):
            yield path, result
