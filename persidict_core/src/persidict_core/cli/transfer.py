"""What ``cp`` and ``sync`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import output
from .bars import bar
from .failures import Misused
from .stores import open_store

if TYPE_CHECKING:
    from ..copying import Copied
    from ..persi_dict import PersiDict
    from ..urls import URL


def open_both(
    source: URL, target: URL, file_type: str | None, *, unpickle: bool
) -> tuple[PersiDict[Any], PersiDict[Any]]:
    """The dictionaries to copy from and to; the second has the file type of the first unasked.

    Args:
        source: Where from.
        target: Where to.
        file_type: What ``--file-type`` says.
        unpickle: Whether values may be unpickled, to convert them.

    Raises:
        Failed: If there is nothing to copy from.
        Misused: If a URL does not fit, or pickles would have to be read.
    """
    first = open_store(source, file_type, unpickle=unpickle)
    said = target.query.get("file_type") or first.file_type
    if first.file_type == "pkl" != said and not first.allow_pickle:
        raise Misused(
            f"to make {said} of pickles they are read, which can run any code: --unpickle allows it"
        )
    # No value is read from the target.
    return first, open_store(target, said, "create", unpickle=True)


def transfer(
    source: PersiDict[Any], target: PersiDict[Any], *, delete: bool, dry_run: bool
) -> Copied:
    """Copy, with a bar on a terminal.

    Args:
        source: Where from.
        target: Where to.
        delete: Whether what the source has not is deleted.
        dry_run: Whether it is only counted.
    """
    with bar("looking" if dry_run else "copying", lambda: len(source)) as tell:
        return source.copy_to(target, progress=tell, dry_run=dry_run, delete=delete)


def report(done: Copied, *, delete: bool, dry_run: bool, as_json: bool) -> None:
    """Tell what was done.

    Args:
        done: What was.
        delete: Whether deletions were asked for.
        dry_run: Whether it was only counted.
        as_json: Whether a program wants to know.
    """
    if as_json:
        output.document({**done._asdict(), "dry_run": dry_run})
        return
    parts = [
        f"{'would copy' if dry_run else 'copied'} {done.copied} ({output.short_size(done.bytes)})",
        f"unchanged {done.unchanged}",
    ]
    if delete:
        parts.append(f"{'would delete' if dry_run else 'deleted'} {done.deleted}")
    click.echo(", ".join(parts))
