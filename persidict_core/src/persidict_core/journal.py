"""What a copy remembers in its target: which version of each item became which.

The journal is one object directly under the target's prefix. Its name has no dot, so it ends in no
file type and is no key of any dictionary. Its text is a line that says what it is, and of which
copy; 256 lines of records in Base64; and a line with a hash of all that. What is not exactly so is
no journal, and is written anew.

A record has 24 bytes: hashes of 8 bytes each (BLAKE2b) of the item's path in the target, of the
source's etag of the version that was copied, and of the target's etag of what it became. They stand
in 256 heaps by their first byte, and in memory they take no more than that.
"""

from __future__ import annotations

import logging
import re
from binascii import a2b_base64, b2a_base64
from bisect import bisect_right
from collections.abc import Iterator
from hashlib import blake2b
from typing import BinaryIO, Final

from .backend import BaseBackend
from .errors import ObjectNotFound, PersiDictError

_NAME: Final = "persidict-copied-"
_HEAPS: Final = 256
_PART: Final = 8
_RECORD: Final = 3 * _PART
_CHUNK: Final = 1 << 20
_MOST_BYTES: Final = 1 << 30
"""The longest journal that is read: of some 30 million items."""

NEVER: Final = bytes(_PART)
"""The hash of no etag, for what is no version that could be met again."""

is_journal: Final = re.compile(rf"(?:.*/)?{_NAME}[0-9a-f]{{32}}").fullmatch
"""Matches the path of a journal; None for any other."""


def hashed(text: str) -> bytes:
    """What stands for a path or an etag in a record."""
    return blake2b(text.encode(), digest_size=_PART).digest()


class Records:
    """Records of what was copied, in 24 bytes each; of one item the last counts."""

    def __init__(self) -> None:
        self._heaps = [bytearray() for _ in range(_HEAPS)]
        self._sorted = True

    def __len__(self) -> int:
        return sum(map(len, self._heaps)) // _RECORD

    def add(self, path: bytes, source: bytes, target: bytes) -> None:
        """Remember an item.

        Args:
            path: The hash of its path in the target.
            source: The hash of the source's etag.
            target: The hash of the target's etag.
        """
        self._heaps[path[0]] += path + source + target
        self._sorted = False

    def find(self, path: bytes) -> tuple[bytes, bytes] | None:
        """The hashes of both etags of an item; None if it is not known.

        Args:
            path: The hash of its path in the target.
        """
        if not self._sorted:
            self._sort()
        heap = self._heaps[path[0]]
        after = bisect_right(
            range(len(heap) // _RECORD),
            bytearray(path),
            key=lambda n: heap[n * _RECORD : n * _RECORD + _PART],
        )
        end = after * _RECORD
        if not after or heap[end - _RECORD : end - 2 * _PART] != path:
            return None
        return bytes(heap[end - 2 * _PART : end - _PART]), bytes(heap[end - _PART : end])

    def _sort(self) -> None:
        for number, heap in enumerate(self._heaps):
            records = [heap[at : at + _RECORD] for at in range(0, len(heap), _RECORD)]
            # By the path alone: of several records of one, the last stays the last.
            records.sort(key=lambda record: record[:_PART])
            self._heaps[number] = bytearray(b"".join(records))
        self._sorted = True

    def lines(self, *others: Records) -> Iterator[bytes]:
        """These records, and those of others after them, as text.

        Args:
            *others: Further records.
        """
        for number, heap in enumerate(self._heaps):
            yield b2a_base64(b"".join([heap, *(other._heaps[number] for other in others)]))

    @classmethod
    def of_lines(cls, lines: list[bytes]) -> Records:
        """The records that a text holds.

        Raises:
            ValueError: If it is none.
        """
        if len(lines) != _HEAPS:
            raise ValueError(f"{len(lines)} lines of records, not {_HEAPS}")
        records = cls()
        for number, line in enumerate(lines):
            heap = a2b_base64(line, strict_mode=True) if line else b""
            if len(heap) % _RECORD or heap[::_RECORD].strip(bytes([number])):
                raise ValueError(f"line {number} holds no records")
            records._heaps[number] += heap
        records._sorted = False
        return records


class Journal:
    """The object in which a copy remembers what it did. None of its faults ends the copy.

    Args:
        backend: The target's.
        prefix: The target's prefix.
        what: In words, what is copied there; another copy has another journal.
    """

    def __init__(self, backend: BaseBackend, prefix: str, what: str) -> None:
        self._backend = backend
        self._head = blake2b(what.encode(errors="surrogatepass"), digest_size=16).hexdigest()
        self.path = f"{prefix}{_NAME}{self._head}"

    def load(self) -> Records:
        """What an earlier copy remembered; nothing, if there was none or its journal is no good."""
        try:
            with self._backend.read_file(self.path) as file:
                return self._parsed(_read(file))
        except ObjectNotFound:
            return Records()
        except (PersiDictError, OSError, ValueError) as error:
            _log().warning("%s cannot be used, so that all is copied: %s", self.path, error)
            return Records()

    def _parsed(self, text: bytes) -> Records:
        head, *lines = text.split(b"\n")
        if head != self._first_line():
            raise ValueError("it is no journal of this copy")
        if len(lines) != _HEAPS + 2 or lines[-2] != _hash_of(head, *lines[:-2]) or lines[-1]:
            raise ValueError("it is damaged")
        return Records.of_lines(lines[:-2])

    def save(self, *records: Records) -> bool:
        """Remember some records; whether that was possible.

        Args:
            *records: The records; of one item the last counts.
        """
        first, *others = records
        hash_ = blake2b(digest_size=16)
        try:
            with self._backend.write_file(self.path) as file:
                for line in (self._first_line() + b"\n", *first.lines(*others)):
                    hash_.update(line)
                    file.write(line)
                file.write(hash_.hexdigest().encode() + b"\n")
        except (PersiDictError, OSError) as error:
            _log().warning(
                "%s cannot be written, so that another run copies again what this one did: %s",
                self.path,
                error,
            )
            return False
        return True

    def remove(self) -> None:
        """Forget all."""
        try:
            self._backend.delete(self.path)
        except ObjectNotFound:
            pass
        except (PersiDictError, OSError) as error:
            _log().warning("%s cannot be removed: %s", self.path, error)

    def _first_line(self) -> bytes:
        return f"persidict copied 1 {self._head}".encode()


def _read(file: BinaryIO) -> bytes:
    text = bytearray()
    while chunk := file.read(_CHUNK):
        text += chunk
        if len(text) > _MOST_BYTES:
            raise ValueError("it is too long")
    return bytes(text)


def _hash_of(*lines: bytes) -> bytes:
    hash_ = blake2b(digest_size=16)
    for line in lines:
        hash_.update(line + b"\n")
    return hash_.hexdigest().encode()


def _log() -> logging.Logger:
    return logging.getLogger("persidict")
