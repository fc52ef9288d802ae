"""``persidict get``: a value, printed or saved."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ..errors import ObjectNotFound, SerializationError
from . import output
from .absence import absent
from .arguments import file_type_option, json_option, key_argument, unpickle_option, url_argument
from .failures import Failed, Misused
from .stores import open_store
from .values import holds_text, json_of, text_of

if TYPE_CHECKING:
    from ..persi_dict import PersiDict
    from ..urls import URL


@click.command(short_help="Print or save a value.")
@url_argument()
@key_argument
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write to; it is replaced as a whole.",
)
@click.option("--raw", is_flag=True, help="The stored bytes as they are; nothing is decoded.")
@click.option("--text", "bare", is_flag=True, help="A string without quotes.")
@json_option
@unpickle_option
@file_type_option
def get(
    url: URL,
    key: tuple[str, ...],
    file: Path | None,
    raw: bool,
    bare: bool,
    as_json: bool,
    unpickle: bool,
    file_type: str | None,
) -> None:
    """Print the value of KEY, or save it to a file.

    Text is printed as it is, any other value as JSON; what JSON cannot say, as Python shows it
    (with --json that is an error). On a terminal control codes are escaped, and a long value is
    cut.
    """
    if raw and (bare or as_json):
        raise click.UsageError("--raw gives bytes: it goes with neither --text nor --json")
    with open_store(url, file_type, unpickle=unpickle) as d:
        if raw:
            if file is None and output.on_terminal():
                raise Misused("bytes are not written to a terminal: give -o FILE, or a pipe")
            _copy_bytes(d, key, file)
            return
        value = _read(d, key)
        content = json_of(value) if as_json else text_of(value, bare=bare or holds_text(d))
        if file is None:
            output.text(content)
            return
        with _replacing(file) as target:
            target.write(content.encode(errors="backslashreplace"))


def _read(d: PersiDict[Any], key: tuple[str, ...]) -> Any:
    try:
        return d[key]
    except KeyError:
        raise absent(d, key) from None
    except SerializationError as error:
        if d.allow_pickle or "allow_pickle" not in error.problem:
            raise
        raise Failed(
            f"{'/'.join(key)!r} is stored as {d.file_type}, which can run any code when it is "
            "read: --unpickle reads it nevertheless, --raw gives the bytes"
        ) from error


def _copy_bytes(d: PersiDict[Any], key: tuple[str, ...], file: Path | None) -> None:
    try:
        with d.backend.read_file(d.path_of(key)) as source:
            if file is None:
                shutil.copyfileobj(source, sys.stdout.buffer)
                return
            with _replacing(file) as target:
                shutil.copyfileobj(source, target)
    except ObjectNotFound:
        raise absent(d, key) from None


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """Write a file that is there whole, or stays as it was."""
    if file.exists() and not file.is_file():
        with file.open("wb") as target:  # A device or a pipe is not replaced.
            yield target
        return
    final = os.path.realpath(file)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(final), delete=False) as target:
        try:
            yield target  # type: ignore[misc]
            target.flush()
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(target.name, 0o666 & ~mask)
            os.replace(target.name, final)
        except BaseException:
            os.unlink(target.name)
            raise
