"""Progress on a terminal: how many, how fast, how long still."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

_WIDE: Final = 60
"""In fewer columns there is no room for the bar itself."""

Tell: TypeAlias = Callable[[int, int | None], None]


@contextmanager
def bar(what: str, count: Callable[[], int] | None = None) -> Iterator[Tell | None]:
    """A bar on standard error while a long operation runs; None where no terminal is there.

    Args:
        what: What is being done, in a word.
        count: How many items there will be, where the operation itself does not tell: found out
            beside it.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Count(ProgressColumn):
        """How many of how many, and how many a second."""

        def render(self, task: Task) -> Text:
            total = "" if task.total is None else f"/{task.total:,.0f}"
            speed = task.finished_speed or task.speed
            rate = "" if speed is None else f"  {speed:,.0f}/s"
            return Text(f"{task.completed:,.0f}{total}{rate}")

    console = Console(stderr=True)
    columns: list[ProgressColumn] = [
        TextColumn(what, markup=False),
        BarColumn(None),
        Count(),
        TimeRemainingColumn(True),
    ]
    if console.width < _WIDE:
        del columns[1]
    with Progress(*columns, console=console, expand=True, transient=True) as shown:
        task = shown.add_task(what, total=None)
        total: list[int] = []
        if count is not None:
            counting = threading.Thread(target=lambda: total.append(count()), daemon=True)
            counting.start()

        def tell(done: int, of: int | None) -> None:
            known = of if of is not None else next(iter(total), None)
            shown.update(task, completed=done, total=known and max(known, done))

        yield tell
