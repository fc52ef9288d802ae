"""A picture of the stored results: each store beside bare calls.

python3 benchmarks/plot.py draws results/files.png again.
"""

from __future__ import annotations

import json
from typing import Any

from contenders import CONTENDERS
from rows import Row
from table import GOALS, RESULTS, goal_of

PICTURE = RESULTS.with_suffix(".png")


def draw(results: dict[str, Any]) -> None:
    """Draw the ratios to bare calls, on a logarithmic scale, with the goals as lines.

    Args:
        results: What a run has stored.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [Row(**row) for row in results["rows"]]
    compared = [row for row in rows if goal_of(row.operation).yardstick.startswith("bare")]
    compared = [row for row in compared if row.count]
    smallest = min(row.count for row in compared)
    figures = {
        (row.operation, row.contender): row.figure for row in compared if row.count == smallest
    }
    goals = [goal for goal in GOALS if any(name == goal.operation for name, _ in figures)]
    names = [name for name in CONTENDERS if any(name == found for _, found in figures)]

    figure, axes = pyplot.subplots(figsize=(13, 6), layout="constrained")
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        shift = (place - len(names) / 2 + 0.5) * width
        done = [number for number, goal in enumerate(goals) if (goal.operation, name) in figures]
        heights = [figures[goals[number].operation, name] for number in done]
        label = "persidict before 1.0" if name == "published" else name
        axes.bar([number + shift for number in done], heights, width, label=label)
    for number, goal in enumerate(goals):
        label = "goal of persidict" if number == 0 else ""
        left, right = number - 0.42, number + 0.42
        axes.hlines(goal.most, left, right, colors="black", linestyles="dashed", label=label)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_ylabel("time, as a multiple of bare calls (log)")
    axes.set_xticks(range(len(goals)), [goal.operation.replace(", ", ",\n") for goal in goals])
    axes.set_title(
        f"{smallest:,} items of about 1 KB; {results['about']['machine']}; "
        f"Python {results['about']['Python']}; {results['about']['date']}",
        fontsize=9,
    )
    axes.legend(ncols=3, fontsize=9)
    figure.savefig(PICTURE, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    draw(json.loads(RESULTS.read_text(encoding="utf-8")))
