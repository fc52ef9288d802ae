"""Many calls at once: in order, lazily, and never left hanging."""

import threading
import time

import pytest

from persidict_core.bulk import in_order


@pytest.mark.parametrize("concurrency", [1, 4, 32])
def test_results_and_errors_come_in_order(concurrency):
    def half(number):
        if number % 7 == 3:
            raise ValueError(number)
        return number / 2

    results = list(in_order(half, range(200), concurrency))
    assert [item for item, _ in results] == list(range(200))
    for item, result in results:
        if item % 7 == 3:
            assert isinstance(result, ValueError) and result.args == (item,)
        else:
            assert result == item / 2


@pytest.mark.parametrize("concurrency", [1, 4])
def test_items_are_taken_lazily(concurrency):
    taken = []

    def items():
        for number in range(10**6):
            taken.append(number)
            yield number

    results = in_order(lambda number: number, items(), concurrency)
    for _ in range(3):
        next(results)
    results.close()
    assert len(taken) <= 3 + 2 * concurrency


def test_no_more_than_concurrency_run_at_once():
    running, most, lock = [0], [0], threading.Lock()
    gate = threading.Barrier(4)

    def call(_):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        gate.wait(timeout=10)
        with lock:
            running[0] -= 1

    assert all(error is None for _, error in in_order(call, range(40), 4))
    assert most[0] == 4


def test_leaving_early_ends_the_threads():
    before = threading.active_count()
    for _ in in_order(lambda number: number, range(100), 8):
        break
    assert threading.active_count() == before


def test_an_error_of_the_iterable_is_raised():
    def items():
        yield 1
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        list(in_order(lambda number: number, items(), 4))
    assert not [t for t in threading.enumerate() if t.name.startswith("persidict")]


@pytest.mark.parametrize("most", [0, 2])
def test_where_no_thread_begins_each_call_is_made_once(most, monkeypatch):
    start, begun, made = threading.Thread.start, [0], []

    def start_some(thread):
        if begun[0] == most:
            raise RuntimeError("can't start new thread")
        begun[0] += 1
        start(thread)

    def call(number):
        time.sleep(0.001)
        made.append(number)
        return number

    monkeypatch.setattr(threading.Thread, "start", start_some)
    assert list(in_order(call, range(50), 4)) == [(number, number) for number in range(50)]
    assert begun[0] == most
    assert sorted(made) == list(range(50))
