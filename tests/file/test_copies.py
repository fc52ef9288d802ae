"""Many files from one folder to another, by the quick ways and where they are not to be had."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from persidict_core import BackendError, ObjectNotFound
from persidict_file import FileBackend, copies


@pytest.fixture(params=["created", "renamed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Files without names can be made, or the file system knows none."""
    if request.param == "renamed":

        def create(*arguments: object) -> None:
            raise OSError("no files without names")

        monkeypatch.setattr(copies, "create", create)
    return str(request.param)


@pytest.fixture
def source(tmp_path: Path) -> FileBackend:
    backend = FileBackend(tmp_path / "source", fsync=False)
    for number in range(200):
        backend.write_bytes(f"f{number % 3}/k{number}", b"%d" % number)
    return backend


@pytest.fixture
def target(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "target", fsync=False)


def pairs(source: FileBackend) -> list[tuple[str, str]]:
    return [(path, f"to/{path}") for path in sorted(source.list_prefix())]


def test_etags_are_those_of_what_is_there(
    way: str, source: FileBackend, target: FileBackend
) -> None:
    assert target.copies_from(source)
    for _ in range(2):
        results = list(target.copy_many(source, pairs(source)))
        assert [here for _, here in pairs(source)] == [here for here, _ in results]
        for here, etag in results:
            assert etag == target.stat(here).etag
            assert target.read_bytes(here) == source.read_bytes(here[3:])
    assert len(list(target.list_prefix())) == 200 and list(target.sweep(older_than=0)) == []


def test_what_is_replaced_is_older(way: str, source: FileBackend, target: FileBackend) -> None:
    target.write_bytes("k", b"old")
    ahead = os.stat(target.root).st_mtime_ns + 10**15
    os.utime(Path(target.root, "k"), ns=(ahead, ahead))
    ((_, etag),) = target.copy_many(source, [("f0/k0", "k")])
    assert os.stat(Path(target.root, "k")).st_mtime_ns == ahead + 1
    assert target.stat("k").etag == etag and target.read_bytes("k") == b"0"


def test_whatever_is_not_as_usual_is_told_as_elsewhere(
    way: str, source: FileBackend, target: FileBackend, tmp_path: Path
) -> None:
    target.write_bytes("folder/x", b"")
    (tmp_path / "elsewhere").mkdir()
    for backend in (source, target):
        Path(backend.root, "link").symlink_to(tmp_path / "elsewhere")
    Path(tmp_path, "elsewhere", "k").write_bytes(b"secret")
    Path(source.root, "f0", "linked").symlink_to(tmp_path / "elsewhere" / "k")
    os.mkfifo(Path(source.root, "f0", "fifo"))
    bad = [
        ("f0/none", "a", ObjectNotFound),
        ("none/none", "a", ObjectNotFound),
        ("../k", "a", ValueError),
        ("f0/k0", "../a", ValueError),
        ("f0/k0", "", ValueError),
        ("f0/k0", "x" * 256, ValueError),
        ("f0/k0", "/".join(["y" * 250] * 20), ValueError),
        ("f0/k0", "folder", BackendError),
        ("f0/k0", "folder/x/y", BackendError),
        ("f0/k0", "link/a", BackendError),
        ("link/k", "a", (BackendError, ObjectNotFound)),
        ("f0/linked", "a", (BackendError, ObjectNotFound)),
        ("f0/fifo", "a", BackendError),
        (7, "a", TypeError),
    ]
    mixed = [pair for there, here, _ in bad for pair in ((there, here), ("f1/k1", "good"))]
    results = list(target.copy_many(source, mixed))  # type: ignore[arg-type]
    for (_, result), (there, here, kind) in zip(results[::2], bad, strict=True):
        assert isinstance(result, kind), (there, here, result)  # type: ignore[arg-type]
    assert all(isinstance(result, str) for _, result in results[1::2])
    assert sorted(target.list_prefix()) == ["folder/x", "good"]
    assert os.listdir(tmp_path / "elsewhere") == ["k"]


def test_files_obey_the_umask(way: str, source: FileBackend, target: FileBackend) -> None:
    before = os.umask(0o027)
    try:
        list(target.copy_many(source, [("f0/k0", "k")]))
    finally:
        os.umask(before)
    assert os.stat(Path(target.root, "k")).st_mode & 0o777 == 0o640


def test_a_sweeper_in_a_hurry_spoils_nothing(
    way: str, source: FileBackend, target: FileBackend
) -> None:
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            list(target.sweep(remove=True, older_than=0))

    thread = threading.Thread(target=sweep)
    thread.start()
    try:
        for _ in range(5):
            results = list(target.copy_many(source, pairs(source)))
            assert not [result for _, result in results if not isinstance(result, str)]
    finally:
        done.set()
        thread.join(60)
    assert len(list(target.list_prefix())) == 200


def test_what_is_flushed_or_large_goes_another_way(source: FileBackend, tmp_path: Path) -> None:
    flushed = FileBackend(tmp_path / "flushed")
    assert not flushed.copies_from(source)
    assert all(isinstance(etag, str) for _, etag in flushed.copy_many(source, pairs(source)))
    assert not FileBackend(tmp_path / "other", fsync=False).copies_from(source, (1 << 20) + 1)


def test_items_are_taken_lazily(source: FileBackend, target: FileBackend) -> None:
    taken = []

    def endless():  # type: ignore[no-untyped-def]
        while True:
            taken.append(1)
            yield "f0/k0", "k"

    results = target.copy_many(source, endless())
    next(results)
    assert len(taken) <= 1000
