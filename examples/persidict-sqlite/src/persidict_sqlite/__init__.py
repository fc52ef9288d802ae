"""persidict in one SQLite file: an example of a backend that anybody can write and publish."""

from .backend import SqliteBackend
from .sqlite_dict import SqliteDict

__all__ = ["SqliteBackend", "SqliteDict"]
