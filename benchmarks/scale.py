"""What goes over all items costs in ever larger stores: seconds, and megabytes at the peak.

    python3 benchmarks/scale.py                     up to 10,000,000 items, simulated, and 1,000,000
                                                    real files; half an hour
    python3 benchmarks/scale.py --files 0           no real files
    python3 benchmarks/scale.py --smoke             some seconds: only whether all of it runs

The simulated store makes its listing as it goes, and keeps nothing: what is measured is the
dictionary's own part. The real one has a file of some bytes for each item, not flushed. Every
figure comes from a fresh process. A whole run stores its results in results/scale.json and writes
the table in README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import files
import table
from footprint import STATUS, peak_of

from persidict_core import BaseBackend, ObjectNotFound, ObjectStat, PersiDict
from persidict_core.digests import sign

RESULTS = table.HERE / "results" / "scale.json"
BEGIN = "<!-- The table of large stores, written by scale.py: -->\n"
END = "<!-- End of the table of large stores. -->\n"
PER_FOLDER = 1000
UPDATED = 100_000
VALUE = {"small": True}
STORED = pickle.dumps(VALUE, 5)


@dataclass
class Cost:
    """One figure.

    Attributes:
        store: Simulated, or files.
        operation: What was done.
        count: How many items the store held.
        seconds: How long it took.
        megabytes: How far memory rose above what it was before.
    """

    store: str
    operation: str
    count: int
    seconds: float
    megabytes: float


def listed(count: int) -> Iterator[tuple[str, list[str]]]:
    """The folders of a store of so many items, each with the names in it."""
    names = [f"{sign(f'item{number}', 8)}.pkl" for number in range(min(count, PER_FOLDER))]
    for folder in range(count // len(names)):
        yield sign(f"group{folder}", 8) + "/", names


class Generated(BaseBackend):
    """A store of so many items, all of one value, of which nothing is kept but the number.

    Args:
        count: How many.
    """

    digest_len = 8

    def __init__(self, count: int) -> None:
        self.count = count

    def read_bytes(self, path: str) -> bytes:
        return STORED

    def write_bytes(self, path: str, data: bytes) -> str:
        return ""

    def delete(self, path: str) -> None:
        pass

    def stat(self, path: str) -> ObjectStat:
        raise ObjectNotFound(path)

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        for folder, names in listed(self.count):
            yield from [folder + name for name in names]

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        for number, path in enumerate(self.list_prefix(prefix)):
            # In no order, as folders list their files.
            yield ObjectStat(path, len(STORED), float(number * 7919 % 10_000_019), "")

    def list_children(self, prefix: str = "") -> Iterator[str]:
        return (folder for folder, _ in listed(self.count))


def make_files(root: Path, count: int) -> None:
    """Such a store of real files, by bare calls."""
    for folder, names in listed(count):
        (root / folder).mkdir(parents=True)
        for name in names:
            descriptor = os.open(root / folder / name, os.O_CREAT | os.O_WRONLY, 0o666)
            os.write(descriptor, STORED)
            os.close(descriptor)


def opened(store: str, count: int, folder: str) -> PersiDict[Any]:
    if store == "simulated":
        return PersiDict(Generated(count), digest_len=8)
    from persidict_file import FileDirDict

    return FileDirDict(folder, fsync=False)


# What is measured; each says whether the result is right.


def exhaust(items: Iterable[object]) -> int:
    """How many there are, none of them kept."""
    numbered = deque(enumerate(items, 1), maxlen=1)
    return numbered[0][0] if numbered else 0


def updated(d: PersiDict[Any], count: int) -> bool:
    number = min(count, UPDATED)
    d.update(((f"new{at // PER_FOLDER}", f"item{at}"), VALUE) for at in range(number))
    return True


def cleared(d: PersiDict[Any], count: int) -> bool:
    d.clear()
    return isinstance(d.backend, Generated) or not d


def equal(d: PersiDict[Any], count: int) -> bool:
    return d == type(d)(**d.get_params())


OPERATIONS: dict[str, Callable[[PersiDict[Any], int], bool]] = {
    "len(d)": lambda d, count: len(d) == count,
    "for key in d": lambda d, count: exhaust(d) == count,
    "bool(d)": lambda d, count: bool(d),
    "newest_keys(10)": lambda d, count: len(d.newest_keys(10)) == 10,
    "random_key()": lambda d, count: d.random_key() is not None,
    "subdicts()": lambda d, count: len(d.subdicts()) == max(1, count // PER_FOLDER),
    "d == other": equal,
    f"update(), {UPDATED:,} more": updated,
    "clear()": cleared,
}
"""In the order in which they are done; the last ones change the store."""


def child(store: str, operation: str, count: int, folder: str) -> Cost:
    """What a fresh process measures."""
    work = OPERATIONS[operation]
    with tempfile.TemporaryDirectory() as small:
        make_files(Path(small), 10)
        work(opened(store, 10, small), 10)  # Loads what is loaded on first use.
    d = opened(store, count, folder)
    seconds, right = 0.0, False

    def timed(_: object) -> None:
        nonlocal seconds, right
        start = perf_counter()
        right = work(d, count)
        seconds = perf_counter() - start

    megabytes = peak_of(timed, None) if STATUS.exists() else 0.0
    if not right:
        raise AssertionError(f"{operation} of {count} items in {store}: a wrong result")
    return Cost(store, operation, count, seconds, megabytes)


def costs(store: str, counts: list[int], folder: Path) -> Iterator[Cost]:
    for count in counts:
        root = folder / str(count)
        if store == "files":
            make_files(root, count)
        for operation in OPERATIONS:
            command = [sys.executable, __file__, "child", store, operation, str(count), str(root)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            cost = Cost(**json.loads(done.stdout))
            print("+", f"{store}, {count:,} items: {operation}, {shown(cost)}", file=sys.stderr)
            yield cost


def shown(cost: Cost) -> str:
    return f"{cost.seconds:.3g} s, {max(0.0, cost.megabytes):.1f} MB"


def lines(rows: list[Cost]) -> Iterator[list[str]]:
    """The table: an operation a row, a size of the store a column, how it grows at the end."""
    counts = sorted({row.count for row in rows})
    found = {(row.operation, row.store, row.count): row for row in rows}
    yield ["operation", "store", *(f"{count:,} items" for count in counts), "last step"]
    for operation in OPERATIONS:
        for store in dict.fromkeys(row.store for row in rows):
            own = [found[key] for count in counts if (key := (operation, store, count)) in found]
            missing = [""] * (len(counts) - len(own))
            step = f"{own[-1].seconds / own[-2].seconds:.1f} times" if len(own) > 1 else ""
            yield [f"`{operation}`", store, *map(shown, own), *missing, step]


def write_readme(results: dict[str, Any]) -> None:
    rows = [Cost(**row) for row in results["rows"]]
    facts = [f"- {name}: {said}" for name, said in results["about"].items()]
    table.put_between(BEGIN, END, "\n".join([*facts, "", table.as_markdown(lines(rows))]))


def sizes(most: int, least: int) -> list[int]:
    """Powers of ten from one number to another."""
    return [10**power for power in range(1, 12) if least <= 10**power <= most]


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        store, operation, count, folder = sys.argv[2:]
        print(json.dumps(asdict(child(store, operation, int(count), folder))))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulated", type=int, default=10_000_000, help="how many items at most")
    parser.add_argument("--files", type=int, default=1_000_000, help="how many real files at most")
    parser.add_argument("--smoke", action="store_true", help="tiny, and stores nothing")
    parser.add_argument("--folder", help="where to make the files: on the disk to be measured")
    options = parser.parse_args()
    least = 100 if options.smoke else 10_000
    limits = {"simulated": options.simulated, "files": options.files}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="persidict-scale-") as folder:
        rows = [
            cost
            for store, most in limits.items()
            for cost in costs(store, sizes(1000 if options.smoke else most, least), Path(folder))
        ]
        facts = files.about(Path(folder))
    print(table.as_text(lines(rows)))
    if options.smoke:
        print("All of it runs. Figures of so few items mean little.")
    if options.smoke or limits != {name: parser.get_default(name) for name in limits}:
        return
    results = {"about": facts, "rows": [asdict(row) for row in rows]}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    write_readme(results)


if __name__ == "__main__":
    main()
