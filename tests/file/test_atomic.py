"""One write, step by step: its stamp, and what it says where it cannot be done."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from persidict_core import ABSENT, ANY, NotSupported, PreconditionFailed
from persidict_file import atomic
from persidict_file.faults import NotFlushed
from persidict_file.versions import etag_of, stat_of

NAME, PATH = "a.pkl", "folder/a.pkl"
HOUR = 3600 * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def write(folder: int, data: bytes, expect: Any = ANY, fsync: bool = False) -> os.stat_result:
    return atomic.replace(folder, NAME, PATH, data, expect, fsync)


def then(monkeypatch: pytest.MonkeyPatch, call: str, act: Callable[[], object]) -> None:
    """Let something happen once, just before a call of the system."""
    real = getattr(os, call)

    def acting(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(os, call, real)
        act()
        return real(*args, **options)

    monkeypatch.setattr(os, call, acting)


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "by name"])
def test_a_version_is_later_than_the_one_before(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    old = write(folder, b"1")
    later = old.st_mtime_ns + HOUR
    os.utime(tmp_path / NAME, ns=(later, later))
    temporary = atomic.Temporary(folder)
    descriptor = temporary.descriptor if is_open else None
    new = atomic.place(folder, temporary.name, NAME, PATH, ANY, True, descriptor)
    temporary.keep()
    temporary.close()
    assert new.st_mtime_ns == later + 1
    assert etag_of(new) == etag_of(os.stat(tmp_path / NAME))


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "by name"])
def test_a_first_version_has_the_time_to_the_nanosecond(
    folder: int, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    monkeypatch.setattr(atomic.time, "time_ns", lambda: 1_000_000_007)
    temporary = atomic.Temporary(folder)
    descriptor = temporary.descriptor if is_open else None
    assert atomic.stamp(folder, temporary.name, None, descriptor).st_mtime_ns == 1_000_000_007
    temporary.close()


def test_a_file_has_no_rights_but_those_that_the_umask_leaves(folder: int) -> None:
    before = os.umask(0)
    try:
        assert write(folder, b"1").st_mode & 0o777 == 0o666
        again = atomic.replace_locked(folder, NAME, b"2", locked=True)
        assert again.st_mode & 0o777 == 0o666
    finally:
        os.umask(before)


def test_a_rival_without_locks_is_found_and_told(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then(monkeypatch, "link", lambda: (tmp_path / NAME).write_bytes(b"rival"))
    with pytest.raises(PreconditionFailed) as raised:
        write(folder, b"1", ABSENT)
    rival = stat_of(PATH, os.stat(tmp_path / NAME))
    assert (raised.value.path, raised.value.expect, raised.value.current) == (PATH, ABSENT, rival)
    assert os.listdir(tmp_path) == [NAME] and (tmp_path / NAME).read_bytes() == b"rival"


def test_a_rival_that_is_gone_again_is_told_without_a_version(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exists(*_: Any, **__: Any) -> None:
        raise FileExistsError(errno.EEXIST, "there was one")

    monkeypatch.setattr(os, "link", exists)
    with pytest.raises(PreconditionFailed) as raised:
        write(folder, b"1", ABSENT)
    assert raised.value.current is None


def test_a_rival_that_came_while_it_flushed_is_told(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = etag_of(write(folder, b"1"))
    then(monkeypatch, "fsync", lambda: write(folder, b"rival"))
    with pytest.raises(PreconditionFailed) as raised:
        write(folder, b"2", etag, fsync=True)
    rival = stat_of(PATH, os.stat(tmp_path / NAME))
    assert (raised.value.path, raised.value.expect, raised.value.current) == (PATH, etag, rival)


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_links_is_told(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(NotSupported) as raised:
        write(folder, b"1", ABSENT)
    assert str(raised.value) == (
        "'folder/a.pkl' cannot be created on the condition that it is absent: this file "
        "system has no hard links"
    )
    assert os.listdir(tmp_path) == []


def test_another_fault_of_a_link_is_no_missing_feature(
    folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write(folder, b"1", ABSENT)


def test_without_locks_no_version_is_replaced_or_removed(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = etag_of(write(folder, b"1"))
    monkeypatch.setattr(atomic, "lock", lambda descriptor: False)
    ending = "on a condition: this file system has no working flock$"
    with pytest.raises(NotSupported, match=f"^'folder/a.pkl' cannot be written {ending}"):
        write(folder, b"2", etag)
    with pytest.raises(NotSupported, match=f"^'folder/a.pkl' cannot be deleted {ending}"):
        atomic.remove(folder, NAME, PATH, etag)
    assert (tmp_path / NAME).read_bytes() == b"1" and os.listdir(tmp_path) == [NAME]
    write(folder, b"3")
    assert (tmp_path / NAME).read_bytes() == b"3"
    assert atomic.remove(folder, NAME, PATH, ANY)


def test_a_file_in_a_locked_folder_is_whole_or_not_there(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = atomic.replace_locked(folder, NAME, b"1", locked=True)
    later = first.st_mtime_ns + HOUR
    os.utime(tmp_path / NAME, ns=(later, later))
    second = atomic.replace_locked(folder, NAME, b"2" * 100_000, locked=True)
    assert second.st_mtime_ns == later + 1
    assert etag_of(second) == etag_of(os.stat(tmp_path / NAME))

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="Input/output error"):
        atomic.replace_locked(folder, NAME, b"3", locked=True)
    assert os.listdir(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"2" * 100_000


def test_a_short_write_goes_on(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda where, data: real(where, bytes(data[:7])))
    write(folder, bytes(range(100)))
    assert (tmp_path / NAME).read_bytes() == bytes(range(100))


def test_a_process_names_its_temporaries_anew(folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_names", iter(()))
    atomic._begin_names()
    temporary = atomic.Temporary(folder)
    temporary.close()
    assert re.fullmatch(rf"\+{os.getpid():x}-[0-9a-f]{{16}}", temporary.name)


def test_nothing_is_left_beside_a_first_version(folder: int, tmp_path: Path) -> None:
    write(folder, b"1", ABSENT)
    assert os.listdir(tmp_path) == [NAME]


def test_a_temporary_that_somebody_removed_is_closed(folder: int, tmp_path: Path) -> None:
    temporary = atomic.Temporary(folder)
    (tmp_path / temporary.name).unlink()
    temporary.close()


def test_a_file_that_somebody_removed_is_told_as_it_was(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove() -> None:
        for path in tmp_path.iterdir():
            path.unlink()

    then(monkeypatch, "rename", remove)
    with pytest.raises(FileNotFoundError, match=NAME):
        atomic.replace_locked(folder, NAME, b"1", locked=True)


def test_a_link_is_neither_followed_nor_replaced(folder: int, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"x")
    (tmp_path / NAME).symlink_to("elsewhere")
    with pytest.raises(OSError, match="a symbolic link stands there"):
        atomic.look(folder, NAME)
    with pytest.raises(OSError, match="a symbolic link stands there"):
        write(folder, b"1")


@contextmanager
def waiting(folder: int, place: Path, etag: str) -> Iterator[tuple[Future[Any], ExitStack]]:
    """One who wants to replace a version whose lock another holds; what is left lets go of it."""
    with ThreadPoolExecutor(1) as pool, ExitStack() as other:
        descriptor = os.open(place, os.O_RDONLY)
        other.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        wanted = pool.submit(write, folder, b"2", etag)
        with pytest.raises(TimeoutError):
            wanted.result(timeout=0.3)
        yield wanted, other


def test_who_replaces_a_version_waits_for_others_who_do(folder: int, tmp_path: Path) -> None:
    etag = etag_of(write(folder, b"1"))
    with waiting(folder, tmp_path / NAME, etag) as (wanted, other):
        assert os.listdir(tmp_path) == [NAME]
        other.close()
        assert etag_of(wanted.result(timeout=10)) == etag_of(os.stat(tmp_path / NAME))


def test_who_has_lost_while_he_waited_is_told(folder: int, tmp_path: Path) -> None:
    etag = etag_of(write(folder, b"1"))
    with waiting(folder, tmp_path / NAME, etag) as (wanted, other):
        rival = write(folder, b"rival")
        other.close()
        with pytest.raises(PreconditionFailed) as raised:
            wanted.result(timeout=10)
    current = stat_of(PATH, rival)
    assert (raised.value.path, raised.value.expect, raised.value.current) == (PATH, etag, current)


def test_what_cannot_be_opened_is_replaced_without_waiting(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = etag_of(write(folder, b"1"))
    real = atomic.open_to_lock

    def refuse(name: str, flags: int, *args: Any, **options: Any) -> int:
        if flags == atomic.READING:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(name, flags, *args, **options)

    asked: list[int] = []
    monkeypatch.setattr(atomic, "open_to_lock", refuse)
    monkeypatch.setattr(atomic, "lock", lambda descriptor: not asked.append(descriptor))
    write(folder, b"2", etag)
    assert (tmp_path / NAME).read_bytes() == b"2"
    # The locks of the temporary and of the folder.
    assert len(asked) == 2 and asked[1] == folder and min(asked) > 2


@pytest.mark.parametrize("was_placed", [True, False])
def test_bytes_that_the_system_loses_in_the_end_are_told(
    folder: int, monkeypatch: pytest.MonkeyPatch, was_placed: bool
) -> None:
    real = atomic.close

    def close(descriptor: int) -> None:
        real(descriptor)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    temporary = atomic.Temporary(folder)
    if was_placed:
        temporary.place(NAME, PATH, ANY)
    monkeypatch.setattr(atomic, "close", close)
    with pytest.raises(OSError, match="Input/output error") as raised:
        temporary.close()
    assert isinstance(raised.value, NotFlushed) is was_placed


def test_who_has_lost_already_flushes_nothing(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, b"1")
    then(monkeypatch, "fsync", lambda: pytest.fail("it flushed"))
    for expect in ("another", ABSENT):
        with pytest.raises(PreconditionFailed):
            write(folder, b"2", expect, fsync=True)
