"""numpy arrays, in numpy's own format.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO, ClassVar, cast

from .base import LazyType, Serializer, require


class NpySerializer(Serializer):
    """Turns arrays into the bytes of a ``.npy`` file, and back.

    Arrays of Python objects, which numpy would pickle, are refused always: ``pkl`` takes them.

    Args:
        allow_pickle: Makes no difference; there are no pickles here.
        max_value_bytes: The most bytes that a value may have when it is read.

    Raises:
        ImportError: If numpy is not installed.

    Example:
        >>> import numpy
        >>> serializer = NpySerializer()
        >>> serializer.loads(serializer.dumps(numpy.arange(3)))
        array([0, 1, 2])
    """

    file_type = "npy"
    value_type: ClassVar[type] = cast(type, LazyType("numpy", "ndarray"))
    streams: ClassVar[bool] = True

    def __init__(self, allow_pickle: bool = True, max_value_bytes: int | None = None) -> None:
        require("npy", "numpy", "numpy")
        super().__init__(allow_pickle, max_value_bytes)

    def dumps(self, value: Any) -> bytes:
        buffer = io.BytesIO()
        self.dump(value, buffer)
        return buffer.getvalue()

    def dump(self, value: Any, file: BinaryIO) -> None:
        import numpy

        if type(value) is not numpy.ndarray:
            raise self.error(
                f"a {type(value).__name__} would come back as an ndarray: "
                "store numpy.array(value) where that is meant"
            )
        if value.dtype.hasobject:
            raise self.error(
                "an array of objects would be a pickle: give it another dtype, or use "
                "file_type='pkl'"
            )
        numpy.lib.format.write_array(file, value, allow_pickle=False)

    def loads(self, data: bytes) -> Any:
        import numpy

        self.check_size(data)
        file = io.BytesIO(data)
        try:
            array = numpy.lib.format.read_array(file, allow_pickle=False)
        except Exception as error:
            raise self.error(f"the bytes are no array: {type(error).__name__}: {error}") from error
        if file.read(1):
            raise self.error("the bytes are damaged: something follows the array")
        return array
