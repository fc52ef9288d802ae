"""How far a long operation has come, told some times a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

Progress: TypeAlias = Callable[[int, int | None], None]
"""What is called, as ``progress(done, total)``, while a long operation runs: with the number of
items dealt with so far, and how many there are, or None where that is not known beforehand. It is
called a few times a second, and once with the final number; what it raises ends the operation."""

_PAUSE: Final = 0.1
"""So many seconds pass at least between two calls, but before the last one."""


class Steps:
    """Counts what is done, and tells of it now and then.

    Args:
        progress: Whom to tell; None: nobody.
        total: How many items there are, where that is known.

    Raises:
        TypeError: If it cannot be called.
    """

    __slots__ = ("_due", "_progress", "_told", "_total", "done")

    def __init__(self, progress: Progress | None, total: int | None = None) -> None:
        if progress is not None and not callable(progress):
            raise TypeError(f"progress is a function of done and total, or None, not {progress!r}")
        self.done = 0
        self._progress = progress
        self._total = total
        self._told: int | None = None
        self._due = time.monotonic() + _PAUSE

    def step(self) -> None:
        """One more is done."""
        self.reach(self.done + 1)

    def reach(self, done: int) -> None:
        """So many are done, and perhaps were before."""
        self.done = done
        if self._progress is not None and self._told != done and time.monotonic() >= self._due:
            self._tell(self._progress)

    def end(self) -> None:
        """All is done: the final number is told, unless it was."""
        if self._progress is not None and self._told != self.done:
            self._tell(self._progress)

    def _tell(self, progress: Progress) -> None:
        self._told = self.done
        progress(self.done, self._total)
        self._due = time.monotonic() + _PAUSE


@contextmanager
def steps(progress: Progress | None, total: int | None = None) -> Iterator[Steps]:
    """`Steps` whose end is told where nothing was raised.

    Args:
        progress: Whom to tell; None: nobody.
        total: How many items there are, where that is known.

    Example:
        >>> with steps(lambda done, total: print(done, "of", total), 2) as counted:
        ...     counted.step()
        ...     counted.step()
        2 of 2
    """
    counted = Steps(progress, total)
    yield counted
    counted.end()
