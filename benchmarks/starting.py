"""How long a new Python takes to import something."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from time import perf_counter

from rows import Row


def milliseconds(code: str) -> float:
    """What a Python takes from its start to its end."""
    # Modules are compiled once, by the first start; else each start would be measured with it.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", code]
    begun = perf_counter()
    subprocess.run(command, check=True, cwd=tempfile.gettempdir(), env=environment)
    return (perf_counter() - begun) * 1000


def over(bare: str, code: str, contender: str, passes: int) -> Row:
    """How much longer it takes with some code than with other, in turn."""
    milliseconds(code)
    times = [(milliseconds(bare), milliseconds(code)) for _ in range(passes)]
    base, own = (min(column) for column in zip(*times, strict=True))
    median = statistics.median(theirs - base for base, theirs in times)
    return Row(code, contender, 0, own - base, median, own, base)
