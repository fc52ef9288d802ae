"""Checks of a store in use, beside those of the kit: what its server or file system does.

They look for what a disk, a gateway or a sync client may do to objects, where the kit looks for
mistakes of a backend's author. What a check gives back is a fact to be told where it holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from ..backend import BaseBackend
from ..digests import sign
from ..errors import BackendError, ObjectNotFound, PersiDictError
from .checks_paths import ODD_PATHS
from .pace import turns

T = TypeVar("T")

_MB = 1_000_000


def check_reach(backend: BaseBackend) -> str:
    """An object is written, read, listed and deleted; how long that takes."""
    data = b"persidict looks whether this store is fit; this may be deleted"
    writes, reads = [], []
    for _ in range(3):  # The first one connects, too.
        begun = time.perf_counter()
        backend.write_bytes("reach", data)
        written = time.perf_counter()
        found = backend.read_bytes("reach")
        reads.append(time.perf_counter() - written)
        writes.append(written - begun)
        assert found == data, f"wrote {data!r}, read {found!r:.60}"
    return f"{1000 * min(writes):.1f} ms a write, {1000 * min(reads):.1f} ms a read"


def check_empty_object(backend: BaseBackend) -> None:
    """An object of no bytes is there like any other."""
    for path in ("new", "replaced", "by/file"):
        if path == "replaced":
            backend.write_bytes(path, b"full")
        if path == "by/file":
            with backend.write_file(path):
                pass
        else:
            backend.write_bytes(path, b"")
        try:
            found, size = backend.read_bytes(path), backend.stat(path).size
        except ObjectNotFound as error:
            raise AssertionError(f"an empty object, once written, is missing ({path})") from error
        assert (found, size) == (b"", 0), f"an empty object was read as {found!r:.60}, {size} bytes"
        assert path in set(backend.list_prefix()), f"an empty object is not listed ({path})"


def _pieces(megabytes: int) -> Iterator[bytes]:
    numbers = random.Random(megabytes)
    return (numbers.randbytes(_MB) for _ in range(megabytes))


def check_large_file(backend: BaseBackend, megabytes: int = 40) -> str:
    """A large object goes through a file, piece by piece, and comes back; how fast that is."""
    begun = time.perf_counter()
    wrote = hashlib.sha256()
    with backend.write_file("large") as file:
        for piece in _pieces(megabytes):
            file.write(piece)
            wrote.update(piece)
    written = time.perf_counter()
    size = backend.stat("large").size
    assert size == megabytes * _MB, f"of {megabytes} MB the store tells {size} bytes"
    read = hashlib.sha256()
    with backend.read_file("large") as file:
        while piece := file.read(_MB):
            read.update(piece)
    done = time.perf_counter()
    assert read.digest() == wrote.digest(), f"{megabytes} MB came back as other bytes"
    write_rate, read_rate = megabytes / (written - begun), megabytes / (done - written)
    return f"{megabytes} MB written at {write_rate:.0f} MB/s, read at {read_rate:.0f} MB/s"


def _steadily(act: Callable[[], T]) -> T:
    """Do what fails for one name alone only if it fails again and again."""
    for _ in range(2):
        with contextlib.suppress(BackendError):
            return act()
    return act()


def check_odd_names(backend: BaseBackend) -> str:
    """Every name of the alphabet is written, listed and read; all that are not are told."""
    backend.write_bytes("plain", b"plain")
    bad = {}
    for path in ODD_PATHS:
        try:
            _steadily(partial(backend.write_bytes, path, path.encode()))
        except (BackendError, ValueError) as error:
            bad[path] = f"refused ({error})"
    listed = set(backend.list_prefix())
    for path in set(ODD_PATHS) - bad.keys():
        try:
            if _steadily(partial(backend.read_bytes, path)) != path.encode():
                bad[path] = "holds another's bytes"
            elif path not in listed:
                bad[path] = "not listed"
        except PersiDictError as error:
            bad[path] = f"not read ({error})"
    strange = listed - {*ODD_PATHS, "plain"}
    told = [f"{path!r}: {bad[path]}" for path in ODD_PATHS if path in bad]
    assert not bad, f"of {len(ODD_PATHS)} odd names {len(bad)} fail: {'; '.join(told[:5])}"
    assert not strange, f"listed, but never written: {sorted(strange)[:5]}"
    return f"{len(ODD_PATHS)} odd names"


def check_both_cases(backend: BaseBackend, digest_len: int = 0) -> str:
    """Keys that differ in case only are two, by their names or by the digests in these."""
    names = {key: sign(key, digest_len) for key in ("case", "Case", "CASE", "caSe")}
    for key, name in names.items():
        backend.write_bytes(name, key.encode())
    found = {key: backend.read_bytes(name).decode() for key, name in names.items()}
    listed = sorted(backend.list_prefix())
    assert found == {key: key for key in names}, f"keys that differ in case were read as {found}"
    assert listed == sorted(names.values()), f"keys that differ in case are listed as {listed}"
    return f"told apart by digests of {digest_len} characters too" if digest_len else ""


def check_seen_in_lists(backend: BaseBackend, times: int = 20) -> None:
    """What was written is listed and read at once, what was deleted is not, time after time."""
    for number in turns(times):
        path = f"lists/{number % 3}/{number}"
        backend.write_bytes(path, b"1")
        assert path in set(backend.list_prefix()), f"write {number} is not in the next listing"
        for data in (b"2", b"", b"three"):
            backend.write_bytes(path, data)
            found = backend.read_bytes(path)
            assert found == data, f"replaced by {data!r}, but read as {found!r:.60} after that"
            size = backend.stat(path).size
            assert size == len(data), f"replaced by {len(data)} bytes, but stat tells {size}"
        backend.delete(path)
        assert path not in set(backend.list_prefix()), f"deletion {number} is not in the listing"
        assert not backend.exists(path), f"after deletion {number} it still exists"


def check_clock(backend: BaseBackend) -> str:
    """How far the clock that dates objects is from this machine's."""
    skews = []
    for number in range(5):
        before = time.time()
        backend.write_bytes("clock", b"%d" % number)
        after = time.time()
        modified = backend.stat("clock").modified
        # Some stores keep whole seconds.
        early, late = int(before) - modified, modified - after
        skews.append(-early if early > 0 else max(late, 0.0))
    skew = min(skews, key=abs)
    assert abs(skew) < 60, f"the store's clock is {skew:+.0f} s from this machine's"
    return f"its clock is {skew:+.1f} s from this machine's" if skew else "both clocks agree"
