"""Values as text, and text as values."""

from __future__ import annotations

import json
from typing import Any

from ..persi_dict import PersiDict
from .failures import Failed, Misused


def holds_text(d: PersiDict[Any]) -> bool:
    """Whether all values of a dictionary are strings, and so need no quotes.

    Args:
        d: The dictionary.
    """
    return d.base_class_for_values is str


def text_of(value: object, *, bare: bool) -> str:
    """A value as text: JSON where JSON can say it, else its ``repr``.

    Args:
        value: Any value.
        bare: Whether a string stands without quotes.
    """
    if bare and isinstance(value, str):
        return value
    try:
        return json_of(value)
    except Failed:
        return repr(value) + "\n"


def json_of(value: object) -> str:
    """A value as JSON, over several lines.

    Args:
        value: Any value.

    Raises:
        Failed: If JSON cannot say it.
    """
    try:
        if _is_plain(value):
            return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    except (ValueError, RecursionError):
        pass  # It holds itself, or is too deep.
    raise Failed(f"JSON cannot say this value, a {type(value).__name__}")


def _is_plain(value: object) -> bool:
    """Whether it is nothing but lists, dicts with string keys, strings, numbers and so on."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict | list):
            if id(each) in seen:
                continue
            seen.add(id(each))
        if type(each) is dict:
            if not all(type(key) is str for key in each):
                return False
            waiting.extend(each.values())
        elif type(each) is list:
            waiting.extend(each)
        elif each is not None and type(each) not in (str, int, float, bool):
            return False
    return True


def parse_json(text: str) -> Any:
    """The value that JSON says.

    Args:
        text: JSON.

    Raises:
        Failed: If it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misused(
            f"the value is no JSON ({error}): --text stores it as a string, --raw as bytes"
        ) from error
