"""The examples for workers do their whole job, on files, on S3 and in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import persidict

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "COLUMNS": "100"},
    )


def test_a_sweep_fills_one_dictionary_and_goes_on(url: str) -> None:
    first = run("sweep.py", url)
    assert first.returncode == 0, first.stderr
    assert "120 of 120 were computed, 0 were there" in first.stdout
    code = first.stdout.splitlines()[-1].partition("from anywhere: ")[2]
    results = eval(code, {"persidict": persidict})
    assert len(results) == 120
    assert results["growth=3.20", "seed=1"]["states"] == 2
    del results["growth=3.20", "seed=1"]
    second = run("sweep.py", url)
    assert "1 of 120 were computed, 119 were there" in second.stdout
    tables = [done.stdout.partition("there\n")[2].partition("Look")[0] for done in (first, second)]
    assert tables[0] == tables[1] and len(tables[0].splitlines()) == 26


def test_a_sweep_in_memory_is_made_by_threads() -> None:
    done = run("sweep.py", "memory://sweep")
    assert done.returncode == 0, done.stderr
    assert "120 of 120 were computed" in done.stdout


def test_a_bag_over_keys(url: str) -> None:
    done = run("dask_bag.py", url)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert "were read by 2 workers" in said[0] and len(said) == 9
    counts = [int(line.split()[0]) for line in said[1:]]
    assert counts == sorted(counts, reverse=True) and counts[-1] > 10
    texts = persidict.open(url, file_type="txt", base_class_for_values=str)
    assert "persistent" in texts["shelve", "open"] and said[0].startswith(f"{len(texts)} texts")


def test_a_bag_in_memory_is_gone_through_by_threads() -> None:
    done = run("dask_bag.py", "memory://texts")
    assert done.returncode == 0, done.stderr
    assert "were read by 2 workers" in done.stdout and len(done.stdout.splitlines()) == 9


@pytest.mark.parametrize("name", ["sweep.py", "dask_bag.py"])
@pytest.mark.parametrize("url", ["nowhere://x", "memory://x?colour=red"])
def test_a_bad_argument_is_told_in_a_line(name: str, url: str) -> None:
    done = run(name, url)
    assert done.returncode == 2 and not done.stdout
    assert "Traceback" not in done.stderr and "error:" in done.stderr
