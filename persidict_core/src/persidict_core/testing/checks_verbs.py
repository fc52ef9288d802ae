"""Checks of the five verbs, and of files: bytes come back as they were, absence is proven."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Final

from ..backend import BaseBackend, ETags, ObjectStat
from ..errors import BackendError, ObjectNotFound
from .expecting import raised

RawRead = Callable[[BaseBackend, str], bytes]
RawWrite = Callable[[BaseBackend, str, bytes], None]

SAMPLES: Final = {
    "empty": b"",
    "zero": b"\0",
    "bytes.bin": bytes(range(256)),
    "lines.txt": b"one\r\ntwo\nthree\r",
    "text.txt": "naïve ☃ 😀".encode(),
    "block": b"x" * 65_536,
    "more_than_a_block": b"y" * 65_537,
    "a/b/c.json": b"{}",
}
"""Bytes that are easily changed on their way."""


def check_bytes_come_back(backend: BaseBackend) -> None:
    """What is written is read, byte for byte, the empty object too.

    To mend: ``write_bytes`` stores what it is given and ``read_bytes`` gives the whole of it.
    """
    for path, data in SAMPLES.items():
        backend.write_bytes(path, data)
    for path, data in SAMPLES.items():
        found = backend.read_bytes(path)
        assert type(found) is bytes, f"read_bytes gave a {type(found).__name__}, not bytes"
        assert found == data, f"{path!r}: wrote {data!r:.60}, read {found!r:.60}"


def check_store_holds_the_bytes(backend: BaseBackend, raw_read: RawRead | None = None) -> None:
    """What is written stands in the store as it is, where others look for it.

    To mend: ``write_bytes`` stores the data itself under the path itself (hook: ``raw_read``).
    """
    read = raw_read or (lambda backend, path: backend.read_bytes(path))
    for path, data in SAMPLES.items():
        backend.write_bytes(path, data)
        assert read(backend, path) == data, f"{path!r}: the store holds other bytes than written"


def check_others_objects_are_read(backend: BaseBackend, raw_write: RawWrite | None = None) -> None:
    """What others put into the store is read, seen, listed and deleted.

    To mend: the verbs work on what is there, not on what this backend wrote (hook: ``raw_write``).
    """
    for path, data in SAMPLES.items():
        if raw_write is None:
            backend.write_bytes(path, data)
        else:
            raw_write(backend, path, data)
    assert sorted(backend.list_prefix()) == sorted(SAMPLES), "list_prefix misses what others wrote"
    for path, data in SAMPLES.items():
        assert backend.read_bytes(path) == data, f"{path!r}: read other bytes than others wrote"
        assert backend.stat(path).size == len(data), f"{path!r}: stat tells a wrong size"
        backend.delete(path)
        assert not backend.exists(path), f"{path!r} is still there after delete"


def check_large_object(backend: BaseBackend) -> None:
    """5 MB are written and read at once.

    To mend: look for a limit of one packet, page or column, and for a write cut short.
    """
    data = random.Random(5).randbytes(5_000_000)
    etag = backend.write_bytes("large.bin", data)
    assert backend.read_bytes("large.bin") == data, "5 MB did not come back as written"
    stat = backend.stat("large.bin")
    assert stat.size == len(data), f"stat tells {stat.size} bytes, written were {len(data)}"
    assert backend.capabilities.etags is ETags.NONE or stat.etag == etag, "etag: see check_one_etag"


def check_writing_replaces(backend: BaseBackend) -> None:
    """A write replaces the whole object; nothing of a longer one before is left.

    To mend: ``write_bytes`` replaces, it neither appends nor writes into what is there.
    """
    for data in (b"long " * 1000, b"short", b"", b"long again " * 1000):
        backend.write_bytes("a/replaced", data)
        found = backend.read_bytes("a/replaced")
        assert found == data, f"after replacing: wrote {len(data)} bytes, read {len(found)}"
        assert backend.stat("a/replaced").size == len(data), "stat is of the object before"
    assert list(backend.list_prefix()) == ["a/replaced"], "replacing left a second object"


def check_absent_is_told(backend: BaseBackend) -> None:
    """What is not there raises ``ObjectNotFound`` with its path, a folder's name too.

    To mend: translate the store's own "no such object" in ``read_bytes``, ``stat`` and ``delete``.
    """
    backend.write_bytes("folder/object", b"x")
    verbs: dict[str, Callable[[str], object]] = {
        "read_bytes": backend.read_bytes,
        "stat": backend.stat,
        "delete": backend.delete,
        "read_file": lambda path: backend.read_file(path).__enter__(),
    }
    if backend.capabilities.etags is not ETags.NONE:
        verbs["read_versioned"] = backend.read_versioned
    for path in ("absent", "no/such/folder/absent", "folder", "folder/object2", "folder/obj"):
        for name, verb in verbs.items():
            error = raised(ObjectNotFound, f"{name}({path!r}), absent,", verb, path)
            assert error.path == path, f"{name}: the error's path is {error.path!r}, not {path!r}"
        assert backend.exists(path) is False, f"exists({path!r}) is not False"
    assert list(backend.list_prefix()) == ["folder/object"], "looking for objects changed some"


def check_delete(backend: BaseBackend) -> None:
    """A deleted object is gone from everywhere, and alone; deleting it again raises.

    To mend: ``delete`` removes this object and raises ``ObjectNotFound`` where there was none.
    """
    for path in ("a/x", "a/xy", "a/x.z/w", "ax"):
        backend.write_bytes(path, b"1")
    backend.delete("a/x")
    assert not backend.exists("a/x"), "exists is True after delete"
    raised(ObjectNotFound, "read_bytes after delete", backend.read_bytes, "a/x")
    raised(ObjectNotFound, "delete after delete", backend.delete, "a/x")
    assert sorted(backend.list_prefix()) == ["a/x.z/w", "a/xy", "ax"], "delete took others along"
    backend.write_bytes("a/x", b"2")
    assert backend.read_bytes("a/x") == b"2", "an object does not come back after a delete"


def check_stat(backend: BaseBackend) -> None:
    """``stat`` tells the path, the size, the time and the etag, each in its type.

    To mend: give ``ObjectStat(path, size: int, modified: float, etag: str)``.
    """
    for path, data in SAMPLES.items():
        backend.write_bytes(path, data)
        stat = backend.stat(path)
        assert isinstance(stat, ObjectStat), f"stat gave a {type(stat).__name__}"
        assert (stat.path, stat.size) == (path, len(data)), f"stat of {path!r} is {stat}"
        assert type(stat.size) is int and type(stat.etag) is str, f"types in {stat}"
        assert type(stat.modified) is float, f"modified is a {type(stat.modified).__name__}"
        assert backend.exists(path) is True, f"exists({path!r}) is not True"


def check_only_bytes_are_written(backend: BaseBackend) -> None:
    """Text is refused, and nothing changes.

    To mend: ``write_bytes`` raises TypeError for what is no bytes before it writes.
    """
    backend.write_bytes("kept", b"old")
    for path in ("kept", "new"):
        raised(TypeError, "write_bytes(path, 'text')", backend.write_bytes, path, "text")
    assert backend.read_bytes("kept") == b"old", "a refused write changed the object"
    assert list(backend.list_prefix()) == ["kept"], "a refused write left an object"


def check_object_and_folder_of_one_name(backend: BaseBackend) -> None:
    """A path below an object is stored, or refused by ``BackendError`` with nothing changed.

    To mend: never let such a write replace the object, or look as if something were absent.
    """
    backend.write_bytes("name", b"object")
    with contextlib.suppress(BackendError):
        backend.write_bytes("name/below", b"below")
        assert backend.read_bytes("name/below") == b"below", "stored, but not read"
    backend.write_bytes("other/below", b"below")
    with contextlib.suppress(BackendError):
        backend.write_bytes("other", b"object")
        assert backend.read_bytes("other") == b"object", "stored, but not read"
    assert backend.read_bytes("name") == b"object", "writing below an object changed it"
    assert backend.read_bytes("other/below") == b"below", "writing on a folder changed it"


def check_read_file(backend: BaseBackend) -> None:
    """``read_file`` gives a binary file over the object.

    To mend: it is a context manager whose file reads in pieces and to the end.
    """
    data = random.Random(6).randbytes(300_000)
    backend.write_bytes("read/me", data)
    with backend.read_file("read/me") as file:
        assert file.read(10) == data[:10], "read(10) of read_file gave other bytes"
        assert file.read() == data[10:], "read() of read_file did not give the rest"
        assert file.read() == b"", "read() at the end gives something"
    for path, sample in SAMPLES.items():
        backend.write_bytes(path, sample)
        with backend.read_file(path) as file:
            assert file.read() == sample, f"read_file({path!r}) gave other bytes"


def check_write_file(backend: BaseBackend) -> None:
    """``write_file`` commits when it is left; until then nothing changes.

    To mend: collect or write aside, and put into place at the end only.
    """
    pieces = [random.Random(7).randbytes(200_000), b"", b"tail"]
    backend.write_bytes("written", b"old")
    with backend.write_file("written") as file:
        for piece in pieces:
            file.write(piece)
        assert backend.read_bytes("written") == b"old", "write_file shows before it is left"
        assert list(backend.list_prefix()) == ["written"], "write_file shows a temporary name"
    assert backend.read_bytes("written") == b"".join(pieces), "write_file stored other bytes"
    with backend.write_file("new/empty"):
        assert not backend.exists("new/empty"), "write_file shows before it is left"
    assert backend.read_bytes("new/empty") == b"", "an empty write_file stored no empty object"


def check_write_file_drops(backend: BaseBackend) -> None:
    """An exception in ``write_file`` drops what was written and goes on.

    To mend: put into place only where the block ends without an exception; remove what was aside.
    """

    class Stopped(Exception):
        pass

    def write(path: str) -> None:
        with backend.write_file(path) as file:
            file.write(b"half" * 100_000)
            raise Stopped

    backend.write_bytes("kept", b"old")
    for path in ("kept", "new"):
        raised(Stopped, "an exception inside write_file", write, path)
    assert backend.read_bytes("kept") == b"old", "a dropped write_file changed the object"
    assert list(backend.list_prefix()) == ["kept"], "a dropped write_file left an object"


def check_close(backend: BaseBackend) -> None:
    """After ``close`` the backend opens again by itself; closing twice is no error.

    To mend: ``close`` forgets connections, and every verb makes them on first use.
    """
    backend.write_bytes("a", b"1")
    backend.close()
    backend.close()
    assert backend.read_bytes("a") == b"1", "after close the object is gone"
    backend.write_bytes("a", b"2")
    assert backend.read_bytes("a") == b"2", "after close nothing is written"
