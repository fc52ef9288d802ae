"""Checks of the mapping: it does what a ``dict`` does, but keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, Final

from ..keys import SafeStrTuple
from ..persi_dict import PersiDict
from .expecting import raised

MakeDict = Callable[..., PersiDict[Any]]

_ITEMS: Final[dict[Any, Any]] = {
    "a": 1, "b": None, ("a", "b"): [1, 2], ("x", "y", "z"): {"k": "v"}, "empty": "", "zero": 0
}  # fmt: skip


def filled(make_dict: MakeDict, **params: Any) -> tuple[PersiDict[Any], dict[Any, Any]]:
    """A dictionary with some items, and a ``dict`` with the same."""
    d = make_dict(**params)
    assert isinstance(d, PersiDict), f"make_dict gave a {type(d).__name__}, no PersiDict"
    assert not d and len(d) == 0 and list(d) == [], "make_dict gave a dictionary with items"
    for key, value in _ITEMS.items():
        d[key] = value
    return d, dict(_ITEMS)


def same(d: PersiDict[Any], wanted: Mapping[Any, Any], after: str) -> None:
    """Demand that a dictionary holds what a ``dict`` holds, by every way to look."""
    assert dict(d.items()) == wanted, f"after {after}: {dict(d.items())}, not {wanted}"
    assert len(d) == len(wanted), f"after {after}: len is {len(d)}, not {len(wanted)}"
    assert bool(d) is bool(wanted), f"after {after}: bool is {bool(d)}"
    assert set(d) == set(wanted), f"after {after}: the keys are {set(d)}"
    for key, value in wanted.items():
        assert key in d and d[key] == value, f"after {after}: {key!r} is missing or changed"


def check_items_come_and_go(make_dict: MakeDict) -> None:
    """Items are set, replaced, read, found and deleted as in a ``dict``.

    To mend: ``write_bytes``, ``read_bytes``, ``exists``, ``delete`` and ``list_prefix``.
    """
    d, model = filled(make_dict)
    assert isinstance(d, MutableMapping), "it is no MutableMapping"
    same(d, model, "setting")
    d["a"] = model["a"] = "replaced"
    same(d, model, "replacing")
    del d["a"], model["a"]
    same(d, model, "deleting")
    assert "a" not in d and ("a", "c") not in d and "x" not in d, "what is absent is in it"
    assert ("a", "b") in d, "deleting 'a' took ('a', 'b') along"
    assert d.get("a") is None and d.get("a", 7) == 7 and d.get("b", 7) is None, "get"


def check_missing_keys_raise(make_dict: MakeDict) -> None:
    """A missing key is a plain ``KeyError`` of that very key.

    To mend: ``ObjectNotFound`` from the backend, for what is proven absent.
    """
    d, model = filled(make_dict)
    verbs: dict[str, Callable[[Any], object]] = {
        "d[key]": d.__getitem__,
        "del d[key]": d.__delitem__,
        "pop": d.pop,
        "timestamp": d.timestamp,
    }
    for key in ("missing", ("a", "missing"), ("missing", "b"), "x"):
        for name, verb in verbs.items():
            error = raised(KeyError, f"{name} of the missing {key!r}", verb, key)
            assert type(error) is KeyError and error.args == (key,), f"{name} raised {error!r}"
        assert d.pop(key, 5) == 5, "pop with a default"
    same(d, model, "looking for missing keys")
    raised(KeyError, "popitem of an empty dictionary", make_dict().popitem)


def check_views(make_dict: MakeDict) -> None:
    """``keys``, ``values`` and ``items`` are live views, set-like as those of ``dict``.

    To mend: nothing in a backend, if the other checks pass.
    """
    d, model = filled(make_dict)
    keys, values, items = d.keys(), d.values(), d.items()
    d["late"] = model["late"] = 9
    assert set(keys) == set(model) and len(keys) == len(model), f"keys: {set(keys)}"
    assert sorted(map(repr, values)) == sorted(map(repr, model.values())), "values"
    assert len(values) == len(items) == len(model), "the length of values or items"
    assert dict(items) == model, "items"
    assert "late" in keys and "no" not in keys and 9 in values and 8 not in values, "in a view"
    assert ("late", 9) in items and ("late", 8) not in items and ("no", 9) not in items, "in items"
    assert keys & {"a", "no"} == {"a"} and "no" in keys | {"no"}, "& or | of keys"
    assert keys - {"a"} == set(model) - {"a"} and keys >= {"a", "b"}, "- or >= of keys"
    assert isinstance(iter(d), Iterator), "iter gives no iterator"
    for key in d:
        assert isinstance(key, SafeStrTuple), f"a key is a {type(key).__name__}"


def check_equality_and_union(make_dict: MakeDict) -> None:
    """``==`` compares contents, ``|`` gives a plain ``dict``, ``|=`` writes.

    To mend: nothing in a backend, if the other checks pass.
    """
    d, model = filled(make_dict)
    assert d == model and model == d, "it does not equal the dict of its items"
    assert d != {**model, "a": 2} and d != {**model, "new": 2}, "it equals other items"
    assert d != {key: value for key, value in model.items() if key != "a"} and d != 5, "fewer"
    assert dict(d) == model, "dict(d)"
    for union, wanted in ((d | {"a": 5, "n": 6}, model | {"a": 5, "n": 6}), ({"a": 5} | d, model)):
        assert type(union) is dict and union == wanted, f"| gave {union!r}"
    before = d
    d |= {"a": 7, "n": 8}
    assert d is before, "|= made another dictionary"
    same(d, model | {"a": 7, "n": 8}, "|=")
    raised(TypeError, "hash(d)", hash, d)


def check_update(make_dict: MakeDict) -> None:
    """``update`` takes a mapping, pairs, anything with keys, and keywords.

    To mend: ``write_many`` takes any iterable of pairs, an empty one too.
    """

    class HasKeys:
        def keys(self) -> list[str]:
            return ["k"]

        def __getitem__(self, key: str) -> int:
            return 3

    d, model = filled(make_dict)
    for other in ({"a": 2, "new": 3}, [("a", 4), (("p", "q"), 5)], iter([("a", 6)]), {}):
        pairs = dict(other)
        d.update(pairs if isinstance(other, Iterator) else other)
        model.update(pairs)
        same(d, model, f"update({other!r})")
    d.update(HasKeys(), a=8, z=9)
    model.update({"k": 3, "a": 8, "z": 9})
    same(d, model, "update with keys() and keywords")
    d.update()
    copy = make_dict()
    copy.update(d)
    same(copy, model, "update from another dictionary")


def check_taking_out(make_dict: MakeDict) -> None:
    """``pop``, ``popitem``, ``setdefault``, ``delete_if_exists``, ``clear`` do as in ``dict``.

    To mend: ``delete``, ``delete_if`` and ``delete_many``.
    """
    d, model = filled(make_dict)
    assert d.pop("a") == model.pop("a") and d.pop("a", None) is None, "pop"
    same(d, model, "pop")
    assert d.setdefault("b", 5) is None, "setdefault of an item with the value None"
    assert d.setdefault("new", [5]) == [5] and d.setdefault("new", 6) == [5], "setdefault"
    model["new"] = [5]
    same(d, model, "setdefault")
    assert d.delete_if_exists("new") is True and d.delete_if_exists("new") is False, "if exists"
    assert d.discard("b") is True and d.discard("b") is False, "discard"
    del model["new"], model["b"]
    same(d, model, "delete_if_exists and discard")
    key, value = d.popitem()
    assert model.pop(key) == value, f"popitem gave {key!r}: {value!r}"
    same(d, model, "popitem")
    while d:
        d.popitem()
    same(d, {}, "popitem of all")
    d.update(_ITEMS)
    d.clear()
    d.clear()
    same(d, {}, "clear")


def check_walking_passes_over_what_goes(make_dict: MakeDict) -> None:
    """Deleting and adding while one walks is no error, and what stays is met once.

    To mend: ``list_prefix`` streams and passes over what vanishes; reading it is no error.
    """
    d = make_dict()
    d.update({f"k{number}": number for number in range(40)})
    for walk in (d.items, d.keys, d.values, d.items_and_timestamps, d.keys_and_timestamps):
        if walk == d.items_and_timestamps and d.backend.capabilities.etags.value == "none":
            continue
        d.update({f"k{number}": number for number in range(40)})
        met = 0
        for _ in walk():
            if not met:
                d.delete_many(f"k{number}" for number in range(0, 40, 2))
                d["added"] = 100
            met += 1
        assert 20 <= met <= 41, f"{walk.__name__} met {met} items, 20 were there all the time"
        assert set(d) == {f"k{number}" for number in range(1, 40, 2)} | {"added"}, "what is left"
