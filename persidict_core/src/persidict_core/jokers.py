"""Values that are orders: given in place of a value, they say what to do with the item."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self


class Joker:
    """Base of the two orders; each class has a single instance, also after pickling.

    Example:
        >>> isinstance(KEEP_CURRENT, Joker), KeepCurrentFlag() is KEEP_CURRENT
        (True, True)
    """

    _instance: ClassVar[Any] = None

    def __new__(cls) -> Self:
        if cls.__dict__.get("_instance") is None:
            cls._instance = super().__new__(cls)
        instance: Self = cls._instance
        return instance

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


class KeepCurrentFlag(Joker):
    """The class of `KEEP_CURRENT`.

    Example:
        >>> from persidict_core import PersiDict
        >>> d = PersiDict("memory://")
        >>> d.update({"a": 1, "b": KEEP_CURRENT})
        >>> list(d)
        [SafeStrTuple('a')]
    """

    def __repr__(self) -> str:
        return "KEEP_CURRENT"


class DeleteCurrentFlag(Joker):
    """The class of `DELETE_CURRENT`.

    Example:
        >>> from persidict_core import PersiDict
        >>> d = PersiDict("memory://")
        >>> d["tries"] = 1
        >>> d.transform("tries", lambda left: left - 1 or DELETE_CURRENT)
        DELETE_CURRENT
        >>> "tries" in d
        False
    """

    def __repr__(self) -> str:
        return "DELETE_CURRENT"


KEEP_CURRENT: Final = KeepCurrentFlag()
"""In place of a value: change nothing."""

DELETE_CURRENT: Final = DeleteCurrentFlag()
"""In place of a value: delete the item, if it is there."""
