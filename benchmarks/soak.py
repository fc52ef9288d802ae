"""Eight processes do everything, for a quarter of an hour: does anything leak, fail or get lost?

    python3 benchmarks/soak.py files                for 15 minutes
    python3 benchmarks/soak.py s3 --seconds 60      on the server that AWS_ENDPOINT_URL_S3 names, or
                                                    Ceph's, started here

Each process knows what its own keys must hold, and compares it with each answer; besides, all add
to shared counters, and race for a few keys in common. In the end the state has to be exact, and
nothing may be left over. Memory (without garbage, without what is free but kept, and without what
the process knows of its keys), descriptors and threads are looked at meanwhile; they must be flat
after a first quarter in which things warm up. Ends with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import multiprocessing
import os
import pickle
import random
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from contention import bucket_for

from persidict_core import ABSENT, NotSupported, PersiDict

PROCESSES = 8
PATIENCE = 120
COUNTERS = 4
SIZES = [10, 10, 300, 300, 20_000, 200_000]
LARGE = 1_200_000
"""So many bytes are streamed; one value in a hundred."""

Key = tuple[str, ...]


def give_back() -> None:
    """Let the C library give back what is free: with values of all sizes, it keeps ever more."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Sample(NamedTuple):
    """What a process holds at some time."""

    seconds: float
    kilobytes: int
    descriptors: int
    threads: int

    @classmethod
    def now(cls, seconds: float, model: Mapping[Key, bytes]) -> Sample:
        gc.collect()
        give_back()
        # Without pages of files: the kernel takes them where others want memory.
        _, resident, of_files, *_ = map(int, Path("/proc/self/statm").read_text().split())
        own = (resident - of_files) * os.sysconf("SC_PAGE_SIZE") - sum(map(len, model.values()))
        descriptors = len(os.listdir("/proc/self/fd"))
        return cls(seconds, own // 1024, descriptors, threading.active_count())


ALLOWED = {"kilobytes": 8192, "descriptors": 4, "threads": 2}
"""By how much the last quarter's least may lie above the second's."""


def quarters(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The looks of the second quarter, and of the last."""
    quarter = samples[-1].seconds / 4
    return (
        [each for each in samples if quarter <= each.seconds < 2 * quarter],
        [each for each in samples if each.seconds >= 3 * quarter],
    )


def are_enough(samples: Sequence[Sample]) -> bool:
    """Whether there are three looks in each of both quarters."""
    return min(map(len, quarters(samples))) >= 3


def grown(samples: Sequence[Sample]) -> dict[str, float]:
    """What is not flat, and by how much it rose from the second quarter to the last.

    Of each quarter the least counts: what is held for a while goes up and down, but what leaks
    never comes down. Nothing is said where a quarter has less than
    three samples.
    """
    early, late = quarters(samples)
    if not are_enough(samples):
        return {}
    rises = {
        name: min(getattr(each, name) for each in late) - min(getattr(each, name) for each in early)
        for name in ALLOWED
    }
    return {name: rise for name, rise in rises.items() if rise > ALLOWED[name]}


@dataclass
class Result:
    """What a process has done and seen."""

    index: int
    done: Counter[str] = field(default_factory=Counter)
    added: list[int] = field(default_factory=lambda: [0] * COUNTERS)
    samples: list[Sample] = field(default_factory=list)
    error: str = ""


def opened(place: str, where: Path, cache: Path, index: int) -> PersiDict[Any]:
    """The dictionary; some processes flush, or keep a cache, and others do not."""
    if place == "files":
        from persidict_file import FileDirDict

        return FileDirDict(where, fsync=index % 2 == 0)
    from persidict_s3 import S3Dict

    endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
    kept = cache / str(index) if index % 2 else None
    return S3Dict(where.name, root_prefix="soak", base_dir=kept, endpoint_url=endpoint)


class Worker:
    """One process: what it does, and what its own keys must hold.

    Args:
        place: ``files`` or ``s3``.
        where: The folder, or the bucket.
        cache: A folder for caches.
        index: Which process it is.
    """

    def __init__(self, place: str, where: Path, cache: Path, index: int) -> None:
        self.place, self.where, self.cache = place, where, cache
        self.result = Result(index)
        self.chance = random.Random(index)
        self.model: dict[Key, bytes] = {}
        self.keys: list[Key] = [(f"f{n % 4}", f"k{n}") for n in range(40)]
        self.bulk: list[Key] = [("bulk", f"g{n % 2}", f"k{n}") for n in range(60)]
        self.serial = 0
        self.use(opened(place, where, cache, index))

    def use(self, d: PersiDict[Any]) -> None:
        self.d = d
        self.own = d.get_subdict(f"w{self.result.index}")
        self.common = d.get_subdict("common")

    # What it needs.

    def value(self) -> bytes:
        """Never the same."""
        self.serial += 1
        size = LARGE if self.chance.random() < 0.01 else self.chance.choice(SIZES)
        return b"%d %d " % (self.result.index, self.serial) + bytes(size)

    def key(self) -> Key:
        return self.chance.choice(self.keys)

    def there(self, key: Key) -> object:
        return self.model.get(key, ABSENT)

    # What it does.

    def get(self) -> None:
        key = self.key()
        same(self.own.get(key, ABSENT), self.there(key))

    def has(self) -> None:
        key = self.key()
        same(key in self.own, key in self.model)

    def set(self) -> None:
        key, value = self.key(), self.value()
        self.own[key] = value
        self.model[key] = value

    def delete(self) -> None:
        key = self.key()
        same(self.own.discard(key), key in self.model)
        self.model.pop(key, None)

    def set_if(self) -> None:
        key, value = self.key(), self.value()
        found, etag = self.own.get_with_etag(key, ABSENT)
        same(found, self.there(key))
        self.own.set_if(key, value, etag)
        self.model[key] = value

    def delete_if(self) -> None:
        key = self.key()
        found, etag = self.own.get_with_etag(key, ABSENT)
        same(found, self.there(key))
        if etag is ABSENT:
            return
        try:
            self.own.delete_if(key, etag)
        except NotSupported:
            assert not self.d.backend.capabilities.delete_if
        else:
            del self.model[key]

    def setdefault(self) -> None:
        key = self.key()
        wanted = self.model.setdefault(key, self.value())
        same(self.own.setdefault(key, wanted), wanted)

    def pop(self) -> None:
        key = self.key()
        same(self.own.pop(key, ABSENT), self.model.pop(key, ABSENT))

    def transform(self) -> None:
        key, value = self.key(), self.value()
        found = []
        self.own.transform(key, lambda now: found.append(now) or value, default=ABSENT)
        same(found, [self.there(key)])
        self.model[key] = value

    def count(self) -> None:
        number = self.chance.randrange(COUNTERS)
        self.d.transform(("shared", f"n{number}"), add_one)
        self.result.added[number] += 1

    def set_many(self) -> None:
        values = {key: self.value() for key in self.chance.sample(self.bulk, 20)}
        self.own.update(values)
        self.model.update(values)

    def get_many(self) -> None:
        keys = self.chance.sample(self.bulk, 20)
        wanted = {key: self.model[key] for key in keys if key in self.model}
        same(dict(self.own.get_many(keys)), wanted)

    def delete_many(self) -> None:
        keys = self.chance.sample(self.bulk, 10)
        self.own.delete_many(keys)
        for key in keys:
            self.model.pop(key, None)

    def list(self) -> None:
        same(set(self.own), set(self.model))
        same(len(self.own), len(self.model))
        same(set(self.own.newest_keys(3)) - set(self.model), set())

    def items(self) -> None:
        same(dict(self.own.items()), self.model)

    def clear(self) -> None:
        first, second = self.chance.choice(self.bulk)[:2]
        self.own.get_subdict((first, second)).clear()
        self.model = {key: value for key, value in self.model.items() if key[1] != second}

    def sweep(self) -> None:
        # Of uploads nobody can tell whether they are still under way, unless by their age.
        age = 0 if self.place == "files" else None
        for _ in self.d.backend.sweep(remove=True, older_than=age):
            pass

    def reopen(self) -> None:
        self.d.close()
        self.use_anew()

    def use_anew(self) -> None:
        self.use(opened(self.place, self.where, self.cache, self.result.index))

    def pickle(self) -> None:
        self.use(pickle.loads(pickle.dumps(self.d)))

    def race(self) -> None:
        """Whatever all do with the same keys, a value is one that somebody wrote, and whole."""
        key, value = f"c{self.chance.randrange(4)}", self.value()
        found: list[Any] = []
        match self.chance.randrange(7):
            case 0:
                found = [self.common.get(key)]
            case 1:
                found = [self.common.pop(key, None)]
            case 2:
                found = [self.common.setdefault(key, value)]
            case 3:
                found = [self.common.transform(key, lambda now: now or value, default=None)]
            case 4:
                self.common.discard(key)
            case 5:
                self.common[key] = value
            case _:
                found = list(self.common.values())
        for each in found:
            if each is not None:
                whole(each)

    def run(self, seconds: float) -> Result:
        """Do all of it, by chance, until the time is over; then compare the whole."""
        self.list()  # Connects.
        begun = monotonic()
        next_look = 0.0
        names = list(OPERATIONS)
        weights = list(OPERATIONS.values())
        while (passed := monotonic() - begun) < seconds:
            if passed >= next_look:
                self.look(passed)
                next_look += seconds / 100
            name = self.chance.choices(names, weights)[0]
            getattr(self, name)()
            self.result.done[name] += 1
        self.look(passed)
        self.items()
        self.list()
        self.d.close()
        return self.result

    def look(self, seconds: float) -> None:
        """Look at what is held where nothing is open: a pool of connections goes up and down."""
        self.d.close()
        self.result.samples.append(Sample.now(seconds, self.model))
        self.use_anew()


OPERATIONS = {
    **dict.fromkeys(("get", "has", "set", "delete", "set_if", "delete_if", "setdefault"), 10),
    **dict.fromkeys(("pop", "transform", "count", "race"), 10),
    **dict.fromkeys(("set_many", "get_many", "delete_many", "list", "items", "clear"), 2),
    **dict.fromkeys(("sweep", "reopen", "pickle"), 1),
}
"""What is done, and how often in comparison."""


def add_one(number: int) -> int:
    return number + 1


def same(found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"found {brief(found)} in place of {brief(wanted)}")


def brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"


def whole(value: bytes) -> None:
    index, serial, rest = value.split(b" ", 2)
    assert int(index) < PROCESSES and int(serial) > 0
    assert len(rest) in (*SIZES, LARGE) and not rest.strip(b"\0"), f"torn: {brief(value)}"


def work(place: str, where: Path, cache: Path, index: int, seconds: float, told: Any) -> None:
    worker = Worker(place, where, cache, index)
    try:
        told.put(worker.run(seconds))
    except BaseException:
        worker.result.error = traceback.format_exc()
        told.put(worker.result)


def faults(place: str, d: PersiDict[Any], results: list[Result]) -> Iterator[str]:
    """What is wrong in the end."""
    for result in results:
        if result.error:
            yield f"process {result.index} failed after {result.done.total()}:\n{result.error}"
        for name, rise in grown(result.samples).items() if not result.error else ():
            yield f"process {result.index} has {rise:.0f} more {name}"
    for number in range(COUNTERS):
        wanted = sum(result.added[number] for result in results)
        if (found := d["shared", f"n{number}"]) != wanted:
            yield f"counter {number} is {found}, not {wanted}"
    left = list(d.backend.sweep(older_than=0)) if place == "files" else []
    if left:
        yield f"debris is left: {left[:3]}"
    names = {"shared", "common", *(f"w{index}" for index in range(PROCESSES))}
    if strange := {key.strings[0] for key in d} - names:
        yield f"there are keys of nobody: {strange}"


def soak(place: str, where: Path, cache: Path, seconds: float) -> tuple[list[Result], list[str]]:
    """Let all processes run; what they did, and what is wrong."""
    d = opened(place, where, cache, 0)
    d.update({("shared", f"n{number}"): 0 for number in range(COUNTERS)})
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    processes = [
        context.Process(target=work, args=(place, where, cache, index, seconds, told))
        for index in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    try:
        results = [told.get(timeout=seconds + PATIENCE) for _ in processes]
    finally:
        for process in processes:
            process.join(PATIENCE)
            process.kill()
    return sorted(results, key=lambda each: each.index), list(faults(place, d, results))


def report(results: list[Result], seconds: float) -> Iterator[str]:
    """What was done, and what the processes held from the first quarter on."""
    done = sum((result.done for result in results), Counter[str]())
    looks = sum(len(result.samples) for result in results)
    yield f"{done.total():,} operations, {done.total() / seconds:,.0f} a second; {looks} looks"
    yield ", ".join(f"{name} {done[name]:,}" for name in OPERATIONS)
    for result in results:
        warm = [each for each in result.samples if each.seconds >= seconds / 4] or result.samples
        spans = (
            f"{min(numbers):,} to {max(numbers):,} {name}"
            for name in ALLOWED
            if (numbers := [getattr(each, name) for each in warm])
        )
        yield f"process {result.index}: {', '.join(spans)}"
        if result.samples and not are_enough(result.samples):
            yield f"process {result.index} was looked at too seldom to tell whether it grew"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("place", choices=["files", "s3"])
    parser.add_argument("--seconds", type=float, default=900.0, help="how long")
    parser.add_argument("--folder", help="where to make the store, or the server's state")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="persidict-soak-") as folder:
        root = Path(folder)
        with bucket_for([options.place], root) as bucket:
            where = root / "store" if options.place == "files" else bucket
            results, wrong = soak(options.place, where, root / "cache", options.seconds)
    print("\n".join(report(results, options.seconds)))
    print("\n".join(wrong) or "Nothing is wrong.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
