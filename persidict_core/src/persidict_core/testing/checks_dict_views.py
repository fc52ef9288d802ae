"""Checks of what a dictionary shows of itself: times, parts of it, its configuration."""

from __future__ import annotations

import pickle
import time
from typing import Any

from ..backend import ETags, Scope
from ..errors import URLError
from ..keys import SafeStrTuple
from ..persi_dict import PersiDict
from .checks_items import reopened
from .checks_mapping import MakeDict, filled, same
from .expecting import raised
from .racing import shared_among, teams


def read(d: PersiDict[Any], index: int, key: str) -> Any:
    """What another sees of an item, by every way to look; None if it sees none."""
    found = d.get(key)
    assert (key in d) is (key in set(d)) is (found is not None), "in, iteration and get differ"
    return found


def check_times_of_items(make_dict: MakeDict) -> None:
    """``timestamp`` and its sisters tell, in POSIX seconds, when each item was written.

    To mend: ``modified`` in ``stat`` and ``list_stats``.
    """
    d, model = filled(make_dict)
    times = {key: d.timestamp(key) for key in model}
    for key, time_ in times.items():
        assert isinstance(time_, float) and abs(time_ - time.time()) < 60, f"{key!r}: {time_}"
    assert dict(d.keys_and_timestamps()) == times, "keys_and_timestamps"
    if d.backend.capabilities.etags is not ETags.NONE:
        triples = list(d.items_and_timestamps())
        assert {key: value for key, value, _ in triples} == model, "items_and_timestamps"
        assert {key: time_ for key, _, time_ in triples} == times, "items_and_timestamps"
        pairs = sorted((repr(value), time_) for value, time_ in d.values_and_timestamps())
        assert pairs == sorted((repr(model[k]), t) for k, t in times.items()), "values_and_..."
    before = d.timestamp("a")
    d["a"] = "again"
    assert d.timestamp("a") >= before, "a later write has an earlier time"


def check_newest_and_oldest(make_dict: MakeDict) -> None:
    """``newest_keys``, ``oldest_keys`` and their values are lists in the order of the times.

    To mend: ``list_stats`` must tell the time that ``stat`` tells.
    """
    d = make_dict()
    for number in range(12):
        d[f"k{number:02}"] = number
    times: dict[Any, float] = {key: d.timestamp(key) for key in d}
    for newest, keys, values in (
        (True, d.newest_keys, d.newest_values),
        (False, d.oldest_keys, d.oldest_values),
    ):
        name = keys.__name__
        for max_n in (None, 0, 1, 5, 12, 99):
            found = keys(max_n)
            assert type(found) is list, f"{name} gave a {type(found).__name__}"
            wanted = sorted(times.values(), reverse=newest)[:max_n]
            assert [times[key] for key in found] == wanted, f"{name}({max_n}) gave {found}"
            assert len(set(found)) == len(found), f"{name}({max_n}) gave some twice"
            read_values = values(max_n)
            assert type(read_values) is list, f"{values.__name__} gave no list"
            assert [times[f"k{value:02}"] for value in read_values] == wanted, values.__name__
        assert keys() == keys(None), f"{name}() is not all"
    assert make_dict().newest_keys() == [] and make_dict().oldest_values(3) == [], "of none"


def check_random_key(make_dict: MakeDict) -> None:
    """``random_key`` gives each key now and then, and None where there is none.

    To mend: nothing in a backend.
    """
    d = make_dict()
    assert d.random_key() is None, "random_key of an empty dictionary"
    d.update({"a": 1, ("b", "c"): 2, "d": 3})
    found = {d.random_key() for _ in range(100)}
    assert found == {"a", ("b", "c"), "d"}, f"a hundred random keys of three were {found}"


def check_subdicts(make_dict: MakeDict) -> None:
    """A sub-dictionary is a live view of the keys below, without their beginning.

    To mend: ``list_prefix`` and ``list_children`` with a prefix.
    """
    d = make_dict()
    d.update({("a", "x"): 1, ("a", "y", "z"): 2, "b": 3})
    d.update({("ab", "x"): 4, "a": 5, ("c", "d", "e"): 6})
    a = d.get_subdict("a")
    assert type(a) is type(d), f"a sub-dictionary is a {type(a).__name__}"
    same(a, {"x": 1, ("y", "z"): 2}, "get_subdict")
    a["new"] = 7
    assert d["a", "new"] == 7, "writing below is not seen above"
    del d["a", "new"]
    same(a, {"x": 1, ("y", "z"): 2}, "deleting above")
    same(d.get_subdict(("a", "y")), {"z": 2}, "get_subdict of two strings")
    same(a.get_subdict("y"), {"z": 2}, "get_subdict of a sub-dictionary")
    same(pickle.loads(pickle.dumps(a)), {"x": 1, ("y", "z"): 2}, "a pickle of a sub-dictionary")
    same(reopened(d, prefix=("a",)), {"x": 1, ("y", "z"): 2}, "prefix=('a',)")
    same(reopened(a), {"x": 1, ("y", "z"): 2}, "get_params of a sub-dictionary")
    same(d.get_subdict("none"), {}, "get_subdict of nothing")
    same(d.get_subdict(), dict(d), "get_subdict of the whole")
    below = d.subdicts()
    assert sorted(below) == ["a", "ab", "c"], f"subdicts gave {sorted(below)}"
    same(below["c"], {("d", "e"): 6}, "subdicts")
    assert sorted(below["c"].subdicts()) == ["d"], "subdicts of a sub-dictionary"
    raised(ValueError, "get_subdict('..')", d.get_subdict, "..")
    a.clear()
    same(d, {"b": 3, ("ab", "x"): 4, "a": 5, ("c", "d", "e"): 6}, "clearing a sub-dictionary")
    assert list(make_dict().subdicts()) == [], "subdicts of nothing"


def check_pickles_open_the_same(make_dict: MakeDict) -> None:
    """A pickle is the configuration: it opens the same dictionary, with the same parameters.

    To mend: the backend's pickle (see its check of configuration).
    """
    d, model = filled(make_dict)
    for made in (pickle.loads(pickle.dumps(d)), reopened(d)):
        assert type(made) is type(d), f"made again it is a {type(made).__name__}"
        assert made.get_params() == d.get_params(), f"{made!r} is not {d!r}"
        same(made, model, "opening it again")
        made["a"] = d["a"] + 1
        model["a"] += 1
        same(d, model, "writing by another handle")
        made.close()
    with d as same_one:
        assert same_one is d, "with gives another"
    same(d, model, "closing")
    assert repr(d).startswith(type(d).__name__ + "("), f"repr is {d!r}"


def check_url_opens_the_same(make_dict: MakeDict) -> None:
    """Where a dictionary has a URL, opening it gives the same parameters; else it says why not.

    To mend: ``url`` and ``from_url`` of the backend and of the front class.
    """
    for params in ({}, {"file_type": "json"}, {"file_type": "txt", "base_class_for_values": str}):
        d = make_dict(**params)
        try:
            url = d.url
        except URLError as error:
            assert str(error), "the URLError of url says nothing"
            continue
        made = type(d).from_url(url)
        assert made.url == url, f"{url} opens a dictionary whose URL is {made.url}"
        for name in ("file_type", "prefix", "base_class_for_values", "digest_len"):
            found, wanted = getattr(made, name), getattr(d, name)
            assert found == wanted, f"{url} gives {name}={found!r}, not {wanted!r}"
        assert made.backend.get_params() == d.backend.get_params(), f"{url} opens another store"


def check_changes_are_seen_at_once(make_dict: MakeDict, scope: Scope | None = None) -> None:
    """What one handle has changed every other sees at once, in other processes too.

    To mend: see the backend's check of visibility.
    """
    d = make_dict()
    for number, team in enumerate(teams(d, 2, shared_among(d.backend, scope))):
        key = f"k{number}"
        for value in ("first", [1, 2], None, "again"):
            if value is None:
                del d[key]
            else:
                d[key] = value
            seen = team.run(read, key)
            assert seen == [value, value], f"set to {value!r}, but others see {seen}"


def check_keys_are_listed_as_they_are(make_dict: MakeDict) -> None:
    """Keys come back from walking as ``SafeStrTuple``, sortable, and find their items.

    To mend: listings must give paths as they were written.
    """
    d, model = filled(make_dict)
    keys: list[Any] = list(d)
    assert all(type(key) is SafeStrTuple for key in keys), f"keys: {keys}"
    assert sorted(keys) == sorted(map(SafeStrTuple, model)), "sorted keys"
    for key in keys:
        assert d[key] == model[key], f"the key {key!r} finds another value"
