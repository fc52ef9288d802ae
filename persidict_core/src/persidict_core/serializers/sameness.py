"""Whether what came back is what was given, told by structure and not by ``==``.

``1`` and ``True``, a list and its subclass, an int key and its text are different here; an object
is what its ``__reduce_ex__`` says of it.
"""

from __future__ import annotations

import sys
from itertools import zip_longest
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

_BY_VALUE: Final = frozenset({str, int, bool, bytes, bytearray, range})
_BY_REPR: Final = frozenset({float, complex})
_BY_NAME: Final = (type, FunctionType, BuiltinFunctionType, ModuleType)


def difference(given: object, back: object) -> str | None:
    """What differs first between a value and what came back in its place; None if nothing does.

    Args:
        given: The value that was given.
        back: The value that came back.

    Example:
        >>> difference({"a": [1]}, {"a": [1]})
        >>> difference({"a": [1]}, {"a": [True]})
        "value['a'][0], an int, would come back as a bool"
    """
    return _Comparison().compare(given, back, "value")


class _Comparison:
    """One walk over two values; each pair of objects in them is compared once."""

    def __init__(self) -> None:
        # The objects are kept: an identity must not be given to another meanwhile.
        self._seen: dict[tuple[int, int], tuple[object, object]] = {}

    def compare(self, given: Any, back: Any, where: str) -> str | None:
        if given is back:
            return None
        kind = type(given)
        if type(back) is not kind:
            return f"{where}, {_a(kind)}, would come back as {_a(type(back))}"
        if kind in _BY_VALUE:
            return None if given == back else _changed(where, kind)
        if kind in _BY_REPR:
            return None if repr(given) == repr(back) else _changed(where, kind)
        if issubclass(kind, _BY_NAME):
            return _changed(where, kind)
        pair = id(given), id(back)
        if pair in self._seen:
            return None
        self._seen[pair] = given, back
        if kind is list or kind is tuple:
            return self._sequences(given, back, where)
        if kind is dict:
            return self._dicts(given, back, where)
        if kind is set or kind is frozenset:
            return self._sets(given, back, where)
        if kind.__module__.partition(".")[0] == "numpy" and "numpy" in sys.modules:
            import numpy

            if kind is numpy.ndarray:
                return self._arrays(given, back, where)
        if kind.__module__.partition(".")[0] == "pandas" and "pandas" in sys.modules:
            import pandas

            if issubclass(kind, pandas.Index):
                return self._indexes(given, back, where)
            if kind is pandas.DataFrame or kind is pandas.Series:
                return self._frames(given, back, where)
        return self._objects(given, back, where)

    def _sequences(self, given: Any, back: Any, where: str) -> str | None:
        if len(given) != len(back):
            return f"{where} would come back with {len(back)} items in place of {len(given)}"
        for index, (one, other) in enumerate(zip(given, back, strict=True)):
            found = self.compare(one, other, f"{where}[{index}]")
            if found:
                return found
        return None

    def _dicts(self, given: dict[Any, Any], back: dict[Any, Any], where: str) -> str | None:
        for one, other in zip_longest(given, back):
            found = self.compare(one, other, f"a key of {where}")
            if found:
                return found
        for (key, one), other in zip(given.items(), back.values(), strict=True):
            found = self.compare(one, other, f"{where}[{_short(key)}]")
            if found:
                return found
        return None

    def _sets(self, given: Any, back: Any, where: str) -> str | None:
        if given != back:
            return _changed(where, type(given))
        of_back = {item: item for item in back}
        for item in given:
            found = self.compare(item, of_back[item], f"an item of {where}")
            if found:
                return found
        return None

    def _arrays(self, given: Any, back: Any, where: str) -> str | None:
        for name in ("dtype", "shape"):
            one, other = getattr(given, name), getattr(back, name)
            if one != other:
                return f"{where}, an array of {name} {one}, would come back with {name} {other}"
        # The bytes of a structured array include what lies between its fields.
        if given.dtype.hasobject or given.dtype.names:
            return self.compare(given.tolist(), back.tolist(), where)
        return None if given.tobytes() == back.tobytes() else _changed(where, type(given))

    def _indexes(self, given: Any, back: Any, where: str) -> str | None:
        if given.dtype != back.dtype:
            return (
                f"{where}, an Index of dtype {given.dtype}, would come back with dtype {back.dtype}"
            )
        if not given.equals(back):
            return _changed(where, type(given))
        return self.compare(list(given.names), list(back.names), f"{where}.names")

    def _frames(self, given: Any, back: Any, where: str) -> str | None:
        for axis, name in enumerate(("index", "columns")[: given.ndim]):
            if not given.axes[axis].equals(back.axes[axis]):
                return f"{where}, {_a(type(given))}, would come back with another {name}"
            names = list(given.axes[axis].names), list(back.axes[axis].names)
            found = self.compare(*names, f"{where}.{name}.names")
            if found:
                return found
        if given.ndim == 1:
            found = self._columns(given, back, where) or self.compare(
                given.name, back.name, f"{where}.name"
            )
            return found or self.compare(given.attrs, back.attrs, f"{where}.attrs")
        for (name, one), (_, other) in zip(given.items(), back.items(), strict=True):
            found = self._columns(one, other, f"{where}[{_short(name)}]")
            if found:
                return found
        return self.compare(given.attrs, back.attrs, f"{where}.attrs")

    def _columns(self, given: Any, back: Any, where: str) -> str | None:
        if given.dtype != back.dtype:
            return f"{where}, of dtype {given.dtype}, would come back with dtype {back.dtype}"
        if given.dtype != "object":
            return None if given.equals(back) else _changed(where, type(given))
        for one, other in zip(given, back, strict=True):
            # pandas takes None and NaN for the same in such a column.
            found = self.compare(one, other, f"an item of {where}")
            if found and not (_is_missing(one) and _is_missing(other)):
                return found
        return None

    def _objects(self, given: Any, back: Any, where: str) -> str | None:
        try:
            one, other = _reduced(given), _reduced(back)
        except Exception as error:
            return (
                f"{where}, {_a(type(given))}, does not tell its state, so that nothing proves that "
                f"it comes back ({type(error).__name__}: {error})"
            )
        names = ("'s maker", "'s arguments", "'s state", "'s items", "'s pairs", "'s setter")
        for name, part, part_back in zip(names, one, other, strict=True):
            found = self.compare(part, part_back, where + name)
            if found:
                return found
        return None


def _reduced(value: Any) -> tuple[Any, ...]:
    """The six parts that pickle would make an object of, its iterators exhausted."""
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return reduced, None, None, None, None, None
    parts = [*reduced, *([None] * (6 - len(reduced)))]
    # An exception has an empty state once its __dict__ was looked at, and none before.
    if type(parts[2]) is dict and not parts[2]:
        parts[2] = None
    for index in (3, 4):
        if parts[index] is not None:
            parts[index] = list(parts[index])
    return tuple(parts)


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'aeiouAEIO' else 'a'} {kind.__name__}"


def _changed(where: str, kind: type) -> str:
    return f"{where}, {_a(kind)}, would come back changed"


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _short(value: object) -> str:
    return repr(value)[:60]
