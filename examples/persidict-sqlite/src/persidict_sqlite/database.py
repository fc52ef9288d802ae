"""One table in one file of SQLite, for all threads of a process, and across a fork."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from typing import Any

# AUTOINCREMENT never gives a number twice, not even after a delete: a version names one write.
_TABLE = """CREATE TABLE IF NOT EXISTS objects (version INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT UNIQUE NOT NULL, modified REAL NOT NULL, data BLOB NOT NULL)"""
_SECONDS_BUSY = 60.0

# SQLite keeps locks of a process in memory that a child would take for its own. So no statement
# runs and no connection is open while a process forks; each opens again on first use.
_lock = threading.RLock()
_open: weakref.WeakSet[Database] = weakref.WeakSet()


def _before_fork() -> None:
    _lock.acquire()
    for database in list(_open):
        database.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_lock.release, after_in_child=_lock.release
    )


class Database:
    """A connection, made on first use, that takes one statement at a time.

    Args:
        path: The file; it is made on first use.
        fsync: Whether a change waits for the disk.
    """

    def __init__(self, path: str, fsync: bool) -> None:
        self.path = path
        self.fsync = fsync
        self._connection: sqlite3.Connection | None = None

    def run(self, sql: str, *params: Any) -> list[Any]:
        """Run one statement, a transaction of its own, and give all its rows."""
        with _lock:
            return self._connect().execute(sql, params).fetchall()

    def close(self) -> None:
        """Close the connection, if there is one."""
        with _lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            made = sqlite3.connect(
                self.path, timeout=_SECONDS_BUSY, isolation_level=None, check_same_thread=False
            )
            try:
                # A function, so that the time is taken once the statement has the lock.
                made.create_function("clock", 0, time.time)
                made.execute(f"PRAGMA synchronous = {'FULL' if self.fsync else 'OFF'}")
                _keep_a_log(made)
                made.execute(_TABLE)
            except sqlite3.Error:
                made.close()
                raise
            self._connection = made
            _open.add(self)
        return self._connection


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. Of two who do so at once SQLite lets one fail, not wait."""
    deadline = time.monotonic() + _SECONDS_BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
        time.sleep(0.01)
