"""What a file system promises, by what ``/proc/self/mountinfo`` says of it.

The format is that of ``proc_pid_mountinfo(5)``: one line a mount, the mount point in the fifth
field, the device in the third, the type in the first field after a ``-`` that stands alone.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Final

from persidict_core import Capabilities, ETags, Scope

from .atomic import Temporary
from .locks import lock_works

MOUNTINFO: Final = "/proc/self/mountinfo"

KERNEL_LOCKS: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "overlay", "tmpfs"})
"""The types whose ``flock`` is the kernel's own: it holds among all processes that can see them.

Elsewhere a ``flock`` that works proves nothing: Lustre and FUSE may lock among one host's
processes, and let another host write meanwhile.
"""


_TRIES: Final = 100
_FINE_NS: Final = 1000
_NO_LINKS: Final = frozenset({"vfat", "msdos", "exfat"})
_NOT_FOR_US: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""What tells that this user cannot write here: no promise of ours is needed."""


def check_scope(scope: object) -> Scope | None:
    """A scope that a user names.

    Raises:
        TypeError: It is neither a `Scope` nor a str.
        ValueError: No scope has the name.
    """
    if scope is None or isinstance(scope, Scope):
        return scope
    if isinstance(scope, str) and scope.upper() in Scope.__members__:
        return Scope[scope.upper()]
    names = ", ".join(repr(each.name.lower()) for each in Scope)
    if isinstance(scope, str):
        raise ValueError(f"lock_scope is one of {names}, or None; not {scope!r}")
    raise TypeError(f"lock_scope is a Scope or one of {names}, or None; not {scope!r}")


def capabilities_of(root: str, lock_scope: Scope | None) -> Capabilities:
    """What may be promised of the files below a folder.

    Args:
        root: The absolute path of the folder; it may be missing.
        lock_scope: Among whom the user says that ``flock`` holds, or None to judge by the type.

    Raises:
        OSError: It could not be found out, which proves nothing: too many files may be open.
    """
    failure: FileNotFoundError | None = None
    for _ in range(_TRIES):
        try:
            return _capabilities_at(_nearest(root), root, lock_scope)
        except FileNotFoundError as error:
            failure = error  # It was removed since it was found: the one above it tells.
    assert failure is not None
    raise failure


def _capabilities_at(folder: str, root: str, lock_scope: Scope | None) -> Capabilities:
    found = types_below(folder)
    # ``link`` makes one winner without any lock; it is claimed where the types can be told.
    by_link = Scope.PROCESSES if found and not found & _NO_LINKS else Scope.NONE
    if not lock_works(folder) or not _keeps_times(folder, root):
        return Capabilities(if_absent=by_link)
    known = bool(found) and found <= KERNEL_LOCKS
    scope = lock_scope if lock_scope is not None else Scope.PROCESSES if known else Scope.NONE
    return Capabilities(
        if_absent=max(scope, by_link),
        if_match=scope,
        delete_if=scope,
        etags=ETags.PER_WRITE if scope else ETags.NONE,
    )


def _nearest(root: str) -> str:
    folder = os.path.realpath(root)
    # Of a disk that fails not even the topmost folder can be looked at.
    while not os.path.isdir(folder) and folder != (above := os.path.dirname(folder)):
        folder = above
    return folder


def _keeps_times(folder: str, root: str) -> bool:
    """Whether times are kept finely enough to name one write.

    They are not on an ext3 or ext4 with inodes of 128 bytes, which keep whole seconds: there, an
    object that is deleted and written again could have its old etag.
    """
    if os.stat(folder).st_ctime_ns % 1_000_000_000 or folder != os.path.realpath(root):
        return True
    # A folder that was made with its file system has whole seconds anywhere: so try it.
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            temporary = Temporary(descriptor)
            try:
                os.utime(temporary.descriptor, ns=(_FINE_NS, _FINE_NS))
                return os.fstat(temporary.descriptor).st_mtime_ns == _FINE_NS
            finally:
                temporary.close()
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _NOT_FOR_US:
            return False
        raise


def is_overlay(device: int) -> bool:
    """Whether a device, as of ``st_dev``, is an overlay: it does not tell what its layers say."""
    if os.major(device):
        return False  # It is a disk.
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = (line.partition(" - ") for line in _mounts())
    return any(
        fields.split(" ")[2] == number and others.split(" ")[0] == "overlay"
        for fields, _, others in mounts
    )


def types_below(folder: str) -> frozenset[str]:
    """The types of the file systems that hold a folder and what is below it.

    Args:
        folder: The absolute path of a folder that exists, without links.

    Returns:
        Nothing where the system does not tell.
    """
    type_of: dict[str, str] = {}
    for line in _mounts():
        fields, _, others = line.partition(" - ")
        # Of several mounts on one point the last one is seen.
        type_of[_unescape(fields.split(" ")[4])] = others.split(" ")[0]
    holding = [point for point in type_of if _is_below(folder, point)]
    within = [point for point in type_of if _is_below(point, folder)]
    points = [*within, *([max(holding, key=len)] if holding else [])]
    return frozenset(type_of[point] for point in points)


def _mounts() -> list[str]:
    """The lines of the mounts; none where the system does not tell."""
    try:
        with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as file:
            return list(filter(None, file.read().split("\n")))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith("/") else folder + "/")


def _unescape(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
