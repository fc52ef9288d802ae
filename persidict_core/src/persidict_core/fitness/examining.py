"""A store examined: tried part by part, and left as it was."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal

from ..backend import Backend, BaseBackend, adapted
from ..checking import TRIALS, Some
from ..errors import NotSupported, PersiDictError, URLError
from ..layers import ReadOnlyBackend
from ..opening import open as open_url
from ..persi_dict import PersiDict
from ..testing.racing import workers_kept
from ..urls import URL
from .promised import ELSEWHERE, PROMISED, REACH
from .report import Fitness, short
from .trial import EXTENTS, Trial

Level = Literal["whole", "quick"]

_ATTEMPTS: Final = 5
_PAUSE: Final = 0.1


def examine(
    store: PersiDict[Any] | Backend | str | os.PathLike[str] | URL,
    *,
    level: Level = "whole",
    progress: Callable[[int, int | None], None] | None = None,
) -> Fitness:
    """Try on a store itself whether it keeps what is promised: is this disk, this server safe?

    The checks of the conformance kit write, read, list and delete objects below a prefix of a
    random name, ``persidict-check-...``, which is removed in the end, also after an error or a
    Ctrl-C; who lists the store meanwhile sees them. Conditions are raced, by threads and by fresh
    processes that open the store by its configuration, with credentials as the environment has
    them. What is not claimed must be refused.

    Quick, it takes some 10 seconds on a disk, 3,000 requests of an S3 server and 20 MB, and at most
    two minutes; as a whole a minute on a disk, 8,000 requests or, of a fast server, more, some 100
    to 400 MB, and at most a quarter of an hour: a store that is far away is raced less often. There
    are never more than 3,000 objects of it. A folder or bucket that is missing is made, as by a
    first write.

    Args:
        store: A dictionary (its backend is looked at, below its prefix, without its cache), a
            backend, or a URL or folder as for `open`.
        level: ``"whole"``, or ``"quick"`` for fewer and shorter checks.
        progress: Called after each promise with how many are done, and of how many.

    Raises:
        ValueError: There is no such level.
        URLError: The URL cannot be used.
        PluginError: No backend of its scheme is installed.
        ImportError: Python runs with ``-O``: the checks are assert statements.

    Example:
        >>> from persidict_core import examine
        >>> found = examine("memory://", level="quick")
        >>> found.fit, found.promises[0].name, found.promises[0].verdict.value
        (True, 'It can be written, read and deleted', 'holds')
    """
    if level not in EXTENTS:
        raise ValueError(f"level is 'whole' or 'quick', not {level!r}")
    begun = time.monotonic()
    if isinstance(store, str | os.PathLike | URL):
        with open_url(store) as dictionary:
            return examine(dictionary, level=level, progress=progress)
    where, digest_len = "", 0
    if isinstance(store, PersiDict):
        where, digest_len = store._paths.prefix, store.digest_len
        backend: BaseBackend = store.backend
        if store.read_only:
            backend = ReadOnlyBackend(backend)
    else:
        backend = adapted(store)
        digest_len = backend.digest_len
    name = _name_of(store)
    prefix = f"{where}{TRIALS}{secrets.token_hex(8)}/"
    trial = Trial(backend, prefix, EXTENTS[level], level == "quick", digest_len)
    plan = [each for each in (REACH, ELSEWHERE, *PROMISED) if trial.checks_of(each) is not None]
    promises = []
    try:
        with workers_kept():
            for promised in plan:
                promises.append(trial.tried(promised))
                if progress is not None:
                    progress(len(promises), len(plan))
    except BaseException as error:
        if (left := _remove(backend, prefix)).total:
            error.add_note(f"{left.total} objects below {prefix} of {name} could not be removed")
        raise
    # Nobody can look where nothing could be written.
    left = _remove(backend, prefix) if trial.wrote else Some()
    return Fitness(name, level, tuple(promises), left, time.monotonic() - begun)


def _name_of(store: object) -> str:
    try:
        return short(str(getattr(store, "url", store)))
    except URLError:
        return short(repr(store))


def _remove(backend: BaseBackend, prefix: str) -> Some:
    """Remove all below a prefix; what is left, after some attempts."""
    left = Some()
    for attempt in range(_ATTEMPTS):
        try:
            paths = list(backend.list_prefix(prefix))
            if not paths and attempt:
                break  # Twice, since some listings are late.
            errors = dict(backend.delete_many(paths))
            with contextlib.suppress(NotSupported):
                deque(backend.sweep(True, prefix=prefix, older_than=0), maxlen=0)
                backend.prune(prefix)
            left = Some()
            for path in backend.list_prefix(prefix):
                left = left.and_one(f"{path}: {errors.get(path) or 'still there'}")
        except (PersiDictError, OSError) as error:
            left = Some().and_one(f"{prefix}: {error}")
        time.sleep(_PAUSE)
    return left
