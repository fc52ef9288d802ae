"""The sessions that build and check persidict: `nox --list` names them.

`nox -s tests` needs nothing but nox; uv, where it is there, makes the environments faster.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True
nox.options.sessions = ["tests", "lint", "types"]

os.environ.pop("PYTHONPATH", None)  # It would lead to other sources than the clone's.

ROOT = Path(__file__).parent
DISTRIBUTIONS = ("persidict_core", "persidict_file", "persidict_s3", ".")
SOURCES = ("persidict_core/src", "persidict_file/src", "persidict_s3/src")
EXAMPLES = ("examples/persidict-sqlite", "examples/persidict-fsspec")
ACME = "docs/programs/acme"  # What "Write a backend" fills in.
PEERS = ("diskcache", "zict", "fsspec", "sqlitedict", "lmdb")
AT_LENGTH = {
    "PERSIDICT_OPERATIONS": "100000",  # in each history
    "PERSIDICT_KILLS": "1000",
    "PERSIDICT_STATES": "6000",  # after a power cut
    "PERSIDICT_INTERRUPTS": "3000",
    "PERSIDICT_INPUTS": "100000",  # to each loader
    "PERSIDICT_EXAMPLES": "300",  # sequences of actions with each kind of dictionary
    "PERSIDICT_SOAK": "20",  # seconds
    "PERSIDICT_S3_WHOLE": "1",
}
NIGHTLY = {
    "histories": ("tests/linearizability",),
    "crashes": ("tests/crashes",),
    "hostile_bytes": ("-n", "auto", "tests/core/test_hostile_bytes.py", "-k", "any_bytes"),
    "models": ("-n", "auto", "tests/models"),
    "s3": ("tests/s3", "-m", "s3"),
}
"""What runs at length, each in a session of its own: one that fails keeps no other from running."""
MUTANTS = {
    "persidict_core/keys.py": ("tests/core/test_keys.py",),
    "persidict_core/digests.py": ("tests/core/test_digests.py", "tests/core/test_naming.py"),
    "persidict_core/paths.py": ("tests/core/test_paths.py",),
    "persidict_file/atomic.py": (
        "tests/file/test_atomic.py",
        "tests/file/test_names.py",
        "tests/file/test_faults.py",
        *(
            f"tests/file/test_backend.py::TestUnflushed::test_{name}"
            for name in ("etag_condition", "delete_condition", "absent_condition", "etag_stays")
        ),
    ),
    "persidict_file/groups.py": ("tests/file/test_groups.py",),
    "persidict_file/versions.py": ("tests/file/test_versions.py",),
    "persidict_s3/conditions.py": ("tests/s3/test_deciding.py",),
    "persidict_s3/unsure.py": ("tests/s3/test_unsure.py", "tests/s3/test_deciding.py"),
}
"""Modules in which small faults are made, and quick tests that are to find them."""
BUILD = ("python", "-m", "build", "--installer", "uv")
MOTO = "moto[s3,server]"
SITE = ("sphinx>=8", "furo", "myst-parser", "sphinx-copybutton")
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
    """The tests of core on every other supported Python, on 3.13 of files, too; no long ones."""
    long = ("test_layers_kit", "test_kit", "test_flat_memory")
    folders = ("tests/core", "tests/file") if "3.13" in str(session.python) else ("tests/core",)
    left_out = (*(f"tests/core/{name}.py" for name in long), "tests/file/test_dict_kit.py")
    run_tests(session, *folders, *(f"--ignore={file}" for file in left_out))


@nox.session
def as_root(session: nox.Session) -> None:
    """The tests that mount file systems, or act as other users."""
    install_everything(session)
    session.run("pytest", *SIDE_BY_SIDE, "-m", "root", *session.posargs)


@nox.session
@nox.parametrize("part", [nox.param(part, id=part) for part in NIGHTLY])
def nightly(session: nox.Session, part: str) -> None:
    """What no change waits for, as root: the same tests as elsewhere, but at length."""
    install_everything(session)
    wanted = {name: os.environ.get(name, number) for name, number in AT_LENGTH.items()}
    session.run("pytest", "-rA", "--durations=10", *NIGHTLY[part], env=wanted)
    session.notify("coverage")


@nox.session
def coverage(session: nox.Session) -> None:
    """Which branches of the sources the tests take, also in processes that they start, as root."""
    install_everything(session)
    session.install("coverage")
    session.run("coverage", "erase")
    # It looks at all that a process says, and at its end coverage says that its disk is full.
    left_out = "tests/cli/test_processes.py::test_a_file_that_cannot_be_finished_leaves_the_old_one"
    options = (*SIDE_BY_SIDE, f"--deselect={left_out}", *session.posargs)
    session.run("coverage", "run", "-m", "pytest", *options)
    session.run("coverage", "combine")
    session.run("coverage", "report")
    for source in SOURCES:
        session.run("coverage", "report", f"--include={source}/*")


@nox.session
def mutants(session: nox.Session) -> None:
    """Which small faults the tests of delicate modules miss; `-- keys` looks at some modules."""
    install_everything(session)
    session.install("mutmut==3.8.1")
    for module, selection in MUTANTS.items():
        if session.posargs and Path(module).stem not in session.posargs:
            continue
        with TemporaryDirectory() as folder, session.chdir(folder):
            lay_out(Path(folder), module, selection)
            # Its spinner would fill the screen; what matters comes after.
            session.run("mutmut", "run", silent=True)
            told = session.run("mutmut", "results", silent=True)
            for line in str(told).splitlines():
                session.log(line.strip())
                session.run("mutmut", "show", line.strip().partition(":")[0])


def lay_out(folder: Path, module: str, selection: Sequence[str]) -> None:
    """Copy sources and tests so that mutmut finds its way: it knows one `src` only."""
    for source in SOURCES:
        shutil.copytree(ROOT / source, folder / "src", dirs_exist_ok=True)
    shutil.copytree(ROOT / "tests", folder / "tests")
    slow = "tests/file/test_faults.py::test_a_kill_in_the_middle_leaves_whole_values"
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/{module}"],
        "pytest_add_cli_args_test_selection": list(selection),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-m", "not root", f"--deselect={slow}"],
    }
    # A list of strings is written alike in JSON and in TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text("\n".join([text, "[tool.mutmut]", *lines, ""]))


@nox.session
def s3(session: nox.Session) -> None:
    """The tests on a real S3 server: AWS_ENDPOINT_URL_S3's, or Ceph's, started as root."""
    install_everything(session)
    folders = ("tests/s3", "tests/crashes", "tests/compat")
    session.run("pytest", *SIDE_BY_SIDE, *folders, "-m", "s3", *session.posargs)


@nox.session
def clusters(session: nox.Session) -> None:
    """Workers of Dask, joblib and multiprocessing, and a notebook; with such a server, as `s3`."""
    install_everything(session)
    session.install("dask[distributed]", "nbclient", "nbconvert", "ipykernel")
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    session.run("pytest", *SIDE_BY_SIDE, "tests/clusters")
    session.install("joblib==1.3.0")  # The oldest that is supported.
    session.run("pytest", "tests/core/test_joblib_store.py", "tests/core/test_memoizing.py")


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
    programs = [f"examples/{name}.py" for name in ("quickstart", "sweep", "dask_bag")]
    session.run("mypy", *programs, "noxfile.py")
    acme = new_backend(session)
    for folder in (*EXAMPLES, acme):
        session.run("mypy", str(next(Path(folder, "src").iterdir())))
    shutil.copytree(ACME, acme / "src/persidict_acme", dirs_exist_ok=True)
    session.run("mypy", str(acme / "src/persidict_acme"))
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


def new_backend(session: nox.Session) -> Path:
    """Write a new backend's distribution, as its author would; give its folder."""
    into = Path(session.create_tmp()).resolve() / "new"
    shutil.rmtree(into, ignore_errors=True)
    session.run("persidict", "new-backend", "acme", "--into", str(into), silent=True)
    return into / "persidict-acme"


@nox.session
def example(session: nox.Session) -> None:
    """Third-party backends and a new one, built, beside core alone, tested from elsewhere."""
    wheels = build_wheels(session, "persidict_core", *EXAMPLES)
    session.install(*wheels, "click", "rich", "pytest", "pytest-xdist", "hypothesis")
    acme = new_backend(session)
    shutil.copytree(ACME, acme / "src/persidict_acme", dirs_exist_ok=True)
    session.install(*build_wheels(session, str(acme)))
    tests = [file for folder in (*EXAMPLES, acme) for file in Path(folder, "tests").glob("*.py")]
    with outside(session, *sorted(tests)):
        session.run("pytest", "-ra", "-n", "auto", "--dist", "loadscope", *session.posargs)
        for folder in EXAMPLES:
            readme = ROOT / folder / "README.md"
            session.run("python", str(ROOT / "tests/docs/run_page.py"), str(readme))


@nox.session
def docs(session: nox.Session) -> None:
    """The site of docs, in docs/_build/html: warnings are errors, links lead somewhere."""
    session.install("./persidict_core[testing]", "./persidict_file", "./persidict_s3", *SITE)
    site = "docs/_build/html"
    shutil.rmtree(ROOT / site, ignore_errors=True)
    session.run("sphinx-build", "--quiet", "-E", "-W", "-n", "--keep-going", "docs", site)
    session.run("python", "docs/check_site.py", site)


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
def bench_copies(session: nox.Session) -> None:
    """The speed of whole copies, on files and to S3 (with rclone); `-- --smoke` as above."""
    session.install("./persidict_core", "./persidict_file", "./persidict_s3")
    session.run("python", "benchmarks/copying.py", *session.posargs)


@nox.session
def bench_many(session: nox.Session) -> None:
    """The speed of many processes at once, on files and on S3; `-- --smoke` as above."""
    session.install("./persidict_core", "./persidict_file", "./persidict_s3", "diskcache")
    session.run("python", "benchmarks/contention.py", *session.posargs)


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
    tools = (MOTO, "pytest-xdist", "nox[uv]", "mypy", "basedpyright", "ruff")
    session.run(str(python), "-m", "pip", "install", *EDITABLE, *tools)
