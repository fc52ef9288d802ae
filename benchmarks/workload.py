"""The keys and values that every contender stores: about 1 KB each, under two-part keys."""

from __future__ import annotations

import random
from itertools import cycle
from typing import Any

PER_FOLDER = 100
MOST_FOLDERS = 1000

Key = tuple[str, str]

_WORDS = [
    "".join(random.Random(number).choices("abcdefghijklmnopqrstuvwxyz", k=3 + number % 7))
    for number in range(2000)
]


def keys(count: int, name: str = "item") -> list[Key]:
    """New strings every time, a hundred keys to the first part of each."""
    folders = min(MOST_FOLDERS, max(1, count // PER_FOLDER))
    return [(f"group{number % folders}", f"{name}{number:07}") for number in range(count)]


def value(number: int) -> dict[str, Any]:
    """A record as applications have them: text, numbers, and a little structure."""
    chance = random.Random(number)
    return {
        "id": number,
        "title": " ".join(chance.choices(_WORDS, k=6)),
        "text": " ".join(chance.choices(_WORDS, k=80)),
        "scores": [chance.random() for _ in range(24)],
        "tags": {word: True for word in chance.choices(_WORDS, k=5)},
    }


def pairs(count: int, name: str = "item") -> list[tuple[Key, dict[str, Any]]]:
    """Keys with a thousand values, over and over: making them must not take the most time."""
    some = [value(number) for number in range(min(count, 1000))]
    return list(zip(keys(count, name), cycle(some), strict=False))
