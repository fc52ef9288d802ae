"""Waits between attempts: random, growing, and in proportion to how long an attempt takes."""

from __future__ import annotations

import time
from itertools import islice

import pytest

from persidict_core import attempts as module
from persidict_core.attempts import ATTEMPTS, attempts


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each wait may last at most, in seconds; a clock goes on by those waits only."""
    found: list[float] = []
    monkeypatch.setattr(module, "_chance", lambda: 1.0)
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def clock(monkeypatch: pytest.MonkeyPatch, took: float) -> None:
    """Let each attempt take so many seconds."""
    ticks = iter(took * number for number in range(10**6))
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))


def test_short_attempts_wait_some_milliseconds(
    longest: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch, 1e-5)
    assert list(islice(attempts(), 7)) == list(range(7))
    assert longest == [0.002, 0.004, 0.008, 0.008, 0.008, 0.008]


def test_long_attempts_wait_in_proportion_but_not_for_ever(
    longest: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch, 0.05)
    list(islice(attempts(), 6))
    assert longest == pytest.approx([0.1, 0.2, 0.4, 0.4, 0.4])
    longest.clear()
    clock(monkeypatch, 10)
    list(islice(attempts(), 4))
    assert longest == [2, 2, 2]


def test_the_quickest_attempt_counts(longest: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.5, 1.0, 1.02, 2.0, 2.9, 3.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    list(islice(attempts(), 4))
    assert longest == pytest.approx([1.0, 0.08, 0.16])


def test_eager_ones_try_twice_before_they_wait(
    longest: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch, 1e-5)
    list(islice(attempts(eager=True), 4))
    assert longest == [0.002, 0.004]


def test_they_end(longest: list[float]) -> None:
    assert len(list(attempts())) == ATTEMPTS


def test_the_waits_are_spread() -> None:
    chances = [module._chance() for _ in range(1000)]
    assert all(0 <= chance <= 1 for chance in chances)
    assert min(chances) < 0.1 and max(chances) > 0.9
