"""Pictures of the stored benchmarks: bars in HTML, which fit any screen, light or dark."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

OURS = "persidict"
NAMES = {"published": "persidict 0.309"}
SHORTEST = 0.05
"""Ratios below it get a bar of the same length, so that the others can be told apart."""


class Bar(NamedTuple):
    """One bar.

    Attributes:
        group: The heading that it stands under.
        name: What stands before it.
        figure: Its length, on a logarithmic scale; above 0.
        text: What stands behind it.
        strong: Whether it is what the chart is about.
    """

    group: str
    name: str
    figure: float
    text: str
    strong: bool


def draw(results: Path, folder: Path) -> None:
    """Write the chart of each benchmark that has results.

    Args:
        results: The folder of the stored results, as JSON.
        folder: Where the charts go, as fragments of HTML; made if it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, bars, scale in (
        ("files", _compared, "Multiples of bare calls, on a logarithmic scale; less is better."),
        ("s3", _compared, "Multiples of bare boto3, on a logarithmic scale; less is better."),
        ("scale", _grown, "Seconds, on a logarithmic scale."),
    ):
        source = results / f"{name}.json"
        if not source.exists():
            (folder / f"{name}.html").write_text("<p>Not measured yet.</p>\n", encoding="utf-8")
            continue
        stored = json.loads(source.read_text(encoding="utf-8"))
        about = stored["about"]
        told = f"{scale} {about['machine']}; Python {about['Python']}; {about['date']}."
        text = chart(list(bars(stored["rows"])), told)
        (folder / f"{name}.html").write_text(text, encoding="utf-8")


def _compared(rows: list[dict[str, Any]]) -> Iterable[Bar]:
    """Each operation in which stores were compared, at the smallest number of items."""
    stores: dict[str, set[str]] = {}
    for row in rows:
        stores.setdefault(row["operation"], set()).add(row["contender"])
    smallest = min(row["count"] for row in rows if len(stores[row["operation"]]) > 2)
    for operation in stores:
        if len(stores[operation]) > 2:
            for row in rows:
                if row["operation"] == operation and row["count"] == smallest:
                    name, figure = row["contender"], row["figure"]
                    length = max(figure, SHORTEST)
                    told = f"{figure:.2g}" if figure < 10 else f"{figure:.0f}"
                    yield Bar(operation, NAMES.get(name, name), length, told, name == OURS)


def _grown(rows: list[dict[str, Any]]) -> Iterable[Bar]:
    """What each operation takes in ever larger stores."""
    for operation in dict.fromkeys(row["operation"] for row in rows):
        for row in rows:
            if row["operation"] == operation:
                seconds, memory = row["seconds"], row["megabytes"]
                yield Bar(
                    operation,
                    f"{row['count']:,} {row['store']}",
                    seconds,
                    f"{seconds:.3g} s, {memory:.1f} MB",
                    row["store"] == "files",
                )


def chart(bars: list[Bar], caption: str) -> str:
    """The bars as a figure.

    Args:
        bars: All bars; those of one group follow each other.
        caption: What stands below.
    """
    logs = [math.log10(bar.figure) for bar in bars]
    # A tenth is left at the lower end, so that the shortest bar can be seen.
    low = min(logs) - (max(logs) - min(logs) or 1) / 10
    lines = ['<figure class="bars">']
    group = ""
    for bar, log in zip(bars, logs, strict=True):
        if bar.group != group:
            group = bar.group
            lines.append(f'<div class="bars-group">{escape(group)}</div>')
        width = 100 * (log - low) / (max(logs) - low)
        kind = "bars-bar bars-strong" if bar.strong else "bars-bar"
        lines.append(
            f'<div class="bars-name">{escape(bar.name)}</div>'
            f'<div class="bars-track"><div class="{kind}" style="width:{width:.1f}%"></div></div>'
            f'<div class="bars-text">{escape(bar.text)}</div>'
        )
    lines.append(f"<figcaption>{escape(caption)}</figcaption></figure>")
    return "\n".join(lines) + "\n"
