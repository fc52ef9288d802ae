"""Text of any file type: UTF-8, newlines untouched."""

from __future__ import annotations

from typing import Any, ClassVar

from .base import Serializer


class TextSerializer(Serializer):
    r"""Turns strings into UTF-8, and back, character by character.

    Args:
        file_type: The file type that it serves, such as "txt" or "html".
        allow_pickle: Of no effect: text runs no code.
        max_value_bytes: The most bytes that a value may have when it is read.

    Example:
        >>> TextSerializer("txt").dumps("caf\u00e9\r\n")
        b'caf\xc3\xa9\r\n'
    """

    value_type: ClassVar[type] = str

    def __init__(
        self, file_type: str, allow_pickle: bool = True, max_value_bytes: int | None = None
    ) -> None:
        super().__init__(allow_pickle, max_value_bytes)
        self.file_type = file_type

    def dumps(self, value: Any) -> bytes:
        if type(value) is not str:
            raise self.error(
                f"a {type(value).__name__} would come back as a str: only str itself is text"
            )
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise self.error(
                f"the character at {error.start} is a lone surrogate, which UTF-8 cannot hold"
            ) from error

    def loads(self, data: bytes) -> str:
        self.check_size(data)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self.error(f"the bytes are no UTF-8 text: {error}") from error
