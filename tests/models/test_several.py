"""Several dictionaries in one place: each holds what a ``dict`` of its own would."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from persidict_core import OverlappingMultiDict, PersiDict, SafeStrTuple
from persidict_core.testing.checks_items import reopened
from persidict_file import FileDirDict
from tests.models.running import run_machine

TYPES: Final = ("json", "pkl", "txt")
PARTS: Final = st.sampled_from(["a", "b", "a.json", "pkl"])
"""Some look like what a file of another type is called."""
KEYS: Final = st.lists(PARTS, min_size=1, max_size=2).map(SafeStrTuple)
VALUES: Final = st.text("ab", max_size=2)
ITEMS: Final = st.dictionaries(KEYS, VALUES, max_size=3)
Several = dict[str, dict[SafeStrTuple, str]]


def in_files(folder: Path) -> OverlappingMultiDict:
    params = {"base_dir": folder, "fsync": False}
    return OverlappingMultiDict(
        FileDirDict, params, json={}, pkl={}, txt={"base_class_for_values": str}
    )


def in_memory(_: Path) -> OverlappingMultiDict:
    params = {"backend": f"memory://{uuid4().hex}"}
    return OverlappingMultiDict(
        PersiDict, params, json={}, pkl={}, txt={"base_class_for_values": str}
    )


class Machine(RuleBasedStateMachine):
    """A rule is a verb of one of the dictionaries; the others must not notice."""

    make: Callable[[Path], OverlappingMultiDict]

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.several = type(self).make(Path(self.folder.name))
        self.models: Several = {file_type: {} for file_type in TYPES}

    def teardown(self) -> None:
        for file_type in TYPES:
            self.of(file_type).close()
        self.folder.cleanup()

    def of(self, file_type: str) -> PersiDict[Any]:
        return getattr(self.several, file_type)  # type: ignore[no-any-return]

    @invariant()
    def each_holds_its_own(self) -> None:
        for file_type, model in self.models.items():
            d = self.of(file_type)
            assert dict(d.items()) == model and len(d) == len(model)
            for key in {*model, *self.models["json"], *self.models["pkl"]}:
                assert (key in d) is (key in model)
            below = {key[0] for each in self.models.values() for key in each if len(key) > 1}
            assert {key[0] for key in model if len(key) > 1} <= set(d.subdicts()) <= below

    @rule(file_type=st.sampled_from(TYPES), key=KEYS, value=VALUES)
    def set(self, file_type: str, key: SafeStrTuple, value: str) -> None:
        self.of(file_type)[key] = value
        self.models[file_type][key] = value

    @rule(file_type=st.sampled_from(TYPES), key=KEYS, value=VALUES)
    def setdefault(self, file_type: str, key: SafeStrTuple, value: str) -> None:
        wanted = self.models[file_type].setdefault(key, value)
        assert self.of(file_type).setdefault(key, value) == wanted

    @rule(file_type=st.sampled_from(TYPES), items=ITEMS)
    def update(self, file_type: str, items: dict[SafeStrTuple, str]) -> None:
        self.of(file_type).update(items)
        self.models[file_type].update(items)

    @rule(file_type=st.sampled_from(TYPES), key=KEYS)
    def pop(self, file_type: str, key: SafeStrTuple) -> None:
        assert self.of(file_type).pop(key, None) == self.models[file_type].pop(key, None)

    @rule(file_type=st.sampled_from(TYPES), keys=st.lists(KEYS, max_size=3))
    def delete_many(self, file_type: str, keys: list[SafeStrTuple]) -> None:
        self.of(file_type).delete_many(keys)
        for key in keys:
            self.models[file_type].pop(key, None)

    @rule(file_type=st.sampled_from(TYPES))
    def clear(self, file_type: str) -> None:
        self.of(file_type).clear()
        self.models[file_type].clear()

    @rule(file_type=st.sampled_from(TYPES), part=PARTS)
    def clear_below(self, file_type: str, part: str) -> None:
        self.of(file_type).get_subdict(part).clear()
        model = self.models[file_type]
        for key in [key for key in model if len(key) > 1 and key[0] == part]:
            del model[key]

    @rule(source=st.sampled_from(TYPES), to=st.sampled_from(TYPES))
    def copy(self, source: str, to: str) -> None:
        if source != to:
            self.of(source).copy_to(self.of(to), delete=True)
            self.models[to] = dict(self.models[source])

    @rule(file_type=st.sampled_from(TYPES), is_pickled=st.booleans())
    def open_again(self, file_type: str, is_pickled: bool) -> None:
        if is_pickled:
            self.several = pickle.loads(pickle.dumps(self.several))
        else:
            setattr(self.several, file_type, reopened(self.of(file_type)))


@pytest.mark.parametrize("make", [in_files, in_memory])
def test_each_of_several_is_a_dict(make: Callable[[Path], OverlappingMultiDict]) -> None:
    class Made(Machine):
        pass

    Made.make = staticmethod(make)  # type: ignore[assignment]
    run_machine(Made, make.__name__, examples=20)
