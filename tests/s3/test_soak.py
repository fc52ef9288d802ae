"""Thousands of operations by threads while requests fail at random: the state is what was told.

Each thread has keys of its own, and keeps for each the set of what may stand there: one value (or
nothing) after an operation that succeeded, and both the old and the new after one that failed. A
counter that all share is changed by `transform`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from persidict_core import ABSENT, BackendError, BulkError, PreconditionFailed
from persidict_s3 import S3Dict
from tests.s3 import faults_played as faults
from tests.s3.proxy import Fault, Proxy, Request

pytestmark = pytest.mark.s3

WHOLE = os.environ.get("PERSIDICT_S3_WHOLE", "") == "1"
THREADS = 8
OPERATIONS = 10_000 if WHOLE else 1000
KEYS = 6
RATE = 0.05

ANY_REQUEST: list[Fault] = [
    faults.lose_answer,
    faults.lose_request,
    faults.slow_down,
    faults.internal_error,
    faults.act_and_answer(faults.internal_error),
    faults.page(502),
]
READING: list[Fault] = [*ANY_REQUEST, faults.reset_in_body, faults.truncate_body]
CONDITIONAL: list[Fault] = [*ANY_REQUEST, faults.conflict, faults.lost_race]


class Doubter:
    """One thread's operations, and what it knows of its keys.

    Args:
        d: The dictionary that all share.
        index: Which thread it is.
    """

    def __init__(self, d: S3Dict[Any], index: int) -> None:
        self.d = d
        self.own = d.get_subdict(f"thread{index}")
        self.chance = random.Random(index)
        self.possible: dict[str, set[Any]] = {f"key{n}": {ABSENT} for n in range(KEYS)}
        self.next_value = 0
        self.added = 0
        self.failed = 0
        self.done = 0

    def run(self, times: int) -> None:
        operations: list[Callable[[str], None]] = [
            self.set, self.set, self.get, self.get, self.look, self.delete, self.insert,
            self.replace, self.default, self.pop, self.transform, self.get_many, self.set_many,
            self.delete_many, self.keys, self.add_to_shared,
        ]  # fmt: skip
        for _ in range(times):
            self.chance.choice(operations)(self.chance.choice(list(self.possible)))
            self.done += 1

    def fresh(self) -> int:
        self.next_value += 1
        return self.next_value

    def saw(self, key: str, value: Any) -> None:
        assert value in self.possible[key], (key, value, self.possible[key])
        self.possible[key] = {value}

    def doubts(self, key: str, new: Any) -> None:
        self.failed += 1
        self.possible[key] |= {new}

    def set(self, key: str) -> None:
        value = self.fresh()
        try:
            self.own[key] = value
        except BackendError:
            self.doubts(key, value)
        else:
            self.possible[key] = {value}

    def get(self, key: str) -> None:
        try:
            self.saw(key, self.own.get(key, ABSENT))
        except BackendError:
            self.failed += 1

    def look(self, key: str) -> None:
        try:
            there = key in self.own
        except BackendError:
            self.failed += 1
            return
        fitting = {value for value in self.possible[key] if (value is not ABSENT) == there}
        assert fitting, (key, there, self.possible[key])
        self.possible[key] = fitting

    def delete(self, key: str) -> None:
        try:
            there = self.own.delete_if_exists(key)
        except BackendError:
            self.doubts(key, ABSENT)
            return
        assert there or ABSENT in self.possible[key]
        assert not there or self.possible[key] != {ABSENT}
        self.possible[key] = {ABSENT}

    def insert(self, key: str) -> None:
        value = self.fresh()
        try:
            self.own.set_if(key, value, ABSENT)
        except PreconditionFailed:
            self.possible[key].discard(ABSENT)
            assert self.possible[key], f"{key}: a conflict, but nobody else writes here"
        except BackendError:
            self.doubts(key, value)
        else:
            assert ABSENT in self.possible[key]
            self.possible[key] = {value}

    def replace(self, key: str) -> None:
        value = self.fresh()
        try:
            found, etag = self.own.get_with_etag(key, ABSENT)
            self.saw(key, found)
            self.own.set_if(key, value, etag)
        except BackendError:
            self.doubts(key, value)
        else:
            self.possible[key] = {value}

    def default(self, key: str) -> None:
        value = self.fresh()
        try:
            found = self.own.setdefault(key, value)
        except BackendError:
            if ABSENT in self.possible[key]:
                self.doubts(key, value)
            return
        if found == value:
            assert ABSENT in self.possible[key]
        else:
            assert found in self.possible[key]
        self.possible[key] = {found}

    def pop(self, key: str) -> None:
        try:
            found = self.own.pop(key, ABSENT)
        except BackendError:
            self.doubts(key, ABSENT)
            return
        self.saw(key, found)
        self.possible[key] = {ABSENT}

    def transform(self, key: str) -> None:
        value = self.fresh()
        try:
            self.own.transform(key, lambda found: value, default=ABSENT)
        except BackendError:
            self.doubts(key, value)
        else:
            self.possible[key] = {value}

    def get_many(self, _: str) -> None:
        try:
            found = dict(self.own.get_many(self.possible))
        except BackendError:
            self.failed += 1
            return
        for key in self.possible:
            self.saw(key, found.get(key, ABSENT))

    def set_many(self, _: str) -> None:
        values = {key: self.fresh() for key in list(self.possible)[: KEYS // 2]}
        failures: dict[Any, Exception] = {}
        try:
            self.own.set_many(values)
        except BulkError as error:
            failures = error.failures
            assert all(isinstance(one, BackendError) for one in failures.values()), failures
        for key, value in values.items():
            if key in failures:
                self.doubts(key, value)
            else:
                self.possible[key] = {value}

    def delete_many(self, _: str) -> None:
        keys = list(self.possible)[KEYS // 2 :]
        failures: dict[Any, Exception] = {}
        try:
            self.own.delete_many(keys)
        except BulkError as error:
            failures = error.failures
        for key in keys:
            if key in failures:
                self.doubts(key, ABSENT)
            else:
                self.possible[key] = {ABSENT}

    def keys(self, _: str) -> None:
        try:
            found = {str(key) for key in self.own}
        except BackendError:
            self.failed += 1
            return
        for key, values in self.possible.items():
            fitting = {value for value in values if (value is not ABSENT) == (key in found)}
            assert fitting, (key, found, values)
            self.possible[key] = fitting

    def add_to_shared(self, _: str) -> None:
        """Each thread has an entry of its own in the shared value, by which it can tell."""
        index = self.own.prefix[-1]
        try:
            self.d.transform("shared", lambda counts: {**counts, index: self.added + 1}, default={})
        except BackendError:
            self.failed += 1
            while True:
                try:
                    self.added = self.d.get("shared", {}).get(index, 0)
                    return
                except BackendError:
                    continue
        self.added += 1


@pytest.mark.parametrize("attempts", [1, None], ids=["boto3 tries once", "boto3 tries again"])
def test_the_state_is_what_was_told(proxy: Proxy, bucket: str, attempts: int | None) -> None:
    from botocore.config import Config

    retries = {} if attempts is None else {"retries": {"total_max_attempts": attempts}}
    d: S3Dict[Any] = S3Dict(
        bucket, endpoint_url=proxy.url, file_type="json", config=Config(**retries)
    )
    d["shared"] = {}  # And the bucket is made.
    assert d.setdefault("shared", 1) == {}

    def play(pool: list[Fault], seed: int, when: Callable[[Request], bool]) -> Any:
        random_share = faults.share(RATE, seed)
        return proxy.play(
            faults.any_of(pool, seed),
            when=lambda request: when(request) and random_share(request),
            times=None,
        )

    def is_write(request: Request) -> bool:
        return request.method == "PUT"

    rules = [
        play(READING, 1, lambda request: request.method == "GET"),
        play(CONDITIONAL, 2, lambda request: is_write(request) and request.is_conditional),
        play(ANY_REQUEST, 3, lambda request: request.method not in ("GET", "PUT")),
        play(
            ANY_REQUEST, 4, lambda request: request.method == "PUT" and not request.is_conditional
        ),
    ]
    doubters = [Doubter(d, index) for index in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as threads:
        each = OPERATIONS // THREADS
        for future in [threads.submit(doubter.run, each) for doubter in doubters]:
            future.result(timeout=600)
    proxy.calm()
    played = sum(rule.hits for rule in rules)
    assert played > OPERATIONS * RATE / 2
    failed = sum(doubter.failed for doubter in doubters)
    # What botocore tries again hardly ever fails; without, each fault is met by the caller.
    assert failed > played / 3 if attempts == 1 else failed < played / 10

    state = dict(d)
    for index, doubter in enumerate(doubters):
        for key, values in doubter.possible.items():
            assert state.pop((f"thread{index}", key), ABSENT) in values, (index, key)
    shared = state.pop("shared")
    assert shared == {f"thread{index}": one.added for index, one in enumerate(doubters)}
    assert not state
