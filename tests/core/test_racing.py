"""The kit's teams end at once when they are interrupted."""

from __future__ import annotations

import time
from typing import Any

import pytest

from persidict_core import MemoryBackend
from persidict_core.testing.racing import ThreadTeam


def number_of(subject: object, index: int) -> int:
    return index


def test_threads_do_not_wait_for_those_that_were_never_sent() -> None:
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), ThreadTeam(MemoryBackend(), 4) as team:
        assert team.run(number_of) == [0, 1, 2, 3]
        submit, sent = team._pool.submit, []

        def interrupted(*args: Any) -> Any:
            sent.append(args)
            if len(sent) == 3:
                raise KeyboardInterrupt
            return submit(*args)

        team._pool.submit = interrupted  # type: ignore[method-assign]
        team.run(number_of)
    assert time.monotonic() - begun < 30
