"""What to say of an item that is not there, with what may have been meant."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from .failures import Failed

if TYPE_CHECKING:
    from ..persi_dict import PersiDict

_NAMES_LOOKED_AT: Final = 1000


def absent(d: PersiDict[Any], key: tuple[str, ...]) -> Failed:
    """The failure that tells of an absent item.

    Args:
        d: The dictionary, of the file type that was looked for.
        key: The key.
    """
    told = f"there is no item {'/'.join(key)!r} of file type {d.file_type!r}"
    return Failed(told + hint(d, key))


def hint(d: PersiDict[Any], key: tuple[str, ...]) -> str:
    """What to add to a message about a key that is not there; empty if nothing is like it.

    Args:
        d: The dictionary.
        key: The key.
    """
    near = _nearest(d, key)
    return f"; did you mean {near!r}?" if near else ""


def _nearest(d: PersiDict[Any], key: tuple[str, ...]) -> str | None:
    """The name most like a key, as `ls` shows it; it ends in ``/`` where it only begins keys.

    It is looked for among the first names of the key's level, or of the last above that has any.
    """
    for depth in range(len(key) - 1, -1, -1):
        above = key[:depth]
        names = set(islice(d.get_subdict(above).children(), _NAMES_LOOKED_AT))
        wanted = key[depth]
        if wanted + "/" in names and depth == len(key) - 1:
            return "/".join((*above, wanted, ""))
        if names:
            by_part = {name.rstrip("/"): name for name in sorted(names)}
            like = difflib.get_close_matches(wanted, by_part, 1)
            return "/".join((*above, by_part[like[0]])) if like else None
    return None
