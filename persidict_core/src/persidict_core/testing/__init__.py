"""The conformance kit: what every backend and every dictionary must keep, as tests to inherit.

`BackendTests` wants one fixture, ``backend``; `PersiDictTests` wants one, ``make_dict``. Each test
is a plain function of a ``checks_...`` module, which needs no pytest and may be called by itself.
Where a store cannot keep a promise, override its test by one that calls ``super()``, and mark that
``pytest.mark.xfail(reason=...)``; any other override is refused.

Install ``persidict-core[testing]`` for pytest and hypothesis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .backend_tests import BackendTests as BackendTests
    from .dict_tests import PersiDictTests as PersiDictTests

if not __debug__:
    raise ImportError("the checks are assert statements: run Python without -O")

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {"backend_tests": "BackendTests", "dict_tests": "PersiDictTests"}
)
