"""What a file's stat says of the version in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from persidict_core import ABSENT, ANY, ObjectStat, PreconditionFailed
from persidict_file.versions import check, etag_of, stat_of


@pytest.fixture
def found(tmp_path: Path) -> os.stat_result:
    file = tmp_path / "a"
    file.write_bytes(b"12345678901")
    os.utime(file, ns=(0, 1_500_000_000))
    return file.stat()


def test_an_etag_is_inode_time_and_size(found: os.stat_result) -> None:
    assert etag_of(found) == f"{found.st_ino:x}-59682f00-b"


def test_a_stat_tells_the_path_and_seconds(found: os.stat_result) -> None:
    told = stat_of("x/a", found)
    assert type(told) is ObjectStat
    assert told == ObjectStat(path="x/a", size=11, modified=1.5, etag=etag_of(found))


def test_what_is_expected_passes(found: os.stat_result) -> None:
    check("a", ANY, found)
    check("a", ANY, None)
    check("a", ABSENT, None)
    check("a", etag_of(found), found)


def test_what_is_not_expected_is_told(found: os.stat_result) -> None:
    for expect, there in ((ABSENT, found), ("0-0-0", found), ("0-0-0", None)):
        with pytest.raises(PreconditionFailed) as caught:
            check("a", expect, there)
        current = ABSENT if there is None else stat_of("a", there)
        assert (caught.value.path, caught.value.current) == ("a", current)
        assert str(caught.value) == str(PreconditionFailed("a", expect, current))
