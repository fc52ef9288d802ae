"""Requests to S3 as they look on the wire: what they ask, and how they are signed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# Names of S3's operations by method and by what the query, or a header, says besides.
_OF_OBJECTS = {
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("PUT", ""): "PutObject",
    ("PUT", "copy"): "CopyObject",
    ("PUT", "partNumber"): "UploadPart",
    ("DELETE", ""): "DeleteObject",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
}
_OF_BUCKETS = {
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "location"): "GetBucketLocation",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "versions"): "ListObjectVersions",
    ("HEAD", ""): "HeadBucket",
    ("PUT", ""): "CreateBucket",
    ("DELETE", ""): "DeleteBucket",
    ("POST", "delete"): "DeleteObjects",
}


@dataclass
class Request:
    """One request as it came over the wire.

    Attributes:
        method: As in ``GET``.
        target: The path and the query, quoted as they came.
        headers: The headers; names in any case.
        body: The whole body.
        status: What the server answered; None if the server has not seen the request.
    """

    method: str
    target: str
    headers: Message
    body: bytes
    status: int | None = None

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def bucket(self) -> str:
        return self.path.lstrip("/").partition("/")[0]

    @property
    def key(self) -> str:
        return self.path.lstrip("/").partition("/")[2]

    @property
    def keys(self) -> list[str]:
        """The keys that are asked about; more than one in a DeleteObjects."""
        if self.key:
            return [self.key]
        return [unescape(key) for key in re.findall("<Key>(.*?)</Key>", self.body.decode())]

    @property
    def operation(self) -> str:
        """The name that S3 gives to what is asked; the bare method where it is none we know."""
        names = _OF_OBJECTS if self.key else _OF_BUCKETS
        marks = [name for method, name in names if method == self.method and name in self.query]
        if "x-amz-copy-source" in self.headers:
            marks = ["copy"]
        return names.get((self.method, marks[0] if marks else ""), self.method)

    @property
    def is_conditional(self) -> bool:
        return any(name.lower().startswith("if-") for name in self.headers)


@cache
def found_credentials() -> Any:
    """The credentials of the tests, as botocore finds them."""
    from botocore.session import Session

    return Session().get_credentials()


def signed_again(
    request: Request, headers: list[tuple[str, str]], upstream: str
) -> list[tuple[str, str]]:
    """The headers with a signature for them and for the server's own host.

    Args:
        request: The request; its ``Authorization`` says the region.
        headers: The headers to send.
        upstream: The URL of the server.
    """
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest

    stated = request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")

    class KeepingTheHash(S3SigV4Auth):  # type: ignore[misc]
        def payload(self, request: Any) -> str:
            return stated

    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", request.headers.get("Authorization", ""))
    replaced = ("authorization", "host", "x-amz-date", "x-amz-content-sha256")
    kept = {name: value for name, value in headers if name.lower() not in replaced}
    again = AWSRequest(request.method, upstream.rstrip("/") + request.target, headers=kept)
    KeepingTheHash(found_credentials(), "s3", scope[1] if scope else "us-east-1").add_auth(again)
    return [("Host", urlsplit(upstream).netloc), *again.headers.items()]
