"""Eight processes change one item at once: `transform` against diskcache's `transact`.

    python3 races.py FOLDER PASSES TIMES [TIMES_FLUSHED]

Both add 1 to a number; all additions must be there at the end. The durability is the same:
`fsync=True` against `synchronous=FULL`, `fsync=False` against `synchronous=OFF`.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import perf_counter
from typing import Any

from contenders import CONTENDERS
from rows import Row, hand_over, ratio_row

PROCESSES = 8
PATIENCE = 120


def add_one(number: int) -> int:
    return number + 1


def add_by_transform(store: Any) -> None:
    store.transform("number", add_one)


def add_by_transact(store: Any) -> None:
    with store.transact(retry=True):
        store["number"] = store["number"] + 1


ADDING = {"persidict": add_by_transform, "diskcache": add_by_transact}


def worker(name: str, folder: Path, flush: bool, times: int, start: Barrier, end: Barrier) -> None:
    contender = CONTENDERS[name](folder, flush)
    add = ADDING[name]
    add(contender.store)
    start.wait(PATIENCE)
    for _ in range(times):
        add(contender.store)
    end.wait(PATIENCE)
    contender.close()


def race(name: str, folder: Path, flush: bool, times: int) -> float:
    """The seconds that all the processes take together."""
    folder.mkdir()
    contender = CONTENDERS[name](folder, flush)
    contender.store["number"] = 0
    context = multiprocessing.get_context("spawn")
    start, end = (context.Barrier(PROCESSES + 1) for _ in range(2))
    arguments = (name, folder, flush, times, start, end)
    processes = [context.Process(target=worker, args=arguments) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    try:
        start.wait(PATIENCE)
        begun = perf_counter()
        end.wait(PATIENCE)
        seconds = perf_counter() - begun
    finally:
        for process in processes:
            process.join(PATIENCE)
            process.kill()
    expected = PROCESSES * (times + 1)
    assert contender.store["number"] == expected, f"{name} lost additions"
    contender.close()
    return seconds


def races(folder: Path, passes: int, times: dict[bool, int]) -> Iterator[Row]:
    for flush, each in times.items():
        seconds = []
        for number in range(passes):
            here = folder / f"{flush}{number}"
            here.mkdir()
            base = race("diskcache", here / "diskcache", flush, each)
            seconds.append([(base, race("persidict", here / "persidict", flush, each))])
        operation = f"transform by {PROCESSES}, {'flushed' if flush else 'unflushed'}"
        yield ratio_row(operation, "persidict", 1, seconds, PROCESSES * each)


def main() -> None:
    folder, passes, times, times_flushed = sys.argv[1:]
    each = {True: int(times_flushed), False: int(times)}
    hand_over(races(Path(folder), int(passes), each))


if __name__ == "__main__":
    main()
