"""Keys that differ in case only, in folders that do not tell cases apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from persidict import FileDirDict
from persidict_core import ABSENT, ImmutableItemError, PersiDict, PreconditionFailed, check
from tests.file.folding import case_folding

KEYS = [("key",), ("KEY",), ("Key",), ("a", "b"), ("A", "b"), ("a", "B"), ("A", "B", "c")]
VALUES = {key: number for number, key in enumerate(KEYS)}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "store"
    root.mkdir()
    with case_folding(root):
        yield root


def contents(d: PersiDict[int]) -> dict[tuple[str, ...], int]:
    return {tuple(key): value for key, value in d.items()}


def test_what_is_tried_is_such_a_folder(root: Path) -> None:
    os.mkdir(root / "Folder")
    folder = os.open(root / "FOLDER", os.O_RDONLY)
    os.close(os.open("Name", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
    os.close(os.open(root / "folder" / "nAME", os.O_WRONLY | os.O_CREAT))
    for make in (
        lambda: os.mkdir(root / "fOLDER"),
        lambda: os.open("NAME", os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=folder),
        lambda: os.link("name", "NAMe", src_dir_fd=folder, dst_dir_fd=folder),
    ):
        with pytest.raises(FileExistsError):
            make()
    os.close(os.open(root / "folder" / "other", os.O_WRONLY | os.O_CREAT))
    os.rename("OTHER", "name", src_dir_fd=folder, dst_dir_fd=folder)
    os.close(folder)
    assert [str(path.relative_to(root)) for path in root.rglob("*")] == ["Folder", "Folder/Name"]


class TestWithDigests:
    """By default each part of a name has a digest, which differs where only cases do."""

    @pytest.fixture
    def d(self, root: Path) -> FileDirDict[int]:
        return FileDirDict(root, "json", fsync=False)

    def test_each_key_has_its_own_value(self, d: FileDirDict[int]) -> None:
        for number, key in enumerate(KEYS):
            assert key not in d and d.get(key) is None
            d[key] = number
            assert key in d and len(d) == number + 1
        assert contents(d) == VALUES and [d[key] for key in KEYS] == list(VALUES.values())
        assert check(d).healthy

    def test_many_at_once(self, d: FileDirDict[int]) -> None:
        d.update(VALUES)
        assert contents(d) == VALUES
        assert dict(d.get_many(KEYS)) == VALUES
        d.delete_many([KEYS[1], KEYS[4]])
        assert contents(d) == {k: v for k, v in VALUES.items() if k not in (KEYS[1], KEYS[4])}
        with FileDirDict(d.base_dir, "json") as again:
            assert contents(again) == contents(d)

    def test_conditions(self, d: FileDirDict[int]) -> None:
        etags = {key: d.set_if(key, 0, ABSENT) for key in KEYS}
        for number, key in enumerate(KEYS):
            with pytest.raises(PreconditionFailed):
                d.set_if(key, 9, etags[KEYS[number - 1]])
            etags[key] = d.set_if(key, number, etags[key])
        assert contents(d) == VALUES
        d.delete_if(KEYS[0], etags[KEYS[0]])
        assert d.setdefault(KEYS[0], 7) == 7 and d.pop(KEYS[1]) == 1
        assert d.transform(KEYS[2], lambda value: value + 6) == 8
        left = {key: value for key, value in VALUES.items() if key != KEYS[1]}
        assert contents(d) == left | {KEYS[0]: 7, KEYS[2]: 8}

    def test_below(self, d: FileDirDict[int]) -> None:
        d.update(VALUES)
        assert sorted(d.children()) == ["A/", "KEY", "Key", "a/", "key"]
        assert contents(d.get_subdict("A")) == {("b",): 4, ("B", "c"): 6}
        d.get_subdict("a").clear()
        assert contents(d) == {k: v for k, v in VALUES.items() if k[0] != "a"}


class TestWithoutDigests:
    """Then such keys are one item; none is lost, none shown twice."""

    @pytest.fixture
    def d(self, root: Path) -> FileDirDict[int]:
        return FileDirDict(root, "json", digest_len=0, fsync=False)

    def test_they_are_one_item(self, d: FileDirDict[int]) -> None:
        d["key"] = 1
        assert "KEY" in d and d["KEY"] == 1
        d["Key"] = 2
        assert contents(d) == {("key",): 2}
        with pytest.raises(PreconditionFailed):
            d.set_if("KEY", 3, ABSENT)
        assert d.setdefault("KEY", 3) == 2 == d.transform("KEY", lambda value: value)
        d.set_if("KEY", 4, d.get_with_etag("key")[1])
        assert contents(d) == {("key",): 4}
        del d["KEY"]
        assert contents(d) == {} and check(d).healthy

    def test_many_at_once(self, d: FileDirDict[int]) -> None:
        d.update(VALUES)
        found = contents(d)
        assert sorted(found.values()) == [2, 5, 6]
        assert {key: d[key] for key in found} == found and check(d).healthy
        d.delete_many(KEYS)
        assert contents(d) == {} and check(d).healthy

    def test_an_immutable_item_stays(self, root: Path) -> None:
        d: FileDirDict[int] = FileDirDict(
            root, "json", digest_len=0, fsync=False, immutable_items=True
        )
        d["key"] = 1
        with pytest.raises(ImmutableItemError):
            d["KEY"] = 2
        with pytest.raises(ImmutableItemError):
            del d["Key"]
        assert contents(d) == {("key",): 1}
