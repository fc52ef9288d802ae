"""Many small files from one store to another, not flushed: in few calls of the system for each.

Both folders stay open, and the target's stays locked, for some files at a time; so a temporary
file needs no lock of its own. Whatever is not as usual (a folder that vanished, a fault, a name
that cannot be) is done by itself, by the verbs that know what to say of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from persidict_core.paths import check_prefix, is_part

from .atomic import create, replace_locked
from .folders import Folders
from .locks import close, lock, unlock
from .places import Places
from .reading import read
from .versions import etag_of

_BATCH: Final = 1000
_MOST_LOCKED: Final = 64
"""So many files get their names before others who want to write to the folder have their turn."""


class Store:
    """What is needed of one of both stores.

    Args:
        places: Where its files are.
        folders: Its folders.
    """

    def __init__(self, places: Places, folders: Folders) -> None:
        self._places = places
        self._folders = folders

    def open(self, folder: str, make: bool) -> int | None:
        """Open a folder.

        Args:
            folder: Its relative path.
            make: Whether it is made where it is missing.

        Returns:
            Its descriptor; None if it is not to be had.
        """
        place = self._places.base + folder if folder else self._places.base[:-1] or "/"
        try:
            check_prefix(folder and folder + "/")
            real = self._places.is_real(folder)
            if make:
                return self._folders.insist(place, lambda: self._folders.open(place))
            return self._folders.open(place) if real else None
        except (OSError, ValueError):
            return None


class Copier:
    """Copies files.

    Args:
        source: Where from.
        target: Where to.
        max_name: The longest name.
        max_path: The longest path.
        copy_one: Copies one by itself, from a path to a path, and gives its etag.
    """

    def __init__(
        self,
        source: Store,
        target: Store,
        max_name: int,
        max_path: int,
        copy_one: Callable[[str, str], str],
    ) -> None:
        self._source = source
        self._target = target
        self._max_name = max_name
        self._max_path = max_path
        self._copy_one = copy_one
        self._can_create = True

    def run(self, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str | Exception]]:
        """Copy, some at a time; each path here with its etag or its error, in order.

        Args:
            pairs: Each path there, and the path here; taken lazily.
        """
        source = iter(pairs)
        while batch := list(islice(source, _BATCH)):
            etags: dict[int, str] = {}
            for folders, some in self._by_folders(batch).items():
                self._copy_some(*folders, some, etags)
            for number, (there, here) in enumerate(batch):
                result: str | Exception | None = etags.get(number)
                if result is None:
                    try:
                        result = self._copy_one(there, here)
                    except Exception as error:
                        result = error
                yield here, result

    def _by_folders(
        self, batch: list[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[int, str, str]]]:
        """Numbers and both names of what is to be copied, by both folders."""
        found: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
        for number, (there, here) in enumerate(batch):
            if isinstance(there, str) and isinstance(here, str) and len(here) <= self._max_path:
                folder_there, _, name_there = there.rpartition("/")
                folder_here, _, name_here = here.rpartition("/")
                if is_part(name_there) and is_part(name_here) and len(name_here) <= self._max_name:
                    names = number, name_there, name_here
                    found.setdefault((folder_there, folder_here), []).append(names)
        return found

    def _copy_some(
        self, there: str, here: str, some: list[tuple[int, str, str]], etags: dict[int, str]
    ) -> None:
        source = self._source.open(there, make=False)
        if source is None:
            return
        try:
            target = self._target.open(here, make=True)
            if target is None:
                return
            try:
                for first in range(0, len(some), _MOST_LOCKED):
                    self._copy_locked(source, target, some[first : first + _MOST_LOCKED], etags)
            finally:
                close(target)
        finally:
            close(source)

    def _copy_locked(
        self, source: int, target: int, some: list[tuple[int, str, str]], etags: dict[int, str]
    ) -> None:
        try:
            locked = lock(target)
        except OSError:
            return  # As below.
        try:
            for number, there, here in some:
                try:
                    data = read(there, source)
                    found = self._created(target, here, data)
                    if found is None:
                        found = replace_locked(target, here, data, locked)
                    etags[number] = etag_of(found)
                except OSError:
                    continue  # By itself it fails again, and says why, or does not.
        finally:
            if locked:
                unlock(target)

    def _created(self, folder: int, name: str, data: bytes) -> os.stat_result | None:
        """Make a new file, if that is possible in the quick way."""
        if self._can_create:
            try:
                return create(folder, name, data)
            except OSError:
                self._can_create = False
        return None
