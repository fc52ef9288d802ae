"""The check by random actions: whatever is done, a dictionary and a ``dict`` stay the same."""

from __future__ import annotations

from typing import Any

from ..backend import Scope
from ..jokers import DELETE_CURRENT, KEEP_CURRENT
from ..persi_dict import PersiDict
from .checks_mapping import MakeDict, same


def check_random_actions(make_dict: MakeDict, examples: int = 25) -> None:
    """After any sequence of actions the dictionary holds what a ``dict`` would, reopened or not.

    To mend: read the shortest failing sequence that is printed; it names the actions.
    """
    import hypothesis
    from hypothesis import strategies as st
    from hypothesis.stateful import (
        RuleBasedStateMachine,
        invariant,
        rule,
        run_state_machine_as_test,
    )

    d: PersiDict[Any] = make_dict()
    claims = d.backend.capabilities
    transforms = min(claims.if_absent, claims.if_match) is not Scope.NONE
    parts = st.sampled_from(["a", "b", "A", "a.b", "~"])
    keys: Any = parts | st.tuples(parts, parts) | st.tuples(parts, parts, parts)
    values: Any = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.booleans())

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.handle = d
            self.handle.clear()
            self.model: dict[Any, Any] = {}

        @rule(key=keys, value=values)
        def set(self, key: Any, value: Any) -> None:
            self.handle[key] = value
            self.model[key] = value

        @rule(key=keys)
        def delete(self, key: Any) -> None:
            there = key in self.model
            assert self.handle.delete_if_exists(key) is there, "delete_if_exists"
            self.model.pop(key, None)

        @rule(key=keys)
        def get(self, key: Any) -> None:
            assert self.handle.get(key, "none") == self.model.get(key, "none"), "get"
            assert (key in self.handle) is (key in self.model), "in"

        @rule(key=keys, value=values)
        def pop(self, key: Any, value: Any) -> None:
            assert self.handle.pop(key, value) == self.model.pop(key, value), "pop"

        @rule(key=keys, value=values)
        def setdefault(self, key: Any, value: Any) -> None:
            found = self.handle.setdefault(key, value)
            assert found == self.model.setdefault(key, value), "setdefault"

        @rule(items=st.dictionaries(keys, values, max_size=5))
        def update(self, items: dict[Any, Any]) -> None:
            self.handle.update(items)
            self.model.update(items)

        @rule(key=keys, other=keys)
        def jokers(self, key: Any, other: Any) -> None:
            self.handle[key] = KEEP_CURRENT
            self.handle.update({other: DELETE_CURRENT})
            self.model.pop(other, None)

        @rule(key=keys)
        def transform(self, key: Any) -> None:
            if transforms:
                self.handle.transform(key, lambda value: [value], default="new")
                self.model[key] = [self.model.get(key, "new")]

        @rule(gone=st.sets(keys, max_size=5))
        def delete_many(self, gone: Any) -> None:
            self.handle.delete_many(gone)
            for key in gone:
                self.model.pop(key, None)

        @rule(part=parts)
        def clear_below(self, part: str) -> None:
            self.handle.get_subdict(part).clear()
            self.model = {
                key: value
                for key, value in self.model.items()
                if isinstance(key, str) or key[0] != part
            }

        @rule()
        def reopen(self) -> None:
            import pickle

            self.handle = pickle.loads(pickle.dumps(self.handle))

        @invariant()
        def is_the_same(self) -> None:
            same(self.handle, self.model, "these actions")

    run_state_machine_as_test(
        Machine,
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
