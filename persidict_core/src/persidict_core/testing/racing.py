"""Races: one task by many at once, in threads or in processes of their own.

A task is a function ``task(subject, index, *args)`` at the top level of a module; the subject, a
backend or a dictionary, travels to other processes by pickle, as it would in a user's program.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import subprocess
import sys
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from types import TracebackType
from typing import IO, Any, ClassVar, Final, Self

from ..backend import BaseBackend, Scope
from .jitter import packages_of, unsteadily
from .pace import note_race

MOST_SECONDS: Final = 300.0
"""How long one team may live; then its processes are ended and the check fails."""

_MOMENT: Final = 2.0

_WORKER: Final = (
    "import pickle, sys\n"
    "sys.path[:] = pickle.load(sys.stdin.buffer)\n"
    "from persidict_core.testing.racing import serve\n"
    "serve()\n"
)


class Team(ABC):
    """Some who do the same task at once; a context manager.

    Args:
        subject: The backend or dictionary that they share.
        size: How many they are.

    Attributes:
        kind: What they are.
    """

    kind: ClassVar[str]

    def __init__(self, subject: object, size: int) -> None:
        self.subject = subject
        self.size = size

    @abstractmethod
    def start(self, task: Callable[..., Any], *args: object) -> None:
        """Let all begin a task; `finish` must follow."""

    @abstractmethod
    def finish(self) -> list[Any]:
        """Wait for all, and give their results.

        Raises:
            AssertionError: If a task raised, chained to what it raised.
        """

    def run(self, task: Callable[..., Any], *args: object) -> list[Any]:
        """Let all do a task at once, and give their results."""
        note_race(self.kind)
        self.start(task, *args)
        return self.finish()

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class ThreadTeam(Team):
    """Threads of this process; every other one uses a copy of the subject, made by pickle."""

    kind = "threads"

    def __enter__(self) -> Self:
        copy = pickle.loads(pickle.dumps(self.subject))
        self._subjects = [copy if index % 2 else self.subject for index in range(self.size)]
        self._interval = sys.getswitchinterval()
        # Threads take turns every 5 ms by default, in which a whole race would be over.
        sys.setswitchinterval(1e-6)
        self._pool = ThreadPoolExecutor(self.size, thread_name_prefix="kit")
        self._line = threading.Barrier(self.size)
        return self

    def start(self, task: Callable[..., Any], *args: object) -> None:
        """Let all begin a task."""
        self._line = line = threading.Barrier(self.size)
        packages = packages_of(self.subject)

        def run(index: int) -> Any:
            line.wait(MOST_SECONDS)
            return unsteadily(packages, lambda: task(self._subjects[index], index, *args))

        self._futures = [self._pool.submit(run, index) for index in range(self.size)]

    def finish(self) -> list[Any]:
        """Wait for all, and give their results."""
        results = []
        for index, future in enumerate(self._futures):
            try:
                results.append(future.result(MOST_SECONDS))
            except Exception as error:
                raise AssertionError(
                    f"thread {index} of {self.size} failed: {type(error).__name__}: {error}"
                ) from error
        return results

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After an interrupt some wait for others that were never sent.
        self._line.abort()
        self._pool.shutdown(wait=True, cancel_futures=True)
        sys.setswitchinterval(self._interval)


class _Kept:
    """Processes that outlive their teams: those without one, and all that were started."""

    def __init__(self) -> None:
        self.idle: list[subprocess.Popen[bytes]] = []
        self.started: list[subprocess.Popen[bytes]] = []


_kept: ContextVar[_Kept | None] = ContextVar("kept", default=None)


@contextlib.contextmanager
def workers_kept() -> Iterator[None]:
    """While this lasts, the processes of one team serve the next one, with its own subject.

    When it ends all of them have ended, also those of a team that was left by an exception.
    """
    kept = _Kept()
    before = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(before)
        _end(kept.started)


def _worker() -> subprocess.Popen[bytes]:
    """A process without a team: one that is kept, or a new one."""
    kept = _kept.get()
    if kept is not None and kept.idle:
        return kept.idle.pop()
    # In a session of its own, so that a Ctrl-C reaches this process alone, which ends the others.
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    if kept is not None:
        kept.started.append(worker)
    _send(worker.stdin, sys.path)
    return worker


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    """End some processes; they get a moment to end by themselves."""
    for worker in workers:
        with contextlib.suppress(BrokenPipeError):
            assert worker.stdin is not None
            worker.stdin.close()
    for worker in workers:
        try:
            worker.wait(_MOMENT)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        assert worker.stdout is not None
        worker.stdout.close()


class ProcessTeam(Team):
    """Processes of their own, that share nothing with this one but the store."""

    kind = "processes"

    def __enter__(self) -> Self:
        self._timed_out = False
        self._workers: list[subprocess.Popen[bytes]] = []
        self._watchdog = threading.Timer(MOST_SECONDS, self._give_up)
        self._watchdog.daemon = True
        self._watchdog.start()
        try:
            packed = pickle.dumps(self.subject)
            while len(self._workers) < self.size:
                self._workers.append(_worker())
            for index, worker in enumerate(self._workers):
                _send(worker.stdin, (None, (index, packed)))
            self.finish()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def start(self, task: Callable[..., Any], *args: object) -> None:
        """Let all begin a task, in random order."""
        order = pickle.dumps((task, args))
        for worker in random.sample(self._workers, self.size):
            assert worker.stdin is not None
            worker.stdin.write(order)
            worker.stdin.flush()

    def finish(self) -> list[Any]:
        """Wait for all, and give their results."""
        results, failed = [], None
        for index, worker in enumerate(self._workers):
            assert worker.stdout is not None
            try:
                result, error, trace = pickle.load(worker.stdout)
            except EOFError as ended:
                why = "did not finish in time" if self._timed_out else "ended"
                raise AssertionError(f"process {index} of {self.size} {why}") from ended
            results.append(result)
            if trace and failed is None:
                failed = index, error, trace
        if failed is not None:
            index, error, trace = failed
            raise AssertionError(f"process {index} of {self.size} failed:\n{trace}") from error
        return results

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchdog.cancel()
        kept = _kept.get()
        if kind is None and kept is not None:
            kept.idle += self._workers
        else:
            _end(self._workers)

    def _give_up(self) -> None:
        self._timed_out = True
        for worker in self._workers:
            worker.kill()


def _send(stream: IO[bytes] | None, *items: object) -> None:
    assert stream is not None
    for item in items:
        pickle.dump(item, stream)
    stream.flush()


def serve() -> None:
    """What a process of a team does: tasks from standard input, until it ends."""
    orders = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    # What a task prints must not mix with the answers.
    os.dup2(2, 1)
    subject: object = None

    def answer(act: Callable[[], object]) -> None:
        try:
            reply = pickle.dumps((act(), None, ""))
        except Exception as error:
            trace = traceback.format_exc()
            try:
                reply = pickle.dumps((None, error, trace))
            except Exception:
                reply = pickle.dumps((None, None, trace))
        answers.write(reply)
        answers.flush()

    index = 0
    packages: frozenset[str] = frozenset()

    def take(number: int, packed: bytes) -> None:
        nonlocal subject, index, packages
        index, subject = number, pickle.loads(packed)
        packages = packages_of(subject)

    while True:
        try:
            task, args = pickle.load(orders)
        except EOFError:
            return
        if task is None:
            answer(lambda: take(*args))  # noqa: B023
        else:
            answer(lambda: unsteadily(packages, lambda: task(subject, index, *args)))  # noqa: B023


def teams(subject: object, size: int, scope: Scope) -> Iterator[Team]:
    """The teams to race for a promise that holds in a scope: threads, and processes if it says so.

    Args:
        subject: The backend or dictionary.
        size: How many are in a team.
        scope: Among whom the promise holds; not `Scope.NONE`.
    """
    with ThreadTeam(subject, size) as threads:
        yield threads
    if scope >= Scope.PROCESSES:
        with ProcessTeam(subject, size) as processes:
            yield processes


def shared_among(backend: BaseBackend, scope: Scope | None = None) -> Scope:
    """Among whom a store is shared: as given, else as the backend claims, else processes.

    Args:
        backend: The backend.
        scope: What its author says.
    """
    if scope is not None:
        return scope
    can = backend.capabilities
    return max(can.if_absent, can.if_match, can.delete_if) or Scope.PROCESSES
