"""Races between processes, and the guards of the atomic write taken out of those who race.

A task begins ``task(backend, index, mutant, ...)`` and runs in a process of its own, where the
mutant is applied once; so the test's own process keeps its guards.
"""

from __future__ import annotations

import os
import resource
import stat
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from persidict_core import ABSENT, ANY, BackendError, ObjectNotFound, PreconditionFailed
from persidict_core.testing.racing import ProcessTeam
from persidict_file import FileBackend, atomic, backend as backend_module

PATH = "folder/raced"
PLAIN = b"plain"
WORKERS = 6


# The guards, taken out one at a time.


def _is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


@contextmanager
def _no_folder_lock() -> Any:
    lock = atomic.lock
    atomic.lock = lambda descriptor: _is_folder(descriptor) or lock(descriptor)
    try:
        yield
    finally:
        atomic.lock = lock


def _unlocked_if(is_unlocked: Callable[[object], bool]) -> None:
    replace, remove = backend_module.replace, backend_module.remove

    def replace_unlocked(folder: int, name: str, path: str, data: bytes, *rest: Any) -> Any:
        if not is_unlocked(rest[0]):
            return replace(folder, name, path, data, *rest)
        with _no_folder_lock():
            return replace(folder, name, path, data, *rest)

    def remove_unlocked(folder: int, name: str, path: str, expect: Any) -> Any:
        if not is_unlocked(expect):
            return remove(folder, name, path, expect)
        with _no_folder_lock():
            return remove(folder, name, path, expect)

    backend_module.replace, backend_module.remove = replace_unlocked, remove_unlocked


def unlock_conditional() -> None:
    """Conditional writes and deletes look and act without the folder's lock."""
    _unlocked_if(lambda expect: expect is not ANY)


def unlock_plain() -> None:
    """Plain writes and deletes act without the folder's lock."""
    _unlocked_if(lambda expect: expect is ANY)


def kernel_time() -> None:
    """Files keep the time that the kernel gave them."""

    def look(folder: int, temporary: str, old: object, descriptor: object) -> os.stat_result:
        return os.stat(temporary, dir_fd=folder, follow_symlinks=False)

    atomic.stamp = look


def no_locks() -> None:
    """The file system has no working flock; this alone takes no promise from ``ABSENT``."""
    atomic.lock = lambda descriptor: False


def rename_absent() -> None:
    """There are no locks, and what must be absent is made by ``rename``."""
    no_locks()

    def rename(folder: int, temporary: str, name: str, path: str) -> None:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    atomic._link = rename


def nothing() -> None:
    """All guards stand."""


MUTANTS = {
    mutant.__name__: mutant
    for mutant in (nothing, unlock_conditional, unlock_plain, kernel_time, no_locks, rename_absent)
}
_applied: set[str] = set()


# What they race in; each gives None if all was right, or what was wrong.


def _act(mutant: str, act: Callable[[], object]) -> bool:
    if mutant not in _applied:
        MUTANTS[mutant]()
        _applied.add(mutant)
    try:
        act()
    except (PreconditionFailed, ObjectNotFound):
        return False
    return True


def write_if_or(backend: FileBackend, index: int, mutant: str, plain: str, etag: str) -> bool:
    if index:
        return _act(mutant, lambda: backend.write_if(PATH, b"%d" % index, etag))
    if plain == "delete":
        return _act(mutant, lambda: backend.delete(PATH))
    return _act(mutant, lambda: backend.write_bytes(PATH, PLAIN))


def delete_if_or_write(backend: FileBackend, index: int, mutant: str, etag: str) -> bool:
    if index:
        return _act(mutant, lambda: backend.delete_if(PATH, etag))
    return _act(mutant, lambda: backend.write_bytes(PATH, PLAIN))


def create(backend: FileBackend, index: int, mutant: str) -> bool:
    return _act(mutant, lambda: backend.write_if(PATH, b"%d" % index, ABSENT))


def write_and_delete(backend: FileBackend, index: int, mutant: str, times: int) -> list[str]:
    etags: list[str] = []
    path = f"{PATH}{index}"

    def write() -> None:
        for _ in range(times):
            etags.append(backend.write_bytes(path, b"same"))
            backend.delete(path)

    MUTANTS[mutant]()
    write()
    return etags


def plain_writer_is_found(team: ProcessTeam, backend: FileBackend, mutant: str) -> str | None:
    etag = backend.write_bytes(PATH, b"first")
    team.run(write_if_or, mutant, "write", etag)
    found = backend.read_bytes(PATH)
    return None if found == PLAIN else f"the plain writer's bytes were replaced by {found!r}"


def plain_deleter_is_found(team: ProcessTeam, backend: FileBackend, mutant: str) -> str | None:
    etag = backend.write_bytes(PATH, b"first")
    team.run(write_if_or, mutant, "delete", etag)
    return "what was deleted is back" if backend.exists(PATH) else None


def writer_is_not_deleted(team: ProcessTeam, backend: FileBackend, mutant: str) -> str | None:
    etag = backend.write_bytes(PATH, b"first")
    team.run(delete_if_or_write, mutant, etag)
    return None if backend.exists(PATH) else "a version that nobody expected was deleted"


def one_creates(team: ProcessTeam, backend: FileBackend, mutant: str) -> str | None:
    if backend.exists(PATH):
        backend.delete(PATH)
    winners = [index for index, won in enumerate(team.run(create, mutant)) if won]
    if len(winners) != 1:
        return f"{len(winners)} created one object"
    found = backend.read_bytes(PATH)
    return None if found == b"%d" % winners[0] else f"{winners} won, but {found!r} is there"


def etags_differ(team: ProcessTeam, backend: FileBackend, mutant: str) -> str | None:
    for etags in team.run(write_and_delete, mutant, 50):
        if len(set(etags)) < len(etags):
            return f"{len(etags)} writes, {len(set(etags))} etags"
    return None


# Folders that vanish.


def write_or_remove_folders(backend: FileBackend, index: int, times: int) -> int:
    """Each writes in a folder of its own; the last removes folders wherever they are empty."""
    if index == WORKERS - 1:
        return _remove_folders(backend)
    for number in range(times):
        path = f"x{index}/y/{number % 2}"
        data = b"%d" % number
        if number % 4 == 0:
            backend.write_if(path, data, ABSENT)
        elif number % 4 == 1:
            backend.write_bytes(path, data)
        elif number % 4 == 2:
            with backend.write_file(path) as file:
                file.write(data)
        else:
            # More than are flushed one by one.
            for written, etag in backend.write_many([(f"{path}-{n}", data) for n in range(10)]):
                assert isinstance(etag, str), etag
                if not written.endswith("-0"):
                    backend.delete(written)
            path += "-0"
        assert backend.read_bytes(path) == data, "what was acknowledged is lost"
        backend.delete(path)
    backend.write_bytes(f"done/{index}", b"")
    return 0


def _remove_folders(backend: FileBackend) -> int:
    removed = 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for index in range(WORKERS - 1):
            for folder in (f"x{index}/y", f"x{index}"):
                try:
                    os.rmdir(os.path.join(backend.root, folder))
                except OSError:
                    continue
                removed += 1
        time.sleep(0.001)
        if len(list(backend.list_prefix("done/"))) == WORKERS - 1:
            return removed
    raise AssertionError("the writers did not finish")


# Limits, which a process sets for itself.


def write_many_with_few_descriptors(backend: FileBackend, index: int, many: int) -> int:
    """Write into many folders with few descriptors to spare; the number of those written."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    items = ((f"{number % 300}/{number}", b"x") for number in range(many))
    return sum(isinstance(result, str) for _, result in backend.write_many(items))


def write_beyond_the_size_limit(backend: FileBackend, index: int) -> list[str]:
    """What each way of writing says when files may have 1,000 bytes at most."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    return [str(error) for error in every_write(backend, b"n" * 1001)]


def use_as_a_stranger(backend: FileBackend, index: int) -> list[str]:
    """What each verb says to a user who may not do it."""
    os.seteuid(65534)
    try:
        said = [str(error) for error in every_write(backend, b"new")]
        for read in (backend.read_bytes, backend.stat, backend.exists, backend.delete):
            said.append(str(_error_of(lambda read=read: read(PATH))))
        said.append(str(_error_of(lambda: list(backend.list_prefix()))))
        return said
    finally:
        os.seteuid(0)


def every_write(backend: FileBackend, data: bytes) -> list[Exception]:
    """The errors of all ways to write one object; each must fail."""

    def stream() -> None:
        with backend.write_file(PATH) as file:
            for start in range(0, len(data), 1 << 16):
                file.write(data[start : start + (1 << 16)])

    def many(count: int) -> None:
        for _, result in backend.write_many([(PATH, data)] * count):
            if isinstance(result, Exception):
                raise result

    return [
        _error_of(lambda: backend.write_bytes(PATH, data)),
        _error_of(stream),
        _error_of(lambda: many(1)),
        _error_of(lambda: many(10)),
    ]


def _error_of(act: Callable[[], object]) -> Exception:
    try:
        act()
    except BackendError as error:
        return error
    raise AssertionError("it was done")


def fork_in_the_middle(backend: FileBackend, index: int) -> bool:
    """Whether writes go on while a child lives that was forked under the locks of one."""
    children: list[int] = []
    end, held = os.pipe()
    rename = os.rename

    def fork_then_rename(*arguments: Any, **named: Any) -> None:
        child = os.fork()
        if child == 0:
            os.close(held)
            # The child lives until the parent has written on, or has died.
            os.read(end, 1)
            os._exit(0)
        children.append(child)
        rename(*arguments, **named)

    os.rename = fork_then_rename
    etag = backend.write_if(PATH, b"1", backend.stat(PATH).etag)
    os.rename = rename
    deadlock = threading.Timer(20, os._exit, (1,))
    deadlock.start()
    etag = backend.write_if(PATH, b"2", etag)
    backend.delete_if(PATH, etag)
    deadlock.cancel()
    was_alive = os.waitpid(children[0], os.WNOHANG) == (0, 0)
    os.close(held)
    os.waitpid(children[0], 0)
    return was_alive
