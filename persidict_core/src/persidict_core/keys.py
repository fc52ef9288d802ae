"""Keys: flat, immutable sequences of safe strings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import total_ordering
from typing import Any, Final, TypeAlias, overload

from .paths import SAFE_CHARS, is_part

MAX_PART_LENGTH: Final = 253
"""The longest part of a key, in characters."""

HINT: Final = " (replace_unsafe_chars helps)"
"""What ends the message of a bad character, for who writes a program."""

_LONGEST_AS_IT_IS: Final = 150
"""What is longer has no room for a digest and an ending in the names of all stores."""

PersiDictKey: TypeAlias = "str | SafeStrTuple | Sequence[PersiDictKey]"
"""What serves as a key: a string, or a (nested) sequence of strings."""


def get_safe_chars() -> set[str]:
    """The characters that a part of a key may hold.

    Example:
        >>> "a" in get_safe_chars(), "/" in get_safe_chars()
        (True, False)
    """
    return set(SAFE_CHARS)


def replace_unsafe_chars(a_str: str, replace_with: str) -> str:
    """Make a string a possible part of a key.

    Args:
        a_str: Any string.
        replace_with: What stands in for each character that a part may not hold.

    Example:
        >>> replace_unsafe_chars("user name/1", "_")
        'user_name_1'
    """
    safe = get_safe_chars()
    return "".join(char if char in safe else replace_with for char in a_str)


def as_part(text: str) -> str:
    """Any text as one part of a key: as it is, or, where it is unsafe or long, with a digest of it.

    What it gives is given back as it is.

    Args:
        text: Any text, such as the name of a function.

    Example:
        >>> as_part("outer.inner"), as_part("<lambda>")
        ('outer.inner', '_lambda_~11659e6b6d4ab4dd')
    """
    if is_part(text) and len(text) <= _LONGEST_AS_IT_IS:
        return text
    from hashlib import md5

    digest = md5(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
    return f"{replace_unsafe_chars(text, '_')[:100]}~{digest[:16]}"


def check_part(part: str) -> str:
    """Give one part of a key back if it is safe.

    Raises:
        ValueError: If it is empty, too long, ``.``, ``..``, or holds another character than
            ``A-Za-z0-9()_-~.=``.
    """
    if is_part(part) and len(part) <= MAX_PART_LENGTH:
        return part
    if not part:
        raise ValueError("a key may hold no empty string")
    if len(part) > MAX_PART_LENGTH:
        raise ValueError(
            f"a string in a key has at most {MAX_PART_LENGTH} characters, not {len(part)}: "
            f"{part[:40]!r}..."
        )
    if part in (".", ".."):
        raise ValueError(f"a key may not hold {part!r}, which means a folder")
    bad = sorted(set(part) - get_safe_chars())
    raise ValueError(
        f"{part!r} holds {', '.join(map(repr, bad))}, but the strings of a key may hold only "
        f"A-Z a-z 0-9 ( ) _ - ~ . ={HINT}"
    )


def _flatten(source: object) -> Iterator[str]:
    if isinstance(source, str):
        # Its characters: a subclass may say something else of itself, as an Enum does.
        yield check_part(str.__str__(source))
    elif isinstance(source, SafeStrTuple):
        yield from source.strings
    elif isinstance(source, Sequence) and not isinstance(source, bytes | bytearray | memoryview):
        for item in source:
            yield from _flatten(item)
    else:
        raise TypeError(
            f"a key is a string or a (nested) sequence of strings, not {type(source).__name__}"
        )


@total_ordering
class SafeStrTuple(Sequence[str]):
    """A key: an immutable, flat, non-empty sequence of safe strings.

    A key of one string equals that string and hashes like it; a longer one does so with the tuple
    of its strings. So plain strings and tuples find it in a ``dict`` or a ``set``.

    Args:
        *parts: Strings and (nested) sequences of strings; they are flattened.

    Raises:
        TypeError: If something else is among them.
        ValueError: If there is none, or one is not safe (see `check_part`).

    Example:
        >>> key = SafeStrTuple("users", ["alex", "theme"])
        >>> key
        SafeStrTuple('users', 'alex', 'theme')
        >>> str(key), key == ("users", "alex", "theme"), SafeStrTuple("a") == "a"
        ('users/alex/theme', True, True)
    """

    __slots__ = ("_hash", "strings")

    strings: tuple[str, ...]
    _hash: int

    def __new__(cls, *parts: PersiDictKey) -> SafeStrTuple:
        strings = tuple(_flatten(parts))
        if not strings:
            raise ValueError("a key wants at least one string")
        return cls.of_safe(strings)

    @classmethod
    def of_safe(cls, strings: tuple[str, ...]) -> SafeStrTuple:
        """Make a key of strings that are known to be safe, without looking at them again."""
        self = _new(cls)
        _set_strings(self, strings)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a key is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a key is immutable: cannot delete {name!r}")

    def __len__(self) -> int:
        return len(self.strings)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> SafeStrTuple: ...
    def __getitem__(self, index: int | slice) -> str | SafeStrTuple:
        if isinstance(index, slice):
            return SafeStrTuple(self.strings[index])
        return self.strings[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.strings)

    def __contains__(self, item: object) -> bool:
        return item in self.strings

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            strings = self.strings
            _set_hash(self, hash(strings[0] if len(strings) == 1 else strings))
            return self._hash

    def __eq__(self, other: object) -> bool:
        strings = _comparable(other)
        return strings is not None and self.strings == strings

    def __lt__(self, other: object) -> bool:
        strings = _comparable(other)
        return NotImplemented if strings is None else self.strings < strings

    def __add__(self, other: PersiDictKey) -> SafeStrTuple:
        return SafeStrTuple(self, other)

    def __radd__(self, other: PersiDictKey) -> SafeStrTuple:
        return SafeStrTuple(other, self)

    def __str__(self) -> str:
        return "/".join(self.strings)

    def __repr__(self) -> str:
        return f"SafeStrTuple({', '.join(map(repr, self.strings))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return SafeStrTuple, self.strings


# The slots' own setters: what makes a key is on the way of every key that is listed.
_new: Final = object.__new__
_set_strings: Final = vars(SafeStrTuple)["strings"].__set__
_set_hash: Final = vars(SafeStrTuple)["_hash"].__set__


def _comparable(other: object) -> tuple[Any, ...] | None:
    if isinstance(other, SafeStrTuple):
        return other.strings
    if isinstance(other, tuple):
        return None if len(other) == 1 else other
    return (other,) if isinstance(other, str) else None


def hashable(key: PersiDictKey) -> PersiDictKey:
    """Give a key back as it was given, but a list, which no dict can hold, as a `SafeStrTuple`."""
    try:
        hash(key)
    except TypeError:
        return SafeStrTuple(key)
    return key
