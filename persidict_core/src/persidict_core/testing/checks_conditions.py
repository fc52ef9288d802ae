"""Checks of conditions by one alone: what is claimed holds, what is not is refused."""

from __future__ import annotations

from typing import Any, Final

from ..backend import ABSENT, ANY, UNCHANGED, BaseBackend, Capabilities, ETags, ObjectStat, Scope
from ..errors import NotSupported, PreconditionFailed
from .expecting import raised, taken

_NO_CONDITION: Final[tuple[Any, ...]] = (None, ANY, UNCHANGED, b"etag", 7, False)


def contents(backend: BaseBackend) -> dict[str, bytes]:
    """All that a store holds."""
    return {path: backend.read_bytes(path) for path in backend.list_prefix()}


def refuses_absent(backend: BaseBackend) -> None:
    """Demand that ``ABSENT`` is refused where it is not claimed, with nothing changed."""
    backend.write_bytes("there", b"old")
    before = contents(backend)
    for path in ("there", "new"):
        what = f"write_if({path!r}, ABSENT), not claimed,"
        raised(NotSupported, what, backend.write_if, path, b"new", ABSENT)
    raised(NotSupported, "write_file(ABSENT), not claimed,", _write_file, backend, "new", ABSENT)
    assert contents(backend) == before, "a refused condition changed something"


def refuses_etag(backend: BaseBackend) -> None:
    """Demand that an etag is refused as a condition of writing where it is not claimed."""
    etag = backend.write_bytes("there", b"old")
    before = contents(backend)
    for path, expect in (("there", etag), ("there", "other"), ("new", etag)):
        what = f"write_if({path!r}, etag), not claimed,"
        raised(NotSupported, what, backend.write_if, path, b"new", expect)
    raised(NotSupported, "write_file(etag), not claimed,", _write_file, backend, "there", etag)
    assert contents(backend) == before, "a refused condition changed something"


def refuses_delete_if(backend: BaseBackend) -> None:
    """Demand that ``delete_if`` is refused where it is not claimed."""
    etag = backend.write_bytes("there", b"old")
    before = contents(backend)
    for path, expect in (("there", etag), ("there", "other"), ("new", etag)):
        what = f"delete_if({path!r}, etag), not claimed,"
        raised(NotSupported, what, backend.delete_if, path, expect)
    assert contents(backend) == before, "a refused condition changed something"


def _write_file(backend: BaseBackend, path: str, expect: Any) -> None:
    with backend.write_file(path, expect) as file:
        file.write(b"new")


def _is_current(error: PreconditionFailed, path: str, now: object) -> None:
    told = error.current
    assert error.path == path, f"PreconditionFailed.path is {error.path!r}, not {path!r}"
    assert told is None or told == now, (
        f"PreconditionFailed.current is {told!r}, but there is {now!r}"
    )


def check_claims_fit(backend: BaseBackend) -> None:
    """``capabilities`` is a ``Capabilities``, the same each time, and conditions have etags.

    To mend: where a condition on an etag is claimed, ``etags`` is not ``NONE``.
    """
    can = backend.capabilities
    assert isinstance(can, Capabilities), f"capabilities is a {type(can).__name__}"
    assert backend.capabilities == can, "capabilities differ from one look to the next"
    for name in ("if_absent", "if_match", "delete_if"):
        assert isinstance(getattr(can, name), Scope), f"capabilities.{name} is no Scope"
    assert isinstance(can.etags, ETags), "capabilities.etags is no ETags"
    if can.if_match is not Scope.NONE or can.delete_if is not Scope.NONE:
        assert can.etags is not ETags.NONE, "conditions on etags are claimed, but no etags"


def check_absent_condition(backend: BaseBackend) -> None:
    """``write_if(ABSENT)`` writes where nothing is, else changes nothing and tells what is there.

    To mend: the store's own "create only if new" (``O_EXCL``, ``If-None-Match: *``, INSERT).
    """
    if backend.capabilities.if_absent is Scope.NONE:
        refuses_absent(backend)
        return
    etag = backend.write_if("new/a", b"first", ABSENT)
    assert backend.read_bytes("new/a") == b"first", "write_if(ABSENT) did not write"
    stat = backend.stat("new/a")
    assert backend.capabilities.etags is ETags.NONE or stat.etag == etag, "write_if: other etag"
    what = "write_if(ABSENT) where something is"
    error = raised(PreconditionFailed, what, backend.write_if, "new/a", b"second", ABSENT)
    _is_current(error, "new/a", stat)
    assert contents(backend) == {"new/a": b"first"}, "a refused write_if(ABSENT) changed something"
    assert backend.stat("new/a") == stat, "a refused write_if(ABSENT) changed the stat"
    backend.delete("new/a")
    backend.write_if("new/a", b"", ABSENT)
    error = raised(PreconditionFailed, "on an empty object", backend.write_if, "new/a", b"", ABSENT)
    assert contents(backend) == {"new/a": b""}, "write_if(ABSENT) after delete, or on empty"


def check_etag_condition(backend: BaseBackend) -> None:
    """``write_if(etag)`` replaces that version only: not a later one, not an absent object.

    To mend: the store's own compare-and-swap (a lock, ``If-Match``, ``UPDATE ... WHERE``).
    """
    can = backend.capabilities
    if can.if_match is Scope.NONE:
        refuses_etag(backend)
        return
    first = backend.write_bytes("a", b"1")
    second = backend.write_if("a", b"2", first)
    assert backend.read_bytes("a") == b"2", "write_if(etag) did not write"
    stat = backend.stat("a")
    assert stat.etag == second, "write_if gave another etag than stat"
    for expect in (first, "other", "", "*", second + "0"):
        what = f"write_if({expect!r}) on {second!r}"
        error = raised(PreconditionFailed, what, backend.write_if, "a", b"3", expect)
        _is_current(error, "a", stat)
        assert isinstance(error.current, ObjectStat | None), f"current is {error.current!r}"
    assert backend.stat("a") == stat, "a refused write_if changed the stat"
    for path in ("absent", "no/such/a"):
        what = f"write_if({path!r}, etag), absent,"
        error = raised(PreconditionFailed, what, backend.write_if, path, b"3", second)
        _is_current(error, path, ABSENT)
    assert contents(backend) == {"a": b"2"}, "a refused write_if changed something"
    backend.delete("a")
    raised(PreconditionFailed, "write_if after delete", backend.write_if, "a", b"3", second)
    assert contents(backend) == {}, "write_if brought back what was deleted"
    if can.etags is ETags.PER_WRITE:
        backend.write_bytes("a", b"2")
        what = "write_if with the etag of an earlier write of the same bytes"
        raised(PreconditionFailed, what, backend.write_if, "a", b"3", second)


def check_delete_condition(backend: BaseBackend) -> None:
    """``delete_if`` deletes that version only; an absent object fails the condition, too.

    To mend: the store's own condition on deleting; ``PreconditionFailed``, not ``ObjectNotFound``.
    """
    if backend.capabilities.delete_if is Scope.NONE:
        refuses_delete_if(backend)
        return
    first = backend.write_bytes("a", b"1")
    backend.write_bytes("b", b"beside")
    second = backend.write_bytes("a", b"2")
    stat = backend.stat("a")
    for expect in (first, "other", "", "*"):
        what = f"delete_if({expect!r}) on {second!r}"
        error = raised(PreconditionFailed, what, backend.delete_if, "a", expect)
        _is_current(error, "a", stat)
    assert contents(backend) == {"a": b"2", "b": b"beside"}, "a refused delete_if changed something"
    backend.delete_if("a", second)
    assert contents(backend) == {"b": b"beside"}, "delete_if did not delete this object alone"
    for path in ("a", "no/such/a"):
        what = f"delete_if({path!r}), absent,"
        error = raised(PreconditionFailed, what, backend.delete_if, path, second)
        _is_current(error, path, ABSENT)


def check_conditions_are_of_a_kind(backend: BaseBackend) -> None:
    """What is neither an etag nor ``ABSENT`` is a TypeError before anything happens.

    To mend: call ``persidict_core.check_expect`` (for deleting ``check_etag``) before any I/O.
    """
    can = backend.capabilities
    backend.write_bytes("there", b"old")
    claimed = max(can.if_absent, can.if_match) is not Scope.NONE
    refused = TypeError if claimed else (TypeError, NotSupported)
    for expect in _NO_CONDITION:
        for path in ("there", "new"):
            raised(refused, f"write_if(expect={expect!r})", backend.write_if, path, b"x", expect)
            if expect is not ANY:
                what = f"write_file(expect={expect!r})"
                raised(refused, what, _write_file, backend, path, expect)
                what = f"write_many(expect={expect!r})"
                raised(refused, what, _write_one_of_many, backend, path, expect)
    refused = TypeError if can.delete_if is not Scope.NONE else (TypeError, NotSupported)
    for expect in (*_NO_CONDITION, ABSENT):
        raised(refused, f"delete_if(expect={expect!r})", backend.delete_if, "there", expect)
    assert contents(backend) == {"there": b"old"}, "a condition of no kind changed something"


def _write_one_of_many(backend: BaseBackend, path: str, expect: Any) -> None:
    for _, result in backend.write_many([(path, b"x")], expect):
        if isinstance(result, Exception):
            raise result


def check_file_on_a_condition(backend: BaseBackend) -> None:
    """``write_file(expect=...)`` commits only where the condition holds.

    To mend: the condition is decided when the file is left, in the same step that puts it in place.
    """
    can = backend.capabilities
    if can.if_absent is Scope.NONE:
        refuses_absent(backend)
    else:
        _write_file(backend, "a", ABSENT)
        assert backend.read_bytes("a") == b"new", "write_file(ABSENT) did not write"
        raised(PreconditionFailed, "write_file(ABSENT)", _write_file, backend, "a", ABSENT)

        def created_meanwhile() -> None:
            with backend.write_file("b", ABSENT) as file:
                file.write(b"late")
                backend.write_bytes("b", b"meanwhile")

        raised(PreconditionFailed, "write_file(ABSENT), overtaken,", created_meanwhile)
        assert backend.read_bytes("b") == b"meanwhile", "an overtaken write_file replaced another"
    if can.if_match is Scope.NONE:
        refuses_etag(backend)
        return
    etag = backend.write_bytes("m", b"old")
    _write_file(backend, "m", etag)
    raised(PreconditionFailed, "write_file(old etag)", _write_file, backend, "m", etag)
    assert backend.read_bytes("m") == b"new", "write_file(etag) did not replace its version once"

    def overtaken() -> None:
        with backend.write_file("m", backend.stat("m").etag) as file:
            file.write(b"late")
            backend.write_bytes("m", b"meanwhile")

    raised(PreconditionFailed, "write_file(etag), overtaken,", overtaken)
    assert backend.read_bytes("m") == b"meanwhile", "an overtaken write_file replaced the object"


def check_many_on_a_condition(backend: BaseBackend) -> None:
    """``write_many(expect=ABSENT)`` writes the new ones; each that is there is its own failure.

    To mend: per item what ``write_if(ABSENT)`` does, the error as the item's result.
    """
    backend.write_bytes("there", b"old")
    items = [("n/1", b"1"), ("there", b"x"), ("n/2", b"2")]
    found = taken("write_many(ABSENT)", backend.write_many(items, ABSENT))
    assert [path for path, _ in found] == [path for path, _ in items], f"order: {found}"
    if backend.capabilities.if_absent is Scope.NONE:
        for path, result in found:
            assert isinstance(result, NotSupported), f"write_many({path!r}, ABSENT): {result!r}"
        assert contents(backend) == {"there": b"old"}, "a refused write_many changed something"
        return
    assert isinstance(found[1][1], PreconditionFailed), f"'there' gave {found[1][1]!r}"
    for _, result in (found[0], found[2]):
        assert isinstance(result, str), f"a new object gave {result!r}"
    assert contents(backend) == {"there": b"old", "n/1": b"1", "n/2": b"2"}, "contents"
