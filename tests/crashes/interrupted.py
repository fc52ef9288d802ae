"""A process that is interrupted again and again in the middle of its calls, and goes on."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import stat
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from persidict_core import PersiDict
from persidict_file import FileDirDict, atomic, groups
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


_MODULES = ("persidict_core", "persidict_file", "contextlib")


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


MUTANTS: dict[str, Callable[[], None]] = {
    "nothing": lambda: None,
    "locks of files are kept until they are closed": _keep_locks_of_files,
}


def main_everywhere() -> None:
    """Be interrupted in each kind of call at each point; what is wrong afterwards is told."""
    root, fsync, mutant = sys.argv[1:]
    _flush_at_once()
    MUTANTS[mutant]()
    d: PersiDict[Any] = FileDirDict(root, fsync=fsync == "True")
    for case in cases():
        number = 1
        while _is_reached(d, case, number):
            number += 1
        print(f"{case.step.verb}: {number} points", file=sys.stderr)


def _is_reached(d: PersiDict[Any], case: Case, number: int) -> bool:
    """Be interrupted at one point; whether the step has so many."""
    d.clear()
    d.update(case.before)
    opened = set(os.listdir("/proc/self/fd"))
    point = Point(number)
    try:
        sys.setprofile(point)
        perform(d, case.step)
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
    where = f"{case.step.verb}, point {number}"
    left = set(os.listdir("/proc/self/fd")) - opened
    for name in filter(is_locked, left):
        print(f"{where}: a lock was left on {os.readlink(f'/proc/self/fd/{name}')}")
    for fault in faults(read(d), case.before, case.step):
        print(f"{where}: {fault}")
    for name in left:
        with contextlib.suppress(OSError):
            os.close(int(name))
    return point.left <= 0


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


def is_locked(descriptor: str) -> bool:
    """Whether a lock was left on what others lock: a folder or a value, but not a temporary."""
    try:
        said = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        place = os.readlink(f"/proc/self/fd/{descriptor}")
    except FileNotFoundError:
        return False
    return "FLOCK" in said and not os.path.basename(place).startswith("+")
