"""``persidict ls``: the keys, one a line."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from ..printable import printable
from . import output
from .absence import hint
from .arguments import file_type_option, json_option, prefix_argument, url_argument
from .failures import Failed, Misused
from .stores import open_store

if TYPE_CHECKING:
    from ..backend import ObjectStat
    from ..persi_dict import PersiDict
    from ..urls import URL

_SORTED: Final = 10_000
"""So many are sorted by name unasked; more would be a while before the first is shown."""

_WIDE: Final = 70


class Entry(NamedTuple):
    """A line of the list.

    Attributes:
        name: The whole key; what only begins keys ends in ``/``.
        stat: What the store knows of the item, where that was asked for.
    """

    name: str
    stat: ObjectStat | None = None


@click.command(short_help="List keys.")
@url_argument()
@prefix_argument
@click.option("-l", "--long", "is_long", is_flag=True, help="With size, time and etag.")
@click.option("-R", "--recursive", "--all", "is_deep", is_flag=True, help="All levels, not one.")
@click.option(
    "--sort",
    type=click.Choice(["name", "time", "size"]),
    help="By name, the newest first, or the largest first.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N lines.")
@json_option
@file_type_option
def ls(
    url: URL,
    prefix: tuple[str, ...],
    is_long: bool,
    is_deep: bool,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    as_json: bool,
    file_type: str | None,
) -> None:
    """List keys, of one level unless -R is given; what only begins longer keys ends in /.

    Names are whole keys, also below a PREFIX. Up to 10,000 are sorted by name; of more, or with
    --limit alone, those come first that the store gives first, unless --sort is given.

    --json writes one object a line: {"key": ...}, with -l also size (bytes), modified (POSIX
    seconds) and etag; {"prefix": ...} for what only begins keys.
    """
    with open_store(url, file_type) as d:
        needs_stat = is_long or sort in ("time", "size")
        entries = _everything(d, prefix, needs_stat) if is_deep else _level(d, prefix, needs_stat)
        first = next(entries, None)
        if first is None and prefix:
            entries = _itself(d, prefix, needs_stat)
        elif first is not None:
            entries = chain([first], entries)
        write = _writer(is_long, as_json)
        is_empty = True
        for entry in _in_order(entries, sort, reverse, limit):
            is_empty = False
            write(entry)
    if is_empty and not as_json:
        _tell_of_nothing(url, d.file_type)


def _tell_of_nothing(url: URL, file_type: str) -> None:
    # Of a folder, `open_store` has told already.
    missing = "" if url.scheme == "file" else ", or no such store is: a missing one reads as empty"
    click.echo(f"persidict: no keys of file type {file_type!r} are there{missing}", err=True)


def _level(d: PersiDict[Any], prefix: tuple[str, ...], needs_stat: bool) -> Iterator[Entry]:
    from .. import bulk

    below = d.get_subdict(prefix)
    start = "".join(part + "/" for part in prefix)

    def look(name: str) -> Entry:
        if name.endswith("/") or not needs_stat:
            return Entry(start + name)
        return Entry(start + name, below.stat(name))

    threads = d.backend.concurrency if needs_stat else 1
    for _, found in bulk.in_order(look, below.children(), threads):
        if isinstance(found, Entry):
            yield found
        elif not isinstance(found, KeyError):  # Deleted meanwhile.
            raise found


def _everything(d: PersiDict[Any], prefix: tuple[str, ...], needs_stat: bool) -> Iterator[Entry]:
    below = d.get_subdict(prefix)
    start = "".join(part + "/" for part in prefix)
    if needs_stat:
        return (Entry(f"{start}{key}", stat) for key, stat in below.keys_and_stats())
    return (Entry(f"{start}{key}") for key in below)


def _itself(d: PersiDict[Any], key: tuple[str, ...], needs_stat: bool) -> Iterator[Entry]:
    """The one item that a prefix names, where nothing is below it."""
    name = "/".join(key)
    try:
        yield Entry(name, d.stat(key) if needs_stat or key else None)
    except KeyError:
        told = f"there is no key {name!r}, and none below it"
        raise Failed(told + hint(d, key)) from None


def _in_order(
    entries: Iterator[Entry], sort: str | None, reverse: bool, limit: int | None
) -> Iterable[Entry]:
    if sort is None and limit is not None:
        return sorted(islice(entries, limit), reverse=reverse)
    by = _rank(sort)
    if sort is None:
        some = list(islice(entries, _SORTED + 1))
        if len(some) > _SORTED:
            if reverse:
                raise Misused("more than 10,000 are sorted only by --sort name")
            return chain(some, entries)
        return sorted(some, key=by, reverse=reverse)
    if limit is not None:
        return (heapq.nlargest if reverse else heapq.nsmallest)(limit, entries, key=by)
    return sorted(entries, key=by, reverse=reverse)


def _rank(sort: str | None) -> Callable[[Entry], tuple[float, str]]:
    """What to sort by; what only begins keys has no time and size, and comes last."""

    def rank(entry: Entry) -> tuple[float, str]:
        if sort in (None, "name"):
            return 0, entry.name
        if entry.stat is None:
            return 1, entry.name
        return -(entry.stat.modified if sort == "time" else entry.stat.size), entry.name

    return rank


def _writer(is_long: bool, as_json: bool) -> Callable[[Entry], None]:
    if as_json:
        return _as_json(is_long)
    if not is_long:
        return lambda entry: output.line(printable(entry.name))
    return _for_people if output.on_terminal() else _for_programs


def _as_json(is_long: bool) -> Callable[[Entry], None]:
    def write(entry: Entry) -> None:
        row: dict[str, Any] = {"prefix" if entry.name.endswith("/") else "key": entry.name}
        if is_long and entry.stat is not None:
            row |= output.as_row(entry.stat)
        output.json_line(row)

    return write


def _for_programs(entry: Entry) -> None:
    if entry.stat is None:
        output.line(f"-\t-\t-\t{entry.name}")
    else:
        size, modified, etag = entry.stat.size, entry.stat.modified, entry.stat.etag
        output.line(f"{size}\t{output.exact_time(modified)}\t{printable(etag)}\t{entry.name}")


def _for_people(entry: Entry) -> None:
    wide = output.width() >= _WIDE
    size, time, etag = "-", "", ""
    if entry.stat is not None:
        size = output.short_size(entry.stat.size)
        time = output.local_time(entry.stat.modified)
        etag = printable(entry.stat.etag)
    columns = [click.style(f"{size:>8}", fg="green"), click.style(f"{time:16}", fg="blue")]
    if wide:
        columns.append(click.style(f"{etag[:9] + '…' if len(etag) > 10 else etag:10}", dim=True))
    output.line("  ".join([*columns, entry.name]))
