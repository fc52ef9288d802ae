"""What one of those who race does with a shared dictionary, each operation recorded.

All values are different texts of one length: so a value names its write, and an etag that is made
of a size has nothing to tell writes apart by.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from persidict_core import (
    ABSENT,
    DELETE_CURRENT,
    KEEP_CURRENT,
    BackendError,
    ConcurrencyConflict,
    ImmutableItemError,
    PersiDict,
    PreconditionFailed,
    Scope,
)
from persidict_core.testing.jitter import packages_of, unsteadily
from tests.linearizability.history import (
    Effect,
    Effects,
    Recorder,
    State,
    perhaps,
    removed,
    replaced,
    saw,
    saw_not,
    wrote,
)

A_ROUND = 100
"""So many operations does each between two starts together."""

ONE_UNSTEADY_IN = 8
"""One operation in so many may pause before any of its lines."""

PLAIN = ("get", "contains", "set", "delete")

_WEIGHTS = {"get": 4, "contains": 2, "set": 2, "set_many": 1, "delete_many": 1}
_DEFAULT_WEIGHT = 2
_REMEMBERED = 3


@dataclass(frozen=True)
class Plan:
    """What one round is.

    Args:
        dictionary: What all share; values are texts.
        folder: Where the history goes.
        seed: Gives, with the number of the one who acts, all that is random in what is done.
        keys: The keys.
        operations: How many each one does.
        exact: Whether a plain write or deletion does what it says. False: it may have been dropped,
            as by a server that lets a conditional one of the same moment win.
        in_doubt: Whether an operation may end in an error that says that nobody knows whether it
            took effect.
        actions: What is done, by the names of the methods of `Client`; None: all that the store
            claims.
        mutant: What is wrong with the store, by name.
    """

    dictionary: PersiDict[Any]
    folder: str
    seed: int
    keys: tuple[str, ...]
    operations: int = A_ROUND
    exact: bool = True
    in_doubt: bool = False
    actions: tuple[str, ...] | None = None
    mutant: str = "nothing"


class Client:
    """One of those who race.

    Args:
        plan: What is done.
        index: Which one this is; every fourth only reads, sets and deletes plainly.
        recorder: What writes it down.

    Attributes:
        doubts: Of how many operations nobody knows whether they took effect.
    """

    def __init__(self, plan: Plan, index: int, recorder: Recorder) -> None:
        self.dictionary = plan.dictionary
        self.packages = packages_of(self.dictionary)
        self.keys = plan.keys
        self.exact = plan.exact
        self.in_doubt = plan.in_doubt
        self.doubts = 0
        self.recorder = recorder
        self.index = index
        self.random = random.Random(f"{plan.seed}-{index}")
        self.written = 0
        self.known: dict[str, list[tuple[str, str]]] = {}
        can = self.dictionary.backend.capabilities
        self.deletes_if = can.delete_if > Scope.NONE
        self.immutable = self.dictionary
        names = list(PLAIN)
        if index % 4:
            names += ["pop", "set_many", "delete_many"]
            if can.if_absent:
                params = {**self.dictionary.get_params(), "immutable_items": True}
                self.immutable = type(self.dictionary)(**params)
                names += ["setdefault", "insert", "create"]
            if can.if_match:
                names += ["read_and_set_if", "set_if", "keep_if", "transform"]
            if can.delete_if:
                names += ["delete_if"]
        if plan.actions is not None:
            names = [name for name in names if name in plan.actions]
        self.actions: list[Callable[[str], None]] = [getattr(self, name) for name in names]
        self.weights = [_WEIGHTS.get(name, _DEFAULT_WEIGHT) for name in names]

    def run(self, operations: int) -> None:
        """Do so many operations."""
        for _ in range(operations):
            (action,) = self.random.choices(self.actions, self.weights)
            act = partial(action, self.random.choice(self.keys))
            try:
                if self.random.random() * ONE_UNSTEADY_IN < 1:
                    unsteadily(self.packages, act)
                else:
                    act()
            except BackendError as error:
                # A read that failed, say, is a failure.
                if not (self.in_doubt and "it may have been" in str(error)):
                    raise
                self.doubts += 1

    def new(self) -> str:
        """A value that nobody else writes."""
        self.written += 1
        return f"{self.index:02}.{self.written:06}"

    def _do(self, key: str, may: Effect | None, act: Callable[[], Effect], name: str) -> None:
        allowed = [] if may is None else [(key, may)]
        self.recorder.do(name, allowed, lambda: [(key, act())])

    # What anybody does.

    def get(self, key: str) -> None:
        self._do(key, None, lambda: saw(self.dictionary.get(key)), "get")

    def contains(self, key: str) -> None:
        def act() -> Effect:
            return saw_not(None) if key in self.dictionary else saw(None)

        self._do(key, None, act, "in")

    def set(self, key: str) -> None:
        value = self.new()

        def act() -> Effect:
            self.dictionary[key] = value
            return self._plainly(wrote(value))

        self._do(key, wrote(value), act, "set")

    def delete(self, key: str) -> None:
        def act() -> Effect:
            try:
                del self.dictionary[key]
            except KeyError:
                return saw(None) if self.exact else perhaps(wrote(None))
            return removed() if self.exact else perhaps(wrote(None))

        self._do(key, wrote(None), act, "del")

    def _plainly(self, effect: Effect) -> Effect:
        return effect if self.exact else perhaps(effect)

    # Several keys: one write or deletion of each.

    def set_many(self, key: str) -> None:
        values = {each: self.new() for each in self._some(key)}
        effects = [(each, self._plainly(wrote(value))) for each, value in values.items()]

        def act() -> Effects:
            self.dictionary.set_many(values)
            return effects

        self.recorder.do("set_many", effects, act)

    def delete_many(self, key: str) -> None:
        keys = self._some(key)
        effects = [(each, self._plainly(wrote(None))) for each in keys]

        def act() -> Effects:
            self.dictionary.delete_many(keys)
            return effects

        self.recorder.do("delete_many", effects, act)

    def _some(self, key: str) -> list[str]:
        return list({key, self.random.choice(self.keys)})

    # What one of many wins.

    def pop(self, key: str) -> None:
        def act() -> Effects:
            try:
                value = self.dictionary.pop(key, None)
            except ConcurrencyConflict:
                return []
            if self.deletes_if:
                return [(key, saw(None) if value is None else replaced(value, None))]
            # In two steps; whether there was anything to delete is not told, if nothing was read.
            if value is None:
                return [(key, perhaps(wrote(None)))]
            return [(key, saw(value)), (key, self._plainly(wrote(None)))]

        self.recorder.do("pop", [(key, wrote(None))], act)

    def setdefault(self, key: str) -> None:
        value = self.new()

        def act() -> Effects:
            try:
                found = self.dictionary.setdefault(key, value)
            except ConcurrencyConflict:
                return []
            return [(key, replaced(None, value) if found == value else saw(found))]

        self.recorder.do("setdefault", [(key, replaced(None, value))], act)

    def insert(self, key: str) -> None:
        value = self.new()

        def act() -> Effect:
            try:
                self.immutable[key] = value
            except ImmutableItemError:
                return saw_not(None)
            return replaced(None, value)

        self._do(key, replaced(None, value), act, "immutable set")

    def create(self, key: str) -> None:
        value = self.new()

        def act() -> Effect:
            try:
                etag = self.dictionary.set_if(key, value, ABSENT)
            except PreconditionFailed:
                return saw_not(None)
            self._remember(key, value, etag)
            return replaced(None, value)

        self._do(key, replaced(None, value), act, "set_if(ABSENT)")

    # What wants an etag, which is known by the value that was read or written with it.

    def read_and_set_if(self, key: str) -> None:
        self._read(key)
        # And again at once, by the etag that the write gave.
        for _ in range(2):
            if key in self.known:
                self._set_if(key, *self.known[key][-1])

    def _read(self, key: str) -> None:
        def act() -> Effect:
            value, etag = self.dictionary.get_with_etag(key)
            if value is not None:
                self._remember(key, value, etag)
            return saw(value)

        self._do(key, None, act, "get_with_etag")

    def set_if(self, key: str) -> None:
        if key in self.known:
            self._set_if(key, *self.random.choice(self.known[key]))
        else:
            self.create(key)

    def _set_if(self, key: str, old: str, etag: str) -> None:
        value = self.new()

        def act() -> Effect:
            try:
                new = self.dictionary.set_if(key, value, etag)
            except PreconditionFailed:
                return saw_not(old)
            self._remember(key, value, new)
            return replaced(old, value)

        self._do(key, replaced(old, value), act, "set_if")

    def keep_if(self, key: str) -> None:
        known = self._look_up(key)
        if known is None:
            return
        old, etag = known

        def act() -> Effect:
            try:
                self.dictionary.set_if(key, KEEP_CURRENT, etag)
            except PreconditionFailed:
                return saw_not(old)
            return saw(old)

        self._do(key, None, act, "set_if(KEEP_CURRENT)")

    def delete_if(self, key: str) -> None:
        known = self._look_up(key)
        if known is None:
            return
        old, etag = known

        def act() -> Effect:
            try:
                self.dictionary.delete_if(key, etag)
            except PreconditionFailed:
                return saw_not(old)
            return replaced(old, None)

        self._do(key, replaced(old, None), act, "delete_if")

    def transform(self, key: str) -> None:
        orders: list[Any] = [KEEP_CURRENT, DELETE_CURRENT] if self.deletes_if else [KEEP_CURRENT]
        new: Any = self.random.choice([self.new(), self.new(), *orders])
        found: list[State] = []

        def change(old: State) -> Any:
            found.append(old)
            return new

        def act() -> Effects:
            try:
                self.dictionary.transform(key, change, default=None)
            except ConcurrencyConflict:
                return []
            if new is KEEP_CURRENT:
                return [(key, saw(found[-1]))]
            return [(key, replaced(found[-1], left))]

        left: State = None if new is DELETE_CURRENT else new
        self.recorder.do("transform", [] if new is KEEP_CURRENT else [(key, wrote(left))], act)

    def _look_up(self, key: str) -> tuple[str, str] | None:
        """A value that was there, and its etag."""
        if key not in self.known or self.random.random() < 0.5:
            self._read(key)
        # The newest may still be there; an older one must be refused.
        known = self.known.get(key)
        return known and self.random.choice([known[-1], *known])

    def _remember(self, key: str, value: str, etag: object) -> None:
        assert isinstance(etag, str)
        self.known[key] = [*self.known.get(key, ()), (value, etag)][-_REMEMBERED:]
