"""A value on its way out: in memory while it is small, streamed once it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import BinaryIO, Final, Self

MOST_IN_MEMORY: Final = 1 << 20
"""How many bytes of a value are collected before they are streamed."""


class Spool:
    """A file to write to: it keeps its first megabyte, and opens the real one when there is more.

    Whoever leaves its context leaves that of the real file, too.

    Args:
        open_file: Opens the real file; called once, if at all.
    """

    __slots__ = ("_chunks", "_file", "_open_file", "_opened", "_size")

    def __init__(self, open_file: Callable[[], AbstractContextManager[BinaryIO]]) -> None:
        self._open_file = open_file
        self._opened: AbstractContextManager[BinaryIO] | None = None
        self._file: BinaryIO | None = None
        self._chunks: list[bytes] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return None if self._opened is None else self._opened.__exit__(kind, error, traceback)

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
            opened = self._open_file()
            self._file = opened.__enter__()
            self._opened = opened
            self._file.writelines(self._chunks)
            self._chunks.clear()
        return self._file.write(chunk)

    def writelines(self, chunks: Iterable[bytes | memoryview]) -> None:
        """Take the next bytes, piece by piece."""
        for chunk in chunks:
            self.write(chunk)

    def getvalue(self) -> bytes:
        """All bytes, if they were kept."""
        return b"".join(self._chunks)
