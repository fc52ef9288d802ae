"""Each guard of the atomic write holds what it is there for: without it, a race goes wrong."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from persidict_core import PreconditionFailed
from persidict_core.testing.racing import ProcessTeam
from persidict_file import FileBackend
from tests.file import races
from tests.file.mounts import mounted

# All run on a file system that is mounted for them.
pytestmark = pytest.mark.root

Race = Callable[[ProcessTeam, FileBackend, str], str | None]

ROUNDS = 150
MOST_SECONDS = 60

GUARDS: list[tuple[str, Race]] = [
    ("unlock_conditional", races.plain_writer_is_found),
    ("unlock_conditional", races.plain_deleter_is_found),
    ("unlock_conditional", races.writer_is_not_deleted),
    ("unlock_plain", races.plain_writer_is_found),
    ("unlock_plain", races.plain_deleter_is_found),
    ("unlock_plain", races.writer_is_not_deleted),
    ("kernel_time", races.etags_differ),
    ("rename_absent", races.one_creates),
]
HOLDING: list[tuple[str, Race]] = [
    ("nothing", races.plain_writer_is_found),
    ("nothing", races.plain_deleter_is_found),
    ("nothing", races.writer_is_not_deleted),
    ("nothing", races.etags_differ),
    ("nothing", races.one_creates),
    ("no_locks", races.one_creates),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    # ext3 gives an inode's number again at once, and its times advance in steps: there an etag
    # comes back unless the time is stamped.
    with mounted("ext3", tmp_path_factory.mktemp("ext3")) as point:
        yield point


@pytest.fixture
def backend(folder: Path, request: pytest.FixtureRequest) -> FileBackend:
    return FileBackend(folder / str(abs(hash(request.node.name))), fsync=False)


def name(case: object) -> str:
    return case if isinstance(case, str) else getattr(case, "__name__", "")


@pytest.mark.parametrize(("mutant", "race"), GUARDS, ids=name)
def test_without_the_guard_a_race_goes_wrong(backend: FileBackend, mutant: str, race: Race) -> None:
    until = time.monotonic() + MOST_SECONDS
    with ProcessTeam(backend, races.WORKERS) as team:
        while time.monotonic() < until:
            if race(team, backend, mutant) is not None:
                return
    pytest.fail(f"{race.__name__} did not notice {mutant} in {MOST_SECONDS} seconds")


@pytest.mark.parametrize(("mutant", "race"), HOLDING, ids=name)
def test_with_the_guards_it_goes_right(backend: FileBackend, mutant: str, race: Race) -> None:
    with ProcessTeam(backend, races.WORKERS) as team:
        for number in range(ROUNDS if race is not races.etags_differ else 20):
            wrong = race(team, backend, mutant)
            assert wrong is None, f"round {number}: {wrong}"


def test_a_frozen_clock_still_stamps_each_write_later(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    backend.write_bytes("a", b"0")
    seen = [backend.stat("a")]
    for _ in range(300):
        etag = backend.write_bytes("a", b"0")
        seen.append(backend.stat("a"))
        assert seen[-1].etag == etag
    assert len({each.etag for each in seen}) == 301
    times = [int(each.etag.split("-")[1], 16) for each in seen]
    assert times == [now + step for step in range(301)]


def test_a_time_in_the_future_is_overtaken(backend: FileBackend, folder: Path) -> None:
    backend.write_bytes("a", b"0")
    place = Path(backend.root, "a")
    future = time.time_ns() + 3_600_000_000_000
    os.utime(place, ns=(future, future))
    backend.write_bytes("a", b"0")
    assert place.stat().st_mtime_ns == future + 1


def test_losers_leave_before_they_prepare_anything(folder: Path) -> None:
    """Who waits for the version he wants to replace has made no file, and makes none if it went."""
    backend = FileBackend(folder / "queue", fsync=False)
    etag = backend.write_bytes("a", b"old")
    with open(Path(backend.root, "a"), "rb") as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        loser = pool.submit(FileBackend(backend.root).write_if, "a", b"late", etag)
        with pytest.raises(TimeoutError):
            loser.result(0.2)
        assert os.listdir(backend.root) == ["a"]
        won = backend.write_bytes("a", b"new")
        changed = os.stat(backend.root).st_mtime_ns
        fcntl.flock(file, fcntl.LOCK_UN)
        with pytest.raises(PreconditionFailed) as caught:
            loser.result(20)
    assert caught.value.current == backend.stat("a") and backend.stat("a").etag == won
    assert os.stat(backend.root).st_mtime_ns == changed, "the loser made a file in the folder"


@pytest.mark.parametrize("fsync", [False, True])
def test_folders_that_vanish_lose_nothing(folder: Path, fsync: bool) -> None:
    backend = FileBackend(folder / f"vanishing-{fsync}", fsync=fsync)
    with ProcessTeam(backend, races.WORKERS) as team:
        removed = team.run(races.write_or_remove_folders, 12 if fsync else 200)[-1]
    assert removed > 10, f"the race was none: {removed} folders were empty"
