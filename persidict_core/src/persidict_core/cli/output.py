"""What commands write: lines for people on a terminal, plain text for pipes, JSON for programs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from ..printable import printable

if TYPE_CHECKING:
    from ..backend import ObjectStat

_MOST_LINES: Final = 500
_MOST_LETTERS: Final = 50_000


def on_terminal() -> bool:
    """Whether a person reads what is written."""
    return sys.stdout is not None and sys.stdout.isatty()


def can_ask() -> bool:
    """Whether a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def width() -> int:
    """How many columns the terminal has."""
    import shutil

    return shutil.get_terminal_size().columns


def line(text: str) -> None:
    """Write a line of many, which are not given out one by one into a pipe.

    Args:
        text: What to write, fit to be printed.
    """
    print(text)


def document(value: Any) -> None:
    """Write a value as JSON, over several lines.

    Args:
        value: Of plain JSON types.
    """
    click.echo(json.dumps(value, indent=2))


def json_line(value: Any) -> None:
    """Write a value as one line of JSON.

    Args:
        value: Of plain JSON types.
    """
    line(json.dumps(value))


def note(text: str) -> None:
    """Tell a person something beside the answer.

    Args:
        text: One line.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(printable(text), err=True)


def text(content: str) -> None:
    """Write a text: whole and as it is into a pipe, escaped and not at any length on a terminal.

    Args:
        content: Any text.
    """
    if not on_terminal():
        click.echo(content.encode(errors="backslashreplace"), nl=False)
        return
    shown = content[:_MOST_LETTERS]
    lines = shown.splitlines()[:_MOST_LINES]
    for line in lines:
        click.echo(printable(line.expandtabs()))
    if len(lines) < len(content.splitlines()) or len(shown) < len(content):
        note(f"... cut: {len(content)} characters; -o FILE or a pipe gives the whole")


def as_row(stat: ObjectStat) -> dict[str, Any]:
    """What a store knows of an item, for JSON.

    Args:
        stat: What it knows.
    """
    return {"size": stat.size, "modified": stat.modified, "etag": stat.etag}


def exact_time(seconds: float) -> str:
    """A time for programs, as ISO 8601 in UTC.

    Args:
        seconds: POSIX seconds.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_time(seconds: float) -> str:
    """A time for people, as in their place.

    Args:
        seconds: POSIX seconds.
    """
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def short_size(size: int) -> str:
    """A size for people, in at most seven characters.

    Args:
        size: In bytes.
    """
    if size < 1000:
        return f"{size} B"
    amount, units = size / 1000, ["kB", "MB", "GB", "TB", "PB"]
    while amount >= 999.5 and len(units) > 1:
        amount /= 1000
        del units[0]
    return f"{amount:.{1 if amount < 99.95 else 0}f} {units[0]}"
