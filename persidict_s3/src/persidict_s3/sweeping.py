"""Uploads in parts that were begun and never ended: found, and aborted.

Their parts are stored, and paid for, until somebody does so. S3 does not tell whether the uploader
is still at work; so what is young is spared. Requests:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from persidict_core import Debris

from .buckets import Bucket
from .faults import code_of, field, is_missing_bucket, known

SPARED: Final = 7 * 86400.0
"""For how many seconds after its beginning an upload is spared, unless told otherwise."""


def sweep(bucket: Bucket, prefix: str, remove: bool, older_than: float | None) -> Iterator[Debris]:
    """The uploads under a prefix that were begun so long ago, and did not end.

    Args:
        bucket: The bucket; one that is missing has none.
        prefix: What the whole names of the objects begin with.
        remove: Whether each is aborted before it is given.
        older_than: For how many seconds; None: `SPARED`.
    """
    asked: dict[str, Any] = {"Prefix": prefix}
    while True:
        try:
            answer = bucket.ask("list_multipart_uploads", **asked)
        except known() as error:
            if is_missing_bucket(error):
                return
            raise
        now = _time_of(answer)
        for upload in answer.get("Uploads", ()):
            begun = field(upload, "Initiated").timestamp()
            # The server's clock tells whole seconds.
            if max(now - begun, 0) < (SPARED if older_than is None else older_than):
                continue
            named = {name: field(upload, name) for name in ("Key", "UploadId")}
            try:
                size = _size_of(bucket, named)
                if remove:
                    bucket.ask("abort_multipart_upload", **named)
            except known() as error:
                if code_of(error) == "NoSuchUpload":
                    continue  # It ended meanwhile.
                raise
            yield Debris(named["Key"], size, begun)
        if not answer.get("IsTruncated"):
            return
        asked["KeyMarker"] = field(answer, "NextKeyMarker")
        asked["UploadIdMarker"] = field(answer, "NextUploadIdMarker")


def _time_of(answer: dict[str, Any]) -> float:
    """What time it is for the server."""
    from email.utils import parsedate_to_datetime

    date = field(answer["ResponseMetadata"]["HTTPHeaders"], "date")
    return parsedate_to_datetime(date).timestamp()


def _size_of(bucket: Bucket, named: dict[str, str]) -> int:
    """How many bytes lie in the first 1,000 parts of an upload."""
    return sum(field(part, "Size") for part in bucket.ask("list_parts", **named).get("Parts", ()))
