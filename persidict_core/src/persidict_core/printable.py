"""Text of strangers, made fit to be looked at."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""A text whose every character shows: control and formatting codes become escapes.

    What others have put into a store or a value may hold codes that a terminal obeys, or that turn
    the direction of writing. Letters of all scripts stay as they are.

    Args:
        text: Any text.

    Example:
        >>> print(printable("caf\u00e9 \x1b[2J\n"))
        café \x1b[2J\n
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
