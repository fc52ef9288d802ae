"""The conformance kit, on fsspec's local and memory filesystems."""

from uuid import uuid4

import pytest
from persidict_fsspec import FsspecLocal, FsspecMemory

from persidict_core import PersiDict, Scope
from persidict_core.testing import BackendTests, PersiDictTests


class TestFsspecLocal(BackendTests):
    rounds = 40
    workers = 4
    increments = 20

    @pytest.fixture
    def backend(self, tmp_path):
        return FsspecLocal(f"file://{tmp_path}/kit")


class TestFsspecMemory(BackendTests):
    scope = Scope.THREADS
    rounds = 40
    workers = 4
    increments = 20

    @pytest.fixture
    def backend(self):
        backend = FsspecMemory(f"memory://{uuid4().hex}")
        yield backend
        for path in list(backend.list_prefix()):
            backend.delete(path)


class TestDictInFsspecLocal(PersiDictTests):
    rounds = 40
    examples = 10
    workers = 4
    increments = 20

    @pytest.fixture
    def make_dict(self, tmp_path):
        return lambda **params: PersiDict(FsspecLocal(f"file://{tmp_path}/{uuid4().hex}"), **params)


class TestDictInFsspecMemory(PersiDictTests):
    scope = Scope.THREADS
    rounds = 40
    workers = 4
    increments = 20

    @pytest.fixture
    def make_dict(self):
        made = []

        def make_dict(**params):
            made.append(FsspecMemory(f"memory://{uuid4().hex}"))
            return PersiDict(made[-1], **params)

        yield make_dict
        for backend in made:
            for path in list(backend.list_prefix()):
                backend.delete(path)
