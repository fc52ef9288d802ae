"""``joblib.Memory(url, backend="persidict")``: joblib's cache of results, in any backend.

The interface is that of joblib's ``StoreBackendBase``, and the layout of what is stored that of its
own files: ``joblib/MODULE/FUNCTION/HASH/output.pkl``, ``metadata.json`` beside it, ``func_code.py``
above (joblib 1.3 to 1.6; ``joblib/_store_backends.py``). Only who uses joblib imports this module.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Final

import joblib
from joblib._store_backends import (
    CacheItemInfo,
    CacheWarning,
    StoreBackendBase,
    StoreBackendMixin,
)

from . import registry
from .backend import BaseBackend
from .errors import ObjectNotFound
from .keys import as_part
from .layers import PrefixBackend
from .urls import URL

_NAME: Final = "persidict"
_FOLDER: Final = "joblib"
_is_hash: Final = re.compile(r"[a-f0-9]{32}").fullmatch


def register_joblib_backend() -> None:
    """Make ``joblib.Memory(url, backend="persidict")`` known to joblib, in this process.

    The URL is that of any backend, such as ``s3://bucket/results`` or a folder's name, and
    ``backend_options`` are further parameters of it. Everything stands below ``joblib/`` in it. A
    process that is sent a function with such a cache needs no call of this.

    Example:
        >>> import joblib
        >>> register_joblib_backend()
        >>> memory = joblib.Memory("memory://results", backend="persidict", verbose=0)
        >>> @memory.cache
        ... def square(number):
        ...     print("computing")
        ...     return number * number
        >>> square(3), square(3)
        computing
        (9, 9)
    """
    joblib.register_store_backend(_NAME, JoblibStore)


class JoblibStore(StoreBackendBase, StoreBackendMixin):  # type: ignore[misc]
    """The store of a ``joblib.Memory``, in any backend.

    joblib makes and configures it; give ``Memory`` one made by `around` for a backend that no URL
    names, such as a layer that signs. Age is the time since a result was written: a backend keeps
    no time of the last access.
    """

    @classmethod
    def around(cls, backend: BaseBackend) -> JoblibStore:
        """The store in a backend that is given as an object, to be given to ``Memory`` itself.

        Args:
            backend: The backend.

        Example:
            >>> from persidict_core import MemoryBackend, SignedBackend
            >>> store = JoblibStore.around(SignedBackend(MemoryBackend(), b"k" * 32))
            >>> memory = joblib.Memory(store, verbose=0)
            >>> memory.cache(len)([1, 2]), len(store.get_items())
            (2, 1)
        """
        store = cls()
        store._begin(type(backend).__name__, backend)
        return store

    def configure(
        self,
        location: str,
        verbose: int = 1,
        backend_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Open the backend; joblib calls it.

        Args:
            location: The backend's URL, or a folder's name, to which joblib adds ``/joblib``.
            verbose: How much joblib prints.
            backend_options: ``compress``, as in ``joblib.dump``, and parameters of the backend.

        Raises:
            URLError: If the URL does not fit, or a parameter is unknown.
            PluginError: If no such backend is installed.
            ValueError: If results are to be mapped into memory, which wants files.
        """
        options = dict(backend_options or {})
        compress = options.pop("compress", False)
        if options.pop("mmap_mode", None) is not None:
            raise ValueError(
                "mmap_mode wants a file on this machine: leave it out, or use joblib's own backend"
            )
        url = URL.parse(_without_folder(location))
        kind: type[BaseBackend] = registry.backends.get(url.scheme)
        self._begin(location, kind.from_url(url, **options), verbose, compress)

    def _begin(
        self, location: str, backend: BaseBackend, verbose: int = 1, compress: object = False
    ) -> None:
        self.location = location
        self.verbose = verbose
        self.compress = compress
        self._store = PrefixBackend(backend, f"{_FOLDER}/")

    def __setstate__(self, state: dict[str, Any]) -> None:
        register_joblib_backend()  # In a worker, which may go on to make a Memory of its own.
        self.__dict__.update(state)

    # What joblib's mixin is written on: locations are paths that begin with that of the store.

    def _path(self, location: str) -> str:
        below = location.removeprefix(self.location).replace(os.sep, "/").strip("/")
        return "/".join(as_part(part) for part in below.split("/")) if below else ""

    def _prefix(self, location: str) -> str:
        path = self._path(location)
        return path and path + "/"

    @contextmanager
    def _open_item(self, location: str, mode: str) -> Iterator[BinaryIO]:
        path = self._path(location)
        if mode == "wb":
            with self._store.write_file(path) as file:
                yield file
            return
        try:
            with self._store.read_file(path) as file:
                yield file
        except ObjectNotFound as error:
            raise FileNotFoundError(str(error)) from error  # What joblib looks for.

    def _item_exists(self, location: str) -> bool:
        path = self._path(location)
        return self._store.exists(path) or bool(self._store.list_some(f"{path}/"))

    def _move_item(self, src: str, dst: str) -> None:
        self._store.write_bytes(self._path(dst), self._store.read_bytes(self._path(src)))
        self._store.delete(self._path(src))

    def _concurrency_safe_write(
        self, to_write: object, filename: str, write_func: Callable[[object, str], None]
    ) -> None:
        write_func(to_write, filename)  # All or nothing, without another name to write it under.

    def create_location(self, location: str) -> None:
        """Nothing: a folder comes with the first object in it."""

    def clear_location(self, location: str) -> None:
        """Delete all below a location.

        Args:
            location: That of a function, of a result, or of the whole store.
        """
        paths = self._store.list_prefix(self._prefix(location))
        for _, error in self._store.delete_many(paths):
            if error is not None and not isinstance(error, ObjectNotFound):
                raise error

    def get_items(self) -> list[CacheItemInfo]:
        """Each result with its size in bytes and when it was written, by one listing."""
        sizes: dict[str, int] = {}
        times: dict[str, float] = {}
        for stat in self._store.list_stats():
            folder = stat.path.rpartition("/")[0]
            if _is_hash(folder.rpartition("/")[2]):
                sizes[folder] = sizes.get(folder, 0) + stat.size
                times[folder] = max(times.get(folder, 0.0), stat.modified)
        return [
            CacheItemInfo(f"{self.location}/{folder}", size, datetime.fromtimestamp(times[folder]))
            for folder, size in sizes.items()
        ]

    def dump_item(self, call_id: Sequence[str], item: object, verbose: int = 1) -> None:
        """Keep a result; one that cannot be kept is warned of, and nothing of it is written.

        Args:
            call_id: Its function and the hash of its arguments.
            item: The result.
            verbose: How much is printed.
        """
        location = os.path.join(self.location, *call_id)
        if verbose > 10:
            print(f"Persisting in {location}")
        try:
            with self._open_item(os.path.join(location, "output.pkl"), "wb") as file:
                joblib.dump(item, file, compress=self.compress)
        except Exception as error:  # The caller has his result, and is not to lose it.
            warnings.warn(
                f"the result was not kept in {location}: {type(error).__name__}: {error}",
                CacheWarning,
                stacklevel=2,
            )


def _without_folder(location: str) -> str:
    """The URL that the user gave, to which joblib has added a folder."""
    if not location.endswith((f"/{_FOLDER}", f"{os.sep}{_FOLDER}")):
        return location
    url = location[: -len(_FOLDER)]
    return url if url.endswith("://") else url[:-1]
