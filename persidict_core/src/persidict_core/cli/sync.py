"""``persidict sync``: make another dictionary the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import output
from .arguments import file_type_option, json_option, unpickle_option, url_argument, yes_option
from .failures import Failed, Misused
from .transfer import open_both, report, transfer

if TYPE_CHECKING:
    from ..urls import URL


@click.command(short_help="Copy, and delete what the source has not.")
@url_argument("from_", "FROM")
@url_argument("to", "TO")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@yes_option
@json_option
@unpickle_option
@file_type_option
def sync(
    from_: URL,
    to: URL,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    unpickle: bool,
    file_type: str | None,
) -> None:
    """Make the dictionary TO the same as FROM: copy as cp does, then delete what FROM has not.

    It asks before it deletes, on a terminal; elsewhere --yes must be given. If an item could not be
    copied, or FROM is empty, nothing is deleted.
    """
    if not yes and not dry_run and not output.can_ask():
        raise Misused("nobody can be asked here: give --yes to delete what FROM has not")
    source, target = open_both(from_, to, file_type, unpickle=unpickle)
    with source, target:
        if not source:
            # It is as empty where a bucket's name was mistyped.
            raise Failed(
                f"{from_} has no items of file type {source.file_type!r}, so that all in TO "
                "would be deleted; if that is meant, rm -r does it"
            )
        if not yes and not dry_run:
            _ask(transfer(source, target, delete=True, dry_run=True).deleted)
        done = transfer(source, target, delete=True, dry_run=dry_run)
    report(done, delete=True, dry_run=dry_run, as_json=as_json)


def _ask(count: int) -> None:
    what = f"{count} {'item' if count == 1 else 'items'} that FROM has not"
    if count and not click.confirm(f"Delete {what}?", err=True):
        raise Failed("nothing was changed")
