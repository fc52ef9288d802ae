"""What can go wrong, and how it is told.

The tree::

    PersiDictError
    ├── ObjectNotFound            the store proves that nothing is there
    ├── PreconditionFailed        a condition did not hold; nothing was changed
    │   └── ConcurrencyConflict   and still did not after all retries
    ├── NotSupported              this backend cannot keep that promise
    ├── ImmutableItemError        (also a KeyError) an item that may not change
    ├── SerializationError        bytes that are no value, or a value that is no bytes
    │   └── SignatureError        bytes that no holder of the key wrote there
    ├── BackendError              the store failed; nothing is known of absence
    ├── BulkError                 some items of many failed; ``failures`` says which
    ├── PluginError               an installed plugin is broken, or claimed twice
    └── URLError                  (also a ValueError) a URL that configures nothing

A missing key is a plain ``KeyError``; bad arguments are ``TypeError`` or ``ValueError``. Every
error can be pickled, so that it crosses from a worker process as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .printable import printable


class PersiDictError(Exception):
    """Base of every error that persidict defines.

    Example:
        >>> from persidict_core import BackendError, URLError
        >>> issubclass(BackendError, PersiDictError), issubclass(URLError, PersiDictError)
        (True, True)
    """

    def __str__(self) -> str:
        # A text may hold what others wrote, as that of a plugin's own error.
        return "\n".join(map(printable, super().__str__().split("\n")))


class ObjectNotFound(PersiDictError):
    """Nothing is stored under a path, and the store has proven it.

    Args:
        path: The relative path that was asked for.

    Example:
        >>> print(ObjectNotFound("users/alex.json"))
        nothing is stored under 'users/alex.json'
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"nothing is stored under {self.path!r}"


class PreconditionFailed(PersiDictError):
    """A conditional write or delete found another state than it expected; nothing was changed.

    Args:
        path: The relative path, or the key as text.
        expect: The etag, or ``ABSENT``, that was expected.
        current: What stands there instead: an ``ObjectStat``, ``ABSENT``, or None where the store
            does not tell.

    Example:
        >>> from persidict_core import ABSENT, PersiDict
        >>> d = PersiDict("memory://", file_type="json")
        >>> d["leader"] = "alex"
        >>> try:
        ...     d.set_if("leader", "me", ABSENT)
        ... except PreconditionFailed as error:
        ...     print("expected", error.expect, "but found", error.current.size, "bytes")
        expected ABSENT but found 6 bytes
    """

    def __init__(self, path: str, expect: object = None, current: Any = None) -> None:
        super().__init__(path, expect, current)
        self.path = path
        self.expect = expect
        self.current = current

    def __str__(self) -> str:
        found = "another version" if self.current is None else repr(self.current)
        return f"{self.path!r} is not as expected: expected {self.expect!r}, found {found}"


class ConcurrencyConflict(PreconditionFailed):
    """A bounded number of retries was not enough: others changed the item every time.

    Args:
        path: The relative path, or the key as text.
        expect: What the last attempt expected.
        current: What it found.
        attempts: How many attempts were made.

    Example:
        >>> print(ConcurrencyConflict("hits", attempts=300))  # doctest: +ELLIPSIS
        'hits' was changed by others in each of 300 attempts; nothing was written: ...
    """

    def __init__(
        self, path: str, expect: object = None, current: Any = None, attempts: int = 0
    ) -> None:
        super().__init__(path, expect, current)
        self.args = (path, expect, current, attempts)
        self.attempts = attempts

    def __str__(self) -> str:
        return (
            f"{self.path!r} was changed by others in each of {self.attempts} attempts; "
            "nothing was written: try again later, or with fewer writers"
        )


class NotSupported(PersiDictError):
    """A backend cannot keep the promise that an operation makes, so the operation is refused.

    Example:
        >>> from persidict_core import MemoryBackend, PersiDict
        >>> d = PersiDict(MemoryBackend(), read_only=True)
        >>> try:
        ...     d["a"] = 1
        ... except NotSupported as error:
        ...     print(error)  # doctest: +ELLIPSIS
        PersiDict(...) was opened with read_only=True: nothing was changed
    """


class ImmutableItemError(PersiDictError, KeyError):
    """An item that may not be changed or deleted would have been.

    Args:
        key: The key of the item.
        what: What was tried, as in "be changed".

    Example:
        >>> from persidict_core import PersiDict
        >>> d = PersiDict("memory://", immutable_items=True)
        >>> d["a"] = 1
        >>> try:
        ...     d["a"] = 2
        ... except ImmutableItemError as error:
        ...     print(error)
        'a' may not be changed: the items of this dictionary are immutable
    """

    def __init__(self, key: object, what: str = "be changed") -> None:
        super().__init__(key, what)
        self.key = key
        self.what = what

    def __str__(self) -> str:
        return f"{self.key!r} may not {self.what}: the items of this dictionary are immutable"


class SerializationError(PersiDictError):
    """A value could not be turned into bytes, or bytes into a value.

    Args:
        problem: What was wrong, and what to do.
        key: The key of the item, where it is known.
        path: The relative path of the object, where it is known.
        file_type: The file type whose serializer refused.

    Example:
        >>> print(SerializationError("the bytes are no JSON", "a", "a.json", "json"))
        key 'a' (a.json), file type 'json': the bytes are no JSON
    """

    def __init__(
        self, problem: str, key: object = None, path: str | None = None, file_type: str = ""
    ) -> None:
        super().__init__(problem, key, path, file_type)
        self.problem = problem
        self.key = key
        self.path = path
        self.file_type = file_type

    def __str__(self) -> str:
        where = "" if self.key is None else f"key {self.key!r}"
        if self.path is not None:
            where += f" ({self.path})" if where else self.path
        if self.file_type:
            where += f"{', ' if where else ''}file type {self.file_type!r}"
        return printable(f"{where}: {self.problem}" if where else self.problem)


class SignatureError(SerializationError):
    """Stored bytes are not what a holder of the key wrote under that path; nothing read them.

    They were altered, truncated, copied from another path, or never signed.

    Args:
        problem: What was wrong, and what to do.
        key: The key of the item, where it is known.
        path: The relative path of the object.
        file_type: The file type, where it is known.

    Example:
        >>> issubclass(SignatureError, SerializationError)
        True
    """


class BackendError(PersiDictError):
    """The store failed or refused; whether the object exists is not known.

    Args:
        problem: What was wrong, and what to do.
        backend: The backend, as its ``repr`` (which masks secrets).
        operation: The verb that failed, as in "read_bytes".
        path: The relative path, or the prefix.

    Example:
        >>> print(BackendError("the disk is full", "FileBackend('/data')", "write_bytes", "a.pkl"))
        FileBackend('/data') write_bytes 'a.pkl': the disk is full
    """

    def __init__(
        self, problem: str, backend: str = "", operation: str = "", path: str | None = None
    ) -> None:
        super().__init__(problem, backend, operation, path)
        self.problem = problem
        self.backend = backend
        self.operation = operation
        self.path = path

    def __str__(self) -> str:
        where = " ".join(part for part in (self.backend, self.operation) if part)
        if self.path is not None:
            where += f" {self.path!r}" if where else repr(self.path)
        return printable(f"{where}: {self.problem}" if where else self.problem)


class BulkError(PersiDictError):
    """Some items of a bulk operation failed; all the others were done.

    Args:
        operation: The operation, as in "set_many".
        failures: The error of each key that failed.

    Example:
        >>> from persidict_core import PersiDict
        >>> d = PersiDict("memory://", file_type="json")
        >>> try:
        ...     d.update({"good": 1, "bad": {1: "keys of JSON are strings"}})
        ... except BulkError as error:
        ...     print(list(error.failures), list(d))
        ['bad'] [SafeStrTuple('good')]
    """

    def __init__(self, operation: str, failures: Mapping[Any, Exception]) -> None:
        self.operation = operation
        self.failures = dict(failures)
        super().__init__(operation, self.failures)

    def __str__(self) -> str:
        count = len(self.failures)
        key, error = next(iter(self.failures.items()))
        return (
            f"{self.operation}: {count} {'item' if count == 1 else 'items'} failed, all others "
            f"were done; the first is {key!r}: {type(error).__name__}: {printable(str(error))} "
            "(see .failures for each)"
        )


class PluginError(PersiDictError):
    """A plugin is broken, not installed, or its name is claimed twice.

    Example:
        >>> from persidict_core import PersiDict
        >>> try:
        ...     PersiDict("memry://")
        ... except PluginError as error:
        ...     print(error)  # doctest: +ELLIPSIS
        the scheme 'memry' is not installed: did you mean 'memory'? (installed: ...)
    """


class URLError(PersiDictError, ValueError):
    """A URL, or what would be a dictionary's URL, cannot be used; it is never echoed whole.

    Example:
        >>> from persidict_core import URL
        >>> try:
        ...     URL.parse("s3://alex:my-password@bucket")
        ... except URLError as error:
        ...     print(str(error)[:46])
        a user or password in a s3: URL is refused: le
    """
