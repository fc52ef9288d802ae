"""``kill -9`` in the middle of writes to S3 through a cache: it shows nothing that S3 lacks."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from persidict_core import PersiDict
from tests.crashes.killed_cached import Orders, Writer
from tests.crashes.steps import Model, faults, read

KILLS = max(20, int(os.environ.get("PERSIDICT_KILLS", "20")) // 5)  # Each takes seconds.
SEED = int(os.environ.get("PERSIDICT_SEED", random.randrange(1 << 32)))
WRITERS = 5
PATIENCE = 60.0
SETTLED = 0.1
"""So long, in seconds, a server goes on at most with a request whose sender is gone."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A moto server in this process, which nobody kills."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as m:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            m.setenv(name, "testing")
        m.setenv("AWS_DEFAULT_REGION", "us-east-1")
        m.setenv("AWS_EC2_METADATA_DISABLED", "true")
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    server.stop()


class Killing:
    """Writers that share a bucket and a cache and are killed, and others after them.

    Args:
        place: Bucket, endpoint and folder of the cache.
        is_immutable: Whether the items never change.
        mutant: What is wrong with their way of writing.

    Attributes:
        killed: How many were.
        kept: How many copies the cache held afterwards, of all times.
    """

    def __init__(self, *place: str, is_immutable: bool, mutant: str = "nothing") -> None:
        self._place = place
        self._is_immutable = is_immutable
        self._mutant = mutant
        self._chance = random.Random(SEED)
        self._models: list[Model] = [{} for _ in range(WRITERS)]
        self.killed = 0
        self.kept = 0

    def _orders(self, number: int) -> Orders:
        seed = f"{SEED}-{self.killed}-{number}"
        there = list(self._models[number])
        return Orders(*self._place, number, seed, there, self._is_immutable, self._mutant)

    def kill_some(self) -> Iterator[str]:
        """Start writers, kill each at some instant, and tell what is wrong then."""
        orders = [self._orders(number) for number in range(WRITERS)]
        with ExitStack() as stack:
            writers = [stack.enter_context(Writer(each)) for each in orders]
            for writer in writers:
                writer.wait_until_it_writes()
            for writer in self._chance.sample(writers, WRITERS):
                threading.Event().wait(self._chance.uniform(0.0, 0.02))
                writer.kill()
            both = zip(writers, self._models, strict=True)
            told = [writer.acknowledged(model) for writer, model in both]
        self.killed += WRITERS
        near = orders[0].opened()
        assert near.cache is not None
        self.kept += sum(1 for _ in near.cache.list_prefix())
        far = orders[0]._replace(cache=None).opened()
        remote = _settled(far)
        for number, (model, step) in enumerate(told):
            mine = {key: value for key, value in remote.items() if key[0] == f"w{number}"}
            for fault in faults(mine, model, step):
                yield f"writer {number}, {step.verb}: {fault}"
            self._models[number] = mine
            for key in {**model, **step.items, **mine}:
                if (found := near.get(key)) != remote.get(key):
                    yield f"the cache shows {key} as {str(found)[:30]}, S3 does not"
        yield from self._held_up(near)

    def _held_up(self, near: PersiDict[Any]) -> Iterator[str]:
        """Whether a lock was left where the writers wrote, or debris that cannot be removed."""
        begin = time.monotonic()
        for model in self._models:
            for key, value in model.items() if not self._is_immutable else ():
                near[key] = value
        if (waited := time.monotonic() - begin) > PATIENCE:
            yield f"writes were held up for {waited} s"
        for _ in near.cache.sweep(remove=True, older_than=0):
            pass
        if left := [str(path) for path in Path(self._place[2]).rglob("+*")]:
            yield f"debris is left: {left}"


def _settled(far: PersiDict[Any]) -> dict[Any, Any]:
    """What the server holds once it has done with what was on its way."""
    before = read(far)
    while True:
        threading.Event().wait(SETTLED)
        if (now := read(far)) == before:
            return now
        before = now


def bucket_at(endpoint: str) -> str:
    import boto3

    name = f"bucket-{random.randrange(1 << 40)}"
    boto3.session.Session().client("s3", endpoint_url=endpoint).create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("is_immutable", [False, True], ids=["mutable", "immutable"])
def test_the_cache_shows_what_s3_holds_when_writers_are_killed(
    is_immutable: bool, endpoint: str, tmp_path: Path
) -> None:
    killing = Killing(
        bucket_at(endpoint), endpoint, str(tmp_path / "cache"), is_immutable=is_immutable
    )
    while killing.killed < KILLS // 2:
        assert list(killing.kill_some()) == [], f"PERSIDICT_SEED={SEED}, kill {killing.killed}"
    assert killing.kept > killing.killed, "hardly anything was cached"


@pytest.mark.parametrize(
    ("mutant", "is_immutable"), [("cache first", True), ("under the etag before", False)]
)
def test_a_cache_that_is_written_first_is_found_out(
    mutant: str, is_immutable: bool, endpoint: str, tmp_path: Path
) -> None:
    place = bucket_at(endpoint), endpoint, str(tmp_path / "cache")
    killing = Killing(*place, is_immutable=is_immutable, mutant=mutant)
    while killing.killed < 100:
        if next(killing.kill_some(), None):
            return
    raise AssertionError("nothing wrong was found")
