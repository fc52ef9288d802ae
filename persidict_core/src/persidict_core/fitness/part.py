"""The part of a store that one check has to itself."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from ..backend import Backend, BaseBackend, Capabilities, Scope
from ..errors import BackendError
from ..layers import Layer, PrefixBackend

R = TypeVar("R")

_here: weakref.WeakValueDictionary[int, Part] = weakref.WeakValueDictionary()


def _found(number: int) -> Part:
    return _here[number]


class Part(PrefixBackend):
    """The part of a store under a prefix, for a limited time.

    Args:
        wrapped: The store.
        prefix: Where the part stands.
        until: The end of the time, by ``time.time()``, which all processes share.
        most: Among whom conditions can be raced.
        portable: Whether the store can be pickled; if not, a copy of the part is the part itself.
    """

    def __init__(
        self, wrapped: Backend, prefix: str, until: float, most: Scope, portable: bool
    ) -> None:
        super().__init__(wrapped, prefix)
        self.until = until
        self.most = most
        self.portable = portable
        self.failure: BackendError | None = None

    @property
    def capabilities(self) -> Capabilities:
        can = self.wrapped.capabilities
        return Capabilities(
            min(can.if_absent, self.most),
            min(can.if_match, self.most),
            min(can.delete_if, self.most),
            can.etags,
        )

    @property
    def backend(self) -> BaseBackend:
        """The store below all layers, whose lines are under test."""
        below: BaseBackend = self.wrapped
        while isinstance(below, Layer):
            below = below.wrapped
        return below

    def _whole(self, path: str) -> str:
        if time.time() > self.until:
            raise BackendError("the time for all checks is up: the store is too slow for them")
        return super()._whole(path)

    def _told(self, path: str, result: R | Exception) -> R | Exception:
        # What a verb on many gives as a result, nobody raises.
        if isinstance(result, BackendError):
            self.failure = result
        return super()._told(path, result)

    def copy_many(
        self, source: BaseBackend, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[str, str | Exception]]:
        for path, result in super().copy_many(source, pairs):
            told = self._told(path, result)
            yield path, told

    def __reduce__(self) -> Any:
        if self.portable:
            return super().__reduce__()
        _here[id(self)] = self
        return _found, (id(self),)
