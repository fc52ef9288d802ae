"""``open``: a dictionary of a URL."""

from __future__ import annotations

import os
from typing import Any

from .persi_dict import PersiDict
from .registry import find_front
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
        >>> dict(scores)
        {'alex': 7}
    """
    url = URL.parse(url)
    return (find_front(url.scheme) or PersiDict).from_url(url, **params)
