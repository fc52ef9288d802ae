"""How the program begins and ends: what it imports, pipes that break, Ctrl-C, full disks."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from persidict import FileDirDict
from persidict_core.cli.program import cli
from tests.cli.terminals import PROGRAM, TIMEOUT, Terminal, piped

HEAVY = {"boto3", "botocore", "joblib", "jsonpickle", "lz4", "numpy", "pandas", "rich"}
WITHOUT = """
import sys
sys.modules[{!r}] = None
from persidict_core.cli import main
sys.exit(main())
"""
ENDLESS = """
import itertools, sys
from persidict_core import MemoryBackend, register_backend
from persidict_core.cli import main

@register_backend
class Endless(MemoryBackend):
    scheme = "endless"

    def list_prefix(self, prefix=""):
        return (f"{number}.pkl" for number in itertools.count())

sys.exit(main())
"""


def test_help_imports_nothing_that_it_does_not_show(folder: Path) -> None:
    code = (
        "import sys, json\nfrom persidict_core.cli import main\nassert main() == 0\n"
        "print(json.dumps(list(sys.modules)))"
    )
    done = piped("--help", program=[sys.executable, "-c", code])
    *shown, loaded = done.stdout.splitlines()
    modules = set(json.loads(loaded))
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    own = {f"persidict_core.cli.{name.replace('-', '_')}" for name in cli.does}
    assert not own & modules and "persidict_core.persi_dict" not in modules
    for name, does in cli.does.items():
        assert any(line.split() == [name, *does.split()] for line in shown), name


@pytest.mark.parametrize("name", cli.does)
def test_every_command_is_there_and_says_what_it_does(name: str, folder: Path) -> None:
    command = cli.get_command(cli.make_context("persidict", ["ls"]), name)
    assert command is not None and command.name == name and command.help


@pytest.mark.parametrize("program", [PROGRAM, (sys.executable, "-m", "persidict")])
def test_it_is_a_module_too(program: tuple[str, ...], folder: Path) -> None:
    done = piped("ls", "nowhere", program=program)
    assert done.returncode == 1 and done.stderr.startswith("persidict: there is no folder")


@pytest.mark.parametrize("missing, args", [("click", ["--help"]), ("rich", ["backends"])])
def test_without_the_extra_it_says_what_to_install(
    missing: str, args: list[str], folder: Path
) -> None:
    program = [sys.executable, "-c", WITHOUT.format(missing)]
    terminal = Terminal(*args, program=program)
    assert terminal.end() == 2
    assert terminal.seen == (
        'persidict: the command line wants click and rich: pip install "persidict-core[cli]"\n'
    )


def test_who_has_read_enough_may_leave(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "ls", "-R", "endless://x", "--file-type", "pkl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stderr
    assert process.stdout.readline() == "0\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(TIMEOUT) == 0


def test_an_interrupt_ends_it_quietly(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "ls", "-R", "endless://x", "--file-type", "pkl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stderr
    assert process.stdout.readline() == "0\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert said.strip() == ""


@pytest.mark.parametrize("args", [["ls", "-R"], ["get", "a", "--raw"]])
def test_a_full_disk_is_told(args: list[str], folder: Path) -> None:
    FileDirDict("data", file_type="json")["a"] = 1
    name, *rest = args
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, name, "data", *rest] if name == "get" else [*PROGRAM, *args, "data"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_finished_leaves_the_old_one(folder: Path) -> None:
    FileDirDict("data", file_type="json")["a"] = "x" * 100_000
    folder.joinpath("out").write_text("before")
    done = piped(
        *("get", "data", "a", "-o", "out"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("persidict: ") and len(done.stderr.splitlines()) == 1
    assert folder.joinpath("out").read_text() == "before"
    assert sorted(os.listdir(folder)) == ["data", "out"]


def test_output_that_is_closed_is_no_error(folder: Path) -> None:
    FileDirDict("data", file_type="json")["a"] = 1
    done = piped("-c", '"$@" ls data >&-', "sh", *PROGRAM, program=["sh"])
    assert "Traceback" not in done.stderr


def test_debug_shows_where(folder: Path) -> None:
    done = piped("--debug", "ls", "nowhere")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "there is no folder" in done.stderr.splitlines()[-1]


def test_warnings_are_lines_of_the_program(folder: Path) -> None:
    FileDirDict("data", file_type="json", digest_len=0)["a"] = 1
    done = piped("ls", "data")
    assert done.returncode == 0 and done.stdout == ""
    line, _ = done.stderr.splitlines()  # The second tells that nothing else is there.
    assert line.startswith("persidict: warning: ") and "digest_len=0" in line


@pytest.mark.parametrize(
    "words, completed",
    [
        ("l", {"ls"}),
        ("ls --rev", {"--reverse"}),
        ("get data us", {"users/"}),
        ("get data users/", {"users/alex"}),
        ("rm data theme us", {"users/"}),
        ("get nowhere us", set()),
        ("get memory://x us", set()),
        ("ls data --sort si", {"size"}),
    ],
)
def test_words_are_completed(words: str, completed: set[str], folder: Path) -> None:
    d: FileDirDict[int] = FileDirDict("data", file_type="json")
    d["users", "alex"] = d["theme"] = 1
    *before, last = words.split()
    bash = BashComplete(cli, {}, "persidict", "_PERSIDICT_COMPLETE")
    assert {each.value for each in bash.get_completions(before, last)} == completed


def test_the_shell_completes(folder: Path) -> None:
    def answer(**env: str) -> str:
        return piped(env={**os.environ, **env}).stdout

    assert "_PERSIDICT_COMPLETE=bash_complete" in answer(_PERSIDICT_COMPLETE="bash_source")
    words = {"COMP_WORDS": "persidict ls da", "COMP_CWORD": "2"}
    assert answer(_PERSIDICT_COMPLETE="bash_complete", **words) == "dir,da\n"
