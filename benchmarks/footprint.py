"""What the dictionary costs apart from time: starting, memory, and growth with the store.

    python3 footprint.py FOLDER PASSES BIGGEST MEGABYTES [imports|memory|growth...]

Memory is the resident peak of a fresh process, above what it had before, as Linux counts it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import workload
from operations import Work, chunked, each, each_pair, in_turn
from rows import Row, hand_over, ratio_row
from starting import over

PERSIDICT = "persidict"
STATEMENTS = ("import persidict", "from persidict import FileDirDict")
STATUS = Path("/proc/self/status")
SAMPLE = 1000
LEAST = 10


def dictionary(folder: Path | str) -> Any:
    from persidict import FileDirDict

    return FileDirDict(folder, fsync=False)


# Starting.


def imports(passes: int) -> Iterator[Row]:
    """Milliseconds over those of a Python that does nothing, in turn with it."""

    for code in STATEMENTS:
        yield over("pass", code, PERSIDICT, 3 * passes)


# Memory.


def megabytes(field: str) -> float:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def peak_of(work: Work, subject: object) -> float:
    """The megabytes by which memory grows at most while something is done."""
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # Forgets the peak so far.
    work(subject)
    return megabytes("VmHWM") - before


def child(what: str, folder: str, size: int) -> float:
    """What a fresh process measures."""
    d = dictionary(folder)
    d["small"] = 0  # Loads what is loaded on first use.
    if what == "listing":
        return peak_of(lambda count: sum(1 for _ in d) == count, size)
    import numpy

    if what == "written":
        array = numpy.random.default_rng(0).random(size * 2**17)
        return peak_of(lambda value: d.__setitem__("array", value), array)
    assert what == "read"
    return peak_of(lambda key: d[key], "array") / size


def in_a_fresh_process(what: str, folder: Path, size: int) -> float:
    command = [sys.executable, __file__, "child", what, str(folder), str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def memory(folder: Path, passes: int, biggest: int, size: int) -> Iterator[Row]:
    if not STATUS.exists():
        return
    store = folder / "listed"
    make_empty_files(store, biggest)
    wanted = [("listing", "memory: listing", store, biggest)]
    if find_spec("numpy") is not None:
        (folder / "array").mkdir()
        wanted += [
            ("written", f"memory: writing {size} MB", folder / "array", 1),
            ("read", f"memory: reading {size} MB", folder / "array", 1),
        ]
    for what, operation, where, count in wanted:
        figures = [in_a_fresh_process(what, where, size) for _ in range(min(3, passes))]
        least = min(figures)
        yield Row(operation, PERSIDICT, count, least, statistics.median(figures), least, 0.0)


# Growth.


def make_empty_files(folder: Path, count: int) -> None:
    """What a listing of so many values looks like, without writing them."""
    from persidict_core.digests import sign

    folder.mkdir()
    made = set()
    for first, second in workload.keys(count):
        place = folder / sign(first, 8)
        if place not in made:
            place.mkdir()
            made.add(place)
        os.close(os.open(place / f"{sign(second, 8)}.pkl", os.O_CREAT | os.O_WRONLY))


def growth(folder: Path, passes: int, biggest: int) -> Iterator[Row]:
    """What one item costs in ever larger stores, against one in a store of ten."""
    counts = sorted({LEAST, min(1000, biggest), biggest})
    works: dict[int, dict[str, tuple[Work, list[Any]]]] = {}
    for count in counts:
        here = folder / f"growth{count}"
        make_empty_files(here, count)
        d = dictionary(here)
        # As many different ones everywhere: more of them would miss the processor's caches more.
        pairs = workload.pairs(count)[:: count // LEAST][:LEAST] * (SAMPLE // LEAST)
        keys = [key for key, _ in pairs]
        d.update(pairs)
        works[count] = {
            "set": (each_pair(d.__setitem__), pairs),
            "get": (each(d.__getitem__), keys),
            "in": (each(d.__contains__), keys),
        }
    for count in counts[1:]:
        for operation in ("get", "in", "set"):
            base, base_items = works[LEAST][operation]
            own, items = works[count][operation]
            chunks = chunked(base_items, items, 100)
            own(items)  # From here on all names are known.
            times = [in_turn(base, own, chunks) for _ in range(2 * passes)]
            name = f"{operation}, against {LEAST} items"
            yield ratio_row(name, PERSIDICT, count, times, SAMPLE)


def rows(folder: Path, passes: int, biggest: int, size: int, only: list[str]) -> Iterator[Row]:
    if "imports" in only:
        yield from imports(passes)
    if "memory" in only:
        yield from memory(folder, passes, biggest, size)
    if "growth" in only:
        yield from growth(folder, passes, biggest)


def main() -> None:
    if sys.argv[1] == "child":
        what, where, size = sys.argv[2:]
        print(child(what, where, int(size)))
        return
    folder, passes, biggest, size, *only = sys.argv[1:]
    everything = ["imports", "memory", "growth"]
    hand_over(rows(Path(folder), int(passes), int(biggest), int(size), only or everything))


if __name__ == "__main__":
    main()
