"""Identity by convention: parameters are attributes, and that is all there is to an object."""

import pickle

import pytest

from persidict_core import PersiDict, WriteOnceDict
from persidict_core.configuration import Configured


class Plain(Configured):
    def __init__(self, place, depth=1, flag=True):
        self.place, self.depth, self.flag = place, depth, flag


class Forgetful(Configured):
    def __init__(self, place, depth=1):
        self.place = place


class Guarded(Configured):
    secret_params = frozenset({"password"})

    def __init__(self, place, password=None):
        self.place, self.password = place, password


def fetch():
    return "hunter2"


def test_params_repr_equality_and_pickling_need_no_code():
    plain = Plain("here", flag=False)
    assert plain.get_params() == {"place": "here", "depth": 1, "flag": False}
    assert repr(plain) == "Plain(place='here', flag=False)"
    assert pickle.loads(pickle.dumps(plain)) == plain == Plain(**plain.get_params())
    assert hash(plain) == hash(Plain("here", flag=False))
    assert plain != Plain("there", flag=False) and plain != Guarded("here")


def test_one_is_not_true_in_a_repr():
    assert repr(Plain("here", flag=1)) == "Plain(place='here', flag=1)"


def test_a_forgotten_parameter_is_an_error_not_another_object():
    with pytest.raises(AttributeError, match="depth"):
        pickle.dumps(Forgetful("here", 2))


def test_secrets_are_masked_and_do_not_pickle():
    guarded = Guarded("here", "hunter2")
    assert "hunter2" not in repr(guarded) + str(guarded.get_params())
    with pytest.raises(TypeError, match="'password' is a secret") as caught:
        pickle.dumps(guarded)
    assert "hunter2" not in str(caught.value)


def test_a_function_that_fetches_a_secret_pickles():
    again = pickle.loads(pickle.dumps(Guarded("here", fetch)))
    assert again.password() == "hunter2" and "fetch" not in repr(again)
    assert pickle.loads(pickle.dumps(Guarded("here"))).password is None


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: PersiDict("memory://", file_typ="json"), "PersiDict.*did you mean file_type"),
        (lambda: PersiDict("memory://", zzz=1), "PersiDict.*'zzz'.*knows backend, file_type"),
        (lambda: PersiDict(), "PersiDict wants backend"),
        (lambda: WriteOnceDict(p_consistency_checks=1), "WriteOnceDict wants wrapped_dict"),
    ],
)
def test_a_wrong_call_is_told_in_the_users_names(call, told):
    with pytest.raises(TypeError, match=told):
        call()
