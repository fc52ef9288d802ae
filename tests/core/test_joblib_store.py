"""``joblib.Memory(url, backend="persidict")``: all that joblib's own files do, in any backend."""

from __future__ import annotations

import importlib.util
import inspect
import json
import pickle
import re
import subprocess
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import joblib
import pytest
from joblib._store_backends import CacheWarning, StoreBackendBase, StoreBackendMixin
from joblib.func_inspect import get_func_name
from joblib.memory import MemorizedResult, expires_after

from persidict_core import (
    BackendError,
    CountingBackend,
    FailingBackend,
    MemoryBackend,
    PluginError,
    SignedBackend,
    URLError,
    register_joblib_backend,
)
from persidict_core.joblib_store import JoblibStore
from persidict_file import FileBackend

RECIPE = Path(__file__).parents[2] / "docs/recipes/joblib.md"

calls: list[Any] = []


def squared(number, verbose=False):
    calls.append(number)
    return number * number


def unpicklable():
    calls.append(None)
    return (number for number in range(3))


@pytest.fixture(autouse=True)
def registered():
    register_joblib_backend()
    # joblib remembers, for all stores together, which functions it has seen.
    joblib.Memory("memory://", backend="persidict", verbose=0).clear(warn=False)
    calls.clear()


@pytest.fixture(params=["file", "file in a URL", "memory"])
def url(request, tmp_path) -> str:
    return {
        "file": str(tmp_path / "cache"),
        "file in a URL": f"file://{tmp_path}/a%20b?fsync=false",
        "memory": f"memory://{tmp_path.name}",
    }[request.param]


def memory_at(url: str, **options: Any) -> joblib.Memory:
    return joblib.Memory(url, backend="persidict", **{"verbose": 0, **options})


def stored(memory: joblib.Memory) -> list[str]:
    return sorted(memory.store_backend._store.list_prefix())


def test_a_result_is_computed_once(url):
    function = memory_at(url).cache(squared)
    assert [function(3), function(3), function(4)] == [9, 9, 16] and calls == [3, 4]
    assert memory_at(url).cache(squared)(3) == 9 and calls == [3, 4]
    assert function.check_call_in_cache(3) and not function.check_call_in_cache(5)
    assert memory_at(url).cache(squared, ignore=["verbose"])(3, verbose=True) == 9


def test_what_lies_where(tmp_path):
    memory_at(str(tmp_path)).cache(squared)(3)
    (folder,) = (file.parent for file in (tmp_path / "joblib").glob("**/squared/*/output.pkl"))
    assert re.fullmatch("[0-9a-f]{32}", folder.name)
    assert {file.name for file in folder.iterdir()} == {"output.pkl", "metadata.json"}
    assert joblib.load(folder / "output.pkl") == 9
    assert json.loads((folder / "metadata.json").read_text())["input_args"]["number"] == "3"
    assert (folder.parent / "func_code.py").read_text().startswith("# first line:")


def test_its_files_are_those_of_joblib(tmp_path):
    joblib.Memory(str(tmp_path), verbose=0).cache(squared)(3)
    assert memory_at(str(tmp_path)).cache(squared)(3) == 9
    memory_at(str(tmp_path)).cache(squared)(4)
    assert joblib.Memory(str(tmp_path), verbose=0).cache(squared)(4) == 16
    assert calls == [3, 4]


def test_arrays_and_compression(url):
    import numpy as np

    for compress in (False, 3, ("gzip", 2)):
        memory = memory_at(url, compress=compress)
        memory.clear(warn=False)
        function = memory.cache(np.arange)
        function(100_000)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (function(100_000) == np.arange(100_000)).all()
        (item,) = memory.store_backend.get_items()
        assert (item.size < 400_000) == bool(compress)


def test_shelving(url):
    function = memory_at(url).cache(squared)
    shelved = function.call_and_shelve(3)
    assert shelved.get() == 9 == shelved.get() and calls == [3]
    assert function.call_and_shelve(3).get() == 9 and calls == [3]
    if not url.startswith("memory"):
        assert pickle.loads(pickle.dumps(shelved)).get() == 9
    again = MemorizedResult(memory_at(url).store_backend, *_id_of(shelved))
    assert again.get() == 9
    shelved.clear()
    assert not function.check_call_in_cache(3)
    with pytest.raises(KeyError):
        shelved.get()
    shelved.clear()


def _id_of(shelved: Any) -> tuple[Any, ...]:
    """How joblib names a result: in two arguments up to 1.3, in one since."""
    if hasattr(shelved, "_call_id"):
        return (shelved._call_id,)
    return shelved.func, shelved.args_id


def test_clearing(url):
    memory = memory_at(url)
    function, other = memory.cache(squared), memory.cache(len)
    function(3)
    other("abc")
    function.clear(warn=False)
    assert not function.check_call_in_cache(3) and other.check_call_in_cache("abc")
    function(3)
    memory.clear(warn=False)
    assert stored(memory) == []
    assert function(3) == 9 and calls == [3, 3, 3]


def test_clearing_leaves_what_is_not_joblibs(tmp_path):
    FileBackend(tmp_path).write_bytes("mine/a.pkl", b"1")
    memory = memory_at(str(tmp_path))
    memory.cache(squared)(3)
    memory.clear(warn=False)
    assert list(FileBackend(tmp_path).list_prefix()) == ["mine/a.pkl"]


def test_a_function_that_changed_is_computed_anew(url, tmp_path):
    def define(number: int) -> Any:
        file = tmp_path / f"version{number}" / "changing.py"
        file.parent.mkdir()
        file.write_text(f"def function(number):\n    return number + {number}\n")
        spec = importlib.util.spec_from_file_location("changing", file)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.function

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joblib's own, of two functions of one name.
        assert memory_at(url).cache(define(1))(1) == 2
        assert memory_at(url).cache(define(2))(1) == 3


def test_the_size_is_reduced_to_its_limits(url):
    memory = memory_at(url)
    function = memory.cache(squared)
    for number in range(6):
        function(number)
    items = memory.store_backend.get_items()
    assert len(items) == 6 and all(item.size > 0 for item in items)
    memory.reduce_size(items_limit=4)
    assert len(memory.store_backend.get_items()) == 4
    assert not function.check_call_in_cache(0) and function.check_call_in_cache(5)
    one = max(item.size for item in items)
    memory.reduce_size(bytes_limit=2 * one)
    assert len(memory.store_backend.get_items()) == 2
    memory.reduce_size(age_limit=timedelta(days=1))
    assert len(memory.store_backend.get_items()) == 2
    memory.reduce_size(bytes_limit="10K")
    assert function.check_call_in_cache(5)
    memory.reduce_size(age_limit=timedelta(0))
    assert memory.store_backend.get_items() == []
    assert function(5) == 25


def test_validation(url):
    seen = []

    def valid(metadata: dict[str, Any]) -> bool:
        seen.append(metadata)
        return len(seen) < 2

    function = memory_at(url).cache(squared, cache_validation_callback=valid)
    assert [function(3), function(3), function(3)] == [9, 9, 9]
    assert calls == [3, 3]
    assert all(each["input_args"]["number"] == "3" and each["duration"] >= 0 for each in seen)
    young = memory_at(url).cache(squared, cache_validation_callback=expires_after(days=1))
    assert young(3) == 9 and calls == [3, 3]


def test_it_says_what_it_does(url, capsys):
    function = memory_at(url, verbose=50).cache(squared)
    function(3)
    assert "Persisting in" in capsys.readouterr().out
    function(3)
    told = capsys.readouterr().out
    assert "Loading" in told and "squared" in told
    function.clear(warn=False)
    memory_at(url, verbose=50).reduce_size(items_limit=0)


def test_a_result_that_cannot_be_kept_is_given_all_the_same(url):
    memory = memory_at(url)
    function = memory.cache(unpicklable)
    with pytest.warns(CacheWarning, match="was not kept.*generator"):
        assert list(function()) == [0, 1, 2]
    assert not function.check_call_in_cache()
    assert not [path for path in stored(memory) if path.endswith("output.pkl")]


def test_a_store_that_takes_no_result_is_warned_of():
    failing = FailingBackend(MemoryBackend(), {"write_file": BackendError})
    function = joblib.Memory(JoblibStore.around(failing), verbose=0)
    with pytest.raises(BackendError):
        function.cache(squared)(3)  # The function's code: joblib catches what is of results.
    kept = FailingBackend(MemoryBackend(), {"write_file": BackendError}, after=1)
    with pytest.warns(CacheWarning, match="was not kept.*BackendError"):
        assert joblib.Memory(JoblibStore.around(kept), verbose=0).cache(squared)(3) == 9


def test_a_damaged_result_is_computed_again(url, caplog):
    memory = memory_at(url)
    function = memory.cache(squared)
    function(3)
    (path,) = (path for path in stored(memory) if path.endswith("output.pkl"))
    memory.store_backend._store.write_bytes(path, b"damaged")
    assert function(3) == 9 == function(3) and calls == [3, 3]
    assert caplog.text.count("Exception while loading results") == 1


def test_signed_results_are_refused_where_others_planted_them(caplog):
    store = MemoryBackend()
    memory = joblib.Memory(JoblibStore.around(SignedBackend(store, b"k" * 32)), verbose=0)
    function = memory.cache(squared)
    assert function(3) == 9 == function(3) and calls == [3]
    (path,) = (path for path in store.list_prefix() if path.endswith("output.pkl"))
    store.write_bytes(path, pickle.dumps(10))
    assert function(3) == 9 and calls == [3, 3]
    assert "the stored bytes are not signed" in caplog.text


def test_names_that_no_path_may_hold(url):
    def inner(number):
        calls.append(number)
        return number

    assert "<locals>" in get_func_name(inner)[0]
    assert memory_at(url).cache(inner)(2) == 2
    calls.clear()
    inner.__module__ = "a module of " + "many words " * 30
    function = memory_at(url).cache(inner)
    assert function(1) == 1 == function(1) and calls == [1]
    memory_at(url).reduce_size(items_limit=0)
    assert not function.check_call_in_cache(1)


@pytest.mark.parametrize(
    ("location", "backend_options", "error", "said"),
    [
        ("nowhere://x", {}, PluginError, "nowhere"),
        ("memory://x?colour=red", {}, URLError, "colour"),
        ("memory://x", {"colour": "red"}, URLError, "colour"),
        ("s3://user:password@x", {}, URLError, "password"),
    ],
)
def test_bad_arguments_are_refused_at_once(location, backend_options, error, said):
    with pytest.raises(error, match=said) as refused:
        memory_at(location, backend_options=backend_options)
    assert "user:password" not in str(refused.value)


def test_results_cannot_be_mapped_into_memory(tmp_path):
    with pytest.raises(ValueError, match="mmap_mode"):
        memory_at(str(tmp_path), mmap_mode="r")


def test_options_reach_the_backend(tmp_path):
    memory = memory_at(str(tmp_path), backend_options={"fsync": False})
    backend = memory.store_backend._store.wrapped
    assert isinstance(backend, FileBackend) and not backend.fsync
    assert memory_at(Path(tmp_path)).store_backend._store.wrapped.root == backend.root
    assert memory_at("memory://").store_backend._store.wrapped.name is None


@pytest.mark.parametrize("what", ["memory", "function"])
def test_a_process_that_is_sent_it_needs_no_registration(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    memory = memory_at("cache", backend_options={"fsync": False})
    (tmp_path / "told").write_bytes(pickle.dumps(memory if what == "memory" else memory.cache(len)))
    program = (
        "import pickle, joblib\n"
        f"told = pickle.load(open({str(tmp_path / 'told')!r}, 'rb'))\n"
        f"function = told.cache(len) if {what == 'memory'} else told\n"
        "print(function('abc'), joblib.Memory('memory://x', backend='persidict').store_backend)\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=elsewhere, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "3 JoblibStore" in done.stdout
    assert memory.cache(len).check_call_in_cache("abc") and not list(elsewhere.iterdir())


def test_what_lives_in_this_process_does_not_pickle():
    store = JoblibStore.around(SignedBackend(MemoryBackend(), b"k" * 32))
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(joblib.Memory(store, verbose=0))


def test_what_a_result_costs():
    counting = CountingBackend(MemoryBackend())
    function = joblib.Memory(JoblibStore.around(counting), verbose=0).cache(squared)
    function(3)
    counting.counts.clear()
    function(3)
    assert counting.counts == {"exists": 2, "read_file": 2}


def test_moving_is_what_it_says():
    store = memory_at("memory://").store_backend
    with store._open_item(f"{store.location}/a/b", "wb") as file:
        file.write(b"hello")
    store._move_item(f"{store.location}/a/b", f"{store.location}/c")
    assert store._store.read_bytes("c") == b"hello"
    assert not store._item_exists(f"{store.location}/a")
    with pytest.raises(FileNotFoundError):
        store._open_item(f"{store.location}/a/b", "rb").__enter__()


# What a new joblib has to be looked at for.


def test_the_abstract_methods_are_those_we_write():
    assert StoreBackendBase.__abstractmethods__ == {
        *("_open_item", "_item_exists", "_move_item"),
        *("create_location", "clear_location", "get_items", "configure"),
    }


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (StoreBackendBase, "_item_exists"),
        (StoreBackendBase, "_move_item"),
        (StoreBackendBase, "create_location"),
        (StoreBackendBase, "clear_location"),
        (StoreBackendBase, "get_items"),
        (StoreBackendBase, "configure"),
        (StoreBackendMixin, "_concurrency_safe_write"),
        (StoreBackendMixin, "dump_item"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_is_called_as_ours_is_written(base, name):
    theirs = list(inspect.signature(getattr(base, name)).parameters)
    ours = list(inspect.signature(getattr(JoblibStore, name)).parameters)
    if name == "dump_item":
        theirs[1] = "call_id"  # Called "path" up to 1.3; joblib gives it by place.
    assert ours == theirs


def test_joblib_writes_the_files_that_we_know():
    written = re.findall(r'"(\w+\.\w+)"', inspect.getsource(StoreBackendMixin).replace("'", '"'))
    assert set(written) == {"output.pkl", "metadata.json", "func_code.py"}


def test_the_recipe_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", RECIPE.read_text(), re.DOTALL)
    assert blocks
    program = tmp_path / "recipe.py"
    program.write_text("\n".join(blocks))
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
