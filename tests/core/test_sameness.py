"""What `difference` tells apart: all that a format could lose."""

import pickle

import numpy
import pandas
import pytest
from hypothesis import given, settings

from persidict_core.serializers.sameness import difference
from tests.core.serializing import Point, Words, rich


class Rows(numpy.ndarray):
    pass


class TestDifference:
    @settings(deadline=None)
    @given(rich)
    def test_a_copy_does_not_differ(self, value):
        assert difference(value, pickle.loads(pickle.dumps(value))) is None

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (1, True),
            (1, 1.0),
            (0.0, -0.0),
            ("a", b"a"),
            ([1], (1,)),
            ([1], [1, 2]),
            ({"a": 1}, {"a": 1, "b": 2}),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            ({1: "a"}, {"1": "a"}),
            ({1}, {1.0}),
            ([1], Words([1])),
            (Point(1), Point(2)),
            (Point([1]), Point([True])),
            (numpy.arange(3), numpy.arange(3.0)),
            (numpy.arange(3), numpy.arange(3).reshape(3, 1)),
            (numpy.arange(3), numpy.array([0, 1, 3])),
            (numpy.array([1], object), numpy.array([True], object)),
            (numpy.arange(3), numpy.arange(3).view(Rows)),
            (pandas.DataFrame({"x": [1]}), pandas.DataFrame({"x": [1.0]})),
            (pandas.DataFrame({"x": [1]}), pandas.DataFrame({"y": [1]})),
            (pandas.DataFrame({"x": [1]}), pandas.DataFrame({"x": [2]})),
            (pandas.DataFrame({"x": [1]}), pandas.DataFrame({"x": [1]}, index=[5])),
            (pandas.Series([1], name="a"), pandas.Series([1], name="b")),
            (pandas.Index([1], name="a"), pandas.Index([1], name="b")),
            (pandas.Index([1]), pandas.Index([1.0])),
            (len, abs),
            (int, bool),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_what_only_looks_the_same_differs(self, one, other):
        assert difference(one, other) and difference(other, one)
        assert difference([{"a": one}], [{"a": other}])

    def test_it_tells_where(self):
        assert difference({"a": [0, (1,)]}, {"a": [0, (2,)]}).startswith("value['a'][1][0]")

    def test_cycles_end(self):
        one, other = [1], [1]
        one.append(one)
        other.append(other)
        assert difference(one, other) is None
