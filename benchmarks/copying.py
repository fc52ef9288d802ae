"""How fast whole dictionaries are copied, against ``cp -r`` and rclone.

    python3 benchmarks/copying.py                   all; some minutes
    python3 benchmarks/copying.py --only folders    one of folders, s3; nothing is stored
    python3 benchmarks/copying.py --smoke           half a minute: only whether all of it runs

The server is the one that AWS_ENDPOINT_URL_S3 names, or Ceph's, started here, which shares the
machine. rclone is Debian's (apt-get install rclone); without it, only folders are measured. Each
copy is made in turn with its yardstick's, into a new place each time, after what was written before
has reached the disk. A whole run stores its results in results/copying.json, and writes the table
in README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

import table
from files import about, refuse_unknown
from rows import Row, ratio_row
from table import Goal

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "copying.json"
BEGIN = "<!-- The table of copies, written by copying.py: -->\n"
END = "<!-- End of the table of copies. -->\n"
CONNECTIONS = 32

GOALS = (
    Goal("folder to folder, unflushed", 2.0, "cp -r"),
    Goal("files to S3", 1.2, "rclone copy"),
)
KINDS = ("folders", "s3")
SIZES = {"folders": 100_000, "s3": 5000}
SMOKE = {"folders": 200, "s3": 50}


def timed(work: Callable[..., object], *arguments: object) -> float:
    """The seconds that it takes, once the disk is at rest."""
    os.sync()
    begun = perf_counter()
    work(*arguments)
    return perf_counter() - begun


def row(operation: str, count: int, passes: list[tuple[float, float]]) -> Row:
    return ratio_row(operation, table.OURS, count, [[each] for each in passes], count)


def run(*command: object) -> None:
    # rclone refuses certificates that the environment names, and needs none here.
    own = {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
    words = [str(word) for word in command]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=own)


def filled(folder: Path, count: int, size: int) -> Any:
    from persidict_file import FileDirDict

    d: FileDirDict[bytes] = FileDirDict(folder, fsync=False)
    d.update((f"item{number:06}", os.urandom(size)) for number in range(count))
    return d


def folders(folder: Path, count: int, passes: int) -> Iterator[Row]:
    from persidict_file import FileDirDict

    source = filled(folder / "source", count, 20)
    copied, again = [], []
    for number in range(passes):
        cp, ours = folder / f"cp{number}", folder / f"ours{number}"
        target: FileDirDict[bytes] = FileDirDict(ours, fsync=False)
        base = timed(run, "cp", "-r", source.base_dir, cp)
        copied.append((base, timed(source.copy_to, target)))
        base = timed(run, "cp", "-ru", f"{source.base_dir}/.", cp)
        again.append((base, timed(source.copy_to, target)))
        assert len(target) == count
        shutil.rmtree(cp)
        shutil.rmtree(ours)
    yield row("folder to folder, unflushed", count, copied)
    yield row("folder to folder again, nothing changed (cp -ru)", count, again)


def s3(folder: Path, count: int, passes: int) -> Iterator[Row]:
    if shutil.which("rclone") is None:
        print("rclone is not installed, and nothing is measured by it", file=sys.stderr)
        return
    from persidict_s3 import S3Dict

    source = filled(folder / "source", count, 1000)
    with Bucket() as bucket:
        words = ("--transfers", CONNECTIONS, "--checkers", CONNECTIONS, "--s3-no-check-bucket")

        def rclone(prefix: str) -> None:
            run("rclone", "copy", source.base_dir, f"bench:{bucket.name}/{prefix}", *words)

        copied, again = [], []
        for number in range(passes):
            prefix = f"rclone{number}"
            # A digest in a name makes it as long as the file's.
            target: S3Dict[bytes] = S3Dict(
                bucket.name, root_prefix=f"ours{number}", max_connections=CONNECTIONS
            )
            base = timed(rclone, prefix)
            copied.append((base, timed(source.copy_to, target)))
            base = timed(rclone, prefix)
            again.append((base, timed(source.copy_to, target)))
            assert len(target) == count
    yield row("files to S3", count, copied)
    yield row("files to S3 again, nothing changed (rclone copy)", count, again)


class Bucket:
    """A bucket of the server that the environment names, for rclone too; removed in the end."""

    def __init__(self) -> None:
        import boto3

        self.name = f"persidict-bench-{uuid4().hex}"
        session = boto3.session.Session()
        self._resource = session.resource("s3")
        os.environ |= {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_BENCH_TYPE": "s3",
            "RCLONE_CONFIG_BENCH_PROVIDER": "Other",
            "RCLONE_CONFIG_BENCH_ENV_AUTH": "true",
            "RCLONE_CONFIG_BENCH_ENDPOINT": session.client("s3").meta.endpoint_url,
        }

    def __enter__(self) -> Bucket:
        self._resource.create_bucket(Bucket=self.name)
        return self

    def __exit__(self, *exception: object) -> None:
        there = self._resource.Bucket(self.name)
        there.objects.all().delete()
        there.delete()


def cells(rows: list[Row]) -> Iterator[list[str]]:
    """The lines of the table, the first its head."""
    goals = {goal.operation: goal for goal in GOALS}
    yield ["copy", "items", "goal", "persidict", "median", "met", "measured by"]
    for each in rows:
        goal = goals.get(each.operation)
        yield [
            each.operation,
            f"{each.count:,}",
            table.shown(goal.most) if goal else "",
            table.shown(each.figure),
            table.shown(each.median),
            ("yes" if each.figure <= goal.most else "NO") if goal else "",
            f"{goal.yardstick if goal else 'the same'} ({table.shown(each.base)})",
        ]


def write_readme(results: dict[str, Any]) -> None:
    """Put the table of some results between its marks in README.md."""
    lines = [f"- {name}: {said}" for name, said in results["about"].items()]
    text = table.as_markdown(cells([Row(**each) for each in results["rows"]]))
    table.put_between(BEGIN, END, "\n".join([*lines, "", text]))


def facts(folder: Path) -> dict[str, str]:
    """What the figures depend on."""
    found = about(folder)
    found["command"] = shlex.join(["python3", "benchmarks/copying.py", *sys.argv[1:]])
    del found["stores"]
    if shutil.which("rclone"):
        said = subprocess.run(["rclone", "version"], capture_output=True, text=True).stdout
        found["rclone"] = f"{said.split()[1]}, {CONNECTIONS} transfers at once, as here"
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"some of {','.join(KINDS)}")
    parser.add_argument("--smoke", action="store_true", help="tiny, and stores nothing")
    parser.add_argument("--passes", type=int, help="how often everything is repeated")
    parser.add_argument("--folder", help="where to make the stores: on the disk to be measured")
    options = parser.parse_args()
    refuse_unknown(parser, options.only, KINDS)
    return options


def measured(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    sizes = SMOKE if options.smoke else SIZES
    passes = options.passes or (1 if options.smoke else 5)
    wanted = options.only.split(",") if options.only else KINDS
    if "folders" in wanted:
        yield from folders(folder / "folders", sizes["folders"], passes)
    if "s3" in wanted:
        sys.path.insert(0, str(HERE.parent))
        from tests.s3.server.running import s3_environment

        with s3_environment(folder) as added:
            os.environ.update(added)
            yield from s3(folder / "s3", sizes["s3"], passes)


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="persidict-bench-") as name:
        folder = Path(name)
        rows = list(measured(options, folder))
        said = facts(folder)
    print(table.as_text(cells(rows)))
    if options.smoke:
        print("All of it runs. Figures of so few items and passes mean little.")
    if options.smoke or options.only:
        return
    results = {"about": said, "rows": [asdict(each) for each in rows]}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    write_readme(results)


if __name__ == "__main__":
    main()
