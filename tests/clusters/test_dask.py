"""A dictionary in Dask's workers, which are processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.base
import pytest
from distributed import Client, LocalCluster

import persidict
from tests.clusters import work

RECIPE = Path(__file__).parents[2] / "docs/recipes/dask.md"
WORKERS = 3
NUMBERS = range(24)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def environment(client: Client, url: str) -> None:
    """The workers see what this process sees: the server may have been started after them."""
    aws = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
    client.run(work.set_environment, aws)


@pytest.mark.usefixtures("environment")
def test_workers_fill_one_dictionary_and_read_it(client: Client, url: str) -> None:
    d = persidict.open(url, file_type="json")
    processes = client.gather(client.map(work.store, NUMBERS, d=d, pure=False))
    assert len(set(processes)) == WORKERS and os.getpid() not in processes
    assert d == {("by", str(number)): number for number in NUMBERS}
    assert client.gather(client.map(work.load, NUMBERS, d=d, pure=False)) == list(NUMBERS)


@pytest.mark.usefixtures("environment")
def test_no_worker_loses_anothers_addition(client: Client, url: str) -> None:
    d = persidict.open(url)
    client.gather(client.map(work.add, NUMBERS, d=d, pure=False))
    assert d["sum"] == len(NUMBERS)


@pytest.mark.usefixtures("environment")
def test_all_workers_are_given_one_result(client: Client, url: str) -> None:
    d = persidict.open(url)
    asked = [number % 4 for number in NUMBERS]
    answers = client.gather(client.map(work.first, asked, d=d, pure=False))
    assert len(set(zip(asked, answers, strict=True))) == 4 == len(d)


@pytest.mark.usefixtures("environment")
def test_a_memoized_function_travels_by_its_value(client: Client, url: str) -> None:
    d = persidict.open(url)
    namespace: dict[str, Any] = {"d": d, "__name__": "__main__"}
    exec(
        "import os\n"
        "@d.memoize\n"
        "def worker_of(number):\n"
        "    return os.getpid()\n",
        namespace,
    )  # fmt: skip
    function = namespace["worker_of"]
    first = client.gather(client.map(function, NUMBERS, pure=False))
    assert os.getpid() not in first and len(d) == len(NUMBERS)
    assert client.gather(client.map(function, NUMBERS, pure=False)) == first
    assert [function(number) for number in NUMBERS] == first


@pytest.mark.usefixtures("environment")
def test_it_comes_back_as_it_went(client: Client, url: str) -> None:
    d = persidict.open(url, file_type="json").get_subdict("below")
    back = client.submit(work.give_back, d).result()
    assert back == d and back.url == d.url and back is not d
    assert dask.base.tokenize(d) == dask.base.tokenize(persidict.open(d.url))
    assert dask.base.tokenize(d) != dask.base.tokenize(d.get_subdict("further"))


def test_the_recipe_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", RECIPE.read_text(), re.DOTALL)
    assert blocks
    program = tmp_path / "recipe.py"
    program.write_text("\n".join(blocks))
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
