"""How a command fails: one line for people, an exit code for programs, no traceback."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from ..errors import BulkError, URLError
from ..printable import printable
from . import WANTED

_MOST_FAILURES: Final = 10
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*://)\S*")
_INTERRUPTED: Final = 130


class Failed(click.ClickException):
    """The answer is no, or a command cannot do what was asked."""

    exit_code = 1


class Misused(click.ClickException):
    """A command cannot be meant so."""

    exit_code = 2


def told(error: BaseException) -> str:
    """The line, or the few lines, that tell of an error; empty for what ends quietly.

    Args:
        error: What a command raised.
    """
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return ""
    if isinstance(error, click.UsageError):
        text = error.format_message().rstrip(".")
        # What was typed in a wrong place may hold a secret; a URL's own errors echo none.
        if not isinstance(error.__cause__, URLError):
            text = _URL.sub(r"\1...", text)
        return _line(text + _advice(error))
    if isinstance(error, click.ClickException):
        return _line(error.format_message())
    if isinstance(error, BulkError):
        return "\n".join(_each_failure(error))
    if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("rich"):
        return _line(WANTED)
    text = f"there is no item {error}" if type(error) is KeyError else str(error)
    if not isinstance(error, ValueError | TypeError | OSError | KeyError) and not (
        type(error).__module__.startswith("persidict")
    ):
        text = f"{type(error).__name__}: {text} (persidict --debug ... shows where)"
    return _line(text or type(error).__name__)


def _line(text: str) -> str:
    return "persidict: " + printable(" ".join(text.splitlines()))


def _advice(error: click.UsageError) -> str:
    text = ""
    if isinstance(error, click.NoSuchOption):
        text = "; what begins with '-' and is no option stands after --"
    return f"{text} (see {error.ctx.command_path} --help)" if error.ctx else text


def _each_failure(error: BulkError) -> Iterator[str]:
    count = len(error.failures)
    yield _line(f"{count} {'item' if count == 1 else 'items'} failed, all others were done:")
    for key, failure in list(error.failures.items())[:_MOST_FAILURES]:
        name = key if isinstance(key, str) else "/".join(map(str, key))
        yield printable(f"    {name}: {' '.join(str(failure).splitlines())}")
    if count > _MOST_FAILURES:
        yield f"    and {count - _MOST_FAILURES} more"


def code_of(error: BaseException) -> int:
    """The exit code of an error.

    Args:
        error: What a command raised.
    """
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, click.Abort):
        # Where it asks, click raises its own in the place of what the keyboard sent.
        cause = error.__cause__ or error.__context__
        return _INTERRUPTED if isinstance(cause, KeyboardInterrupt) else 1
    if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("rich"):
        return 2
    return error.exit_code if isinstance(error, click.ClickException) else 1


def settle_output() -> None:
    """Give out what is waiting, or drop it where nobody can take it.

    Otherwise the interpreter would try once more at its end, and complain.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Show a warning as a line of this program, without the place in the source."""
    import warnings

    def show(message: Warning | str, *_: object) -> None:
        click.echo(_line(f"warning: {message}"), err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        yield
