"""The alphabet of paths: what every backend may rely on, checked before any I/O.

A path is one or more parts joined by ``/``. A part is one or more of ``A-Za-z0-9()_-~.=`` and is
neither ``.`` nor ``..``; so no path is absolute, climbs, or needs quoting in a shell or a URL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

SAFE_CHARS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789()_-~.="
"""Every character that a part of a key or of a path may hold."""

_PART: Final = r"(?!\.\.?(?:/|\Z))[A-Za-z0-9()_\-~.=]+"

is_part: Final = re.compile(_PART).fullmatch
"""Matches one part of a path, such as ``a_btaxlooa.pkl``; None for anything else."""

_is_path: Final = re.compile(rf"{_PART}(?:/{_PART})*").fullmatch

# The same but for parts that begin with a dot: no look ahead, so it takes half the time.
_PLAIN: Final = r"[A-Za-z0-9()_\-~=][A-Za-z0-9()_\-~.=]*"
_is_plain_path: Final = re.compile(rf"{_PLAIN}(?:/{_PLAIN})*").fullmatch

_SAFE: Final = SAFE_CHARS.encode()


def are_parts(names: Sequence[str]) -> bool:
    """Whether each of many strings is a part; most often known from all of them at once.

    Args:
        names: The strings.

    Example:
        >>> are_parts(["a_btaxlooa.pkl", "b"]), are_parts(["a_btaxlooa.pkl", ".."])
        (True, False)
    """
    together = "".join(names)
    if not together.isascii() or together.encode().translate(None, _SAFE):
        return False
    # What is longer is neither empty, nor "." or "..".
    return min(map(len, names), default=3) > 2 or all(map(is_part, names))


def check_path(path: str) -> str:
    """Give a path back if it obeys the alphabet.

    Args:
        path: A relative path, such as ``user/alex.json``.

    Raises:
        ValueError: If it does not.

    Example:
        >>> check_path("users/alex.json")
        'users/alex.json'
        >>> check_path("../alex.json")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: '../alex.json' is no path: ...
    """
    if not isinstance(path, str):
        raise TypeError(f"a path is a str, not {type(path).__name__}: {path!r}")
    if not (_is_plain_path(path) or _is_path(path)):
        raise ValueError(
            f"{path!r} is no path: it wants parts of A-Za-z0-9()_-~.= joined by '/', "
            "none of them empty, '.' or '..'"
        )
    return path


def check_prefix(prefix: str) -> str:
    """Give a prefix back if it is empty, or a path with ``/`` at its end.

    Args:
        prefix: Such as ``""`` or ``user/``.

    Raises:
        ValueError: If it is neither.

    Example:
        >>> check_prefix("users/"), check_prefix("")
        ('users/', '')
    """
    if prefix:
        if not prefix.endswith("/"):
            raise ValueError(f"the prefix {prefix!r} must be empty or end in '/'")
        check_path(prefix[:-1])
    return prefix
