"""`FileDirDict`: a dictionary in a folder, one file a value."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from persidict_core import Backend, PersiDict, Scope

from .backend import FileBackend

V = TypeVar("V")


class FileDirDict(PersiDict[V]):
    """A persistent dictionary in a folder: each value is one file.

    Many processes may read and write it at once; each write is atomic. For all else see
    ``PersiDict``.

    Args:
        base_dir: The folder; it is made where it is missing. A link to a folder may stand for it,
            but links below it are not followed.
        file_type: The format of the values, and the end of the files' names.
        immutable_items: Whether items, once written, can be neither changed nor deleted.
        digest_len: How many characters of digest each string of a key gets in the names, 0 to 26;
            None: what the names in the folder carry, 8 in an empty one.
        base_class_for_values: The class of all values, checked on writing and on reading.
        fsync: Whether a write returns only when it is safe from a power cut, which takes half a
            millisecond to some milliseconds, by the disk. Without it a write is as atomic among
            processes, also if they are killed, but a power cut may take it back or, on most file
            systems, leave the file empty or torn.
        prefix: The dictionary holds the keys that begin so, without that beginning.
        allow_pickle: False refuses, on writing and on reading, all that could run code.
        max_value_bytes: The most bytes that a stored value may have; None: no limit.
        read_only: Whether every change is refused; then a missing folder is not made.
        cache: Where copies of values are kept nearby, where the folder is far away: see
            ``PersiDict``.
        cache_max_bytes: How much the cache may hold, in bytes; None: no limit.
        lock_scope: Among whom locks of files hold in this folder: ``"none"``, ``"threads"``,
            ``"processes"`` or ``"hosts"``, or a `Scope`. It is believed. None: judged by the type
            of the file system.

    Raises:
        TypeError: A parameter of the wrong kind.
        ValueError: A parameter that cannot be, such as a ``base_dir`` that is a file.
        BackendError: The folder cannot be made.

    Example:
        >>> import tempfile
        >>> d = FileDirDict(tempfile.mkdtemp(), file_type="json")
        >>> d["users", "alex"] = {"theme": "dark"}
        >>> d["users", "alex"]
        {'theme': 'dark'}
    """

    scheme = "file"
    backend: FileBackend

    def __init__(
        self,
        base_dir: str | os.PathLike[str] = "__file_dir_dict__",
        file_type: str = "pkl",
        immutable_items: bool = False,
        digest_len: int | None = None,
        base_class_for_values: type | None = None,
        *,
        fsync: bool = True,
        prefix: str | Iterable[str] = (),
        allow_pickle: bool = True,
        max_value_bytes: int | None = None,
        read_only: bool = False,
        cache: Backend | str | os.PathLike[str] | None = None,
        cache_max_bytes: int | None = None,
        lock_scope: Scope | str | None = None,
    ) -> None:
        if isinstance(base_dir, str) and "://" in base_dir:
            raise ValueError(
                "base_dir is a folder, not a URL: open a URL by persidict.open(url), or give a "
                "folder of such a name as a pathlib.Path"
            )
        backend = FileBackend(base_dir, fsync=fsync, lock_scope=lock_scope)
        if os.path.lexists(backend.root) and not os.path.isdir(backend.root):
            raise ValueError(f"base_dir={backend.root!r} is no folder")
        super().__init__(
            backend,
            file_type=file_type,
            prefix=prefix,
            digest_len=digest_len,
            immutable_items=immutable_items,
            base_class_for_values=base_class_for_values,
            allow_pickle=allow_pickle,
            max_value_bytes=max_value_bytes,
            read_only=read_only,
            cache=cache,
            cache_max_bytes=cache_max_bytes,
        )
        self.fsync = backend.fsync
        self.lock_scope = backend.lock_scope
        if not self.read_only:
            backend.make_root()

    @property
    def base_dir(self) -> str:
        """The folder, absolute."""
        return self.backend.root
