"""A survey of what lies under a dictionary: its items, strangers, damage and debris."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from . import bulk
from .digests import looks_signed, proven_lengths
from .errors import NotSupported, ObjectNotFound
from .journal import is_journal
from .keys import SafeStrTuple
from .naming import Naming
from .persi_dict import PersiDict
from .printable import printable
from .progress import Progress, Steps, steps

TRIALS: Final = "persidict-check-"
"""What the names begin with that `examine` puts into a store for a while."""

_MOST_EXAMPLES: Final = 10
_MOST_TYPES: Final = 100
_OTHERS: Final = "..."
_LONGEST: Final = 500


class Some(NamedTuple):
    """Things of one kind.

    Attributes:
        total: How many there are.
        examples: The first of them, in words, fit to be printed.
    """

    total: int = 0
    examples: tuple[str, ...] = ()

    def and_one(self, example: str) -> Some:
        """One more; its example is kept if there are few."""
        if self.total >= _MOST_EXAMPLES:
            return Some(self.total + 1, self.examples)
        text = printable(example)
        text = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
        return Some(self.total + 1, (*self.examples, text))


class Findings(NamedTuple):
    """What `check` found.

    Attributes:
        items: How many items the dictionary has.
        strangers: Names of the dictionary's file type that lead back to no key: put there by
            another program, or with other digests.
        other_types: How many names of each other file type stand beside; ``""``: names without one.
        unreadable: Items whose value could not be read, each with the error; None: nobody looked.
        debris: What writers that ended in the middle left behind; None: the store cannot tell.
        removed: Whether the debris was removed.
        journals: How many journals lie there, in which copies to here remember what they did.
        other_digests: How many of the strangers carry digests of another length throughout, by that
            length: a dictionary with that ``digest_len`` has them as items, or would have. 0: no
            digests at all, as what another program put there.
        wrong_digests: How many of the strangers carry what looks like a digest and fits no name.

    Example:
        >>> findings = check(PersiDict("memory://"))
        >>> findings.items, findings.healthy
        (0, True)
    """

    items: int
    strangers: Some
    other_types: Mapping[str, int]
    unreadable: Some | None
    debris: Some | None
    removed: bool
    journals: int = 0
    other_digests: Mapping[int, int] = MappingProxyType({})
    wrong_digests: int = 0

    @property
    def healthy(self) -> bool:
        """Whether nothing wants a look; names of other file types are nobody's fault."""
        left = not self.removed and self.debris is not None and self.debris.total
        return not (self.strangers.total or (self.unreadable and self.unreadable.total) or left)

    def __str__(self) -> str:
        lines = [f"items: {self.items}"]
        debris = "debris, removed" if self.removed else "debris"
        for what, found, absent in (
            ("names that are no keys", self.strangers, ""),
            ("values that cannot be read", self.unreadable, "not looked at"),
            (debris, self.debris, "the store cannot tell"),
        ):
            lines.append(f"{what}: {absent if found is None else found.total}")
            if found is not None:
                lines += [f"    {example}" for example in found.examples]
                if found.total > len(found.examples):
                    lines.append(f"    and {found.total - len(found.examples)} more")
            if found is self.strangers:
                lines += self._strangers_told()
        for file_type, count in sorted(self.other_types.items()):
            lines.append(f"names of file type {file_type!r}: {count}")
        if self.journals:
            lines.append(f"journals of copies to here: {self.journals}")
        return "\n".join(lines)

    def _strangers_told(self) -> list[str]:
        told = [
            f"of these with {f'digests of {length} characters' if length else 'no digests'}: "
            f"{count} (keys where digest_len={length})"
            for length, count in sorted(self.other_digests.items(), reverse=True)
        ]
        if self.wrong_digests:
            told.append(f"of these with a digest that does not fit: {self.wrong_digests}")
        return ["    " + line for line in told]


def check(
    dictionary: PersiDict[Any],
    *,
    values: bool = False,
    repair: bool = False,
    older_than: float | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Look at everything that lies under a dictionary; nothing is changed but by ``repair``.

    Others may read and write meanwhile. Names that no path may hold, as with a space in them, are
    not seen: no backend lists them.

    Args:
        dictionary: Any dictionary; of a sub-dictionary only what is under its prefix is looked at.
        values: Whether every value is read as well, as the dictionary reads it: with
            ``allow_pickle=False`` nothing runs.
        repair: Whether debris is removed. Nothing else ever is.
        older_than: How many seconds debris must have been left alone; None: as long as the store
            spares it. What is known to be in the hands of a living writer is always spared.
        progress: Called as ``progress(done, None)`` a few times a second, and at the end, with how
            many items were looked at.

    Raises:
        TypeError: If it is no `PersiDict`.
        NotSupported: If debris should be removed, and the dictionary is read-only or the store
            cannot tell what is debris.
        BackendError: If the store fails.

    Example:
        >>> d = PersiDict("memory://", file_type="json")
        >>> d["a"] = 1
        >>> etag = d.backend.write_bytes("b.json", b"no JSON")
        >>> etag = d.backend.write_bytes("c.txt", b"")
        >>> print(check(d, values=True))  # doctest: +ELLIPSIS
        items: 2
        names that are no keys: 0
        values that cannot be read: 1
            key SafeStrTuple('b') (b.json), file type 'json': the bytes are no JSON: ...
        debris: 0
        names of file type 'txt': 1
    """
    if not isinstance(dictionary, PersiDict):
        raise TypeError(f"a PersiDict is wanted, not a {type(dictionary).__name__}")
    with steps(progress) as counted:
        debris = _sweep(dictionary, repair, older_than)
        names = _Names(dictionary)
        unreadable = None
        if values:
            unreadable = _read(dictionary, names, counted)
        else:
            for _ in names.walk():
                counted.step()
    return Findings(
        names.items,
        names.strangers,
        names.other_types,
        unreadable,
        debris,
        repair,
        names.journals,
        names.other_digests,
        names.wrong_digests,
    )


def _sweep(dictionary: PersiDict[Any], repair: bool, older_than: float | None) -> Some | None:
    """The debris, removed if that is wanted; None where it cannot be told."""
    prefix = dictionary._paths.prefix
    debris = Some()
    try:
        for each in dictionary._layered.sweep(repair, prefix=prefix, older_than=older_than):
            debris = debris.and_one(f"{each.name} ({each.size} bytes)")
    except NotSupported:
        if repair:
            raise
        return None
    return debris


class _Names:
    """The names under a dictionary, told apart while they are listed.

    Args:
        dictionary: The dictionary.
    """

    def __init__(self, dictionary: PersiDict[Any]) -> None:
        self._dictionary = dictionary
        self.items = 0
        self.strangers = Some()
        self.other_types: dict[str, int] = {}
        self.journals = 0
        self.other_digests: dict[int, int] = {}
        self.wrong_digests = 0

    def walk(self) -> Iterator[tuple[SafeStrTuple, str]]:
        """Each key with its path; the attributes are complete at the end."""
        naming = self._dictionary._paths
        waiting: deque[str] = deque()

        def of_our_type() -> Iterator[str]:
            for path in self._dictionary._layered.list_prefix(naming.prefix):
                if path.endswith(naming.suffix):
                    waiting.append(path)
                    yield path
                else:
                    self._note_other(path)

        for key, path in naming.keys_of(of_our_type()):
            while (passed := waiting.popleft()) != path:
                self._note_stranger(passed, naming)
            self.items += 1
            yield key, path
        for passed in waiting:
            self._note_stranger(passed, naming)

    def _note_stranger(self, path: str, naming: Naming) -> None:
        self.strangers = self.strangers.and_one(path)
        parts = path[len(naming.prefix) : -len(naming.suffix)].split("/")
        lengths = proven_lengths(parts)
        own = naming.digest_len
        if any(looks_signed(part, own) and not proven_lengths([part])[own] for part in parts):
            self.wrong_digests += 1
        elif len(lengths) == 1 and own not in lengths:
            (length,) = lengths
            self.other_digests[length] = self.other_digests.get(length, 0) + 1

    def _note_other(self, path: str) -> None:
        if is_journal(path):
            self.journals += 1
            return
        name = path.rpartition("/")[2]
        file_type = name.rpartition(".")[2] if "." in name else ""
        if file_type not in self.other_types and len(self.other_types) >= _MOST_TYPES:
            file_type = _OTHERS
        self.other_types[file_type] = self.other_types.get(file_type, 0) + 1


def _read(dictionary: PersiDict[Any], names: _Names, counted: Steps) -> Some:
    """Read every value; those that cannot be."""

    def read(item: tuple[SafeStrTuple, str]) -> None:
        dictionary._load(*item)

    unreadable = Some()
    for _, failure in bulk.in_order(read, names.walk(), dictionary._layered.concurrency):
        if isinstance(failure, ObjectNotFound):
            names.items -= 1  # Deleted meanwhile.
        elif failure is not None:
            unreadable = unreadable.and_one(str(failure))
        counted.step()
    return unreadable
