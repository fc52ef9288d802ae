"""The trials of one store: which promises can be tried on it, and what came out."""

from __future__ import annotations

import contextlib
import inspect
import pickle
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ..backend import BaseBackend, ETags, Scope
from ..errors import BackendError, NotSupported, ObjectNotFound
from ..testing.checks_sharing import look
from ..testing.pace import paced
from ..testing.racing import ProcessTeam
from .part import Part
from .promised import ELSEWHERE, REACH, LiveCheck, Promised
from .report import Promise, Verdict, short


class Extent(NamedTuple):
    """How far a level goes.

    Attributes:
        seconds: How long the whole may take.
        race: How long each race goes on, once by threads and once by processes.
        options: What the checks are given that have parameters of these names.
    """

    seconds: float
    race: float
    options: dict[str, int]


EXTENTS: Final[dict[str, Extent]] = {
    "quick": Extent(120, 0.1, {"rounds": 40, "creators": 6, "workers": 4, "increments": 20}),
    "whole": Extent(900, 1.5, {"rounds": 200, "creators": 8, "workers": 4, "increments": 100}),
}
_ONLY_THREADS: Final = "So all races were among threads of this process."
_FAULTS: Final = (BackendError, OSError, EOFError)
_ATTEMPTS: Final = 5


class Trial:
    """The trials of one store, one after the other.

    Args:
        backend: The store.
        prefix: Where all is written.
        extent: How far it goes.
        quick: Whether what goes at length is left out.
        digest_len: How many characters of digest names carry.

    Attributes:
        wrote: Whether anything was written.
    """

    def __init__(
        self, backend: BaseBackend, prefix: str, extent: Extent, quick: bool, digest_len: int
    ) -> None:
        self._backend = backend
        self._prefix = prefix
        self._extent = extent
        self._quick = quick
        self._until = time.time() + extent.seconds
        self._most = Scope.THREADS
        self._portable = True
        self._parts = 0
        self._blocked = ""
        self.wrote = False
        self._options = {**extent.options, "digest_len": digest_len}

    def checks_of(self, promised: Promised) -> tuple[LiveCheck, ...] | None:
        """What is tried of a promise; None if nothing is at this level."""
        checks = promised.checks + (() if self._quick else promised.at_length)
        return checks if checks or promised is ELSEWHERE else None

    def tried(self, promised: Promised) -> Promise:
        """Try one promise."""
        begun = time.monotonic()
        needed = promised.needed
        if self._blocked:
            verdict, told = Verdict.CANNOT_TELL, self._blocked
        elif promised is REACH:
            verdict, told = self._reach()
        elif promised is ELSEWHERE:
            verdict, told, needed = self._elsewhere()
        else:
            verdict, told = self._try(promised)
        seconds = time.monotonic() - begun
        return Promise(promised.group, promised.name, verdict, short(told), needed, seconds)

    def _part(self) -> Part:
        self._parts += 1
        prefix = f"{self._prefix}{self._parts}/"
        return Part(self._backend, prefix, self._until, self._most, self._portable)

    def _reach(self) -> tuple[Verdict, str]:
        """Whether one object can be written, read and deleted; if not, no more is tried."""
        part = self._part()
        try:
            _persistently(lambda: part.write_bytes("reach", b"first"))
            self.wrote = True
            told = _persistently(lambda: REACH.checks[0](part))
        except Exception as error:
            self._blocked = "Not tried: the first object could not be written and read."
            if isinstance(error, NotSupported):
                return Verdict.CANNOT_TELL, f"It cannot be written: {error}"
            return _judged(error)
        try:
            _persistently(lambda: _delete(part, "reach"))
            there = "It is still there." if part.exists("reach") else ""
        except Exception as error:
            there = _judged(error)[1]
        if not there:
            return Verdict.HOLDS, told
        self._blocked = "Not tried: what is written could not be removed again."
        return Verdict.DOES_NOT, f"Deletions are refused, or do nothing. Seen: {there}"

    def _elsewhere(self) -> tuple[Verdict, str, bool]:
        """Whether another process sees what this one writes; if not, only threads will race."""
        # What says that it is for threads is no worse for that.
        needed = not self._is_for_threads()
        try:
            pickle.dumps(self._backend)
        except Exception as error:
            self._portable = False
            return Verdict.CANNOT_TELL, f"It cannot be pickled: {error}. {_ONLY_THREADS}", needed
        part = self._part()
        try:
            part.write_bytes("elsewhere", b"seen")
            with ProcessTeam(part, 1) as team:
                (seen,) = team.run(look, "elsewhere")
        except Exception as error:
            cause = error.__cause__ or error
            return Verdict.CANNOT_TELL, f"{type(cause).__name__}: {cause}. {_ONLY_THREADS}", needed
        if seen != b"seen":
            told = f"{ELSEWHERE.broken} Seen: another process found {seen!r:.60}."
            return Verdict.DOES_NOT, f"{told} {_ONLY_THREADS}", needed
        self._most = Scope.HOSTS
        return Verdict.HOLDS, "", needed

    def _is_for_threads(self) -> bool:
        """Whether the store itself says that it is shared by threads only."""
        try:
            can = self._backend.capabilities
        except (BackendError, OSError):
            return False
        return max(can.if_absent, can.if_match, can.delete_if) is Scope.THREADS

    def _try(self, promised: Promised) -> tuple[Verdict, str]:
        facts: list[str] = []
        raced: Counter[str] = Counter()
        try:
            claimed = not promised.claim or self._claims(promised.claim)
        except Exception as error:
            return _judged(error)
        for check in self.checks_of(promised) or ():
            part = self._part()
            try:
                with paced(self._extent.race) as pace:
                    fact = check(part, **self._options_of(check))
            except Exception as error:
                verdict, told = _judged(part.failure or error)
                broken = promised.broken if verdict is Verdict.DOES_NOT else ""
                return verdict, f"{broken} Seen: {told}" if broken else told
            raced += pace.raced
            facts += [fact] if fact and fact not in facts else []
        if not claimed:
            return Verdict.NOT_CLAIMED, promised.unclaimed
        if raced:
            counts = [f"{count} by {kind}" for kind, count in sorted(raced.items())]
            facts.append(f"races: {', '.join(counts)}")
        return Verdict.HOLDS, ", ".join(facts)

    def _claims(self, names: str) -> bool:
        can = self._backend.capabilities
        return any(getattr(can, name) not in (Scope.NONE, ETags.NONE) for name in names.split())

    def _options_of(self, check: LiveCheck) -> dict[str, Any]:
        given = getattr(check, "keywords", {})
        options = {**self._options, "scope": min(self._most, Scope.PROCESSES)}
        names = list(inspect.signature(check).parameters)[1:]
        return {name: options[name] for name in names if name in options and name not in given}


def _judged(error: Exception) -> tuple[Verdict, str]:
    """What an error of a check says: a promise that is broken, or a store that failed meanwhile."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    for each in reversed(causes):
        if isinstance(each, _FAULTS):
            return Verdict.CANNOT_TELL, f"The store failed: {each or type(each).__name__}"
    first = str(error).partition("\n")[0]
    if not isinstance(error, AssertionError):
        return Verdict.DOES_NOT, f"{type(error).__name__}: {first}"
    # What failed in another process is told by what it raised, without the trace.
    last = causes[-1]
    if first.endswith(":") and last is not error:
        first += f" {type(last).__name__}: {last}"
    return Verdict.DOES_NOT, first or "an assertion failed"


def _persistently(act: Callable[[], Any]) -> Any:
    """Do what a store may refuse once by chance, some times at most."""
    for attempt in range(_ATTEMPTS):
        try:
            return act()
        except BackendError:
            if attempt == _ATTEMPTS - 1:
                raise


def _delete(backend: BaseBackend, path: str) -> None:
    with contextlib.suppress(ObjectNotFound):
        backend.delete(path)
