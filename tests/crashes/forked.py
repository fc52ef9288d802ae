"""Processes that fork, in the middle of what they do."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from persidict_core import ABSENT, BackendError, PersiDict
from persidict_file import FileBackend, FileDirDict, atomic, locks

PATH = "folder/value"
THREADS, CHILDREN, TIMES = 3, 30, 10


# A process that is killed while a child of it lives, which was forked under its locks.


def _plain(backend: FileBackend) -> None:
    backend.write_bytes(PATH, b"new")


def _conditional(backend: FileBackend) -> None:
    backend.write_if(PATH, b"new", backend.stat(PATH).etag)


def _create(backend: FileBackend) -> None:
    backend.write_if("folder/created", b"new", ABSENT)


def _streamed(backend: FileBackend) -> None:
    with backend.write_file(PATH) as file:
        file.write(b"new")


def _many(backend: FileBackend) -> None:
    list(backend.write_many([(PATH, b"new"), ("folder/other", b"new")]))


def _delete(backend: FileBackend) -> None:
    backend.delete(PATH)


def _delete_if(backend: FileBackend) -> None:
    backend.delete_if(PATH, backend.stat(PATH).etag)


WAYS: dict[str, Callable[[FileBackend], None]] = {
    way.__name__.lstrip("_"): way
    for way in (_plain, _conditional, _create, _streamed, _many, _delete, _delete_if)
}


def _locks_live_on() -> None:
    # What was registered is the function itself, whatever its name leads to.
    locks._let_go.__code__ = (lambda: None).__code__


MUTANTS: dict[str, Callable[[], None]] = {"nothing": lambda: None, "let go": _locks_live_on}


def fork_and_be_killed() -> None:
    """Begin a write, fork while the folder is locked, and be killed; the child lives on.

    The child tells which folders and values it has open, and what is locked.
    """
    root, way, mutant = sys.argv[1:]
    MUTANTS[mutant]()
    backend = FileBackend(root)
    look = atomic.look

    def fork_under_locks(folder: int, name: str) -> Any:
        if not _is_locked(folder):
            return look(folder, name)
        # In a program that starts processes while it writes, another thread forks, and a third may
        # wait for the lock meanwhile, with a temporary that is locked, too.
        held = len(locks._held)
        threading.Thread(target=_plain, args=(backend,)).start()
        while len(locks._held) < held + 2:
            time.sleep(0.001)
        forking = threading.Thread(target=_fork_child, args=(root,))
        forking.start()
        forking.join()
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    atomic.look = fork_under_locks
    WAYS[way](backend)


def _fork_child(root: str) -> None:
    told, tell = os.pipe()
    if os.fork() == 0:
        for name in map(int, os.listdir("/proc/self/fd")):
            with suppress(FileNotFoundError):  # The listing's own.
                place = os.readlink(f"/proc/self/fd/{name}")
                is_lockable = not os.path.basename(place).startswith("+") or _is_locked(name)
                if place.startswith(root) and is_lockable:
                    os.write(1, f"{place}\n".encode())
        # Standard output shall end with the parent; standard input tells when to end.
        os.close(1)
        os.write(tell, b".")
        os.read(0, 1)
        os._exit(0)
    os.read(told, 1)


def _is_locked(descriptor: int) -> bool:
    with open(f"/proc/self/fdinfo/{descriptor}") as file:
        return "FLOCK" in file.read()


# Threads that write while another forks; parents and children use one dictionary.


def fork_while_threads_write() -> None:
    """Fork children that write, while threads do; what is wrong is told on standard output."""
    d: PersiDict[Any] = FileDirDict(sys.argv[1], fsync=False)
    d["counter"] = 0
    ended = threading.Event()

    def write(number: int) -> None:
        while not ended.is_set():
            d["shared", str(number)] = number
            d.update({("shared", f"{number}-{n}"): n for n in range(3)})
            assert d["shared", str(number)] == number

    threads = [threading.Thread(target=write, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    children = []
    for _ in range(CHILDREN):
        child = os.fork()
        if child == 0:
            try:
                use(d)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    ended.set()
    for thread in threads:
        thread.join()
    if any(codes):
        print(f"children ended with {codes}")
    if d["counter"] != CHILDREN * TIMES:
        print(f"counted {d['counter']}, not {CHILDREN * TIMES}")


def use(d: PersiDict[Any]) -> None:
    """Use a dictionary that came from another process, in every way of writing."""
    mine = str(os.getpid())
    for number in range(TIMES):
        d["mine", mine] = number
        assert d["mine", mine] == number
        d.transform("counter", lambda count: count + 1)
        d.update({("mine", f"{mine}-{n}"): n for n in range(3)})
        assert d.pop(("mine", mine)) == number


def start_processes() -> None:
    """Let processes that are started in one of Python's ways use a dictionary."""
    root, way = sys.argv[1:]
    d: PersiDict[Any] = FileDirDict(root, fsync=False)
    d["counter"] = 0
    context = multiprocessing.get_context(way)
    processes = [context.Process(target=use, args=(d,)) for _ in range(THREADS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        if process.exitcode != 0:
            print(f"{process} has not ended well")
    if d["counter"] != THREADS * TIMES:
        print(f"counted {d['counter']}, not {THREADS * TIMES}")


def fork_in_a_stream() -> None:
    """Fork while a value is streamed; the child leaves the block, in the given way."""
    root, way = sys.argv[1:]
    backend = FileBackend(root)
    child = 0
    try:
        with suppress(SystemExit), backend.write_file(PATH) as file:
            file.write(b"first, ")
            file.flush()
            child = os.fork()
            if child == 0 and way == "exits":
                sys.exit()
            if child:
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                file.write(b"second")
    except BackendError as error:
        # It may not finish what it did not begin.
        os._exit(0 if "process that began it" in str(error) else 1)
    if child:
        print(code, backend.read_bytes(PATH).decode(), end="")
    else:
        os._exit(0 if way == "exits" else 1)
