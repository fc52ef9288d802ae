"""Checks of listings: complete, streamed, a prefix is a folder, no debris is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from ..backend import ABSENT, BaseBackend
from ..errors import NotSupported, ObjectNotFound, PreconditionFailed

PATHS: Final = (
    "a", "ab/x", "a.pkl", "b/x", "b/y", "b/c/x", "b/c/d/x", "bc/x", "b.c/x", "b-c/x", "b0", "z/z/z"
)  # fmt: skip


def _fill(backend: BaseBackend) -> None:
    for path in PATHS:
        backend.write_bytes(path, path.encode())


def check_everything_is_listed(backend: BaseBackend) -> None:
    """An empty store lists nothing; then each object stands in the listing once.

    To mend: ``list_prefix("")`` gives every path, at every depth, and no folders.
    """
    assert list(backend.list_prefix()) == [], "an empty store lists something"
    _fill(backend)
    assert sorted(backend.list_prefix()) == sorted(PATHS), "list_prefix() is not all objects"
    assert sorted(backend.list_prefix("")) == sorted(PATHS), 'list_prefix("") is not all objects'


def check_prefix_is_a_folder(backend: BaseBackend) -> None:
    """A prefix lists what stands below it, by full path: ``b/`` lists neither ``bc/x`` nor ``b0``.

    To mend: compare with the prefix including its slash, literally (no pattern, no case folding).
    """
    _fill(backend)
    for prefix in ("b/", "b/c/", "b/c/d/", "ab/", "a/", "b.c/", "z/", "z/z/", "none/", "B/", "c/"):
        wanted = sorted(path for path in PATHS if path.startswith(prefix))
        found = sorted(backend.list_prefix(prefix))
        assert found == wanted, f"list_prefix({prefix!r}) gave {found}, not {wanted}"


def check_listing_is_an_iterator(backend: BaseBackend) -> None:
    """Listings are iterators, and may be left early and begun again.

    To mend: yield as the store tells; give back what a listing holds when it is left.
    """
    _fill(backend)
    for name in ("list_prefix", "list_stats", "list_children"):
        listing = getattr(backend, name)()
        assert isinstance(listing, Iterator), f"{name} gave a {type(listing).__name__}"
        assert iter(listing) is listing, f"{name} gave no iterator"
        next(listing)
        del listing
    half_read = backend.list_prefix("b/")
    next(half_read)
    backend.write_bytes("b/new", b"x")
    backend.delete("b/y")
    assert sorted(backend.list_prefix()) == sorted({*PATHS, "b/new"} - {"b/y"}), (
        "a listing left half-read disturbs writes or the next listing"
    )


def check_children(backend: BaseBackend) -> None:
    """``list_children`` gives the next parts, each once; folders end in a slash.

    To mend: group by the part after the prefix; show no folder that holds no object.
    """
    _fill(backend)
    for prefix in ("", "b/", "b/c/", "z/", "none/"):
        below = [path[len(prefix) :] for path in PATHS if path.startswith(prefix)]
        wanted = sorted({part + slash for part, slash, _ in (p.partition("/") for p in below)})
        found = sorted(backend.list_children(prefix))
        assert found == wanted, f"list_children({prefix!r}) gave {found}, not {wanted}"


def check_some_are_listed(backend: BaseBackend) -> None:
    """``list_some`` gives as many paths under the prefix as are wanted, or all that there are.

    To mend: go on where a page of the listing had too few.
    """
    _fill(backend)
    for prefix in ("", "b/", "z/", "none/"):
        all_of_them = {path for path in PATHS if path.startswith(prefix)}
        for count in (1, 2, len(PATHS), 2000):
            found = backend.list_some(prefix, count)
            assert type(found) is list, f"list_some gave a {type(found).__name__}"
            assert len(set(found)) == len(found) == min(count, len(all_of_them)), (
                f"list_some({prefix!r}, {count}) gave {found}"
            )
            assert all_of_them.issuperset(found), f"list_some({prefix!r}) gave {found}"


def check_stats_are_listed(backend: BaseBackend) -> None:
    """``list_stats`` gives for each object what ``stat`` gives.

    To mend: the same size, time and etag by both ways, exactly.
    """
    _fill(backend)
    for prefix in ("", "b/", "none/"):
        found = {stat.path: stat for stat in backend.list_stats(prefix)}
        wanted = {path: backend.stat(path) for path in PATHS if path.startswith(prefix)}
        assert found == wanted, f"list_stats({prefix!r}) differs from stat: {found} and {wanted}"


def check_emptied_folders_are_gone(backend: BaseBackend) -> None:
    """When the last object below a folder is deleted, no listing shows the folder.

    To mend: list objects, not folders.
    """
    _fill(backend)
    for path in PATHS:
        if path.startswith("b/"):
            backend.delete(path)
    assert list(backend.list_prefix("b/")) == [], "list_prefix shows what was deleted"
    assert "b/" not in set(backend.list_children()), "list_children shows an emptied folder"
    assert not backend.exists("b"), "an emptied folder exists as an object"
    assert list(backend.list_children("b/")) == [], "list_children of an emptied folder"


def check_many_objects(backend: BaseBackend, many: int = 1500) -> None:
    """More objects than one page of any store are all listed, each once, and all deleted.

    To mend: follow the store's pages to the end.
    """
    paths = {f"many/{number % 7}/{number}.x" for number in range(many)}
    for path, result in backend.write_many((path, b"x") for path in paths):
        assert isinstance(result, str), f"write_many({path!r}) gave {result!r}"
    for prefix in ("", "many/"):
        found = list(backend.list_prefix(prefix))
        assert len(found) == len(set(found)), f"list_prefix({prefix!r}) lists some twice"
        assert set(found) == paths, f"list_prefix lists {len(found)} of {many} objects"
    assert {stat.path for stat in backend.list_stats("many/")} == paths, "list_stats is not all"
    assert sorted(backend.list_children("many/")) == [f"{n}/" for n in range(7)], "list_children"
    for path, error in backend.delete_many(sorted(paths)):
        assert error is None, f"delete_many({path!r}) gave {error!r}"
    assert list(backend.list_prefix()) == [], "after delete_many objects are left"


def check_no_debris_is_listed(backend: BaseBackend) -> None:
    """Whatever was written, refused, dropped or deleted, only objects are listed.

    To mend: remove temporaries in a ``finally``; give them names that no path can have.
    """
    _fill(backend)
    etag = backend.write_bytes("a", b"new")
    attempts = (
        lambda: backend.write_if("a", b"x", ABSENT),
        lambda: backend.write_if("no/such", b"x", "etag"),
        lambda: backend.write_if("a", b"x", etag + "x"),
        lambda: backend.delete_if("a", etag + "x"),
        lambda: backend.delete("none"),
        lambda: backend.write_bytes("../a", b"x"),
        lambda: backend.read_bytes("no/such/folder/x"),
    )
    for attempt in attempts:
        with contextlib.suppress(PreconditionFailed, NotSupported, ObjectNotFound, ValueError):
            attempt()
    with contextlib.suppress(ZeroDivisionError), backend.write_file("dropped/x") as file:
        file.write(b"x" * 2_000_000)
        raise ZeroDivisionError
    found = sorted(backend.list_prefix())
    assert found == sorted(PATHS), f"listed are {found}, but the objects are {sorted(PATHS)}"
    assert {path.partition("/")[0] for path in PATHS} == {
        child.rstrip("/") for child in backend.list_children()
    }, f"list_children shows {sorted(backend.list_children())}"
