"""What jsonpickle does with numpy's arrays, made safe for threads; needs numpy."""

from __future__ import annotations

import zlib
from typing import Any

import numpy
from jsonpickle import handlers
from jsonpickle.ext import numpy as stock


class ArrayHandler(stock.NumpyNDArrayHandlerView):  # type: ignore[misc]
    """jsonpickle's handler of arrays, of which it shares one between all threads: here, one a use.

    Args:
        context: jsonpickle's pickler or unpickler.
    """

    def __init__(self, context: Any) -> None:
        super().__init__()
        self.context = context


def is_stock(handler: Any) -> bool:
    """Whether a handler of arrays is the one that jsonpickle registers by default."""
    return type(handler) is stock.NumpyNDArrayHandlerView and (
        handler.mode,
        handler.size_threshold,
        handler.compression,
    ) == ("warn", 16, zlib)


def register() -> None:
    """Have jsonpickle know numpy's types; a handler that the user registered stays."""
    handler = handlers.get(numpy.ndarray)
    if handler is None:
        stock.register_handlers()
    if handler is None or is_stock(handler):
        handlers.register(numpy.ndarray, ArrayHandler, base=True)
