"""Objects that are compressed in the store."""

from __future__ import annotations

from typing import Final, Literal, Protocol

from ..backend import Backend
from ..errors import SerializationError
from .transform import TransformLayer

_LZ4: Final = b"\x04\x22\x4d\x18"
_ZLIB: Final = b"\x78"


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class CompressedBackend(TransformLayer):
    """Compresses what is written; for text and JSON, as ``pkl`` is compressed by itself.

    What is read is told by its first bytes, so that the codec may change in a store that is in use.
    The formats are those of LZ4 frames with a checksum
    (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md) and of zlib (RFC 1950), which the
    tools of both read.

    Args:
        wrapped: The backend below.
        codec: ``"lz4"`` is fast, ``"zlib"`` makes it smaller.
        max_bytes: The most bytes, uncompressed, that an object may have when it is read; expanding
            stops there. None: no limit. The ``max_value_bytes`` of a dictionary knows only what is
            stored, and then what came of it.

    Raises:
        ValueError: If the codec is neither, or ``max_bytes`` not positive.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> small = CompressedBackend(MemoryBackend(), "zlib")
        >>> etag = small.write_bytes("a.txt", b"hello " * 1000)
        >>> small.stat("a.txt").size < 100, len(small.read_bytes("a.txt"))
        (True, 6000)
    """

    def __init__(
        self,
        wrapped: Backend,
        codec: Literal["lz4", "zlib"] = "lz4",
        max_bytes: int | None = None,
    ) -> None:
        super().__init__(wrapped)
        if codec not in ("lz4", "zlib"):
            raise ValueError(f"codec is 'lz4' or 'zlib', not {codec!r}")
        if max_bytes is not None and max_bytes < 1:
            raise ValueError(f"max_bytes is at least 1, not {max_bytes}")
        self.codec = codec
        self.max_bytes = max_bytes

    def encode(self, path: str, data: bytes) -> bytes:
        if isinstance(data, str):
            raise TypeError(f"bytes are stored under {path!r}, not a str")
        if self.codec == "zlib":
            import zlib

            return zlib.compress(data)
        import lz4.frame

        compressed: bytes = lz4.frame.compress(data, content_checksum=True)
        return compressed

    def decode(self, path: str, data: bytes) -> bytes:
        decompressor = _decompressor(data)
        if decompressor is None:
            raise SerializationError("the stored bytes are neither LZ4 nor zlib", path=path)
        try:
            found = (
                decompressor.decompress(data)
                if self.max_bytes is None
                else decompressor.decompress(data, self.max_bytes + 1)
            )
        except Exception as error:  # lz4's is a plain RuntimeError, zlib's a class of its own.
            raise SerializationError(f"the stored bytes are damaged: {error}", path=path) from error
        if self.max_bytes is not None and len(found) > self.max_bytes:
            raise SerializationError(
                f"the object has more than max_bytes={self.max_bytes} bytes, uncompressed",
                path=path,
            )
        if not decompressor.eof or decompressor.unused_data:
            what = "more than one" if decompressor.eof else "only the beginning of a"
            raise SerializationError(f"the stored bytes are {what} compressed object", path=path)
        return found


def _decompressor(data: bytes) -> _Decompressor | None:
    if data.startswith(_LZ4):
        from lz4.frame import LZ4FrameDecompressor

        decompressor: _Decompressor = LZ4FrameDecompressor()
        return decompressor
    if data.startswith(_ZLIB):
        import zlib

        return zlib.decompressobj()
    return None
