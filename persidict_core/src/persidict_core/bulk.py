"""Many requests at once, their results in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    function: Callable[[T], R], items: Iterable[T], concurrency: int
) -> Iterator[tuple[T, R | Exception]]:
    """Call a function on each of many items; give each item with its result or its error, in order.

    Items are taken lazily: never more than twice ``concurrency`` are under way or waiting to be
    taken. A consumer that leaves early ends the pool; calls not begun by then are dropped.

    Args:
        function: What to call; its exceptions are results.
        items: What to call it on; an exception of the iterable itself is raised.
        concurrency: How many threads; with 1 there is none, and each call is made when it is asked
            for. Where none may begin, this one makes the calls.
    """
    pool = _pool(concurrency) if concurrency > 1 else None
    if pool is None:
        for item in items:
            try:
                result: R | Exception = function(item)
            except Exception as error:
                result = error
            yield item, result
        return

    from concurrent.futures import Future

    pending: deque[tuple[T, Future[R]]] = deque()

    def call(item: T, future: Future[R], first: Lock) -> None:
        if not first.acquire(blocking=False):
            return
        try:
            future.set_result(function(item))
        except BaseException as error:
            future.set_exception(error)
            if not isinstance(error, Exception):
                raise

    def begin(item: T) -> Future[R]:
        future: Future[R] = Future()
        first = Lock()
        try:
            pool.submit(call, item, future, first)
        except RuntimeError:
            # No thread may begin any more: the interpreter is ending, or there are too many. One
            # that is there may have been given the call nevertheless; whoever is first makes it.
            call(item, future, first)
        return future

    def oldest() -> tuple[T, R | Exception]:
        item, future = pending.popleft()
        try:
            return item, future.result()
        except Exception as error:
            return item, error

    try:
        for item in items:
            pending.append((item, begin(item)))
            if len(pending) >= 2 * concurrency:
                yield oldest()
        while pending:
            yield oldest()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pool(concurrency: int) -> ThreadPoolExecutor | None:
    try:
        from concurrent.futures import ThreadPoolExecutor
    except (RuntimeError, ImportError):
        # The interpreter is ending: it is too late for the first pool. Where several threads try
        # at once, one of them may be told that of a module which is half imported.
        return None
    return ThreadPoolExecutor(concurrency, thread_name_prefix="persidict")
