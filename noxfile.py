"""The sessions that build and check persidict: `nox --list` names them.

`nox -s tests` needs nothing but nox; uv, where it is there, makes the environments faster.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True
nox.options.sessions = ["tests", "lint", "types"]

ROOT = Path(__file__).parent
DISTRIBUTIONS = ("persidict_core", "persidict_file", "persidict_s3", ".")
SOURCES = ("persidict_core/src", "persidict_file/src", "persidict_s3/src")
EXAMPLE = "examples/persidict-sqlite"
PEERS = ("diskcache", "zict", "fsspec", "sqlitedict", "lmdb")
AT_LENGTH = {
    "PERSIDICT_OPERATIONS": "100000",  # in each history
    "PERSIDICT_KILLS": "1000",
    "PERSIDICT_STATES": "6000",  # after a power cut
    "PERSIDICT_INTERRUPTS": "3000",
    "PERSIDICT_INPUTS": "100000",  # to each loader
    "PERSIDICT_S3_WHOLE": "1",
}
BUILD = ("python", "-m", "build", "--installer", "uv")
MOTO = "moto[s3,server]"
SIDE_BY_SIDE = ("-n", "auto", "--dist", "loadfile")
# The root has no code that could be edited.
EDITABLE = (
    *("--editable", "./persidict_core"),
    *("--editable", "./persidict_file"),
    *("--editable", "./persidict_s3"),
    ".[testing]",
)


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
    session.install(*EDITABLE, MOTO, "pytest-xdist")


def run_tests(session: nox.Session, *options: str) -> None:
    install_everything(session)
    if session.posargs:
        session.run("pytest", *session.posargs)
    else:
        session.run("pytest", *SIDE_BY_SIDE, "-m", "not root and not s3", *options)
        # The tests import by file, the sources by name: for them, none of the tests' options.
        bare = ("-o", "addopts=", "-o", "pythonpath=")
        session.run("pytest", "--doctest-modules", *bare, *SOURCES)


def build_wheels(session: nox.Session, *folders: str) -> list[str]:
    """Build each folder's wheel, by way of its sdist, and give their paths."""
    out = Path(session.create_tmp()) / "wheels"
    shutil.rmtree(out, ignore_errors=True)
    session.install("build[uv]")
    for folder in folders:
        session.run(*BUILD, "--outdir", str(out), folder, silent=True)
    return sorted(str(wheel.resolve()) for wheel in out.glob("*.whl"))


@contextmanager
def outside(session: nox.Session, *files: str | Path) -> Iterator[None]:
    """Be in a folder outside the checkout, with copies of some files of it."""
    with TemporaryDirectory() as folder:
        for file in files:
            shutil.copy(ROOT / file, folder)
        with session.chdir(folder):
            yield


@nox.session
def tests(session: nox.Session) -> None:
    """The tests and the examples in docstrings, on this Python."""
    run_tests(session)


@nox.session
@nox.parametrize("python", [nox.param(path, id=path[-4:]) for path in other_pythons()])
def tests_on(session: nox.Session) -> None:
    """The tests of core and files on every other supported Python, but for the long kits."""
    kits = ("tests/core/test_layers_kit.py", "tests/file/test_dict_kit.py")
    run_tests(session, "tests/core", "tests/file", *(f"--ignore={kit}" for kit in kits))


@nox.session
def as_root(session: nox.Session) -> None:
    """The tests that mount file systems, or act as other users."""
    install_everything(session)
    session.run("pytest", "-m", "root", *session.posargs)


@nox.session
def nightly(session: nox.Session) -> None:
    """What no change waits for, as root: the same tests as elsewhere, but at length."""
    install_everything(session)
    wanted = {name: os.environ.get(name, number) for name, number in AT_LENGTH.items()}
    session.run("pytest", "-rA", "tests/linearizability", "tests/crashes", env=wanted)
    session.run("pytest", "tests/core/test_hostile_bytes.py", "-k", "any_bytes", env=wanted)
    session.run("pytest", "tests/s3", "-m", "s3", env=wanted)


@nox.session
def s3(session: nox.Session) -> None:
    """The tests on a real S3 server: AWS_ENDPOINT_URL_S3's, or Ceph's, started as root."""
    install_everything(session)
    session.run("pytest", *SIDE_BY_SIDE, "tests/s3", "tests/compat", "-m", "s3", *session.posargs)


@nox.session
def isolation(session: nox.Session) -> None:
    """Wheels in fresh environments: core alone, core and files, upgrades, uninstalling."""
    wheels = build_wheels(session, *DISTRIBUTIONS)
    session.install("pytest", "uv", MOTO)
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
    session.install("mypy", "basedpyright", "nox")
    session.run("mypy", *(f"{source}/{source[:-4]}" for source in SOURCES))
    session.run("mypy", "persidict_core/src/persidict.py")
    session.run("mypy", f"{EXAMPLE}/src/persidict_sqlite", "examples/quickstart.py", "noxfile.py")
    session.run("mypy", "-p", "persidict")
    see_face(session)
    wheels = build_wheels(session, *DISTRIBUTIONS)
    session.install("--force-reinstall", "--no-deps", *wheels)
    see_face(session)


def see_face(session: nox.Session) -> None:
    """Check a user's program, outside the checkout, against what is installed."""
    with outside(session, "tests/packaging/user_program.py"):
        session.run("mypy", "--strict", "user_program.py")
        session.run("basedpyright", "--level", "error", "user_program.py")
        session.run("python", "user_program.py")


@nox.session
def lint(session: nox.Session) -> None:
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def example(session: nox.Session) -> None:
    """The third-party backend, built, installed beside core alone, and tested from elsewhere."""
    wheels = build_wheels(session, "persidict_core", EXAMPLE)
    session.install(*wheels, "pytest", "hypothesis")
    with outside(session, *sorted(Path(EXAMPLE, "tests").glob("*.py"))):
        session.run("pytest", "-ra", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed against bare calls; `-- --smoke` only tries that it runs."""
    session.install("./persidict_core[numpy]", "./persidict_file", *PEERS, "matplotlib")
    session.run("python", "benchmarks/files.py", *session.posargs)
    smoke = [word for word in session.posargs if word == "--smoke"]
    session.run("python", "benchmarks/scale.py", *smoke)


@nox.session
def bench_s3(session: nox.Session) -> None:
    """The speed of S3 against bare boto3, on a server as for `s3`; `-- --smoke` as above."""
    session.install("./persidict_core", "./persidict_file", "./persidict_s3", "obstore")
    session.run("python", "benchmarks/s3.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """An sdist and a wheel of every distribution, in dist/."""
    session.install("build[uv]")
    for folder in DISTRIBUTIONS:
        session.run(*BUILD, "--outdir", str(ROOT / "dist"), folder)


@nox.session(venv_backend="none")
def dev(session: nox.Session) -> None:
    """An environment in .venv with everything editable, and the tools."""
    python = ROOT / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    session.run("python", "-m", "venv", ".venv")
    tools = ("nox[uv]", "mypy", "basedpyright", "ruff")
    session.run(str(python), "-m", "pip", "install", *EDITABLE, *tools)
