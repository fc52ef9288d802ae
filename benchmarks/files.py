"""How fast the dictionary of files is, against bare calls and beside other stores.

    python3 benchmarks/files.py                     all, with 4,000 items; some minutes
    python3 benchmarks/files.py --large             with 100,000, and listings of 1,000,000 too
    python3 benchmarks/files.py --only get,in       some operations; nothing is stored
    python3 benchmarks/files.py --smoke             some seconds: only whether all of it runs

Each contender has a process of its own, in which every operation is timed in turn with its
yardstick. What is not installed is left out. A whole run stores its results in results/files.json,
writes the table in README.md and draws the picture beside it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import table
from contenders import CONTENDERS
from operations import OPERATIONS
from rows import Row, take_over

HERE = Path(__file__).parent
PUBLISHED = "0.309.0"
PUBLISHED_ENVIRONMENT = HERE.parent / ".nox" / f"published-{PUBLISHED}"
FOOTPRINT = ("imports", "memory", "growth")
EVERYTHING = (*OPERATIONS, "transform", *FOOTPRINT)


def published_python(make: bool) -> str | None:
    """A Python with the published package; PUBLISHED_PYTHON names one, else it is made."""
    given = os.environ.get("PUBLISHED_PYTHON")
    if given:
        return given
    python = PUBLISHED_ENVIRONMENT / "bin" / "python"
    if not python.exists() and make:
        subprocess.run([sys.executable, "-m", "venv", str(PUBLISHED_ENVIRONMENT)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", f"persidict=={PUBLISHED}"]
        subprocess.run(command, check=True)
    return str(python) if python.exists() else None


def measured(python: str, script: str, folder: Path, *arguments: object) -> list[Row]:
    """The rows of one script, run in a process of its own; FOLDER in its arguments is a new one."""
    with tempfile.TemporaryDirectory(dir=folder) as here:
        words = [here if word is FOLDER else str(word) for word in arguments]
        command = [python, str(HERE / script), *words]
        print("+", shlex.join(command), file=sys.stderr, flush=True)
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return take_over(done.stdout)


FOLDER = object()


class Run:
    """What the command line asks for.

    Args:
        options: The command line's.
        folder: Where the stores are made.
    """

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.only = options.only.split(",") if options.only else list(EVERYTHING)
        self.names = options.contenders.split(",") if options.contenders else list(CONTENDERS)
        self.smoke: bool = options.smoke
        self.large: bool = options.large
        self.passes = options.passes or (2 if self.smoke else 7)
        self.folder = folder

    @property
    def counts(self) -> list[int]:
        return [100] if self.smoke else [4000, 100_000] if self.large else [4000]

    def python_of(self, name: str) -> str | None:
        if name == "published":
            return published_python(make=not self.smoke)
        there = name == table.OURS or CONTENDERS[name].version() is not None
        return sys.executable if there else None

    def rows(self) -> Iterator[Row]:
        operations = [name for name in self.only if name in OPERATIONS]
        for count in self.counts if operations else ():
            for name in self.names:
                python = self.python_of(name)
                if python is None:
                    print(f"{name} is not installed here, and left out", file=sys.stderr)
                    continue
                passes = self.passes if count <= 10_000 else min(self.passes, 3)
                size = (name, FOLDER, count, passes)
                yield from measured(python, "operations.py", self.folder, *size, *operations)
        if "transform" in self.only and self.python_of("diskcache") is not None:
            times = (20, 5) if self.smoke else (500, 50)
            passes = min(3, self.passes)
            yield from measured(sys.executable, "races.py", self.folder, FOLDER, passes, *times)
        footprint = [name for name in self.only if name in FOOTPRINT]
        if footprint:
            biggest = 1000 if self.smoke else 1_000_000 if self.large else 100_000
            size = (FOLDER, self.passes, biggest, 8 if self.smoke else 256)
            yield from measured(sys.executable, "footprint.py", self.folder, *size, *footprint)


def about(folder: Path) -> dict[str, str]:
    """What the figures depend on."""
    versions = {name: kind.version() for name, kind in CONTENDERS.items()}
    versions["published"] = PUBLISHED if published_python(make=False) else None
    kind = subprocess.run(["df", "--output=fstype", str(folder)], capture_output=True, text=True)
    file_system = kind.stdout.split()[-1] if kind.stdout else "unknown"
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "command": shlex.join(["python3", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "machine": f"{os.cpu_count()} cores, {processor()}, {platform.system()} "
        f"{platform.machine()}, file system {file_system}",
        "busy": f"load average of {os.getloadavg()[2]:.1f}, its own share included",
        "Python": platform.python_version(),
        "stores": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "unknown processor")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"some of {','.join(EVERYTHING)}")
    parser.add_argument("--contenders", help=f"some of {','.join(CONTENDERS)}")
    parser.add_argument("--smoke", action="store_true", help="tiny, and stores nothing")
    parser.add_argument("--large", action="store_true", help="more items; half an hour")
    parser.add_argument("--passes", type=int, help="how often everything is repeated")
    parser.add_argument("--folder", help="where to make the stores: on the disk to be measured")
    options = parser.parse_args()
    refuse_unknown(parser, options.only, EVERYTHING)
    refuse_unknown(parser, options.contenders, CONTENDERS)
    return options


def refuse_unknown(
    parser: argparse.ArgumentParser, given: str | None, known: Iterable[str]
) -> None:
    """End with an error if a list of names, separated by commas, has one that is not known."""
    unknown = set(given.split(",")) - set(known) if given else set()
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="persidict-bench-") as folder:
        rows = list(Run(options, Path(folder)).rows())
        facts = about(Path(folder))
    print(table.as_text(table.cells(rows)))
    if missing := table.missing(rows):
        print("Not measured:", "; ".join(missing))
    if options.smoke:
        print("All of it runs. Figures of so few items and passes mean little.")
    if options.smoke or options.only or options.contenders:
        return
    results = {"about": facts, "rows": [asdict(row) for row in rows]}
    table.RESULTS.parent.mkdir(exist_ok=True)
    table.RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    table.write_readme(results)
    import plot

    plot.draw(results)


if __name__ == "__main__":
    main()
