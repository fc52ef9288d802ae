"""Locks of what is open: what others open and close meanwhile disturbs nobody."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from threading import get_ident

import pytest

from persidict_file import locks


@pytest.fixture
def others() -> Iterator[None]:
    """Other threads open something whenever garbage is collected, which is all the time."""
    numbers = itertools.count(1 << 20)
    added: list[int] = []
    threshold = gc.get_threshold()

    def open_another(phase: str, _: object) -> None:
        added.append(next(numbers))
        locks._held[added[-1]] = 0

    gc.callbacks.append(open_another)
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(open_another)
        for number in added:
            locks._held.pop(number, None)


def test_others_open_files_while_one_looks_for_his_own(tmp_path: Path, others: None) -> None:
    (tmp_path / "a").write_bytes(b"")
    mine = [locks.open_to_lock(str(tmp_path / "a"), os.O_RDONLY) for _ in range(30)]
    try:
        assert all(locks._held[each] == get_ident() for each in mine)
        assert not locks._is_held_by_this_thread(mine[0])
        assert locks.lock(mine[1]) and locks._is_held_by_this_thread(mine[0])
        with pytest.raises(OSError, match="deadlock"):
            locks.lock(mine[0])
    finally:
        for each in mine:
            locks.close(each)
