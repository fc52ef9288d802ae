"""Processes that write until they are killed, and one that looks at what they left."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from persidict_core import PersiDict, check
from persidict_file import FileBackend, FileDirDict
from tests.crashes.steps import Key, Model, Step, after, perform, random_steps, read

SIZES: Final = [10, 10, 5_000, 200_000]
LARGE: Final = 1_200_000
"""So many bytes are streamed; a value in some of the steps."""

COUNTER: Final = ("folder", "counter")
_STEP, _COUNTED = b"s", b"c"
_SECONDS: Final = 60.0


class Orders(NamedTuple):
    """What a writer does: steps with its own keys, and now and then it counts, as others do.

    Attributes:
        root: The folder of the dictionary.
        fsync: Its parameter.
        number: Which writer it is; its keys lie beside those of others.
        seed: Chooses the steps.
        there: Which of its keys are there at first.
        mutant: What is wrong with its way of writing: a key of `MUTANTS`.
    """

    root: str
    fsync: bool
    number: int
    seed: str
    there: list[Key]
    mutant: str = "nothing"

    def own_keys(self) -> list[Key]:
        """The keys of the writer: in the root, in a folder of all, and in one of its own."""
        name = f"w{self.number}"
        beside: list[Key] = [(f"{name}-{n}",) for n in range(3)]
        shared: list[Key] = [("folder", f"{name}-{n}") for n in range(6)]
        return beside + shared + [(name, "own", str(n)) for n in range(3)]


def _in_place() -> None:
    def write_bytes(backend: FileBackend, path: str, data: bytes) -> str:
        place = Path(backend.root, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return backend.stat(path).etag

    FileBackend.write_bytes = write_bytes


MUTANTS: Final = {
    "nothing": lambda: None,
    "in place": _in_place,
    "acknowledged too early": lambda: None,
}


def _steps(orders: Orders) -> Any:
    sizes = SIZES * 5 + [LARGE]
    return random_steps(random.Random(orders.seed), orders.own_keys(), sizes, orders.there)


def write_until_killed() -> None:
    """What a writer does; it says each time when a call has returned."""
    orders: Orders = pickle.load(sys.stdin.buffer)
    MUTANTS[orders.mutant]()
    d: PersiDict[Any] = FileDirDict(orders.root, fsync=orders.fsync)
    chance = random.Random(orders.seed)
    for step in _steps(orders):
        if orders.mutant == "acknowledged too early":
            os.write(1, _STEP)
            perform(d, step)
        else:
            perform(d, step)
            os.write(1, _STEP)
        if chance.random() < 0.2:
            d.transform(COUNTER, lambda count: count + 1)
            os.write(1, _COUNTED)


class Writer:
    """A process that writes; a context manager that ends it.

    Args:
        orders: What it does.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._process = _started("write_until_killed")
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            pickle.dump(orders, stdin)
        self._said = b""

    def __enter__(self) -> Self:
        return self

    def wait_until_it_writes(self) -> None:
        """Wait for the next call to return."""
        assert self._process.stdout is not None
        self._said += os.read(self._process.stdout.fileno(), 1)
        assert self._said, "the writer ended by itself"

    def kill(self) -> None:
        """Kill it."""
        assert self._process.poll() is None, "the writer ended by itself"
        self._process.kill()

    def stop(self) -> None:
        """Stop it, wherever it is, until it is told to go on."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def go_on(self) -> None:
        """Let it go on, and wait for its call to return."""
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._said += self._process.stdout.read() or b""
        os.set_blocking(self._process.stdout.fileno(), True)
        self._process.send_signal(signal.SIGCONT)
        self.wait_until_it_writes()

    def acknowledged(self, before: Model) -> tuple[Model, Step, int]:
        """What was there of the writer's when the last call returned, after it was killed.

        Args:
            before: What was there before the writer began.

        Returns:
            That, the step that may have been under way, and how often it has counted.
        """
        assert self._process.stdout is not None
        self._said += self._process.stdout.read()
        steps = _steps(self._orders)
        for step in islice(steps, self._said.count(_STEP)):
            before = after(before, step)
        return before, next(steps), self._said.count(_COUNTED)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Seen(NamedTuple):
    """What a new process found.

    Attributes:
        values: All values.
        counted: The counter.
        waited: How long the slowest of some writes took, in s: one in each folder.
        debris: How many temporaries were left.
        swept: How many a repair said that it removed.
        left: The names of the temporaries that then remained.
        is_healthy: Whether a survey then found nothing that wants a look.
    """

    values: Model
    counted: int
    waited: float
    debris: int
    swept: int
    left: list[str]
    is_healthy: bool


def look(root: str) -> Seen:
    """Let a new process look at what is there, write in each folder, and repair."""
    with _started("look_and_tell") as process:
        try:
            said, _ = process.communicate(root.encode(), timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise AssertionError("a new process was held up: a lock was left") from error
    seen = pickle.loads(said)
    assert isinstance(seen, Seen)
    return seen


def look_and_tell() -> None:
    """What the new process does."""
    root = sys.stdin.read()
    d: PersiDict[Any] = FileDirDict(root, fsync=False)
    values = read(d)
    debris = temporaries(root)
    waited = 0.0
    for folder in sorted({key[:-1] for key in values} | {()}):
        key = (*folder, "after")
        begin = time.monotonic()
        d[key] = 1
        assert d.transform(key, lambda value: value + 1) == 2
        del d[key]
        waited = max(waited, time.monotonic() - begin)
    d.transform(COUNTER, lambda count: count)
    removed = check(d, repair=True, older_than=0).debris
    assert removed is not None
    left = temporaries(root)
    is_healthy = check(d, values=True, older_than=0).healthy
    counted = values.pop(COUNTER)
    seen = Seen(values, counted, waited, len(debris), removed.total, left, is_healthy)
    sys.stdout.buffer.write(pickle.dumps(seen))


def temporaries(root: str) -> list[str]:
    """The names of all temporaries."""
    return [str(path) for path in Path(root).rglob("+*")]


def _started(function: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", f"from tests.crashes import killed; killed.{function}()"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
