"""The tests that every backend must pass."""

from __future__ import annotations

from typing import Any, ClassVar

from ..backend import BaseBackend, Scope
from . import (
    checks_bulk,
    checks_conditions,
    checks_etags,
    checks_identity,
    checks_listing,
    checks_paths,
    checks_races,
    checks_sharing,
    checks_sweeping,
    checks_verbs,
)
from .checks_sweeping import LeaveDebris
from .checks_verbs import RawRead, RawWrite
from .kit import Check, Kit, run


class BackendTests(Kit):
    """Every promise of a backend, as tests; inherit, and give the fixture ``backend``.

    What the backend claims is raced, in threads and, where the claim says so, in processes that
    get it by pickle; what it does not claim must be refused. Nothing is skipped.

    Attributes:
        raw_read: Optional, a method ``raw_read(self, backend, path) -> bytes`` that reads an object
            past the backend.
        raw_write: Optional, a method ``raw_write(self, backend, path, data)`` that writes one so.
        leave_debris: Optional, a method ``leave_debris(self, backend)`` that leaves what a writer
            leaves that ends in the middle.
        scope: Who can share the store, where the claims do not tell: `Scope.THREADS` for one that
            lives in this process.
        rounds: How many times a race for one winner is run; others in proportion.
        creators: How many take part in it.
        workers: How many raise one number at once.
        increments: How many times each of them does.
        many: How many objects are listed; more than a page of the store.

    Example:
        A whole test file::

            class TestAcmeBackend(BackendTests):
                @pytest.fixture
                def backend(self, tmp_path):
                    return AcmeBackend(tmp_path / "store.acme")

        One test by itself, without pytest:

        >>> from persidict_core import MemoryBackend
        >>> BackendTests().test_stat(MemoryBackend())
    """

    raw_read: RawRead | Any = None
    raw_write: RawWrite | Any = None
    leave_debris: LeaveDebris | Any = None
    scope: ClassVar[Scope | None] = None
    rounds: ClassVar[int] = 200
    creators: ClassVar[int] = 16
    workers: ClassVar[int] = 8
    increments: ClassVar[int] = 100
    many: ClassVar[int] = 1500


def _as_test(check: Check) -> Check:
    def test(self: Kit, backend: BaseBackend) -> None:
        __tracebackhide__ = True
        run(check, backend, self.options_of(check))

    return test


BackendTests.add_tests(
    (
        checks_verbs,
        checks_paths,
        checks_listing,
        checks_etags,
        checks_conditions,
        checks_bulk,
        checks_identity,
        checks_sweeping,
        checks_sharing,
        checks_races,
    ),
    _as_test,
)
