"""The conformance kit on `FileDirDict`, and the plain race: many processes, one folder."""

import itertools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from persidict_core.testing import PersiDictTests
from persidict_file import FileDirDict


class _Folders(PersiDictTests):
    fsync = False

    @pytest.fixture
    def make_dict(self, tmp_path):
        folders = (tmp_path / str(number) for number in itertools.count())
        return lambda **params: FileDirDict(next(folders), fsync=self.fsync, **params)


class TestUnflushed(_Folders):
    """The races with 200 rounds of 16 creators, as the kit runs them."""


class TestFlushed(_Folders):
    """The same with a flush for each write, of which the disk does not make as many."""

    fsync = True
    rounds = 20
    increments = 25


class TestCached(PersiDictTests):
    """With a cache of its own, through which every operation goes."""

    rounds = 50
    increments = 25

    @pytest.fixture
    def make_dict(self, tmp_path):
        folders = (tmp_path / str(number) for number in itertools.count())
        return lambda **params: FileDirDict(
            next(folders), fsync=False, cache=tmp_path / "cache", **params
        )


def add_one(count):
    return count + 1


def add_many(d, times):
    for _ in range(times):
        d.transform("count", add_one, default=0)


def write_and_delete(d, times):
    for number in range(times):
        d["beside"] = number
        d.delete_if_exists("beside")


def test_8_processes_add_1000_each_exactly(tmp_path):
    d = FileDirDict(tmp_path, fsync=False)
    others = 4
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(8 + others, mp_context=spawn) as pool:
        jobs = [pool.submit(add_many, d, 1000) for _ in range(8)]
        jobs += [pool.submit(write_and_delete, d, 1000) for _ in range(others)]
        for job in jobs:
            job.result(timeout=120)
    assert d == {"count": 8000}
