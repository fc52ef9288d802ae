"""One object of a cache: data and what the remote tells of it, which come and go together.

An envelope is a magic number, a checksum of all that follows (BLAKE2b, 16 bytes), the length of a
JSON text (4 bytes, big-endian), that text, and the data. So a name that two paths share, a torn
write and a bad disk are all seen, and read as nothing.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Final, NamedTuple

from ..backend import ObjectStat

MAGIC: Final = b"persicached1"
_CHECKSUM: Final = 16
_HEAD: Final = len(MAGIC) + _CHECKSUM
_LENGTH: Final = 4


class Kept(NamedTuple):
    """What a cache knows of one object.

    Attributes:
        data: Its bytes.
        etag: The version that they are.
        stat: The remote's stat of it; None where it was written, not read.
    """

    data: bytes
    etag: str
    stat: ObjectStat | None


def seal(path: str, kept: Kept) -> bytes:
    """The envelope of an object.

    Args:
        path: Its path in the remote.
        kept: What is known of it.
    """
    told: list[object] = [path, kept.etag]
    if kept.stat:
        told += [kept.stat.size, float(kept.stat.modified)]
    text = json.dumps(told).encode()
    rest = b"".join((len(text).to_bytes(_LENGTH, "big"), text, kept.data))
    return b"".join((MAGIC, blake2b(rest, digest_size=_CHECKSUM).digest(), rest))


def unseal(path: str, envelope: bytes) -> Kept | None:
    """What an envelope holds; None if it is damaged, of another path, or not made by `seal`.

    Args:
        path: The path in the remote that is wanted.
        envelope: What the cache holds under its name.
    """
    rest = memoryview(envelope)[_HEAD:]
    checksum = blake2b(rest, digest_size=_CHECKSUM).digest()
    if envelope[:_HEAD] != MAGIC + checksum:
        return None
    end = _LENGTH + int.from_bytes(rest[:_LENGTH], "big")
    try:
        told = json.loads(bytes(rest[_LENGTH:end]))
    except (ValueError, RecursionError):
        return None
    match told:
        case [of, str(etag)] if of == path:
            return Kept(bytes(rest[end:]), etag, None)
        case [of, str(etag), int(size), float(modified)] if of == path:
            return Kept(bytes(rest[end:]), etag, ObjectStat(path, size, modified, etag))
    return None
