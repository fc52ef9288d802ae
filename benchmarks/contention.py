"""Eight processes change the same items at once: how many changes a second, and who starves.

    python3 benchmarks/contention.py                all; eight minutes
    python3 benchmarks/contention.py --only s3      some places; nothing is stored
    python3 benchmarks/contention.py --smoke        half a minute, by two: only whether it runs

Each change adds 1 to one of the items, chosen by chance: `transform` beside diskcache's `transact`
and SQLite's BEGIN IMMEDIATE, at the same durability, and beside plain writes by the same
dictionary, which promise less. *Bare writes* are those of `bare.py` by one process alone: changes
of one item come one after the other, so that files can hardly be quicker. At the end all the
additions must be there. The server for S3 is the
one that AWS_ENDPOINT_URL_S3 names, or Ceph's, started here. A whole run stores its results in
results/contention.json, and writes the table in README.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from uuid import uuid4

import files
import table
import workload
from bare import Bare
from contenders import CONTENDERS

RESULTS = table.HERE / "results" / "contention.json"
BEGIN = "<!-- The table of contention, written by contention.py: -->\n"
END = "<!-- End of the table of contention. -->\n"
PROCESSES = 8
PATIENCE = 120
KEYS, FEW_KEYS = (1, 1000), (1, 10)
PLACES = ("files, flushed", "files, unflushed", "s3")
EVEN = 1 / 3
"""What the slowest process does is at least so much of what the fastest does."""


class Store(NamedTuple):
    """A store that is open in this process.

    Attributes:
        add: Adds 1 to one item, or just writes it.
        read: The number of one item.
        set: Makes one item.
        key: A key as this store takes it.
        close: Closes it.
    """

    add: Callable[[Any], object]
    read: Callable[[Any], int]
    set: Callable[[Any, int], object]
    key: Callable[[workload.Key], Any]
    close: Callable[[], object]


def add_one(number: int) -> int:
    return number + 1


def dictionary(folder: Path, place: str) -> Any:
    """A new dictionary, or one that is there; in S3 the folder is a prefix in a bucket."""
    if place == "s3":
        from persidict_s3 import S3Dict

        endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
        return S3Dict[int](folder.parent.name, root_prefix=folder.name, endpoint_url=endpoint)
    return CONTENDERS["persidict"](folder, place == "files, flushed").store


def by_transform(folder: Path, place: str) -> Store:
    d = dictionary(folder, place)
    return Store(
        lambda key: d.transform(key, add_one),
        d.__getitem__,
        d.__setitem__,
        lambda key: key,
        d.close,
    )


def by_plain_writes(folder: Path, place: str) -> Store:
    store = by_transform(folder, place)
    return store._replace(add=lambda key: store.set(key, 1))


def by_transact(folder: Path, place: str) -> Store:
    contender = CONTENDERS["diskcache"](folder, place == "files, flushed")
    store = contender.store

    def add(key: str) -> None:
        with store.transact(retry=True):
            store[key] = store[key] + 1

    return Store(add, contender.get, contender.set, contender.key, contender.close)


def by_sqlite(folder: Path, place: str) -> Store:
    connection = sqlite3.connect(folder / "db.sqlite", timeout=PATIENCE, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={'FULL' if place == 'files, flushed' else 'OFF'}")
    connection.execute("CREATE TABLE IF NOT EXISTS items (key TEXT PRIMARY KEY, number INTEGER)")

    def read(key: str) -> int:
        found = connection.execute("SELECT number FROM items WHERE key = ?", (key,)).fetchone()
        return int(found[0])

    def put(key: str, number: int) -> None:
        connection.execute("REPLACE INTO items VALUES (?, ?)", (key, number))

    def add(key: str) -> None:
        connection.execute("BEGIN IMMEDIATE")
        put(key, read(key) + 1)
        connection.execute("COMMIT")

    return Store(add, read, put, "/".join, connection.close)


def by_bare_writes(folder: Path, place: str) -> Store:
    bare = Bare(folder, place == "files, flushed")

    def path(key: workload.Key) -> str:
        return bare.paths([key])[0]

    return Store(lambda path: bare.set(path, 1), bare.get, bare.set, path, lambda: None)


OURS, PLAIN, DISKCACHE = "transform", "plain writes", "diskcache's transact"
BARE = "bare writes by one"
WAYS: dict[str, Callable[[Path, str], Store]] = {
    OURS: by_transform,
    PLAIN: by_plain_writes,
    DISKCACHE: by_transact,
    "BEGIN IMMEDIATE": by_sqlite,
    BARE: by_bare_writes,
}
IN_S3 = (OURS, PLAIN)


@dataclass(frozen=True)
class Goal:
    """How long a transform may take, in times of what another way takes."""

    place: str
    keys: int
    most: float
    yardstick: str


GOALS = (
    Goal("files, flushed", 1, 1.0, DISKCACHE),
    Goal("files, unflushed", 1000, 1.5, PLAIN),
)


@dataclass
class Race:
    """What some processes did together.

    Attributes:
        place: Where the items are.
        keys: How many items.
        way: How they were changed.
        rates: Changes a second, in each pass.
        evenness: What the slowest process did in times of the fastest, in each pass.
    """

    place: str
    keys: int
    way: str
    rates: list[float]
    evenness: list[float]

    @property
    def rate(self) -> float:
        """The best pass's: other processes' work only ever slows."""
        return max(self.rates)


def worker(
    way: str,
    folder: Path,
    place: str,
    count: int,
    index: int,
    seconds: float,
    start: Any,
    told: Any,
) -> None:
    try:
        store = WAYS[way](folder, place)
        keys = [store.key(key) for key in workload.keys(count)]
        chance = random.Random(index)
        store.read(keys[0])  # Whatever is imported and connected on first use.
        start.wait(PATIENCE)
        done, begun = 0, perf_counter()
        while (taken := perf_counter() - begun) < seconds:
            store.add(chance.choice(keys))
            done += 1
        told.put((done, taken))
        store.close()
    except BaseException as error:
        start.abort()  # Nobody need wait.
        told.put(error)
        raise


def race(
    way: str, folder: Path, place: str, count: int, seconds: float, many: int
) -> tuple[float, float]:
    """Changes a second by so many processes, and the slowest's in times of the fastest's."""
    many = 1 if way == BARE else many
    if place != "s3":
        folder.mkdir()
    store = WAYS[way](folder, place)
    keys = [store.key(key) for key in workload.keys(count)]
    for key in keys:
        store.set(key, 0)
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(many), context.Queue()
    arguments = (way, folder, place, count)
    processes = [
        context.Process(target=worker, args=(*arguments, index, seconds, start, told))
        for index in range(many)
    ]
    for process in processes:
        process.start()
    try:
        results = [told.get(timeout=PATIENCE + seconds) for _ in processes]
    finally:
        for process in processes:
            process.join(PATIENCE)
            process.kill()
    for error in results:
        if isinstance(error, BaseException):
            raise error
    counts = [done for done, _ in results]
    if way not in (PLAIN, BARE):
        lacking = sum(counts) - sum(map(store.read, keys))
        assert not lacking, f"{way}: {lacking} of {sum(counts)} additions are lost"
    store.close()
    return sum(counts) / max(taken for _, taken in results), min(counts) / max(counts)


def races(places: list[str], root: Path, seconds: float, passes: int, many: int) -> Iterator[Race]:
    """All ways in all places, in turn, so that what else the machine does meets all of them."""
    with bucket_for(places, root) as bucket:
        for place in places:
            ways = list(IN_S3 if place == "s3" else WAYS)
            if DISKCACHE in ways and CONTENDERS["diskcache"].version() is None:
                print("diskcache is not installed here, and left out", file=sys.stderr)
                ways.remove(DISKCACHE)
            for count in KEYS if many == PROCESSES else FEW_KEYS:
                found = {way: Race(place, count, way, [], []) for way in ways}
                for _ in range(passes):
                    for way in ways:
                        print(f"+ {place}, {count} keys: {way}", file=sys.stderr, flush=True)
                        here = (bucket if place == "s3" else root) / uuid4().hex
                        rate, evenness = race(way, here, place, count, seconds, many)
                        found[way].rates.append(rate)
                        found[way].evenness.append(evenness)
                yield from found.values()


@contextmanager
def bucket_for(places: list[str], root: Path) -> Iterator[Path]:
    """A bucket on the server, if it is wanted."""
    if "s3" not in places:
        yield root
        return
    sys.path.insert(0, str(table.HERE.parent))
    import boto3
    import s3

    from tests.s3.server.running import ENDPOINT, s3_environment

    bucket = f"persidict-bench-{uuid4().hex}"
    with s3_environment(root) as added:
        os.environ.update(added)
        boto3.session.Session().client("s3").create_bucket(Bucket=bucket)
        try:
            yield Path(bucket)
        finally:
            s3.remove(os.environ[ENDPOINT], bucket)


def shown(race: Race) -> str:
    alone = race.way == BARE
    return f"{race.rate:,.0f}" + ("" if alone else f" ({min(race.evenness):.2f})")


def lines(races: list[Race]) -> Iterator[list[str]]:
    """The table: a place and a number of keys a row, a way a column."""
    found = {(race.place, race.keys, race.way): race for race in races}
    goals = {(goal.place, goal.keys): goal for goal in GOALS}
    yield ["place", "keys", *WAYS, "time of a transform", "goal", "met", "even"]
    for place, keys in dict.fromkeys((race.place, race.keys) for race in races):
        ours, goal = found[place, keys, OURS], goals.get((place, keys))
        cells = [
            shown(found[place, keys, way]) if (place, keys, way) in found else "" for way in WAYS
        ]
        yardsticks = [way for way in WAYS if way != OURS and (place, keys, way) in found]
        times = {way: found[place, keys, way].rate / ours.rate for way in yardsticks}
        measured = goal is not None and goal.yardstick in times
        yield [
            place,
            f"{keys:,}",
            *cells,
            ", ".join(f"{times[way]:.2f} x {way}" for way in yardsticks),
            f"{goal.most:.1f} x {goal.yardstick}" if goal else "",
            ("yes" if times[goal.yardstick] <= goal.most else "NO") if goal and measured else "",
            "yes" if min(ours.evenness) >= EVEN else "NO",
        ]


def write_readme(results: dict[str, Any]) -> None:
    facts = [f"- {name}: {said}" for name, said in results["about"].items()]
    text = table.as_markdown(lines([Race(**race) for race in results["races"]]))
    table.put_between(BEGIN, END, "\n".join([*facts, "", text]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PLACES, action="append", help="one of the places")
    parser.add_argument("--smoke", action="store_true", help="tiny, and stores nothing")
    parser.add_argument("--seconds", type=float, help="how long each race takes")
    parser.add_argument("--passes", type=int, help="how often everything is repeated")
    parser.add_argument("--folder", help="where to make the stores: on the disk to be measured")
    options = parser.parse_args()
    seconds = options.seconds or (0.3 if options.smoke else 5.0)
    passes = options.passes or (1 if options.smoke else 3)
    many = 2 if options.smoke else PROCESSES
    places = options.only or list(PLACES)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="persidict-bench-") as folder:
        found = list(races(places, Path(folder), seconds, passes, many))
        facts = files.about(Path(folder))
    print(table.as_text(lines(found)))
    if options.smoke:
        print("All of it runs. Figures of so short races mean little.")
    if options.smoke or options.only:
        return
    results = {"about": facts, "races": [asdict(race) for race in found]}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    write_readme(results)


if __name__ == "__main__":
    main()
