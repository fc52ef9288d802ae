"""Names of servers and regions: checked before use, and shown without what might be a secret."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from persidict_core import URLError

_AWS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")
_REGION: Final = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_REGION_IN_HOST: Final = re.compile(r"[.-]([a-z]{2}(?:-[a-z]+)+-\d+)\.")


def check_endpoint(url: object) -> str:
    """Give a server's URL back if it is one; it is not echoed, as it may hold secrets.

    Raises:
        TypeError: If it is no string.
        ValueError: If it is no ``http`` or ``https`` URL of a host.
        URLError: (also a ValueError) If it holds a user, a password, a query or a fragment.
    """
    if not isinstance(url, str):
        raise TypeError(f"endpoint_url is a str, not {type(url).__name__}")
    try:
        split = urlsplit(url)
        good = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"\s", url):
        raise ValueError("endpoint_url is an http:// or https:// URL, as in http://127.0.0.1:9000")
    if "@" in split.netloc or "?" in url or "#" in url:
        raise URLError(
            "endpoint_url names a server only, without user, password or query: boto3 finds the "
            "credentials in the environment or in a profile"
        )
    return url


def check_region(region: object, endpoint_url: str | None = None) -> str:
    """Give a region back if it can be one.

    Args:
        region: Its name.
        endpoint_url: The server; one of AWS has a region of its own.

    Raises:
        TypeError: If it is no string.
        ValueError: If it cannot be a region, or is not the server's.
    """
    if not isinstance(region, str):
        raise TypeError(f"region is a str, not {type(region).__name__}")
    if not _REGION.fullmatch(region):
        raise ValueError(f"no region is called {region!r}")
    named = None
    if endpoint_url is not None and is_aws(endpoint_url):
        named = _REGION_IN_HOST.search(urlsplit(endpoint_url).hostname or "")
    if named and named[1] != region:
        raise ValueError(
            f"region is {region!r}, but endpoint_url is of {named[1]!r}: leave out one of them"
        )
    return region


def is_aws(url: str) -> bool:
    """Whether a server is one of AWS, by its host's name.

    Example:
        >>> is_aws("https://s3.eu-west-1.amazonaws.com"), is_aws("http://127.0.0.1:9000")
        (True, False)
    """
    return (urlsplit(url).hostname or "").endswith(_AWS)


def bare_endpoint(url: str) -> str:
    """A URL's scheme, host, port and path alone, without whatever might be a secret.

    What is no URL of a host gives "".

    Example:
        >>> bare_endpoint("https://me:word@host:9000/s3/?token=1f2e")
        'https://host:9000/s3'
    """
    try:
        split = urlsplit(url)
    except ValueError:
        return ""
    if not split.netloc:
        return ""
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path.rstrip('/')}"


def bare_host(url: str) -> str:
    """A URL's scheme, host and port alone.

    Example:
        >>> bare_host("https://me:word@host:9000/bucket/key?token=1f2e")
        'https://host:9000'
    """
    return "/".join(bare_endpoint(url).split("/")[:3])
