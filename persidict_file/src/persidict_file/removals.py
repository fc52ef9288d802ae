"""Many deletions that become durable together: each by itself, then one flush a folder."""

from __future__ import annotations

from collections.abc import Callable

from persidict_core import ANY, ObjectNotFound

from .atomic import remove
from .folders import Folders
from .locks import close


def remove_together(
    folders: Folders, locate: Callable[[str], tuple[str, str]], paths: list[str]
) -> list[Exception | None]:
    """Remove some files; all that were removed last when it returns.

    Args:
        folders: The folders of the store.
        locate: Gives the absolute path of a path's folder, and the name in it, or raises.
        paths: The relative paths.

    Returns:
        For each path None, or what went wrong.
    """
    results: list[Exception | None] = [None] * len(paths)
    by_folder: dict[str, list[tuple[int, str]]] = {}
    for number, path in enumerate(paths):
        try:
            folder, name = locate(path)
        except Exception as error:
            results[number] = error
        else:
            by_folder.setdefault(folder, []).append((number, name))
    for folder, names in by_folder.items():
        try:
            descriptor = folders.open(folder)
        except OSError as error:
            for number, _ in names:
                results[number] = error
            continue
        try:
            for number, name in names:
                try:
                    if not remove(descriptor, name, paths[number], ANY):
                        results[number] = ObjectNotFound(paths[number])
                except Exception as error:
                    results[number] = error
            try:
                folders.flush(descriptor, folder)
            except OSError as error:
                for number, _ in names:
                    results[number] = results[number] or error
        finally:
            close(descriptor)
    return results
