"""Lists of what is installed."""

from __future__ import annotations

from collections.abc import Iterable

import click

from ..printable import printable
from ..registry import Plugin
from . import output


def show(plugins: Iterable[Plugin], what: str, as_json: bool) -> None:
    """List plugins, also those that cannot be used, each with what is wrong.

    Args:
        plugins: What to list.
        what: What a name is, for the heading.
        as_json: Whether a program wants to know.
    """
    if as_json:
        output.document([plugin._asdict() for plugin in plugins])
    elif output.on_terminal():
        _table(plugins, what)
    else:
        for plugin in plugins:
            click.echo("\t".join(printable(field or "-") for field in plugin))


def _table(plugins: Iterable[Plugin], what: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(what, style="green")
    table.add_column("from", overflow="fold")
    for plugin in plugins:
        brought = Text(printable(f"{plugin.distribution or 'this process'} {plugin.version}"))
        brought.append(f"\n{printable(plugin.value)}", style="dim")
        if plugin.error is not None:
            brought.append(f"\n{printable(plugin.error)}", style="red")
        table.add_row(Text(printable(plugin.name or "?")), brought)
    Console().print(table)
