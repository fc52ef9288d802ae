"""``persidict check``: whether a store is fit, and what lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from . import output
from .arguments import file_type_option, json_option, unpickle_option, url_argument
from .bars import bar
from .failures import Misused
from .stores import open_store

if TYPE_CHECKING:
    from ..checking import Findings
    from ..fitness import Fitness
    from ..persi_dict import PersiDict
    from ..urls import URL


@click.command(short_help="Tell whether a store is fit, and what lies in it.")
@url_argument()
@click.option("--quick", is_flag=True, help="Fewer and shorter trials.")
@click.option(
    "--only",
    type=click.Choice(["fitness", "survey"]),
    help="Only try the store, or only look at what lies there.",
)
@click.option("--values", is_flag=True, help="Read every value, too.")
@click.option("--repair", is_flag=True, help="Remove what interrupted writers left, nothing else.")
@json_option
@unpickle_option
@file_type_option
def check(
    url: URL,
    quick: bool,
    only: str | None,
    values: bool,
    repair: bool,
    as_json: bool,
    unpickle: bool,
    file_type: str | None,
) -> None:
    """Try whether a store keeps what is promised, and look at what lies in it.

    The trials write, race and delete objects below a prefix of their own, which they remove again;
    they take up to a minute on a disk, and some thousand requests of a server (less with --quick).
    --only survey writes nothing. Exit code 1: a promise does not hold, or something lies there
    that wants a look.
    """
    if only == "fitness" and (values or repair):
        raise click.UsageError("--values and --repair belong to the survey, not to the fitness")
    if only == "survey" and quick:
        raise click.UsageError("--quick belongs to the fitness, not to the survey")
    looks = only == "survey" and not repair
    fitness: Fitness | None = None
    findings: Findings | None = None
    with open_store(
        url, file_type, "read" if looks else "change", unpickle=unpickle, choose=True
    ) as d:
        if values and d.file_type == "pkl" and not d.allow_pickle:
            raise Misused(
                "--values would read pickles, which can run any code: --unpickle allows it"
            )
        if only != "survey":
            fitness = _try(d, quick)
            if not as_json:
                click.echo(str(fitness))
        if only != "fitness":
            findings = _survey(d, values, repair)
            if not as_json:
                click.echo(str(findings) if fitness is None else f"\nWhat lies there\n{findings}")
    if as_json:
        output.document({"fitness": fitness and fitness.as_dict(), "survey": _plain(findings)})
    if not ((fitness is None or fitness.fit) and (findings is None or findings.healthy)):
        click.get_current_context().exit(1)


def _try(d: PersiDict[Any], quick: bool) -> Fitness:
    from ..fitness import examine

    with bar("trying") as tell:
        return examine(d, level="quick" if quick else "whole", progress=tell)


def _survey(d: PersiDict[Any], values: bool, repair: bool) -> Findings:
    from ..checking import check as survey

    with bar("looking") as tell:
        return survey(d, values=values, repair=repair, progress=tell)


def _plain(found: Any) -> Any:
    """Named tuples as JSON has them."""
    if hasattr(found, "_asdict"):
        found = found._asdict()
    if isinstance(found, Mapping):
        return {name: _plain(value) for name, value in found.items()}
    return [_plain(each) for each in found] if isinstance(found, tuple) else found
