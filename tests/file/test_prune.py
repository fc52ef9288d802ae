"""Empty folders are removed, and nothing else; who writes meanwhile is not disturbed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from persidict_core import BaseBackend, NotSupported, PrefixBackend, ReadOnlyBackend
from persidict_core.testing.racing import ProcessTeam
from persidict_file import FileBackend


def folders(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir())


def test_what_is_empty_goes_and_the_rest_stays(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path / "d", fsync=False)
    for path in ("a/b/c/x", "a/y/z", "b/c/x", "kept/x"):
        backend.write_bytes(path, b"1")
    for path in ("a/b/c/x", "a/y/z", "b/c/x"):
        backend.delete(path)
    (tmp_path / "d/b/c/+1-0123456789abcdef").write_bytes(b"a writer's temporary")
    backend.prune("a/")
    assert folders(tmp_path / "d") == ["b", "b/c", "kept"]
    backend.prune()
    assert folders(tmp_path / "d") == ["b", "b/c", "kept"]
    backend.delete("kept/x")
    (tmp_path / "d/b/c/+1-0123456789abcdef").unlink()
    backend.prune()
    assert folders(tmp_path) == ["d"], "the root itself stays"
    backend.prune("no/such/")


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside/empty").mkdir(parents=True)
    (tmp_path / "d/in").mkdir(parents=True)
    os.symlink(tmp_path / "outside", tmp_path / "d/link")
    os.symlink(tmp_path / "outside", tmp_path / "d/in/link")
    backend = FileBackend(tmp_path / "d")
    backend.prune("link/")
    backend.prune()
    assert (tmp_path / "outside/empty").is_dir() and (tmp_path / "d/in/link").is_symlink()


@pytest.mark.parametrize("prefix", ["a", "../", "/", "a//"])
def test_bad_prefixes_are_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ValueError):
        FileBackend(tmp_path).prune(prefix)


def test_layers(tmp_path: Path) -> None:
    (tmp_path / "in/a/b").mkdir(parents=True)
    backend = FileBackend(tmp_path)
    with pytest.raises(NotSupported, match="read-only"):
        ReadOnlyBackend(backend).prune()
    PrefixBackend(backend, "in/").prune("a/")
    assert folders(tmp_path) == ["in"]


def write_or_prune(backend: BaseBackend, index: int, times: int) -> None:
    for number in range(times):
        if not index:
            backend.prune("moving/")
            continue
        path = f"moving/{index}/{number % 3}/x"
        backend.write_bytes(path, b"%d" % number)
        assert backend.read_bytes(path) == b"%d" % number
        backend.delete(path)
        many = [(f"moving/{index}/many/{n}/x", b"1") for n in range(3)]
        assert all(isinstance(etag, str) for _, etag in backend.write_many(many))
        assert all(error is None for _, error in backend.delete_many(path for path, _ in many))


def test_writers_are_not_disturbed(tmp_path: Path) -> None:
    with ProcessTeam(FileBackend(tmp_path, fsync=False), 3) as team:
        for _ in range(3):
            team.run(write_or_prune, 60)
    FileBackend(tmp_path).prune()
    assert folders(tmp_path) == []
