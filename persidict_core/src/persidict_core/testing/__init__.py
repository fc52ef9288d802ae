"""The conformance kit: what every backend and every dictionary must keep, as tests to inherit.

`BackendTests` wants one fixture, ``backend``; `PersiDictTests` wants one, ``make_dict``. Each test
is a plain function of a ``checks_...`` module, which needs no pytest and may be called by itself.

Install ``persidict-core[testing]`` for pytest and hypothesis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .backend_tests import BackendTests as BackendTests
    from .dict_tests import PersiDictTests as PersiDictTests

if not __debug__:
    raise ImportError("the checks are assert statements: run Python without -O")

_MODULE_OF = {"BackendTests": "backend_tests", "PersiDictTests": "dict_tests"}

__all__ = ["BackendTests", "PersiDictTests"]


def __getattr__(name: str) -> object:
    try:
        module = _MODULE_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
