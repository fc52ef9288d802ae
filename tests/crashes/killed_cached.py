"""Processes that write to S3 through one cache of files until they are killed."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple, Self

from persidict_core import ObjectNotFound, PersiDict, layers
from persidict_core.layers.envelopes import Kept
from persidict_s3 import S3Dict
from tests.crashes.steps import Key, Model, Step, after, perform, random_steps

SIZES: Final = [10, 10, 5_000, 1_200_000]
_STEP: Final = b"s"
_OF_PLAIN_WRITES: Final = "under the etag before"
_NEW: Final = ("set", "create", "setdefault", "update")

# Whoever is killed comes from a process that has all of this in memory already.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["boto3", "lz4.frame", "persidict_file", __name__])


class Orders(NamedTuple):
    """What a writer does.

    Attributes:
        bucket: The bucket, which is there.
        endpoint: The server's URL.
        cache: The folder of the cache.
        number: Which writer it is; its keys lie beside those of others.
        seed: Chooses the steps.
        there: Which of its keys are there at first.
        is_immutable: Whether items never change; their copies in the cache are not asked for.
        mutant: What is wrong with its way of writing: a key of `MUTANTS`.
    """

    bucket: str
    endpoint: str
    cache: str | None
    number: int
    seed: str
    there: list[Key]
    is_immutable: bool
    mutant: str = "nothing"

    def opened(self) -> PersiDict[Any]:
        """The dictionary that it writes to."""
        return S3Dict(
            self.bucket,
            root_prefix="immutable" if self.is_immutable else "mutable",
            base_dir=self.cache,
            endpoint_url=self.endpoint,
            immutable_items=self.is_immutable,
            conditional_writes=True,
            conditional_deletes=False,
        )

    def own_keys(self) -> list[Key]:
        """The keys of the writer."""
        return [(f"w{self.number}", f"k{n}") for n in range(6)]

    def steps(self) -> Iterator[Step]:
        """What it does, without end; each step is possible after those before it."""
        if not self.is_immutable:
            chance = random.Random(self.seed)
            for step in random_steps(chance, self.own_keys(), SIZES, self.there):
                if self.mutant == _OF_PLAIN_WRITES and step.verb != "set":
                    continue  # It is to be found soon.
                # Not every server can delete on a condition.
                yield step._replace(verb="delete") if step.verb == "delete_if" else step
        chance = random.Random(self.seed)
        for number in range(10_000):
            key = (f"w{self.number}", f"{self.seed}-{number}")
            value = chance.randbytes(chance.choice(SIZES))
            yield Step(chance.choice(_NEW), {key: value})


def _cache_first() -> None:
    write_if = layers.CachedBackend.write_if

    def too_early(backend: layers.CachedBackend, path: str, data: bytes, expect: Any) -> str:
        backend._keep(path, Kept(data, "guessed", None))
        return write_if(backend, path, data, expect)

    layers.CachedBackend.write_if = too_early  # type: ignore[method-assign]


def _under_the_etag_before() -> None:
    write_bytes = layers.CachedBackend.write_bytes

    def too_early(backend: layers.CachedBackend, path: str, data: bytes) -> str:
        with contextlib.suppress(ObjectNotFound):
            backend._keep(path, Kept(data, backend.wrapped.stat(path).etag, None))
            time.sleep(0.02)  # What was sent is done, even if its sender is killed.
        return write_bytes(backend, path, data)

    layers.CachedBackend.write_bytes = too_early  # type: ignore[method-assign]


MUTANTS: Final = {
    "nothing": lambda: None,
    "cache first": _cache_first,
    _OF_PLAIN_WRITES: _under_the_etag_before,
}


def write_until_killed(orders: Orders, told: Connection) -> None:
    """What a writer does; it says each time when a call has returned."""
    MUTANTS[orders.mutant]()
    d = orders.opened()
    for step in orders.steps():
        perform(d, step)
        os.write(told.fileno(), _STEP)


class Writer:
    """A process that writes; a context manager that ends it.

    Args:
        orders: What it does.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._told, end = context.Pipe(duplex=False)
        self._process = context.Process(target=write_until_killed, args=(orders, end), daemon=True)
        self._process.start()
        end.close()
        self._said = b""

    def __enter__(self) -> Self:
        return self

    def wait_until_it_writes(self) -> None:
        """Wait for the next call to return."""
        self._said += os.read(self._told.fileno(), 1)
        assert self._said, "the writer ended by itself"

    def kill(self) -> None:
        """Kill it."""
        assert self._process.is_alive(), "the writer ended by itself"
        self._process.kill()
        self._process.join()

    def acknowledged(self, before: Model) -> tuple[Model, Step]:
        """What was there of the writer's when the last call returned, after it was killed.

        Args:
            before: What was there before the writer began.

        Returns:
            That, and the step that may have been under way.
        """
        while said := os.read(self._told.fileno(), 1 << 16):
            self._said += said
        steps = self._orders.steps()
        for step in islice(steps, self._said.count(_STEP)):
            before = after(before, step)
        return before, next(steps)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._told.close()
