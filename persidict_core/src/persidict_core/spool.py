"""A value on its way out: in memory while it is small, streamed once it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final

MOST_IN_MEMORY: Final = 1 << 20
"""How many bytes of a value are collected before they are streamed."""


class Spool:
    """A file to write to: it keeps its first megabyte, and opens the real one when there is more.

    Args:
        open_file: Opens the real file; called once, if at all.
    """

    def __init__(self, open_file: Callable[[], BinaryIO]) -> None:
        self._open_file = open_file
        self._chunks: list[bytes] = []
        self._size = 0
        self._file: BinaryIO | None = None

    @property
    def streams(self) -> bool:
        """Whether the real file was opened."""
        return self._file is not None

    def write(self, chunk: bytes | memoryview) -> int:
        """Take the next bytes."""
        if self._file is None:
            self._size += len(chunk)
            if self._size <= MOST_IN_MEMORY:
                self._chunks.append(bytes(chunk))
                return len(chunk)
            self._file = self._open_file()
            self._file.writelines(self._chunks)
            self._chunks.clear()
        return self._file.write(chunk)

    def getvalue(self) -> bytes:
        """All bytes, if they were kept."""
        return b"".join(self._chunks)
