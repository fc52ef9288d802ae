"""``persidict serializers``: the file types that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .arguments import json_option
from .plugins import show

if TYPE_CHECKING:
    from ..registry import Plugin


@click.command(short_help="List the installed file types.")
@json_option
def serializers(as_json: bool) -> None:
    """List the installed file types of values; each is tried, to see that it works.

    Text of any other file type wants base_class_for_values=str in the URL. In a pipe: file type,
    class, distribution, version and problem, with a tab between.
    """
    from ..registry import serializers as known

    show([_tried(plugin) for plugin in known.plugins(load=True)], "file type", as_json)


def _tried(plugin: Plugin) -> Plugin:
    """The same; with an error if what it needs is not installed, which it tells when it is made."""
    if plugin.error is None:
        from ..registry import serializers as known

        try:
            known.get(plugin.name)()
        except Exception as error:
            return plugin._replace(error=f"{type(error).__name__}: {error}")
    return plugin
