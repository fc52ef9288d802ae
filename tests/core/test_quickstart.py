"""`examples/quickstart.py` does its whole job, on a folder, in memory, and twice."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import persidict

SCRIPT = Path(__file__).parents[2] / "examples" / "quickstart.py"
STDLIB = Path(sysconfig.get_paths()["stdlib"])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=120
    )


def sources(*packages: str) -> dict[tuple[str, str], str]:
    """Package and module to source; these packages are flat and hold UTF-8."""
    paths = (path for package in packages for path in STDLIB.joinpath(package).glob("*.py"))
    return {(path.parent.name, path.stem): path.read_text(encoding="utf-8") for path in paths}


def test_folder_is_filled_by_processes_and_again_by_a_second_run(tmp_path: Path) -> None:
    folder = str(tmp_path / "library")
    wanted = sources("json", "html")

    first = run(folder, "--packages", "json,html")
    assert first.returncode == 0, first.stderr
    assert "4 workers added 100 each to one counter: from 0 to 400" in first.stdout
    assert f"FileDirDict holds {len(wanted)} modules" in first.stdout
    assert f"{len(wanted)} of {len(wanted)} modules" in first.stderr

    second = run(folder, "--packages", "json,html")
    assert second.returncode == 0, second.stderr
    assert "to one counter: from 400 to 800" in second.stdout
    assert f"FileDirDict holds {len(wanted)} modules" in second.stdout

    library = persidict.open(folder).get_subdict("library")
    assert {tuple(key): module["source"] for key, module in library.items()} == wanted
    assert "re" in library["json", "decoder"]["imports"]
    assert library["json", "decoder"]["lines"] == wanted["json", "decoder"].count("\n")


def test_advice_at_the_end_opens_the_same_library(tmp_path: Path) -> None:
    done = run(str(tmp_path), "--packages", "json")
    code = done.stdout.splitlines()[-1].partition("from anywhere: ")[2]
    assert eval(code, {"persidict": persidict})["json", "decoder"]["lines"] > 100


def test_memory_is_filled_by_threads() -> None:
    done = run("memory://library", "--packages", "json,html")
    assert done.returncode == 0, done.stderr
    assert "from 0 to 400" in done.stdout
    assert f"PersiDict holds {len(sources('json', 'html'))} modules" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["s3:bucket"], "s3://"),
        (["nowhere://x"], "nowhere"),
        (["memory://"], "wants a name"),
        (["memory://x?colour=red"], "colour"),
        (["memory://x", "--packages", "no_such"], "no_such"),
    ],
)
def test_bad_argument_is_told_in_a_line(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    done = run(str(file))
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert file.read_text() == "mine"
