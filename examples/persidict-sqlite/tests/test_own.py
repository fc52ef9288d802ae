"""What is SQLite's own: URLs, errors, many who open one new file."""

import inspect
import os
import sqlite3
from pathlib import Path

import pytest
from persidict_sqlite import SqliteBackend, SqliteDict, database

import persidict
from persidict_core import BackendError, MemoryBackend, NotSupported, ObjectNotFound, URLError
from persidict_core.testing.racing import ProcessTeam, workers_kept


@pytest.mark.parametrize("name", ["file.db", "a b#c?.db", "été.db", "100%.db", "@home.db"])
def test_urls_are_relative_with_three_slashes_and_absolute_with_four(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    d = SqliteDict(name, file_type="json")
    d["a"] = 1
    assert d.url.startswith(f"sqlite:///{tmp_path}/") and Path(tmp_path, name).is_file()
    assert persidict.open(d.url)["a"] == 1
    quoted = d.url.partition("?")[0].removeprefix(f"sqlite:///{tmp_path}/")
    relative = persidict.open(f"sqlite:///{quoted}?file_type=json")
    assert type(relative) is SqliteDict and relative["a"] == 1
    assert relative.url == d.url
    assert SqliteBackend.from_url(d.backend.url) == d.backend


@pytest.mark.parametrize("url", ["sqlite://file.db", "sqlite://", "sqlite:///"])
def test_a_url_without_a_file_is_refused(url):
    with pytest.raises(URLError):
        SqliteBackend.from_url(url)


def test_it_is_found_by_name_and_by_url(tmp_path):
    assert persidict.SqliteDict is SqliteDict
    assert type(persidict.open(f"sqlite:///{tmp_path}/file.db")) is SqliteDict
    assert type(persidict.PersiDict(f"sqlite:///{tmp_path}/file.db").backend) is SqliteBackend


def test_parameters_are_kept_and_checked(tmp_path):
    d = SqliteDict(tmp_path / "a.db", "json", True, int, prefix=("p",), max_value_bytes=10_000)
    assert SqliteDict(**d.get_params()) == d and d.url == SqliteDict.from_url(d.url).url
    for wrong in (None, 5, {"a": 1}):
        with pytest.raises(TypeError):
            SqliteDict(wrong)


def test_it_takes_what_every_dictionary_takes():
    every = set(inspect.signature(persidict.PersiDict.__init__).parameters)
    own = set(inspect.signature(SqliteDict.__init__).parameters)
    assert every - own == {"backend", "digest_len"}  # SQLite tells A from a.


def test_read_only_and_cache_stand_in_its_url(tmp_path):
    there = f"sqlite:///{tmp_path}/a.db?file_type=json"
    near = f"memory://{tmp_path.name}"
    SqliteDict.from_url(there)["a"] = 1
    reader = persidict.open(f"{there}&read_only=true&cache={near}&cache_max_bytes=10000")
    assert reader["a"] == 1 and list(MemoryBackend(tmp_path.name).list_prefix())
    with pytest.raises(NotSupported, match="read_only=True"):
        reader["a"] = 2
    SqliteDict.from_url(there)["a"] = 2
    assert persidict.open(reader.url) == reader and reader["a"] == 2


def verbs(backend):
    return {
        "read_bytes": lambda: backend.read_bytes("a"),
        "write_bytes": lambda: backend.write_bytes("a", b"2"),
        "delete": lambda: backend.delete("a"),
        "stat": lambda: backend.stat("a"),
        "list_prefix": lambda: list(backend.list_prefix()),
    }


def refuses(backend, names, text):
    """Each of these verbs must blame SQLite, and tell nobody that something is absent."""
    for name in names:
        with pytest.raises(BackendError, match=text) as caught:
            verbs(backend)[name]()
        assert caught.value.operation == name and isinstance(caught.value.__cause__, sqlite3.Error)
        assert not isinstance(caught.value, ObjectNotFound)


def test_a_damaged_file_is_told(tmp_path):
    file = tmp_path / "kit.db"
    file.write_bytes(b"no database at all" * 1000)
    refuses(SqliteBackend(file), verbs(None), "not a database")
    assert file.read_bytes() == b"no database at all" * 1000


def test_a_missing_folder_is_told(tmp_path):
    refuses(SqliteBackend(tmp_path / "none" / "kit.db"), verbs(None), "unable to open")


def test_a_locked_file_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_SECONDS_BUSY", 0.02)
    backend = SqliteBackend(tmp_path / "kit.db")
    backend.write_bytes("a", b"1")
    other = sqlite3.connect(tmp_path / "kit.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refuses(backend, ["write_bytes", "delete"], "locked")
    assert backend.read_bytes("a") == b"1"
    other.close()
    backend.write_bytes("a", b"2")


def test_a_full_file_is_told(tmp_path):
    backend = SqliteBackend(tmp_path / "kit.db")
    backend.write_bytes("a", b"1")
    backend._database.run("PRAGMA max_page_count = 10")
    with pytest.raises(BackendError, match="full"):
        backend.write_bytes("a", b"2" * 1_000_000)
    assert backend.read_bytes("a") == b"1" and list(backend.list_prefix()) == ["a"]


def test_a_file_for_reading_only_is_told(tmp_path):
    backend = SqliteBackend(tmp_path / "kit.db")
    backend.write_bytes("a", b"1")
    backend._database.run("PRAGMA query_only = ON")
    refuses(backend, ["write_bytes", "delete"], "readonly")
    assert backend.read_bytes("a") == b"1"


def test_many_processes_open_one_new_file(tmp_path):
    with workers_kept():
        for number in range(5):
            with ProcessTeam(SqliteBackend(tmp_path / f"{number}.db"), 8) as team:
                team.run(first_write)
            assert len(list(SqliteBackend(tmp_path / f"{number}.db").list_prefix())) == 8


def first_write(backend, index):
    backend.write_bytes(f"from{index}", b"x")
    assert os.path.exists(backend.path)
