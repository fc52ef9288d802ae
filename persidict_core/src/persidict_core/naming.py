"""Where a key stands: key to path, and back.

A path is the prefix, the key's strings, each with its digest, joined by ``/``, a dot and the file
type. What is listed can be read: a name that does not lead back to itself is no key.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from .backend import BaseBackend
from .digests import (
    check_digest_len,
    detect,
    digest,
    is_signed,
    proven_lengths,
    unsigned,
    with_digest,
)
from .keys import MAX_PART_LENGTH, PersiDictKey, SafeStrTuple, check_part
from .paths import are_parts, is_part

_MOST_NAMES: Final = 8192
_LONGEST_KEPT: Final = 256
_NAMES_LOOKED_AT: Final = 1000
_FIRST: Final = 8
_AT_ONCE: Final = 256
"""How many paths are read at once; fewer at first, for whoever wants to know of one only."""


def check_file_type(file_type: str) -> str:
    """Give a file type back if it is one.

    Raises:
        TypeError: If it is no str.
        ValueError: If it is empty or holds a dot, a slash, or any other character that a path may
            not hold.
    """
    if not isinstance(file_type, str):
        raise TypeError(f"file_type is a str, not {type(file_type).__name__}")
    if "." in file_type or not is_part(file_type):
        raise ValueError(
            f"file_type is the end of a file's name, such as 'json', without a dot: {file_type!r}"
        )
    return file_type


class _SignedParts(dict[str, str]):
    """Part of a key to its name in the store, made when first seen."""

    def __init__(self, digest_len: int) -> None:
        super().__init__()
        self.digest_len = digest_len

    def __missing__(self, part: str) -> str:
        name = self.make(part)
        if len(self) >= _MOST_NAMES:
            self.clear()
        self[part] = name
        return name

    def make(self, part: str) -> str:
        """The name of a part, not remembered: the last part of a key is seldom seen twice."""
        if type(part) is not str:
            raise TypeError(f"a part of a key is a str, not {type(part).__name__}")
        # Most parts are identifiers, which is told sooner than by the alphabet.
        if not (part.isidentifier() and part.isascii() and len(part) <= MAX_PART_LENGTH):
            check_part(part)
        length = self.digest_len
        if not length or ("_" in part and is_signed(part, length)):
            return part
        return with_digest(part, length)


def _part_of(name: str, length: int) -> str | None:
    if not length:
        return name if is_part(name) and len(name) <= MAX_PART_LENGTH else None
    part = name[: -length - 1]
    if (
        name[-length - 1 : -length] != "_"
        or not is_part(part)
        or len(part) > MAX_PART_LENGTH
        or name[-length:] != digest(part, length)
        or is_signed(part, length)
    ):
        return None
    return part


class _Folders(dict[str, tuple[str, ...] | None]):
    """Listed folder to the parts of a key that it stands for; None where it is no key's."""

    def __init__(self, skipped: int, digest_len: int) -> None:
        super().__init__()
        self._skipped = skipped
        self._digest_len = digest_len

    def __missing__(self, folder: str) -> tuple[str, ...] | None:
        below = folder[self._skipped :]
        parts = [_part_of(name, self._digest_len) for name in below.split("/")] if below else []
        found = None if None in parts else tuple(part for part in parts if part is not None)
        if len(self) >= _MOST_NAMES:
            self.clear()
        self[folder] = found
        return found


class Naming(dict[Any, str]):
    """Key to path, remembered for a bounded number of keys; `keys_of` is the way back.

    Looking up a key that was never seen makes its path, so that a get costs one look-up.

    Args:
        prefix: The strings under which all keys stand.
        file_type: The end of each name.
        digest_len: How many characters of digest each string gets.
        max_name_bytes: The longest part of a path, or None.
        max_path_bytes: The longest path, or None.
        signed: The names of parts that another naming of the same store already knows.
    """

    def __init__(
        self,
        prefix: tuple[str, ...],
        file_type: str,
        digest_len: int,
        max_name_bytes: int | None,
        max_path_bytes: int | None,
        signed: _SignedParts | None = None,
    ) -> None:
        super().__init__()
        self._signed = _SignedParts(digest_len) if signed is None else signed
        self.digest_len = digest_len
        self.prefix = "".join(self._signed[part] + "/" for part in prefix)
        self.suffix = "." + file_type
        self._folders = _Folders(len(self.prefix), digest_len)
        self._max_name = max_name_bytes
        self._max_path = max_path_bytes
        limits = [limit for limit in (max_name_bytes, max_path_bytes) if limit is not None]
        self._shortest_limit = min(limits, default=sys.maxsize)

    def below(self, prefix: tuple[str, ...]) -> Naming:
        """The naming of a sub-dictionary; it shares what is known of parts.

        Args:
            prefix: All strings of the sub-dictionary's prefix.
        """
        return Naming(
            prefix, self.suffix[1:], self.digest_len, self._max_name, self._max_path, self._signed
        )

    def __missing__(self, key: Any) -> str:
        signed = self._signed
        path = ""
        # The two kinds that nearly all keys are of; only what cannot change is remembered.
        try:
            if type(key) is str:
                path = f"{self.prefix}{signed.make(key)}{self.suffix}"
            elif type(key) is tuple and key:
                name = signed.make(key[-1])
                if len(key) == 2:
                    path = f"{self.prefix}{signed[key[0]]}/{name}{self.suffix}"
                else:
                    folders = [signed[part] + "/" for part in key[:-1]]
                    path = f"{self.prefix}{''.join(folders)}{name}{self.suffix}"
        except TypeError:
            pass  # Sequences in a sequence, say.
        if not path or len(path) > self._shortest_limit:
            return self.path_of(key)
        if len(path) <= _LONGEST_KEPT:
            if len(self) >= _MOST_NAMES:
                self.clear()
            self[key] = path
        return path

    def path_of(self, key: PersiDictKey) -> str:
        """The path of a key.

        Raises:
            TypeError: If it is no key.
            ValueError: If it is not safe, or too long for its place.
        """
        signed = self._signed
        strings = SafeStrTuple(key).strings
        path = f"{self.prefix}{'/'.join([signed[part] for part in strings])}{self.suffix}"
        if self._max_name is not None:
            longest = max(path.split("/"), key=len)
            if len(longest) > self._max_name:
                raise ValueError(
                    f"{longest[:40]!r}... would be a name of {len(longest)} bytes with its digest "
                    f"and file type; the limit of this store is {self._max_name}"
                )
        if self._max_path is not None and len(path) > self._max_path:
            raise ValueError(
                f"{path[:40]!r}... would be a path of {len(path)} bytes; "
                f"the limit of this store is {self._max_path}"
            )
        return path

    def path_from(self, other: Naming, key: SafeStrTuple, path: str) -> str:
        """The path of a key whose path in another store is known; quickly, where names are alike.

        Args:
            other: The naming of that store.
            key: The key.
            path: Its path there.

        Raises:
            ValueError: If it is too long for its place.
        """
        if self.digest_len == other.digest_len:
            own = f"{self.prefix}{path[len(other.prefix) : -len(other.suffix)]}{self.suffix}"
            if len(own) <= self._shortest_limit:
                return own
        return self.path_of(key)

    def part_of(self, name: str) -> str | None:
        """The part of a key that has this name in the store; None if none has."""
        return _part_of(name, self.digest_len)

    def _parts_of(self, names: list[str]) -> Sequence[str | None]:
        """`part_of` of each of many names; most often all are in order, and are proven at once."""
        length = self.digest_len
        parts = unsigned(names, length) if length else names
        if not parts or not are_parts(parts) or max(map(len, parts)) > MAX_PART_LENGTH:
            return [_part_of(name, length) for name in names]
        mark = slice(-length - 1, -length)
        if length and "_" in [part[mark] for part in parts]:
            return [None if is_signed(part, length) else part for part in parts]
        return parts

    def keys_of(self, paths: Iterable[str]) -> Iterator[tuple[SafeStrTuple, str]]:
        """The keys of listed paths, each with its path; what is no key is passed over.

        Args:
            paths: Paths under the prefix, taken lazily, some at a time.
        """
        make = SafeStrTuple.of_safe
        return chain.from_iterable(
            [
                (make((*above, part)), path)
                for path, above, part in rows
                if part is not None and above is not None
            ]
            for rows in self._read(paths)
        )

    def count(self, paths: Iterable[str]) -> int:
        """How many keys `keys_of` would give."""
        return sum(
            len([part for _, above, part in rows if part is not None and above is not None])
            for rows in self._read(paths)
        )

    def _read(
        self, paths: Iterable[str]
    ) -> Iterator[Iterable[tuple[str, tuple[str, ...] | None, str | None]]]:
        """Each path with the parts of its folders and its own last part, None for what is none."""
        folders, suffix = self._folders, self.suffix
        ending = -len(suffix)
        source = iter(paths)
        size = _FIRST
        while some := list(islice(source, size)):
            size = _AT_ONCE
            ours = [path for path in some if path.endswith(suffix)]
            places = [path[:ending].rpartition("/") for path in ours]
            parts = self._parts_of([name for _, _, name in places])
            yield zip(ours, [folders[folder] for folder, _, _ in places], parts, strict=True)


def settle_digest_len(backend: BaseBackend, file_type: str, given: int | None) -> int:
    """The length of digest to use in a store: the one given, or the one that its names carry.

    Args:
        backend: The store; where its ``digest_len`` is 0, nothing is looked at.
        file_type: Whose files count.
        given: The length that the user asks for, or None.

    Returns:
        ``given``; else what most of the root's own names prove; else the backend's default. A
        contradiction between the two is warned of.
    """
    if given is not None:
        check_digest_len(given)
    if not backend.digest_len:
        return 0 if given is None else given
    plain: list[str] = []
    parts: list[str] = []
    for name in islice(backend.list_children(), _NAMES_LOOKED_AT):
        if name.endswith("/"):
            parts.append(name[:-1])
        elif name.endswith("." + file_type):
            plain.append(name[: -len(file_type) - 1])
    found = detect(proven_lengths([*plain, *parts]))
    if given is None:
        if found is None and plain:
            warnings.warn(
                f"no name in {backend!r} carries a digest; if they are keys, open it with "
                f"digest_len=0 (now: digest_len={backend.digest_len})",
                stacklevel=4,
            )
        return found or backend.digest_len
    if (found is not None and found != given) or (found is None and plain and given):
        warnings.warn(
            f"digest_len={given} was given, but the names in {backend!r} carry digests of "
            f"{found or 0} characters: values written with digest_len={found or 0} are not seen",
            stacklevel=4,
        )
    return given
