"""Trying again what lost a race, with waits that let others finish.

Where many want one item, it is soonest done if few of them try at a time. So the waits are random,
grow, and are the longer, the longer an attempt takes: what is short beside an attempt spreads
nobody, and whoever is slower than all others would lose for ever (exponential backoff with full
jitter, as for Ethernet; Metcalfe and Boggs 1976).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Final

ATTEMPTS: Final = 300
"""How often an atomic change is tried again when others were faster."""

_SHORTEST: Final = 0.001
_LONGEST: Final = 2.0
_DOUBLINGS: Final = 3


def attempts(eager: bool = False) -> Iterator[int]:
    """The numbers of all attempts, with a wait before each but the first.

    Args:
        eager: Whether there is no wait before the second either: for those who hardly ever lose
            twice.

    Example:
        >>> for attempt in attempts():
        ...     if attempt == 2:
        ...         break  # It was done.
    """
    quickest = _LONGEST
    for number in range(ATTEMPTS):
        begun = time.perf_counter()
        yield number
        quickest = min(quickest, time.perf_counter() - begun)
        if number or not eager:
            longest = max(_SHORTEST, quickest) * 2 ** min(number + 1 - eager, _DOUBLINGS)
            time.sleep(_chance() * min(longest, _LONGEST))


def _chance() -> float:
    """A random number from 0 to 1.

    Nothing is imported for it: a child that is forked while a thread imports waits for ever.
    """
    return int.from_bytes(os.urandom(4)) / 0xFFFFFFFF
