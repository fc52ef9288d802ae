"""Whether a store keeps what is promised: tried on the store itself, promise by promise."""

from __future__ import annotations

from .examining import examine
from .report import Fitness, Promise, Verdict

__all__ = ["Fitness", "Promise", "Verdict", "examine"]
