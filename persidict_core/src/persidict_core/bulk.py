"""Many requests at once, their results in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

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
            for.
    """
    if concurrency <= 1:
        for item in items:
            try:
                result: R | Exception = function(item)
            except Exception as error:
                result = error
            yield item, result
        return

    from concurrent.futures import Future, ThreadPoolExecutor

    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="persidict")
    pending: deque[tuple[T, Future[R]]] = deque()

    def begin(item: T) -> Future[R]:
        try:
            return pool.submit(function, item)
        except RuntimeError:
            # The interpreter is ending, and no thread may begin any more; this one goes on.
            future: Future[R] = Future()
            try:
                future.set_result(function(item))
            except Exception as error:
                future.set_exception(error)
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
