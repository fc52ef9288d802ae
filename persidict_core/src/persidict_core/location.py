"""Where the items of a dictionary lie, beneath all layers."""

from __future__ import annotations

from typing import Any, NamedTuple

from .backend import BaseBackend
from .errors import URLError
from .layers import Layer, PrefixBackend
from .value_store import ValueStore


class Location(NamedTuple):
    """Where a dictionary's items lie, beneath all layers.

    Attributes:
        store: The backend beneath the layers.
        prefix: What all paths begin with there.
        layers: The classes of the layers that change what is read.
    """

    store: BaseBackend
    prefix: str
    layers: tuple[str, ...]

    @classmethod
    def of(cls, dictionary: ValueStore[Any]) -> Location:
        """Find where a dictionary's items lie.

        Args:
            dictionary: Any dictionary, with whatever layers.
        """
        store, prefix, layers = dictionary.backend, dictionary._paths.prefix, []
        while isinstance(store, Layer):
            if isinstance(store, PrefixBackend):
                prefix = store.prefix + prefix
            else:
                layers.append(f"{type(store).__module__}.{type(store).__qualname__}")
            store = store.wrapped
        return cls(store, prefix, tuple(layers))

    @property
    def address(self) -> str | None:
        """What tells the place from all others, and begins like that of each around it."""
        try:
            return f"{self.store.identity.rstrip('/')}/{self.prefix}"
        except URLError:
            return None

    def overlaps(self, other: Location) -> bool:
        """Whether both are one place, or one lies in the other.

        Args:
            other: The other place.
        """
        here, there = self.address, other.address
        if here is None or there is None:
            if self.store != other.store:
                return False
            here, there = self.prefix, other.prefix
        return here.startswith(there) or there.startswith(here)

    def __str__(self) -> str:
        return self.address or f"{self.store!r}/{self.prefix}"
