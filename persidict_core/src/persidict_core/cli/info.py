"""``persidict info``: what a dictionary is, at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import output
from .arguments import file_type_option, json_option, url_argument
from .stores import open_store

if TYPE_CHECKING:
    from ..urls import URL


@click.command(short_help="Describe a dictionary and its store.")
@url_argument()
@json_option
@file_type_option
def info(url: URL, as_json: bool, file_type: str | None) -> None:
    """Describe a dictionary and its store, by one page of a listing; no value is read."""
    # As Python opens it, so that what is allowed is told; no value is read, and nothing changed.
    with open_store(url, file_type, "change", unpickle=True, choose=True) as d:
        found = d.info()
    if as_json:
        output.document(found.as_dict())
    else:
        click.echo(str(found))
    if found.error is not None:
        click.get_current_context().exit(1)
