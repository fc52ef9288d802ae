"""`WriteOnceDict`: first writes stay, later ones are ignored or compared, nothing is deleted."""

import pickle

import pytest

from persidict_core import (
    DELETE_CURRENT,
    KEEP_CURRENT,
    BulkError,
    ImmutableItemError,
    NotSupported,
    PersiDict,
    WriteOnceDict,
)
from tests.core.five_verbs import FiveVerbs


def make(chance=None, **params):
    return WriteOnceDict(PersiDict("memory://", **params), chance)


def counters(d):
    return (
        d.consistency_checks_attempted,
        d.consistency_checks_passed,
        d.consistency_checks_failed,
    )


def test_later_writes_are_ignored():
    d = make()
    d["a"] = 1
    d["a"] = 2
    d.update({"a": 3, "b": 4})
    assert d == {"a": 1, "b": 4} and d.p_consistency_checks == 0 and counters(d) == (0, 0, 0)


def test_equal_values_pass_the_check():
    d = make(1)
    for _ in range(3):
        d["a"] = {"x": {1, 2, 3}}
    assert counters(d) == (2, 2, 0)


def test_a_difference_is_a_value_error_and_the_first_value_stays():
    d = make(1)
    d["a"] = 1
    with pytest.raises(ValueError, match="'a' differs"):
        d["a"] = 2
    assert d["a"] == 1 and counters(d) == (1, 0, 1)


def test_a_difference_in_bulk_is_told_for_its_key():
    d = make(1)
    d["a"] = 1
    with pytest.raises(BulkError) as caught:
        d.update({"a": 2, "b": 3})
    assert isinstance(caught.value.failures["a"], ValueError) and d == {"a": 1, "b": 3}


def test_some_are_checked():
    d = make(0.5)
    d["a"] = 1
    for _ in range(400):
        d["a"] = 1
    assert 100 < d.consistency_checks_attempted < 300
    assert d.consistency_checks_passed == d.consistency_checks_attempted


def test_equality_is_of_what_reads_back():
    import numpy

    d = make(1)
    d["a"] = numpy.arange(3)
    d["a"] = numpy.arange(3)
    with pytest.raises(ValueError):
        d["a"] = numpy.arange(4)
    text = make(1, file_type="json")
    text["a"] = {"x": 1, "y": 2}
    text["a"] = {"y": 2, "x": 1}
    assert counters(d) == (2, 1, 1) and counters(text) == (1, 1, 0)


@pytest.mark.parametrize(
    "delete",
    [
        lambda d: d.__delitem__("a"),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
        lambda d: d.delete_if_exists("a"),
        lambda d: d.__setitem__("a", DELETE_CURRENT),
        lambda d: d.update({"a": DELETE_CURRENT}),
        lambda d: d.delete_if("a", d.get_with_etag("a")[1]),
    ],
)
def test_deletion_is_refused(delete):
    d = make()
    d["a"] = 1
    with pytest.raises(ImmutableItemError):
        delete(d)
    assert d == {"a": 1}


def test_keep_current_changes_and_counts_nothing():
    d = make(1)
    d["a"] = 1
    d["a"] = KEEP_CURRENT
    d["b"] = KEEP_CURRENT
    assert d == {"a": 1} and counters(d) == (0, 0, 0)


def test_conditional_changes_are_refused():
    d = make()
    d["a"] = 1
    with pytest.raises(ImmutableItemError):
        d.set_if("a", 2, d.get_with_etag("a")[1])
    with pytest.raises(ImmutableItemError):
        d.transform("a", lambda value: value + 1)
    assert d.transform("b", lambda value: value + 1, 0) == 1


def test_a_sub_dictionary_is_write_once_too():
    d = make(1)
    sub = d.get_subdict("x")
    sub["a"] = 1
    with pytest.raises(ValueError):
        sub["a"] = 2
    assert d == {("x", "a"): 1} and list(d.subdicts()) == ["x"]
    assert isinstance(d.subdicts()["x"], WriteOnceDict)


def test_it_pickles_with_its_counters():
    d = make(1)
    d["a"] = 1
    d["a"] = 1
    again = pickle.loads(pickle.dumps(d))
    assert again == d and counters(again) == (1, 1, 0) and again.p_consistency_checks == 1
    assert WriteOnceDict(**d.get_params()) == d


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_a_probability_is_between_0_and_1(bad):
    with pytest.raises(ValueError):
        make(bad)


@pytest.mark.parametrize("bad", ["1", True, [0.5]])
def test_a_probability_is_a_number(bad):
    with pytest.raises(TypeError):
        make(bad)


@pytest.mark.parametrize("bad", [{}, None, "memory://"])
def test_it_wraps_a_persidict(bad):
    with pytest.raises(TypeError, match="wrapped_dict"):
        WriteOnceDict(bad)


def test_it_refuses_a_backend_that_cannot_tell_who_was_first():
    with pytest.raises(NotSupported):
        WriteOnceDict(PersiDict(FiveVerbs()))


@pytest.mark.parametrize("pairs", [[("a", 1), ("a", 2), ("b", 3)], [("b", 3), ("a", 1), ("a", 1)]])
def test_of_a_key_given_twice_the_first_counts(pairs):
    once = WriteOnceDict(PersiDict("memory://"), 0.0)
    once.update(pairs)
    assert dict(once) == {"a": 1, "b": 3}


def test_a_later_value_of_the_same_call_is_compared_too():
    once = WriteOnceDict(PersiDict("memory://"), 1.0)
    with pytest.raises(BulkError) as caught:
        once.update([("a", 1), ("a", 2)])
    assert list(caught.value.failures) == ["a"]
    assert once["a"] == 1


def test_of_an_immutable_item_given_twice_the_first_counts():
    d = PersiDict("memory://", immutable_items=True)
    with pytest.raises(BulkError) as caught:
        d.update([("a", 1), ("a", 2), ("b", 3)])
    assert isinstance(caught.value.failures["a"], ImmutableItemError)
    assert d == {"a": 1, "b": 3}
