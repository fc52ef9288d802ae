"""``persidict backends``: the backends that are installed."""

from __future__ import annotations

import click

from .arguments import json_option
from .plugins import show


@click.command(short_help="List the installed backends.")
@json_option
def backends(as_json: bool) -> None:
    """List the installed backends by the scheme of their URLs; each is imported, to see it works.

    In a pipe: scheme, class, distribution, version and problem, with a tab between.
    """
    from ..registry import backends as known

    show(known.plugins(load=True), "scheme", as_json)
