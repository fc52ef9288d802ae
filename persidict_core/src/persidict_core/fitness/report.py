"""What came out of examining a store, for people and for programs."""

from __future__ import annotations

import textwrap
from collections import Counter
from enum import Enum
from typing import Any, Final, NamedTuple

from ..checking import Some
from ..printable import printable

_WIDTH: Final = 80
_LONGEST: Final = 400


class Verdict(Enum):
    """What came out of trying one promise.

    Example:
        >>> [verdict.value for verdict in Verdict]
        ['holds', 'does not', 'not claimed', 'cannot tell']
    """

    HOLDS = "holds"
    DOES_NOT = "does not"
    NOT_CLAIMED = "not claimed"
    CANNOT_TELL = "cannot tell"


class Promise(NamedTuple):
    """One promise, and whether a store keeps it.

    Attributes:
        group: What it is about.
        name: The promise, as a sentence.
        verdict: Whether it holds; `Verdict.NOT_CLAIMED`: the store refuses what would need it.
        explanation: What was seen, and what that means; fit to be printed.
        needed: Whether the store is fit only if it holds.
        seconds: How long trying it took.

    Example:
        >>> from persidict_core import examine
        >>> found = examine("memory://", level="quick")
        >>> sorted({promise.group for promise in found.promises})
        ['Conditions', 'Many at once', 'Names', 'Seeing', 'The store', 'Values']
    """

    group: str
    name: str
    verdict: Verdict
    explanation: str
    needed: bool
    seconds: float


class Fitness(NamedTuple):
    """What `examine` found.

    Attributes:
        store: The store, as its URL or ``repr``, fit to be printed.
        level: How far it went.
        promises: The promises, in groups.
        left: What could not be removed again.
        seconds: How long it took.

    Example:
        >>> promise = Promise("Names", "All work", Verdict.DOES_NOT, "Seen: 'A'.", True, 0.1)
        >>> print(Fitness("file:///d", "quick", (promise,), Some(), 0.1))
        file:///d
        <BLANKLINE>
        Names
          does not    All work
                      Seen: 'A'.
        <BLANKLINE>
        Not fit: 0 of 1 promises hold, 1 does not (0.1 s).
    """

    store: str
    level: str
    promises: tuple[Promise, ...]
    left: Some
    seconds: float

    @property
    def fit(self) -> bool:
        """Whether all that is needed holds, or is refused where it is not claimed."""
        good = (Verdict.HOLDS, Verdict.NOT_CLAIMED)
        return all(each.verdict in good or not each.needed for each in self.promises)

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        return {
            "store": self.store,
            "level": self.level,
            "fit": self.fit,
            "promises": [
                {**each._asdict(), "verdict": each.verdict.value, "seconds": round(each.seconds, 3)}
                for each in self.promises
            ],
            "left": {"total": self.left.total, "examples": list(self.left.examples)},
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        lines = [self.store]
        group = blocked = ""
        for each in self.promises:
            if each.group != group:
                group = each.group
                lines += ["", group]
            lines += _wrapped(f"  {each.verdict.value:<12}", each.name)
            # What keeps all that follow from being tried is told once.
            if each.explanation and each.explanation != blocked:
                lines += _wrapped(" " * 14, each.explanation)
            blocked = each.explanation if each.verdict is Verdict.CANNOT_TELL else ""
        lines.append("")
        if self.left.total:
            lines.append(f"Could not be removed, {self.left.total} in all:")
            for example in self.left.examples:
                lines += _wrapped("  ", example)
        return "\n".join([*lines, *_wrapped("", self.summary)])

    @property
    def summary(self) -> str:
        """Whether it is fit, and how many promises hold, in one sentence."""
        count = Counter(each.verdict for each in self.promises)
        bad = any(each.verdict is Verdict.DOES_NOT and each.needed for each in self.promises)
        what = "Fit" if self.fit else "Not fit" if bad else "Cannot tell whether it is fit"
        said = [f"{count[Verdict.HOLDS]} of {len(self.promises)} promises hold"]
        for verdict, one, several in (
            (Verdict.DOES_NOT, "does not", "do not"),
            (Verdict.NOT_CLAIMED, "is not claimed", "are not claimed"),
            (Verdict.CANNOT_TELL, "could not be told", "could not be told"),
        ):
            if count[verdict]:
                said.append(f"{count[verdict]} {one if count[verdict] == 1 else several}")
        return f"{what}: {', '.join(said)} ({self.seconds:.1f} s)."


def _wrapped(first: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
    )


def short(text: str) -> str:
    """A text, fit to be printed, cut where it is long."""
    text = printable(text.strip())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
