"""Pauses between lines: what lies between a look and an act gets time to go wrong.

A race in a few microseconds seldom happens by itself, least of all in threads, which take turns.
So some who race pause for a moment before random lines of the code under test.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, TypeVar

R = TypeVar("R")

_ONE_LINE_IN: Final = 8
_SECONDS: Final = 1e-5


def packages_of(subject: object) -> frozenset[str]:
    """The top-level packages whose lines are under test: the subject's, and the core."""
    kinds = [*type(subject).__mro__, *type(getattr(subject, "backend", None)).__mro__]
    return frozenset({kind.__module__.partition(".")[0] for kind in kinds} - {"builtins"})


def unsteadily(packages: frozenset[str], act: Callable[[], R]) -> R:
    """Call a function, every other time with pauses before random lines of some packages.

    Args:
        packages: The names of top-level packages.
        act: The function.
    """
    if random.random() < 0.5:
        return act()

    def pause(frame: FrameType, event: str, argument: object) -> Any:
        if event == "line" and random.random() * _ONE_LINE_IN < 1:
            time.sleep(_SECONDS)
        return pause

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        name = frame.f_globals.get("__name__", "")
        return pause if name.partition(".")[0] in packages else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return act()
    finally:
        sys.settrace(before)
