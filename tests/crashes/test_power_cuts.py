"""What was acknowledged is there whole after a power cut at any instant; the rest is old or new.

The system calls of a process are recorded; a model of a disk that keeps only what POSIX guarantees
tells what may be there after each; each such state is laid into a folder and opened.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from persidict_core import SerializationError
from tests.crashes.power import MUTANTS, Cuts, Plan
from tests.file.mounts import mounted

pytestmark = pytest.mark.root  # To mount, and for strace.

STATES = int(os.environ.get("PERSIDICT_STATES", "300"))
EACH = 5000 if STATES > 1000 else 500  # At one moment.
SEED = int(os.environ.get("PERSIDICT_SEED", random.randrange(1 << 32)))

MANY = " ".join(f"{folder}{n}" for folder in ("", "b/", "b/c/") for n in range(4))
PLANS = {
    "one by one": Plan(SEED),
    "few at once": Plan(SEED, "a b b/a b/b b/c/d"),
    "many at once": Plan(SEED, MANY),
    "large": Plan(SEED, "a b/a", 6, 1_100_000),
    "folders made by others": Plan(SEED, others="made folders"),
    "opened by others": Plan(SEED, others="opened it"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with mounted("tmpfs", tmp_path) as point:
        yield point


@pytest.mark.parametrize("name", PLANS)
def test_what_is_acknowledged_outlives_a_power_cut(name: str, folder: Path) -> None:
    plan = PLANS[name]
    cuts = Cuts(plan, folder, STATES, EACH)
    print(f"{name}: {cuts.describe()}")
    met = {moment for moments in cuts.moments.values() for moment in moments}
    assert {moment.acknowledged for moment in met if moment.under_way} == set(range(plan.number))
    # Some are left out only where many values wait for one flush.
    assert cuts.sampled < cuts.cuts / (2 if name == "many at once" else 10)
    assert next(cuts.faults(), None) is None


# With these steps each kind of flush is needed.
MUTANT_SEED = 2


@pytest.mark.parametrize("mutant", [name for name in MUTANTS if name != "nothing"])
def test_a_flush_that_is_left_out_is_found(mutant: str, folder: Path) -> None:
    keys = MANY if mutant == "file systems" else "a b/a b/c/d"
    # So few are tried wherever time is short.
    cuts = Cuts(Plan(MUTANT_SEED, keys, mutant=mutant), folder, 300, 500)
    print(cuts.describe())
    assert next(cuts.faults(), None) is not None


def test_without_flushes_other_values_are_unharmed(folder: Path) -> None:
    """``fsync=False`` gives power cuts up: what was written may be lost, or torn, and says so."""
    cuts = Cuts(Plan(SEED, fsync=False), folder, STATES)
    torn = 0
    for d, moments in cuts.opened():
        last = max(moment.acknowledged + moment.under_way for moment in moments)
        for key in list(d):
            known = [model.get(tuple(key)) for model in cuts.models[: last + 1]]
            try:
                assert d[key] in known, f"{key} has a value of nobody's, {cuts.plan}"
            except SerializationError:
                torn += 1
            d[key] = b"again"
            assert d[key] == b"again"
    print(f"{torn} values torn; {cuts.describe()}")
    assert torn > 0, "fsync=False is safe by this model: promise it"


def test_without_flushes_nothing_is_torn_where_bytes_last_before_names(folder: Path) -> None:
    """On a disk that orders them a power cut takes back what was written, and tears nothing."""
    cuts = Cuts(Plan(SEED, fsync=False), folder, STATES, ordered=True)
    print(cuts.describe())
    for d, _ in cuts.opened():
        for key, value in d.items():
            assert value in [model.get(tuple(key)) for model in cuts.models], cuts.plan
