"""Many requests at once, their results in order, in bounded memory."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    function: Callable[[T], R], items: Iterable[T], concurrency: int
) -> Iterator[tuple[T, R | Exception]]:
    """Call a function on each of many items; give each item with its result or its error, in order.

    Items are taken lazily: never more than twice ``concurrency`` are under way or waiting to be
    taken. A consumer that leaves early ends the threads; calls not begun by then are dropped.

    Args:
        function: What to call; its exceptions are results.
        items: What to call it on; an exception of the iterable itself is raised.
        concurrency: How many threads; with 1 there is none, and each call is made when it is asked
            for. So it is where no thread can begin.
    """
    if concurrency <= 1:
        for item in items:
            try:
                result: R | Exception = function(item)
            except Exception as error:
                result = error
            yield item, result
        return

    pending: deque[_Call[T, R]] = deque()
    threads = _Threads(concurrency)
    try:
        for item in items:
            # First it is known, so that an interrupt leaves no call that nobody waits for.
            pending.append(_Call(function, item))
            threads.make(pending[-1])
            if len(pending) >= 2 * concurrency:
                yield pending[0].item, pending[0].result()
                pending.popleft()
        while pending:
            yield pending[0].item, pending[0].result()
            pending.popleft()
    finally:
        # At the interpreter's end its threads stand still, and nothing is to be waited for.
        if not sys.is_finalizing():
            for call in pending:
                call.drop()
            threads.end()


# An executor of the standard library is not made for interrupts: one that comes while the caller
# enters a lock of it, in Python code, leaves the lock on, and its threads wait for ever. So here
# the caller waits for locks and queues that are written in C alone. Nor does an executor begin
# while the interpreter ends.


class _Call(Generic[T, R]):
    """One call, made once, unless it is dropped before."""

    __slots__ = ("_done", "_first", "_found", "_function", "_made", "item")

    def __init__(self, function: Callable[[T], R], item: T) -> None:
        self._function = function
        self.item = item
        self._first = Lock()
        self._done = Lock()
        self._done.acquire()
        self._made = False
        self._found: R | BaseException | None = None

    def make(self) -> None:
        """Make it, in a thread that nobody interrupts."""
        if not self._first.acquire(blocking=False):
            return
        try:
            self._found = self._function(self.item)
        except BaseException as error:
            self._found = error
        self._made = True
        self._done.release()

    def make_here(self) -> None:
        """Make it where no thread will."""
        try:
            self._found = self._function(self.item)
        except Exception as error:
            self._found = error
        self._made = True

    def _wait(self) -> None:
        # The lock is not let go of, so an interrupt has nothing to leave undone.
        if not self._made:
            self._done.acquire()

    def result(self) -> R | Exception:
        """Wait until it is made."""
        self._wait()
        found = self._found
        self._found = None  # An error would lead back to the call.
        if isinstance(found, BaseException) and not isinstance(found, Exception):
            raise found
        return cast("R | Exception", found)

    def drop(self) -> None:
        """Let it not be made, or wait until it is."""
        if not self._first.acquire(blocking=False):
            self._wait()


def begin(thread: Thread) -> bool:
    """Begin a thread, if the system has one left, and the interpreter does not end.

    Args:
        thread: One that was not begun yet.

    Returns:
        Whether it was begun.

    Example:
        >>> begin(Thread(target=list))
        True
    """
    try:
        thread.start()
    except RuntimeError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            # It came while a lock was waited for, and what failed is to let go of that.
            raise error.__context__ from None
        return False
    return True


class _Threads:
    """Threads that make calls, begun one by one as calls come."""

    _stops = 0  # What an interrupt kept from being made has no thread to stop.

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: SimpleQueue[_Call[object, object] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._stops = most

    def make(self, call: _Call[T, R]) -> None:
        """Let a call be made, soon or, where there is no thread, now."""
        if len(self._threads) < self._most:
            self._begin()
        if self._threads:
            self._calls.put(cast("_Call[object, object]", call))
        else:
            call.make_here()

    def _begin(self) -> None:
        name = f"persidict_{len(self._threads)}"
        # A daemon, since nobody tells one that waits that the interpreter ends.
        thread = Thread(target=_make_calls, args=(self._calls,), name=name, daemon=True)
        if begin(thread):
            self._threads.append(thread)
        else:
            self._most = len(self._threads)

    def end(self) -> None:
        """Let them end, after each call was made or dropped."""
        self._stop()
        for thread in self._threads:
            thread.join()

    def _stop(self) -> None:
        for _ in range(self._stops):
            self._calls.put(None)

    def __del__(self) -> None:
        self._stop()  # An interrupt may have come before the end.


def _make_calls(calls: SimpleQueue[_Call[object, object] | None]) -> None:
    while (call := calls.get()) is not None:
        call.make()
        del call  # What it holds is not kept while there is nothing to do.
