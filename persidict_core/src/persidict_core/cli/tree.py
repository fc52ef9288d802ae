"""``persidict tree``: the keys, as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..printable import printable
from . import output
from .arguments import file_type_option, prefix_argument, url_argument
from .stores import open_store

if TYPE_CHECKING:
    from ..persi_dict import PersiDict
    from ..urls import URL


@click.command(short_help="Show keys as a tree.")
@url_argument()
@prefix_argument
@click.option("-L", "--depth", type=click.IntRange(min=1), metavar="N", help="At most N levels.")
@file_type_option
def tree(url: URL, prefix: tuple[str, ...], depth: int | None, file_type: str | None) -> None:
    """Show keys as a tree, each level sorted by name.

    It is shown while it is read; in memory is one level of each branch. (For programs: ls -R
    --json.)
    """
    with open_store(url, file_type) as d:
        output.line("/".join(prefix) or printable(str(url)))
        folders, items = _draw(d.get_subdict(prefix), "", depth)
    output.line(f"\n{_many(items, 'item')}, {_many(folders, 'branch', 'branches')}")


def _draw(d: PersiDict[Any], indent: str, depth: int | None) -> tuple[int, int]:
    """Draw one level and those below it; give how many branches and items there are."""
    folders = items = 0
    names = sorted(d.children())
    for name in names:
        is_last = name is names[-1]
        output.line(f"{indent}{'└── ' if is_last else '├── '}{name}")
        if not name.endswith("/"):
            items += 1
            continue
        folders += 1
        if depth is None or depth > 1:
            below = _draw(
                d.get_subdict(name[:-1]),
                indent + ("    " if is_last else "│   "),
                None if depth is None else depth - 1,
            )
            folders, items = folders + below[0], items + below[1]
    return folders, items


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"
