"""Checks of debris: found, removed, and nothing else along with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..backend import BaseBackend, Debris
from .expecting import raised

LeaveDebris = Callable[[BaseBackend], None]

OBJECTS = ("a", "b/x", "b/c/x", "bc/x")


def _fill(backend: BaseBackend) -> None:
    for path in OBJECTS:
        backend.write_bytes(path, path.encode())


def check_sweeping_spares_objects(backend: BaseBackend) -> None:
    """What was written, replaced, refused or deleted in peace leaves no debris, and no object goes.

    To mend: ``sweep`` gives and removes only what was never finished; writes clear up after
    themselves.
    """
    _fill(backend)
    _fill(backend)
    backend.delete("bc/x")
    for remove in (False, True):
        found = backend.sweep(remove, older_than=0)
        assert isinstance(found, Iterator), f"sweep gave a {type(found).__name__}"
        left = list(found)
        assert left == [], f"sweep takes for debris, where all was finished: {left}"
    kept = {path: backend.read_bytes(path) for path in backend.list_prefix()}
    assert kept == {path: path.encode() for path in OBJECTS if path != "bc/x"}, (
        f"after sweep(remove=True) the store holds {kept}"
    )


def check_sweeping_spares_writers(backend: BaseBackend) -> None:
    """What is being written is no debris, and lands after a sweep.

    To mend: tell what a living writer holds from what a dead one left, and let a writer whose
    preparations are gone prepare again.
    """
    with backend.write_file("b/y") as file:
        file.write(b"first " * 300_000)
        found = list(backend.sweep(True, older_than=0))
        assert found == [], f"sweep takes what is being written for debris: {found}"
        file.write(b"last")
    assert backend.read_bytes("b/y") == b"first " * 300_000 + b"last", "a sweep spoilt a write"


def check_debris_is_swept(backend: BaseBackend, leave_debris: LeaveDebris | Any = None) -> None:
    """Debris is told, without a change; then removed, and is gone; the objects stay.

    To mend: ``sweep`` gives the same with ``remove`` as without (hook: ``leave_debris``).
    """
    _fill(backend)
    if leave_debris is not None:
        leave_debris(backend)
    told = list(backend.sweep(older_than=0))
    assert bool(told) == (leave_debris is not None), f"the debris that was left is {told}"
    assert all(isinstance(each, Debris) for each in told), f"sweep gave {told}"
    assert sorted(told) == sorted(backend.sweep(older_than=0)), "sweep() removed something"
    assert sorted(told) == sorted(backend.sweep(True, older_than=0)), "sweep(True) gave others"
    left = list(backend.sweep(older_than=0))
    assert left == [], f"sweep(True) left {left}"
    assert sorted(backend.list_prefix()) == sorted(OBJECTS), "sweep changed the objects"


def check_sweeping_under_a_prefix(
    backend: BaseBackend, leave_debris: LeaveDebris | Any = None
) -> None:
    """A prefix sweeps what stands under it alone; what is no prefix is refused.

    To mend: call ``persidict_core.check_prefix`` first, and compare with its slash (hook:
    ``leave_debris``).
    """
    for bad in ("b", "../", "/", "a//"):
        sweep = partial(backend.sweep, prefix=bad)
        raised(ValueError, f"sweep(prefix={bad!r})", sweep)
    _fill(backend)
    if leave_debris is not None:
        leave_debris(backend)
    assert list(backend.sweep(True, prefix="no/such/", older_than=0)) == [], "sweep(prefix=)"
    told = list(backend.sweep(older_than=0))
    assert bool(told) == (leave_debris is not None), "sweep under a prefix removed what is outside"
