"""Bytes under paths in a table of SQLite; each condition is one statement."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from typing import Any, Literal, NoReturn

import persidict_core as core

from .database import Database
from .slash_urls import SlashURLs

_WRITE = "INTO objects (path, modified, data)"
_STAT = "path, length(data), modified, CAST(version AS TEXT)"
_PAGE = 1000


class SqliteBackend(SlashURLs, core.BaseBackend):
    """Objects in the table ``objects`` of one file; conditions hold between processes.

    Args:
        path: The file; it is made on first use.
        fsync: Whether a write returns only when it is safe from a power cut.
    """

    scheme = "sqlite"

    def __init__(self, path: str | os.PathLike[str], *, fsync: bool = True) -> None:
        self.path = os.path.abspath(os.fsdecode(path))
        self.fsync = fsync
        self._database = Database(self.path, fsync)

    @property
    def capabilities(self) -> core.Capabilities:
        return core.Capabilities(
            core.Scope.PROCESSES, core.Scope.PROCESSES, core.Scope.PROCESSES, core.ETags.PER_WRITE
        )

    def read_bytes(self, path: str) -> bytes:
        return bytes(self._row("read_bytes", path, "data")[0])

    def write_bytes(self, path: str, data: bytes) -> str:
        sql = f"REPLACE {_WRITE} VALUES (?, clock(), ?) RETURNING version"
        return str(
            self._run("write_bytes", core.check_path(path), sql, path, memoryview(data))[0][0]
        )

    def delete(self, path: str) -> None:
        sql = "DELETE FROM objects WHERE path = ? RETURNING version"
        if not self._run("delete", core.check_path(path), sql, path):
            raise core.ObjectNotFound(path)

    def stat(self, path: str) -> core.ObjectStat:
        return core.ObjectStat(*self._row("stat", path, _STAT))

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        return (path for (path,) in self._pages("list_prefix", prefix, "path"))

    def list_stats(self, prefix: str = "") -> Iterator[core.ObjectStat]:
        return (core.ObjectStat(*row) for row in self._pages("list_stats", prefix, _STAT))

    def write_if(self, path: str, data: bytes, expect: core.Expect) -> str:
        core.check_path(path)
        if core.check_expect(expect) is core.ABSENT:
            sql = f"INSERT {_WRITE} VALUES (?, clock(), ?) ON CONFLICT DO NOTHING RETURNING version"
            rows = self._run("write_if", path, sql, path, memoryview(data))
        else:
            sql = f"""REPLACE {_WRITE} SELECT path, clock(), ? FROM objects
                WHERE path = ? AND CAST(version AS TEXT) = ? RETURNING version"""
            rows = self._run("write_if", path, sql, memoryview(data), path, expect)
        return str(rows[0][0]) if rows else self._fail(path, expect)

    def delete_if(self, path: str, expect: str) -> None:
        sql = "DELETE FROM objects WHERE path = ? AND CAST(version AS TEXT) = ? RETURNING version"
        if not self._run("delete_if", core.check_path(path), sql, path, core.check_etag(expect)):
            self._fail(path, expect)

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, core.ObjectStat] | Literal[core.Marker.UNCHANGED]:
        columns = f"CASE CAST(version AS TEXT) WHEN ? THEN NULL ELSE data END, {_STAT}"
        data, *stat = self._row("read_versioned", path, columns, unless)
        return core.UNCHANGED if data is None else (data, core.ObjectStat(*stat))

    def close(self) -> None:
        self._database.close()

    def _fail(self, path: str, expect: core.Expect) -> NoReturn:
        try:
            raise core.PreconditionFailed(path, expect, self.stat(path))
        except core.ObjectNotFound:
            raise core.PreconditionFailed(path, expect, core.ABSENT) from None

    def _row(self, operation: str, path: str, columns: str, *params: Any) -> Any:
        sql = f"SELECT {columns} FROM objects WHERE path = ?"
        for row in self._run(operation, core.check_path(path), sql, *params, path):
            return row
        raise core.ObjectNotFound(path)

    def _pages(self, operation: str, prefix: str, columns: str) -> Iterator[Any]:
        # By pages, since an open cursor would hold a snapshot, and all later reads be of it.
        after, end = core.check_prefix(prefix), prefix[:-1] + "0" if prefix else "\x7f"
        sql = f"SELECT {columns} FROM objects WHERE path > ? AND path < ? ORDER BY path LIMIT ?"
        while rows := self._run(operation, prefix, sql, after, end, _PAGE):
            yield from rows
            after = rows[-1][0]

    def _run(self, operation: str, path: str, sql: str, *params: Any) -> list[Any]:
        try:
            return self._database.run(sql, *params)
        except sqlite3.Error as error:
            raise core.BackendError(f"SQLite: {error}", repr(self), operation, path) from error
