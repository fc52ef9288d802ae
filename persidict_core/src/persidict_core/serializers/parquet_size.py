"""How large a Parquet file becomes, told before it is read.

A few hundred bytes can stand for gigabytes: pages are compressed, and a column of equal strings is
one string and run lengths (https://parquet.apache.org/docs/file-format/). So strings are looked at
as dictionary and indices, as they are stored. What its pages become the file itself tells in its
footer, and is believed: one that was forged there may take more than this tells.

Of the columns of a row group pyarrow is not asked here: where a footer is damaged there, asking
ends the process (as of pyarrow 26, ``RowGroupMetaData.column``).
"""

from __future__ import annotations

from typing import Any, Final, cast

_INDEX: Final = 4


class UnmeasurableError(Exception):
    """The size of a file's columns cannot be told before they are read."""


def expanded_size(file: Any) -> int:
    """The bytes that the columns of a file take in memory, or already its pages if they take more.

    Args:
        file: A binary file; it is read from its start.

    Raises:
        UnmeasurableError: It has columns of lists or of structures.
    """
    import pyarrow
    from pyarrow import parquet

    opened = parquet.ParquetFile(file)
    told, schema = opened.metadata, opened.schema_arrow
    if any(pyarrow.types.is_nested(field.type) for field in schema):
        raise UnmeasurableError("it has columns of lists or of structures")
    pages = sum(told.row_group(number).total_byte_size for number in range(told.num_row_groups))
    return cast(int, max(pages, told.num_rows * sum(_width(field.type) for field in schema)))


def expanded_strings(file: Any) -> int:
    """The bytes that the strings of a file take in memory; they are not expanded to tell it.

    Args:
        file: A binary file; it is read from its start.
    """
    import pyarrow
    from pyarrow import compute, parquet

    plain = parquet.ParquetFile(file)
    columns = [plain.schema.column(number) for number in range(len(plain.schema))]
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    if not texts:
        return 0
    opened = parquet.ParquetFile(file, read_dictionary=texts, page_checksum_verification=True)
    size = 0
    for name in texts:
        is_category = pyarrow.types.is_dictionary(plain.schema_arrow.field(name).type)
        for chunk in opened.read(columns=[name]).column(0).chunks:
            if is_category or not pyarrow.types.is_dictionary(chunk.type):
                size += chunk.nbytes
            else:
                lengths = compute.binary_length(chunk.dictionary)
                size += compute.sum(lengths.take(chunk.indices)).as_py() or 0
    return size


def _width(kind: Any) -> int:
    try:
        return (cast(int, kind.bit_width) + 7) // 8
    except ValueError:
        return _INDEX
