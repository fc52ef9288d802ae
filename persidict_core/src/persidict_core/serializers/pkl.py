"""Pickles in LZ4 frames, as joblib reads them.

Written: a plain pickle of protocol 5 (PEP 574) in one LZ4 frame with a checksum of the content
(https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md). Read, told apart by the first bytes:
pickles in an LZ4 frame, in a zlib stream, or bare, with joblib's arrays in them or not.

Only dictionaries of this file type import this module, so that no others load lz4.
"""

from __future__ import annotations

import io
import pickle
import zlib
from pickle import loads as unpickle
from typing import Any, BinaryIO, ClassVar, Final

from lz4.frame import LZ4FrameCompressor, LZ4FrameDecompressor, compress, decompress

from ..errors import SerializationError
from .base import Serializer

_LZ4: Final = b"\x04\x22\x4d\x18"
_ZLIB: Final = b"\x78"
_PICKLE: Final = b"\x80"
_FIRST: Final = _PICKLE[0]
_LAST: Final = b"."[0]
_FRAME: Final = pickle.FRAME
_JOBLIB_ARRAY: Final = b"NumpyArrayWrapper"
_CHUNK: Final = 1 << 20
_INPUT: Final = 1 << 16
# LZ4 expands up to 255 times: above it a frame must tell its size, or is expanded in chunks.
_SMALL_COMPRESSED: Final = 1 << 14
_SHORT: Final = 1 << 20
# The flag, and the place, of the expanded size in a frame's header.
_HAS_SIZE: Final = 0x08
_SIZE_START: Final = 6
_SIZE_END: Final = 14


class PickleSerializer(Serializer):
    """Turns any picklable value into an LZ4 frame, and back; long values pass in chunks.

    A pickle runs code when it is read: ``allow_pickle=False`` refuses all values and bytes.

    Args:
        allow_pickle: Whether anything is taken and given at all.
        max_value_bytes: The most bytes that a value's pickle may have when it is read; expanding
            stops there.

    Example:
        >>> serializer = PickleSerializer()
        >>> serializer.loads(serializer.dumps({"a": (1, 2)}))
        {'a': (1, 2)}
    """

    file_type = "pkl"
    streams: ClassVar[bool] = True

    def dumps(self, value: Any) -> bytes:
        if not self.allow_pickle:
            raise self._refusal()
        data: bytes = compress(pickle.dumps(value, 5), content_checksum=True)
        return data

    def dump(self, value: Any, file: BinaryIO) -> None:
        if not self.allow_pickle:
            raise self._refusal()
        frame = _Frame(file)
        pickle.Pickler(frame, 5).dump(value)
        frame.finish()

    def loads(self, data: bytes) -> Any:
        if not self.allow_pickle:
            raise self._refusal()
        limit = self.max_value_bytes
        if (len(data) <= _SMALL_COMPRESSED and limit is None) or _is_short(data, limit):
            # In one go; whatever is not as it is written here goes the long way, which tells why.
            try:
                raw, consumed = decompress(data, False, True)
            except (RuntimeError, MemoryError):
                if data[:4] == _LZ4:
                    self._check_whole(data)
                return self._stream(io.BytesIO(data), data[:4])
            if (
                consumed == len(data)
                and raw
                and raw[0] == _FIRST
                and raw[-1] == _LAST
                and (_is_one_frame(raw) or raw.find(_JOBLIB_ARRAY) < 0)
            ):
                try:
                    return unpickle(raw)
                except Exception as error:
                    raise self._damage(error) from error
        return self._stream(io.BytesIO(data), data[:4])

    def load(self, file: BinaryIO) -> Any:
        if not self.allow_pickle:
            raise self._refusal()
        if not file.seekable():
            return self.loads(file.read())
        start = file.tell()
        head = file.read(4)
        file.seek(start)
        return self._stream(file, head)

    def _check_whole(self, data: bytes) -> None:
        """Expand a frame to its end, where its checksum is, and keep nothing.

        Of what is damaged nothing is unpickled: a few altered bytes can ask for gigabytes.
        """
        try:
            reader = self._reader(io.BytesIO(data), _LZ4)
            while reader.read(_CHUNK):
                continue
        except SerializationError:
            raise
        except Exception as error:
            raise self._damage(error) from error

    def _stream(self, file: BinaryIO, head: bytes) -> Any:
        """The value of a seekable file, holding no more than the value and a few chunks."""
        start = file.tell()
        try:
            reader = self._reader(file, head)
            try:
                value = _Unpickler(reader).load()
            except _JoblibArraysError:
                import joblib

                file.seek(start)
                reader = self._reader(file, head)
                value = joblib.load(reader)
            rest = reader.read(1)
        except SerializationError:
            raise
        except Exception as error:
            raise self._damage(error) from error
        if rest:
            raise self.error("the bytes are damaged: something follows the pickle")
        return value

    def _reader(self, file: BinaryIO, head: bytes) -> BinaryIO:
        if head == _LZ4:
            source: _Stored = _Expanding(self, file, LZ4FrameDecompressor())
        elif head[:1] == _ZLIB:
            source = _Expanding(self, file, _Zlib())
        elif head[:1] == _PICKLE:
            source = _Stored(self, file)
        else:
            raise self.error(
                f"the bytes are no pickle: they begin with {head!r}"
                if head
                else "the bytes are no pickle: there are none"
            )
        reader = io.BufferedReader(source, _CHUNK)
        if reader.peek(1)[:1] != _PICKLE:
            raise self.error("the bytes are no pickle: something else is compressed in them")
        return reader

    def _damage(self, error: Exception) -> SerializationError:
        return self.error(
            "the value cannot be read: its bytes are damaged, or need a module that is not here "
            f"({type(error).__name__}: {error})"
        )

    def _refusal(self) -> SerializationError:
        return self.error(
            "a pickle can run any code, which allow_pickle=False refuses: choose file_type='json', "
            "'npy', 'parquet', or text"
        )


def _is_short(data: bytes, limit: int | None) -> bool:
    """Whether bytes are an LZ4 frame that says it is short: no other size is ever expanded then."""
    if data[:4] != _LZ4 or len(data) < _SIZE_END or not data[4] & _HAS_SIZE:
        return False
    size = int.from_bytes(data[_SIZE_START:_SIZE_END], "little")
    return size <= (_SHORT if limit is None else min(_SHORT, limit))


def _is_one_frame(raw: bytes) -> bool:
    """Whether a pickle is all one frame (PEP 3154): joblib ends a frame before each array."""
    return raw[2:3] == _FRAME and int.from_bytes(raw[3:11], "little") == len(raw) - 11


class _Frame:
    """Compresses what a pickler writes; what is short in one go.

    Args:
        file: Gets the frame.
    """

    __slots__ = ("_compressor", "_file", "_kept", "_size")

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._kept: list[bytes] = []
        self._size = 0
        self._compressor: LZ4FrameCompressor | None = None

    def write(self, data: bytes | pickle.PickleBuffer) -> None:
        """Take what comes next in the pickle; nothing of it is kept once there is a megabyte."""
        # The flat bytes, also of an array in Fortran's order.
        flat = data.raw() if isinstance(data, pickle.PickleBuffer) else data
        if self._compressor is None:
            self._size += len(flat)
            if self._size <= _CHUNK:
                self._kept.append(bytes(flat))  # No copy of what is bytes, as most is.
                return
            self._compressor = LZ4FrameCompressor(content_checksum=True)
            self._file.write(self._compressor.begin())
            self._file.write(self._compressor.compress(b"".join(self._kept)))
            self._kept.clear()
        view = memoryview(flat)
        for start in range(0, len(view), _CHUNK):
            self._file.write(self._compressor.compress(view[start : start + _CHUNK]))

    def finish(self) -> None:
        """End the frame."""
        if self._compressor is None:
            self._file.write(compress(b"".join(self._kept), content_checksum=True))
        else:
            self._file.write(self._compressor.flush())


class _JoblibArraysError(Exception):
    """A pickle holds arrays as joblib writes them, which only joblib reads."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if name == "NumpyArrayWrapper" and module == "joblib.numpy_pickle":
            raise _JoblibArraysError
        return super().find_class(module, name)


class _Zlib:
    """zlib's decompressor with the face of LZ4's."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj()

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Stored(io.RawIOBase):
    """A pickle in a file as it stands there, up to the limit of the serializer.

    Args:
        serializer: Tells the limit, and makes the error.
        file: Is read from where it stands.
    """

    def __init__(self, serializer: Serializer, file: BinaryIO) -> None:
        self._serializer = serializer
        self._file = file
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._next(min(len(buffer), _CHUNK))
        self._given += len(data)
        limit = self._serializer.max_value_bytes
        if limit is not None and self._given > limit:
            raise self._serializer.error(
                f"the value has more than max_value_bytes={limit} bytes, uncompressed"
            )
        buffer[: len(data)] = data
        return len(data)

    def _next(self, most: int) -> bytes:
        return self._file.read(most)


class _Expanding(_Stored):
    """A pickle in a compressed file.

    Args:
        serializer: Tells the limit, and makes the errors.
        file: Is read from where it stands to its end, which must be the end of the compressed data.
        decompressor: Expands it.
    """

    def __init__(
        self, serializer: Serializer, file: BinaryIO, decompressor: LZ4FrameDecompressor | _Zlib
    ) -> None:
        super().__init__(serializer, file)
        self._decompressor = decompressor

    def _next(self, most: int) -> bytes:
        decompressor = self._decompressor
        while not decompressor.eof:
            data = self._file.read(_INPUT) if decompressor.needs_input else b""
            expanded: bytes = decompressor.decompress(data, max_length=most)
            if expanded:
                return expanded
            if not data and decompressor.needs_input and not decompressor.eof:
                raise self._serializer.error("the bytes are damaged: their end is missing")
        if decompressor.unused_data or self._file.read(1):
            raise self._serializer.error("the bytes are damaged: something follows the value")
        return b""
