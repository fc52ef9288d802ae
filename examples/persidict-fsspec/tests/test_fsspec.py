"""The conformance kit, on fsspec's local and memory filesystems."""

from uuid import uuid4

import pytest
from persidict_fsspec import FsspecLocal, FsspecMemory

from persidict_core import Scope
from persidict_core.testing import BackendTests


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
