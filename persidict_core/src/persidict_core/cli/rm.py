"""``persidict rm``: delete items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import output
from .arguments import file_type_option, json_option, keys_argument, url_argument, yes_option
from .bars import bar
from .failures import Failed, Misused
from .stores import open_store

if TYPE_CHECKING:
    from ..persi_dict import PersiDict
    from ..urls import URL


@click.command(short_help="Delete items.")
@url_argument()
@keys_argument
@click.option("-r", "--recursive", is_flag=True, help="Also all below each KEY; without one, all.")
@yes_option
@json_option
@file_type_option
def rm(
    url: URL,
    keys: tuple[tuple[str, ...], ...],
    recursive: bool,
    yes: bool,
    as_json: bool,
    file_type: str | None,
) -> None:
    """Delete the items of the KEYs.

    It asks first, on a terminal; elsewhere --yes must be given. Keys that are not there are told,
    and make the exit code 1; all others are deleted.
    """
    if not recursive and (not keys or () in keys):
        raise click.UsageError("which KEY? (-r without a KEY deletes all)")
    with open_store(url, file_type, "change") as d:
        some = list(dict.fromkeys(keys)) or [()]
        if yes or _is_wanted(d, some, recursive):
            deleted, absent = _delete(d, some, recursive)
        else:
            deleted, absent = 0, ["/".join(key) for key in some if key]
    if as_json:
        output.document({"deleted": deleted, "absent": absent})
    else:
        output.note(f"deleted: {deleted}")
    if absent and not as_json:
        raise Failed(f"there is no {', '.join(map(repr, absent))}; deleted: {deleted}")
    if absent:
        click.get_current_context().exit(1)


def _is_wanted(d: PersiDict[Any], keys: list[tuple[str, ...]], recursive: bool) -> bool:
    """Ask whether what is there shall be deleted; False, unasked, if nothing is.

    Raises:
        Failed: If the answer is no.
        Misused: If nobody can be asked.
    """
    if not output.can_ask():
        raise Misused("nobody can be asked here: give --yes to delete")
    count = sum(key in d for key in keys if key)
    if recursive:
        count += sum(len(d.get_subdict(key)) for key in keys)
    what = f"{count} {'item' if count == 1 else 'items'}"
    if count and not click.confirm(f"Delete {what}?", err=True):
        raise Failed("nothing was deleted")
    return count > 0


def _delete(
    d: PersiDict[Any], keys: list[tuple[str, ...]], recursive: bool
) -> tuple[int, list[str]]:
    """How many items were deleted, and the keys that were not there."""
    deleted, absent = 0, []
    for key in keys:
        count = 0
        if recursive:
            below = d.get_subdict(key)
            count = len(below)
            with bar("deleting") as tell:
                below.clear(progress=tell)
        count += bool(key) and d.delete_if_exists(key)
        deleted += count
        if not count and key:
            absent.append("/".join(key))
    return deleted, absent
