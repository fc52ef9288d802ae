"""Names in docstrings and types, led to where these pages show them.

A name is documented where users import it, as in ``persidict.Scope``; a type or a docstring names
it where it is defined, or by its last part alone.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.inspect import stringify_signature

OURS = ("persidict", "persidict_core", "persidict_file", "persidict_s3")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("missing-reference", find)
    app.connect("autodoc-process-docstring", describe)
    app.connect("autodoc-process-signature", sign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def find(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
    """The link to a name that is public elsewhere; plain text for one that is not public.

    Returns:
        None, and so a warning, if there is no such name at all.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    names = [part for part in target.split(".") if part.lower() not in _modules()]
    wanted = "." + ".".join(names[-2:])
    domain = env.domains["py"]
    found = sorted((full for full in domain.objects if full.endswith(wanted)), key=len)
    if found:
        document = node["refdoc"]
        return domain.resolve_xref(env, document, app.builder, "obj", found[0], node, content)
    return content if any(_has(module, names) for module in _loaded()) else None


def describe(
    app: Sphinx, what: str, name: str, member: Any, options: Any, lines: list[str]
) -> None:
    """Give a constant the docstring that stands below it where it is defined."""
    if what != "data":
        return
    last = name.rpartition(".")[2]
    for module in _loaded():
        told = ModuleAnalyzer.for_module(module.__name__).find_attr_docs().get(("", last))
        if told:
            lines[:] = told


def sign(
    app: Sphinx, what: str, name: str, member: Any, options: Any, shown: str, returns: str
) -> tuple[str, str] | None:
    """Show what a constructor takes, where a ``__new__`` before it takes anything."""
    if what != "class" or not (shown or "").startswith("(*args"):
        return None
    signature = inspect.signature(member.__init__)
    taken = list(signature.parameters.values())[1:]
    bare = signature.replace(parameters=taken, return_annotation=inspect.Signature.empty)
    return stringify_signature(bare, unqualified_typehints=True), ""


def _loaded() -> list[Any]:
    return [
        module for name, module in sorted(sys.modules.items()) if name.partition(".")[0] in OURS
    ]


def _modules() -> set[str]:
    return {part for module in _loaded() for part in module.__name__.split(".")}


def _has(module: Any, names: list[str]) -> bool:
    found = module
    for name in names:
        found = getattr(found, name, None)
    return bool(names) and found is not None
