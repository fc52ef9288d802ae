"""What turns values into bytes: the class that authors of file types subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO, ClassVar

from ..errors import SerializationError


class Serializer(ABC):
    """Turns values into the bytes of one file type, and back.

    A serializer gives back what it took, or refuses: it raises ``SerializationError`` where it
    knows what to say. A dictionary turns any other exception of its into one, and adds the key.

    Args:
        allow_pickle: Whether bytes may run code when they are read. If not, the serializer refuses
            them, and writes none.
        max_value_bytes: The most bytes, uncompressed, that a value may have when it is read.

    Example:
        >>> class Reversed(Serializer):
        ...     file_type = "rev"
        ...     value_type = str
        ...     def dumps(self, value):
        ...         return value[::-1].encode()
        ...     def loads(self, data):
        ...         self.check_size(data)
        ...         return data.decode()[::-1]
        >>> Reversed().dumps("abc")
        b'cba'
    """

    file_type: str
    """The end of its files' names; no dot."""
    value_type: ClassVar[type] = object
    """The class of all values that it takes."""
    streams: ClassVar[bool] = False
    """Whether `dump` writes without building all bytes first."""

    def __init__(self, allow_pickle: bool = True, max_value_bytes: int | None = None) -> None:
        self.allow_pickle = allow_pickle
        self.max_value_bytes = max_value_bytes

    @abstractmethod
    def dumps(self, value: Any) -> bytes:
        """The bytes of a value.

        Raises:
            SerializationError: If it would not come back as it was.
        """

    @abstractmethod
    def loads(self, data: bytes) -> Any:
        """The value of bytes.

        Raises:
            SerializationError: If they are damaged, of another format, or not allowed.
        """

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write the bytes of a value to a file.

        Args:
            value: The value.
            file: What takes them; only ``write`` and ``writelines`` are sure to be there.
        """
        file.write(self.dumps(value))

    def load(self, file: BinaryIO) -> Any:
        """The value of the bytes from a file's position to its end."""
        return self.loads(file.read())

    def check_size(self, data: bytes) -> None:
        """Refuse bytes that are more than ``max_value_bytes``.

        Raises:
            SerializationError: If they are.
        """
        if self.max_value_bytes is not None and len(data) > self.max_value_bytes:
            raise self.error(
                f"the value has {len(data)} bytes, more than max_value_bytes={self.max_value_bytes}"
            )

    def error(self, problem: str) -> SerializationError:
        """The error to raise, with the file type in it.

        Args:
            problem: What was wrong, and what to do.
        """
        return SerializationError(problem, file_type=self.file_type)


class LazyType:
    """A class attribute that is a class of a module imported on first use.

    Args:
        module: The module's name.
        name: The class's name in it.
    """

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> type:
        found = getattr(import_module(self.module), self.name)
        assert isinstance(found, type)
        return found


def require(file_type: str, extra: str, *modules: str) -> None:
    """Refuse to serve a file type whose modules are missing, and say what to install.

    Args:
        file_type: The file type.
        extra: The extra of ``persidict-core`` that brings the modules.
        modules: Their names; none is imported.

    Raises:
        ImportError: If one is not installed.
    """
    for module in modules:
        if find_spec(module) is None:
            raise ImportError(
                f"file_type={file_type!r} needs {module}, which is not installed: "
                f'pip install "persidict-core[{extra}]"',
                name=module,
            )
