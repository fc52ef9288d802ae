"""Processes of the command line, with pipes or on a terminal of their own."""

from __future__ import annotations

import codecs
import contextlib
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PROGRAM = (sys.executable, "-m", "persidict_core.cli")
TIMEOUT = 60


def piped(
    *args: str, program: Iterable[str] = PROGRAM, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command with pipes, to its end."""
    return subprocess.run(
        [*program, *args],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        **{"stdin": subprocess.DEVNULL, **options},
    )


class Terminal:
    """A command on a terminal.

    Args:
        *args: The command's arguments.
        columns: How wide the terminal is.
        program: What is run.
        stdout: Where its output goes, if not to the terminal.
        cwd: In which folder it runs; None: in this process's.
    """

    def __init__(
        self,
        *args: str,
        columns: int = 80,
        program: Iterable[str] = PROGRAM,
        stdout: Any = None,
        cwd: Path | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, columns))
        # A session of its own makes the terminal its own, so that ^C reaches it.
        self._process = subprocess.Popen(
            [*program, *args],
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_take_terminal,
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns)},
        )
        os.close(slave)
        self.seen = ""
        # A letter may come in two parts.
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def expect(self, text: str) -> None:
        """Wait until a text was written."""
        self._read(text)
        assert text in self.seen, self.seen

    def type(self, text: str) -> None:
        """Type on the keyboard."""
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C until it is noticed: readline misses one in the moment before it waits."""
        deadline = time.monotonic() + TIMEOUT
        while self._process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            self.type("\x03")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)

    def end(self) -> int:
        """Wait for the end, and give the exit code; all that was written is in `seen`."""
        try:
            self._read(None)
            return self._process.wait(TIMEOUT)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._master)

    def _read(self, until: str | None) -> None:
        deadline = time.monotonic() + TIMEOUT
        while until is None or until not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:  # So a terminal says that nobody is at its other end.
                return
            if not data:
                return
            self.seen += self._decoder.decode(data).replace("\r\n", "\n")


def _take_terminal() -> None:
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def shown(*args: str, columns: int = 80) -> tuple[int, str]:
    """Run a command on a terminal; its exit code, and what is seen."""
    terminal = Terminal(*args, columns=columns)
    return terminal.end(), terminal.seen
