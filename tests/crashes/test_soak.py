"""Eight processes do everything for a while: nothing fails, nothing grows, nothing gets lost.

``PERSIDICT_SOAK`` in the environment says for how many seconds; see ``benchmarks/soak.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from persidict_core import PersiDict

SECONDS = os.environ.get("PERSIDICT_SOAK", "2")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PATIENCE = 300


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import soak

    return soak


def run(place: str, tmp_path: Path) -> str:
    command = [sys.executable, str(BENCHMARKS / "soak.py"), place, "--seconds", SECONDS]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=float(SECONDS) + PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_files_stand_it(tmp_path: Path) -> None:
    assert run("files", tmp_path).endswith("Nothing is wrong.\n")


@pytest.mark.s3
def test_s3_stands_it(tmp_path: Path) -> None:
    assert run("s3", tmp_path).endswith("Nothing is wrong.\n")


@pytest.mark.parametrize("what", ["kilobytes", "descriptors", "threads"])
def test_what_grows_is_found(soak: Any, what: str) -> None:
    flat = [soak.Sample(second, 30_000 + second % 3, 10, 1) for second in range(100)]
    assert soak.grown(flat) == {}
    # It may grow while it warms up.
    warm = [each._replace(**{what: 0}) if each.seconds < 20 else each for each in flat]
    assert soak.grown(warm) == {}
    rise = soak.ALLOWED[what] // 20
    growing = [
        each._replace(**{what: getattr(each, what) + max(1, rise) * each.seconds}) for each in flat
    ]
    assert list(soak.grown(growing)) == [what]


def test_what_is_wrong_in_the_end_is_found(soak: Any) -> None:
    d: PersiDict[Any] = PersiDict("memory://")
    d.update({("shared", f"n{number}"): 0 for number in range(soak.COUNTERS)})
    result = soak.Result(0, samples=[soak.Sample(1.0, 1, 1, 1)])
    assert list(soak.faults("files", d, [result])) == []
    result.added[1] = 2
    result.error = "Traceback"
    d["stranger"] = 1
    first, second, third = soak.faults("files", d, [result])
    assert first == "process 0 failed after 0:\nTraceback"
    assert second == "counter 1 is 0, not 2"
    assert third == "there are keys of nobody: {'stranger'}"


@pytest.mark.parametrize("torn", [b"", b"1 2 " + bytes(9), b"9 1 " + bytes(10), b"1 1 0123456789"])
def test_a_torn_value_is_found(soak: Any, torn: bytes) -> None:
    soak.whole(b"1 2 " + bytes(10))
    with pytest.raises((AssertionError, ValueError)):
        soak.whole(torn)
