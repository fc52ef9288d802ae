"""``open``: the dictionary that a URL names, of the class that comes with its backend."""

from __future__ import annotations

import os
from typing import Any

from .errors import PluginError
from .installed import Plugin
from .persi_dict import PersiDict
from .registry import backends, dicts
from .urls import URL


def open(url: str | os.PathLike[str] | URL, **params: Any) -> PersiDict[Any]:
    """Open the dictionary that a URL names, or a folder.

    Args:
        url: Such as ``memory://name``, ``s3://bucket/prefix?file_type=json``, or a folder's name
            or path. Its query holds parameters of the dictionary and of its backend.
        **params: More parameters; they win over the query, but ``allow_pickle=False`` wins
            wherever it is said.

    Returns:
        A dictionary of the class that comes with the URL's backend, such as ``FileDirDict``; a
        plain ``PersiDict`` if none does.

    Raises:
        URLError: If the URL is malformed, holds a secret, or does not fit what it configures.
        PluginError: If no backend of that scheme is installed, or it is broken.

    Example:
        >>> scores = open("memory://?file_type=json")
        >>> scores["alex"] = 7
        >>> scores["alex"]
        7
    """
    url = URL.parse(url)
    return (find_front(url.scheme) or PersiDict).from_url(url, **params)


def find_front(scheme: str) -> type[PersiDict[Any]] | None:
    """The dictionary that opens URLs of a scheme, if a plugin brings one.

    It is one that was registered, or one of the distribution that brings the backend, so that no
    other plugin is imported.

    Args:
        scheme: The URL's scheme.

    Raises:
        PluginError: If that dictionary is broken, or more than one has this scheme and none is
            the base of the others.
    """
    found = [] if backends.owner(scheme) else list(dicts.registered.values())
    broken = None
    for claim in _beside(scheme):
        try:
            found.append(dicts.load(claim))
        except PluginError as error:
            broken = error
    fronts = [cls for cls in found if cls.scheme == scheme]
    for front in fronts:
        if all(issubclass(other, front) for other in fronts):
            return front
    if fronts:
        names = " and ".join(f"{cls.__module__}:{cls.__qualname__}" for cls in fronts)
        raise PluginError(
            f"the scheme {scheme!r} has more than one dictionary, {names}: give all but one "
            "another scheme"
        )
    if broken:
        raise broken
    return None


def _beside(scheme: str) -> list[Plugin]:
    """The dictionaries that come with the backend of a scheme."""
    if scheme in backends.builtin or scheme in backends.registered:
        return []
    brings = backends.claims(scheme) or backends.claims(scheme, fresh=True)
    if len(brings) != 1:
        return []
    return [
        claim
        for claim in dicts.claims()
        if claim.distribution == brings[0].distribution and claim.name not in dicts.registered
    ]
