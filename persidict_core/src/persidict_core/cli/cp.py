"""``persidict cp``: copy all items to another dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .arguments import file_type_option, json_option, unpickle_option, url_argument
from .transfer import open_both, report, transfer

if TYPE_CHECKING:
    from ..urls import URL


@click.command(short_help="Copy all items to another dictionary.")
@url_argument("from_", "FROM")
@url_argument("to", "TO")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@json_option
@unpickle_option
@file_type_option
def cp(
    from_: URL, to: URL, dry_run: bool, as_json: bool, unpickle: bool, file_type: str | None
) -> None:
    """Copy all items of the dictionary FROM into the dictionary TO.

    What TO has already, unchanged since it was copied, is passed over, so that a copy that was
    interrupted goes on. Bytes are copied as they are, unless the URLs say other file types.
    """
    source, target = open_both(from_, to, file_type, unpickle=unpickle)
    with source, target:
        done = transfer(source, target, delete=False, dry_run=dry_run)
    report(done, delete=False, dry_run=dry_run, as_json=as_json)
    if not done.copied + done.unchanged:
        # A mistyped bucket would show itself by nothing else.
        click.echo(f"persidict: FROM has no items of file type {source.file_type!r}", err=True)
