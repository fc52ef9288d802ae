"""Checks of conditions by many at once: in threads, and in processes where that is claimed.

One operation on one object happens at one moment. So whoever writes plainly in the middle of a
race must be found there at the end, whatever a condition decided before.
"""

from __future__ import annotations

from typing import Final

from ..backend import ABSENT, UNCHANGED, BaseBackend, ETags, Scope
from ..errors import ObjectNotFound, PreconditionFailed
from .checks_conditions import refuses_absent, refuses_delete_if, refuses_etag
from .expecting import raised
from .pace import turns
from .racing import shared_among, teams

_PLAIN: Final = b"plain"
_A_RUN: Final = 10
"""So many increments between two starts together."""


def create(backend: BaseBackend, index: int, path: str) -> bool:
    """Whether this one created the object."""
    try:
        backend.write_if(path, b"%d" % index, ABSENT)
    except PreconditionFailed:
        return False
    return True


def increment(backend: BaseBackend, index: int, path: str, times: int) -> int:
    """Raise a number by a versioned read and a conditional write; give the times it was tried."""
    tried = 0
    for _ in range(times):
        while True:
            tried += 1
            read = backend.read_versioned(path)
            assert read is not UNCHANGED
            try:
                backend.write_if(path, b"%d" % (int(read[0]) + 1), read[1].etag)
                break
            except PreconditionFailed:
                pass
    return tried


def delete_version(backend: BaseBackend, index: int, path: str, etag: str) -> bool:
    """Whether this one deleted the version."""
    try:
        backend.delete_if(path, etag)
    except PreconditionFailed:
        return False
    return True


def condition_against_plain(
    backend: BaseBackend, index: int, path: str, plain: str, conditional: str, etag: str
) -> bool:
    """The first writes or deletes plainly, all others on a condition; whether it was done."""
    try:
        if index == 0 and plain == "write":
            backend.write_bytes(path, _PLAIN)
        elif index == 0:
            backend.delete(path)
        elif conditional == "delete_if":
            backend.delete_if(path, etag)
        elif conditional == "write_if ABSENT":
            backend.write_if(path, b"%d" % index, ABSENT)
        else:
            backend.write_if(path, b"%d" % index, etag)
    except PreconditionFailed:
        return False
    return True


def write_often(backend: BaseBackend, index: int, path: str, times: int) -> list[str]:
    """Write the same bytes, or on a condition, and give the etags."""
    return [backend.write_bytes(path, b"same") for _ in range(times)]


def check_one_creator_wins(backend: BaseBackend, rounds: int = 200, creators: int = 16) -> None:
    """Of many who create one object at once exactly one wins, and its bytes are stored.

    To mend: ``write_if(ABSENT)`` must look and write in one step of the store, not in two.
    """
    scope = backend.capabilities.if_absent
    if scope is Scope.NONE:
        refuses_absent(backend)
        return
    for number, team in enumerate(teams(backend, creators, scope)):
        for turn in turns(rounds):
            path = f"create/{number}/{turn}"
            won = team.run(create, path)
            assert sum(won) == 1, f"{creators} creators, round {turn}: {sum(won)} of them won"
            stored = backend.read_bytes(path)
            assert stored == b"%d" % won.index(True), f"the loser {stored!r} is stored, not the won"


def check_increments_are_exact(
    backend: BaseBackend, workers: int = 8, increments: int = 100
) -> None:
    """Many who raise one number by ``write_if(etag)`` lose no increment.

    To mend: ``write_if(etag)`` must compare and write in one step; every write gives a new etag.
    """
    scope = backend.capabilities.if_match
    if scope is Scope.NONE:
        refuses_etag(backend)
        return
    for number, team in enumerate(teams(backend, workers, scope)):
        path = f"counter/{number}"
        backend.write_bytes(path, b"0")
        wanted = 0
        for turn in turns(-(-increments // _A_RUN)):
            times = min(_A_RUN, increments - turn * _A_RUN)
            team.run(increment, path, times)
            wanted += workers * times
        found = int(backend.read_bytes(path))
        assert found == wanted, f"{wanted} increments gave {found}: {wanted - found} were lost"


def check_one_deleter_wins(backend: BaseBackend, rounds: int = 200, creators: int = 16) -> None:
    """Of many who delete one version at once exactly one does.

    To mend: ``delete_if`` must compare and delete in one step; losing is ``PreconditionFailed``.
    """
    scope = backend.capabilities.delete_if
    if scope is Scope.NONE:
        refuses_delete_if(backend)
        return
    for number, team in enumerate(teams(backend, creators, scope)):
        for turn in turns(rounds):
            path = f"delete/{number}/{turn}"
            done = team.run(delete_version, path, backend.write_bytes(path, b"x"))
            assert sum(done) == 1, f"{creators} deleters, round {turn}: {sum(done)} of them did"
            assert not backend.exists(path), f"round {turn}: still there"


def _race_with_plain(
    backend: BaseBackend, scope: Scope, plain: str, conditional: str, rounds: int, size: int
) -> None:
    for number, team in enumerate(teams(backend, size, scope)):
        for turn in turns(rounds):
            path = f"{plain}/{number}/{turn}"
            new = conditional == "write_if ABSENT" and plain == "write"
            etag = "" if new else backend.write_bytes(path, b"before")
            done = team.run(condition_against_plain, path, plain, conditional, etag)
            try:
                left: bytes | None = backend.read_bytes(path)
            except ObjectNotFound:
                left = None
            what = f"plain {plain} against {conditional}, round {turn}"
            assert sum(done[1:]) <= 1, f"{what}: {sum(done[1:])} conditions held for one version"
            if plain == "write":
                assert left == _PLAIN, f"{what}: the plain write was lost, there is {left!r}"
            elif conditional == "write_if ABSENT" and sum(done[1:]):
                winner = b"%d" % (1 + done[1:].index(True))
                assert left == winner, f"{what}: the winner's bytes were lost, there is {left!r}"
            else:
                assert left is None, f"{what}: the deleted object is back as {left!r}"


def check_creators_among_plain_writers(
    backend: BaseBackend, rounds: int = 200, creators: int = 16
) -> None:
    """A plain write, or delete, in the middle of creators is not lost.

    To mend: plain writes and deletes take part in whatever makes ``write_if(ABSENT)`` one step.
    """
    scope = backend.capabilities.if_absent
    if scope is Scope.NONE:
        refuses_absent(backend)
        return
    for plain in ("write", "delete"):
        _race_with_plain(backend, scope, plain, "write_if ABSENT", rounds // 2, creators // 4 + 1)


def check_conditions_among_plain_writers(
    backend: BaseBackend, rounds: int = 200, creators: int = 16
) -> None:
    """A plain write, or delete, in the middle of conditional writers is not lost.

    To mend: plain writes and deletes take part in whatever makes ``write_if(etag)`` one step.
    """
    scope = backend.capabilities.if_match
    if scope is Scope.NONE:
        refuses_etag(backend)
        return
    for plain in ("write", "delete"):
        _race_with_plain(backend, scope, plain, "write_if etag", rounds // 2, creators // 4 + 1)


def check_deleters_among_plain_writers(
    backend: BaseBackend, rounds: int = 200, creators: int = 16
) -> None:
    """A plain write in the middle of conditional deleters is not lost.

    To mend: plain writes take part in whatever makes ``delete_if`` one step.
    """
    scope = backend.capabilities.delete_if
    if scope is Scope.NONE:
        refuses_delete_if(backend)
        return
    _race_with_plain(backend, scope, "write", "delete_if", rounds // 2, creators // 4 + 1)


def check_etags_differ_among_writers(
    backend: BaseBackend, scope: Scope | None = None, workers: int = 8, increments: int = 100
) -> None:
    """Where etags are per write, no two writes of one object share one, whoever makes them.

    To mend: a counter that all share, a random number, or what only one writer at a time can get.
    """
    if backend.capabilities.etags is not ETags.PER_WRITE:
        etags = {backend.write_bytes("same", b"same") for _ in range(increments)}
        claimed = backend.capabilities.etags
        assert claimed is ETags.NONE or len(etags) == 1, f"{claimed}, but {len(etags)} for one"
        return
    for number, team in enumerate(teams(backend, workers, shared_among(backend, scope))):
        written = [e for each in team.run(write_often, f"{number}", increments) for e in each]
        different = len(set(written))
        assert different == len(written), (
            f"{len(written)} writes of one object by {workers} at once had {different} etags"
        )


def check_overtaken_writer_is_told(backend: BaseBackend) -> None:
    """Whoever was overtaken between reading and writing is told, by another handle as well.

    To mend: keep no etags in the handle; the store decides.
    """
    if backend.capabilities.if_match is Scope.NONE:
        refuses_etag(backend)
        return
    for number, team in enumerate(teams(backend, 1, backend.capabilities.if_match)):
        path = f"overtaken/{number}"
        etag = backend.write_bytes(path, b"0")
        team.run(increment, path, 1)
        what = "write_if with an etag that another has replaced"
        raised(PreconditionFailed, what, backend.write_if, path, b"late", etag)
        assert backend.read_bytes(path) == b"1", "the other's write was replaced"
