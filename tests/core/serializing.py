"""What the tests of serializers share: values, and how to see one refused."""

import enum
import subprocess
import sys
import textwrap
import warnings

import jsonpickle
import pytest
from hypothesis import strategies as st

from persidict_core import SerializationError

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["py/object", "\x7f", '"', "\\", "\U0001f600", "\u2028"])
)
keys = st.text(max_size=10).filter(lambda key: not key.startswith("py/"))
plain = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
)
rich = st.recursive(
    scalars
    | st.binary(max_size=20)
    | st.complex_numbers()
    | st.datetimes()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.frozensets(st.integers()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)


class Point:
    def __init__(self, x, parent=None):
        self.x = x
        self.parent = parent

    def __repr__(self):
        return f"Point({self.x!r})"


class Colour(enum.Enum):
    RED = 1


class Words(list):
    pass


def by_jsonpickle(value):
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return jsonpickle.encode(value, indent=4)


def refused(serializer, value, match=None):
    with pytest.raises(SerializationError, match=match) as caught:
        serializer.dumps(value)
    assert caught.value.file_type == serializer.file_type
    return str(caught.value)


def unreadable(serializer, data, match=None):
    with pytest.raises(SerializationError, match=match) as caught:
        serializer.loads(data)
    assert caught.value.file_type == serializer.file_type


def run(code):
    """Run a program in a fresh interpreter; what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
