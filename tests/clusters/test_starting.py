"""A dictionary in processes of multiprocessing, however they are started, and of loky."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import joblib
import pytest

import persidict
from tests.clusters import work

NUMBERS = range(12)
WORKERS = 3


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_a_dictionary_is_sent_to_processes(method: str, url: str) -> None:
    d = persidict.open(url, file_type="json").get_subdict("below")
    d["warm"] = True  # So that a fork inherits what was opened.
    with multiprocessing.get_context(method).Pool(WORKERS) as pool:
        processes = pool.map(partial(work.store, d=d), NUMBERS)
        assert os.getpid() not in processes
        assert pool.map(partial(work.load, d=d), NUMBERS) == list(NUMBERS)
        pool.map(partial(work.add, d=d), NUMBERS)
        answers = pool.map(partial(work.first, d=d), [0] * len(NUMBERS))
        assert pool.apply(work.give_back, (d,)) == d
    assert d["sum"] == len(NUMBERS) and len(d) == len(NUMBERS) + 3
    assert len(set(answers)) == 1


def test_a_dictionary_is_sent_to_loky(url: str) -> None:
    d = persidict.open(url, file_type="json")
    parallel = joblib.Parallel(n_jobs=WORKERS, backend="loky")
    processes = parallel(joblib.delayed(work.store)(number, d) for number in NUMBERS)
    assert os.getpid() not in processes
    assert parallel(joblib.delayed(work.load)(number, d) for number in NUMBERS) == [*NUMBERS]
    answers = parallel(joblib.delayed(work.first)(0, d) for _ in NUMBERS)
    assert len(set(answers)) == 1


PROGRAM = """
import os
import sys

import joblib
import persidict

persidict.register_joblib_backend()
d = persidict.open(sys.argv[1])
memory = joblib.Memory(sys.argv[2], backend="persidict", verbose=0)


@d.memoize
def memoized(number):
    return os.getpid()


@memory.cache
def cached(number):
    return os.getpid()


if __name__ == "__main__":
    parallel = joblib.Parallel(n_jobs=3, backend="loky")
    for function in (memoized, cached):
        first = parallel(joblib.delayed(function)(number) for number in range(6))
        again = parallel(joblib.delayed(function)(number) for number in range(6))
        here = [function(number) for number in range(6)]
        assert first == again == here and os.getpid() not in first, (first, again, here)
    print(*{str(key).rpartition("/")[0] for key in d})
"""


def test_functions_of_a_main_program_keep_what_lokys_workers_computed(
    url: str, tmp_path: Path
) -> None:
    program = tmp_path / "main_program.py"
    program.write_text(PROGRAM)
    place, _, query = url.partition("?")
    cache = f"{place}-cache{'?' if query else ''}{query}"
    done = subprocess.run(
        [sys.executable, program, url, cache],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch("main_program/memoized", done.stdout.strip())
