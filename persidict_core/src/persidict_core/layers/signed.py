"""Objects that only a holder of a key can have written."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, TypeAlias

from ..backend import Backend
from ..errors import SignatureError
from ..paths import check_path
from .transform import TransformLayer

MAGIC: Final = b"persisigned1"

_DIGEST: Final = "sha256"
_HEAD: Final = len(MAGIC) + 32
_SHORTEST_KEY: Final = 16

Keys: TypeAlias = bytes | Sequence[bytes]
"""A key, or several of which the first signs."""


class SignedBackend(TransformLayer):
    """Refuses what nobody who has the key has written under that very path.

    Each object gets a signature (HMAC-SHA256, RFC 2104) over its path, its length and its bytes. An
    object that was altered, truncated, extended, moved or copied from another path is refused
    before anything looks into it: no planted pickle runs.

    What it does not give: secrecy, since everybody can read; that an object is the newest, since an
    older one of the same path can be put back; that an object is there at all, since it can be
    deleted. Who has the key can write anything. An object is also accepted under the same path of
    another store that has the same key: give each store its own.

    Stored are the letters ``persisigned1``, the signature (32 bytes), and the object as it is.
    Signed are those letters, the path and the object, each of the two with its length before it, in
    decimal digits, and a colon.

    Args:
        wrapped: The backend below.
        key: The key, random bytes, as of ``secrets.token_bytes(32)``, or a function that fetches
            it when it is first wanted; several keys, as a list, to change them: the first signs,
            each is good for reading. The layer pickles only with a function.

    Raises:
        TypeError: If the key is no bytes, nor several of them, nor a function.
        ValueError: If a key has fewer than 16 bytes, or if there is none.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> store = MemoryBackend()
        >>> signed = SignedBackend(store, b"0123456789abcdef")
        >>> etag = signed.write_bytes("a", b"hello")
        >>> signed.read_bytes("a")
        b'hello'
        >>> etag = store.write_bytes("b", store.read_bytes("a"))
        >>> signed.read_bytes("b")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        persidict_core.errors.SignatureError: b: the signature does not fit: ...
    """

    secret_params: ClassVar[frozenset[str]] = frozenset({"key"})

    def __init__(self, wrapped: Backend, key: Keys | Callable[[], Keys]) -> None:
        super().__init__(wrapped)
        self.key = key
        self._keys = () if callable(key) else _checked(key)

    def encode(self, path: str, data: bytes) -> bytes:
        return b"".join((MAGIC, _signature(self._fetched()[0], path, data), data))

    def decode(self, path: str, data: bytes) -> bytes:
        if not data.startswith(MAGIC):
            raise SignatureError("the stored bytes are not signed", path=path)
        found, signed = data[len(MAGIC) : _HEAD], data[_HEAD:]
        if not any(
            hmac.compare_digest(found, _signature(key, path, signed)) for key in self._fetched()
        ):
            raise SignatureError(
                "the signature does not fit: the bytes were altered, truncated, put here from "
                "another path, or signed with another key",
                path=path,
            )
        return signed

    def _fetched(self) -> tuple[bytes, ...]:
        if not self._keys:
            assert callable(self.key)
            self._keys = _checked(self.key())
        return self._keys


def _checked(key: object) -> tuple[bytes, ...]:
    """The keys, checked; no error shows one."""
    keys = tuple(key) if isinstance(key, list | tuple) else (key,)
    if not all(isinstance(each, bytes) for each in keys):
        raise TypeError("key is bytes, a list of them, or a function that gives one or the other")
    if not keys or min(map(len, keys)) < _SHORTEST_KEY:
        raise ValueError(
            f"a key has at least {_SHORTEST_KEY} bytes: make one by secrets.token_bytes(32)"
        )
    return keys


def _signature(key: bytes, path: str, data: bytes) -> bytes:
    name = check_path(path).encode()
    view = memoryview(data)
    signature = hmac.new(key, b"%s%d:%s%d:" % (MAGIC, len(name), name, view.nbytes), _DIGEST)
    signature.update(view)
    return signature.digest()
