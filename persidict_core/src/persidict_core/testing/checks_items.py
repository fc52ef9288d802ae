"""Checks of keys and values: which are taken, which refused, and that they come back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from ..backend import ABSENT, Scope
from ..errors import SerializationError
from ..jokers import KEEP_CURRENT
from ..keys import MAX_PART_LENGTH, SafeStrTuple
from ..persi_dict import PersiDict
from .checks_mapping import MakeDict, filled, same
from .expecting import raised

BAD_KEYS: Final[tuple[Any, ...]] = (
    "", ".", "..", "a/b", "/", "a b", "a\n", "é", "a\0", "a:b", "a\\b", "x" * (MAX_PART_LENGTH + 1),
    (), [], ("a", ""), ("a", ".."), ("a", "b/c"), ("..", "a"), [["a"], "b c"],
    None, 1, 1.5, b"a", ("a", 1), ("a", None), ("a", b"b"), {"a"}, {"a": 1}, object(),
)  # fmt: skip
"""None of these is a key."""

PLAIN_VALUES: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 2**70, 1.5, "", "text\r\n☃", [], {}, [1, [2, {"a": None}]],
    {"a": {"b": [1.5, "x"]}},
)  # fmt: skip
"""Values that every format of values keeps."""

PICKLED_VALUES: Final[tuple[Any, ...]] = (
    b"\0\xff", (1, 2), {1: 2, (3, 4): 5}, {1, 2}, frozenset("ab"), 1j, SafeStrTuple("a"), int,
    math.inf,
)  # fmt: skip
"""Values that a pickle keeps as well."""


def reopened(d: PersiDict[Any], **params: Any) -> PersiDict[Any]:
    """A second handle on the same store, with other parameters."""
    return type(d)(**{**d.get_params(), **params})


def check_keys_of_every_form(make_dict: MakeDict) -> None:
    """Strings, sequences and nested sequences are keys; the same strings are the same key.

    To mend: nothing in a backend, if its paths come back from listings as they were.
    """
    d = make_dict()
    forms: tuple[tuple[tuple[str, ...], list[Any]], ...] = (
        (("a",), ["a", ("a",), ["a"], [["a"]], SafeStrTuple("a")]),
        (("b", "c"), [("b", "c"), ["b", "c"], ("b", ("c",)), [["b"], "c"], SafeStrTuple("b", "c")]),
        (("b", "c", "d"), [(("b", "c"), "d"), (SafeStrTuple("b", "c"), "d")]),
    )
    for strings, keys in forms:
        for number, key in enumerate(keys):
            d[key] = number
            for other in keys:
                assert other in d and d[other] == number, f"{key!r} and {other!r} are not the same"
        assert SafeStrTuple(strings) in set(d), f"{strings} is not listed"
    assert len(d) == len(forms), f"the keys are {list(d)}"
    assert dict(d)["a"] == 4, "a key of one string is not found in a dict by the string"


def check_odd_keys(make_dict: MakeDict) -> None:
    """Every safe string is a key: with dots, digests, the file type's end, as long as may be.

    To mend: every path of the alphabet must work in the backend.
    """
    d = make_dict()
    limits = [MAX_PART_LENGTH]
    spent = len(d.file_type) + 1 + (d.digest_len + 1 if d.digest_len else 0)
    if d.backend.max_name_bytes is not None:
        limits.append(d.backend.max_name_bytes - spent)
    if d.backend.max_path_bytes is not None:
        folder = len("folder/") + (d.digest_len + 1 if d.digest_len else 0)
        limits.append(d.backend.max_path_bytes - folder - spent)
    keys = ["a", "A", ".a", "a.pkl", "a.pkl.pkl", "a.json", "a_btaxlooa", "-", "~", "="]
    keys.append("a" * min(limits))
    for number, key in enumerate(keys):
        d[key] = number
        d["folder", key] = number
    wanted: dict[Any, int] = {key: number for number, key in enumerate(keys)}
    if d.digest_len:
        # A string that ends in its own digest is the same as without it.
        digests = {"a_btaxlooa"} if d.digest_len == 8 else set()
        wanted = {key: n for key, n in wanted.items() if key not in digests}
        if digests:
            wanted["a"] = keys.index("a_btaxlooa")
    wanted |= {("folder", key): number for key, number in wanted.items()}
    same(d, wanted, "setting odd keys")


def check_bad_keys_are_refused(make_dict: MakeDict) -> None:
    """What is no key is a TypeError or ValueError from every verb, and nothing changes.

    To mend: nothing in a backend.
    """
    d, model = filled(make_dict)
    claims = d.backend.capabilities
    verbs: dict[str, Callable[[Any], object]] = {
        "d[key]": d.__getitem__,
        "d[key] = value": lambda key: d.__setitem__(key, 1),
        "d[key] = KEEP_CURRENT": lambda key: d.__setitem__(key, KEEP_CURRENT),
        "del d[key]": d.__delitem__,
        "in": d.__contains__,
        "get": d.get,
        "pop": lambda key: d.pop(key, None),
        "setdefault": lambda key: d.setdefault(key, 1),
        "timestamp": d.timestamp,
        "delete_if_exists": d.delete_if_exists,
        "get_many": lambda key: list(d.get_many([key])),
        "set_many": lambda key: d.set_many([("new", 1), (key, 1)]),
        "delete_many": lambda key: d.delete_many([key]),
        "get_with_etag": d.get_with_etag,
    }
    if min(claims.if_absent, claims.if_match, claims.delete_if) is not Scope.NONE:
        verbs["set_if"] = lambda key: d.set_if(key, 1, ABSENT)
        verbs["delete_if"] = lambda key: d.delete_if(key, "etag")
        verbs["transform"] = lambda key: d.transform(key, lambda value: 1, default=1)
    for name, verb in verbs.items():
        for key in BAD_KEYS:
            raised((TypeError, ValueError), f"{name} with the key {key!r:.40}", verb, key)
    same(d, model, "refusing bad keys")


def check_values_come_back(make_dict: MakeDict) -> None:
    """Values come back equal and of their type, as ``pkl`` and as ``json``; text as text.

    To mend: the backend must keep bytes as they are (see the checks of bytes).
    """
    for file_type, values in (("pkl", PLAIN_VALUES + PICKLED_VALUES), ("json", PLAIN_VALUES)):
        d = make_dict(file_type=file_type)
        d.update({f"v{number}": value for number, value in enumerate(values)})
        for number, value in enumerate(values):
            found = d[f"v{number}"]
            assert found == value and type(found) is type(value), f"{file_type}: {found!r}"
    text = make_dict(file_type="txt", base_class_for_values=str)
    for value in ("", "one\r\ntwo\rthree\n", "☃ 😀 naïve", "x" * 100_000):
        text["t"] = value
        assert text["t"] == value, f"text came back as {text['t']!r:.40}"


def check_values_are_copies(make_dict: MakeDict) -> None:
    """A value that was read is a copy; changing it, or what was written, changes nothing stored.

    To mend: nothing in a backend.
    """
    d = make_dict()
    value = [1]
    d["k"] = value
    value.append(2)
    d["k"].append(3)
    d.get("k", [0]).append(4)
    assert d["k"] == [1], f"the stored value became {d['k']}"


def check_long_values(make_dict: MakeDict) -> None:
    """A value of several megabytes is streamed out, and comes back.

    To mend: ``write_file`` and ``read_bytes`` for large objects.
    """
    d = make_dict()
    value = {"bytes": bytes(range(256)) * 12_000, "list": list(range(200_000))}
    d["long"] = value
    d["long"] = {**value, "again": True}
    assert d["long"] == {**value, "again": True}, "a long value came back otherwise"
    assert set(d) == {"long"}, f"a long value left {set(d)}"


def check_class_of_values(make_dict: MakeDict) -> None:
    """With ``base_class_for_values`` a value of another class is refused on every way in and out.

    To mend: nothing in a backend.
    """
    d = make_dict(base_class_for_values=int)
    d.update({"a": 1, "b": True})
    writes: dict[str, Callable[[], object]] = {
        "d[key] = value": lambda: d.__setitem__("a", "text"),
        "setdefault": lambda: d.setdefault("new", "text"),
        "update": lambda: d.update({"new": 2, "a": "text"}),
        "set_many": lambda: d.set_many([("a", None)]),
    }
    claims = d.backend.capabilities
    if min(claims.if_absent, claims.if_match) is not Scope.NONE:
        writes["set_if"] = lambda: d.set_if("new", "text", ABSENT)
        writes["transform"] = lambda: d.transform("a", str)
    for name, write in writes.items():
        raised(TypeError, f"{name} with a value of another class", write)
        same(d, {"a": 1, "b": True}, f"{name} with a value of another class")
    reopened(d, base_class_for_values=None)["c"] = "text"
    raised(TypeError, "reading a value of another class", d.__getitem__, "c")


def check_unusable_values_are_refused(make_dict: MakeDict) -> None:
    """What a format cannot keep is a ``SerializationError`` with key and type; the old value stays.

    To mend: nothing may be written before the value is bytes; an interrupted ``write_file`` drops.
    """
    unusable: tuple[tuple[str, Any], ...] = (
        ("pkl", lambda: 1),
        ("pkl", [b"x" * 3_000_000, lambda: 1]),
        ("json", {1: 2}),
        ("json", {"py/object": "x"}),
    )
    for file_type, value in unusable:
        d = make_dict(file_type=file_type)
        d["kept"] = "old"
        for key in ("kept", "new"):
            what = f"{file_type}: writing {value!r:.40}"
            error = raised(SerializationError, what, d.__setitem__, key, value)
            assert error.key == key and error.file_type == file_type, f"the error tells {error}"
        same(d, {"kept": "old"}, f"refusing a value as {file_type}")


def check_damaged_values_are_told(make_dict: MakeDict) -> None:
    """Foreign, cut or empty bytes are a ``SerializationError`` on reading; other items are well.

    To mend: nothing in a backend.
    """
    for file_type in ("pkl", "json"):
        d = make_dict(file_type=file_type)
        d.update({"good": [1, 2, 3] * 100, "bad": [1, 2, 3] * 100})
        (path,) = (path for path in d.backend.list_prefix() if "bad" in path)
        whole = d.backend.read_bytes(path)
        for data in (b"", b"\0", b"foreign bytes", whole[:-5], whole[: len(whole) // 2]):
            d.backend.write_bytes(path, data)
            for name, read in (("d[key]", d.__getitem__), ("get", d.get)):
                error = raised(SerializationError, f"{name} of {data!r:.30}", read, "bad")
                assert error.key == "bad" and error.path == path, f"the error tells {error}"
        assert d["good"] == [1, 2, 3] * 100 and "bad" in d and len(d) == 2, "the others"
        d["bad"] = "mended"
        assert d["bad"] == "mended", "a damaged item cannot be replaced"


def check_without_pickle(make_dict: MakeDict) -> None:
    """``allow_pickle=False`` neither writes nor reads what could run code; plain data works.

    To mend: nothing in a backend.
    """
    pickles = make_dict()
    pickles["k"] = [1]
    wary = reopened(pickles, allow_pickle=False)
    raised(SerializationError, "reading a pickle with allow_pickle=False", wary.__getitem__, "k")
    raised(SerializationError, "pickling with allow_pickle=False", wary.__setitem__, "k", [2])
    assert pickles["k"] == [1], "a refused write changed the value"
    d = make_dict(file_type="json", allow_pickle=False)
    d["k"] = {"plain": [1, None, "x"]}
    assert d["k"] == {"plain": [1, None, "x"]}, "plain json with allow_pickle=False"
    raised(SerializationError, "json of a set with allow_pickle=False", d.__setitem__, "k", {1})


def check_size_limit(make_dict: MakeDict) -> None:
    """``max_value_bytes`` bounds what is read, also what a small compressed value would become.

    To mend: nothing in a backend, if ``stat`` tells the right size.
    """
    d = make_dict(max_value_bytes=10_000)
    d["small"] = "x" * 100
    assert d["small"] == "x" * 100, "a value below the limit"
    unlimited = reopened(d, max_value_bytes=None)
    unlimited["bomb"] = "x" * 3_000_000
    unlimited["large"] = [float(number) ** 0.5 for number in range(3_000)]
    for key in ("bomb", "large"):
        raised(SerializationError, f"reading {key!r} over max_value_bytes", d.__getitem__, key)


def check_strange_objects_are_no_items(make_dict: MakeDict) -> None:
    """Objects of other types or names in the same store are no items, and break nothing.

    To mend: nothing in a backend.
    """
    d, model = filled(make_dict)
    others = reopened(d, file_type="json")
    others["a"] = others["only", "json"] = 5
    for path in ("readme", "folder/readme.txt", "no.type.at.all"):
        d.backend.write_bytes(path, b"stranger")
    same(d, model, "strangers wrote")
    same(others, {"a": 5, ("only", "json"): 5}, "strangers wrote")
    d.clear()
    same(others, {"a": 5, ("only", "json"): 5}, "clearing the other type")
    assert d.backend.exists("readme"), "clear deleted a stranger's object"
