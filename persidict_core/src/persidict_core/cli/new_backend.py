"""``persidict new-backend``: a distribution with a backend, to be filled in."""

from __future__ import annotations

from pathlib import Path

import click

from ..printable import printable
from . import output


@click.command("new-backend", short_help="Write a distribution with a backend, to be filled in.")
@click.argument("name")
@click.option("--scheme", help="The URL scheme; by default the name.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    show_default="this folder",
    help="The folder in which its own is made.",
)
def new_backend(name: str, scheme: str | None, into: Path) -> None:
    """Write the distribution persidict-NAME: a backend, to be filled in.

    It can be installed as it is, is found by its URL, and its tests say, one by one, what is still
    to be written.
    """
    from .scaffolding import names_of, write_backend

    try:
        names = names_of(name, scheme)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        written = write_backend(names, into)
    except OSError as error:
        raise click.ClickException(str(error)) from error
    # A folder's name may hold anything.
    shown = printable if output.on_terminal() else str
    for file in written:
        click.echo(shown(str(file)))
    click.echo(
        f"\nFive verbs are to be written, in {names.package}/backend.py. The tests say which:\n\n"
        f"    cd {shown(str(written[0].parent))}\n"
        '    python -m pip install --editable ".[testing]"\n'
        "    python -m pytest -x"
    )
