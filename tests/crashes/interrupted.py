"""A process that is interrupted again and again in the middle of its calls, and goes on."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import stat
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from persidict_core import BaseBackend, ObjectNotFound, PersiDict, bulk
from persidict_core.backend import adapted
from persidict_file import FileBackend, FileDirDict, atomic, groups, locks
from persidict_s3 import S3Backend
from tests.core.five_verbs import FiveVerbs
from tests.crashes.steps import (
    Case,
    Key,
    Model,
    Step,
    after,
    cases,
    faults,
    perform,
    random_steps,
    read,
)

KEYS: list[Key] = [("a",), ("b",), ("f", "a"), ("f", "b"), ("f", "g", "a")]
SIZES = [10, 10, 5_000, 200_000, 1_200_000]
LONGEST = 0.004
"""At most so many seconds after its begin a call is interrupted."""


class Interrupts:
    """A timer whose signal raises KeyboardInterrupt, as Ctrl-C does, but only in calls."""

    def __init__(self) -> None:
        self._wanted = False
        signal.signal(signal.SIGALRM, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._wanted:
            self._wanted = False
            raise KeyboardInterrupt

    def during(self, d: PersiDict[Any], step: Step, seconds: float) -> bool:
        """Do a step and interrupt it after some seconds; whether it was interrupted."""
        try:
            self._wanted = True
            signal.setitimer(signal.ITIMER_REAL, seconds)
            perform(d, step)
            self._wanted = False
        except KeyboardInterrupt:
            return True
        finally:
            self._wanted = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        return False


_MODULES = ("persidict_core", "persidict_file", "persidict_s3", "contextlib", __name__)


class Point:
    """Raises KeyboardInterrupt at one of the points where Python would.

    They are the begin of each function and the return of each that is written in C.

    Args:
        number: Which point it is of those in the modules above.
    """

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        # A class is called by C code, too.
        made = event == "return" and frame.f_code.co_name == "__init__"
        if event not in ("call", "c_return") and not made:
            return
        if not str(frame.f_globals.get("__name__")).startswith(_MODULES):
            return
        self.left -= 1
        if self.left == 0:
            sys.setprofile(None)
            raise KeyboardInterrupt


def _flush_at_once() -> None:
    # In place of a slow function of the system, a quick one.
    os.fsync = os.fstat
    groups._syncfs = lambda: lambda descriptor: 0


def _keep_locks_of_files() -> None:
    unlock = atomic.unlock

    def unlock_folder(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            unlock(descriptor)

    atomic.unlock = unlock_folder


def _in_place() -> None:
    def write_bytes(backend: FileBackend, path: str, data: bytes) -> str:
        place = os.path.join(backend.root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb", buffering=0) as file:
            file.write(data[:-1])
            file.write(data[-1:])
        return backend.stat(path).etag

    FileBackend.write_bytes = write_bytes


def _leave_threads() -> None:
    bulk._Threads._stop = lambda _: None
    bulk._Threads.end = lambda _: None


def _delete_first() -> None:
    write = S3Backend.write_bytes

    def write_bytes(backend: S3Backend, path: str, data: bytes) -> str:
        with contextlib.suppress(ObjectNotFound):
            backend.delete(path)
        return write(backend, path, data)

    S3Backend.write_bytes = write_bytes


MUTANTS: dict[str, Callable[[], None]] = {
    "nothing": lambda: None,
    "locks of files are kept until they are closed": _keep_locks_of_files,
    "files are written in place": _in_place,
    "threads are left alone": _leave_threads,
    "objects go before others come": _delete_first,
}


# What is interrupted at each point.


def _pooled(backend: BaseBackend) -> BaseBackend:
    backend.concurrency = 4
    return backend


STORES: dict[str, Callable[[str], BaseBackend]] = {
    "files": lambda root: FileBackend(root, fsync=False),
    "flushed files": FileBackend,
    "files by threads": lambda root: _pooled(FileBackend(root, fsync=False)),
    "five verbs by threads": lambda _: _pooled(adapted(FiveVerbs())),
    "S3": lambda root: S3Backend("interrupts", os.path.basename(root), conditional_deletes=True),
}


_SEVERAL = ("clear", "get_many", "copied_from", "copied_to")


def _cases(store: str) -> list[Case]:
    """What there is to interrupt; where there are threads, the verbs that use them."""
    each = cases()
    many, new = next((case.before, case.step.items) for case in each if case.step.verb == "update")
    if "threads" in store:
        each = [case for case in each if case.step.verb in ("update", "delete_many")]
    gone = dict.fromkeys(many)
    items = (gone, many, new, many)
    return each + [Case(many, Step(*pair)) for pair in zip(_SEVERAL, items, strict=True)]


def _perform(d: PersiDict[Any], step: Step, other: PersiDict[Any]) -> None:
    if step.verb == "clear":
        d.clear()
    elif step.verb == "get_many":
        for key, value in d.get_many(step.items):
            assert value == step.items[key]
    elif step.verb == "copied_from":
        other.copy_to(d)
    elif step.verb == "copied_to":
        d.copy_to(other)
    else:
        perform(d, step)


def main_everywhere() -> None:
    """Be interrupted in each kind of call at each point; what is wrong afterwards is told.

    Calls for many items have thousands of points, and those of S3 wait for a server: of each of
    them some are chosen.
    """
    store, root, mutant, seed, most = sys.argv[1:]
    chance = random.Random(seed)
    _flush_at_once()
    MUTANTS[mutant]()
    d: PersiDict[Any] = PersiDict(STORES[store](root))
    for case in _cases(store):
        points = range(1, 1 + _interrupted_at(sys.maxsize, d, case).reached)
        some: Sequence[int] = points
        if "threads" in store or store == "S3" or case.step.verb in _SEVERAL:
            some = chance.sample(points, min(len(points), int(most)))
        for number in some:
            for fault in _interrupted_at(number, d, case).wrong:
                print(f"{case.step.verb}, point {number}: {fault}")
                if mutant != "nothing":
                    return
        print(f"{case.step.verb}: {len(some)} of {len(points)} points", file=sys.stderr)


class _Seen(NamedTuple):
    """How many points were reached, and what was wrong afterwards."""

    reached: int
    wrong: list[str]


def _interrupted_at(number: int, d: PersiDict[Any], case: Case) -> _Seen:
    """Be interrupted at one point, or, where there are fewer, not at all."""
    d.clear()
    d.update(case.before)
    other: PersiDict[Any] = PersiDict("memory://")
    if case.step.verb == "copied_from":
        other.update(case.step.items)
    opened = _opened()
    point = Point(number)
    kept = None
    try:
        sys.setprofile(point)
        _perform(d, case.step, other)
    except KeyboardInterrupt as error:
        assert point.left == 0
        kept = error  # As a notebook does, with all that its frames hold.
    finally:
        sys.setprofile(None)
    until = time.monotonic() + 2
    left = _opened() - opened
    # A call that a thread was in the middle of ends a moment later.
    while (left or locks._held) and threading.active_count() > 1 and time.monotonic() < until:
        time.sleep(0.001)
        left = _opened() - opened
    closed = locks._held.keys() - set(map(int, left))
    wrong = [f"descriptor {each} is closed: a fork would close it again" for each in closed]
    for name in filter(is_locked, left):
        wrong.append(f"a lock was left on {os.readlink(f'/proc/self/fd/{name}')}")
    wrong += faults(read(d), case.before, case.step)
    if case.step.verb == "copied_to":
        wrong += faults(read(other), {}, case.step)
    del kept
    # One that does nothing any more may end a moment later.
    until = time.monotonic() + 2
    while threading.active_count() > 1 and time.monotonic() < until:
        time.sleep(0.001)
    if threading.active_count() > 1:
        wrong.append("a thread goes on")
    for descriptor in map(int, _opened() - opened):
        # Connections are kept, to be used again.
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            locks._held.pop(descriptor, None)
            os.close(descriptor)
    return _Seen(number - point.left, wrong)


def _opened() -> set[str]:
    """The descriptors of this process, but for the one by which they are listed."""
    return {
        name for name in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{name}")
    }


def main() -> None:
    """Be interrupted a number of times; what is wrong afterwards is told on standard output."""
    root, seed, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
    chance = random.Random(seed)
    ways: list[PersiDict[Any]] = [FileDirDict(root, fsync=fsync) for fsync in (False, False, True)]
    interrupts, model, done = Interrupts(), Model(), Counter[str]()
    opened = len(os.listdir("/proc/self/fd"))
    while done.total() < wanted:
        for step in random_steps(chance, KEYS, SIZES, model):
            d = chance.choice(ways)
            interrupted = interrupts.during(d, step, chance.uniform(1e-5, LONGEST) ** 2 / LONGEST)
            if not interrupted:
                model = after(model, step)
                continue
            done[step.verb] += 1
            found = read(d)
            for fault in faults(found, model, step):
                print(f"{step.verb}: {fault}")
            model = found
            break
    left = os.listdir("/proc/self/fd")
    print(f"{dict(done)}; descriptors {opened}, then {len(left)}", file=sys.stderr)
    for name in filter(is_locked, left):
        print(f"a lock was left on {os.readlink(f'/proc/self/fd/{name}')}")


def main_by_threads() -> None:
    """Be interrupted while threads write many; nothing of it is written after the call."""
    root, seed, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
    chance = random.Random(seed)
    d: PersiDict[Any] = PersiDict(STORES["files by threads"](root))
    interrupts, model, done = Interrupts(), Model(), 0
    while done < wanted:
        step = Step("update", {("f", str(n)): chance.randbytes(10) for n in range(30)})
        if not interrupts.during(d, step, chance.uniform(0, 1.5 * LONGEST)):
            model = after(model, step)
            continue
        done += 1
        found = read(d)
        if threading.active_count() > 1:
            time.sleep(0.02)
        for fault in faults(found, model, step):
            print(fault)
        model = read(d)
        if model != found:
            print("a value was written after the call")


def is_locked(descriptor: str) -> bool:
    """Whether a lock was left on what others lock: a folder or a value, but not a temporary."""
    try:
        said = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        place = os.readlink(f"/proc/self/fd/{descriptor}")
    except FileNotFoundError:
        return False
    return "FLOCK" in said and not os.path.basename(place).startswith("+")
