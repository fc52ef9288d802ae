"""``persidict stat``: what the store knows of one item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..printable import printable
from . import output
from .absence import absent
from .arguments import file_type_option, json_option, key_argument, url_argument
from .stores import open_store

if TYPE_CHECKING:
    from ..urls import URL


@click.command(short_help="Tell size, time and etag of an item.")
@url_argument()
@key_argument
@json_option
@file_type_option
def stat(url: URL, key: tuple[str, ...], as_json: bool, file_type: str | None) -> None:
    """Tell path, size, time and etag of an item, without reading its value."""
    name = "/".join(key)
    with open_store(url, file_type) as d:
        try:
            found = d.stat(key)
        except KeyError:
            raise absent(d, key) from None
    if as_json:
        output.document({"key": name, "path": found.path, **output.as_row(found)})
        return
    click.echo(f"key       {name}")
    click.echo(f"path      {found.path}")
    click.echo(f"size      {found.size} bytes")
    click.echo(f"modified  {output.exact_time(found.modified)}")
    click.echo(f"etag      {printable(found.etag)}")
