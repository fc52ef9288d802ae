"""What installed distributions claim: their entry points, read one distribution at a time.

The format is that of https://packaging.python.org/specifications/entry-points/. It is parsed here,
since in the standard library one malformed file makes the reading of all fail. Nothing is imported
but ``importlib.metadata``, and that on the first reading.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from .printable import printable

if TYPE_CHECKING:
    from importlib.metadata import Distribution

GROUPS: Final = ("persidict.backends", "persidict.dicts", "persidict.serializers")


class Plugin(NamedTuple):
    """One plugin, as listings show it.

    Attributes:
        name: The scheme, class name or file type; empty where it could not be read.
        value: Where the class is, as ``module:class``.
        distribution: Who brings it; empty for a class that was registered in this process.
        version: That distribution's version.
        error: What is wrong with it, or None.

    Example:
        >>> from persidict_core.registry import backends
        >>> [plugin.value for plugin in backends.plugins() if plugin.name == "memory"]
        ['persidict_core.memory:MemoryBackend']
    """

    name: str
    value: str
    distribution: str = ""
    version: str = ""
    error: str | None = None

    def __str__(self) -> str:
        text = f"{self.value} of {self.distribution or 'this process'} {self.version}".rstrip()
        return printable(text)


class Installed(NamedTuple):
    """What was read.

    Attributes:
        claims: The entry points of each group.
        unreadable: The distributions whose entry points could not be read, each with its error.
    """

    claims: Mapping[str, list[Plugin]]
    unreadable: list[Plugin]


_last: Installed | None = None


def read(*, fresh: bool = False) -> Installed:
    """What is installed now, or was when it was last read.

    Args:
        fresh: Read it again, as something may have been installed since.
    """
    global _last
    # Threads that read at once each make a whole result, and the last one stays: no lock needed.
    if fresh or _last is None:
        _last = _read()
    return _last


def _read() -> Installed:
    from importlib import metadata

    importlib.invalidate_caches()
    claims: dict[str, list[Plugin]] = {group: [] for group in GROUPS}
    unreadable: list[Plugin] = []
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            if not any(group in claims for group, _, _ in _entry_points(distribution)):
                continue
            name = _name_of(distribution)
            if normalized(name) in seen:
                continue
            seen.add(normalized(name))
            # A second copy further down the path counts for nothing, whatever it claims.
            first = metadata.distribution(name)
            for group, entry, value in dict.fromkeys(_entry_points(first)):
                if group in claims:
                    claims[group].append(Plugin(entry, value, name, first.version or ""))
        except Exception as error:
            unreadable.append(_blamed(distribution, error))
    return Installed(claims, list(dict.fromkeys(unreadable)))


def normalized(distribution: str) -> str:
    """A distribution's name as it is compared."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _entry_points(distribution: Distribution) -> Iterator[tuple[str, str, str]]:
    """Group, name and value of each; raises ValueError where the file is malformed."""
    group = None
    for line in map(str.strip, (distribution.read_text("entry_points.txt") or "").splitlines()):
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            group = line[1:-1].strip()
            continue
        name, equals, value = map(str.strip, line.partition("="))
        if group is None or not (name and equals and value):
            raise ValueError(f"{line[:80]!r} is no 'name = module:class' below a '[group]'")
        yield group, name, value


def _name_of(distribution: Distribution) -> str:
    try:
        name = distribution.name
    except Exception as error:
        raise ValueError(f"its METADATA is missing or damaged ({error}): reinstall it") from error
    if not name:
        raise ValueError("its METADATA says no name: reinstall it")
    return name


def _blamed(distribution: Distribution, error: Exception) -> Plugin:
    # No public attribute tells the folder, and where METADATA is missing nothing else names it. The
    # path may lead to one folder twice, as "" does in the folder that stands in PYTHONPATH.
    where = os.path.realpath(str(getattr(distribution, "_path", "a distribution")))
    try:
        name, version = _name_of(distribution), distribution.version or ""
    except ValueError:
        name, version = where, ""
    return Plugin("", where, name, version, f"{type(error).__name__}: {error}")
