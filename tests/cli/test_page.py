"""The page of the command line: each example, from top to bottom, answers what stands there."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from persidict_core.cli.program import cli
from tests.cli.terminals import TIMEOUT

PAGE = Path(__file__).parents[2] / "docs/command-line.md"


def examples() -> Iterator[tuple[str, str]]:
    """Each command with what it writes."""
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = example.partition("\n")
            yield command, answer


def answer(command: str) -> str:
    if "|" not in command:
        name, *args = shlex.split(command)
        assert name == "persidict"
        return CliRunner().invoke(cli, args).output
    return subprocess.run(
        ["bash", "-c", f'persidict() {{ "$PYTHON" -m persidict_core.cli "$@"; }}; {command}'],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env={**os.environ, "PYTHON": sys.executable},
    ).stdout


def test_examples_answer_what_the_page_says(folder: Path) -> None:
    checker = doctest.OutputChecker()
    for command, expected in examples():
        found = answer(command)
        found += "" if found.endswith("\n") or not found else "\n"  # As a terminal shows it.
        assert checker.check_output(expected, found, doctest.ELLIPSIS), (command, found)


@pytest.mark.parametrize("name", cli.does)
def test_page_has_an_example_of_every_command(name: str) -> None:
    assert any(command.startswith(f"persidict {name} ") for command, _ in examples()) or any(
        command == f"persidict {name}" for command, _ in examples()
    )


def test_page_and_help_tell_the_same_exit_codes() -> None:
    told = re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert told == re.findall(r"\b(\d+) ", cli.epilog or "") == ["0", "1", "2", "130"]
