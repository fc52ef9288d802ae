"""Without any one of the guards a history is not linearizable, and the checker tells."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from persidict_core import MemoryBackend, PersiDict
from persidict_core.layers import CachedBackend, HashedNames
from persidict_core.testing.racing import Team, ThreadTeam
from persidict_file import FileBackend, FileDirDict
from tests.file.mounts import mounted
from tests.linearizability.workload import BY_VERSION, SIZE, check_linearizable

MOST_OPERATIONS = 200_000
"""So many are recorded at most before a mutant counts as missed."""


def assert_caught(team: Team, dictionary: PersiDict[str], folder: Path, **said: Any) -> None:
    """A team that works on one key has a history that is not linearizable, sooner or later."""
    with pytest.raises(AssertionError, match="not linearizable"):
        check_linearizable(
            team,
            dictionary,
            folder / "histories",
            operations=MOST_OPERATIONS,
            spread=(1,),
            **said,
        )


CONDITIONS = ("get", "read_and_set_if", "delete_if")


ACTIONS = {
    "sets_without_lock": ("set", *CONDITIONS),
    "deletes_without_lock": ("delete", "set", *CONDITIONS),
    "conditions_without_lock": ("set", "transform", *CONDITIONS),
    "look_before_lock": ("create", *CONDITIONS),
    "etag_by_name": ("set", "get", "read_and_set_if"),
    "setdefault_in_two_steps": ("setdefault", "get", "delete"),
    "pop_in_two_steps": ("pop", "get", "set"),
    "no_flock_and_rename": ("create", "insert", "setdefault", "get", "delete"),
}
"""What is done to find a mutant soon."""


@pytest.mark.parametrize("mutant", ACTIONS)
def test_guards_of_files(team: Team, tmp_path: Path, mutant: str) -> None:
    dictionary = FileDirDict[str](tmp_path / "store", file_type="json", fsync=False)
    assert_caught(team, dictionary, tmp_path, mutant=mutant, actions=ACTIONS[mutant])


def test_the_guard_of_many_files(team: Team, tmp_path: Path) -> None:
    dictionary = FileDirDict[str](tmp_path / "store", file_type="json")
    actions = ("set_many", *CONDITIONS)
    assert_caught(team, dictionary, tmp_path, mutant="many_without_lock", actions=actions)


@pytest.mark.root
def test_the_stamp(team: Team, tmp_path: Path) -> None:
    # ext3 gives an inode's number again at once, and its times advance in steps.
    with mounted("ext3", tmp_path) as point:
        dictionary = FileDirDict[str](point / "store", file_type="json", fsync=False)
        actions = ("delete", "set", *CONDITIONS)
        assert_caught(team, dictionary, tmp_path, mutant="kernel_time", actions=actions)


@pytest.mark.root
def test_the_stamp_by_what_is_replaced(team: Team, tmp_path: Path) -> None:
    with mounted("ext4", tmp_path) as point:
        dictionary = FileDirDict[str](point / "store", file_type="json", fsync=False)
        assert_caught(team, dictionary, tmp_path, mutant="coarse_clock_alone", actions=BY_VERSION)


def test_a_cache_that_asks_nobody(team: Team, tmp_path: Path) -> None:
    """Each has a cache of its own, which does not know what the others did."""
    remote = FileBackend(tmp_path / "store", fsync=False)
    near = CachedBackend(
        remote, FileBackend(tmp_path / "cache"), HashedNames("mutant"), validate=False
    )
    assert_caught(team, PersiDict(near, file_type="json"), tmp_path)


def test_conditions_of_sqlite(team: Team, tmp_path: Path) -> None:
    from persidict_sqlite import SqliteDict

    dictionary = SqliteDict[str](tmp_path / "store.db", file_type="json", fsync=False)
    assert_caught(team, dictionary, tmp_path, mutant="sqlite_in_two_steps")


def test_the_lock_of_memory(tmp_path: Path) -> None:
    backend = MemoryBackend()
    backend._store.lock = nullcontext()  # type: ignore[assignment]
    dictionary = PersiDict[str](backend, file_type="json")
    with ThreadTeam(dictionary, SIZE) as threads:
        assert_caught(threads, dictionary, tmp_path, actions=("get", "set", "read_and_set_if"))
