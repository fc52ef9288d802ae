"""Listings of folders: what changes meanwhile, and what stays open."""

import os

import pytest

from persidict_file import FileBackend, listing


@pytest.fixture(params=[True, False], ids=["by descriptor", "by path"])
def backend(request, tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "_BY_DESCRIPTOR", request.param)
    backend = FileBackend(tmp_path / "root", fsync=False)
    for folder in ("x", "y"):
        for number in range(3):
            backend.write_bytes(f"{folder}/{number}", b"data")
    return backend


VERBS = {
    "list_prefix": lambda backend: backend.list_prefix(),
    "list_stats": lambda backend: (stat.path for stat in backend.list_stats()),
}


def open_files():
    return sorted(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_listing_that_is_left_early_leaves_nothing_open(backend, verb):
    before = open_files()
    some = verb(backend)
    assert next(some) in list(verb(backend))
    del some
    next(backend.list_children())
    assert open_files() == before


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_folder_that_vanishes_meanwhile_is_passed_over(backend, verb):
    found = verb(backend)
    first = next(found)
    other = os.path.join(backend.root, "y" if first[0] == "x" else "x")
    for name in os.listdir(other):
        os.unlink(os.path.join(other, name))
    os.rmdir(other)
    assert {path[0] for path in found} == {first[0]}


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(tmp_path):
    backend = FileBackend(tmp_path / "root", fsync=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").write_bytes(b"")
    for folder in ("x", "y"):
        backend.write_bytes(f"{folder}/a", b"")
    found = backend.list_prefix()
    first = next(found)
    other = tmp_path / "root" / ("y" if first[0] == "x" else "x")
    (other / "a").unlink()
    other.rmdir()
    other.symlink_to(elsewhere)
    assert list(found) == []
    assert list(backend.list_stats()) == [backend.stat(first)]


def test_a_stat_of_a_listing_is_the_stat(backend):
    assert sorted(backend.list_stats()) == [
        backend.stat(path) for path in sorted(backend.list_prefix())
    ]
    assert {type(stat) for stat in backend.list_stats()} == {type(backend.stat("x/0"))}
