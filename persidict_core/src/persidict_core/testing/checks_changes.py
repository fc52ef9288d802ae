"""Checks of changes that are more than a write: jokers, immutable items, conditions."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from ..backend import ABSENT, ANY, ETags, Scope
from ..errors import BulkError, ImmutableItemError, NotSupported, PreconditionFailed
from ..jokers import DELETE_CURRENT, KEEP_CURRENT
from ..persi_dict import PersiDict
from .checks_items import reopened
from .checks_mapping import MakeDict, same
from .expecting import raised


def claims_conditions(d: PersiDict[Any]) -> bool:
    """Whether the backend claims all that ``transform`` needs."""
    can = d.backend.capabilities
    return min(can.if_absent, can.if_match) is not Scope.NONE


def check_jokers(make_dict: MakeDict) -> None:
    """``KEEP_CURRENT`` changes nothing, ``DELETE_CURRENT`` deletes, on every way to write.

    To mend: nothing in a backend.
    """
    d = make_dict()

    def write(key: str, value: Any) -> None:
        d[key] = value

    ways: dict[str, Callable[[str, Any], object]] = {
        "d[key] = joker": write,
        "update": lambda key, value: d.update({key: value}),
        "update by keyword": lambda key, value: d.update(**{key: value}),
        "|=": lambda key, value: d.__ior__({key: value}),
        "set_many": lambda key, value: d.set_many([(key, value)]),
    }
    if claims_conditions(d) and d.backend.capabilities.delete_if is not Scope.NONE:
        ways["transform"] = lambda key, value: d.transform(key, lambda _: value, default=0)
    for name, way in ways.items():
        d.update({"a": 1, "b": 2})
        way("a", KEEP_CURRENT)
        way("new", KEEP_CURRENT)
        same(d, {"a": 1, "b": 2}, f"KEEP_CURRENT by {name}")
        way("a", DELETE_CURRENT)
        way("new", DELETE_CURRENT)
        same(d, {"b": 2}, f"DELETE_CURRENT by {name}")
    d.update({"a": KEEP_CURRENT, "b": DELETE_CURRENT, "c": 3})
    same(d, {"c": 3}, "an update with a joker an item")
    for joker in (KEEP_CURRENT, DELETE_CURRENT):
        for key in ("c", "new"):
            raised(TypeError, f"setdefault({joker!r})", d.setdefault, key, joker)
    d["data"] = [KEEP_CURRENT, {"x": DELETE_CURRENT}]
    found = d["data"]
    assert found[0] is KEEP_CURRENT and found[1]["x"] is DELETE_CURRENT, f"inside: {found!r}"


def check_jokers_under_conditions(make_dict: MakeDict) -> None:
    """In ``set_if`` a joker keeps or deletes only if the item is as expected.

    To mend: ``write_if`` and ``delete_if`` of the backend, and their claims.
    """
    d = make_dict()
    can = d.backend.capabilities
    needed = {1: can.if_match, DELETE_CURRENT: can.delete_if}
    refused = [value for value, claim in needed.items() if claim is Scope.NONE]
    for value in refused:
        raised(NotSupported, "set_if(etag), not claimed,", d.set_if, "a", value, "etag")
    if refused:
        return
    d["a"] = 1
    etag = str(d.get_with_etag("a")[1])
    assert d.set_if("a", KEEP_CURRENT, etag) == etag, "set_if(KEEP_CURRENT) gave another etag"
    assert d.set_if("new", KEEP_CURRENT, ABSENT) is ABSENT, "set_if(KEEP_CURRENT, ABSENT)"
    for joker in (KEEP_CURRENT, DELETE_CURRENT):
        for key, expect in (("a", etag + "0"), ("a", ABSENT), ("new", etag)):
            raised(PreconditionFailed, f"set_if({joker!r})", d.set_if, key, joker, expect)
    same(d, {"a": 1}, "jokers whose condition did not hold")
    assert d.set_if("a", DELETE_CURRENT, etag) is ABSENT, "set_if(DELETE_CURRENT)"
    assert d.set_if("a", DELETE_CURRENT, ABSENT) is ABSENT, "deleting what is absent, as expected"
    same(d, {}, "set_if(DELETE_CURRENT)")


def check_immutable_items(make_dict: MakeDict) -> None:
    """With ``immutable_items`` what was written is neither changed nor deleted, by no verb.

    To mend: ``write_if(ABSENT)`` and its claim; without the claim the dictionary must refuse.
    """
    plain = make_dict()
    if plain.backend.capabilities.if_absent is Scope.NONE:

        def write() -> None:
            make_dict(immutable_items=True)["a"] = 1

        raised(NotSupported, "immutable_items without if_absent", write)
        return
    d = reopened(plain, immutable_items=True)
    d["a"] = 1
    d.update({"b": 2, "c": 3})
    items = {"a": 1, "b": 2, "c": 3}
    changes: dict[str, Callable[[], object]] = {
        "d[key] = value": lambda: d.__setitem__("a", 5),
        "d[key] = the same": lambda: d.__setitem__("a", 1),
        "d[key] = DELETE_CURRENT": lambda: d.__setitem__("a", DELETE_CURRENT),
        "del d[key]": lambda: d.__delitem__("a"),
        "pop": lambda: d.pop("a"),
        "popitem": d.popitem,
        "clear": d.clear,
        "delete_if_exists": lambda: d.delete_if_exists("a"),
        "discard": lambda: d.discard("a"),
        "delete_many": lambda: d.delete_many(["a", "b"]),
        "update with DELETE_CURRENT": lambda: d.update({"a": DELETE_CURRENT}),
        "get_subdict().clear": lambda: d.get_subdict().clear(),
        "transform": lambda: d.transform("a", lambda value: value + 1),
        "set_if(etag)": lambda: d.set_if("a", 5, plain.backend.stat(path).etag),
        "delete_if": lambda: d.delete_if("a", plain.backend.stat(path).etag),
    }
    path = next(path for path in d.backend.list_prefix() if path.startswith("a"))
    can = plain.backend.capabilities
    for name, change in changes.items():
        wanted: Any = ImmutableItemError
        if min(can.if_match, can.delete_if) is Scope.NONE:
            wanted = (ImmutableItemError, NotSupported)
        raised(wanted, f"{name} of an immutable item", change)
        same(d, items, f"{name} of an immutable item")
    error = raised(BulkError, "update with a taken key", d.update, {"a": 9, "new": 4, "b": 9})
    told = {key: type(failure) for key, failure in error.failures.items()}
    assert told == {"a": ImmutableItemError, "b": ImmutableItemError}, f"failures: {told}"
    same(d, {**items, "new": 4}, "an update of which some were taken")
    assert d.setdefault("a", 9) == 1 and d.setdefault("later", 5) == 5, "setdefault"
    d["a"] = KEEP_CURRENT
    same(d, {**items, "new": 4, "later": 5}, "setdefault and KEEP_CURRENT")


def check_etags_of_items(make_dict: MakeDict) -> None:
    """``get_with_etag`` gives a value with the etag of that version, or the default and ABSENT.

    To mend: ``read_versioned`` gives bytes and stat of one version.
    """
    d = make_dict()
    if d.backend.capabilities.etags is ETags.NONE:
        d["a"] = 1
        raised(NotSupported, "get_with_etag without etags", d.get_with_etag, "a")
        return
    assert d.get_with_etag("a") == (None, ABSENT), "get_with_etag of a missing item"
    assert d.get_with_etag("a", 5) == (5, ABSENT), "get_with_etag with a default"
    d["a"] = [1]
    value, first = d.get_with_etag("a")
    assert value == [1] and isinstance(first, str), f"get_with_etag gave {value!r}, {first!r}"
    d["a"] = [2]
    value, second = d.get_with_etag("a")
    assert value == [2] and second != first, "another value has the same etag"
    assert d.get_with_etag("a") == ([2], second), "the etag changed without a write"


def check_set_if_and_delete_if(make_dict: MakeDict) -> None:
    """``set_if`` and ``delete_if`` act on the expected version only; else nothing changes.

    To mend: ``write_if`` and ``delete_if``, or the claim of them.
    """
    d = make_dict()
    can = d.backend.capabilities
    if can.if_absent is Scope.NONE:
        raised(NotSupported, "set_if(ABSENT), not claimed,", d.set_if, "a", 1, ABSENT)
    else:
        etag = d.set_if("a", 1, ABSENT)
        assert can.etags is ETags.NONE or d.get_with_etag("a") == (1, etag), "set_if gave another"
        raised(PreconditionFailed, "set_if(ABSENT) of an item", d.set_if, "a", 2, ABSENT)
    d["a"] = 1
    for wrong in (None, ANY, 5, b"x"):
        raised(TypeError, f"set_if(expect={wrong!r})", d.set_if, "a", 2, wrong)
        raised(TypeError, f"delete_if(expect={wrong!r})", d.delete_if, "a", wrong)
    same(d, {"a": 1}, "refused conditions")
    old = "etag" if can.etags is ETags.NONE else str(d.get_with_etag("a")[1])
    if can.if_match is Scope.NONE:
        raised(NotSupported, "set_if(etag), not claimed,", d.set_if, "a", 2, old)
        same(d, {"a": 1}, "a refused set_if")
    else:
        new = d.set_if("a", 2, old)
        assert d.get_with_etag("a") == (2, new), "set_if gave another etag"
        for key, expect in (("a", old), ("a", "other"), ("missing", new)):
            raised(PreconditionFailed, f"set_if({key!r}, {expect!r})", d.set_if, key, 3, expect)
        same(d, {"a": 2}, "set_if")
    if can.delete_if is Scope.NONE:
        raised(NotSupported, "delete_if, not claimed,", d.delete_if, "a", old)
        assert "a" in d, "a refused delete_if deleted"
        return
    d["a"] = 3
    _, now = d.get_with_etag("a")
    for key, expect in (("a", old), ("missing", now)):
        raised(PreconditionFailed, f"delete_if({key!r}, {expect!r})", d.delete_if, key, expect)
    same(d, {"a": 3}, "delete_if whose condition did not hold")
    d.delete_if("a", str(now))
    same(d, {}, "delete_if")


def check_transform(make_dict: MakeDict) -> None:
    """``transform`` replaces a value by a function of it, and of no version but the stored one.

    To mend: ``read_versioned`` and ``write_if``; ``PreconditionFailed`` where it was overtaken.
    """
    d = make_dict()
    if not claims_conditions(d):
        d["a"] = 1
        raised(NotSupported, "transform, not claimed,", d.transform, "a", str)
        same(d, {"a": 1}, "a refused transform")
        return
    error = raised(KeyError, "transform of a missing item", d.transform, "a", str)
    assert error.args == ("a",) and not d, f"transform raised {error!r}, holds {dict(d)}"
    assert d.transform("a", lambda value: [*value, 1], default=[]) == [1], "the stored value"
    assert d.transform("a", lambda value: [*value, 2]) == [1, 2], "the stored value"
    assert d.transform("a", lambda value: None, default=5) is None and d["a"] is None, "to None"
    other, calls = pickle.loads(pickle.dumps(d)), []

    def overtaken(value: Any) -> Any:
        calls.append(value)
        if len(calls) < 4:
            other["a"] = len(calls)
        return ("last saw", value)

    assert d.transform("a", overtaken) == ("last saw", 3), "an overtaken transform"
    assert calls == [None, 1, 2, 3], f"its function saw {calls}"

    def fails(value: Any) -> Any:
        raise ZeroDivisionError

    raised(ZeroDivisionError, "a function that raises in transform", d.transform, "a", fails)
    same(d, {"a": ("last saw", 3)}, "transform")
    assert d.transform("a", lambda _: KEEP_CURRENT) == ("last saw", 3), "KEEP_CURRENT in transform"
    if d.backend.capabilities.delete_if is Scope.NONE:
        raised(NotSupported, "DELETE_CURRENT", d.transform, "a", lambda _: DELETE_CURRENT)
        same(d, {"a": ("last saw", 3)}, "a refused transform to DELETE_CURRENT")
        return
    assert d.transform("a", lambda _: DELETE_CURRENT) is DELETE_CURRENT, "DELETE_CURRENT"
    same(d, {}, "transform to DELETE_CURRENT")
