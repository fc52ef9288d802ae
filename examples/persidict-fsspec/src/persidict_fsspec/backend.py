"""Bytes under paths, in a filesystem of fsspec; nothing is claimed that not all of them keep."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import fsspec

import persidict_core as core

Options = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
_TIMES: Final = ("mtime", "last_modified", "LastModified", "modified", "updated", "created")


class FsspecBackend(core.BaseBackend):
    """Objects below one folder of a filesystem; a write is one upload, and as whole as that.

    Args:
        root: Where, as fsspec writes it, such as ``gs://bucket/folder``.
        storage_options: What fsspec wants besides, such as credentials, or a function that gives
            it, so that the backend can be pickled. It is never shown, and in no URL.
    """

    secret_params = frozenset({"storage_options"})
    concurrency = 16

    def __init__(self, root: str, *, storage_options: Options | None = None) -> None:
        if "://" not in root or "::" in root:  # A chain of fsspec's may cache.
            raise ValueError("root is one URL of fsspec, such as gs://bucket/folder, and no chain")
        self.root = root
        self.storage_options = storage_options
        self._opened: tuple[int, Any, str] | None = None

    def read_bytes(self, path: str) -> bytes:
        with self._at("read_bytes", path) as (fs, place):
            return bytes(fs.cat_file(place))

    def write_bytes(self, path: str, data: bytes) -> str:
        whole = bytes(memoryview(data))
        with self._at("write_bytes", path) as (fs, place):
            self._put(fs, place, whole)
        return "unknown"

    def delete(self, path: str) -> None:
        with self._at("delete", path) as (fs, place):
            _info(fs, place)  # Some filesystems say nothing where there was nothing.
            fs.rm_file(place)

    def stat(self, path: str) -> core.ObjectStat:
        with self._at("stat", path) as (fs, place):
            return _stat(path, _info(fs, place))

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        return (stat.path for stat in self.list_stats(prefix))

    def list_stats(self, prefix: str = "") -> Iterator[core.ObjectStat]:
        core.check_prefix(prefix)
        with self._blaming("list_stats", prefix) as (fs, base):
            try:
                found = self._find(fs, f"{base}/{prefix}".rstrip("/"))
            except FileNotFoundError:
                found = {}
            infos = ((name[len(base) + 1 :], info) for name, info in found.items())
            return iter([_stat(n, i) for n, i in infos if n.startswith(prefix) and _is_path(n)])

    @classmethod
    def params_of_address(cls, address: str) -> dict[str, Any]:
        return {"root": f"{cls.scheme.removeprefix('fsspec+')}://{address}"}

    def address_of_params(self, params: dict[str, Any]) -> str:
        protocol, _, address = params.pop("root").partition("://")
        if self.scheme != f"fsspec+{protocol}":
            raise core.URLError(f"{self!r} has no URL: {self.scheme}:// opens no {protocol}://")
        return str(address)

    def _put(self, fs: Any, place: str, data: bytes) -> None:
        fs.pipe_file(place, data)

    def _find(self, fs: Any, place: str) -> Any:
        return fs.find(place, detail=True)

    @contextmanager
    def _at(self, operation: str, path: str) -> Iterator[tuple[Any, str]]:
        core.check_path(path)
        with self._blaming(operation, path) as (fs, base):
            try:
                yield fs, f"{base}/{path}"
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
                if operation == "write_bytes":  # No bucket, say: that is no missing key.
                    raise
                raise core.ObjectNotFound(path) from error

    @contextmanager
    def _blaming(self, operation: str, path: str) -> Iterator[tuple[Any, str]]:
        try:
            if self._opened is None or self._opened[0] != os.getpid():
                options = self.storage_options
                given = options() if callable(options) else options or {}
                fs, base = fsspec.core.url_to_fs(self.root, skip_instance_cache=True, **given)
                fs.dircache.use_listings_cache = False  # What others write is seen at once.
                self._opened = os.getpid(), fs, base.rstrip("/")
            yield self._opened[1:]
        except core.ObjectNotFound:
            raise
        except Exception as error:  # Each filesystem has errors of its own.
            problem = f"{type(error).__name__}: {error}"
            raise core.BackendError(problem, repr(self), operation, path) from error


class FsspecLocal(FsspecBackend):
    """Objects in a folder of this machine: ``fsspec+file:///absolute/path``."""

    scheme = "fsspec+file"
    concurrency = 1
    max_name_bytes = 255

    def _put(self, fs: Any, place: str, data: bytes) -> None:
        folder = place.rpartition("/")[0]
        aside = f"{folder}/,{uuid4().hex}"  # No path holds a comma.
        fs.makedirs(folder, exist_ok=True)
        try:
            fs.pipe_file(aside, data)
            self._rename(fs, aside, place)
        except BaseException:
            if fs.exists(aside):
                fs.rm_file(aside)
            raise

    def _rename(self, fs: Any, aside: str, place: str) -> None:
        os.replace(aside, place)  # Where ``fs.mv`` would move it into a folder of that name.

    def _find(self, fs: Any, place: str) -> Any:
        return fs.find(place, detail=True, on_error="raise")


class FsspecSFTP(FsspecLocal):
    """Objects in a folder of another machine, by SSH: ``fsspec+sftp://host/absolute/path``."""

    scheme = "fsspec+sftp"

    def _rename(self, fs: Any, aside: str, place: str) -> None:
        fs.mv(aside, place)


class FsspecMemory(FsspecBackend):
    """Objects in fsspec's memory, which belongs to one process: ``fsspec+memory://folder``."""

    scheme = "fsspec+memory"
    concurrency = 1

    def _put(self, fs: Any, place: str, data: bytes) -> None:
        if fs.isdir(place):
            raise IsADirectoryError(place)
        fs.pipe_file(place, data)

    def __reduce__(self) -> tuple[Any, ...]:
        return _in_process, (os.getpid(), *super().__reduce__())


class FsspecGoogle(FsspecBackend):
    """Objects in Google Cloud Storage, by gcsfs: ``fsspec+gs://bucket/folder``."""

    scheme = "fsspec+gs"


class FsspecAzure(FsspecBackend):
    """Objects in Azure Blob Storage, by adlfs: ``fsspec+az://container/folder``."""

    scheme = "fsspec+az"


def _in_process(pid: int, rebuild: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if pid != os.getpid():
        raise RuntimeError("fsspec+memory:// lives in the process that wrote it: share a folder")
    return rebuild(*args)


def _info(fs: Any, place: str) -> Mapping[str, Any]:
    info: Mapping[str, Any] = fs.info(place)
    if info["type"] != "file":
        raise FileNotFoundError(place)
    return info


def _stat(path: str, info: Mapping[str, Any]) -> core.ObjectStat:
    time = next((info[name] for name in _TIMES if info.get(name) is not None), None)
    if time is None:
        raise ValueError("this filesystem tells no times")
    modified = time.timestamp() if isinstance(time, datetime) else float(time)
    return core.ObjectStat(path, info["size"], modified, f"{modified}-{info['size']}")


def _is_path(text: str) -> bool:
    try:
        return bool(core.check_path(text))
    except ValueError:
        return False
