"""Many writes that become durable together: one flush for all of them, then their names.

All temporaries are written, one ``syncfs`` (or, of a few, an ``fsync`` each) makes them durable,
and then each folder is locked once, its files get their names, and it is flushed once. Neither
files nor folders stay open from one step to the next, however many there are, but for one folder of
each file system.

Sources: ``syncfs(2)``; it reports what could not be written since Linux 5.8, and that once to each
opening that was there when it happened.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Final, Literal, TypeVar

from persidict_core import ABSENT, Expect, Marker

from .atomic import Temporary, look, place
from .filesystems import is_overlay
from .folders import Folders
from .locks import close, lock, unlock
from .versions import check, etag_of

T = TypeVar("T")

MOST_ITEMS: Final = 1000
MOST_BYTES: Final = 64 << 20

_FEW: Final = 8
"""So many files are flushed sooner one by one than by flushing all of their file system."""


class Write:
    """One write of a group.

    Args:
        path: The relative path.
        data: The bytes.

    Attributes:
        result: The etag, or what went wrong; None until that is known.
        name: The last part of the path.
        temporary: The name of the temporary file, while there is one.
    """

    __slots__ = ("data", "name", "path", "result", "temporary")

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.result: str | Exception | None = None
        self.name = ""
        self.temporary = ""


def grouped(items: Iterable[T], bytes_of: Callable[[T], int] = lambda _: 0) -> Iterator[list[T]]:
    """Take items lazily, a bounded number of them and of their bytes at a time.

    An exception of the iterable itself is raised after what came before it was given.
    """
    group: list[T] = []
    size = 0
    failure: Exception | None = None
    source = iter(items)
    while True:
        try:
            item = next(source)
            size += bytes_of(item)
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        group.append(item)
        if len(group) == MOST_ITEMS or size >= MOST_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
    if failure is not None:
        raise failure


class Group:
    """A way to write many files of one store that become durable together.

    Args:
        folders: The folders of the store.
        locate: Gives the absolute path of a relative one, or raises.
        write: Writes one item by itself and gives its etag; for those whose folder or temporary
            vanished meanwhile.
        expect: `ANY`, `ABSENT` or an etag.
    """

    def __init__(
        self,
        folders: Folders,
        locate: Callable[[str], str],
        write: Callable[[str, bytes], str],
        expect: Expect | Literal[Marker.ANY],
    ) -> None:
        self._folders = folders
        self._locate = locate
        self._write = write
        self._expect = expect

    def run(self, writes: list[Write]) -> None:
        """Make all writes; each gets its result, an etag or an exception."""
        by_folder: dict[str, list[Write]] = {}
        for write in writes:
            try:
                folder, _, write.name = self._locate(write.path).rpartition("/")
            except Exception as error:
                write.result = error
            else:
                by_folder.setdefault(folder or "/", []).append(write)
        syncfs = _syncfs() if len(writes) > _FEW else None
        flusher = None if syncfs is None else _Flusher(syncfs, self._folders.overlays)
        try:
            for folder, some in by_folder.items():
                self._in(folder, some, partial(self._prepare, writes=some, flusher=flusher))
            if flusher is not None:
                for folder, some in by_folder.items():
                    self._in(folder, some, flusher.flush)
            for folder, some in by_folder.items():
                self._in(folder, some, partial(self._place, writes=some, folder=folder))
        finally:
            if flusher is not None:
                flusher.close()
            self._clear(by_folder)
        for write in writes:
            if write.result is None:
                try:
                    write.result = self._write(write.path, write.data)
                except Exception as error:
                    write.result = error

    def _prepare(self, descriptor: int, writes: list[Write], flusher: _Flusher | None) -> None:
        fsync = flusher is None or not flusher.watch(descriptor)
        for write in writes:
            try:
                if self._expect is ABSENT:
                    check(write.path, ABSENT, look(descriptor, write.name))
                _write_temporary(descriptor, write, fsync)
            except FileNotFoundError:
                continue
            except Exception as error:
                write.result = error

    def _place(self, descriptor: int, writes: list[Write], folder: str) -> None:
        locked = lock(descriptor)
        try:
            for write in writes:
                if write.result is None and write.temporary:
                    self._place_one(descriptor, write, locked)
        finally:
            if locked:
                unlock(descriptor)
        self._folders.flush(descriptor, folder)

    def _place_one(self, descriptor: int, write: Write, locked: bool) -> None:
        try:
            found = place(descriptor, write.temporary, write.name, write.path, self._expect, locked)
        except FileNotFoundError:
            return
        except Exception as error:
            write.result = error
            return
        if self._expect is not ABSENT:
            write.temporary = ""
        write.result = etag_of(found)

    def _in(self, folder: str, writes: list[Write], act: Callable[[int], None]) -> None:
        """Do something with a folder's descriptor; what fails for it fails for all its writes."""
        try:
            descriptor = self._folders.insist(folder, lambda: self._folders.open(folder))
            try:
                act(descriptor)
            finally:
                close(descriptor)
        except FileNotFoundError:
            # It vanished again: each of its writes is made by itself afterwards.
            return
        except OSError as error:
            for write in writes:
                if not isinstance(write.result, Exception):
                    write.result = error

    def _clear(self, by_folder: dict[str, list[Write]]) -> None:
        """Remove what is left; what cannot be removed is left to be swept."""
        for folder, writes in by_folder.items():
            left = [write for write in writes if write.temporary]
            if not left:
                continue
            # Each write has its result, whatever becomes of its temporary: a sweep removes it.
            with contextlib.suppress(OSError):
                descriptor = self._folders.open(folder)
                try:
                    for write in left:
                        with contextlib.suppress(OSError):
                            os.unlink(write.temporary, dir_fd=descriptor)
                        write.temporary = ""
                finally:
                    close(descriptor)


def _write_temporary(folder: int, write: Write, fsync: bool) -> None:
    temporary = Temporary(folder)
    # Known before it is closed: what fails to be closed is to be cleared, too.
    write.temporary = temporary.name
    try:
        temporary.write(write.data)
        if fsync:
            os.fsync(temporary.descriptor)
        temporary.keep()
    finally:
        temporary.close()


class _Flusher:
    """Flushes the file systems of some folders, each once.

    Args:
        syncfs: See `_syncfs`.
        overlays: What is known of each device, and what is added.
    """

    def __init__(self, syncfs: Callable[[int], int], overlays: dict[int, bool]) -> None:
        self._syncfs = syncfs
        self._overlays = overlays
        self._watched: dict[int, int | None] = {}
        self._found: dict[int, int] = {}

    def watch(self, folder: int) -> bool:
        """Answer for what is written from now on below an open folder.

        Returns:
            Whether a flush will tell what could not be written.
        """
        device = os.fstat(folder).st_dev
        if device not in self._overlays:
            self._overlays[device] = is_overlay(device)
        if device not in self._watched:
            self._watched[device] = None if self._overlays[device] else os.dup(folder)
        return self._watched[device] is not None

    def flush(self, folder: int) -> None:
        """Flush the file system of an open folder, if it is watched.

        Raises:
            OSError: Something could not be written.
        """
        device = os.fstat(folder).st_dev
        watched = self._watched.get(device)
        if watched is None:
            return
        if device not in self._found:
            self._found[device] = self._syncfs(watched)
        if self._found[device]:
            raise OSError(self._found[device], os.strerror(self._found[device]))

    def close(self) -> None:
        """Watch no more."""
        for watched in self._watched.values():
            if watched is not None:
                os.close(watched)


_looking: Final[set[int]] = set()
"""The process that is looking for ``syncfs``."""


@cache
def _syncfs() -> Callable[[int], int] | None:
    """``syncfs``, which gives the number of the error that it meets, or 0.

    None where the system has none that tells of all errors.
    """
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if release is None or tuple(map(int, release.groups())) < (5, 8):
        return None
    if _looking - {os.getpid()}:
        # A thread that did not come along when this process was forked was importing, and the same
        # import would wait for it for ever.
        return None
    _looking.add(os.getpid())
    try:
        import ctypes

        function = ctypes.CDLL(None, use_errno=True).syncfs
    except (ImportError, AttributeError, OSError, TypeError):
        return None
    finally:
        _looking.clear()
    return lambda descriptor: ctypes.get_errno() if function(descriptor) else 0
