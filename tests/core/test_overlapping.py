"""`OverlappingMultiDict`: several dictionaries in one place."""

import pickle

import pytest

from persidict_core import MemoryBackend, OverlappingMultiDict, PersiDict


@pytest.fixture
def both():
    shared = {"backend": MemoryBackend(), "immutable_items": True}
    return OverlappingMultiDict(
        PersiDict,
        shared,
        json={},
        pkl={"immutable_items": False},
        md={"base_class_for_values": str},
    )


def test_each_keyword_is_a_file_type_and_its_dictionary_an_attribute(both):
    both.json["a"], both.pkl["a"], both.md["a"] = [1], (1,), "# one"
    assert (both.json["a"], both.pkl["a"], both.md["a"]) == ([1], (1,), "# one")
    assert (both.json.file_type, both.pkl.file_type, both.md.file_type) == ("json", "pkl", "md")
    assert sorted(both.pkl.backend.list_prefix()) == ["a.json", "a.md", "a.pkl"]


def test_shared_and_individual_parameters(both):
    assert both.json.immutable_items and not both.pkl.immutable_items


def test_it_is_no_mapping(both):
    with pytest.raises(TypeError):
        both["a"]
    with pytest.raises(TypeError):
        len(both)


def test_an_unknown_file_type_names_those_there_are(both):
    with pytest.raises(AttributeError, match="json, pkl, md"):
        _ = both.csv


def test_it_pickles(both):
    both.pkl["a"] = 1
    again = pickle.loads(pickle.dumps(both))
    assert again.pkl == {"a": 1} and again == both


@pytest.mark.parametrize("bad", [dict, PersiDict("memory://"), None, "PersiDict"])
def test_dict_type_is_a_class_of_persidict(bad):
    with pytest.raises(TypeError, match="dict_type"):
        OverlappingMultiDict(bad, {}, json={})


def test_parameters_are_dicts():
    with pytest.raises(TypeError, match="json"):
        OverlappingMultiDict(PersiDict, {}, json=1)
    with pytest.raises(TypeError, match="shared"):
        OverlappingMultiDict(PersiDict, 1, json={})


def test_a_file_type_is_not_said_twice():
    with pytest.raises(ValueError, match="file_type"):
        OverlappingMultiDict(PersiDict, {"backend": "memory://"}, json={"file_type": "pkl"})
    with pytest.raises(ValueError, match="file_type"):
        OverlappingMultiDict(PersiDict, {"backend": "memory://", "file_type": "pkl"}, json={})


@pytest.mark.parametrize("taken", ["get_params", "dict_type"])
def test_a_name_that_is_taken_is_no_file_type(taken):
    with pytest.raises((ValueError, TypeError)):
        OverlappingMultiDict(PersiDict, {"backend": "memory://"}, **{taken: {}})
