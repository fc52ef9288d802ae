"""What is promised on which file system, and that it holds there."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from persidict_core import (
    ABSENT,
    Capabilities,
    ETags,
    NotSupported,
    PreconditionFailed,
    Scope,
)
from persidict_core.testing import checks_etags, checks_races, checks_sharing, checks_verbs
from persidict_file import FileBackend, filesystems
from tests.file.mounts import mounted

ALL = Capabilities(Scope.PROCESSES, Scope.PROCESSES, Scope.PROCESSES, ETags.PER_WRITE)
BY_LINK = Capabilities(if_absent=Scope.PROCESSES)
NOTHING = Capabilities()

OURS = "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"


@pytest.fixture(scope="module", params=["ext3", "ext4", "xfs", "tmpfs", "overlay"])
def point(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    with mounted(request.param, tmp_path_factory.mktemp(request.param)) as folder:
        yield folder


@pytest.fixture(params=[True, False], ids=["flushed", "unflushed"])
def backend(request: pytest.FixtureRequest, point: Path) -> FileBackend:
    return FileBackend(point / f"store-{request.node.name}".replace("/", "-"), fsync=request.param)


@pytest.mark.root
class TestMounted:
    def test_all_is_claimed(self, point: Path) -> None:
        for folder in (point, point / "new", point / "new" / "below"):
            assert FileBackend(folder).capabilities == ALL

    def test_one_creator_wins(self, backend: FileBackend) -> None:
        checks_races.check_one_creator_wins(backend, rounds=10, creators=6)

    def test_increments_are_exact(self, backend: FileBackend) -> None:
        checks_races.check_increments_are_exact(backend, workers=4, increments=15)

    def test_conditions_hold_among_plain_writers(self, backend: FileBackend) -> None:
        checks_races.check_conditions_among_plain_writers(backend, rounds=10, creators=4)

    def test_deleters_among_plain_writers(self, backend: FileBackend) -> None:
        checks_races.check_deleters_among_plain_writers(backend, rounds=10, creators=4)

    def test_etags_name_writes(self, backend: FileBackend) -> None:
        checks_etags.check_etags_name_what_is_claimed(backend)
        checks_races.check_etags_differ_among_writers(backend)

    def test_no_torn_reads(self, backend: FileBackend) -> None:
        checks_sharing.check_no_torn_reads(backend, increments=20)

    def test_large_objects(self, backend: FileBackend) -> None:
        checks_verbs.check_large_object(backend)

    def test_many(self, backend: FileBackend) -> None:
        items = [(f"{n % 5}/{n}", b"%d" % n) for n in range(50)]
        assert all(isinstance(result, str) for _, result in backend.write_many(items))
        assert dict(backend.read_many([path for path, _ in items])) == dict(items)


@pytest.mark.root
def test_whole_seconds_name_no_write(tmp_path: Path) -> None:
    """An inode of 128 bytes keeps whole seconds, in which an etag could come back."""
    with mounted("ext4 of whole seconds", tmp_path) as point:
        backend = FileBackend(point / "store", fsync=False)
        assert backend.write_if("a", b"x", ABSENT)
        assert backend.capabilities == FileBackend(point).capabilities == BY_LINK
        etag = backend.stat("a").etag
        with pytest.raises(NotSupported):
            backend.write_if("a", b"y", etag)
        checks_races.check_one_creator_wins(backend, rounds=10, creators=6)
        assert sorted(path.name for path in point.iterdir()) == ["lost+found", "store"]


def capabilities_with(
    lines: list[str], root: Path, monkeypatch: pytest.MonkeyPatch, scope: Scope | None = None
) -> Capabilities:
    mountinfo = root.parent / "mountinfo"
    mountinfo.write_text("\n".join(lines) + "\n", errors="surrogateescape")
    monkeypatch.setattr(filesystems, "MOUNTINFO", str(mountinfo))
    return FileBackend(root, lock_scope=scope).capabilities


class TestMountinfo:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "a b").mkdir()
        return tmp_path / "a b"

    @pytest.mark.parametrize("kind", sorted(filesystems.KERNEL_LOCKS))
    def test_known(self, root: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        assert capabilities_with([OURS.replace("ext4", kind)], root, monkeypatch) == ALL

    @pytest.mark.parametrize(
        "kind", ["nfs", "nfs4", "cifs", "lustre", "fuse.sshfs", "fuse", "9p", "ceph", "zfs"]
    )
    def test_others_claim_only_what_link_gives(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        lines = [OURS, _at(root, kind)]
        assert capabilities_with(lines, root, monkeypatch) == BY_LINK
        assert capabilities_with(lines, root, monkeypatch, Scope.PROCESSES) == ALL
        assert capabilities_with(lines, root, monkeypatch, Scope.HOSTS) == Capabilities(
            Scope.HOSTS, Scope.HOSTS, Scope.HOSTS, ETags.PER_WRITE
        )

    @pytest.mark.parametrize("kind", ["vfat", "exfat"])
    def test_without_links_nothing(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        assert capabilities_with([OURS, _at(root, kind)], root, monkeypatch) == NOTHING

    def test_the_longest_mount_point_and_the_last_line_win(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nfs, xfs = _at(root, "nfs4"), _at(root, "xfs")
        other = _at(root.parent / "a", "nfs4")
        assert capabilities_with([OURS, nfs, xfs], root, monkeypatch) == ALL
        assert capabilities_with([OURS, xfs, nfs], root, monkeypatch) == BY_LINK
        assert capabilities_with([nfs, OURS], root, monkeypatch) == BY_LINK
        assert capabilities_with([OURS, other], root, monkeypatch) == ALL

    def test_what_is_mounted_below_counts(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines = [OURS, _at(root / "sub", "fuse.s3fs")]
        assert capabilities_with(lines, root, monkeypatch) == BY_LINK

    def test_a_linked_root_is_where_it_leads(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        linked = root.parent / "linked"
        linked.symlink_to(root)
        assert capabilities_with([OURS, _at(root, "nfs")], linked, monkeypatch) == BY_LINK
        missing = root / "not" / "yet"
        mountinfo = [OURS, _at(root, "nfs")]
        assert capabilities_with(mountinfo, root, monkeypatch) == BY_LINK
        assert FileBackend(missing).capabilities == BY_LINK

    def test_where_nothing_is_told_nothing_is_claimed(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(filesystems, "MOUNTINFO", "/nonexistent/mountinfo")
        assert FileBackend(root).capabilities == NOTHING
        assert FileBackend(root, lock_scope=Scope.PROCESSES).capabilities == ALL

    def test_this_machines_own_is_read(self, root: Path) -> None:
        kinds = filesystems.types_below(os.path.realpath(root))
        assert len(kinds) == 1, kinds


def _at(point: Path, kind: str) -> str:
    text = str(point).replace("\\", "\\134").replace(" ", "\\040")
    return f"99 24 0:40 / {text} rw,relatime master:1 propagate_from:2 - {kind} server:/x rw"


class TestFlockFails:
    """A file system without locks: plain writes go on, and conditions that need them refuse."""

    @pytest.fixture(params=[errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.EBADF, errno.ENOSYS])
    def number(self, request: pytest.FixtureRequest) -> int:
        return request.param

    def test_from_the_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        _fail_flock(monkeypatch, number)
        backend = FileBackend(tmp_path, lock_scope=Scope.HOSTS)
        assert backend.capabilities == BY_LINK
        etag = backend.write_bytes("a", b"1")
        backend.write_bytes("a", b"2")
        for act in (lambda: backend.write_if("a", b"", etag), lambda: backend.delete_if("a", etag)):
            with pytest.raises(NotSupported):
                act()
        backend.write_if("b", b"1", ABSENT)
        with pytest.raises(PreconditionFailed):
            backend.write_if("b", b"2", ABSENT)
        assert [type(result) for _, result in backend.write_many([("c", b"1")])] == [str]
        with backend.write_file("d") as file:
            file.write(b"1")
        backend.delete("a")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c", "d"]

    def test_later(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        backend = FileBackend(tmp_path)
        assert backend.capabilities == ALL
        etag = backend.write_bytes("a", b"1")
        _fail_flock(monkeypatch, number)
        for act in (lambda: backend.write_if("a", b"", etag), lambda: backend.delete_if("a", etag)):
            with pytest.raises(NotSupported, match="flock"):
                act()
        assert backend.stat("a").etag == etag
        backend.write_bytes("a", b"2")
        backend.write_if("b", b"1", ABSENT)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def _fail_flock(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)


def test_without_links_what_must_be_absent_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    backend = FileBackend(tmp_path)
    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(NotSupported, match="hard links"):
        backend.write_if("a", b"1", ABSENT)
    assert list(tmp_path.iterdir()) == []
