"""Parameters together: each value of one beside each of another, in some dictionary of files."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from persidict_core.testing.checks_items import reopened
from persidict_file import FileDirDict
from tests.models.cases import case, with_items_otherwise
from tests.models.kind import Case, D, pickled

Mix = dict[str, Any]

PARAMETERS: Final[dict[str, tuple[Any, ...]]] = {
    "file_type": ("pkl", "json", "txt", "npy", "parquet"),
    "digest_len": (0, 4, 8),
    "prefix": ((), ("some", "where")),
    "cache": (None, 300, 100_000),
    "immutable_items": (False, True),
    "allow_pickle": (True, False),
    "max_value_bytes": (None, 10_000),
    "fsync": (False, True),
    "second": ("alike", "uncached", "items otherwise"),
}
"""Besides those of the constructor: how large a cache is, and how the second handle differs."""


def may_be(mix: Mix) -> bool:
    """Whether such a dictionary can be made, and promises what a ``dict`` does."""
    if mix["file_type"] == "pkl" and not mix["allow_pickle"]:
        return False
    # Who caches items that never change does not see how others change them.
    return (mix["second"] == "alike") or (mix["second"] == "uncached") is bool(mix["cache"])


def pairs(mix: Mix) -> set[Any]:
    return set(itertools.combinations(mix.items(), 2))


def covering() -> Iterator[Mix]:
    """Few mixes, always the same, in which all pairs of values stand that can."""
    chance = random.Random(1)
    every = (
        dict(zip(PARAMETERS, values, strict=True))
        for values in itertools.product(*PARAMETERS.values())
    )
    possible = [mix for mix in every if may_be(mix)]
    chance.shuffle(possible)
    left = set[Any]().union(*map(pairs, possible))
    while left:
        best = max(chance.sample(possible, 300), key=lambda mix: len(pairs(mix) & left))
        if pairs(best) & left:
            left -= pairs(best)
            yield best


TWINS: Final = {
    "alike": pickled,
    "uncached": lambda first: reopened(first, cache=None, cache_max_bytes=None),
    "items otherwise": with_items_otherwise,
}


def in_files(mix: Mix) -> Case:
    params = {**mix}
    second, room = params.pop("second"), params.pop("cache")
    if mix["file_type"] == "txt":
        params["base_class_for_values"] = str

    def make(folder: Path) -> D:
        cache = {"cache": folder / "cache", "cache_max_bytes": room} if room else {}
        return FileDirDict(folder / "store", **params, **cache)

    refused = {} if mix["allow_pickle"] or mix["file_type"] != "json" else {"bad": (5j, {1})}
    return case(make, mix["file_type"], **refused, twin=TWINS[second])


def named(mix: Mix) -> str:
    """What differs from the first value of each."""
    changed = [(name, value) for name, value in mix.items() if value != PARAMETERS[name][0]]
    said = [f"{name.partition('_')[0]}={value}" for name, value in changed]  # pytest's are short.
    return ", ".join(said).replace("('some', 'where')", "some/where") or "nothing more"


MIXES: Final[dict[str, Case]] = {named(mix): in_files(mix) for mix in covering()}
