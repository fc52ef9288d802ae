"""What goes over all items keeps none of them: memory does not grow with their number."""

import tracemalloc
from collections import deque

import pytest

from persidict_core import BaseBackend, ObjectNotFound, ObjectStat, PersiDict

MANY = 30_000
FLAT = 3 << 20
"""Bytes. The names that are remembered for speed take most of it; so many keys alone take more."""


class Endless(BaseBackend):
    """Lists so many objects, holds none of them, and takes whatever is written."""

    def __init__(self, count):
        self.count = count
        self.deleted = self.written = 0

    def read_bytes(self, path):
        return b"text"

    def write_bytes(self, path, data):
        self.written += 1
        return ""

    def delete(self, path):
        self.deleted += 1

    def stat(self, path):
        raise ObjectNotFound(path)

    def list_prefix(self, prefix=""):
        return (f"group{number // 100}/item{number}.txt" for number in range(self.count))

    def list_stats(self, prefix=""):
        for number, path in enumerate(self.list_prefix(prefix)):
            yield ObjectStat(path, 4, float(number * 7919 % 30_011), "")


def endless():
    return PersiDict(Endless(MANY), file_type="txt", base_class_for_values=str)


def exhausted(items):
    deque(items, maxlen=0)
    return True


def updated(d):
    d.update(((f"new{number}", "item"), "text") for number in range(MANY))
    return d.backend.written == MANY


def cleared(d):
    d.clear()
    return d.backend.deleted == MANY


def deleted(d):
    d.delete_many(key for key in d)
    return d.backend.deleted == MANY


WHOLE = {
    "len": lambda d: len(d) == MANY,
    "iter": exhausted,
    "values": lambda d: exhausted(d.values()),
    "items": lambda d: exhausted(d.items()),
    "get_many": lambda d: exhausted(d.get_many(key for key in d)),
    "in values": lambda d: "other" not in d.values(),
    "equal": lambda d: d == endless(),
    "random_key": lambda d: len(d.random_key()) == 2,
    "newest_keys": lambda d: len(d.newest_keys(10)) == 10,
    "oldest_values": lambda d: d.oldest_values(2) == ["text", "text"],
    "keys_and_timestamps": lambda d: exhausted(d.keys_and_timestamps()),
    "update": updated,
    "delete_many": deleted,
    "clear": cleared,
}


def peak_of(work, d):
    tracemalloc.start()
    try:
        assert work(d)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("work", WHOLE.values(), ids=WHOLE)
def test_what_goes_over_all_items_takes_flat_memory(work):
    assert peak_of(work, endless()) < FLAT


def test_what_keeps_all_keys_takes_more():
    kept = []
    assert peak_of(lambda d: kept.extend(key for key in d) or True, endless()) > 1.4 * FLAT
