"""A disk that keeps only what POSIX guarantees, and all that it may hold after a power cut.

What was not flushed may be lost in part: of a file's bytes none, the first half, or zeros in their
place may be there; each name in a folder leads to what it led to when the folder was flushed, or to
anything it has led to since, whatever became of other names. Flushing a file makes its bytes last,
not its name; flushing a folder makes its names last, not what they lead to.

Source: Pillai et al., "All File Systems Are Not Created Equal: On the Complexity of Crafting
Crash-Consistent Applications", OSDI 2014; there this is the weakest persistence model, but that a
single change of a name is atomic.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import TypeAlias

State: TypeAlias = frozenset[tuple[str, bytes | None]]
"""What is there: each path with its bytes, or None for a folder."""


class File:
    """Bytes, those that readers see and those that last."""

    def __init__(self) -> None:
        self.data = b""
        self._lasting = b""
        self._versions: list[bytes] | None = [b""]

    def write(self, position: int, data: bytes) -> None:
        """Write some bytes at a position."""
        begin = self.data[:position].ljust(position, b"\0")
        self.data = begin + data + self.data[position + len(data) :]
        self._versions = None

    def flush(self) -> None:
        """Make the bytes last."""
        self._lasting = self.data
        self._versions = [self.data]

    def versions(self) -> list[bytes]:
        """What may be there after a power cut, oldest first."""
        if self._versions is None:
            size = len(self.data)
            half = self.data[: size // 2]
            whole = [self._lasting, bytes(size), half, half + bytes(size - len(half)), self.data]
            self._versions = list(dict.fromkeys(whole))
        return self._versions


class Folder:
    """Names, and for those that changed since the last flush, all they have led to since."""

    def __init__(self) -> None:
        self.names: dict[str, Node] = {}
        self.unflushed: dict[str, list[Node | None]] = {}

    def set(self, name: str, node: Node | None) -> None:
        """Let a name lead to something else, or to nothing."""
        versions = self.unflushed.setdefault(name, [self.names.get(name)])
        if node not in versions:
            versions.append(node)
        if node is None:
            self.names.pop(name, None)
        else:
            self.names[name] = node

    def flush(self) -> None:
        """Make the names last."""
        self.unflushed.clear()


Node: TypeAlias = File | Folder
_Choice: TypeAlias = tuple[Folder, str] | File


class Disk:
    """A disk, empty at first; paths are relative, with ``/`` between their parts.

    Args:
        ordered: Whether a file's bytes last before any new name of it does, as on ext3 with
            ``data=ordered``, which knows no delayed allocation. POSIX does not promise it.
    """

    def __init__(self, ordered: bool = False) -> None:
        self._ordered = ordered
        self.root = Folder()

    def find(self, path: str) -> Node:
        """What readers find at a path; empty for the root.

        Raises:
            KeyError: Nothing is there.
        """
        node: Node = self.root
        for part in path.split("/") if path else ():
            if not isinstance(node, Folder):
                raise KeyError(path)
            node = node.names[part]
        return node

    def create(self, path: str) -> File:
        """Make an empty file."""
        file = File()
        self._set(path, file)
        return file

    def make_folder(self, path: str) -> None:
        """Make an empty folder."""
        self._set(path, Folder())

    def link(self, old: str, new: str) -> None:
        """Give something a second name."""
        node = self.find(old)
        if self._ordered and isinstance(node, File):
            node.flush()
        self._set(new, node)

    def rename(self, old: str, new: str) -> None:
        """Give something another name; the two changes may last one without the other."""
        self.link(old, new)
        self._set(old, None)

    def remove(self, path: str) -> None:
        """Take away a name."""
        self.find(path)
        self._set(path, None)

    def flush_all(self) -> None:
        """Make all last that is there."""
        for node in self._nodes(self.root):
            node.flush()

    def states(self, most: int, chance: random.Random) -> Iterator[State]:
        """What may be there after a power cut: every state, or some of more than ``most``.

        Of more, those are given in which all is as new or as old as can be but for one thing, and
        then random ones.

        Args:
            most: So many at most are all given.
            chance: Chooses the random ones.
        """
        choices = self._choices()
        numbers = [range(len(versions)) for versions in choices.values()]
        if self.possibilities() <= most:
            chosen: Iterator[tuple[int, ...]] = itertools.product(*numbers)
        else:
            chosen = _sampled(numbers, most, chance)
        seen = set()
        for each in chosen:
            picked = zip(choices.items(), each, strict=True)
            state = _state(self.root, {of: versions[n] for (of, versions), n in picked})
            if state not in seen:
                seen.add(state)
                yield state

    def possibilities(self) -> int:
        """Of how many choices the states are made; two may lead to one state."""
        return math.prod(map(len, self._choices().values()))

    def _choices(self) -> dict[_Choice, list[bytes] | list[Node | None]]:
        choices: dict[_Choice, list[bytes] | list[Node | None]] = {}
        for node in self._nodes(self.root, lost=True):
            if isinstance(node, File):
                if len(node.versions()) > 1:
                    choices[node] = node.versions()
            else:
                for name, versions in node.unflushed.items():
                    choices[node, name] = versions
        return choices

    def _set(self, path: str, node: Node | None) -> None:
        above, _, name = path.rpartition("/")
        folder = self.find(above)
        assert isinstance(folder, Folder)
        folder.set(name, node)

    def _nodes(self, folder: Folder, lost: bool = False) -> list[Node]:
        """All below a folder, once each; with ``lost``, also what may come back."""
        found: dict[Node, None] = {}
        waiting: list[Node] = [folder]
        while waiting:
            node = waiting.pop()
            if node in found:
                continue
            found[node] = None
            if isinstance(node, Folder):
                waiting += node.names.values()
                for versions in node.unflushed.values() if lost else ():
                    waiting += [version for version in versions if version is not None]
        return list(found)


def _sampled(numbers: list[range], most: int, chance: random.Random) -> Iterator[tuple[int, ...]]:
    newest = tuple(len(each) - 1 for each in numbers)
    for base in (newest, (0,) * len(numbers)):
        for place, each in enumerate(numbers):
            for number in each:
                yield (*base[:place], number, *base[place + 1 :])
    for _ in range(most):
        yield tuple(chance.choice(each) for each in numbers)


def _state(root: Folder, chosen: dict[_Choice, bytes | Node | None]) -> State:
    state: list[tuple[str, bytes | None]] = []

    def walk(prefix: str, folder: Folder) -> None:
        for name in {**folder.names, **folder.unflushed}:
            node = chosen.get((folder, name), folder.names.get(name))
            path = prefix + name
            if isinstance(node, Folder):
                state.append((path, None))
                walk(path + "/", node)
            elif isinstance(node, File):
                data = chosen.get(node, node.data)
                assert isinstance(data, bytes)
                state.append((path, data))

    walk("", root)
    return frozenset(state)
