"""`PersiDict.memoize`: one result for all who ask, and never another call's."""

from __future__ import annotations

import functools
import multiprocessing
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from persidict_core import (
    KEEP_CURRENT,
    AdaptedBackend,
    CountingBackend,
    ImmutableItemError,
    MemoryBackend,
    NotSupported,
    PersiDict,
    SafeStrTuple,
    WriteOnceDict,
)
from persidict_file import FileDirDict

RECIPE = Path(__file__).parents[2] / "docs/recipes/memoize.md"
WORKERS, ROUNDS = 4, 40

shared: PersiDict[Any] = PersiDict("memory://")


@shared.memoize
def doubled(number):
    """Twice the number."""
    return number * 2


@pytest.fixture(params=["memory", "file", "five verbs", "immutable", "write once"])
def results(request, tmp_path) -> PersiDict[Any]:
    if request.param == "file":
        return FileDirDict(tmp_path)
    if request.param == "five verbs":
        return PersiDict(AdaptedBackend(MemoryBackend()))
    if request.param == "immutable":
        return PersiDict(MemoryBackend(), immutable_items=True)
    if request.param == "write once":
        return WriteOnceDict(PersiDict(MemoryBackend()), p_consistency_checks=1)
    return PersiDict(MemoryBackend())


def counted(results, **options):
    """A function of many kinds of arguments, and the calls that reached it."""
    calls = []

    @results.memoize(**options)
    def function(a, /, b=2, *more, c=3, **others):
        calls.append((a, b, more, c, others))
        return [a, b, *more, c, *others.values()]

    return function, calls


def test_a_result_is_computed_once(results):
    function, calls = counted(results)
    assert function(1) == function(1) == [1, 2, 3]
    assert len(calls) == 1 and len(results) == 1
    assert results[function.key_of(1)] == [1, 2, 3]
    again, more_calls = counted(results)
    assert again(1) == [1, 2, 3] and not more_calls


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (((1,), {}), ((1, 2), {})),
        (((1,), {}), ((1,), {"c": 3})),
        (((1,), {"b": 5}), ((1, 5), {})),
        (((1,), {"x": 1, "y": 2}), ((1,), {"y": 2, "x": 1, "c": 3})),
        ((({"p": 1, "q": 2},), {}), (({"q": 2, "p": 1},), {})),
        ((({"a", "b", "c"},), {}), (({"c", "b", "a"},), {})),
    ],
)
def test_the_same_arguments_have_one_key(one, other):
    function, _ = counted(PersiDict("memory://"))
    (args, kwargs), (others, other_kwargs) = one, other
    assert function.key_of(*args, **kwargs) == function.key_of(*others, **other_kwargs)


def test_other_arguments_have_another_key():
    import numpy as np

    function, _ = counted(PersiDict("memory://"))
    calls: list[Any] = [
        ((value,), {}) for value in (1, 1.0, True, "1", b"1", None, [1], (1,), {1: 1}, {"a": 1})
    ]
    calls += [((np.arange(3),), {}), ((np.arange(4),), {}), ((np.arange(3.0),), {})]
    calls += [((1, 2, 3), {}), ((1,), {"c": 4}), ((1,), {"x": 1}), ((1,), {"y": 1})]
    keys = [function.key_of(*args, **kwargs) for args, kwargs in calls]
    assert len(set(keys)) == len(calls)


def test_what_is_ignored_makes_no_difference(results):
    function, calls = counted(results, ignore=["c", "others"])
    assert function(1, c=4, x=5) == [1, 2, 4, 5] == function(1, c=6, y=7) == function(1)
    assert len(calls) == 1


def test_functions_of_one_dictionary_keep_apart(results):
    def function(a):
        return "another"

    one, _ = counted(results)
    other = results.memoize(function)
    elsewhere = results.memoize(_of_module("elsewhere"))
    assert one(1) == [1, 2, 3] and other(1) == "another" and elsewhere(1) == "elsewhere"
    assert len(results) == 3


def _of_module(name):
    def function(a):
        return name

    function.__module__ = name
    return function


def test_none_is_a_result_and_an_exception_is_none(results):
    calls = []

    @results.memoize
    def function(fails):
        calls.append(fails)
        if fails:
            raise KeyError("mine")
        return None

    assert function(False) is None is function(False)
    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            function(True)
    assert calls == [False, True, True]
    assert list(results) == [function.key_of(False)]


def test_the_first_result_counts_for_who_computed_another():
    results = PersiDict("memory://")

    @results.memoize
    def function(number):
        results[function.key_of(number)] = "first"
        return "second"

    assert function(1) == "first" == function(1)


def _ask(folder, barrier, answers):
    results = FileDirDict(folder, fsync=False)

    @results.memoize
    def chosen(number):
        time.sleep(0.002)  # All look before any has written.
        return uuid4().hex

    given = []
    for number in range(ROUNDS):
        barrier.wait(60)
        given.append(chosen(number))
    answers.put(given)


def test_racing_processes_are_given_one_result(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(WORKERS), context.Queue()
    workers = [
        context.Process(target=_ask, args=(tmp_path, barrier, answers)) for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    try:
        given = [answers.get(timeout=60) for _ in workers]
    finally:
        for worker in workers:
            worker.join(60)
            worker.kill()
    for number, answer in enumerate(zip(*given, strict=True)):
        assert len(set(answer)) == 1, number


def test_what_a_result_costs():
    counting = CountingBackend(MemoryBackend())
    function, _ = counted(PersiDict(counting))
    function(1)
    assert counting.counts == {"read_bytes": 2, "write_if": 1}
    counting.counts.clear()
    function(1)
    assert counting.counts == {"read_bytes": 1}


def test_what_is_forgotten_is_computed_again():
    results = PersiDict("memory://")
    function, calls = counted(results)
    function(1)
    function(2)
    assert function.forget(1, c=3) is True and function.forget(1) is False
    assert list(results) == [function.key_of(2)]
    function(1)
    function(2)
    assert [call[0] for call in calls] == [1, 2, 1]


def test_what_is_immutable_cannot_be_forgotten():
    function, _ = counted(PersiDict("memory://", immutable_items=True))
    function(1)
    with pytest.raises(ImmutableItemError):
        function.forget(1)
    assert function(1) == [1, 2, 3]


def test_a_read_only_dictionary_gives_what_it_has_and_computes_nothing(tmp_path):
    function, _ = counted(FileDirDict(tmp_path))
    function(1)
    reading, calls = counted(FileDirDict(tmp_path, read_only=True))
    assert reading(1) == [1, 2, 3]
    with pytest.raises(NotSupported, match=r"read_only=True.*nothing was computed"):
        reading(2)
    assert not calls


class Model:
    def __init__(self, size):
        self.size = size

    @shared.memoize
    def grown(self, by):
        return self.size + by

    @shared.memoize(ignore=("self",))
    def fixed(self, by):
        return self.size + by

    @staticmethod
    @shared.memoize
    def apart(by):
        return by

    @classmethod
    def kind(cls, by):
        return cls.__name__, by


class Other(Model):
    pass


def test_methods():
    assert Model(1).grown(1) == 2 and Model(5).grown(by=1) == 6
    assert Model(1).fixed(1) == 2 == Model(5).fixed(by=1)
    assert Model(1).apart(3) == 3 == Model.apart(3)
    assert Model.grown.key_of(Model(1), 1) == shared.memoize(Model(1).grown).key_of(by=1)
    assert Model.grown.forget(Model(1), 1) and not Model.grown.forget(Model(1), 1)

    kinds = shared.memoize(Model.kind)
    assert kinds(1) == ("Model", 1)
    assert kinds.key_of(1) != shared.memoize(Other.kind).key_of(1)


def test_it_looks_like_the_function():
    assert doubled.__name__ == "doubled" and doubled.__doc__ == "Twice the number."
    assert doubled.__wrapped__(2) == 4 and doubled.dictionary is shared
    assert not isinstance(doubled, type)
    first, second, digest = doubled.key_of(2)
    assert (first, second) == (__name__, "doubled") and re.fullmatch("[0-9a-f]{32}", digest)


def test_it_pickles_by_its_name():
    assert pickle.loads(pickle.dumps(doubled)) is doubled


async def _coroutine():
    pass


def _generator():
    yield


async def _asynchronous_generator():
    yield


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (_coroutine, "coroutine"),
        (_generator, "generator"),
        (_asynchronous_generator, "generator"),
        (lambda x: x, "lambda"),
        (functools.partial(_of_module, "x"), "partial"),
        (Model(1), "Model"),
        (classmethod(_of_module), "classmethod"),
        (vars, "arguments"),
        (5, "int"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_result_to_keep_is_refused(function, said):
    with pytest.raises(TypeError, match=said):
        shared.memoize(function)
    with pytest.raises(TypeError, match=said):
        shared.memoize()(function)


def test_a_name_that_is_no_argument_cannot_be_ignored():
    with pytest.raises(ValueError, match=r"no argument 'verbos' to ignore; it has number, verbose"):

        @shared.memoize(ignore=("verbos",))
        def function(number, verbose):
            return number

    with pytest.raises(TypeError, match=r"several names.*'number'"):
        shared.memoize(_of_module, ignore="number")


def test_an_argument_that_cannot_be_pickled_is_named(results):
    function, calls = counted(results)
    with pytest.raises(TypeError, match=r"argument 'c', a generator, cannot be pickled.*ignore"):
        function(1, c=(number for number in range(3)))
    assert not calls and not results


def test_an_ignored_argument_may_be_anything(results):
    @results.memoize(ignore=("several",))
    def function(number, several):
        return number, sum(several)

    assert function(1, (number for number in range(3))) == (1, 3) == function(1, iter("ab"))


def test_arguments_that_the_function_does_not_take(results):
    function, calls = counted(results)
    for args, kwargs in [((), {}), ((), {"a": 1}), ((1, 2), {"b": 2})]:
        with pytest.raises(TypeError, match="function"):
            function(*args, **kwargs)
    assert not calls


def test_a_joker_is_no_result(results):
    @results.memoize
    def function():
        return KEEP_CURRENT

    with pytest.raises(TypeError, match="KEEP_CURRENT"):
        function()
    assert not results


def test_names_of_all_scripts_make_keys(results):
    def größe(x):
        return "größe"

    def grüße(x):
        return "grüße"

    def long(x):
        return "long"

    long.__qualname__ = "long" * 100
    functions = [results.memoize(function) for function in (größe, grüße, long)]
    for function in functions:
        assert function(1) == function.__name__
    assert len({function.key_of(1) for function in functions}) == 3
    assert all(len(part) <= 150 for key in results for part in key)


PROGRAM = """
import multiprocessing
import sys
from persidict import PersiDict

results = PersiDict("memory://")

@results.memoize
def main_function(number):
    return number

def key():
    return str(main_function.key_of(1))

if __name__ == "__main__":
    assert "joblib" not in sys.modules
    keys = {key()}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        keys.add(pool.apply(key))
    print(*keys)
"""


def test_a_main_program_has_its_own_name_everywhere(tmp_path):
    (tmp_path / "sweep.py").write_text(PROGRAM)
    said = [
        subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        for arguments in (
            [str(tmp_path / "sweep.py")],
            ["-m", "sweep"],
            ["-c", "import sweep; print(sweep.key())"],
        )
    ]
    assert [each.stderr for each in said] == ["", "", ""]
    (key,) = {each.stdout.strip() for each in said}
    assert key.startswith("sweep/main_function/")
    assert len(SafeStrTuple(key.split("/"))) == 3


def test_the_recipe_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", RECIPE.read_text(), re.DOTALL)
    assert blocks
    program = tmp_path / "recipe.py"
    program.write_text("\n".join(blocks))
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
