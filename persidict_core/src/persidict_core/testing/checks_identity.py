"""Checks of configuration: a backend is its constructor's parameters, and keeps its secrets."""

from __future__ import annotations

import copy
import pickle

from ..backend import BaseBackend
from ..configuration import constructor_params
from ..errors import URLError
from ..urls import URL, refuse_secrets


def _is_secret(name: str) -> bool:
    try:
        refuse_secrets("", [name])
    except URLError:
        return True
    return False


def check_pickle_is_the_same(backend: BaseBackend) -> None:
    """A pickle or copy of a backend has the same class, parameters and claims, and equals it.

    To mend: keep every constructor parameter, as it was given, as the attribute of its name.
    """
    for made in (pickle.loads(pickle.dumps(backend)), copy.copy(backend), copy.deepcopy(backend)):
        assert type(made) is type(backend), f"a copy is a {type(made).__name__}"
        assert made.get_params() == backend.get_params(), "a copy has other parameters"
        assert made == backend and hash(made) == hash(backend), "a copy does not equal"
        assert made.capabilities == backend.capabilities, "a copy claims something else"
    assert backend != object(), "equals anything"


def check_params_make_it_again(backend: BaseBackend) -> None:
    """``type(b)(**b.get_params())`` is such a backend again, where no parameter is secret.

    To mend: every parameter of the constructor by name, without a ``*args``.
    """
    params = backend.get_params()
    assert list(params) == list(constructor_params(type(backend))), f"get_params gave {params}"
    secrets = {name for name in backend.secret_params if params.get(name) is not None}
    assert all(params[name] == "***" for name in secrets), "get_params shows a secret"
    if not secrets:
        made = type(backend)(**params)
        assert made.get_params() == params, f"made again it is {made!r}, not {backend!r}"
        made.close()


def check_repr_hides_secrets(backend: BaseBackend) -> None:
    """``repr`` names the class and parameters, and none that is secret.

    To mend: list passwords, keys and tokens in the class's ``secret_params``.
    """
    text = repr(backend) + str(backend)
    assert text.startswith(type(backend).__name__ + "("), f"repr is {text!r}"
    for name in constructor_params(type(backend)):
        value = getattr(backend, name)
        if _is_secret(name):
            assert name in backend.secret_params, f"{name!r} is missing in secret_params"
        if name in backend.secret_params and isinstance(value, str) and value:
            assert value not in text, f"repr shows the secret {name!r}"
            assert value not in str(backend.get_params()), f"get_params shows the secret {name!r}"


def check_url_makes_it_again(backend: BaseBackend) -> None:
    """Where a backend has a URL, the URL makes such a backend again; else it says why not.

    To mend: the address fills the first parameter, the query the others; or override both
    ``from_url`` and ``url``.
    """
    try:
        url = backend.url
    except URLError as error:
        assert str(error), "the URLError of url says nothing"
        return
    assert URL.parse(url).scheme == type(backend).scheme, f"{url} is of another scheme"
    made = type(backend).from_url(url)
    assert made.get_params() == backend.get_params(), f"{url} makes {made!r}, not {backend!r}"
    assert made.url == url, f"{url} makes a backend whose URL is {made.url}"
    made.close()
