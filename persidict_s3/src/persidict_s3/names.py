"""Names in S3: of buckets, of objects, of what is in them."""

from __future__ import annotations

import re
from typing import Final

from persidict_core import URLError

MAX_NAME: Final = 1024
"""The longest name of an object in bytes."""

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{1,253}[A-Za-z0-9]")
_ARN: Final = re.compile(r"arn:[a-z0-9\-]+:s3[a-z0-9\-]*:[A-Za-z0-9:/._\-]+")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_CONTENT_TYPES: Final = {"json": "application/json", "txt": "text/plain; charset=utf-8"}


def check_bucket(name: str, called: str = "bucket") -> str:
    """Give a bucket's name back if it is one.

    Args:
        name: The name, or the ARN of an access point.
        called: What the caller calls it.

    Raises:
        TypeError: If it is no string.
        ValueError: If no bucket can have that name.
    """
    if not isinstance(name, str):
        raise TypeError(f"{called} is a str, not {type(name).__name__}")
    if "://" in name:
        raise ValueError(
            f"{called} is a bucket's name, not a URL: open a URL by persidict.open(url)"
        )
    if not (_BUCKET.fullmatch(name) or _ARN.fullmatch(name)) or ".." in name:
        raise ValueError(
            f"no bucket is called {name!r}: names have 3 to 63 characters of a-z, 0-9, '.' and '-'"
        )
    return name


def check_object_prefix(prefix: str, called: str = "prefix") -> str:
    """Give back what the names of objects begin with, with a slash at its end.

    Args:
        prefix: Any text, empty too; slashes stay as they are.
        called: What the caller calls it.

    Raises:
        TypeError: If it is no string.
        ValueError: If no name can begin so.
    """
    if not isinstance(prefix, str):
        raise TypeError(f"{called} is a str, not {type(prefix).__name__}")
    if _UNPRINTABLE.search(prefix):
        raise ValueError(f"{called} {prefix!r} holds a control character")
    if any(part in (".", "..") for part in prefix.split("/")):
        raise ValueError(f"{called} {prefix!r} has a part that is '.' or '..'")
    whole_prefix = prefix + "/" if prefix and not prefix.endswith("/") else prefix
    if len(whole_prefix.encode()) >= MAX_NAME:
        raise ValueError(f"{called} is as long as a whole name may be, {MAX_NAME} bytes")
    return whole_prefix


def address_of(bucket: str, prefix: str) -> str:
    """The address of a URL that says a bucket and a prefix.

    Raises:
        URLError: If the bucket is named by an ARN with a slash.

    Example:
        >>> address_of("b", "a/"), address_of("b", "/a//"), address_of("b", "")
        ('b/a', 'b//a//', 'b')
    """
    if "/" in bucket:
        raise URLError("a URL cannot say the ARN of an access point: name the bucket, or its alias")
    if prefix.endswith("/") and prefix != "/" and not prefix.endswith("//"):
        prefix = prefix[:-1]
    return f"{bucket}/{prefix}" if prefix else bucket


def content_type_of(path: str) -> str:
    """The content type that the end of a path stands for.

    Args:
        path: The relative path.
    """
    return _CONTENT_TYPES.get(path.rpartition(".")[2], "application/octet-stream")


def check_content_type(content_type: str | None) -> str | None:
    """Give a content type, or None, back.

    Raises:
        TypeError: If it is no string.
        ValueError: If it is no content type.
    """
    if content_type is None:
        return None
    if not isinstance(content_type, str):
        raise TypeError(f"content_type is a str, not {type(content_type).__name__}")
    if "/" not in content_type or not content_type.isascii() or _UNPRINTABLE.search(content_type):
        raise ValueError(f"{content_type!r} is no content type, such as application/json")
    return content_type
