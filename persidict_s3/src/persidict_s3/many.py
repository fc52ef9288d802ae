"""Requests that take the place of many, or of the way through this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from persidict_core import BackendError

from .buckets import ATTEMPTS, Bucket, pause
from .conditions import check_deleted
from .faults import ForeignAnswer, clean, etag_of, field, is_missing_bucket, known

_PASSING: Final = ("UnknownError", "InternalError", "SlowDown", "ServiceUnavailable")
"""What is said of one object among many; the first by Ceph, of one that is being written."""


def delete_names(
    bucket: Bucket, names: Mapping[str, str], tell: Callable[[Exception, str], Exception]
) -> dict[str, Exception]:
    """Delete up to 1,000 objects in one request, and again those of which a fault may pass.

    Args:
        bucket: Where they are.
        names: The path of each, by its whole name.
        tell: Makes the store's error of a library's, for a path.

    Returns:
        The errors of those that could not be deleted, by path.
    """
    failures: dict[str, Exception] = {}
    left = list(names)
    for attempt in range(ATTEMPTS):
        pause(attempt)
        objects = {"Objects": [{"Key": name} for name in left], "Quiet": True}
        try:
            answer = bucket.ask("delete_objects", Delete=objects)
            check_deleted(answer)
            errors = {field(failed, "Key"): failed for failed in answer.get("Errors", ())}
            if not errors.keys() <= set(left):
                raise ForeignAnswer("it tells of what was not asked for")
        except known() as error:
            return failures | {names[name]: tell(error, names[name]) for name in left}
        for name in left:
            failures.pop(names[name], None)
        left = []
        for name, failed in errors.items():
            code = failed.get("Code")
            if code != "NoSuchKey":
                problem = f"S3 says {code}: {clean(failed.get('Message', ''))}"
                failures[names[name]] = BackendError(
                    problem, bucket.describe(), "delete_many", names[name]
                )
            if code in _PASSING:
                left.append(name)
        if not left:
            break
    return failures


def copy_name(
    bucket: Bucket,
    key: str,
    source_key: str,
    params: Mapping[str, Any],
    source_bucket: str,
    check_source: Callable[[], object],
) -> str:
    """Copy one object within a server, and give the copy's etag.

    Args:
        bucket: Where to; it is made if it is missing.
        key: The whole name of the copy.
        source_key: The whole name of what is copied.
        params: What a write of the copy says besides.
        source_bucket: Where from.
        check_source: Raises if there is nothing to copy.
    """
    request: dict[str, Any] = {
        "Key": key,
        "CopySource": {"Bucket": source_bucket, "Key": source_key},
        # What was said of the source, its tokens too, is not true of the copy.
        "MetadataDirective": "REPLACE",
        **params,
    }
    if "Tagging" in bucket.put_args:
        request["TaggingDirective"] = "REPLACE"
    try:
        answer = bucket.ask("copy_object", **request)
    except known() as error:
        if not is_missing_bucket(error):
            raise
        check_source()
        answer = bucket.write("copy_object", **request)
    return etag_of(field(answer, "CopyObjectResult"))
