"""A dictionary with a fault is not the dictionary of the model, and the machine tells."""

from __future__ import annotations

from typing import Any

import pytest

from persidict_core import DELETE_CURRENT, KEEP_CURRENT, MemoryBackend, PersiDict
from tests.models.cases import CASES, case
from tests.models.test_models import EXAMPLES, run


class PopDeletesNothing(PersiDict[Any]):
    def pop(self, key: Any, *default: Any) -> Any:
        return self.get(key, *default) if default else self[key]


class ManyKnowNoDeletion(PersiDict[Any]):
    def set_many(self, items: Any, **_: Any) -> None:
        super().set_many((key, value) for key, value in items if value is not DELETE_CURRENT)

    def update(self, other: Any = (), /, **items: Any) -> None:
        super().set_many({**dict(other), **items})


class KeepCurrentDeletes(PersiDict[Any]):
    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, DELETE_CURRENT if value is KEEP_CURRENT else value)


class ClearsBesideThePrefix(PersiDict[Any]):
    def clear(self, **_: Any) -> None:
        for path in list(self.backend.list_prefix()):
            self.backend.delete(path)


class TakesStaleEtags(PersiDict[Any]):
    def set_if(self, key: Any, value: Any, expect: Any) -> Any:
        now = self.get_with_etag(key)[1]
        return super().set_if(key, value, now if isinstance(expect, str) else expect)


class RemembersValues(PersiDict[Any]):
    """What another handle wrote since is not seen."""

    def __getitem__(self, key: Any) -> Any:
        known = self.__dict__.setdefault("known", {})
        return known.setdefault((self.prefix, str(key)), super().__getitem__(key))


class ListsTheWhole(PersiDict[Any]):
    def newest_keys(self, max_n: int | None = None) -> Any:
        return PersiDict[Any](self.backend).newest_keys(max_n)


class TellsOneAsTrue(PersiDict[Any]):
    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, bool(value) if value in (0, 1) else value)


class WritesBeforeItLooks(PersiDict[Any]):
    """A bad key after a good one is an error when the good one is written already."""

    def set_many(self, items: Any, **_: Any) -> None:
        for key, value in dict(items).items():
            self[key] = value


@pytest.mark.parametrize(
    "kind",
    [
        PopDeletesNothing,
        ManyKnowNoDeletion,
        KeepCurrentDeletes,
        ClearsBesideThePrefix,
        TakesStaleEtags,
        RemembersValues,
        ListsTheWhole,
        TellsOneAsTrue,
        WritesBeforeItLooks,
    ],
)
def test_it_is_told_from_a_dict(kind: type[PersiDict[Any]]) -> None:
    """By no more than what is tried with the dictionaries that have no fault, at their shortest."""
    broken = case(lambda folder: kind(MemoryBackend()))
    with pytest.raises((AssertionError, KeyError)):
        for name in CASES:
            run(broken, name, EXAMPLES, shrink=False)
