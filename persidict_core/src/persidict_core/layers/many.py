"""Handing many items on to a bulk verb, each prepared on its way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
P = TypeVar("P")
R = TypeVar("R")


def handed_on(
    items: Iterable[T],
    prepare: Callable[[T], P],
    verb: Callable[[Iterator[P]], Iterator[tuple[str, R | Exception]]],
) -> Iterator[tuple[T, R | Exception]]:
    """Give each item, as it was, with its result of a bulk verb, in order, taken lazily.

    Args:
        items: What the caller gave; an exception of the iterable itself is raised.
        prepare: What each becomes for the verb; where that fails, the error is the item's result
            and the verb never sees it.
        verb: Takes what was prepared, and gives a path and a result for each, in order.
    """
    taken: deque[tuple[T, Exception | None]] = deque()

    def prepared() -> Iterator[P]:
        for item in items:
            try:
                ready = prepare(item)
            except Exception as error:
                taken.append((item, error))
            else:
                taken.append((item, None))
                yield ready

    for _, result in verb(prepared()):
        item, failure = taken.popleft()
        while failure is not None:
            yield item, failure
            item, failure = taken.popleft()
        yield item, result
    for item, failure in taken:
        assert failure is not None
        yield item, failure
