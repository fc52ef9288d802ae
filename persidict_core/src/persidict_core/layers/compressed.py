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

    def decompress(self, data: bytes, /) -> bytes: ...


class CompressedBackend(TransformLayer):
    """Compresses what is written; for text and JSON, as ``pkl`` is compressed by itself.

    What is read is told by its first bytes, so that the codec may change in a store that is in use.
    The formats are those of LZ4 frames with a checksum
    (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md) and of zlib (RFC 1950), which the
    tools of both read.

    Args:
        wrapped: The backend below.
        codec: ``"lz4"`` is fast, ``"zlib"`` makes it smaller.

    Raises:
        ValueError: If the codec is neither.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> small = CompressedBackend(MemoryBackend(), "zlib")
        >>> etag = small.write_bytes("a.txt", b"hello " * 1000)
        >>> small.stat("a.txt").size < 100, len(small.read_bytes("a.txt"))
        (True, 6000)
    """

    def __init__(self, wrapped: Backend, codec: Literal["lz4", "zlib"] = "lz4") -> None:
        super().__init__(wrapped)
        if codec not in ("lz4", "zlib"):
            raise ValueError(f"codec is 'lz4' or 'zlib', not {codec!r}")
        self.codec = codec

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
            found = decompressor.decompress(data)
        except Exception as error:  # lz4's is a plain RuntimeError, zlib's a class of its own.
            raise SerializationError(f"the stored bytes are damaged: {error}", path=path) from error
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
