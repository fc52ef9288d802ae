"""Distributions go in any order; what remains works, and nothing is left behind."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.isolation.environments import Environment

NAMES = ("persidict", "persidict-core", "persidict-file", "persidict-s3")
# The two backends go one after the other: what they leave behind is the same.
ORDERS = [order for order in permutations(NAMES) if "file persidict-s3" in " ".join(order)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment.make(
        tmp_path_factory.mktemp("uninstall"), "pip", "joblib", "jsonpickle", "lz4"
    )


def check(environment: Environment, remaining: set[str]) -> None:
    core, file = "persidict-core" in remaining, "persidict-file" in remaining
    s3 = "persidict-s3" in remaining
    if core:
        assert (
            environment.answer(
                "import persidict; d = persidict.open('memory://'); d['a'] = 1; print(d['a'])"
            )
            == "1"
        )
    else:
        error = environment.error("import persidict")
        assert error == "ModuleNotFoundError: No module named 'persidict'"
    if core and file:
        code = "from persidict import FileDirDict; FileDirDict('d')['a'] = 1; print('ok')"
        assert environment.answer(code) == "ok"
    elif core:
        error = environment.error("from persidict import FileDirDict")
        assert error.endswith("pip install persidict-file")
    elif file:
        error = environment.error("from persidict_file import FileDirDict")
        assert error == "ModuleNotFoundError: No module named 'persidict_core'"
    if core and s3:
        assert environment.answer("from persidict import S3Dict; print(S3Dict.scheme)") == "s3"
    elif core:
        error = environment.error("from persidict import S3Dict")
        assert error.endswith("pip install persidict-s3")


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_any_order_leaves_the_rest_working(
    environment: Environment, wheels: dict[str, str], order: tuple[str, ...]
) -> None:
    environment.install("--no-deps", *(wheels[name] for name in NAMES))
    remaining = set(NAMES)
    check(environment, remaining)
    for name in order:
        environment.pip("uninstall", "--yes", "--quiet", name)
        remaining.remove(name)
        check(environment, remaining)
    assert not list(environment.site_packages.glob("persidict*"))
