"""The tests that every dictionary must pass, over whatever backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..backend import Scope
from ..persi_dict import PersiDict
from . import (
    checks_changes,
    checks_dict_bulk,
    checks_dict_races,
    checks_dict_views,
    checks_items,
    checks_machine,
    checks_mapping,
)
from .kit import Check, Kit, run


class PersiDictTests(Kit):
    """Every promise of a dictionary, as tests; inherit, and give the fixture ``make_dict``.

    It is a function ``make_dict(**params)`` that gives a fresh, empty dictionary of the front class
    at each call, made with these parameters.

    Attributes:
        scope: Who can share the store, where the claims do not tell: `Scope.THREADS` for one that
            lives in this process.
        rounds: How many times a race for one winner is run; others in proportion.
        creators: How many take part in it.
        workers: How many raise one number at once.
        increments: How many times each of them does.
        examples: How many sequences of random actions are tried.
        many: How many items are written at once; more than a batch.

    Example:
        A whole test file::

            class TestAcmeDict(PersiDictTests):
                @pytest.fixture
                def make_dict(self, tmp_path):
                    paths = (tmp_path / f"{number}.acme" for number in itertools.count())
                    return lambda **params: AcmeDict(next(paths), **params)

        One test by itself, without pytest:

        >>> def make_dict(**params):
        ...     return PersiDict("memory://", **params)
        >>> PersiDictTests().test_values_are_copies(make_dict)
    """

    scope: ClassVar[Scope | None] = None
    rounds: ClassVar[int] = 200
    creators: ClassVar[int] = 16
    workers: ClassVar[int] = 8
    increments: ClassVar[int] = 100
    examples: ClassVar[int] = 25
    many: ClassVar[int] = 1500


def _as_test(check: Check) -> Check:
    def test(self: Kit, make_dict: Callable[..., PersiDict[Any]]) -> None:
        __tracebackhide__ = True
        run(check, make_dict, self.options_of(check))

    return test


PersiDictTests.add_tests(
    (
        checks_mapping,
        checks_machine,
        checks_items,
        checks_changes,
        checks_dict_bulk,
        checks_dict_views,
        checks_dict_races,
    ),
    _as_test,
)
