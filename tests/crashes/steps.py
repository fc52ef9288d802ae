"""What a dictionary goes through before it crashes, and what may be in it afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from persidict_core import ABSENT, PersiDict, SerializationError

Key = tuple[str, ...]
Model = dict[Key, Any]


class Step(NamedTuple):
    """One call of a dictionary.

    Attributes:
        verb: Which; one of those in `perform`.
        items: The keys, with the values that they have afterwards; deleted ones have None.
    """

    verb: str
    items: Model


def perform(d: PersiDict[Any], step: Step) -> None:
    """Do a step; it must be possible."""
    items = step.items
    key, value = next(iter(items.items()))
    if step.verb == "set":
        d[key] = value
    elif step.verb == "create":
        d.set_if(key, value, ABSENT)
    elif step.verb == "set_if":
        d.set_if(key, value, d.get_with_etag(key)[1])
    elif step.verb == "transform":
        d.transform(key, lambda _: value, default=None)
    elif step.verb == "setdefault":
        assert d.setdefault(key, value) == value
    elif step.verb == "update":
        d.update(items)
    elif step.verb == "delete":
        del d[key]
    elif step.verb == "delete_if":
        d.delete_if(key, d.get_with_etag(key)[1])
    elif step.verb == "pop":
        d.pop(key)
    elif step.verb == "delete_many":
        d.delete_many(items)
    else:
        raise ValueError(step.verb)


_WRITING: Final = ("set", "set", "set_if", "transform", "update")
_CREATING: Final = ("set", "create", "setdefault", "transform", "update")
_DELETING: Final = ("delete", "delete_if", "pop", "delete_many")


def random_steps(
    chance: random.Random, keys: list[Key], sizes: list[int], there: Iterable[Key] = ()
) -> Iterator[Step]:
    """Steps without end, each of which is possible after those before it.

    Args:
        chance: Chooses them.
        keys: The keys that are written and deleted.
        sizes: How long the values are, in bytes.
        there: Those of the keys that are there at first.
    """
    there = set(there)
    while True:
        key = chance.choice(keys)
        verb = chance.choice(_CREATING if key not in there else _WRITING + _DELETING)
        some = {key}
        if verb == "update":
            some.update(chance.sample(keys, chance.randint(1, len(keys))))
        elif verb == "delete_many":
            some.update(chance.sample(keys, chance.randint(1, len(keys))))
            some &= there
        if verb in _DELETING:
            there -= some
            yield Step(verb, dict.fromkeys(sorted(some)))
        else:
            there |= some
            yield Step(verb, {k: chance.randbytes(chance.choice(sizes)) for k in sorted(some)})


class Case(NamedTuple):
    """A step that something happens to.

    Attributes:
        before: What is in the dictionary.
        step: The step.
    """

    before: Model
    step: Step


def cases() -> list[Case]:
    """Each verb, on what is there and on what is not; a large value, and many."""
    key: Key = ("folder", "below", "a")
    many: list[Key] = [("a",), ("b",), ("folder", "a"), ("folder", "b"), key]
    there: Model = {key: b"old"}
    return [
        *(Case(there, Step(verb, {key: b"new"})) for verb in ("set", "set_if", "transform")),
        *(Case(there, Step(verb, {key: None})) for verb in ("delete", "delete_if", "pop")),
        *(Case({}, Step(verb, {key: b"new"})) for verb in ("create", "setdefault", "transform")),
        Case(there, Step("set", {key: random.randbytes(1_200_000)})),
        Case(dict.fromkeys(many, b"old"), Step("update", dict.fromkeys(many, b"new"))),
        Case(dict.fromkeys(many, b"old"), Step("delete_many", dict.fromkeys(many))),
    ]


def after(model: Model, step: Step) -> Model:
    """What is in a dictionary after a step."""
    return {key: value for key, value in {**model, **step.items}.items() if value is not None}


def read(d: PersiDict[Any]) -> Model:
    """All that is in a dictionary, by listing and by reading; what cannot be read says so."""
    found: Model = {}
    for key in d:
        try:
            found[tuple(key)] = d[key]
        except SerializationError as error:
            found[tuple(key)] = f"torn: {error}"
    return found


def faults(found: Model, before: Model, step: Step | None) -> list[str]:
    """What is wrong in a dictionary that crashed.

    Args:
        found: What was read from it afterwards.
        before: What was in it when the last call returned.
        step: The call that was under way, if one was.

    Returns:
        Each fault, in words; none if each key has its old value or, where the call was to change
        it, its new one.
    """
    changed = {} if step is None else step.items
    wrong = []
    for key in {**before, **changed, **found}:
        value = found.get(key)
        if value != before.get(key) and (key not in changed or value != changed[key]):
            wrong.append(
                f"{'/'.join(key)}: {_short(value)} is there; {_short(before.get(key))} was, and "
                f"{_short(changed.get(key, before.get(key)))} would have been"
            )
    return wrong


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str) or len(value) < 30:
        return repr(value)
    return f"{len(value)} bytes {value[:8]!r}..."
