"""File systems mounted for a test, and unmounted when it ends."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# XFS wants 300 MB; the images have holes and take a few.
_IMAGES = {
    "ext3": (32, ["mkfs.ext3", "-q", "-I", "256"]),
    "ext4": (32, ["mkfs.ext4", "-q", "-I", "256"]),
    "ext4 of whole seconds": (32, ["mkfs.ext4", "-q", "-I", "128"]),
    "xfs": (320, ["mkfs.xfs", "-q"]),
}


@contextmanager
def mounted(kind: str, folder: Path, options: str = "") -> Iterator[Path]:
    """Mount a new file system.

    Args:
        kind: A key of the images above, ``tmpfs`` or ``overlay``.
        folder: An empty folder, for the image and the mount point.
        options: Options of a ``tmpfs``.
    """
    point = folder / "mounted"
    point.mkdir()
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", *(["-o", options] if options else []), "test", point]
    elif kind == "overlay":
        # An overlay cannot lie on every kind of file system, such as another overlay.
        with mounted("tmpfs", _new(folder / "below")) as below:
            parts = {name: _new(below / name) for name in ("lowerdir", "upperdir", "workdir")}
            said = ",".join(f"{name}={part}" for name, part in parts.items())
            _run(["mount", "-t", "overlay", "-o", said, "test", point])
            try:
                yield point
            finally:
                _run(["umount", point])
        return
    else:
        megabytes, make = _IMAGES[kind]
        image = folder / "image"
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        _run([*make, image])
        command = ["mount", "-o", "loop", image, point]
    _run(command)
    try:
        yield point
    finally:
        _run(["umount", point])


@contextmanager
def mounted_read_only(folder: Path) -> Iterator[None]:
    """Let a folder be read-only, by mounting it onto itself."""
    _run(["mount", "--bind", folder, folder])
    try:
        _run(["mount", "-o", "remount,ro,bind", folder])
        yield
    finally:
        _run(["umount", folder])


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _run(command: list[str | Path]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError as error:
        raise AssertionError(
            f"{command[0]} is missing: install e2fsprogs, xfsprogs and mount"
        ) from error
    assert done.returncode == 0, (
        f"{' '.join(map(str, command))} failed as user {os.getuid()}: {done.stderr.strip()}; these "
        "tests mount file systems, which wants root and loop devices"
    )
