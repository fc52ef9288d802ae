"""What the tests let workers do."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

from persidict_core import PersiDict


def store(number: int, d: PersiDict[Any]) -> int:
    """Write an item, and give the worker's process."""
    d["by", str(number)] = number
    return os.getpid()


def load(number: int, d: PersiDict[Any]) -> Any:
    return d["by", str(number)]


def add(_: int, d: PersiDict[Any]) -> None:
    d.transform("sum", lambda total: total + 1, default=0)


def first(number: int, d: PersiDict[Any]) -> str:
    """One answer for all who ask, from a function that each worker decorates for itself."""

    @d.get_subdict("memo").memoize
    def chosen(number: int) -> str:
        return uuid4().hex

    return chosen(number)


def give_back(d: PersiDict[Any]) -> PersiDict[Any]:
    return d


def set_environment(variables: dict[str, str]) -> None:
    """Add to this process's own environment: a method of `os.environ` would travel with a copy."""
    os.environ.update(variables)
