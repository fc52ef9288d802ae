"""How fast the dictionary in S3 is, against bare boto3 and beside other ways.

    python3 benchmarks/s3.py                        all; a quarter of an hour
    python3 benchmarks/s3.py --only single,many     some operations; nothing is stored
    python3 benchmarks/s3.py --smoke                a minute: only whether all of it runs

The server is the one that AWS_ENDPOINT_URL_S3 names, or Ceph's, started here; it shares the machine
with the client, so that the client's CPU tells more than the time. A slow link stands between them
where that is said. Each contender has a process of its own, in which every operation is timed in
turn with bare boto3. What is not installed is left out; s3fs and the published package run in
environments of their own, which are made under .nox/. A whole run stores its results in
results/s3.json, and writes the table in README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import table
from files import PUBLISHED, about, refuse_unknown
from rows import Row, take_over
from s3_contenders import S3_CONTENDERS
from s3_operations import LISTED, OPERATIONS
from table import Goal

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results" / "s3.json"
BEGIN, END = "<!-- The table of S3, written by s3.py: -->\n", "<!-- End of the table of S3. -->\n"
MILLISECONDS = 20
APART = {"s3fs": ("s3fs", "s3fs"), "published": ("persidict", f"persidict=={PUBLISHED}")}
"""Contenders that want other versions of boto3: the environment's name, and what to install."""

SIZES = {"single": 200, "far": 40, "many": 2000, "listed": 20_000, "megabytes": 256}
SMOKE = {"single": 20, "far": 5, "many": 50, "listed": 1100, "megabytes": 16}


GOALS = (
    Goal("get, CPU", 1.0, "boto3"),
    Goal("in, CPU", 1.0, "boto3"),
    Goal("set, CPU", 1.0, "boto3"),
    Goal("set, behind 20 ms, time", 0.6, "boto3"),
    Goal("keys, CPU", 0.45, "boto3"),
    Goal("keys, memory", 8, "before", "MB more"),
    *(
        Goal(f"{operation}{way}, time", 0.9, "boto3, pool")
        for way in ("", ", behind 20 ms")
        for operation in ("get_many", "set_many", "items")
    ),
    Goal("write of a large value, time", 1.1, "boto3's managed transfer"),
    Goal("read of a large value, time", 1.1, "boto3's managed transfer"),
    Goal("import persidict_s3", 20, "import boto3", "ms more"),
    Goal("import boto3, persidict_s3.s3_dict", 20, "import boto3", "ms more"),
)


def python_of(name: str, make: bool) -> str | None:
    """The Python to run a contender by; None if it is not installed, and is not to be."""
    if name not in APART:
        return sys.executable if S3_CONTENDERS[name].version() else None
    given = os.environ.get(f"{name.upper()}_PYTHON")
    if given:
        return given
    folder, wanted = APART[name]
    environment = ROOT / ".nox" / f"bench-s3-{folder}"
    python, ready = environment / "bin" / "python", environment / "ready"
    if not ready.exists() and make:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", wanted], check=True)
        ready.touch()
    return str(python) if ready.exists() else None


@contextmanager
def slow_link(endpoint: str) -> Iterator[str]:
    """The URL of a link to a server that takes its time, in a process of its own."""
    address = urlsplit(endpoint).netloc
    if urlsplit(endpoint).scheme != "http" or ":" not in address:
        yield endpoint  # That is far enough away as it is.
        return
    command = [sys.executable, str(HERE / "link.py"), address, str(MILLISECONDS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def fill(endpoint: str, bucket: str, count: int) -> None:
    """Make the objects that are listed."""
    from persidict_s3 import S3Dict

    S3Dict[int](bucket, root_prefix=LISTED, endpoint_url=endpoint).update(
        {(f"group{number % 200}", f"item{number:07}"): number for number in range(count)}
    )


def measured(options: argparse.Namespace, endpoint: str, link: str, bucket: str) -> Iterator[Row]:
    sizes = SMOKE if options.smoke else SIZES
    passes = options.passes or (1 if options.smoke else 5)
    operations = options.only.split(",") if options.only else list(OPERATIONS)
    if "listing" in operations:
        fill(endpoint, bucket, sizes["listed"])
    for name in options.contenders.split(",") if options.contenders else S3_CONTENDERS:
        python = python_of(name, make=not options.smoke)
        if python is None:
            print(f"{name} is not installed here, and left out", file=sys.stderr)
            continue
        words = [name, endpoint, link, bucket, name, json.dumps(sizes), str(passes), *operations]
        command = [python, str(HERE / "s3_operations.py"), *words]
        print("+", shlex.join(command), file=sys.stderr, flush=True)
        # Sources of ours that are on the path would be found by the published package's Python.
        own = {**os.environ}
        if name in APART:
            own.pop("PYTHONPATH", None)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=own)
        if done.returncode and name == table.OURS:
            sys.exit(done.returncode)
        if done.returncode:
            print(f"{name} failed, and is left out", file=sys.stderr)
            continue
        yield from take_over(done.stdout)


def remove(endpoint: str, bucket: str) -> None:
    import boto3

    there = boto3.session.Session().resource("s3", endpoint_url=endpoint).Bucket(bucket)
    there.objects.all().delete()
    there.delete()


def cells(rows: list[Row]) -> Iterator[list[str]]:
    """The lines of the table, the first its head; what has a goal first, in the goals' order."""
    figures: dict[str, dict[str, Row]] = {}
    for row in rows:
        figures.setdefault(row.operation, {})[row.contender] = row
    goals = {goal.operation: goal for goal in GOALS}
    present = {name for group in figures.values() for name in group}
    others = [name for name in S3_CONTENDERS if name in present and name != table.OURS]
    yield ["operation", "items", "goal", "persidict", "median", "met", "measured by", *others]
    order = list(goals)
    for operation in sorted(
        figures, key=lambda name: order.index(name) if name in goals else len(order)
    ):
        group, goal = figures[operation], goals.get(operation)
        ours = group.get(table.OURS)
        count = next(iter(group.values())).count
        unit = f" {goal.unit}" if goal and goal.unit else ""
        yardstick = goal.yardstick if goal else "the same"
        yield [
            operation,
            f"{count:,}" if count else "",
            table.shown(goal.most) + unit if goal else "",
            table.shown(ours.figure) + unit if ours else "",
            table.shown(ours.median) if ours else "",
            ("yes" if ours.figure <= goal.most else "NO") if ours and goal else "",
            f"{yardstick} ({table.shown(ours.base)})" if ours and ours.base else yardstick,
            *(table.shown(group[name].figure) if name in group else "" for name in others),
        ]


def facts(endpoint: str) -> dict[str, str]:
    """What the figures depend on."""
    found = about(HERE)
    found["command"] = shlex.join(["python3", "benchmarks/s3.py", *sys.argv[1:]])
    versions = {name: kind.version() for name, kind in S3_CONTENDERS.items()}
    versions["published"] = PUBLISHED
    versions["s3fs"] = version_in("s3fs")
    found["ways"] = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    del found["stores"]
    local = urlsplit(endpoint).hostname == "127.0.0.1"
    found["server"] = "on this machine" if local else "another machine"
    return found


def version_in(name: str) -> str | None:
    python = python_of(name, make=False)
    if python is None:
        return None
    code = f"import importlib.metadata as m; print(m.version({APART[name][0]!r}))"
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True).stdout.strip()


def write_readme(results: dict[str, Any]) -> None:
    """Put the table of some results between its marks in README.md."""
    lines = [f"- {name}: {said}" for name, said in results["about"].items()]
    text = table.as_markdown(cells([Row(**row) for row in results["rows"]]))
    table.put_between(BEGIN, END, "\n".join([*lines, "", text]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"some of {','.join(OPERATIONS)}")
    parser.add_argument("--contenders", help=f"some of {','.join(S3_CONTENDERS)}")
    parser.add_argument("--smoke", action="store_true", help="tiny, and stores nothing")
    parser.add_argument("--passes", type=int, help="how often everything is repeated")
    options = parser.parse_args()
    refuse_unknown(parser, options.only, OPERATIONS)
    refuse_unknown(parser, options.contenders, S3_CONTENDERS)
    return options


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from tests.s3.server.running import ENDPOINT, s3_environment

    options = arguments()
    bucket = f"persidict-bench-{uuid4().hex}"
    with (
        tempfile.TemporaryDirectory(prefix="persidict-bench-") as folder,
        s3_environment(Path(folder)) as added,
    ):
        os.environ.update(added)
        endpoint = os.environ[ENDPOINT]
        import boto3

        boto3.session.Session().client("s3").create_bucket(Bucket=bucket)
        try:
            with slow_link(endpoint) as link:
                rows = list(measured(options, endpoint, link, bucket))
        finally:
            remove(endpoint, bucket)
    said = facts(endpoint)
    print(table.as_text(cells(rows)))
    measured_ones = {row.operation for row in rows if row.contender == table.OURS}
    if lacking := [goal.operation for goal in GOALS if goal.operation not in measured_ones]:
        print("Not measured:", "; ".join(lacking))
    if options.smoke:
        print("All of it runs. Figures of so few items and passes mean little.")
    if options.smoke or options.only or options.contenders:
        return
    results = {"about": said, "rows": [asdict(row) for row in rows]}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    write_readme(results)


if __name__ == "__main__":
    main()
