"""Layers: backends around a backend, which change one thing and leave the rest as it is.

Bases, for authors, end in ``Layer``; what can be used as it is ends in ``Backend``. `base` tells
how a layer is written. Every public name is resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

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
    from .signed import SignedBackend as SignedBackend
    from .transform import TransformLayer as TransformLayer

_MODULES = {
    "base": "Layer",
    "cached": "CachedBackend HashedNames",
    "compressed": "CompressedBackend",
    "instruments": "CountingBackend FailingBackend LatencyBackend",
    "observing": "ObservingLayer",
    "prefix": "PrefixBackend",
    "read_only": "ReadOnlyBackend",
    "signed": "SignedBackend",
    "transform": "TransformLayer",
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _MODULES)
