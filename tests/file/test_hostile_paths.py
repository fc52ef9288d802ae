"""Keys that would climb, names that look alike, and links made in the midst of everything."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import persidict
from persidict_core import ABSENT, PersiDict, PersiDictError
from persidict_core.paths import SAFE_CHARS
from persidict_file import FileBackend, FileDirDict, folders, reading

ROUNDS = 300

LOOK_ALIKES = {
    "a full-width letter": "\uff41",
    "a Cyrillic a": "\u0430",
    "a full-width dot": "\uff0e\uff0e",
    "a one dot leader": "\u2024\u2024",
    "a full-width slash": "..\uff0fa",
    "a division slash": "..\u2215a",
    "a fraction slash": "a\u2044b",
    "an ideographic stop": "\u3002\u3002",
    "an Arabic digit": "\u0661",
    "a superscript": "a\u00b2",
    "a ligature": "\ufb01le",
    "a combining accent": "e\u0301",
    "a Kelvin sign": "\u212a",
    "a dotless i": "\u0131",
    "a hyphen": "a\u2010b",
    "a no-break space": "a\u00a0b",
    "a soft hyphen": "a\u00adb",
    "a zero-width space": "a\u200bb",
    "a direction": "a\u202eb",
    "a byte-order mark": "\ufeffa",
    "a lone surrogate": "a\ud800",
    "an astral letter": "\U0001d41a",
}

CLIMBING = [
    ".", "..", "../a", "a/..", "a/../../b", "/etc/passwd", "//a", "a//b", "~/a", "a/",
    "a\0b", "\0", "a\nb", "a\\b", "..\\a", "C:\\a", "C:a", "\\\\host\\a", "a%2fb", "%2e%2e",
    "$HOME", "`id`", "a;b", "a|b", "*", "a?", "+1-2", " ", "",
]  # fmt: skip


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def everything_refuses(d: PersiDict[Any], key: Any) -> None:
    for act in (
        lambda: d[key],
        lambda: d.get(key),
        lambda: key in d,
        lambda: d.__setitem__(key, 1),
        lambda: d.__delitem__(key),
        lambda: d.setdefault(key, 1),
        lambda: d.pop(key, None),
        lambda: d.set_if(key, 1, ABSENT),
        lambda: d.delete_if(key, "etag"),
        lambda: d.transform(key, lambda value: value, default=1),
        lambda: d.timestamp(key),
        lambda: d.get_subdict(key)["a"],
        lambda: d.update({key: 1}),
    ):
        with pytest.raises(ValueError) as caught:
            act()
        assert str(caught.value).isprintable()


class TestKeys:
    @pytest.mark.parametrize("key", [*LOOK_ALIKES.values(), *(key for key in CLIMBING if key)])
    @pytest.mark.parametrize("digest_len", [0, 8])
    def test_is_refused_before_anything_happens(
        self, tmp_path: Path, key: str, digest_len: int
    ) -> None:
        d: PersiDict[Any] = FileDirDict(tmp_path / "store", "json", digest_len=digest_len)
        d["kept"] = 1
        before = tree(tmp_path)
        for whole in (key, ("a", key), (key, "a")):
            everything_refuses(d, whole)
        assert tree(tmp_path) == before

    @settings(
        max_examples=200,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.text(max_size=6) | st.sampled_from(CLIMBING), max_size=3))
    def test_any_text_stays_below_the_root(self, tmp_path: Path, key: list[str]) -> None:
        d: PersiDict[Any] = FileDirDict(tmp_path / "store", "json", digest_len=0, fsync=False)
        try:
            d[key] = 1
        except ValueError:
            assert (
                not all(
                    part and set(part) <= set(SAFE_CHARS) and part not in (".", "..")
                    for part in key
                )
                or not key
            )
        else:
            assert set(d) == {persidict.SafeStrTuple(key)}
            place = tmp_path / "store" / ("/".join(key) + ".json")
            assert place.resolve() == place and place.read_text() == "1"
            del d[key]
        assert [path.name for path in tmp_path.iterdir()] == ["store"]


def linger() -> None:
    """Let the others come upon it in this state."""
    time.sleep(0.0003)


@contextlib.contextmanager
def flipping(flip: Callable[[], None]) -> Iterator[None]:
    """Let another thread change something back and forth meanwhile."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            flip()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class TestLinksMadeWhileWeRun:
    """Somebody swaps what is ours for a link to the outside, again and again."""

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "a.txt").write_bytes(b"secret")
        return outside

    @pytest.fixture
    def backend(self, tmp_path: Path) -> FileBackend:
        backend = FileBackend(tmp_path / "store", fsync=False)
        backend.write_bytes("x/a.txt", b"ours")
        return backend

    @staticmethod
    def write_and_delete(backend: FileBackend) -> int:
        """How often it worked."""
        done = 0
        for number in range(ROUNDS):
            data = b"n%d" % number
            for act in (
                lambda data=data: backend.write_bytes("x/a.txt", data),
                lambda data=data: backend.write_if("x/new.txt", data, ABSENT),
                lambda data=data: list(backend.write_many([("x/many.txt", data)])),
                lambda: backend.delete("x/new.txt"),
                lambda: backend.delete("x/a.txt"),
                lambda: list(backend.sweep(True, older_than=0)),
            ):
                with contextlib.suppress(PersiDictError):
                    act()
                    done += 1
        return done

    def flip_folder(self, backend: FileBackend, outside: Path) -> Callable[[], None]:
        root, numbers = Path(backend.root), itertools.count()
        link, place = root / "+link", root / "x"

        def flip() -> None:
            link.symlink_to(outside)
            while not place.is_symlink():  # A writer may make the folder in between.
                with contextlib.suppress(OSError):
                    place.rename(root / f"+away{next(numbers)}")
                with contextlib.suppress(OSError):
                    link.rename(place)
            linger()
            place.unlink()
            linger()

        return flip

    def test_no_change_goes_through_a_linked_folder(
        self, backend: FileBackend, outside: Path
    ) -> None:
        with flipping(self.flip_folder(backend, outside)):
            done = self.write_and_delete(backend)
        assert done, "nothing was written at all"
        assert tree(outside) == ["a.txt"] and (outside / "a.txt").read_bytes() == b"secret"

    def test_the_guard_is_what_keeps_it(
        self, backend: FileBackend, outside: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(folders, "_NO_LINK", 0)
        for _ in range(5):
            with flipping(self.flip_folder(backend, outside)):
                self.write_and_delete(backend)
            if tree(outside) != ["a.txt"] or (outside / "a.txt").read_bytes() != b"secret":
                return
        raise AssertionError("the test sees no change through a link")

    def read(self, backend: FileBackend, outside: Path) -> set[bytes]:
        """What is read of a value that is swapped for a link to another file."""
        place, spare = Path(backend.root, "x/a.txt"), Path(backend.root, "x/+spare")
        ours = Path(backend.root, "x/ours")
        ours.write_bytes(b"ours")

        def flip() -> None:
            spare.symlink_to(outside / "a.txt")
            spare.rename(place)
            linger()
            os.link(ours, spare)
            spare.rename(place)
            linger()

        def through_a_file() -> bytes:
            with backend.read_file("x/a.txt") as file:
                return file.read()

        found = set()
        with flipping(flip):
            for _ in range(ROUNDS):
                for read in (
                    lambda: backend.read_bytes("x/a.txt"),
                    lambda: backend.read_versioned("x/a.txt")[0],  # type: ignore[index]
                    through_a_file,
                ):
                    with contextlib.suppress(PersiDictError):
                        found.add(read())
        return found

    def test_no_read_goes_through_a_link(self, backend: FileBackend, outside: Path) -> None:
        assert self.read(backend, outside) == {b"ours"}

    def test_the_guard_is_what_keeps_reads(
        self, backend: FileBackend, outside: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "READING", reading.READING & ~os.O_NOFOLLOW)
        assert any(b"secret" in self.read(backend, outside) for _ in range(5))

    def test_a_fresh_handle_reads_nothing_through_a_linked_folder(
        self, backend: FileBackend, outside: Path
    ) -> None:
        root = Path(backend.root)
        (root / "x").rename(root.parent / "moved")
        (root / "x").symlink_to(outside)
        for act in (
            lambda each: each.read_bytes("x/a.txt"),
            lambda each: each.exists("x/a.txt"),
            lambda each: each.stat("x/a.txt"),
        ):
            with pytest.raises(PersiDictError, match="symbolic link"):
                act(FileBackend(backend.root))
