"""The goals, and the table of the figures beside them.

python3 benchmarks/table.py writes the table of the stored results into README.md again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contenders import CONTENDERS
from rows import Row

HERE = Path(__file__).parent
README = HERE / "README.md"
RESULTS = HERE / "results" / "files.json"
BEGIN, END = "<!-- The table, written by table.py: -->\n", "<!-- End of the table. -->\n"
OURS = "persidict"


@dataclass(frozen=True)
class Goal:
    """What an operation may cost.

    Attributes:
        operation: How the rows' names begin.
        most: The largest figure that meets the goal.
        yardstick: What it is measured by.
        unit: Of the figure; empty for a ratio.
    """

    operation: str
    most: float
    yardstick: str = "bare calls"
    unit: str = ""


GOALS = (
    Goal("get, key seen", 0.9),
    Goal("get, never seen", 1.15),
    Goal("in, key seen", 1.1),
    Goal("in, never seen", 2.0),
    Goal("set, flushed", 1.05),
    Goal("set, unflushed", 1.3),
    Goal("keys", 2.2),
    Goal("len", 1.8, "bare keys"),
    Goal("newest 10", 1.1),
    Goal("items", 1.15),
    Goal("update with", 0.4, "one by one"),
    Goal("transform by 8, flushed", 1.0, "diskcache's transact"),
    Goal("transform by 8, unflushed", 0.25, "diskcache's transact"),
    Goal("import persidict", 25, "bare Python", "ms more"),
    Goal("from persidict import", 25, "bare Python", "ms more"),
    Goal("memory: listing", 32, "before", "MB more"),
    Goal("memory: writing", 16, "before", "MB more"),
    Goal("memory: reading", 2.2, "size of the value"),
    Goal("get, against", 1.3, "store of 10"),
    Goal("in, against", 1.3, "store of 10"),
    Goal("set, against", 1.3, "store of 10"),
)


def goal_of(operation: str) -> Goal:
    return next(goal for goal in GOALS if operation.startswith(goal.operation))


def missing(rows: Iterable[Row]) -> list[str]:
    """The operations of which there is no figure of ours."""
    found = {goal_of(row.operation) for row in rows if row.contender == OURS}
    return [goal.operation for goal in GOALS if goal not in found]


def shown(number: float) -> str:
    if number >= 100:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def cells(rows: Iterable[Row]) -> Iterator[list[str]]:
    """The lines of the table, the first its head; ours first, a row for each operation and size."""
    figures: dict[tuple[str, int], dict[str, Row]] = {}
    for row in rows:
        figures.setdefault((row.operation, row.count), {})[row.contender] = row
    present = {name for group in figures.values() for name in group}
    others = [name for name in CONTENDERS if name in present and name != OURS]
    yield ["operation", "items", "goal", "persidict", "median", "met", "measured by", *others]
    # Sorting keeps the order in which rows of one goal and size were measured.
    for operation, count in sorted(figures, key=lambda key: (GOALS.index(goal_of(key[0])), key[1])):
        group, goal = figures[operation, count], goal_of(operation)
        unit = f" {goal.unit}" if goal.unit else ""
        ours = group.get(OURS)
        yield [
            operation,
            f"{count:,}" if count else "",
            shown(goal.most) + unit,
            shown(ours.figure) + unit if ours else "",
            shown(ours.median) if ours else "",
            ("yes" if ours.figure <= goal.most else "NO") if ours else "",
            f"{goal.yardstick} ({shown(ours.base)})" if ours and ours.base else goal.yardstick,
            *(shown(group[name].figure) if name in group else "" for name in others),
        ]


def as_text(lines: Iterable[list[str]]) -> str:
    lines = list(lines)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_markdown(lines: Iterable[list[str]]) -> str:
    head, *body = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *body])


def put_between(begin: str, end: str, text: str) -> None:
    """Replace what stands between two marks in README.md."""
    before, rest = README.read_text(encoding="utf-8").split(begin)
    after = rest.partition(end)[2]
    README.write_text(f"{before}{begin}\n{text}\n\n{end}{after}", encoding="utf-8")


def write_readme(results: dict[str, Any]) -> None:
    """Put the table of some results between its marks in README.md."""
    rows = [Row(**row) for row in results["rows"]]
    facts = [f"- {name}: {said}" for name, said in results["about"].items()]
    put_between(BEGIN, END, "\n".join([*facts, "", as_markdown(cells(rows))]))


if __name__ == "__main__":
    write_readme(json.loads(RESULTS.read_text(encoding="utf-8")))
    sys.exit()
