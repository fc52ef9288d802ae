"""`SqliteDict`: a dictionary in one SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from persidict_core import Backend, PersiDict

from .backend import SqliteBackend
from .slash_urls import SlashURLs

V = TypeVar("V")


class SqliteDict(SlashURLs, PersiDict[V]):
    """A persistent dictionary in one file of SQLite: each value is one row.

    Args:
        path: The file; it is made on first use.
        file_type: The format of the values, and the end of their names.
        immutable_items: Whether items, once written, can be neither changed nor deleted.
        base_class_for_values: The class of all values, checked on writing and on reading.
        fsync: Whether a write returns only when it is safe from a power cut.
        prefix: The dictionary holds the keys that begin so, without that beginning.
        allow_pickle: False refuses, on writing and on reading, all that could run code.
        max_value_bytes: The most bytes that a stored value may have; None: no limit.
        read_only: Whether every change is refused.
        cache: Where copies of values are kept nearby: see ``PersiDict``.
        cache_max_bytes: How much the cache may hold, in bytes; None: no limit.

    Example:
        >>> import tempfile
        >>> d = SqliteDict(tempfile.mkdtemp() + "/settings.db", file_type="json")
        >>> d["users", "alex"] = {"theme": "dark"}
        >>> d["users", "alex"]
        {'theme': 'dark'}
    """

    scheme = "sqlite"
    backend: SqliteBackend

    def __init__(
        self,
        path: str | os.PathLike[str] = "__sqlite_dict__.db",
        file_type: str = "pkl",
        immutable_items: bool = False,
        base_class_for_values: type | None = None,
        *,
        fsync: bool = True,
        prefix: str | Iterable[str] = (),
        allow_pickle: bool = True,
        max_value_bytes: int | None = None,
        read_only: bool = False,
        cache: Backend | str | os.PathLike[str] | None = None,
        cache_max_bytes: int | None = None,
    ) -> None:
        super().__init__(
            SqliteBackend(path, fsync=fsync),
            file_type=file_type,
            prefix=prefix,
            digest_len=0,
            immutable_items=immutable_items,
            base_class_for_values=base_class_for_values,
            allow_pickle=allow_pickle,
            max_value_bytes=max_value_bytes,
            read_only=read_only,
            cache=cache,
            cache_max_bytes=cache_max_bytes,
        )
        self.path = self.backend.path
        self.fsync = fsync
