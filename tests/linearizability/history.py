"""Histories: what each of many operations saw and left, and between which two moments.

Each who acts writes a file of its own, so that nobody waits for another and a killed process leaves
all that it had begun; the files are merged afterwards. Times are of ``CLOCK_MONOTONIC``, which all
processes of one machine share.

The model is a register for each key. Each value is written once only, so a value names the write it
is of, and an etag is told by the value that was read with it. An operation is then no more than
what it saw and what it left; see `Effect`.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple
from uuid import uuid4

State = str | None
"""What is under a key: a value, or None where there is nothing."""


class Saw(Enum):
    """How the value of an `Effect` limits the states in which it can happen."""

    ANY = "any state"
    THIS = "this state"
    OTHER = "any other state"


class Effect(NamedTuple):
    """What one operation saw under its key, and what it left.

    Attributes:
        saw: How the state is limited by the next.
        state: The state that it saw, or that it did not see.
        changes: Whether it left another state than it found.
        left: That state.
        certain: Whether it took effect at all; False: perhaps.
    """

    saw: Saw
    state: State = None
    changes: bool = False
    left: State = None
    certain: bool = True

    def fits(self, state: State) -> bool:
        """Whether it can happen in a state."""
        return self.saw is Saw.ANY or (self.state == state) is (self.saw is Saw.THIS)

    def __str__(self) -> str:
        said = {
            Saw.ANY: "blindly",
            Saw.THIS: f"saw {self.state}",
            Saw.OTHER: "saw a value" if self.state is None else f"saw not {self.state}",
        }[self.saw]
        return f"{said}, left {self.left}" if self.changes else said


def saw(state: State) -> Effect:
    """A read: of a value, or of nothing."""
    return Effect(Saw.THIS, state)


def saw_not(state: State) -> Effect:
    """A look that found something else: ``saw_not(None)`` found any value."""
    return Effect(Saw.OTHER, state)


def replaced(old: State, new: State) -> Effect:
    """A change of what was seen."""
    return Effect(Saw.THIS, old, True, new)


def removed() -> Effect:
    """A deletion that says that there was something."""
    return Effect(Saw.OTHER, None, True, None)


def wrote(new: State) -> Effect:
    """A change that does not look; None deletes."""
    return Effect(Saw.ANY, None, True, new)


def perhaps(effect: Effect) -> Effect:
    """An effect that took place while it was under way, or never."""
    return effect._replace(certain=False)


Effects = list[tuple[str, Effect]]
"""Effects with their keys; an operation on many keys is one on each."""

NEVER: Final = 1 << 63
"""The end of an operation that did not end."""


class Operation(NamedTuple):
    """One operation on one key.

    Attributes:
        key: The key.
        what: Its name, for messages.
        by: Who did it.
        effect: What it saw and left.
        called: When it was called, in ns.
        returned: When it returned; `NEVER` if it did not.
    """

    key: str
    what: str
    by: str
    effect: Effect
    called: int
    returned: int

    def __str__(self) -> str:
        end = "never" if self.returned == NEVER else f"{self.returned / 1e3:.1f}"
        doubt = "" if self.effect.certain else ", perhaps"
        begin = f"{self.called / 1e3:.1f}"
        return f"{begin} to {end} us: {self.what} by {self.by}: {self.effect}{doubt}"


class Recorder:
    """Writes down what one thread or process does.

    Args:
        folder: Where the files of a history are; it must exist.
        by: Who this is, for messages.
    """

    def __init__(self, folder: Path, by: str) -> None:
        self.by = by
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._file = os.open(folder / f"{by}-{uuid4().hex}", flags, 0o600)

    def do(self, what: str, may: Effects, act: Callable[[], Effects]) -> None:
        """Do something, and write down its effects.

        Args:
            what: Its name.
            may: What it may have changed if it never returns, or raises.
            act: Does it, and gives its effects.
        """
        # Unbuffered: what was begun is known even if this process is killed in the middle.
        self._write((what, may, time.monotonic_ns()))
        called = time.monotonic_ns()
        try:
            effects = act()
        except BaseException:
            self._write(None)
            raise
        returned = time.monotonic_ns()
        self._write((effects, called, returned))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, event: object) -> None:
        os.write(self._file, pickle.dumps(event))


def read_history(folder: Path) -> list[Operation]:
    """All operations of a history.

    Args:
        folder: The folder of its recorders.
    """
    return [operation for path in sorted(folder.iterdir()) for operation in _read(path)]


def _read(path: Path) -> Iterator[Operation]:
    by = path.name.rpartition("-")[0]
    with path.open("rb") as file:
        events = _events(file)
        for what, may, begun in events:
            # A process that was killed did not write any end, one that failed wrote None.
            ended = next(events, None)
            if ended is None:
                for key, effect in may:
                    yield Operation(key, what, by, perhaps(effect), begun, NEVER)
            else:
                effects, called, returned = ended
                for key, effect in effects:
                    yield Operation(key, what, by, effect, called, returned)


def _events(file: BinaryIO) -> Iterator[Any]:
    while True:
        try:
            yield pickle.load(file)
        except EOFError:
            return


def by_key(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """Operations by key, each list in the order of their calls."""
    found: dict[str, list[Operation]] = {}
    for operation in sorted(operations, key=lambda each: each.called):
        found.setdefault(operation.key, []).append(operation)
    return found
