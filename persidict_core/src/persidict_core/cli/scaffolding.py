"""A new distribution with a backend, written from templates; its author fills in five verbs."""

from __future__ import annotations

import os
import re
import shutil
from importlib import resources
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

from .. import __version__, registry

_NAME: Final = re.compile(r"[a-z][a-z0-9]+(-[a-z0-9]+)*")
_TEMPLATES: Final = "templates/new_backend"
# Each template, and where it goes; a name in a path is filled in as in a text.
_FILES: Final = {
    "pyproject.toml.template": "pyproject.toml",
    "README.md.template": "README.md",
    "gitignore.template": ".gitignore",
    "ci.yml.template": ".github/workflows/ci.yml",
    "init.py.template": "src/$package/__init__.py",
    "backend.py.template": "src/$package/backend.py",
    "dict.py.template": "src/$package/${module}_dict.py",
    "py.typed.template": "src/$package/py.typed",
    "test_own.py.template": "tests/test_${module}.py",
}


class Names(NamedTuple):
    """What a backend's name says of its distribution.

    Attributes:
        name: As it was given, such as ``acme-cloud``.
        scheme: The URL scheme.
        distribution: What is installed, such as ``persidict-acme-cloud``.
        package: What is imported, such as ``persidict_acme_cloud``.
        module: The name as it stands in modules, such as ``acme_cloud``.
        title: The name as it stands in classes, such as ``AcmeCloud``.
    """

    name: str
    scheme: str
    distribution: str
    package: str
    module: str
    title: str


def names_of(name: str, scheme: str | None = None) -> Names:
    """The names of a new backend, none of which is taken.

    Args:
        name: Lower-case letters and digits, words joined by ``-``; such as ``acme``.
        scheme: The URL scheme; None: the name.

    Raises:
        ValueError: If the name or scheme is malformed, persidict's own, or taken by what is
            installed here.

    Example:
        >>> names_of("acme-cloud").title
        'AcmeCloud'
    """
    if not _NAME.fullmatch(name) or iskeyword(name):
        raise ValueError(
            f"{name!r} names no backend: it wants two or more lower-case letters and digits, a "
            "letter first, words joined by '-', and no keyword of Python; such as acme, or "
            "acme-cloud"
        )
    if name.startswith("persidict"):
        raise ValueError(f"{name!r}: 'persidict-' is put before it; give the rest, such as acme")
    module = name.replace("-", "_")
    title = "".join(map(str.capitalize, name.split("-")))
    scheme = name if scheme is None else scheme
    names = Names(name, scheme, f"persidict-{name}", f"persidict_{module}", module, title)
    _refuse_taken(registry.backends, scheme)
    _refuse_taken(registry.dicts, f"{title}Dict")
    _refuse_installed(names)
    return names


def _refuse_taken(group: registry.Registry, name: str) -> None:  # type: ignore[type-arg]
    if not group.valid.fullmatch(name):
        raise ValueError(f"{name!r} is no {group.noun}: it has to match {group.valid.pattern}")
    holders = [f"reserved for {owner}" for owner in [group.owner(name)] if owner]
    holders += [f"taken by {claim}" for claim in group.claims(name, fresh=True)]
    if holders or name in group.registered:
        why = holders[0] if holders else "registered in this process"
        raise ValueError(f"the {group.noun} {name!r} is {why}: choose another name")


def _refuse_installed(names: Names) -> None:
    from importlib import metadata

    import persidict_core

    for own in (f"{names.title}Backend", f"{names.title}Dict"):
        if own in dir(persidict_core):
            raise ValueError(f"{own} is a name of persidict's own: choose another name")
    try:
        version = metadata.version(names.distribution)
    except metadata.PackageNotFoundError:
        if find_spec(names.package) is None:
            return
        version = f"(as {names.package})"
    raise ValueError(
        f"{names.distribution} {version} is installed: choose another name, or uninstall it"
    )


def write_backend(names: Names, into: str | os.PathLike[str] = ".") -> list[Path]:
    """Write the distribution of a new backend, all of it or nothing.

    Args:
        names: Its names.
        into: The folder in which its own is made; made itself if it is missing.

    Returns:
        The files, its ``pyproject.toml`` first.

    Raises:
        FileExistsError: If there is something of its name.

    Example:
        >>> import tempfile
        >>> written = write_backend(names_of("acme-cloud"), tempfile.mkdtemp())
        >>> written[0].parent.name, written[0].name
        ('persidict-acme-cloud', 'pyproject.toml')
    """
    folder = Path(into, names.distribution)
    words = {**names._asdict(), "version": __version__, "next": _next_major(__version__)}
    templates = resources.files(__package__) / _TEMPLATES
    texts = {
        folder / Template(path).substitute(words): Template(
            (templates / template).read_text("utf-8")
        ).substitute(words)
        for template, path in _FILES.items()
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        raise FileExistsError(f"{folder} is there already: nothing was written") from None
    try:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    except BaseException:
        shutil.rmtree(folder)
        raise
    return list(texts)


def _next_major(version: str) -> int:
    return int(version.partition(".")[0]) + 1
