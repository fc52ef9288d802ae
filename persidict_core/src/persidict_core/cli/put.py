"""``persidict put``: store a value."""

from __future__ import annotations

import io
import os
import shutil
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import click

from ..backend import ABSENT, ANY, Marker
from ..errors import ImmutableItemError, NotSupported, PreconditionFailed
from .arguments import file_type_option, key_argument, url_argument
from .failures import Misused
from .stores import open_store
from .values import holds_text, parse_json

if TYPE_CHECKING:
    from ..persi_dict import PersiDict
    from ..urls import URL


@click.command(short_help="Store a value.")
@url_argument()
@key_argument
@click.argument("value", required=False)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that holds the value.",
)
@click.option("--text", "is_text", is_flag=True, help="The value is a string, not JSON.")
@click.option("--raw", is_flag=True, help="The value's bytes are stored as they are.")
@file_type_option
def put(
    url: URL,
    key: tuple[str, ...],
    value: str | None,
    file: Path | None,
    is_text: bool,
    raw: bool,
    file_type: str | None,
) -> None:
    """Store a value under KEY: VALUE, what a --file holds, or standard input (-).

    The value is JSON, unless the dictionary holds text, or --text or --raw is given. What begins
    with '-' stands after --. A folder or bucket that is missing is made.
    """
    if raw and is_text:
        raise click.UsageError("--raw stores bytes, --text a string: choose one")
    # To write a pickle runs no code, and nothing is read here.
    with (
        _source(value, file) as source,
        open_store(url, file_type, "create", unpickle=True, text=is_text) as d,
    ):
        if raw:
            _put_bytes(d, key, source)
            return
        content = _decoded(source.read())
        d[key] = content if is_text or holds_text(d) else parse_json(content)


def _source(value: str | None, file: Path | None) -> AbstractContextManager[BinaryIO]:
    """Where the value comes from, as a binary file."""
    if file is not None:
        if value is not None:
            raise click.UsageError("VALUE and --file were both given: choose one")
        return file.open("rb")
    if value is not None and value != "-":
        return io.BytesIO(os.fsencode(value))
    if sys.stdin is None or (value is None and sys.stdin.isatty()):
        raise click.UsageError("what is to be stored? Give VALUE, --file FILE, or - to type it")
    return nullcontext(sys.stdin.buffer)


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Misused(f"the value is no UTF-8 text ({error}): --raw stores bytes") from error


def _put_bytes(d: PersiDict[Any], key: tuple[str, ...], source: BinaryIO) -> None:
    """Stream bytes past the dictionary, but by its rules."""
    if d.read_only:
        raise NotSupported("the URL says read_only: nothing was changed")
    expect: Literal[Marker.ABSENT, Marker.ANY] = ABSENT if d.immutable_items else ANY
    try:
        with d.backend.write_file(d.path_of(key), expect) as target:
            shutil.copyfileobj(source, target)
    except PreconditionFailed as error:
        raise ImmutableItemError("/".join(key)) from error
