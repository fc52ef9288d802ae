"""Instruments for tests: count what is asked of a backend, let it fail, let it be slow."""

from __future__ import annotations

import os
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from ..backend import Backend
from .base import GROUND
from .observing import ObservingLayer


class _Tally:
    """How often each verb was called, by however many threads."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lock = Lock()
        _tallies.add(self)

    def add(self, verb: str) -> int:
        """Count a call, and give its number, from 1."""
        with self.lock:
            self.counts[verb] += 1
            return self.counts[verb]


_tallies: Final[weakref.WeakSet[_Tally]] = weakref.WeakSet()


def _renew_after_fork() -> None:
    for tally in _tallies:
        tally.lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


class CountingBackend(ObservingLayer):
    """Counts the calls of the wrapped backend, by verb.

    A pickled copy, or a child of a fork, counts its own.

    Args:
        wrapped: The backend below.

    Attributes:
        counts: The calls by verb; ``counts.clear()`` begins anew.

    Example:
        >>> from persidict_core import MemoryBackend, PersiDict
        >>> counted = CountingBackend(MemoryBackend())
        >>> d = PersiDict(counted)
        >>> d["a"] = 1
        >>> d["a"], "a" in d
        (1, True)
        >>> dict(counted.counts)
        {'write_bytes': 1, 'read_bytes': 1, 'exists': 1}
    """

    def __init__(self, wrapped: Backend) -> None:
        super().__init__(wrapped)
        self._tally = _Tally()
        self.counts = self._tally.counts

    def before(self, verb: str, path: str) -> None:
        self._tally.add(verb)


class FailingBackend(ObservingLayer):
    """Lets some calls fail before they reach the wrapped backend.

    Args:
        wrapped: The backend below.
        failures: For each verb that fails what makes its error of the path: a class of errors, or
            a function.
        after: How many calls of a failing verb go well first.
        times: How many fail then, before it goes well again; None: all.

    Raises:
        ValueError: If there is no such verb, or a number is negative.

    Example:
        >>> from persidict_core import BackendError, MemoryBackend
        >>> store = FailingBackend(MemoryBackend(), {"write_bytes": BackendError}, times=1)
        >>> for path, result in store.write_many([("a", b"1"), ("b", b"2")]):
        ...     print(path, isinstance(result, BackendError))
        a True
        b False
    """

    def __init__(
        self,
        wrapped: Backend,
        failures: Mapping[str, Callable[[str], Exception]],
        *,
        after: int = 0,
        times: int | None = None,
    ) -> None:
        super().__init__(wrapped)
        for verb in failures:
            if verb not in GROUND:
                raise ValueError(f"backends have no verb {verb!r} (known: {', '.join(GROUND)})")
        if after < 0 or (times is not None and times < 0):
            raise ValueError(f"after and times are numbers of calls, not {after} and {times}")
        self.failures = failures
        self.after = after
        self.times = times
        self._tally = _Tally()

    def before(self, verb: str, path: str) -> None:
        if verb not in self.failures:
            return
        number = self._tally.add(verb)
        if number > self.after and (self.times is None or number <= self.after + self.times):
            raise self.failures[verb](path)


class LatencyBackend(ObservingLayer):
    """Waits before each call of the wrapped backend, as a store far away makes one wait.

    Args:
        wrapped: The backend below.
        seconds: How long, in seconds.

    Raises:
        ValueError: If that is negative.

    Example:
        >>> import time
        >>> from persidict_core import MemoryBackend
        >>> far = LatencyBackend(MemoryBackend(), 0.01)
        >>> begun = time.perf_counter()
        >>> etag = far.write_bytes("a", b"hello")
        >>> time.perf_counter() - begun >= 0.01
        True
    """

    def __init__(self, wrapped: Backend, seconds: float) -> None:
        super().__init__(wrapped)
        if seconds < 0:
            raise ValueError(f"seconds are not negative: {seconds}")
        self.seconds = seconds

    def before(self, verb: str, path: str) -> None:
        time.sleep(self.seconds)
