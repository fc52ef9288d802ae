"""Random actions by two handles on one store: after each, the store holds what a ``dict`` would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from persidict_core import (
    ABSENT,
    DELETE_CURRENT,
    KEEP_CURRENT,
    BulkError,
    MemoryBackend,
    NotSupported,
    PersiDict,
    PersiDictError,
    SafeStrTuple,
)
from persidict_core.jokers import Joker
from persidict_core.testing.checks_items import reopened
from tests.models.kind import Case, D, pickled, same
from tests.models.model import MISSING, Model, Rules

PARTS = st.sampled_from(["a", "b", "a.b"])
FORMS: list[Callable[[list[str]], Any]] = [
    SafeStrTuple,
    tuple,
    lambda strings: strings[0] if len(strings) == 1 else tuple(strings),
    lambda strings: (strings[0], tuple(strings[1:])) if strings[1:] else (tuple(strings),),
]
KEYS: st.SearchStrategy[Any] = st.builds(
    lambda form, strings: form(strings),
    st.sampled_from(FORMS),
    st.sampled_from([["a"], ["b"], ["a", "a"], ["a", "b"], ["b", "a.b", "~"]]),
)
"""Few, so that they are met again, and each in several forms."""
BAD_KEYS = st.sampled_from(
    ["", "..", "a/b", "ä", "x" * 254, 5, None, (), ("a", ""), ("a", 5), b"a"]
)
PLACES = st.tuples(st.integers(0, 1), st.sampled_from([(), (), ("a",)]))
"""A handle, and a prefix below which it is used."""

JOKERS = st.sampled_from([KEEP_CURRENT, DELETE_CURRENT])
CHOICES = st.integers(0, 1000)


@st.composite
def values_of_the_case(draw: st.DrawFn) -> Any:
    return draw(Machine.case.values)


VALUES = values_of_the_case()


class Machine(RuleBasedStateMachine):
    """The rules are the verbs; each is done by a handle, and by the model."""

    case: ClassVar[Case]

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        first = self.case.make(Path(self.folder.name))
        self.handles = [first, self.case.twin(first)]
        items: dict[SafeStrTuple, Any] = {}
        writes: dict[SafeStrTuple, int] = {}
        self.wholes = [Model(items, writes, Rules.of(handle)) for handle in self.handles]
        self.etags: dict[SafeStrTuple, dict[Any, object]] = {}
        same_format = {
            name: getattr(first, name) for name in ("file_type", "base_class_for_values")
        }
        self.copies: list[D] = [PersiDict(MemoryBackend(), **same_format), PersiDict("memory://")]

    def teardown(self) -> None:
        for handle in self.handles:
            handle.close()
        self.folder.cleanup()

    def at(self, place: tuple[int, tuple[str, ...]]) -> tuple[D, Model]:
        number, prefix = place
        handle = self.handles[number]
        return handle.get_subdict(prefix) if prefix else handle, self.wholes[number].below(prefix)

    def real(self, value: Any) -> Any:
        return value if isinstance(value, Joker) or value is MISSING else self.case.real(value)

    def plain(self, value: Any) -> Any:
        return value if isinstance(value, Joker) or value is MISSING else self.case.plain(value)

    def both(self, done: Callable[[], Any], wanted: Callable[[], Any]) -> None:
        """Demand one outcome of both: what they give, or the class of the error."""
        found, expected = outcome(done), outcome(wanted)
        assert found == expected, f"{found}, not {expected}"

    @invariant()
    def holds_the_same(self) -> None:
        for handle in self.handles:
            self.compare(handle)

    def compare(self, d: D) -> None:
        wanted = {key: repr(value) for key, value in self.wholes[0].items()}
        assert {key: repr(self.case.plain(d[key])) for key in d} == wanted
        assert len(d) == len(wanted) and bool(d) is bool(wanted)

    @initialize(items=st.dictionaries(KEYS, VALUES, max_size=5))
    def fill(self, items: dict[Any, Any]) -> None:
        """Begin with something, most times, so that it is found, replaced and deleted."""
        reals = {key: self.real(value) for key, value in items.items()}
        self.both(
            lambda: self.handles[0].update(reals),
            lambda: self.wholes[0].set_many(items.items()),
        )

    # Reading.

    @rule(place=PLACES, key=KEYS)
    def read(self, place: Any, key: Any) -> None:
        d, model = self.at(place)
        self.both(lambda: self.plain(d[key]), lambda: model[key])
        self.both(lambda: self.plain(d.get(key, MISSING)), lambda: model.get(key, MISSING))
        self.both(lambda: key in d, lambda: key in model)
        self.both(lambda: d.timestamp(key) > 0, lambda: model[key] is model[key])

    @rule(place=PLACES, keys=st.lists(KEYS, max_size=5))
    def get_many(self, place: Any, keys: list[Any]) -> None:
        d, model = self.at(place)
        found = [(key, repr(self.plain(value))) for key, value in d.get_many(keys)]
        assert found == [(key, repr(model[key])) for key in keys if key in model]

    @rule(place=PLACES, key=KEYS, value=VALUES)
    def views(self, place: Any, key: Any, value: Any) -> None:
        d, model = self.at(place)
        keys, values = d.keys(), d.values()
        pairs = {key: repr(self.plain(value)) for key, value in d.items()}
        assert pairs == {key: repr(value) for key, value in model.items()}
        assert set(d) == set(keys) == set(model) and len(keys) == len(values) == len(model)
        assert sorted(repr(self.plain(v)) for v in values) == sorted(map(repr, model.values()))
        assert (key in keys) is (key in model)
        assert keys & {key} == model.keys() & {key} and keys - {key} == set(model) - {key}
        if self.case.real is same:
            assert (value in values) is (value in model.values())
            assert ((key, value) in d.items()) is (model.get(key, MISSING) == value)

    @rule(place=PLACES, other=st.dictionaries(KEYS, VALUES, max_size=3))
    def unions(self, place: Any, other: dict[Any, Any]) -> None:
        d, model = self.at(place)
        theirs = {SafeStrTuple(key): value for key, value in other.items()}
        reals = {key: self.real(value) for key, value in theirs.items()}
        for union, wanted in ((d | reals, dict(model) | theirs), (reals | d, theirs | dict(model))):
            assert type(union) is dict
            found = {key: repr(self.plain(value)) for key, value in union.items()}
            assert found == {key: repr(value) for key, value in wanted.items()}
        if self.case.real is same:
            assert d == dict(model) and (d == theirs) is (dict(model) == theirs)
            assert (d != theirs) is (dict(model) != theirs)

    @rule(place=PLACES, max_n=st.none() | st.integers(0, 4))
    def times_and_chance(self, place: Any, max_n: int | None) -> None:
        d, model = self.at(place)
        size = len(model) if max_n is None else min(max_n, len(model))
        times = dict(d.keys_and_timestamps())
        assert set(times) == set(model)
        for keys, values, first in (
            (d.newest_keys(max_n), d.newest_values(max_n), max),
            (d.oldest_keys(max_n), d.oldest_values(max_n), min),
        ):
            assert len(set(keys)) == len(keys) == len(values) == size and set(keys) <= set(model)
            if keys:
                assert times[keys[0]] == first(times.values())
            if size == len(model):
                found = sorted(repr(self.plain(value)) for value in values)
                assert found == sorted(map(repr, model.values()))
        key = d.random_key()
        assert key in model if model else key is None

    @rule(place=PLACES)
    def subdicts(self, place: Any) -> None:
        d, model = self.at(place)
        first = {key[0] for key in model if len(key) > 1}
        beside = self.case.beside if not place[1] else frozenset()
        assert first <= set(d.subdicts()) <= first | beside
        for part, below in d.subdicts().items():
            assert set(below) == set(model.below((part,)))

    # Writing.

    @rule(place=PLACES, key=KEYS, value=VALUES | JOKERS)
    def set(self, place: Any, key: Any, value: Any) -> None:
        d, model = self.at(place)
        self.both(
            lambda: d.__setitem__(key, self.real(value)), lambda: model.__setitem__(key, value)
        )

    @rule(place=PLACES, key=KEYS)
    def delete(self, place: Any, key: Any) -> None:
        d, model = self.at(place)
        self.both(lambda: d.__delitem__(key), lambda: model.__delitem__(key))

    @rule(place=PLACES, key=KEYS)
    def delete_if_exists(self, place: Any, key: Any) -> None:
        d, model = self.at(place)
        self.both(lambda: d.delete_if_exists(key), lambda: model.delete_if_exists(key))

    @rule(place=PLACES, key=KEYS, default=VALUES | st.just(MISSING))
    def pop(self, place: Any, key: Any, default: Any) -> None:
        d, model = self.at(place)
        given = () if default is MISSING else (self.real(default),)
        self.both(lambda: self.plain(d.pop(key, *given)), lambda: model.pop(key, default))

    @rule(place=PLACES)
    def popitem(self, place: Any) -> None:
        d, model = self.at(place)
        if not model or model.rules.items_stay:
            self.both(d.popitem, model.popitem)
            return
        key, value = d.popitem()
        assert repr(self.plain(value)) == repr(model.pop(key))

    @rule(place=PLACES, key=KEYS, value=VALUES)
    def setdefault(self, place: Any, key: Any, value: Any) -> None:
        d, model = self.at(place)
        self.both(
            lambda: self.plain(d.setdefault(key, self.real(value))),
            lambda: model.setdefault(key, value),
        )

    @rule(place=PLACES, items=st.lists(st.tuples(KEYS, VALUES | JOKERS), max_size=4))
    def set_many(self, place: Any, items: list[Any]) -> None:
        d, model = self.at(place)
        reals = [(key, self.real(value)) for key, value in items]
        self.both(lambda: d.set_many(reals), lambda: model.set_many(items))

    @rule(place=PLACES, items=st.dictionaries(PARTS, VALUES, max_size=3), how=CHOICES)
    def update(self, place: Any, items: dict[str, Any], how: int) -> None:
        d, model = self.at(place)
        reals = {key: self.real(value) for key, value in items.items()}
        named = {key: value for key, value in reals.items() if key.isidentifier()}
        ways: list[Callable[[], object]] = [
            lambda: d.update(reals),
            lambda: d.update(reals.items()),
            lambda: d.update({k: v for k, v in reals.items() if k not in named}, **named),
            lambda: d.__ior__(reals),
        ]
        way = ways[how % (len(ways) if not model.rules.items_stay else 1)]
        self.both(lambda: (way(), None)[1], lambda: model.set_many(items.items()))

    @rule(place=PLACES, keys=st.lists(KEYS, max_size=4))
    def delete_many(self, place: Any, keys: list[Any]) -> None:
        d, model = self.at(place)
        self.both(lambda: d.delete_many(keys), lambda: model.delete_many(keys))

    @rule(place=PLACES)
    def clear(self, place: Any) -> None:
        d, model = self.at(place)
        self.both(d.clear, lambda: model.delete_many(list(model)))

    @rule(place=PLACES, key=KEYS, value=VALUES | JOKERS, default=VALUES | st.just(MISSING))
    def transform(self, place: Any, key: Any, value: Any, default: Any) -> None:
        d, model = self.at(place)
        taken: list[Any] = []

        def change(current: Any) -> Any:
            taken.append(repr(self.plain(current)))
            return self.real(value)

        given = {} if default is MISSING else {"default": self.real(default)}
        before = repr(model.get(key, default))
        self.both(
            lambda: self.plain(d.transform(key, change, **given)),
            lambda: model.transform(key, value, default),
        )
        assert taken in ([], [before])

    # Under a condition.

    @rule(place=PLACES, key=KEYS)
    def get_with_etag(self, place: Any, key: Any) -> None:
        self.etags_of(*self.at(place), key)

    def etags_of(self, d: D, model: Model, key: Any) -> list[tuple[Any, object]]:
        """All etags that an item ever had, as far as was seen, with the versions they named."""
        known = self.etags.setdefault(SafeStrTuple(model.prefix, key), {})
        value, etag = d.get_with_etag(key, MISSING)
        assert repr(self.plain(value)) == repr(model.get(key, MISSING))
        assert known.setdefault(etag, model.version(key)) == model.version(key)
        assert (etag is ABSENT) is (key not in model)
        return [*known.items()]

    @rule(place=PLACES, key=KEYS, value=VALUES | VALUES | JOKERS, choice=CHOICES)
    def set_if(self, place: Any, key: Any, value: Any, choice: int) -> None:
        d, model = self.at(place)
        known = self.etags_of(d, model, key)
        etag, version = known[choice % len(known)]
        given: list[Any] = []
        self.both(
            lambda: given.append(d.set_if(key, self.real(value), etag)),
            lambda: model.set_if(key, value, version),
        )
        if given:
            assert (given[0], model.version(key)) in self.etags_of(d, model, key)

    @rule(place=PLACES, key=KEYS, choice=CHOICES)
    def delete_if(self, place: Any, key: Any, choice: int) -> None:
        d, model = self.at(place)
        known = [pair for pair in self.etags_of(d, model, key) if pair[0] is not ABSENT]
        if known:
            etag, version = known[choice % len(known)]
            self.both(lambda: d.delete_if(key, etag), lambda: model.delete_if(key, version))

    # What is refused changes nothing: the invariant looks.

    @rule(place=PLACES, key=BAD_KEYS, good=KEYS, value=VALUES)
    def bad_keys(self, place: Any, key: Any, good: Any, value: Any) -> None:
        d, _ = self.at(place)
        refused = self.real(value)
        for act in (
            lambda: d[key],
            lambda: key in d,
            lambda: d.get(key),
            lambda: d.__setitem__(key, refused),
            lambda: d.setdefault(key, refused),
            lambda: d.pop(key, None),
            lambda: d.delete_if_exists(key),
            lambda: d.set_many([(good, refused), (key, refused)]),
            lambda: d.transform(key, same, default=refused),
            lambda: d.set_if(key, refused, ABSENT),
            lambda: list(d.get_many([key])),
        ):
            assert outcome(act) in (TypeError, ValueError)

    @rule(place=PLACES, key=KEYS, number=CHOICES)
    def bad_values(self, place: Any, key: Any, number: int) -> None:
        d, model = self.at(place)
        bad = self.case.bad[number % len(self.case.bad)]
        acts: list[Callable[[], object]] = [
            lambda: d.__setitem__(key, bad),
            lambda: d.set_many({SafeStrTuple(key): bad}),
            lambda: d.set_if(key, bad, ABSENT),
        ]
        if key not in model:
            acts += [
                lambda: d.setdefault(key, bad),
                lambda: d.transform(key, lambda value: bad, default=None),
            ]
        for act in acts:
            found = outcome(act)
            assert isinstance(found, type | tuple), f"{found!r} instead of an error"

    @rule(place=PLACES, key=KEYS, value=VALUES)
    def read_only(self, place: Any, key: Any, value: Any) -> None:
        d, model = self.at(place)
        if "read_only" not in d.get_params():
            return
        with reopened(d, read_only=True) as still:
            assert set(still) == set(model)
            for act in (
                lambda: still.__setitem__(key, self.real(value)),
                lambda: still.pop(key, None),
                lambda: still.delete_if_exists(key),
                lambda: still.set_if(key, self.real(value), ABSENT),
                lambda: still.set_many([(key, self.real(value))]),
            ):
                assert outcome(act) is NotSupported

    # Handles.

    @rule(number=st.integers(0, 1), how=CHOICES)
    def open_again(self, number: int, how: int) -> None:
        handle, other = self.handles[number], self.handles[1 - number]
        # A handle that differs from the other is to go on differing.
        source = other if self.case.twin is pickled else handle
        ways: list[Callable[[], D]] = [
            lambda: reopened(source),
            lambda: pickled(handle),
            lambda: source.get_subdict(),
        ]
        handle.close()
        self.handles[number] = ways[how % len(ways)]()

    @rule(number=st.integers(0, 1), which=st.integers(0, 1), lost=st.none() | KEYS)
    def copy(self, number: int, which: int, lost: Any) -> None:
        """To the same format, or to another; again, what was written or lost in between."""
        copy = self.copies[which]
        if lost is not None:
            copy.discard(lost)
        self.handles[number].copy_to(copy, delete=True)
        self.compare(copy)


def outcome(act: Callable[[], Any]) -> Any:
    """What an act gives, in a form that tells 1 from True; or the class of its error."""
    try:
        return repr(act())
    except BulkError as error:
        return BulkError, {SafeStrTuple(key) for key in error.failures}
    except (PersiDictError, KeyError, TypeError, ValueError) as error:
        return type(error)
