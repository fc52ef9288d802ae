"""Commands, run in this process in an empty folder."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from persidict_core.cli.program import cli

Run = Callable[..., Result]

# Before click 8.2 the two outputs are kept apart on demand only.
HAS_OPTION = "mix_stderr" in inspect.signature(CliRunner).parameters
APART: dict[str, Any] = {"mix_stderr": False} if HAS_OPTION else {}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def run(*args: str, input: str | bytes | None = None) -> Result:
        result = CliRunner(**APART).invoke(cli, args, input=input)
        assert not result.exception or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.stdout + result.stderr
        return result

    return run


@pytest.fixture
def fine(run: Run) -> Callable[..., str]:
    """Run a command that must succeed, and give what it wrote."""

    def fine(*args: str, input: str | bytes | None = None) -> str:
        result = run(*args, input=input)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return fine


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """Run a command that must fail by one line, and give that line."""

    def refused(code: int, *args: str, input: str | bytes | None = None) -> str:
        result = run(*args, input=input)
        assert result.exit_code == code, result.stderr
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("persidict: ")
        return line.removeprefix("persidict: ")

    return refused
