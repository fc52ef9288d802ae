"""What a process does to files, recorded by strace and played on a disk of the model."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.crashes.disk import Disk, File, Node

# What has a question mark does not exist on every kind of machine.
_KNOWN: Final = (
    "?open,openat,close,?dup2,dup,dup3,fcntl,lseek,write,pwrite64,fsync,fdatasync,syncfs,sync,"
    "?rename,renameat,?renameat2,?link,linkat,?unlink,unlinkat,?mkdir,mkdirat,?rmdir"
)
_UNKNOWN: Final = (
    "?creat,?openat2,writev,pwritev,?pwritev2,truncate,ftruncate,fallocate,sendfile,splice,"
    "?copy_file_range,?symlink,symlinkat,?mknod,mknodat,?sync_file_range,io_submit,?io_uring_enter"
)
"""What changes files, too, but is not in the model."""

_CALL: Final = re.compile(r"(\w+)\((.*?)\) += (-?\w+)(?: .*)?")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OUTPUT: Final = "1"


def record(code: str, arguments: list[str], folder: Path) -> list[str]:
    """Run Python code under strace.

    Args:
        code: The code, which finds ``arguments`` in ``sys.argv[1:]``.
        arguments: Its arguments.
        folder: Where the recording may be written.

    Returns:
        The lines of the recording.
    """
    strace = shutil.which("strace")
    assert strace, "strace is missing: apt-get install strace"
    out = folder / "recording"
    command = [strace, "-f", "-qq", "-xx", "-s", str(64 << 20), "-o", str(out)]
    command += ["-e", f"trace={_KNOWN},{_UNKNOWN}", "-e", "signal=none"]
    done = subprocess.run(
        [*command, sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return out.read_text().splitlines()


@dataclass
class _Opened:
    path: str
    node: Node
    position: int = 0


class Player:
    """Plays the recording of one process on a disk.

    Times are not played: no promise rests on them after a power cut. Nor is what would be written
    through memory maps: strace does not see it.

    Args:
        lines: The recording.
        base: The absolute path of the folder that is the disk's root.
        disk: The disk.
    """

    def __init__(self, lines: list[str], base: str, disk: Disk) -> None:
        self._lines = lines
        self._base = base
        self._disk = disk
        self._open: dict[str, _Opened] = {}

    def play(self) -> Iterator[str | None]:
        """Play call after call, and stop after each that changed the disk or said something.

        Returns:
            What was said on standard output, or None.
        """
        for line in _joined(self._lines):
            found = _CALL.fullmatch(line)
            if found is None:
                assert line.startswith(("+++", "exit", "---")) or line.endswith("= ?"), line
                continue
            name, text, result = found.groups()
            if result.startswith("-"):
                continue
            arguments = [_decoded(each) for each in text.split(", ")]
            if name == "write" and arguments[0] == _OUTPUT:
                assert isinstance(arguments[1], bytes), line
                yield arguments[1].decode()
            elif self._do(name, arguments, result):
                yield None

    def _do(self, name: str, arguments: list[str | bytes], result: str) -> bool:
        """Do one call; whether the disk may have changed."""
        if name in ("write", "pwrite64"):
            return self._write(name, arguments, int(result))
        described = self._open.get(str(arguments[0]))
        places = self._places(arguments)
        if places:
            return self._on_names(name, places, arguments, result)
        if name in ("fsync", "fdatasync", "syncfs", "sync"):
            if name == "sync" or (name == "syncfs" and described):
                self._disk.flush_all()
            elif described:
                described.node.flush()
            return described is not None or name == "sync"
        if name == "close":
            self._open.pop(str(arguments[0]), None)
        elif name.startswith("dup") or (name == "fcntl" and "F_DUPFD" in str(arguments[1])):
            self._open.pop(result, None)
            if described:
                self._open[result] = described
        elif name == "lseek" and described:
            described.position = int(result)
        elif name in _UNKNOWN.replace("?", "").split(","):
            assert not name.startswith("io_"), f"{name} is not in the model"
            assert not any(each in self._open for each in arguments[:3]), (
                f"{name}: not in the model"
            )
        return False

    def _write(self, name: str, arguments: list[str | bytes], written: int) -> bool:
        described = self._open.get(str(arguments[0]))
        if described is None:
            return False
        assert isinstance(described.node, File) and isinstance(arguments[1], bytes)
        at = described.position if name == "write" else int(arguments[3])
        described.node.write(at, arguments[1][:written])
        if name == "write":
            described.position += written
        return True

    def _on_names(
        self, name: str, places: list[str], arguments: list[str | bytes], result: str
    ) -> bool:
        disk = self._disk
        if name in ("open", "openat"):
            flags = str(arguments[2 if name == "openat" else 1])
            assert not {"O_TRUNC", "O_APPEND", "O_TMPFILE"} & set(flags.split("|")), flags
            try:
                node, made = disk.find(places[0]), False
            except KeyError:
                node, made = disk.create(places[0]), True
                assert "O_CREAT" in flags, f"{places[0]!r} was opened, but is not on the disk"
            self._open[result] = _Opened(places[0], node)
            return made
        if name.startswith("rename"):
            disk.rename(*places)
        elif name.startswith("link"):
            disk.link(*places)
        elif name.startswith("unlink") or name == "rmdir":
            disk.remove(*places)
        elif name.startswith("mkdir"):
            disk.make_folder(*places)
        else:
            raise AssertionError(f"{name} is not in the model")
        return True

    def _places(self, arguments: list[str | bytes]) -> list[str]:
        """Which paths on the disk are among a call's arguments."""
        places, strings = [], 0
        for before, argument in zip(("", *arguments), arguments, strict=False):
            if isinstance(argument, bytes):
                strings += 1
                path = argument.decode()
                if not path.startswith("/"):
                    folder = self._open.get(str(before))
                    if folder is None:
                        continue
                    path = f"{self._base}/{folder.path}/{path}"
                path = os.path.normpath(path)
                if (path + "/").startswith(self._base + "/"):
                    places.append(path[len(self._base) + 1 :])
        assert len(places) in (0, strings), f"{arguments}: partly on the disk"
        return places


def _decoded(argument: str) -> str | bytes:
    """A string's bytes; the rest as strace writes it."""
    found = _STRING.fullmatch(argument)
    return bytes.fromhex(found[1].replace("\\x", "")) if found else argument


def _joined(lines: list[str]) -> Iterator[str]:
    """The calls without the numbers of their threads, when they returned."""
    begun: dict[str, str] = {}
    for line in lines:
        thread, text = line.split(maxsplit=1)
        if text.endswith(" <unfinished ...>"):
            begun[thread] = text.removesuffix(" <unfinished ...>")
            continue
        if text.startswith("<... "):
            text = begun.pop(thread) + text.partition(" resumed>")[2]
        yield text
