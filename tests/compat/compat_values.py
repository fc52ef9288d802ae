"""Values that both packages write and read, and how to tell whether one came back.

Imported by the tests and, in another interpreter, by `published.py`: both know `Point` by the same
name.
"""

import datetime
import decimal
import uuid

import numpy
import pandas


class Point:
    """An object with a state, which may hold others."""

    def __init__(self, x, around=()):
        self.x = x
        self.around = around

    def __eq__(self, other):
        return type(other) is Point and difference(vars(self), vars(other)) is None

    __hash__ = None


def make_values():
    """Each file type's values by name, made anew."""
    shared = [1, 2]
    plain = {
        "integer": 3,
        "large": 2**70,
        "number": 1.5,
        "infinity": float("inf"),
        "nothing": None,
        "text": 'caf\u00e9 \u4e2d \U0001f600 "quoted" \\ \n\t\x7f',
        "list": [1, [2.5, None], True, [], {}],
        "dict": {"b": 1, "a": {"nested": ["x"], "": None}},
        "twice": [shared, shared],
    }
    rich = {
        "tuple": (1, (2, "x"), ()),
        "set": {1, 2, 3},
        "frozen": frozenset({"a"}),
        "bytes": b"\x00ab\xff",
        "time": datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.UTC),
        "date": datetime.date(1999, 12, 31),
        "id": uuid.UUID(int=7),
        "decimal": decimal.Decimal("1.50"),
        "complex": 1 + 2j,
        "class": Point,
        "point": Point(1, [Point(2.5), {"p": Point((3,), {"deep": {1}})}]),
        "array": numpy.arange(4),
        "floats": numpy.linspace(0, 1, 50),
        "matrix": numpy.arange(40.0).reshape(5, 8),
        "turned": numpy.arange(40).reshape(5, 8).T,
        "single": numpy.arange(5, dtype="float32"),
        "words": numpy.array(["a", "bc", "\u4e2d"]),
        "scalar": numpy.float64(2.5),
        "in a dict": {"a": numpy.arange(3), "n": [numpy.arange(30)]},
        "frame": pandas.DataFrame({"x": [1.5, 2.5], "y": [1, 2]}),
        "frame of words": pandas.DataFrame({"x": [1, 2], "y": ["p", "q"]}, index=["a", "b"]),
        "frame in a dict": {"f": [pandas.DataFrame({"x": numpy.arange(300.0)})]},
        "series": pandas.Series([1.5, 2.5], name="s"),
    }
    picklable = {
        "int keys": {1: "a", (2, 3): "b"},
        "range": range(3),
        "bytearray": bytearray(b"abc"),
        "objects": numpy.array([1, "a", None], dtype=object),
        "big-endian": numpy.arange(3, dtype=">i4").astype("<i4"),
        "long": "ab" * 1_500_000,
        "long array": numpy.arange(400_000),
        "many": {f"key {n}": [n, str(n)] for n in range(20_000)},
        "missing": pandas.DataFrame({"x": pandas.array([1, None], dtype="Int64")}),
        "categories": pandas.Series(pandas.Categorical(["a", "b", "a"])),
        "moments": pandas.DataFrame({"t": pandas.to_datetime(["2020-01-01", "2021-02-03"])}),
        "words in a series": pandas.Series(["a", "b", None]),
    }
    text = {
        "empty": "",
        "lines": "line 1\nline 2\n",
        "wide": "caf\u00e9 \u4e2d \U0001f600",
        "newlines": "one\r\ntwo\rthree \u4e2d\n",
    }
    return {
        "pkl": plain | rich | picklable,
        "json": plain | rich,
        "txt": text,
    }


def make_key(name):
    """The key of a value: two parts, one of them not a plain word."""
    return "some-values", name.replace(" ", "_")


def difference(expected, found, frame_dtypes=True):
    """What differs, as text; None if nothing does.

    A type counts, and so does a dtype, unless it is said that those of frames do not.
    """
    if type(expected) is not type(found):
        return f"{type(expected).__name__} became {type(found).__name__}"
    if isinstance(expected, numpy.ndarray):
        if expected.dtype != found.dtype or expected.shape != found.shape:
            return f"{expected.dtype} {expected.shape} became {found.dtype} {found.shape}"
        return difference(expected.tolist(), found.tolist())
    if isinstance(expected, (pandas.DataFrame, pandas.Series)):
        try:
            if isinstance(expected, pandas.DataFrame):
                # Whether pyarrow stores a column's name is left to the pandas that reads it.
                pandas.testing.assert_frame_equal(
                    *without_storage(expected, found),
                    check_dtype=frame_dtypes,
                    check_column_type=False,
                )
            else:
                pandas.testing.assert_series_equal(expected, found)
        except AssertionError as error:
            return str(error)
        return None
    if isinstance(expected, (list, tuple)):
        if len(expected) != len(found):
            return f"{len(expected)} items became {len(found)}"
        pairs = zip(expected, found, strict=True)
        return next(filter(None, (difference(*pair, frame_dtypes) for pair in pairs)), None)
    if isinstance(expected, dict):
        return difference(list(expected), list(found)) or difference(
            list(expected.values()), list(found.values()), frame_dtypes
        )
    return None if expected == found else f"{expected!r:.100} became {found!r:.100}"


def without_storage(*frames):
    """The frames, with objects in place of strings where all have these, stored in any way."""
    strings = [
        name
        for name in frames[0]
        if all(isinstance(frame.dtypes.get(name), pandas.StringDtype) for frame in frames)
    ]
    return [frame.astype(dict.fromkeys(strings, object)) for frame in frames]
