"""What a dictionary tells of its items without reading a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from persidict import FileDirDict
from persidict_core import CountingBackend, MemoryBackend, ObjectStat, PersiDict


@pytest.fixture(params=["memory", "files", "unsigned"])
def d(request: pytest.FixtureRequest, tmp_path: Path) -> PersiDict[Any]:
    d: PersiDict[Any]
    if request.param == "memory":
        d = PersiDict("memory://", file_type="json")
    else:
        digest_len = 4 if request.param == "files" else 0
        d = FileDirDict(tmp_path, file_type="json", digest_len=digest_len)
    d.update({"theme": "dark", ("users", "alex"): 1, ("users", "kim"): [2], ("a", "b", "c"): None})
    return d


def test_stat_is_that_of_the_stored_bytes(d: PersiDict[Any]) -> None:
    stat = d.stat(["users", "alex"])
    assert isinstance(stat, ObjectStat)
    assert stat.path == d.path_of(("users", "alex"))
    assert (stat.size, d.backend.read_bytes(stat.path)) == (1, b"1")
    assert stat.modified == d.timestamp(("users", "alex"))
    assert stat.etag == d.get_with_etag(("users", "alex"))[1]


def test_absent_and_impossible_keys(d: PersiDict[Any]) -> None:
    for key in ("nobody", "users", ("users", "alex", "x")):
        with pytest.raises(KeyError) as caught:
            d.stat(key)
        assert caught.value.args == (key,)
    for key in ("sp ace", "", ()):
        with pytest.raises(ValueError):
            d.stat(key)
        with pytest.raises(ValueError):
            d.path_of(key)


def test_path_of_is_of_the_whole_store(d: PersiDict[Any]) -> None:
    below = d.get_subdict("users")
    assert below.path_of("alex") == d.path_of(("users", "alex"))
    assert d.backend.exists(d.path_of("theme")) and not d.backend.exists(d.path_of("nobody"))


def test_keys_and_stats_are_those_of_the_items(d: PersiDict[Any]) -> None:
    d.backend.write_bytes("stranger.txt", b"")
    found = dict(d.keys_and_stats())
    assert found == {key: d.stat(key) for key in d}
    below = d.get_subdict("users")
    assert dict(below.keys_and_stats()) == {"alex": below.stat("alex"), "kim": below.stat("kim")}
    assert not list(d.get_subdict("nobody").keys_and_stats())


def test_children_are_what_stands_directly_below(d: PersiDict[Any]) -> None:
    d["users"] = 0
    d.backend.write_bytes("stranger.txt", b"")
    assert sorted(d.children()) == ["a/", "theme", "users", "users/"]
    assert sorted(d.get_subdict("users").children()) == ["alex", "kim"]
    assert sorted(d.get_subdict("a").children()) == ["b/"]
    assert not list(d.get_subdict("theme").children())
    assert {name[:-1] for name in d.children() if name.endswith("/")} == set(d.subdicts())


def test_names_that_are_no_keys_are_no_children(tmp_path: Path) -> None:
    d: PersiDict[int] = FileDirDict(tmp_path, file_type="json", digest_len=4)
    d["a"] = 1
    d.backend.write_bytes("b_wrong.json", b"1")
    d.backend.write_bytes("c_wrong/d.json", b"1")
    assert list(d.children()) == ["a"]


def test_nothing_is_read() -> None:
    backend = CountingBackend(MemoryBackend())
    d: PersiDict[int] = PersiDict(backend, file_type="json")
    d["a"] = d["b", "c"] = 1
    backend.counts.clear()
    d.stat("a")
    list(d.keys_and_stats())
    list(d.children())
    d.path_of("a")
    assert not {"read_bytes", "read_versioned", "read_many", "read_file"} & set(backend.counts)
