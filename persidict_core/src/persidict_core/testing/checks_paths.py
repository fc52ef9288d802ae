"""Checks of names: which are refused, before anything happens, and which must work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..backend import ABSENT, BaseBackend, ETags, Scope
from ..errors import BackendError, NotSupported
from ..paths import SAFE_CHARS
from .expecting import raised, taken

BAD_PATHS: Final = (
    "", ".", "..", "/", "/a", "a/", "a//b", "./a", "../a", "a/../b", "a/./b", "a/..",
    "a b", " a", "a\n", "a\0b", "\0", "a\\b", "é", "a:b", "a*", "a?b", "a#b", "a%2e", "C:\\a",
)  # fmt: skip
"""None of these is a path."""

NO_STRINGS: Final = (None, 1, b"a", ("a",))
"""Nor any of these."""

BAD_PREFIXES: Final = (
    "a", "a/b", "/", "/a/", "a//", "../", "a/../", "./", " /", "a b/", "é/", "\0/", "a\n/"
)  # fmt: skip
"""None of these is a prefix."""

ODD_PATHS: Final = (
    ".a", "a.", "...", "..a", "a..b", "~", "~root", "=", "-", "-rf", "(x)", "_", "a=b",
    "con", "tmp", "a.tmp", ".a.tmp", "a~", "a.lock", ".git/config", "0", "index.json",
    "x/.hidden/y", "a-b/c-d/e", "a_b/c", SAFE_CHARS, "/".join(SAFE_CHARS.replace(".", "")),
)  # fmt: skip
"""All of these are paths."""


def _verbs(backend: BaseBackend) -> dict[str, Callable[[Any], object]]:
    def read_file(path: str) -> None:
        with backend.read_file(path):
            pass

    def write_file(path: str) -> None:
        with backend.write_file(path) as file:
            file.write(b"x")

    verbs: dict[str, Callable[[Any], object]] = {
        "read_bytes": backend.read_bytes,
        "write_bytes": lambda path: backend.write_bytes(path, b"x"),
        "delete": backend.delete,
        "stat": backend.stat,
        "exists": backend.exists,
        "read_file": read_file,
        "write_file": write_file,
    }
    can = backend.capabilities
    if can.if_absent is not Scope.NONE:
        verbs["write_if ABSENT"] = lambda path: backend.write_if(path, b"x", ABSENT)
    if can.if_match is not Scope.NONE:
        verbs["write_if etag"] = lambda path: backend.write_if(path, b"x", "etag")
    if can.delete_if is not Scope.NONE:
        verbs["delete_if"] = lambda path: backend.delete_if(path, "etag")
    if can.etags is not ETags.NONE:
        verbs["read_versioned"] = backend.read_versioned
    return verbs


def check_bad_paths_are_refused(backend: BaseBackend) -> None:
    """What is no path raises ValueError from every verb, and nothing is made.

    To mend: call ``persidict_core.check_path`` first in every verb that takes a path.
    """
    for name, verb in _verbs(backend).items():
        for path in BAD_PATHS:
            raised(ValueError, f"{name}({path!r})", verb, path)
        for other in NO_STRINGS:
            raised((TypeError, ValueError), f"{name}({other!r})", verb, other)
    left = list(backend.list_prefix())
    assert not left, f"verbs that refused a bad path left {left}"


def check_bad_paths_among_many(backend: BaseBackend) -> None:
    """Among many, a bad path is a result of its own: a ValueError; the others are done.

    To mend: check each path where its item is done, not before all; give errors as results.
    """
    for path in BAD_PATHS:
        paths = ["good", path, "good2"]
        for name, results in (
            ("write_many", backend.write_many((path, b"x") for path in paths)),
            ("read_many", backend.read_many(paths)),
            ("delete_many", backend.delete_many(paths)),
        ):
            found = taken(name, results)
            assert [item for item, _ in found] == paths, f"{name} gave the paths {found}"
            assert isinstance(found[1][1], ValueError), f"{name}({path!r}) gave {found[1][1]!r}"
            others = [result for _, result in (found[0], found[2])]
            assert not any(isinstance(result, Exception) for result in others), (
                f"{name}: beside the bad path {path!r} the others gave {others}"
            )
    left = list(backend.list_prefix())
    assert not left, f"verbs that refused a bad path left {left}"


def check_bad_prefixes_are_refused(backend: BaseBackend) -> None:
    """What is no prefix raises ValueError from every listing.

    To mend: call ``persidict_core.check_prefix`` first in every verb that takes a prefix.
    """
    backend.write_bytes("a/b/c", b"x")
    listings: dict[str, Callable[[str], object]] = {
        "list_prefix": lambda prefix: list(backend.list_prefix(prefix)),
        "list_stats": lambda prefix: list(backend.list_stats(prefix)),
        "list_children": lambda prefix: list(backend.list_children(prefix)),
        "list_some": backend.list_some,
    }
    for name, listing in listings.items():
        for prefix in BAD_PREFIXES:
            raised(ValueError, f"{name}({prefix!r})", listing, prefix)


def check_odd_paths_work(backend: BaseBackend) -> None:
    """Every path of the alphabet is written, listed, read and deleted under its own name.

    To mend: hide no names but those that no path can have; quote what the store would interpret.
    """
    for path in ODD_PATHS:
        backend.write_bytes(path, path.encode())
    assert sorted(backend.list_prefix()) == sorted(ODD_PATHS), "odd names are not all listed"
    for path in ODD_PATHS:
        assert backend.read_bytes(path) == path.encode(), f"{path!r} holds another's bytes"
        assert backend.stat(path).path == path, f"stat({path!r}) tells another path"
        backend.delete(path)
    left = list(backend.list_prefix())
    assert not left, f"not deleted: {left}"


def check_long_paths(backend: BaseBackend) -> None:
    """A part of ``max_name_bytes``, and fifty folders deep, work; longer ones are refused.

    To mend: declare ``max_name_bytes`` and ``max_path_bytes`` as the store has them; turn its
    complaint about a longer name into ValueError or ``BackendError``, never ``ObjectNotFound``.
    """
    most_path = backend.max_path_bytes or 1024
    most_name = min(backend.max_name_bytes or 1024, most_path)
    long = "n" * most_name
    deep = "/".join("d" * 50 + "x")
    paths = [long, deep] + ([f"f/{long}"] if most_name + 2 <= most_path else [])
    for path in paths:
        backend.write_bytes(path, path.encode())
        assert backend.read_bytes(path) == path.encode(), f"a path of {len(path)} bytes fails"
    assert sorted(backend.list_prefix()) == sorted(paths), "long paths are not listed as they are"
    if backend.max_name_bytes is not None:
        longer = long + "n"
        what = f"with a name of {len(longer)} bytes, over max_name_bytes,"
        refused = (ValueError, BackendError)
        raised(refused, f"write_bytes {what}", backend.write_bytes, longer, b"x")
        raised(refused, f"read_bytes {what}", backend.read_bytes, longer)
    assert sorted(backend.list_prefix()) == sorted(paths), "a refused name left an object"


def check_refused_conditions_name_no_path(backend: BaseBackend) -> None:
    """A condition on a bad path makes nothing, claimed or not.

    To mend: check the path before the condition.
    """
    for path in BAD_PATHS:
        raised((ValueError, NotSupported), "write_if", backend.write_if, path, b"x", ABSENT)
        raised((ValueError, NotSupported), "write_if", backend.write_if, path, b"x", "etag")
        raised((ValueError, NotSupported), "delete_if", backend.delete_if, path, "etag")
        write = (path, b"x")
        for _, result in backend.write_many([write], ABSENT):
            assert isinstance(result, ValueError | NotSupported), f"write_many gave {result!r}"
    left = list(backend.list_prefix())
    assert not left, f"refused conditions left {left}"
