"""An interrupt in the middle of any call: the old value or the new one, and work goes on."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from persidict_file import FileDirDict
from tests.crashes.interrupted import STORES

INTERRUPTS = int(os.environ.get("PERSIDICT_INTERRUPTS", "300"))
SEED = int(os.environ.get("PERSIDICT_SEED", random.randrange(1 << 32)))


def told_by(function: str, *arguments: str, seconds: float, **environment: str) -> str:
    """What a process of its own says is wrong; it must end in time."""
    code = f"from tests.crashes import interrupted; interrupted.{function}()"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code, *arguments],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    print(done.stderr)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_interrupts_at_random_instants(tmp_path: Path) -> None:
    print(f"{INTERRUPTS} interrupts, PERSIDICT_SEED={SEED}")
    root = str(tmp_path / "store")
    assert told_by("main", root, str(SEED), str(INTERRUPTS), seconds=60 + INTERRUPTS / 5) == ""
    # Others can go on, too, and what an interrupt left is swept.
    d = FileDirDict(root, fsync=False)
    for key in (("a",), ("f", "a"), ("f", "g", "a")):
        d[key] = 1
        assert d.transform(key, lambda value: value + 1) == 2
    list(d.backend.sweep(remove=True, older_than=0))
    assert list(Path(root).rglob("+*")) == []


def test_interrupts_at_random_instants_while_threads_write(tmp_path: Path) -> None:
    print(f"PERSIDICT_SEED={SEED}")
    wanted = INTERRUPTS // 3
    seconds = 60 + wanted / 5
    assert told_by("main_by_threads", str(tmp_path), str(SEED), str(wanted), seconds=seconds) == ""


def told_of_points(store: str, root: Path, mutant: str = "nothing", **environment: str) -> str:
    print(f"PERSIDICT_SEED={SEED}")
    # A request takes long; and a mutant ends with the first thing that is wrong.
    share = (50 if mutant == "nothing" else 1) if store == "S3" else 5
    most = INTERRUPTS // share
    arguments = (store, str(root), mutant, str(SEED), str(most))
    return told_by("main_everywhere", *arguments, seconds=120 + INTERRUPTS / 5, **environment)


@pytest.mark.parametrize("store", STORES)
def test_an_interrupt_at_each_point(
    store: str, tmp_path: Path, server_of_s3: dict[str, str]
) -> None:
    assert told_of_points(store, tmp_path, **server_of_s3) == ""


@pytest.mark.parametrize(
    ("mutant", "store", "found"),
    [
        ("locks of files are kept until they are closed", "files", "a lock was left on"),
        ("files are written in place", "files", "torn: "),
        ("threads are left alone", "five verbs by threads", "a thread goes on"),
        ("objects go before others come", "S3", "nothing is there"),
    ],
)
def test_what_an_interrupt_may_break_is_found(
    mutant: str, store: str, found: str, tmp_path: Path, server_of_s3: dict[str, str]
) -> None:
    assert found in told_of_points(store, tmp_path, mutant, **server_of_s3)
