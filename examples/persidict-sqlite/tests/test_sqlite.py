import itertools

import pytest
from persidict_sqlite import SqliteBackend, SqliteDict

from persidict_core.testing import BackendTests, PersiDictTests


class TestSqliteBackend(BackendTests):
    @pytest.fixture
    def backend(self, tmp_path):
        return SqliteBackend(tmp_path / "kit.db", fsync=False)


class TestSqliteDict(PersiDictTests):
    @pytest.fixture
    def make_dict(self, tmp_path):
        paths = (tmp_path / f"{number}.db" for number in itertools.count())
        return lambda **params: SqliteDict(next(paths), fsync=False, **params)
