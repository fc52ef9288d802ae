"""Opening what a command works on: nothing is made by looking, and nothing unpickled unasked."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from .. import registry
from ..checking import TRIALS
from ..configuration import constructor_params
from ..errors import PluginError
from ..opening import find_front
from ..persi_dict import PersiDict
from .failures import Failed, Misused

if TYPE_CHECKING:
    from ..urls import URL

Use: TypeAlias = Literal["read", "change", "create"]
"""What for: to look only; to change what is there; to write, also where there is no store yet."""

_NAMES_LOOKED_AT: Final = 1000
_MOST_TYPES: Final = 10
_CAREFUL: Final = {"allow_pickle", "read_only", "file_type"}
_LOOK: Final[dict[str, Any]] = {"file_type": "pkl", "read_only": True}


def open_store(
    url: URL,
    file_type: str | None = None,
    use: Use = "read",
    *,
    unpickle: bool = False,
    choose: bool = False,
    text: bool = False,
) -> PersiDict[Any]:
    """Open the dictionary that a command works on.

    Args:
        url: Where it is.
        file_type: What ``--file-type`` says.
        use: What for.
        unpickle: Whether pickles are read; they are not if the URL forbids it.
        choose: Whether the most frequent of several file types is taken unasked.
        text: Whether a file type that no serializer is installed for is meant to be text, though
            none lies there.

    Raises:
        Failed: If there is no such folder.
        Misused: If the URL does not fit, or several file types lie there and none was chosen.
    """
    params: dict[str, Any] = {} if unpickle else {"allow_pickle": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # They would be of a file type that perhaps is not meant.
        look = _open(url, {**params, **_LOOK})
    missing = url.scheme == "file" and not os.path.isdir(look.base_dir or "")
    if missing and use != "create":
        raise Failed(f"there is no folder {look.base_dir}")
    there = types_there(look)
    chosen = file_type or url.query.get("file_type") or _only(there, choose)
    params["file_type"] = chosen
    says_class = "base_class_for_values" in url.query
    if (text or chosen in there) and not says_class and not is_served(chosen):
        params["base_class_for_values"] = str
    if use == "read":
        params["read_only"] = True
    look.close()
    return _open(url, params, plainly=missing)


def _open(url: URL, params: dict[str, Any], plainly: bool = False) -> PersiDict[Any]:
    try:
        front = find_front(url.scheme)
        # A plugin's own class may know too few parameters to be opened with care; that of folders
        # makes a missing one before there is something to write.
        if plainly or front is None or _CAREFUL - constructor_params(front).keys():
            return PersiDict.from_url(url, **params)
        return front.from_url(url, **params)
    except (ValueError, TypeError, PluginError) as error:
        raise Misused(str(error)) from error


def is_served(file_type: str) -> bool:
    """Whether a serializer of this file type is installed, be it broken.

    Args:
        file_type: The file type.
    """
    known = registry.serializers
    return (
        file_type in known.builtin or file_type in known.registered or bool(known.claims(file_type))
    )


def types_there(d: PersiDict[Any]) -> list[str]:
    """The file types that lie in a dictionary's store, the most frequent first, by one look.

    Args:
        d: The dictionary, of any file type.
    """
    folder = d.path_of("x").rpartition("/")[0]
    names = d.backend.list_some(folder + "/" if folder else "", _NAMES_LOOKED_AT)
    # What a check of the store puts there for a while is nobody's.
    last = (name.rpartition("/")[2] for name in names if TRIALS not in name)
    types = Counter(name.rpartition(".")[2] for name in last if "." in name[1:])
    return [each for each, _ in types.most_common()]


def _only(types: list[str], choose: bool) -> str:
    """The one file type of several; those that a serializer is installed for count first.

    So a ``README.md`` beside the values does no harm.
    """
    candidates = [each for each in types if is_served(each)] or types
    if len(candidates) > 1 and not choose:
        listed = ", ".join(sorted(candidates)[:_MOST_TYPES])
        raise Misused(f"values of several file types lie there ({listed}): choose by --file-type")
    return candidates[0] if candidates else _LOOK["file_type"]
