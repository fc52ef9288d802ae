"""The file backend keeps every promise of the kit, and leaves alone what is not its own."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from persidict_core import (
    ABSENT,
    ANY,
    BackendError,
    BaseBackend,
    Capabilities,
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
    Scope,
)
from persidict_core.testing import BackendTests
from persidict_core.testing.racing import ProcessTeam
from persidict_file import FileBackend, backend as backend_module
from tests.file import races


class _Files(BackendTests):
    def raw_read(self, backend: Any, path: str) -> bytes:
        return Path(backend.root, path).read_bytes()

    def raw_write(self, backend: Any, path: str, data: bytes) -> None:
        place = Path(backend.root, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def leave_debris(self, backend: Any) -> None:
        Path(backend.root, "b", "+1f-0123456789abcdef").write_bytes(b"half")


class TestUnflushed(_Files):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> BaseBackend:
        return FileBackend(tmp_path / "store", fsync=False)


class TestFlushed(_Files):
    rounds = 20
    increments = 25

    @pytest.fixture
    def backend(self, tmp_path: Path) -> BaseBackend:
        return FileBackend(tmp_path / "store")


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "store", fsync=False)


@pytest.fixture
def root(backend: FileBackend) -> Path:
    backend.make_root()
    return Path(backend.root)


def everything_refuses(backend: FileBackend, path: str, what: str) -> None:
    """No verb reads, replaces or deletes what stands there, and each error says what it is."""
    etag = "0-0-0"
    for act in (
        lambda: backend.read_bytes(path),
        lambda: backend.read_versioned(path),
        lambda: backend.read_file(path).__enter__(),
        lambda: backend.stat(path),
        lambda: backend.exists(path),
        lambda: backend.write_bytes(path, b"new"),
        lambda: backend.write_if(path, b"new", ABSENT),
        lambda: backend.write_if(path, b"new", etag),
        lambda: write_file(backend, path),
        lambda: write_many(backend, path),
        lambda: backend.delete(path),
        lambda: backend.delete_if(path, etag),
    ):
        with pytest.raises(BackendError, match=what) as caught:
            act()
        assert caught.value.path == path and "FileBackend(" in str(caught.value)


def write_one(backend: FileBackend, path: str) -> None:
    backend.write_bytes(path, b"new")


def write_file(backend: FileBackend, path: str, expect: Any = ANY) -> None:
    with backend.write_file(path, expect) as file:
        file.write(b"new")


def write_many(backend: FileBackend, path: str) -> None:
    for _, result in FileBackend(backend.root).write_many([(path, b"new")]):
        assert isinstance(result, Exception)
        raise result


def debris(root: Path) -> list[str]:
    return [str(path) for path in root.rglob("*") if path.name.startswith("+")]


class TestWhatIsNoFile:
    """Only regular files below real folders are objects; all else is left as it is."""

    @pytest.mark.parametrize("target", ["outside", "nothing", "a.txt", "."])
    def test_a_link(self, backend: FileBackend, root: Path, target: str) -> None:
        outside = root.parent / "outside"
        outside.write_bytes(b"secret")
        place = root / "a.txt"
        place.symlink_to(outside if target == "outside" else target)
        everything_refuses(backend, "a.txt", "a symbolic link")
        assert list(backend.list_prefix()) == list(backend.list_children()) == []
        assert list(backend.list_stats()) == []
        assert place.is_symlink() and outside.read_bytes() == b"secret"
        assert debris(root) == []

    def test_a_linked_folder(self, backend: FileBackend, root: Path) -> None:
        outside = root.parent / "outside"
        outside.mkdir()
        (outside / "a.txt").write_bytes(b"secret")
        (root / "x").mkdir()
        (root / "x" / "linked").symlink_to(outside)
        for path in ("x/linked/a.txt", "x/linked/new/b.txt"):
            everything_refuses(backend, path, "x/linked.* is a symbolic link")
        for prefix in ("", "x/", "x/linked/"):
            assert list(backend.list_prefix(prefix)) == list(backend.list_children(prefix)) == []
        assert [path.name for path in outside.iterdir()] == ["a.txt"]
        assert (outside / "a.txt").read_bytes() == b"secret"

    def test_a_folder_that_became_a_link(self, backend: FileBackend, root: Path) -> None:
        backend.write_bytes("x/a.txt", b"old")
        (root / "x").rename(root.parent / "moved")
        (root / "x").symlink_to(root.parent / "moved")
        for act in (
            lambda: backend.write_bytes("x/a.txt", b"new"),
            lambda: backend.delete("x/a.txt"),
        ):
            with pytest.raises(BackendError, match="is a symbolic link"):
                act()
        assert list(backend.list_prefix()) == []
        assert (root.parent / "moved" / "a.txt").read_bytes() == b"old"

    @pytest.mark.parametrize("has_writer", [False, True])
    def test_a_fifo(self, backend: FileBackend, root: Path, has_writer: bool) -> None:
        os.mkfifo(root / "a.txt")
        held = [os.open(root / "a.txt", os.O_RDWR)] if has_writer else []
        try:
            everything_refuses(backend, "a.txt", "a FIFO")
        finally:
            for descriptor in held:
                os.close(descriptor)
        assert list(backend.list_prefix()) == []

    def test_a_socket(self, backend: FileBackend, monkeypatch: pytest.MonkeyPatch) -> None:
        backend.make_root()
        monkeypatch.chdir(backend.root)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("a.txt")
            everything_refuses(backend, "a.txt", "a socket")

    @pytest.mark.root
    @pytest.mark.parametrize("minor", [3, 5], ids=["null", "zero"])
    def test_a_device(self, backend: FileBackend, root: Path, minor: int) -> None:
        os.mknod(root / "a.txt", 0o600 | stat.S_IFCHR, os.makedev(1, minor))
        everything_refuses(backend, "a.txt", "a device")
        assert list(backend.list_prefix()) == []

    def test_a_folder_is_no_object(self, backend: FileBackend, root: Path) -> None:
        backend.write_bytes("a.txt/b.txt", b"below")
        assert not backend.exists("a.txt")
        for read in (
            lambda: backend.read_bytes("a.txt"),
            lambda: backend.read_versioned("a.txt"),
            lambda: backend.read_file("a.txt").__enter__(),
            lambda: backend.stat("a.txt"),
            lambda: backend.delete("a.txt"),
        ):
            with pytest.raises(ObjectNotFound):
                read()
        with pytest.raises(PreconditionFailed) as caught:
            backend.delete_if("a.txt", "0-0-0")
        assert caught.value.current is ABSENT
        for write in (
            lambda: backend.write_bytes("a.txt", b""),
            lambda: backend.write_if("a.txt", b"", ABSENT),
            lambda: write_file(backend, "a.txt"),
            lambda: write_many(backend, "a.txt"),
        ):
            with pytest.raises(BackendError, match="a folder stands there"):
                write()
        assert backend.read_bytes("a.txt/b.txt") == b"below" and debris(root) == []

    def test_nothing_is_below_an_object(self, backend: FileBackend, root: Path) -> None:
        etag = backend.write_bytes("a.txt", b"old")
        assert not backend.exists("a.txt/b") and not backend.exists("a.txt/b/c")
        for path in ("a.txt/b", "a.txt/b/c"):
            for read in (backend.read_bytes, backend.stat, backend.delete):
                with pytest.raises(ObjectNotFound):
                    read(path)
            with pytest.raises(PreconditionFailed):
                backend.delete_if(path, etag)
            for write in (write_one, write_many, write_file):
                with pytest.raises(BackendError, match=r"a\.txt' is a file, so that nothing can"):
                    write(backend, path)
            assert list(backend.list_prefix(path + "/")) == []
        assert backend.stat("a.txt").etag == etag

    def test_odd_names_beside_ours(self, backend: FileBackend, root: Path) -> None:
        backend.write_bytes("x/a.txt", b"ours")
        for name in (
            "a b",
            "ä",
            "a+b",
            "a\nb",
            "#a",
            "a:b",
            "%41",
            "+1-2",
            b"\xff".decode("utf-8", "surrogateescape"),
        ):
            (root / name).write_bytes(b"")
            (root / "x" / name).mkdir()
            (root / "x" / name / "a.txt").write_bytes(b"")
        assert list(backend.list_prefix()) == ["x/a.txt"]
        assert [each.path for each in backend.list_stats()] == ["x/a.txt"]
        assert list(backend.list_children()) == ["x/"]
        assert list(backend.list_children("x/")) == ["a.txt"]


class TestFolders:
    def test_the_root_may_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "linked").symlink_to("real")
        backend = FileBackend(tmp_path / "linked")
        assert backend.capabilities == FileBackend(tmp_path / "real").capabilities
        backend.write_bytes("a/b", b"1")
        backend.write_bytes("c", b"2")
        assert dict(FileBackend(tmp_path / "real").read_many(["a/b", "c"])) == {
            "a/b": b"1",
            "c": b"2",
        }
        assert sorted(backend.list_prefix()) == ["a/b", "c"]
        backend.delete("c")

    def test_a_root_linked_to_nothing_names_it(self, tmp_path: Path) -> None:
        (tmp_path / "linked").symlink_to("nothing")
        backend = FileBackend(tmp_path / "linked")
        assert list(backend.list_prefix()) == [] and not backend.exists("a")
        with pytest.raises(BackendError, match="a link to nothing"):
            backend.write_bytes("a", b"")

    def test_a_root_that_is_a_file_is_no_empty_store(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"mine")
        backend = FileBackend(tmp_path / "file")
        for act in (
            lambda: backend.read_bytes("a"),
            lambda: backend.exists("a"),
            lambda: backend.stat("a/b"),
            lambda: list(backend.list_prefix()),
            lambda: list(backend.list_children()),
            lambda: backend.write_bytes("a/b", b""),
            lambda: backend.delete("a"),
        ):
            with pytest.raises(BackendError, match="file' is not a folder"):
                act()
        assert (tmp_path / "file").read_bytes() == b"mine"

    def test_the_constructor_does_nothing(self, tmp_path: Path) -> None:
        backend = FileBackend(tmp_path / "a" / "b")
        assert list(backend.list_prefix()) == list(backend.list_children()) == []
        assert list(backend.list_prefix("x/")) == [] and not backend.exists("x/y")
        with pytest.raises(ObjectNotFound):
            backend.delete("x/y")
        with pytest.raises(PreconditionFailed):
            backend.write_if("x/y", b"", "0-0-0")
        assert list(tmp_path.iterdir()) == []
        backend.write_bytes("x/y/z", b"1")
        assert (tmp_path / "a" / "b" / "x" / "y" / "z").read_bytes() == b"1"

    def test_files_and_folders_obey_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            backend = FileBackend(tmp_path / "store")
            backend.write_bytes("a/b", b"1")
            backend.write_if("a/c", b"1", ABSENT)
            with backend.write_file("a/d") as file:
                file.write(b"1")
            list(backend.write_many([("a/e", b"1")]))
        finally:
            os.umask(before)
        for name in "bcde":
            assert stat.S_IMODE((tmp_path / "store" / "a" / name).stat().st_mode) == 0o640
        for folder in ("store", "store/a"):
            assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o750

    def test_empty_folders_are_no_children(self, backend: FileBackend, root: Path) -> None:
        (root / "x" / "y" / "z").mkdir(parents=True)
        assert list(backend.list_children()) == list(backend.list_children("x/")) == []
        backend.write_bytes("x/y/z/a", b"")
        assert list(backend.list_children()) == ["x/"]

    def test_deep_folders_want_no_recursion(self, backend: FileBackend) -> None:
        path = "/".join(["a"] * ((backend.max_path_bytes or 0) // 2))
        try:
            backend.write_bytes(path, b"deep")
            assert list(backend.list_prefix()) == [path]
            assert list(backend.list_children()) == ["a/"]
            assert backend.read_bytes(path) == b"deep"
        finally:
            # Python's own rmtree, which would clear the test's folder, does recurse.
            subprocess.run(["rm", "-r", backend.root], check=True)

    def test_too_long_is_refused_at_once(self, backend: FileBackend) -> None:
        longest = "a" * 255
        backend.write_bytes(longest, b"1")
        assert list(backend.list_prefix()) == [longest]
        assert backend.max_path_bytes is not None
        long_path = "a/" * (backend.max_path_bytes // 2) + "bc"
        for path, limit in ((longest + "a", "255"), (long_path, str(backend.max_path_bytes))):
            for act in (backend.read_bytes, backend.exists, backend.delete, backend.stat):
                with pytest.raises(ValueError, match=f"limit here is {limit}"):
                    act(path)
            with pytest.raises(ValueError, match=limit):
                backend.write_bytes(path, b"")
        assert list(backend.list_prefix()) == [longest]

    def test_what_is_known_of_paths_is_bounded(self, backend: FileBackend) -> None:
        for number in range(20_000):
            backend.exists(f"x{number % 9000}/{number}")
        assert len(backend._places) <= 8192
        for number in range(100):
            backend.write_bytes(f"x{number}/a", b"%d" % number)
        for _ in range(2):
            assert all(backend.read_bytes(f"x{n}/a") == b"%d" % n for n in range(100))


class TestParameters:
    @pytest.mark.parametrize("root", [{"a": 1}, 1, None, b"bytes", ["a"]])
    def test_a_folder_is_a_str_or_a_path(self, root: Any) -> None:
        with pytest.raises(TypeError, match="folder"):
            FileBackend(root)

    @pytest.mark.parametrize("root", ["", "a\0b"])
    def test_no_folder_has_such_a_name(self, root: str) -> None:
        with pytest.raises(ValueError, match="folder"):
            FileBackend(root)

    def test_the_root_is_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        backend = FileBackend("a/../b")
        assert backend.root == str(tmp_path / "b")
        monkeypatch.chdir("/")
        backend.write_bytes("x", b"1")
        assert (tmp_path / "b" / "x").is_file()

    @pytest.mark.parametrize("scope", [*Scope, None])
    def test_a_scope_goes_by_its_name(self, tmp_path: Path, scope: Scope | None) -> None:
        name = scope if scope is None else scope.name.lower()
        backend = FileBackend(tmp_path, lock_scope=name)
        assert backend.lock_scope is scope and backend == FileBackend(tmp_path, lock_scope=scope)
        again = FileBackend.from_url(backend.url)
        assert again == backend and again.lock_scope is scope
        assert backend.capabilities.if_match == (Scope.PROCESSES if scope is None else scope)

    def test_other_scopes_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="'processes'"):
            FileBackend(tmp_path, lock_scope="everybody")
        with pytest.raises(TypeError, match="'processes'"):
            FileBackend(tmp_path, lock_scope=2.0)  # type: ignore[arg-type]

    def test_a_refused_condition_changes_nothing(self, tmp_path: Path) -> None:
        backend = FileBackend(tmp_path, lock_scope=Scope.NONE)
        etag = backend.write_bytes("a", b"old")
        for act in (
            lambda: backend.write_if("a", b"new", etag),
            lambda: backend.delete_if("a", etag),
            lambda: backend.read_versioned("a"),
        ):
            with pytest.raises(NotSupported):
                act()
        with pytest.raises(PreconditionFailed):
            backend.write_if("a", b"new", ABSENT)
        assert backend.read_bytes("a") == b"old"


class TestMany:
    def test_each_has_its_own_result(self, backend: FileBackend, root: Path) -> None:
        flushed = FileBackend(root)
        flushed.write_bytes("taken", b"old")
        (root / "x").mkdir()
        (root / "x" / "linked").symlink_to("nothing")
        items = [(f"{n % 7}/{n}", b"%d" % n) for n in range(30)]
        items[3:3] = [("taken", b"new"), ("not ours", b""), ("x/linked", b""), ("taken/b", b"")]
        results = list(flushed.write_many(items, ABSENT))
        assert [path for path, _ in results] == [path for path, _ in items]
        kinds = [type(result) for _, result in results]
        assert kinds[3:7] == [PreconditionFailed, ValueError, BackendError, BackendError]
        assert set(kinds[:3] + kinds[7:]) == {str}
        for path, result in results[7:]:
            assert flushed.stat(path).etag == result
        assert flushed.read_bytes("taken") == b"old" and debris(root) == []

    def test_groups_are_flushed_when_the_consumer_stops(self, root: Path) -> None:
        taken = []

        def items() -> Iterator[tuple[str, bytes]]:
            for number in range(10**6):
                taken.append(number)
                yield f"{number}", b""

        flushed = FileBackend(root)
        for path, result in flushed.write_many(items()):
            assert flushed.stat(path).etag == result
            if path == "1002":
                break
        assert len(taken) == 2000 == len(list(flushed.list_prefix())) and debris(root) == []

    def test_what_came_before_the_iterables_error_is_written(self, root: Path) -> None:
        def items() -> Iterator[tuple[str, bytes]]:
            yield from ((f"{number}", b"") for number in range(20))
            raise RuntimeError("the source broke")

        flushed = FileBackend(root)
        done = []
        with pytest.raises(RuntimeError, match="the source broke"):
            for path, result in flushed.write_many(items()):
                assert isinstance(result, str)
                done.append(path)
        assert len(done) == 20 == len(list(flushed.list_prefix()))

    def test_descriptors_are_bounded(self, tmp_path: Path) -> None:
        with ProcessTeam(FileBackend(tmp_path / "store"), 1) as team:
            assert team.run(races.write_many_with_few_descriptors, 1000) == [1000]

    def test_large_groups_are_cut_by_their_bytes(self, root: Path) -> None:
        taken = []

        def items() -> Iterator[tuple[str, bytes]]:
            for number in range(10):
                taken.append(number)
                yield f"{number}", bytes(16 << 20)

        flushed = FileBackend(root)
        results = flushed.write_many(items())
        next(results)
        assert len(taken) == 4
        results.close()  # type: ignore[attr-defined]
        assert len(list(flushed.list_prefix())) == 4


class TestManyDeletions:
    def test_each_has_its_own_result(self, backend: FileBackend, root: Path) -> None:
        (root / "x" / "folder").mkdir(parents=True)
        (root / "x" / "linked").symlink_to("nothing")
        (root / "y").symlink_to("x")
        for number in range(30):
            backend.write_bytes(f"{number % 7}/{number}", b"")
        paths = [f"{number % 7}/{number}" for number in range(30)]
        paths[3:3] = ["absent", "x/absent", "no/folder", "not ours", "x/linked", "y/a", "x/folder"]
        paths.append(paths[0])
        results = list(backend.delete_many(paths))
        assert [path for path, _ in results] == paths
        kinds = [type(result) for _, result in results]
        gone, plain, error = ObjectNotFound, type(None), BackendError
        assert kinds[3:10] == [gone, gone, gone, ValueError, error, error, gone]
        assert set(kinds[:3] + kinds[10:-1]) == {plain} and kinds[-1] is gone
        assert list(backend.list_prefix()) == [] and (root / "x" / "linked").is_symlink()

    def test_each_result_is_as_of_one_deletion(self, backend: FileBackend, root: Path) -> None:
        (root / "x" / "folder").mkdir(parents=True)
        (root / "x" / "linked").symlink_to("nothing")
        (root / "y").symlink_to("x")
        (root / "file").write_bytes(b"")
        for path in ("absent", "no/folder", "not ours", "x/linked", "y/a", "x/folder", "file/a"):
            [(_, together)] = backend.delete_many([path])
            with pytest.raises(Exception) as single:
                backend.delete(path)
            assert type(together) is single.type
            assert str(together).replace("delete_many", "delete") == str(single.value)

    def test_what_came_before_the_iterables_error_is_deleted(self, backend: FileBackend) -> None:
        def paths() -> Iterator[str]:
            yield from (f"{number}" for number in range(20))
            raise RuntimeError("the source broke")

        for number in range(20):
            backend.write_bytes(f"{number}", b"")
        with pytest.raises(RuntimeError, match="the source broke"):
            list(backend.delete_many(paths()))
        assert list(backend.list_prefix()) == []


class TestStreams:
    def test_a_large_value_goes_through_a_real_file(self, backend: FileBackend) -> None:
        with backend.write_file("a") as file:
            for number in range(100):
                file.write(bytes([number]) * 100_000)
            file.seek(0)
            file.write(b"first")
        with backend.read_file("a") as file:
            assert file.fileno() >= 0 and file.read(6) == b"first\0"
            file.seek(-1, os.SEEK_END)
            assert file.read() == bytes([99])
        assert backend.stat("a").size == 10_000_000 == len(backend.read_bytes("a"))

    def test_closing_it_oneself_commits_too(self, backend: FileBackend) -> None:
        with backend.write_file("a") as file:
            file.write(b"1")
            file.close()
        assert backend.read_bytes("a") == b"1"

    def test_what_is_dropped_leaves_nothing(self, backend: FileBackend, root: Path) -> None:
        for error in (KeyError("x"), KeyboardInterrupt()):
            with pytest.raises(type(error)), backend.write_file("x/a") as file:
                file.write(b"1" * 100_000)
                raise error
        assert list(backend.list_prefix()) == [] == debris(root)

    def test_it_is_no_object_before_it_is_left(self, backend: FileBackend) -> None:
        with backend.write_file("a", ABSENT) as file:
            file.write(b"1" * 1_000_000)
            assert not backend.exists("a") and list(backend.list_prefix()) == []
            assert list(backend.list_children()) == []
            backend.write_bytes("a", b"other")
            with pytest.raises(PreconditionFailed), backend.write_file("a", ABSENT) as late:
                late.write(b"2")
            backend.delete("a")
        assert backend.stat("a").size == 1_000_000

    def test_a_folder_removed_meanwhile_is_made_again(
        self, backend: FileBackend, root: Path
    ) -> None:
        with backend.write_file("x/y/a") as file:
            file.write(b"1" * 3_000_000)
            shutil.rmtree(root / "x")
            file.write(b"2")
        assert backend.read_bytes("x/y/a") == b"1" * 3_000_000 + b"2" and debris(root) == []


class TestElsewhere:
    """Without ``flock`` and relative paths, as on Windows; the system itself is not tried here."""

    @pytest.fixture
    def backend(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileBackend:
        monkeypatch.setattr(backend_module, "RELATIVE", False)
        return FileBackend(tmp_path / "store")

    def test_reads_and_whole_writes_work(self, backend: FileBackend) -> None:
        assert backend.capabilities == Capabilities()
        backend.write_bytes("x/a", b"1")
        backend.write_bytes("x/a", b"2" * 100_000)
        with backend.write_file("b") as file:
            file.write(b"3")
        assert [type(result) for _, result in backend.write_many([("c", b"4")])] == [str]
        assert backend.read_bytes("x/a") == b"2" * 100_000 and backend.read_bytes("c") == b"4"
        with backend.read_file("b") as file:
            assert file.read() == b"3"
        assert sorted(backend.list_prefix()) == ["b", "c", "x/a"]
        backend.delete("x/a")
        with pytest.raises(ObjectNotFound):
            backend.read_bytes("x/a")
        with pytest.raises(ObjectNotFound):
            backend.delete("x/a")
        assert debris(Path(backend.root)) == []

    def test_conditions_are_refused(self, backend: FileBackend) -> None:
        etag = backend.write_bytes("a", b"1")
        for act in (
            lambda: backend.write_if("b", b"", ABSENT),
            lambda: backend.write_if("a", b"", etag),
            lambda: backend.delete_if("a", etag),
            lambda: backend.read_versioned("a"),
            lambda: write_file(backend, "b", ABSENT),
        ):
            with pytest.raises(NotSupported):
                act()
        assert list(backend.list_prefix()) == ["a"] and backend.read_bytes("a") == b"1"

    def test_what_is_no_file_is_left_alone(self, backend: FileBackend) -> None:
        backend.write_bytes("x/a", b"1")
        (Path(backend.root) / "linked").symlink_to("x/a")
        for act in (
            lambda: backend.read_bytes("linked"),
            lambda: backend.write_bytes("linked", b"2"),
            lambda: backend.delete("linked"),
            lambda: backend.write_bytes("x", b"2"),
        ):
            with pytest.raises(BackendError):
                act()
        with pytest.raises(ObjectNotFound):
            backend.read_bytes("x")
        assert backend.read_bytes("x/a") == b"1" and debris(Path(backend.root)) == []

    def test_it_imports_without_fcntl(self) -> None:
        code = (
            "import sys; sys.modules['fcntl'] = None\n"
            "import tempfile; from persidict_file import FileBackend\n"
            "backend = FileBackend(tempfile.mkdtemp())\n"
            "backend.write_bytes('a/b', b'1')\n"
            "print(backend.read_bytes('a/b'), backend.capabilities.if_absent)"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        said = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
        )
        assert said.stdout.split() == ["b'1'", "0"], said.stderr
