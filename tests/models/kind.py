"""One kind of dictionary: how it is made, and what may stand in it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from persidict_core import PersiDict

D = PersiDict[Any]


def same(value: Any) -> Any:
    return value


def pickled(d: D) -> D:
    return pickle.loads(pickle.dumps(d))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Case:
    """One kind of dictionary, and what may stand in it.

    Args:
        make: Makes an empty dictionary, given a folder of its own.
        values: Plain values: what stands in the model.
        bad: Values that this dictionary refuses.
        real: Makes of a plain value one that the dictionary takes.
        plain: The reverse.
        beside: Keys that another dictionary holds in the same place.
        twin: Makes the second handle, given the first.
    """

    make: Callable[[Path], D]
    values: st.SearchStrategy[Any]
    bad: tuple[Any, ...]
    real: Callable[[Any], Any] = same
    plain: Callable[[Any], Any] = same
    beside: frozenset[str] = frozenset()
    twin: Callable[[D], D] = pickled
