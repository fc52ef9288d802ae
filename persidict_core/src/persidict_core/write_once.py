"""`WriteOnceDict`: the first write of an item counts, later ones are ignored, or checked."""

from __future__ import annotations

import random
from typing import Any, NoReturn, Self, TypeVar

from .errors import URLError
from .jokers import DELETE_CURRENT
from .keys import PersiDictKey
from .persi_dict import PersiDict

V = TypeVar("V")


class WriteOnceDict(PersiDict[V]):
    """Around any dictionary: an item's first value stays; a later write changes nothing.

    With some probability a later value is compared with the one that is stored, which finds
    computations that should give the same result everywhere and do not. Nothing is ever deleted.

    Args:
        wrapped_dict: The dictionary that holds the items.
        p_consistency_checks: With what probability, 0 to 1, a later value is compared; None means
            0.

    Attributes:
        consistency_checks_attempted: How many later values were compared.
        consistency_checks_passed: How many were equal.
        consistency_checks_failed: How many were not.

    Raises:
        TypeError: If it is no `PersiDict`.
        ValueError: If the probability is none.
        NotSupported: If the backend cannot tell the first of two racing writers.

    Example:
        >>> d = WriteOnceDict(PersiDict("memory://"), p_consistency_checks=1)
        >>> d["pi"] = 3.14
        >>> d["pi"] = 3.14
        >>> d.consistency_checks_passed
        1
    """

    def __init__(
        self, wrapped_dict: PersiDict[V], p_consistency_checks: float | None = None
    ) -> None:
        if not isinstance(wrapped_dict, PersiDict):
            raise TypeError(f"wrapped_dict is a PersiDict, not {type(wrapped_dict).__name__}")
        chance = 0.0 if p_consistency_checks is None else p_consistency_checks
        if isinstance(chance, bool) or not isinstance(chance, int | float):
            raise TypeError(f"p_consistency_checks is a number of 0 to 1, not {chance!r}")
        if not 0 <= chance <= 1:
            raise ValueError(f"p_consistency_checks is 0 to 1, not {chance!r}")
        self.__dict__.update(wrapped_dict.__dict__)
        self.wrapped_dict = wrapped_dict
        self.p_consistency_checks = float(chance)
        self.immutable_items = True
        if not self.backend.probes:
            self._require("WriteOnceDict", "if_absent")
        self.consistency_checks_attempted = 0
        self.consistency_checks_passed = 0
        self.consistency_checks_failed = 0

    def _refuse(self, key: PersiDictKey, value: object) -> None:
        """Ignore a later value, or compare it; refuse a deletion.

        Raises:
            ValueError: If it was compared and differs.
        """
        if value is DELETE_CURRENT:
            super()._refuse(key, value)
        if random.random() >= self.p_consistency_checks:
            return
        self.consistency_checks_attempted += 1
        if not self._is_stored(key, value):
            self.consistency_checks_failed += 1
            raise ValueError(
                f"the new value of {key!r} differs from the one that was written first, which stays"
            )
        self.consistency_checks_passed += 1

    def _is_stored(self, key: PersiDictKey, value: object) -> bool:
        path = self._path(key)
        encoded = self._encode(key, path, value)
        stored = self._layered.read_bytes(path)
        if encoded == stored:
            return True
        import joblib

        # Equal values may have several encodings; what both read back as is what counts.
        again, first = self._decode(key, path, encoded), self._decode(key, path, stored)
        return bool(joblib.hash(again) == joblib.hash(first))

    def get_subdict(self, key: PersiDictKey | tuple[()] = ()) -> Self:
        """The write-once dictionary of the keys that begin so, with counters of its own."""
        return type(self)(self.wrapped_dict.get_subdict(key), self.p_consistency_checks)

    @property
    def url(self) -> NoReturn:
        """None: a URL would open the items without their guard.

        Raises:
            URLError: Always.
        """
        raise URLError(
            f"{type(self).__name__} has no URL: use the url of its wrapped_dict, and put "
            f"{type(self).__name__} around what that opens"
        )

    @property
    def base_dir(self) -> str | None:
        """The folder of the wrapped dictionary's values; None where they are in none."""
        return self.wrapped_dict.base_dir

    def __reduce__(self) -> tuple[Any, ...]:
        counters = {
            name: count for name, count in vars(self).items() if name.startswith("consistency_")
        }
        return (*super().__reduce__(), counters)
