"""How long a race goes on: as many turns as are wanted, or until its time is up.

A store far away takes a thousand times as long for a turn as memory does. So who examines one gives
each race some seconds; without that, all turns are taken.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_FEWEST: Final = 3


class Pace:
    """What the races inside a `paced` may take, and have taken.

    Args:
        seconds: How long each race may go on, in seconds; it takes three turns all the same.

    Attributes:
        raced: How many times teams have raced, by what they are of.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.raced: Counter[str] = Counter()


_pace: ContextVar[Pace | None] = ContextVar("pace", default=None)


@contextmanager
def paced(seconds: float) -> Iterator[Pace]:
    """Let each race go on for some seconds only, while this lasts.

    Args:
        seconds: How long.

    Example:
        >>> with paced(0.0):
        ...     print(list(turns(100)))
        [0, 1, 2]
    """
    pace = Pace(seconds)
    before = _pace.set(pace)
    try:
        yield pace
    finally:
        _pace.reset(before)


def turns(count: int) -> Iterator[int]:
    """Number the turns of a race, from 0.

    Args:
        count: How many are wanted.

    Example:
        >>> list(turns(2))
        [0, 1]
    """
    pace = _pace.get()
    begun = time.monotonic()
    for turn in range(count):
        late = pace is not None and time.monotonic() - begun >= pace.seconds
        if late and turn >= _FEWEST:
            return
        yield turn


def note_race(kind: str) -> None:
    """Count one race of a team.

    Args:
        kind: What it is of, as "threads".
    """
    pace = _pace.get()
    if pace is not None:
        pace.raced[kind] += 1
