"""One way to keep values in S3 against bare boto3: each operation in turn with its yardstick.

    python3 s3_operations.py CONTENDER ENDPOINT LINK BUCKET PREFIX SIZES PASSES OPERATION...

ENDPOINT leads straight to the server, LINK by way of a slow link. SIZES is JSON: how many items
each operation takes. Each figure comes twice: the CPU time of this process, its threads included,
and the time on the wall. It needs nothing but botocore and the contender, which may live in another
environment than the rest.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import workload
from rows import Pass, Row, hand_over, ratio_row
from s3_contenders import (
    S3_CONTENDERS,
    Bare,
    BarePool,
    Persidict,
    S3Contender,
    get_large,
    put_large,
)
from starting import over

CHUNK = 20
LISTED = "listed"
"""The prefix of the many objects that all contenders list."""

Pairs = list[tuple[tuple[str, str], dict[str, Any]]]
Work = Callable[[], object]
Sample = tuple[float, float]


def timed(work: Work) -> Sample:
    """The seconds of CPU and on the wall that it takes."""
    cpu, wall = process_time(), perf_counter()
    work()
    return process_time() - cpu, perf_counter() - wall


def in_turn(number: int, bare: Work, theirs: Work) -> tuple[Sample, Sample]:
    """Do both, and give the samples of both; neither always finds what the other leaves."""
    if number % 2:
        base, own = timed(bare), timed(theirs)
    else:
        own, base = timed(theirs), timed(bare)
    return base, own


class Match:
    """One contender beside bare boto3, each with objects of its own."""

    def __init__(
        self,
        kind: type[S3Contender],
        endpoint: str,
        link: str,
        bucket: str,
        prefix: str,
        sizes: dict[str, int],
        passes: int,
    ) -> None:
        self.kind = kind
        self.ways = {"": endpoint, ", behind 20 ms": link}
        self.bucket = bucket
        self.prefix = prefix
        self.sizes = sizes
        self.passes = passes
        self.pairs = workload.pairs(max(sizes["single"], sizes["many"]))

    def rivals(
        self, way: str, yardstick: type[Bare] = Bare, part: object = ""
    ) -> tuple[Bare, S3Contender]:
        endpoint = self.ways[way]
        return (
            yardstick(endpoint, self.bucket, f"{self.prefix}/bare{part}"),
            self.kind(endpoint, self.bucket, f"{self.prefix}/own{part}"),
        )

    def rows(
        self, operation: str, count: int, done: int, samples: list[list[tuple[Sample, Sample]]]
    ) -> Iterator[Row]:
        """Two rows of passes over chunks: CPU and wall."""
        for measure, index in (("CPU", 0), ("time", 1)):
            passes: list[Pass] = [
                [(base[index], own[index]) for base, own in chunks] for chunks in samples
            ]
            yield ratio_row(f"{operation}, {measure}", self.kind.name, count, passes, done)

    def one_by_one(
        self, operation: str, way: str, count: int, act: Callable[[S3Contender, Any, Any], object]
    ) -> Iterator[Row]:
        bare, theirs = self.rivals(way)
        pairs = self.pairs[:count]

        def acts(store: S3Contender, chunk: Pairs) -> Work:
            keyed = [(store.key(key), value) for key, value in chunk]

            def work() -> None:
                for key, value in keyed:
                    act(store, key, value)

            return work

        acts(bare, pairs[:2])()  # Connections are made.
        acts(theirs, pairs[:2])()
        samples = []
        for _ in range(self.passes):
            chunks = [pairs[at : at + CHUNK] for at in range(0, count, CHUNK)]
            samples.append(
                [
                    in_turn(number, acts(bare, chunk), acts(theirs, chunk))
                    for number, chunk in enumerate(chunks)
                ]
            )
        yield from self.rows(operation + way, count, count, samples)

    # The operations.

    def single(self) -> Iterator[Row]:
        """One item after the other."""

        def put(store: S3Contender, key: Any, value: Any) -> None:
            store.set(key, value)

        def get(store: S3Contender, key: Any, value: Any) -> None:
            assert store.get(key)["id"] == value["id"]

        def look(store: S3Contender, key: Any, value: Any) -> None:
            assert store.has(key)

        count = self.sizes["single"]
        yield from self.one_by_one("set", "", count, put)
        yield from self.one_by_one("get", "", count, get)
        yield from self.one_by_one("in", "", count, look)
        yield from self.one_by_one("set", ", behind 20 ms", self.sizes["far"], put)
        yield from self.one_by_one("get", ", behind 20 ms", self.sizes["far"], get)

    def many(self) -> Iterator[Row]:
        """Many at once, against a pool of threads around the same client."""
        for way in self.ways:
            yield from self.many_by(way)

    def many_by(self, way: str) -> Iterator[Row]:
        count = self.sizes["far" if way and self.kind.one_by_one else "many"]
        bare, theirs = self.rivals(way, BarePool, count)
        pairs = self.pairs[:count]

        def set_many(store: S3Contender) -> Work:
            keyed = [(store.key(key), value) for key, value in pairs]
            return lambda: store.set_many(keyed)

        def get_many(store: S3Contender) -> Work:
            keys = [store.key(key) for key, _ in pairs]

            def work() -> None:
                assert len(store.get_many(keys)) == count

            return work

        def items(store: S3Contender) -> Work:
            def work() -> None:
                assert store.items() == count

            return work

        for make in (set_many, get_many, items):
            works = make(bare), make(theirs)
            samples = [[in_turn(number, *works)] for number in range(self.passes)]
            yield from self.rows(make.__name__ + way, count, count, samples)

    def listing(self) -> Iterator[Row]:
        """All keys of many small objects, which are the same for all contenders."""
        endpoint, count = self.ways[""], self.sizes["listed"]
        bare = Bare(endpoint, self.bucket, LISTED)
        theirs = self.kind(endpoint, self.bucket, LISTED)

        def work(store: S3Contender) -> None:
            assert store.keys() == count

        self.rivals("")[1].keys()  # What every listing wants is loaded.
        before = peak()
        work(theirs)
        if before is not None and self.kind is Persidict:
            rise = (peak() or 0) - before
            yield Row("keys, memory", self.kind.name, count, rise, rise, rise, 0)
        samples = [
            [in_turn(number, lambda: work(bare), lambda: work(theirs))]
            for number in range(self.passes)
        ]
        yield from self.rows("keys", count, count, samples)

    def large(self) -> Iterator[Row]:
        """A value of many megabytes, against boto3's managed transfer."""
        if self.kind is not Persidict:
            return
        import boto3

        client = boto3.session.Session().client("s3", endpoint_url=self.ways[""])
        d = self.rivals("")[1].store
        megabytes, name = self.sizes["megabytes"], f"{self.prefix}/bare/large"
        value = os.urandom(megabytes << 20)
        works: dict[str, tuple[Work, Work]] = {
            "write of a large value": (
                lambda: put_large(client, self.bucket, name, value),
                lambda: d.__setitem__("large", value),
            ),
            "read of a large value": (
                lambda: len(get_large(client, self.bucket, name)),
                lambda: len(d["large"]),
            ),
        }
        for operation, work in works.items():
            samples = [[in_turn(number, *work)] for number in range(min(self.passes, 3))]
            yield from self.rows(operation, 1, 1, samples)
        assert d["large"] == value

    def imports(self) -> Iterator[Row]:
        """Milliseconds over those of `import boto3`, in turn with it."""
        if self.kind is not Persidict:
            return
        for code in ("import persidict_s3", "import boto3, persidict_s3.s3_dict"):
            yield over("import boto3", code, self.kind.name, 3 * self.passes)


def peak() -> float | None:
    """The most memory that this process had at a time, in megabytes; None if nothing tells."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


OPERATIONS = {
    "listing": Match.listing,  # First: memory is measured there.
    "single": Match.single,
    "many": Match.many,
    "large": Match.large,
    "imports": Match.imports,
}


def main() -> None:
    name, endpoint, link, bucket, prefix, sizes, passes, *operations = sys.argv[1:]
    kind = S3_CONTENDERS[name]
    match = Match(kind, endpoint, link, bucket, prefix, json.loads(sizes), int(passes))
    hand_over(row for operation in operations for row in OPERATIONS[operation](match))


if __name__ == "__main__":
    main()
