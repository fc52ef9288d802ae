"""The live views of a dictionary, as ``dict`` has them; values are read as they are asked for."""

from __future__ import annotations

import collections.abc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from .keys import PersiDictKey, SafeStrTuple

if TYPE_CHECKING:
    from .persi_dict import PersiDict

V = TypeVar("V")


class KeysView(collections.abc.KeysView[PersiDictKey]):
    """The keys of a dictionary, set-like."""

    _mapping: PersiDict[Any]

    def __iter__(self) -> Iterator[SafeStrTuple]:
        return iter(self._mapping)


class ValuesView(collections.abc.ValuesView[V]):
    """The values of a dictionary."""

    _mapping: PersiDict[V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, value in self._mapping.walk_items())

    def __contains__(self, value: object) -> bool:
        return any(found is value or found == value for found in self)


class ItemsView(collections.abc.ItemsView[PersiDictKey, V]):
    """Keys and values of a dictionary, set-like where the values are hashable."""

    _mapping: PersiDict[V]

    def __iter__(self) -> Iterator[tuple[PersiDictKey, V]]:
        return self._mapping.walk_items()
