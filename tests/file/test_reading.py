"""One file is read whole, however large it is."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from persidict_file import reading

INT_MAX = (1 << 31) - 1


def test_no_call_asks_for_more_than_every_system_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"0123456789" * 10)
    pread = os.pread

    def read_some(descriptor: int, size: int, position: int) -> bytes:
        if size > INT_MAX:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return pread(descriptor, min(size, 30), position)

    monkeypatch.setattr(os, "pread", read_some)
    # It was larger when it was looked at.
    found: Any = SimpleNamespace(st_size=5 << 30)
    with open(tmp_path / "a", "rb") as file:
        assert reading.read_all(file.fileno(), found) == b"0123456789" * 10
