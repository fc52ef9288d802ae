"""Something that happens at one of the calls of the system that a dictionary of files makes."""

from __future__ import annotations

import errno
import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import pytest

from persidict_file import groups

CALLS: Final = (
    *("open", "close", "write", "pread", "stat", "lstat", "fstat", "utime", "rename", "replace"),
    *("link", "unlink", "mkdir", "rmdir", "scandir"),
)
"""Besides there are ``fsync`` and ``syncfs``, of which none is really made, and ``flock``."""


class Calls:
    """Counts calls of the system, and lets something happen at one of them.

    Args:
        number: At which of the calls.
        act: What happens just before it; what it raises is raised by the call.
        stays: Whether it happens at all calls after it, too.

    Attributes:
        left: How many calls were still to come; 0 or less if it was reached.
        at: The name of the call.
        before: How many calls of each name returned before it.
        since: How many did at it or later.
    """

    def __init__(self, number: int, act: Callable[[], None], stays: bool = False) -> None:
        self.left = number
        self.at = ""
        self.before = Counter[str]()
        self.since = Counter[str]()
        self._act = act
        self._stays = stays
        self._is_acting = False

    @contextmanager
    def counted(self) -> Iterator[None]:
        """While this is open, calls are counted."""
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self._instead_of(name, getattr(os, name)))
            patch.setattr(os, "fsync", self._instead_of("fsync", lambda descriptor: None))
            patch.setattr(fcntl, "flock", self._instead_of("flock", fcntl.flock))
            syncfs = self._instead_of("syncfs", lambda descriptor: 0)
            patch.setattr(groups, "_syncfs", lambda: partial(_number_of_the_error, syncfs))
            yield

    def _instead_of(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def act_and_call(*arguments: Any, **named: Any) -> Any:
            if self._is_acting or _never_fails(name, arguments):
                return call(*arguments, **named)
            self.left -= 1
            if self.left == 0 or (self._stays and self.left < 0):
                self.at = self.at or name
                self._act_at(partial(call, *arguments) if name == "close" else lambda: None)
            result = call(*arguments, **named)
            (self.since if self.left <= 0 else self.before)[name] += 1
            return result

        return act_and_call

    def _act_at(self, also: Callable[[], None]) -> None:
        self._is_acting = True
        try:
            self._act()
        except BaseException:
            also()  # What fails to be closed is closed all the same.
            raise
        finally:
            self._is_acting = False


def fail() -> None:
    """What a device does that fails."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def _never_fails(name: str, arguments: tuple[Any, ...]) -> bool:
    """Unlocking fails on nothing that is open, and closing only where bytes were written."""
    if name == "flock":
        return bool(arguments[1] == fcntl.LOCK_UN)
    flags = fcntl.fcntl(arguments[0], fcntl.F_GETFL) if name == "close" else os.O_RDWR
    return flags & os.O_ACCMODE == os.O_RDONLY


def _number_of_the_error(syncfs: Callable[[int], int], descriptor: int) -> int:
    try:
        return syncfs(descriptor)
    except OSError as error:
        assert error.errno is not None
        return error.errno
