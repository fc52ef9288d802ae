"""How much memory something takes, and how much of the processor's time; Linux tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def _kilobytes(name: str) -> int:
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


class Peak:
    """What was used.

    Attributes:
        megabytes: By how much resident memory grew in between, at most.
        seconds: Of the processor.
    """

    megabytes = 0.0
    seconds = 0.0


@contextmanager
def measured() -> Iterator[Peak]:
    """Measure what is done meanwhile."""
    peak = Peak()
    _RESET.write_text("5")  # Sets the highest size back to what it is now; see proc(5).
    before, begun = _kilobytes("VmRSS"), time.process_time()
    try:
        yield peak
    finally:
        peak.seconds = time.process_time() - begun
        peak.megabytes = (_kilobytes("VmHWM") - before) / 1024
