"""The sessions that build and check persidict: `nox --list` names them.

`nox -s tests` needs nothing but nox; uv, where it is there, makes the environments faster.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True
nox.options.sessions = ["tests", "lint", "types"]

ROOT = Path(__file__).parent
DISTRIBUTIONS = ("persidict_core", "persidict_file", ".")
SOURCES = ("persidict_core/src", "persidict_file/src")
FORMER = "persidict_core/src/persidict_core/former"
EXAMPLE = "examples/persidict-sqlite"
EVERYTHING = ("./persidict_core[numpy,pandas,testing]", "./persidict_file", ".")


def other_pythons() -> list[str]:
    """The interpreters of this machine, other than nox's own, that we support and that run."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    found = []
    for version in ("3.11", "3.12", "3.13"):
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            continue
        name = f"python{version}"
        candidates = [shutil.which(name), *sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"))]
        # A shim is found on the path even where it leads nowhere.
        found += [path for path in candidates if path and runs(path)][:1]
    return [str(path) for path in found]


def runs(python: str | Path) -> bool:
    try:
        return not subprocess.run([python, "-c", ""], capture_output=True, timeout=60).returncode
    except OSError:
        return False


def install_everything(session: nox.Session) -> None:
    session.install(*(arg for path in EVERYTHING for arg in ("--editable", path)))


def run_tests(session: nox.Session) -> None:
    install_everything(session)
    session.run("pytest", *session.posargs)
    if not session.posargs:
        session.run("pytest", "--doctest-modules", f"--ignore={FORMER}", *SOURCES)


def build_wheels(session: nox.Session, *folders: str) -> list[str]:
    """Build each folder's wheel, by way of its sdist, and give their paths."""
    out = Path(session.create_tmp()) / "wheels"
    shutil.rmtree(out, ignore_errors=True)
    session.install("build")
    for folder in folders:
        session.run("python", "-m", "build", "--outdir", str(out), folder, silent=True)
    return sorted(str(wheel.resolve()) for wheel in out.glob("*.whl"))


@nox.session
def tests(session: nox.Session) -> None:
    """The tests and the examples in docstrings, on this Python."""
    run_tests(session)


@nox.session(python=other_pythons())
def tests_on(session: nox.Session) -> None:
    """The same on every other supported Python that this machine has."""
    run_tests(session)


@nox.session
def isolation(session: nox.Session) -> None:
    """Wheels in fresh environments: core alone, core and files, upgrades, uninstalling."""
    wheels = build_wheels(session, *DISTRIBUTIONS)
    session.install("pytest", "uv")
    session.run(
        "pytest", "tests/isolation", *session.posargs, env={"WHEELS": os.pathsep.join(wheels)}
    )


@nox.session
def compat(session: nox.Session) -> None:
    """The published package reads what we write, and the reverse."""
    install_everything(session)
    session.run("pytest", "tests/compat", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Strict types in the sources, and the public face as a user sees it, from wheels."""
    install_everything(session)
    session.install("mypy", "nox", "pandas-stubs")
    session.run("mypy", "-p", "persidict_core", "-p", "persidict_file")
    session.run("mypy", "noxfile.py", "persidict_core/src/persidict.py")
    session.run("mypy", "persidict_core/src/persidict-stubs")


@nox.session
def lint(session: nox.Session) -> None:
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def example(session: nox.Session) -> None:
    """The third-party backend, built, installed beside core alone, and tested from elsewhere."""
    wheels = build_wheels(session, "persidict_core", EXAMPLE)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed against bare calls; `-- --smoke` only tries that it runs."""
    session.install("./persidict_core", "./persidict_file")
    session.run("python", "benchmarks/files.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """An sdist and a wheel of every distribution, in dist/."""
    session.install("build")
    for folder in DISTRIBUTIONS:
        session.run("python", "-m", "build", "--outdir", str(ROOT / "dist"), folder)


@nox.session
def dev(session: nox.Session) -> None:
    """An environment in .venv with everything editable, and the tools."""
