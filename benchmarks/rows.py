"""What the measurements hand to each other: one row a figure, as JSON."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass
class Row:
    """One figure.

    Attributes:
        operation: What was done; the goals are listed under the same name.
        contender: Which store did it.
        count: How many items the store held.
        figure: What the goal is about; see `ratio_row` for what is a ratio to a yardstick.
        median: The median of that figure over the passes.
        own: What the contender took, in microseconds for one item or in the figure's own unit.
        base: What the yardstick took.
    """

    operation: str
    contender: str
    count: int
    figure: float
    median: float
    own: float
    base: float


Pass = list[tuple[float, float]]
"""The seconds of yardstick and contender, for each chunk of the work."""


def ratio_row(operation: str, contender: str, count: int, passes: list[Pass], done: int) -> Row:
    """The row of passes that were timed in turn.

    Each time is the sum of each chunk's quickest pass: other processes' work only ever adds.

    Args:
        operation: What was done.
        contender: Which store did it.
        count: How many items the store held.
        passes: The passes, all over the same chunks.
        done: How many items one pass treats.
    """
    quickest = [
        tuple(min(times) for times in zip(*chunk, strict=True))
        for chunk in zip(*passes, strict=True)
    ]
    base, own = (sum(times) for times in zip(*quickest, strict=True))
    totals = [[sum(times) for times in zip(*one, strict=True)] for one in passes]
    median = statistics.median(theirs / bare for bare, theirs in totals)
    micros = 1e6 / done
    return Row(operation, contender, count, own / base, median, own * micros, base * micros)


def hand_over(rows: Iterable[Row]) -> None:
    """Print the rows for the process that asked for them."""
    json.dump([asdict(row) for row in rows], sys.stdout)


def take_over(text: str) -> list[Row]:
    """The rows that a process printed."""
    return [Row(**row) for row in json.loads(text)]
