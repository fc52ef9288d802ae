"""Errors: the tree, their texts, and that they cross from one process to another."""

import pickle

import pytest

from persidict_core import errors
from persidict_core.backend import ABSENT

EXAMPLES = [
    errors.ObjectNotFound("a/b.pkl"),
    errors.PreconditionFailed("a.pkl", "etag", ABSENT),
    errors.ConcurrencyConflict("a.pkl", "etag", None, 7),
    errors.NotSupported("no conditions"),
    errors.ImmutableItemError("a"),
    errors.SerializationError("no JSON", "a", "a.json", "json"),
    errors.BackendError("disk full", "FileBackend('x')", "write_bytes", "a.pkl"),
    errors.BulkError("set_many", {"a": ValueError("b")}),
    errors.PluginError("broken"),
    errors.SignatureError("not signed", path="a"),
    errors.URLError("no URL"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_pickle_whole(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)
    assert {name: repr(value) for name, value in vars(again).items()} == {
        name: repr(value) for name, value in vars(error).items()
    }


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_all_are_persidict_errors_with_a_readable_text(error):
    assert isinstance(error, errors.PersiDictError)
    assert str(error) and str(error) != repr(error)


def test_the_tree():
    assert issubclass(errors.ConcurrencyConflict, errors.PreconditionFailed)
    assert issubclass(errors.ImmutableItemError, KeyError)
    assert issubclass(errors.URLError, ValueError)
    assert not issubclass(errors.ObjectNotFound, KeyError)


def test_texts_say_where_and_what():
    assert str(EXAMPLES[5]) == "key 'a' (a.json), file type 'json': no JSON"
    assert str(EXAMPLES[6]) == "FileBackend('x') write_bytes 'a.pkl': disk full"
    assert "'a': ValueError: b" in str(EXAMPLES[7])
    assert "7 attempts" in str(EXAMPLES[2])
