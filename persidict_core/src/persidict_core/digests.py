"""Digests in names: ``a`` is stored as ``a_btaxlooa``.

Each part of a name may end in ``_`` and the first characters of the lower-case base32 (RFC 4648) of
the MD5 of the part. It keeps names apart that differ in case only, where a file system does not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

try:
    from _md5 import md5  # type: ignore[import-not-found]
except ImportError:
    import functools
    import hashlib

    md5 = functools.partial(hashlib.md5, usedforsecurity=False)

MAX_DIGEST_LEN: Final = 26
"""How many characters the whole digest has."""

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = tuple(first + second for first in _LETTERS for second in _LETTERS)
_VALUES: Final = {letter: value for value, letter in enumerate(_LETTERS)}
_DIGITS: Final = bytes(
    b"0123456789abcdefghijklmnopqrstuv!"[_VALUES.get(chr(code), 32)] for code in range(256)
)
"""Makes of each letter the digit that `int` knows, of all else what is none."""

_ENDS_IN_DIGEST: Final = re.compile(r"(.+)_([a-z2-7]{1,26})", re.DOTALL).fullmatch


def digest(part: str, length: int) -> str:
    """The first characters of the lower-case base32 of a string's MD5.

    Args:
        part: The string.
        length: How many characters, 1 to 26.

    Example:
        >>> digest("a", 8)
        'btaxlooa'
    """
    if length <= 8:
        return with_digest(part, 8)[len(part) + 1 :][:length]
    number = int.from_bytes(md5(part.encode()).digest()) << 2
    return "".join(_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10))[:length]


def with_digest(part: str, length: int) -> str:
    """A part, ``_``, and its digest; the part is not asked whether it ends in one already.

    Args:
        part: One part of a key.
        length: How many characters, 1 to 26.

    Example:
        >>> with_digest("a", 8)
        'a_btaxlooa'
    """
    if length != 8:
        return f"{part}_{digest(part, length)}"
    # The usual length, in one step: each key that is seen for the first time comes here.
    number = int.from_bytes(md5(part.encode()).digest()[:5])
    return (
        f"{part}_{_PAIRS[number >> 30]}{_PAIRS[number >> 20 & 1023]}"
        f"{_PAIRS[number >> 10 & 1023]}{_PAIRS[number & 1023]}"
    )


def is_signed(part: str, length: int) -> bool:
    """Whether a part ends in its own digest of that length."""
    base = part[: -length - 1]
    return bool(base) and part[-length - 1] == "_" and part[-length:] == digest(base, length)


def looks_signed(part: str, length: int) -> bool:
    """Whether a part ends in what could be a digest of that length, of whatever it is.

    Example:
        >>> looks_signed("a_btaxlooa", 8), looks_signed("b_btaxlooa", 8), looks_signed("a_b", 8)
        (True, True, False)
    """
    match = _ENDS_IN_DIGEST(part)
    return match is not None and len(match[2]) == length


def sign(part: str, length: int) -> str:
    """Add a part's digest, unless it ends in it already.

    Args:
        part: One part of a key.
        length: How many characters; 0 leaves the part as it is.

    Example:
        >>> sign("a", 8), sign("a_btaxlooa", 8), sign("a", 0)
        ('a_btaxlooa', 'a_btaxlooa', 'a')
    """
    if not length or (part[-length - 1 : -length] == "_" and is_signed(part, length)):
        return part
    return with_digest(part, length)


def unsign(part: str, length: int) -> str:
    """Take a part's digest away, where it is its own.

    Example:
        >>> unsign("a_btaxlooa", 8), unsign("a_aaaaaaaa", 8)
        ('a', 'a_aaaaaaaa')
    """
    return part[: -length - 1] if length and is_signed(part, length) else part


def unsigned(names: Sequence[str], length: int) -> list[str] | None:
    """The parts that were signed, if every name ends in the digest of its part; else None.

    One comparison of two long numbers proves them all, in half the time of one by one.

    Args:
        names: What `sign` may have made; at least one.
        length: How many characters each digest has, at least 1. Above 24 the answer is None: such
            names want to be looked at one by one.

    Example:
        >>> unsigned(["a_btaxlooa", "b_slvv77xg"], 8)
        ['a', 'b']
    """
    width, count = length + 1, len(names)
    tails = "".join([name[-width:] for name in names])
    marks = "_" * count
    aligned = len(tails) == width * count and tails[::width] == marks
    if not aligned or tails.count("_") != count or length > 24:
        return None
    parts = [name[:-width] for name in names]
    # Every digest is filled up with zeros, in letters with an "a", to whole bytes.
    zeros = -length % 8
    size = (length + zeros) * 5 // 8
    kept = ((1 << 5 * length) - 1 << 5 * zeros).to_bytes(size) * count
    try:
        letters = (tails.replace("_", "a" * zeros) + "a" * zeros).encode().translate(_DIGITS)
        digests = b"".join([md5(part.encode()).digest()[:size] for part in parts])
        proven = int(letters, 32) == int.from_bytes(digests) & int.from_bytes(kept)
    except ValueError:  # A character that is no digit, or that cannot even be encoded.
        return None
    return parts if proven else None


def check_digest_len(length: int) -> int:
    """Give a digest's length back if it is one.

    Raises:
        TypeError: If it is no int.
        ValueError: If it is negative or above 26.
    """
    if isinstance(length, bool) or not isinstance(length, int):
        raise TypeError(f"digest_len is an int of 0 to {MAX_DIGEST_LEN}, not {length!r}")
    if not 0 <= length <= MAX_DIGEST_LEN:
        raise ValueError(f"digest_len is 0 to {MAX_DIGEST_LEN}, not {length}")
    return length


def proven_lengths(parts: Iterable[str]) -> Counter[int]:
    """How many of the parts prove each length of digest; those that prove none count under 0.

    Example:
        >>> proven_lengths(["a_btaxlooa", "a_btax", "plain", "b_b"])
        Counter({0: 2, 8: 1, 4: 1})
    """
    proven: Counter[int] = Counter()
    for part in parts:
        match = _ENDS_IN_DIGEST(part)
        length = len(match[2]) if match else 0
        proven[length if length and is_signed(part, length) else 0] += 1
    return proven


def detect(proven: Counter[int]) -> int | None:
    """The length of digest that a folder's names carry; None if they prove none.

    One and two characters match by chance too often, so they count only where all names prove
    them.

    Args:
        proven: What `proven_lengths` counted.
    """
    long = {length: count for length, count in proven.items() if length > 2}
    if long:
        return max(long, key=lambda length: (long[length], length))
    short = {length for length in proven if length}
    if proven and len(proven) == 1 and short:
        return short.pop()
    return None
