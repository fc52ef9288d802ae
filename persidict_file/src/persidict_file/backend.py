"""``file://``: objects as files in a folder."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO, Final, Literal, TypeVar

from persidict_core import (
    ABSENT,
    ANY,
    UNCHANGED,
    BaseBackend,
    Capabilities,
    Debris,
    ETags,
    Expect,
    Marker,
    NotSupported,
    ObjectNotFound,
    ObjectStat,
    PreconditionFailed,
    Scope,
    check_etag,
    check_expect,
    check_flag,
    check_path,
    check_prefix,
)
from persidict_core.backend import check_age

# What writes imports nothing when it is called: a child that is forked meanwhile, by another
# thread, would wait for that import for ever.
from . import listing, portable
from .atomic import remove, replace
from .copies import Copier, Store
from .faults import Faults, NotAFile, irregular
from .filesystems import capabilities_of, check_scope
from .folders import Folders
from .groups import Group, Write, grouped
from .locks import HAS_FLOCK, close
from .places import Places, check_root
from .reading import CHUNK, open_to_read, read, read_all, regular
from .removals import remove_together
from .streams import Draft, Stream
from .versions import etag_of, stat_of

_PATH_MAX: Final = 4095
_LARGEST_COPIED: Final = 1 << 20
"""So many bytes of a file are read whole to be copied; more are better streamed."""

T = TypeVar("T")

RELATIVE: Final = HAS_FLOCK and os.open in os.supports_dir_fd
"""Whether the system has ``flock``, and paths relative to an open folder."""


class FileBackend(BaseBackend):
    """Objects as files in a folder that many processes share.

    Every write is atomic, and durable unless ``fsync`` is False. On the file systems whose
    ``flock`` is the kernel's own (ext2, ext3, ext4, xfs, btrfs, overlay, tmpfs) all conditions hold
    among processes; elsewhere those on etags are refused unless ``lock_scope`` says otherwise.

    The constructor does no I/O: a missing folder reads as empty, and is made by the first write.
    Links below the root are not followed, and whatever is no regular file is left alone. Whether a
    folder on the way is a link is looked at when it is first seen, and again at each change of what
    is right in it: who may rename folders below the root can put a link in the place of one, by
    which reads are then led elsewhere. Let only those do so whom you trust.

    Args:
        root: The folder; it may be a link to one.
        fsync: Whether a write or delete returns only when it would survive a power cut.
        lock_scope: Among whom ``flock`` holds on the folder's file system, where the user knows;
            a `Scope` or its lower-case name. None: judged by the type of the file system.

    Raises:
        TypeError: A parameter of the wrong kind.
        ValueError: A folder's name that cannot be, or an unknown scope.

    Example:
        >>> import tempfile
        >>> backend = FileBackend(tempfile.mkdtemp())
        >>> etag = backend.write_bytes("a/b.txt", b"hello")
        >>> backend.read_bytes("a/b.txt")
        b'hello'
    """

    scheme = "file"
    digest_len = 8
    concurrency = 1
    max_name_bytes = 255

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        fsync: bool = True,
        lock_scope: Scope | str | None = None,
    ) -> None:
        self.root = check_root(root)
        self.fsync = check_flag("fsync", fsync)
        self.lock_scope = check_scope(lock_scope)
        self.max_path_bytes = _PATH_MAX - len(os.fsencode(self.root)) - 1
        self._places = Places(self.root, self.max_name_bytes, self.max_path_bytes)
        self._folders = Folders(self.root, fsync)
        self._faults = Faults(self.root, lambda: repr(self))
        self._capabilities: Capabilities | None = None

    @property
    def identity(self) -> str:
        """The folder itself, whatever links lead to it."""
        return f"{self.scheme}://{os.path.realpath(self.root)}"

    @property
    def capabilities(self) -> Capabilities:
        """What the file system of the folder allows to promise; read once the folder is there."""
        found = self._capabilities
        if found is None:
            try:
                found = capabilities_of(self.root, self.lock_scope) if RELATIVE else Capabilities()
            except OSError as error:
                raise self._faults.told(error, "capabilities") from error
            if os.path.isdir(self.root):
                self._capabilities = found
        return found

    def make_root(self) -> None:
        """Make the folder if it is missing, and those above it.

        Raises:
            BackendError: It cannot be made.
        """
        try:
            self._folders.make(self.root)
        except OSError as error:
            raise self._faults.told(error, "make_root") from error

    # Reading. No reader takes a lock: a file is whole from the moment it has its name.

    def read_bytes(self, path: str) -> bytes:
        try:
            return read(self._places[path]) if RELATIVE else portable.read(self._places[path])
        except OSError as error:
            self._faults.raise_for(error, "read_bytes", path)

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        if self.capabilities.etags is not ETags.PER_WRITE:
            return super().read_versioned(path, unless)
        try:
            descriptor = open_to_read(self._places[path])
            try:
                found = regular(descriptor)
                described = stat_of(path, found)
                if described.etag == unless:
                    return UNCHANGED
                return read_all(descriptor, found), described
            finally:
                os.close(descriptor)
        except OSError as error:
            self._faults.raise_for(error, "read_versioned", path)

    @contextmanager
    def read_file(self, path: str) -> Iterator[BinaryIO]:
        if not RELATIVE:
            with super().read_file(path) as file:
                yield file
            return
        try:
            descriptor = open_to_read(self._places[path])
        except OSError as error:
            self._faults.raise_for(error, "read_file", path)
        try:
            try:
                regular(descriptor)
            except OSError as error:
                self._faults.raise_for(error, "read_file", path)
            raw = Stream(
                descriptor, "rb", lambda error: self._faults.told(error, "read_file", path)
            )
            with raw, io.BufferedReader(raw, CHUNK) as reader:
                yield reader
        finally:
            os.close(descriptor)

    def exists(self, path: str) -> bool:
        try:
            mode = os.lstat(self._places[path]).st_mode
        except OSError as error:
            if self._faults.is_absence(error, path):
                return False
            raise self._faults.told(error, "exists", path) from error
        if stat.S_ISREG(mode):
            return True
        if stat.S_ISDIR(mode):
            return False
        raise self._faults.told(NotAFile(mode), "exists", path)

    def stat(self, path: str) -> ObjectStat:
        try:
            found = os.lstat(self._places[path])
            if not stat.S_ISREG(found.st_mode):
                raise irregular(found.st_mode)
        except OSError as error:
            self._faults.raise_for(error, "stat", path)
        return stat_of(path, found)

    # Listing.

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        return chain.from_iterable(self._listed("list_prefix", check_prefix(prefix), listing.paths))

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        return chain.from_iterable(self._listed("list_stats", check_prefix(prefix), listing.stats))

    def list_children(self, prefix: str = "") -> Iterator[str]:
        return chain.from_iterable(
            self._listed("list_children", check_prefix(prefix), listing.children)
        )

    def _listed(
        self, operation: str, prefix: str, walk: Callable[[str, str], Iterator[T]]
    ) -> Iterator[T]:
        try:
            if self._can_enter(prefix):
                yield from walk(self._places.base, prefix)
        except OSError as error:
            raise self._faults.told(error, operation, prefix) from error

    def _can_enter(self, prefix: str) -> bool:
        if not prefix:
            if os.path.exists(self.root) and not os.path.isdir(self.root):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.root)
            return True
        try:
            return self._places.is_real(prefix[:-1])
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
                return False
            raise

    # Writing.

    def write_bytes(self, path: str, data: bytes) -> str:
        try:
            return self._write(path, data, ANY)
        except OSError as error:
            raise self._faults.told(error, "write_bytes", path) from error

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        check_path(path)
        if not self._claims(expect):
            return super().write_if(path, data, expect)
        try:
            return self._write(path, data, expect)
        except OSError as error:
            raise self._faults.told(error, "write_if", path) from error

    def delete(self, path: str) -> None:
        try:
            self._remove(path, ANY)
        except OSError as error:
            self._faults.raise_for(error, "delete", path)

    def delete_if(self, path: str, expect: str) -> None:
        check_path(path)
        check_etag(expect)
        if not self.capabilities.delete_if:
            super().delete_if(path, expect)
        try:
            self._remove(path, expect)
        except ObjectNotFound:
            raise PreconditionFailed(path, expect, ABSENT) from None
        except OSError as error:
            if self._faults.is_absence(error, path):
                raise PreconditionFailed(path, expect, ABSENT) from None
            raise self._faults.told(error, "delete_if", path) from error

    def write_many(
        self,
        items: Iterable[tuple[str, bytes]],
        expect: Expect | Literal[Marker.ANY] = ANY,
    ) -> Iterator[tuple[str, str | Exception]]:
        claimed = expect is ANY or self._claims(expect)
        if claimed and self.fsync and RELATIVE and not isinstance(expect, str):
            return self._write_together(items, expect)
        return super().write_many(items, expect)

    def _write_together(
        self, items: Iterable[tuple[str, bytes]], expect: Expect | Literal[Marker.ANY]
    ) -> Iterator[tuple[str, str | Exception]]:
        group = Group(
            self._folders,
            self._places.__getitem__,
            lambda path, data: self._write(path, data, expect),
            expect,
        )
        for some in grouped(items, lambda item: len(item[1])):
            writes = [Write(path, data) for path, data in some]
            group.run(writes)
            for write in writes:
                result = write.result
                if isinstance(result, OSError):
                    failure = self._faults.told(result, "write_many", write.path)
                    failure.__cause__ = result
                    result = failure
                assert result is not None
                yield write.path, result

    def delete_many(self, paths: Iterable[str]) -> Iterator[tuple[str, Exception | None]]:
        if not RELATIVE:
            return super().delete_many(paths)
        return self._delete_together(paths)

    def _delete_together(self, paths: Iterable[str]) -> Iterator[tuple[str, Exception | None]]:
        for some in grouped(paths):
            results = remove_together(self._folders, self._locate, some)
            for path, result in zip(some, results, strict=True):
                if isinstance(result, OSError):
                    if self._faults.is_absence(result, path):
                        yield path, ObjectNotFound(path)
                        continue
                    failure = self._faults.told(result, "delete_many", path)
                    failure.__cause__ = result
                    result = failure
                yield path, result

    def copies_from(self, source: BaseBackend, size: int = 0) -> bool:
        # What is flushed is as soon done by `write_many`, which flushes all together.
        small = size <= _LARGEST_COPIED and not self.fsync
        return small and RELATIVE and isinstance(source, FileBackend)

    def copy_many(
        self, source: BaseBackend, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[str, str | Exception]]:
        if not self.copies_from(source):
            yield from super().copy_many(source, pairs)
            return
        assert isinstance(source, FileBackend) and self.max_path_bytes is not None
        copier = Copier(
            Store(source._places, source._folders),
            Store(self._places, self._folders),
            self.max_name_bytes,
            self.max_path_bytes,
            lambda there, here: self.write_bytes(here, source.read_bytes(there)),
        )
        yield from copier.run(pairs)

    @contextmanager
    def write_file(
        self, path: str, expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[BinaryIO]:
        check_path(path)
        if not RELATIVE or not (expect is ANY or self._claims(expect)):
            with super().write_file(path, expect) as buffer:
                yield buffer
            return
        try:
            folder, name = self._locate(path)
            draft = Draft(self._folders, folder)
        except OSError as error:
            raise self._faults.told(error, "write_file", path) from error
        try:
            raw = Stream(
                draft.descriptor,
                "wb",
                lambda error: self._faults.told(error, "write_file", path),
            )
            file = io.BufferedWriter(raw, CHUNK)
            try:
                yield file
                if not file.closed:
                    file.flush()
            finally:
                # The raw file alone: what is still in the buffer after a fault is not wanted.
                raw.close()
            try:
                draft.commit(name, path, expect, self.fsync)
            except OSError as error:
                raise self._faults.told(error, "write_file", path) from error
        finally:
            try:
                draft.close()
            except OSError as error:
                raise self._faults.told(error, "write_file", path) from error

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        from .sweeping import sweep

        check_prefix(prefix)
        check_age(older_than)
        if not RELATIVE:
            raise NotSupported(f"{self!r} cannot tell debris from what is being written: no flock")

        def walk(base: str, prefix: str) -> Iterator[Debris]:
            return sweep(self._folders, base, prefix, remove, older_than)

        return self._listed("sweep", prefix, walk)

    def prune(self, prefix: str = "") -> None:
        try:
            if self._can_enter(check_prefix(prefix)):
                self._folders.prune((self._places.base + prefix)[:-1] or "/")
        except OSError as error:
            raise self._faults.told(error, "prune", prefix) from error

    # How.

    def _locate(self, path: str) -> tuple[str, str]:
        folder, _, name = self._places[path].rpartition("/")
        return folder or "/", name

    def _write(self, path: str, data: bytes, expect: Expect | Literal[Marker.ANY]) -> str:
        folder, name = self._locate(path)
        if not RELATIVE:
            self._folders.make(folder)
            return etag_of(portable.replace(self._places[path], data, self.fsync))
        return self._folders.insist(folder, lambda: self._replace(folder, name, path, data, expect))

    def _replace(
        self, folder: str, name: str, path: str, data: bytes, expect: Expect | Literal[Marker.ANY]
    ) -> str:
        try:
            descriptor = self._folders.open(folder)
        except FileNotFoundError:
            if isinstance(expect, str):
                raise PreconditionFailed(path, expect, ABSENT) from None
            raise
        try:
            found = replace(descriptor, name, path, data, expect, self.fsync)
            self._folders.flush(descriptor, folder)
        finally:
            close(descriptor)
        return etag_of(found)

    def _remove(self, path: str, expect: str | Literal[Marker.ANY]) -> None:
        folder, name = self._locate(path)
        if not RELATIVE:
            portable.remove(self._places[path])
            return
        descriptor = self._folders.open(folder)
        try:
            if not remove(descriptor, name, path, expect):
                raise ObjectNotFound(path)
            self._folders.flush(descriptor, folder)
        finally:
            close(descriptor)

    def _claims(self, expect: object) -> bool:
        can = self.capabilities
        return bool(can.if_absent if check_expect(expect) is ABSENT else can.if_match)
