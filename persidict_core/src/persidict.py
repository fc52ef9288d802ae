"""Persistent dictionaries: a dict's face over storage that many processes and machines share.

Everything public is imported from here::

    from persidict import FileDirDict

    settings = FileDirDict("my_app_data")
    settings["theme"] = "dark"

This module only finds: the names of ``persidict_core``, the dictionaries of its sibling
distributions, then those of installed plugins, each loaded when it is asked for. It is a file, not
a package: pip, upgrading from a version that was a package, removes that package's files after it
has written ours.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import persidict_core

if TYPE_CHECKING:
    from collections.abc import Iterator

__version__ = persidict_core.__version__

# Where the submodules are found that programs for earlier versions import (persidict.jokers, say).
__path__ = [os.path.join(os.path.dirname(persidict_core.__file__), "former")]

_SIBLINGS = {"FileDirDict": "persidict_file", "S3Dict": "persidict_s3"}


def _load_sibling(name: str) -> object:
    package = _SIBLINGS[name]
    distribution = package.replace("_", "-")
    try:
        module = import_module(package)
        # A bare folder of that name, as in a checkout, is imported as an empty namespace.
        if getattr(module, "__file__", None) is not None:
            return getattr(module, name)
    except Exception as error:
        if not isinstance(error, ModuleNotFoundError) or error.name != package:
            raise ImportError(
                f"{distribution} is installed, but {name} cannot be imported from it: "
                f"{type(error).__name__}: {error}",
                name=package,
            ) from error
    raise ImportError(
        f"{name} comes with {distribution}, which is not installed: pip install {distribution}",
        name=package,
    )


def _siblings() -> Iterator[str]:
    for name in _SIBLINGS:
        try:
            _load_sibling(name)
        except ImportError:
            continue
        yield name


def __getattr__(name: str) -> object:
    if name == "__all__":
        # A plugin's name is left out: `from persidict import *` would import each plugin, unasked,
        # and fail with one that is broken.
        return sorted({*persidict_core.__all__, *_siblings()})
    if name in _SIBLINGS:
        value = _load_sibling(name)
    elif name == "open" or name in persidict_core.__all__:
        value = getattr(persidict_core, name)
    else:
        return _plugin(name)
    globals()[name] = value
    return value


def _plugin(name: str) -> object:
    if not name.startswith("_"):
        from persidict_core.registry import dicts

        if name in dicts.registered or dicts.claims(name, fresh=True):
            return dicts.get(name)
        from persidict_core.former_names import explanation

        if told := explanation(name):
            # Of an AttributeError `from persidict import` shows no text: importlib, which asks
            # for the name first, gets an ImportError.
            asking = sys._getframe(2).f_globals.get("__name__")
            raise (ImportError if asking == "importlib._bootstrap" else AttributeError)(told)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from persidict_core.registry import dicts

    plugins = {plugin.name for plugin in dicts.plugins() if plugin.name and plugin.error is None}
    own = {name for name in globals() if name.startswith("__")}
    return sorted(own | plugins | {"__all__", *persidict_core.__all__, *_siblings()})


if __name__ == "__main__":
    from persidict_core.cli import main

    raise SystemExit(main())
