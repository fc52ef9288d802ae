"""The kinds of dictionaries: classes, backends, layers, file types and parameters."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from hypothesis import strategies as st

from persidict_core import (
    MemoryBackend,
    OverlappingMultiDict,
    PersiDict,
    WriteOnceDict,
)
from persidict_core.testing.checks_items import reopened
from persidict_file import FileBackend, FileDirDict
from persidict_s3 import S3Dict
from tests.core.test_layers_kit import LAYERS
from tests.models.kind import Case, D

FEW: Final = st.sampled_from([None, False, True, 0, 1, ""])
"""Values that are equal, or false, without being the same."""
PLAIN: Final = FEW | st.integers() | st.text(max_size=5)
JSON: Final = (
    PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text("abc"), PLAIN, max_size=2)
)
PICKLED: Final = JSON | st.binary(max_size=5) | st.tuples(PLAIN, PLAIN) | st.floats(0, 1)
TEXTS: Final = st.text(max_size=9)
NUMBERS: Final = st.lists(st.integers(-9, 9), min_size=1, max_size=3)


class Stranger:
    """No format but pickle takes it, and that not while ``allow_pickle`` is False."""

    def __reduce__(self) -> str:
        raise TypeError("this has no pickle")


def array(numbers: list[int]) -> Any:
    import numpy

    return numpy.array(numbers, dtype="int32")


def frame(numbers: list[int]) -> Any:
    import pandas

    return pandas.DataFrame({"x": numbers})


FORMATS: Final[dict[str, dict[str, Any]]] = {
    "pkl": {"values": PICKLED, "bad": (Stranger(), lambda: 0)},
    "json": {"values": JSON, "bad": (Stranger(), {1: 2}, {"py/object": "a"})},
    "txt": {"values": TEXTS, "bad": (5, b"bytes", "\ud800")},
    "npy": {
        "values": NUMBERS,
        "bad": ([1], 5),
        "real": array,
        "plain": lambda values: values.tolist(),
    },
    "parquet": {
        "values": NUMBERS,
        "bad": ([1], {"x": [1]}),
        "real": frame,
        "plain": lambda values: values["x"].tolist(),
    },
}
"""What may stand in a dictionary of each file type, and what may not."""


def case(make: Callable[[Path], D], file_type: str = "pkl", **said: Any) -> Case:
    return Case(make, **{**FORMATS.get(file_type, FORMATS["txt"]), **said})


def in_files(file_type: str = "json", said: dict[str, Any] | None = None, **params: Any) -> Case:
    def make(folder: Path) -> D:
        return FileDirDict(folder, file_type=file_type, **{"fsync": False, **params})

    return case(make, file_type, **(said or {}))


def in_memory(file_type: str = "pkl", said: dict[str, Any] | None = None, **params: Any) -> Case:
    return case(
        lambda folder: PersiDict(MemoryBackend(), file_type=file_type, **params),
        file_type,
        **(said or {}),
    )


def layered(name: str, file_type: str = "json", files: bool = False, **params: Any) -> Case:
    def make(folder: Path) -> D:
        def store(part: str) -> Any:
            return FileBackend(folder / part, fsync=False) if files else MemoryBackend()

        return PersiDict(LAYERS[name](store), file_type=file_type, **params)

    return case(make, file_type)


def part_of_several(folder: Path) -> D:
    """One of two dictionaries in a folder; what is in the other shall not be seen."""
    both = OverlappingMultiDict(FileDirDict, {"base_dir": folder, "fsync": False}, json={}, pkl={})
    both.pkl.update({"a": 0, ("b", "A"): 1, ("other", "a"): 2})
    return both.json


def with_cache(folder: Path) -> D:
    return FileDirDict(folder / "store", fsync=False, cache=folder / "cache", cache_max_bytes=300)


def in_sqlite(file_type: str = "pkl", said: dict[str, Any] | None = None, **params: Any) -> Case:
    def make(folder: Path) -> D:
        from persidict_sqlite import SqliteDict

        return SqliteDict(folder / "store.db", file_type=file_type, fsync=False, **params)

    return case(make, file_type, **(said or {}))


def with_items_otherwise(d: D) -> D:
    return reopened(d, immutable_items=not d.immutable_items)


def in_s3(
    endpoint: str, cached: bool = False, said: dict[str, Any] | None = None, **params: Any
) -> Case:
    numbers = itertools.count()
    bucket = f"models-{uuid4().hex}"

    def make(folder: Path) -> D:
        return S3Dict(
            bucket,
            root_prefix=f"{next(numbers)}",
            endpoint_url=endpoint,
            base_dir=folder if cached else None,
            **params,
        )

    return case(make, params.get("file_type", "pkl"), **(said or {}))


TEXT = {"base_class_for_values": str}
CASES: Final[dict[str, Case]] = {
    "memory": in_memory(),
    "files": in_files(),
    "files, flushed": in_files("pkl", fsync=True),
    **{f"files, digests of {length}": in_files(digest_len=length) for length in (0, 4, 8)},
    "sqlite": in_sqlite(),
    "sqlite, mixed": in_sqlite("txt", {"twin": with_items_otherwise}, prefix="some", **TEXT),
    **{f"files, {kind}": in_files(kind) for kind in ("pkl", "npy", "parquet")},
    **{f"memory, {kind}": in_memory(kind) for kind in ("json", "npy", "parquet")},
    "files, txt": in_files("txt", **TEXT),
    "memory, html": in_memory("html", **TEXT),
    "a class of values": in_files(
        "json",
        {"values": st.integers(), "bad": ("5", None, 5.0)},
        base_class_for_values=int,
    ),
    "a prefix": in_files(prefix=("some", "where")),
    "a limit": in_files("pkl", max_value_bytes=10_000),
    "no pickle": in_files("json", {"bad": (Stranger(), {1}, 5j)}, allow_pickle=False),
    "a cache": case(with_cache),
    "immutable": in_files(immutable_items=True),
    "immutable, in memory": in_memory(immutable_items=True),
    "write once": case(lambda folder: WriteOnceDict(FileDirDict(folder, fsync=False))),
    "write once, in memory": case(lambda folder: WriteOnceDict(PersiDict("memory://"), 0)),
    "one of several": case(part_of_several, "json", beside=frozenset({"b", "other"})),
    **{f"layer: {name}": layered(name) for name in LAYERS},
    "layers over files": layered("a stack of all", "pkl", files=True),
    "layers, mixed": layered("a stack of all", "npy", prefix="some", digest_len=4),
}


def s3_cases(endpoint: str) -> Iterator[tuple[str, Case]]:
    """What is in S3; the server keeps conditions as long as one asks it at a time."""
    promised = {"conditional_writes": True, "conditional_deletes": True}
    refused = {"conditional_writes": False, "conditional_deletes": False}
    yield "s3", in_s3(endpoint, **promised)
    yield "s3, no conditions", in_s3(endpoint, **refused, file_type="json")
    yield "s3, cached", in_s3(endpoint, cached=True, **promised)
    mixed = {"prefix": "some", "digest_len": 4, "file_type": "npy", "max_value_bytes": 10_000}
    uncached = {"twin": lambda first: reopened(first, base_dir=None)}
    yield "s3, mixed", in_s3(endpoint, cached=True, said=uncached, **promised, **mixed)
