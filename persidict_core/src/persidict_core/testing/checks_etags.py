"""Checks of etags, times and versioned reads."""

from __future__ import annotations

import time
from typing import Final

from ..backend import UNCHANGED, BaseBackend, ETags
from ..errors import NotSupported, ObjectNotFound
from .expecting import raised
from .pace import turns

_WRITES: Final = 100


def _write_in_every_way(backend: BaseBackend, path: str, data: bytes) -> list[str]:
    etags = [backend.write_bytes(path, data)]
    with backend.write_file(path) as file:
        file.write(data)
    etags.append(backend.stat(path).etag)
    for _, result in backend.write_many([(path, data)]):
        assert isinstance(result, str), f"write_many gave {result!r}"
        etags.append(result)
    return etags


def check_one_etag(backend: BaseBackend) -> None:
    """The etag that a write gives is the one that ``stat``, listing and versioned reading give.

    To mend: take it from one place, in one form (quotes, case), for the very write.
    """
    for data in (b"", b"x", b"y" * 100_000):
        etag = backend.write_bytes("a/b", data)
        assert isinstance(etag, str) and etag, f"write_bytes gave {etag!r}, no etag"
        if backend.capabilities.etags is ETags.NONE:
            continue
        (listed,) = backend.list_stats()
        read = backend.read_versioned("a/b")
        assert read is not UNCHANGED, "read_versioned gave UNCHANGED without being asked"
        found = {"stat": backend.stat("a/b").etag, "list_stats": listed.etag, "read": read[1].etag}
        assert set(found.values()) == {etag}, f"the write gave {etag!r}, but now it is {found}"


def check_etags_name_what_is_claimed(backend: BaseBackend) -> None:
    """Other bytes have another etag; the same bytes a new one per write, or the same per content.

    To mend: claim in ``capabilities.etags`` what the store does; a time alone names no write.
    """
    claimed = backend.capabilities.etags
    if claimed is ETags.NONE:
        raised(NotSupported, "read_versioned without etags", backend.read_versioned, "a")
        return
    etags = [backend.write_bytes("a", b"%d" % number) for number in turns(_WRITES)]
    assert len(set(etags)) == len(etags), f"{len(etags)} contents had {len(set(etags))} etags"
    same = [backend.write_bytes("a", b"same") for _ in turns(_WRITES)]
    for _ in range(10):
        backend.delete("a")
        same.append(backend.write_bytes("a", b"same"))
    for _ in range(5):
        same += _write_in_every_way(backend, "a", b"same")
    if claimed is ETags.PER_WRITE:
        every = etags + same
        assert len(set(every)) == len(every), (
            f"etags are claimed per write, but {len(every)} writes had {len(set(every))}"
        )
    else:
        assert len(set(same)) == 1, f"the same bytes had {len(set(same))} etags, claimed is 1"
        assert same[0] not in etags, "other bytes had the same etag"


def check_etag_stays(backend: BaseBackend) -> None:
    """An etag does not change by reading, by time, nor by writing other objects.

    To mend: make it of the write (or the bytes) only, not of access times or counters of the store.
    """
    if backend.capabilities.etags is ETags.NONE:
        raised(NotSupported, "read_versioned without etags", backend.read_versioned, "a")
        return
    etag = backend.write_bytes("f/a", b"x")
    backend.write_bytes("f/b", b"x")
    backend.delete("f/b")
    backend.read_bytes("f/a")
    list(backend.list_prefix())
    backend.close()
    assert backend.stat("f/a").etag == etag, "an etag changed without a write"


def check_versioned_read(backend: BaseBackend) -> None:
    """``read_versioned`` gives the bytes with their stat, or ``UNCHANGED`` for the etag it has.

    To mend: one request for both where the store has it; compare ``unless`` with the etag, exactly.
    """
    if backend.capabilities.etags is ETags.NONE:
        backend.write_bytes("a", b"x")
        raised(NotSupported, "read_versioned without etags", backend.read_versioned, "a")
        return
    for data in (b"", b"one", b"z" * 100_000):
        etag = backend.write_bytes("v/a", data)
        assert backend.read_versioned("v/a") == (data, backend.stat("v/a")), "not bytes and stat"
        assert backend.read_versioned("v/a", etag) is UNCHANGED, "unless=etag is not UNCHANGED"
        read = backend.read_versioned("v/a", etag + "0")
        assert read is not UNCHANGED and read[0] == data, "unless=another etag gave UNCHANGED"
    backend.delete("v/a")
    raised(ObjectNotFound, "read_versioned(absent)", backend.read_versioned, "v/a")
    raised(ObjectNotFound, "read_versioned(absent, unless)", backend.read_versioned, "v/a", etag)


def check_times(backend: BaseBackend) -> None:
    """Times are POSIX seconds, near now, and never go back from one write to the next.

    To mend: UTC, seconds, the time of the write; look for a time zone or milliseconds.
    """
    last = 0.0
    for number in turns(50):
        backend.write_bytes("t", b"%d" % number)
        modified = backend.stat("t").modified
        assert abs(modified - time.time()) < 60, (
            f"written now ({time.time():.0f}), but stat tells {modified:.0f}"
        )
        assert modified >= last, f"write {number} is {last - modified} s older than the one before"
        last = modified
