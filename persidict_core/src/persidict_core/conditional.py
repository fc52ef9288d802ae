"""One item under a condition: what is written on the conditions that a backend claims.

Whether they are claimed is asked first; what is not claimed is refused, never imitated.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

from .attempts import ATTEMPTS, attempts
from .backend import ABSENT, Expect, Marker, ObjectStat, check_etag, check_expect
from .errors import ConcurrencyConflict, ImmutableItemError, ObjectNotFound, PreconditionFailed
from .jokers import DELETE_CURRENT, KEEP_CURRENT, Joker
from .keys import PersiDictKey, SafeStrTuple
from .value_store import ValueStore

V = TypeVar("V")

_MISSING: Final = object()


class ConditionalItems(ValueStore[V]):
    """Items that are read with their etags, and changed only if they are as expected."""

    def get_with_etag(
        self, key: PersiDictKey, default: Any = None
    ) -> tuple[Any, str | Literal[Marker.ABSENT]]:
        """The value of a key and the etag of that version; ``(default, ABSENT)`` if there is none.

        Raises:
            NotSupported: If etags of this backend name no version.

        Example:
            >>> from persidict_core import PersiDict
            >>> d = PersiDict("memory://")
            >>> d.get_with_etag("a")
            (None, ABSENT)
        """
        try:
            value, stat = self._load_versioned(key, self._path(key))
        except ObjectNotFound:
            return default, ABSENT
        return value, stat.etag

    def set_if(
        self, key: PersiDictKey, value: V | Joker, expect: Expect
    ) -> str | Literal[Marker.ABSENT]:
        """Write a value only if the item is as expected.

        Args:
            key: The item's key.
            value: The value, or a joker.
            expect: The etag that `get_with_etag` or `set_if` gave, or `ABSENT`.

        Returns:
            The etag of what stands there now; `ABSENT` after `DELETE_CURRENT`.

        Raises:
            PreconditionFailed: If it is not; nothing was changed.
            NotSupported: If the backend does not claim that condition.

        Example:
            >>> from persidict_core import PersiDict
            >>> d = PersiDict("memory://")
            >>> etag = d.set_if("leader", "me", ABSENT)
            >>> etag == d.get_with_etag("leader")[1]
            True
            >>> d.set_if("leader", DELETE_CURRENT, etag)
            ABSENT
        """
        path = self._prepare(key, value, check_expect(expect))
        try:
            return self._set_if(key, path, value, expect)
        except PreconditionFailed as error:
            raise PreconditionFailed(str(SafeStrTuple(key)), expect, error.current) from None

    def _set_if(
        self, key: PersiDictKey, path: str, value: object, expect: Expect
    ) -> str | Literal[Marker.ABSENT]:
        if self.immutable_items and expect is not ABSENT and value is not KEEP_CURRENT:
            raise ImmutableItemError(key)
        if value is KEEP_CURRENT:
            return self._compare(path, expect)
        if value is DELETE_CURRENT:
            if expect is ABSENT:
                return self._compare(path, expect)
            self.delete_if(key, expect)
            return ABSENT
        self._require("set_if", "if_absent" if expect is ABSENT else "if_match")
        return self._layered.write_if(path, self._encode(key, path, value), expect)

    def _compare(self, path: str, expect: Expect) -> Expect:
        """Give an expectation back if it holds now."""
        try:
            current: ObjectStat | Literal[Marker.ABSENT] = self._layered.stat(path)
        except ObjectNotFound:
            current = ABSENT
        if (current.etag if isinstance(current, ObjectStat) else current) != expect:
            raise PreconditionFailed(path, expect, current)
        return expect

    def delete_if(self, key: PersiDictKey, expect: str) -> None:
        """Delete an item only if it is as expected.

        Args:
            key: The item's key.
            expect: The etag of the version to delete.

        Raises:
            PreconditionFailed: If it is not; nothing was changed.
            NotSupported: If the backend does not claim that condition.
        """
        path = self._path(key)
        check_etag(expect)
        self._check_deletion(key)
        self._require("delete_if", "delete_if")
        try:
            self._layered.delete_if(path, expect)
        except PreconditionFailed as error:
            raise PreconditionFailed(str(SafeStrTuple(key)), expect, error.current) from None

    def transform(
        self, key: PersiDictKey, function: Callable[[Any], Any], default: Any = _MISSING
    ) -> Any:
        """Replace a value by a function of it, atomically: nobody's change in between is lost.

        The function may be called several times, and under no lock.

        Args:
            key: The item's key.
            function: Takes the current value (a copy, which it may change), gives the new one, or a
                joker.
            default: What the function takes if there is no item: a copy of it on each call, but of
                a bare ``object()``, which is known by being the same.

        Returns:
            The stored value; after `KEEP_CURRENT` the current one; after `DELETE_CURRENT` that
            joker.

        Raises:
            KeyError: If there is no item and no default.
            ConcurrencyConflict: If others changed the item in all of a bounded number of attempts.
            NotSupported: If the backend does not claim ``if_absent`` and ``if_match``.

        Example:
            >>> from persidict_core import PersiDict
            >>> d = PersiDict("memory://")
            >>> d.transform("hits", lambda hits: hits + 1, default=0)
            1
        """
        path = self._path(key)
        if not callable(function):
            raise TypeError(f"transform takes a function of the value, not {function!r}")
        self._require("transform", "if_absent", "if_match")
        etag: Expect = ABSENT
        for attempt in attempts():
            try:
                current, stat = self._load_versioned(key, path)
                etag = stat.etag
            except ObjectNotFound:
                if default is _MISSING:
                    raise KeyError(key) from None
                current, etag = _fresh(default), ABSENT
            if self.immutable_items and etag is not ABSENT:
                raise ImmutableItemError(key)
            value = function(current)
            try:
                stored = self.set_if(key, value, etag) if value is not KEEP_CURRENT else etag
            except PreconditionFailed:
                _tell_of_retry(path, attempt)
                continue
            if value is KEEP_CURRENT:
                return current
            return DELETE_CURRENT if stored is ABSENT else value
        raise ConcurrencyConflict(str(SafeStrTuple(key)), etag, None, ATTEMPTS)


def _fresh(default: Any) -> Any:
    """A default that a function may change, without a trace in the next call."""
    return default if type(default) is object else copy.deepcopy(default)


def _tell_of_retry(path: str, attempt: int) -> None:
    import logging

    logging.getLogger("persidict").debug("%r: lost a race, attempt %d", path, attempt + 1)
