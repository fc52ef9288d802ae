"""Layers: backends around a backend, which change one thing and leave the rest as it is.

Bases, for authors, end in ``Layer``; what can be used as it is ends in ``Backend``. `base` tells
how a layer is written. Every public name is resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Layer as Layer
    from .cached import CachedBackend as CachedBackend, HashedNames as HashedNames
    from .compressed import CompressedBackend as CompressedBackend
    from .instruments import (
        CountingBackend as CountingBackend,
        FailingBackend as FailingBackend,
        LatencyBackend as LatencyBackend,
    )
    from .observing import ObservingLayer as ObservingLayer
    from .prefix import PrefixBackend as PrefixBackend
    from .read_only import ReadOnlyBackend as ReadOnlyBackend
    from .transform import TransformLayer as TransformLayer

_MODULES = {
    "base": "Layer",
    "cached": "CachedBackend HashedNames",
    "compressed": "CompressedBackend",
    "instruments": "CountingBackend FailingBackend LatencyBackend",
    "observing": "ObservingLayer",
    "prefix": "PrefixBackend",
    "read_only": "ReadOnlyBackend",
    "transform": "TransformLayer",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    try:
        module = _MODULE_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
