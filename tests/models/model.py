"""What a dictionary has to hold and to answer: a ``dict`` of keys, seen below a prefix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

from persidict_core import (
    ABSENT,
    DELETE_CURRENT,
    KEEP_CURRENT,
    BulkError,
    ETags,
    ImmutableItemError,
    NotSupported,
    PersiDict,
    PersiDictKey,
    PreconditionFailed,
    SafeStrTuple,
    Scope,
    WriteOnceDict,
)
from persidict_core.backend import Capabilities

MISSING = object()


@dataclass(frozen=True)
class Rules:
    """What a dictionary permits.

    Args:
        claims: What its backend claims.
        items_stay: Whether an item, once written, can be neither changed nor deleted.
        later_values_are_ignored: Whether to write such an item again is no error.
    """

    claims: Capabilities
    items_stay: bool = False
    later_values_are_ignored: bool = False

    @classmethod
    def of(cls, d: PersiDict[Any]) -> Rules:
        return cls(d.backend.capabilities, d.immutable_items, isinstance(d, WriteOnceDict))


class Model(MutableMapping[Any, Any]):
    """The mapping's verbs as ``dict`` has them, and ours, in a line or two each.

    Args:
        items: The whole, also of what lies outside the prefix.
        rules: What is permitted.
        prefix: The model is of the keys that begin so.
    """

    def __init__(
        self,
        items: dict[SafeStrTuple, Any],
        writes: dict[SafeStrTuple, int],
        rules: Rules,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.whole = items
        self.writes = writes
        self.rules = rules
        self.prefix = prefix

    def below(self, prefix: tuple[str, ...]) -> Model:
        return Model(self.whole, self.writes, self.rules, (*self.prefix, *prefix))

    def _full(self, key: PersiDictKey) -> SafeStrTuple:
        return SafeStrTuple(self.prefix, key) if self.prefix else SafeStrTuple(key)

    def _require(self, *conditions: str) -> None:
        if any(getattr(self.rules.claims, name) is Scope.NONE for name in conditions):
            raise NotSupported("that condition")

    def _change(self, key: PersiDictKey, value: Any) -> None:
        full = self._full(key)
        self.writes[full] = self.writes.get(full, 0) + 1
        if value is MISSING:
            del self.whole[full]
        else:
            self.whole[full] = value

    def version(self, key: PersiDictKey) -> object:
        """What an etag names: the value, or the write."""
        if key not in self:
            return ABSENT
        per_write = self.rules.claims.etags is ETags.PER_WRITE
        return self.writes[self._full(key)] if per_write else repr(self[key])

    # As dict has them.

    def __getitem__(self, key: PersiDictKey) -> Any:
        return self.whole[self._full(key)]

    def __iter__(self) -> Iterator[SafeStrTuple]:
        depth = len(self.prefix)
        for key in list(self.whole):
            if key.strings[:depth] == self.prefix and len(key) > depth:
                yield SafeStrTuple(key.strings[depth:])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __setitem__(self, key: PersiDictKey, value: Any) -> None:
        if value is KEEP_CURRENT:
            return
        if value is DELETE_CURRENT:
            self.delete_if_exists(key)
        elif key not in self or not self.rules.items_stay:
            self._change(key, value)
        elif not self.rules.later_values_are_ignored:
            raise ImmutableItemError(key)

    def __delitem__(self, key: PersiDictKey) -> None:
        self._check_deletion(key)
        self._change(key, MISSING)

    def _check_deletion(self, key: PersiDictKey) -> None:
        if self.rules.items_stay:
            raise ImmutableItemError(key)

    def pop(self, key: PersiDictKey, default: Any = MISSING) -> Any:
        self._check_deletion(key)
        if key not in self and default is not MISSING:
            return default
        value = self[key]
        del self[key]
        return value

    # As only we have them.

    def delete_if_exists(self, key: PersiDictKey) -> bool:
        self._check_deletion(key)
        return self.pop(key, MISSING) is not MISSING if key in self else False

    def delete_many(self, keys: Iterable[PersiDictKey]) -> None:
        for key in keys:
            self.delete_if_exists(key)

    def set_many(self, items: Iterable[tuple[PersiDictKey, Any]]) -> None:
        wanted: list[tuple[SafeStrTuple, Any]] = []
        for key, value in items:
            if value is DELETE_CURRENT:
                self._check_deletion(key)
            if value is not KEEP_CURRENT:
                wanted.append((SafeStrTuple(key), value))
        # Of a key given twice the last counts; where items stay, the first.
        each = wanted if self.rules.items_stay else list(dict(wanted).items())
        failures: dict[Any, Exception] = {}
        for key, value in each:
            try:
                self[key] = value
            except ImmutableItemError as error:
                failures[key] = error
        if failures:
            raise BulkError("set_many", failures)

    def transform(self, key: PersiDictKey, value: Any, default: Any) -> Any:
        """Like the real one, with a function that gives a value and takes no notice of its own."""
        self._require("if_absent", "if_match")
        if key not in self and default is MISSING:
            raise KeyError(key)
        if key in self and self.rules.items_stay:
            raise ImmutableItemError(key)
        if value is KEEP_CURRENT:
            return self.get(key, default)
        self[key] = value if value is not DELETE_CURRENT or key in self else KEEP_CURRENT
        return value

    def set_if(self, key: PersiDictKey, value: Any, expect: object) -> None:
        """Like the real one; what is expected is a version, or `ABSENT`."""
        if self.rules.items_stay and expect is not ABSENT and value is not KEEP_CURRENT:
            raise ImmutableItemError(key)
        if expect is not ABSENT and value is DELETE_CURRENT:
            self.delete_if(key, expect)
        elif value is KEEP_CURRENT or value is DELETE_CURRENT:
            self._compare(key, expect)
        else:
            self._require("if_absent" if expect is ABSENT else "if_match")
            self._compare(key, expect)
            self[key] = value

    def delete_if(self, key: PersiDictKey, expect: object) -> None:
        self._check_deletion(key)
        self._require("delete_if")
        self._compare(key, expect)
        del self[key]

    def _compare(self, key: PersiDictKey, expect: object) -> None:
        if self.version(key) != expect:
            raise PreconditionFailed(str(key), "as expected", None)
