"""`OverlappingMultiDict`: several dictionaries in one place, one for each file type."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from .configuration import Configured
from .persi_dict import PersiDict


class OverlappingMultiDict(Configured):
    """Several dictionaries of one class that share a place and differ in their file type.

    It is no mapping: each dictionary is the attribute named like its file type.

    Args:
        dict_type: The class of all of them, such as FileDirDict.
        shared_subdicts_params: The parameters that all have.
        **individual_subdicts_params: For each file type the parameters that only its dictionary
            has.

    Raises:
        TypeError: If the class is no `PersiDict`, or parameters are no dict.
        ValueError: If parameters name a file type, which the keyword already does.

    Example:
        >>> both = OverlappingMultiDict(PersiDict, {"backend": "memory://notes"}, json={}, pkl={})
        >>> both.json["a"] = [1]
        >>> both.pkl["a"] = (1,)
        >>> both.json["a"], both.pkl["a"]
        ([1], (1,))
    """

    def __init__(
        self,
        dict_type: type[PersiDict[Any]],
        shared_subdicts_params: Mapping[str, Any],
        **individual_subdicts_params: Mapping[str, Any],
    ) -> None:
        if not inspect.isclass(dict_type) or not issubclass(dict_type, PersiDict):
            raise TypeError(f"dict_type is a subclass of PersiDict, not {dict_type!r}")
        everything = {"shared_subdicts_params": shared_subdicts_params}
        for name, params in {**everything, **individual_subdicts_params}.items():
            if not isinstance(params, Mapping):
                raise TypeError(f"{name} is a dict of parameters, not {type(params).__name__}")
            if "file_type" in params:
                raise ValueError(f"{name} names a file_type; each keyword is the file type already")
        self.dict_type = dict_type
        self.shared_subdicts_params = dict(shared_subdicts_params)
        self.individual_subdicts_params = individual_subdicts_params
        for file_type, params in individual_subdicts_params.items():
            if hasattr(self, file_type):
                raise ValueError(f"{file_type!r} is taken: it is no file type here")
            one = dict_type(**{**shared_subdicts_params, **params, "file_type": file_type})
            setattr(self, file_type, one)

    def __getattr__(self, name: str) -> PersiDict[Any]:
        raise AttributeError(
            f"there is no dictionary of file type {name!r} here, only of "
            f"{', '.join(vars(self).get('individual_subdicts_params', ()))}"
        )
