"""pandas' DataFrames, as Parquet files.

The format: https://parquet.apache.org/docs/file-format/ ; what pandas adds to it:
https://pandas.pydata.org/docs/development/developer.html
"""

from __future__ import annotations

import io
from typing import Any, ClassVar, cast

from ..errors import SerializationError
from .base import LazyType, Serializer, require
from .sameness import difference


class ParquetSerializer(Serializer):
    """Turns DataFrames into the bytes of a Parquet file, and back.

    A frame is read back before it is accepted: one that Parquet would change is refused.

    Args:
        allow_pickle: Of no effect: a Parquet file runs no code.
        max_value_bytes: The most bytes that a value may have when it is read, stored and in memory;
            with it, columns of lists or of structures are refused. How long its pages are a file is
            believed: with those of strangers, that alone is no protection.

    Raises:
        ImportError: If pandas or pyarrow is not installed.

    Example:
        >>> import pandas
        >>> serializer = ParquetSerializer()
        >>> serializer.loads(serializer.dumps(pandas.DataFrame({"x": [1, 2]})))["x"].tolist()
        [1, 2]
    """

    file_type = "parquet"
    value_type: ClassVar[type] = cast(type, LazyType("pandas", "DataFrame"))

    def __init__(self, allow_pickle: bool = True, max_value_bytes: int | None = None) -> None:
        require("parquet", "pandas", "pandas", "pyarrow")
        super().__init__(allow_pickle, max_value_bytes)

    def dumps(self, value: Any) -> bytes:
        import pandas

        if type(value) is not pandas.DataFrame:
            raise self.error(
                f"a {type(value).__name__} would come back as a DataFrame: "
                "store pandas.DataFrame(value) where that is meant"
            )
        buffer = io.BytesIO()
        try:
            value.to_parquet(buffer, engine="pyarrow", write_page_checksum=True)
        except Exception as error:
            raise self.error(
                f"the frame is no Parquet table: {type(error).__name__}: {error}"
            ) from error
        data = buffer.getvalue()
        changed = difference(value, self._read(data))
        if changed:
            raise self.error(f"{changed}; file_type='pkl' keeps it")
        return data

    def loads(self, data: bytes) -> Any:
        self.check_size(data)
        if self.max_value_bytes is not None:
            self._check_expanded(data, self.max_value_bytes)
        return self._read(data)

    def _check_expanded(self, data: bytes, limit: int) -> None:
        from .parquet_size import UnmeasurableError, expanded_size, expanded_strings

        try:
            size = expanded_size(io.BytesIO(data))
            if size <= limit:
                size = max(size, expanded_strings(io.BytesIO(data)))
        except UnmeasurableError as error:
            raise self.error(
                f"under max_value_bytes={limit} it is not read, since its size cannot be told "
                f"beforehand: {error}"
            ) from None
        except Exception as error:
            raise self._no_parquet(error) from error
        if size > limit:
            raise self.error(f"the frame has {size} bytes, more than max_value_bytes={limit}")

    def _read(self, data: bytes) -> Any:
        import pandas

        try:
            return pandas.read_parquet(
                io.BytesIO(data), engine="pyarrow", page_checksum_verification=True
            )
        except Exception as error:
            raise self._no_parquet(error) from error

    def _no_parquet(self, error: Exception) -> SerializationError:
        return self.error(f"the bytes are no Parquet file: {type(error).__name__}: {error}")
