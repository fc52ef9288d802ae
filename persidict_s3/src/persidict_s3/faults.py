"""What S3 and the way to it said, in words for whoever has to mend it.

Only what S3 itself says is absence. Whatever else happened is told as such, and never looks like
a missing key. Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from persidict_core import (
    ABSENT,
    BackendError,
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
)

from .endpoints import bare_host

_ABSENT: Final = ("NoSuchKey", "NoSuchBucket")
_WRITES: Final = (
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "CreateBucket",
)
_LOOKS: Final = ("HeadObject", "GetObject", "CopyObject")
_KEYS: Final = (
    "look at the AWS_* variables of the environment, and at the profile, that boto3 takes them from"
)
REGIONS: Final = (
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidLocationConstraint",
    "IncorrectEndpoint",
)
"""S3's codes for a request that belongs to another region."""

_THROTTLED: Final = (
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequests",
    "503 SlowDown",
)
_ADVICE: Final = {
    "InvalidAccessKeyId": f"the access key is unknown there: {_KEYS}",
    "SignatureDoesNotMatch": f"the secret key does not fit the access key: {_KEYS}",
    "ExpiredToken": "the credentials have expired: fetch new ones",
    "ExpiredTokenException": "the credentials have expired: fetch new ones",
    "TokenRefreshRequired": "the credentials have expired: fetch new ones",
    "InvalidToken": f"the session token is not valid: {_KEYS}",
    "RequestTimeTooSkewed": "this machine's clock and the server's differ: set it",
    "RequestExpired": "this machine's clock and the server's differ: set it",
    "BucketAlreadyExists": "the bucket's name is taken by another account: choose another name",
    "BucketAlreadyOwnedByYou": "the bucket exists already, in another region",
    "TooManyBuckets": "this account may not have more buckets",
    "InvalidBucketName": "that is no name for a bucket",
    "KeyTooLongError": "the object's name is longer than 1024 bytes",
    "InvalidObjectName": "the server does not take that name for an object",
    "EntityTooLarge": "the value is larger than the server takes in one request",
    "InvalidObjectState": "the object is archived: restore it first",
    "QuotaExceeded": "the quota is used up",
    "AllAccessDisabled": "all access to the bucket is disabled",
    "NoSuchUpload": "the upload was ended by somebody else meanwhile",
    "InternalError": "the server failed",
    "ConditionalRequestConflict": "others were writing the same object; try again",
    "OperationAborted": "others were changing the same bucket; try again",
}
_DENIED: Final = (
    "access is denied: the credentials lack the right, or a policy of the bucket forbids it, or "
    "the bucket is another account's"
)
_DENIED_LOOK: Final = (
    "access is denied; S3 answers so also where no object is, if the credentials lack the right "
    "s3:ListBucket on the bucket: whether it is there is not known"
)
_FOREIGN: Final = (
    "the answer is not one of S3: a proxy or a login page, or an endpoint_url that is another's"
)


class ForeignAnswer(Exception):
    """An answer that S3 does not give: somebody else answered in its place.

    Args:
        what: What is wrong with it.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{_FOREIGN} ({what})")


class Threadless(Exception):
    """No thread can begin, and without one a large object cannot be sent."""

    def __init__(self) -> None:
        super().__init__(
            "a value of over 8 MB is sent by threads, and none can begin: the interpreter ends, or "
            "the system has none left"
        )


def known() -> tuple[type[Exception], ...]:
    """All that S3's libraries raise, as classes for an ``except``; boto3 is imported by then."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from s3transfer import exceptions as transfers
    from urllib3.exceptions import HTTPError

    # Earlier versions of s3transfer have no error of its own for a download.
    download = getattr(transfers, "S3DownloadFailedError", transfers.RetriesExceededError)
    return (
        BotoCoreError,
        ClientError,
        ResponseParserError,
        Boto3Error,
        transfers.RetriesExceededError,
        download,
        HTTPError,
        ForeignAnswer,
        Threadless,
    )


def status_of(error: BaseException) -> int:
    """The HTTP status of an answer that is an error; 0 if there was no answer."""
    status = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status if isinstance(status, int) else 0


def code_of(error: BaseException) -> str:
    """S3's code for an error, as in ``NoSuchKey``; the status as text where S3 gave none."""
    return str(_response(error).get("Error", {}).get("Code", ""))


def is_absence(error: BaseException) -> bool:
    """Whether an error proves that no object is there.

    S3 says so in the answer's body; an answer without one, as to a HEAD, has to carry the headers
    of S3. A bucket that does not exist holds nothing.
    """
    if status_of(error) != 404:
        return False
    if code_of(error) in _ABSENT:
        return True
    headers = _headers(error)
    kind = headers.get("content-type", "").lower()
    return (
        code_of(error) == "404"
        and "html" not in kind
        and ("xml" in kind or "x-amz-request-id" in headers or "x-amz-id-2" in headers)
    )


def is_doubtful(error: BaseException) -> bool:
    """Whether an answer says 404, but nothing shows that S3 itself said so.

    Another request, whose answer has a body, can prove it.
    """
    return status_of(error) == 404 and code_of(error) == "404" and not is_absence(error)


def is_missing_bucket(error: BaseException) -> bool:
    """Whether an error says that the bucket does not exist."""
    return code_of(error) == "NoSuchBucket"


def etag_of(answer: Mapping[str, Any]) -> str:
    """The etag in an answer, without its quotes.

    Raises:
        ForeignAnswer: If there is none: S3 gives one with every object.
    """
    etag = field(answer, "ETag")
    if not isinstance(etag, str) or not etag.strip('"'):
        raise ForeignAnswer("it has no ETag")
    return etag.removeprefix("W/").strip('"')


def field(answer: Mapping[str, Any], name: str) -> Any:
    """What an answer says under a name that S3 never leaves out.

    Raises:
        ForeignAnswer: If it does not say it. A KeyError would look like a missing key.
    """
    found = answer.get(name)
    if found is None:
        raise ForeignAnswer(f"it has no {name}")
    return found


def check_object(answer: Mapping[str, Any]) -> None:
    """Make sure that an answer tells of an object, as a page of somebody else does not.

    Raises:
        ForeignAnswer: It lacks what S3 says of each object.
    """
    etag_of(answer)
    field(answer, "LastModified")


def told(
    error: BaseException,
    backend: object,
    operation: str,
    path: str = "",
    expect: object = None,
) -> Exception:
    """The store's error, to be raised from a library's.

    Args:
        error: What the library raised; see `known`.
        backend: Whose ``repr`` the message shows.
        operation: The verb that failed.
        path: The relative path, or the prefix.
        expect: What was expected, where a condition was sent.

    Returns:
        `ObjectNotFound` where absence is proven, `PreconditionFailed` where S3 says so,
        `NotSupported` where the server does not know the request, a ValueError for a parameter that
        no request can carry, else `BackendError`.
    """
    status = status_of(error)
    if path and is_absence(error):
        if isinstance(expect, str):
            return PreconditionFailed(path, expect, ABSENT)
        if not _is_write(error):
            return ObjectNotFound(path)
    if status == 412:
        return PreconditionFailed(path, expect)
    problem = explain(error)
    if status == 501 or code_of(error) == "NotImplemented":
        where = f"{backend!r} {operation} {path!r}"
        return NotSupported(f"{where}: the server does not support it: {problem}")
    if _named(error, "ParamValidationError"):
        return ValueError(f"{backend!r} {operation}: {problem}")
    return BackendError(problem, repr(backend), operation, path or None)


def explain(error: BaseException) -> str:
    """What an error of S3's libraries means, and what to do; never a secret."""
    error = _inner(error)
    if isinstance(error, ForeignAnswer | Threadless):
        return str(error)
    if _response(error):
        return _explain_answer(error)
    if _named(error, "ResponseParserError"):
        return f"{_FOREIGN} (it is not XML)"
    return _explain_way(error)


def _explain_answer(error: BaseException) -> str:
    code, status = code_of(error), status_of(error)
    said = clean(str(_response(error).get("Error", {}).get("Message") or ""))
    if code in REGIONS or status in (301, 307, 308):
        advice = _wrong_region(error)
    elif code in _THROTTLED or status in (429, 503):
        advice = "the server is overloaded, or slows this client down: try again later"
    elif code in _ADVICE:
        advice = _ADVICE[code]
    elif status == 403:
        advice = _DENIED_LOOK if code in ("403", "AccessDenied") and _looks(error) else _DENIED
    elif is_doubtful(error):
        advice = f"{_FOREIGN}; whether the object is there is not known"
    elif is_missing_bucket(error):
        advice = "the bucket does not exist"
    elif status == 400 and code == "400":
        advice = (
            "the server refused, and does not say why: the region may be wrong, or the credentials "
            "have expired"
        )
    elif status >= 500:
        advice = "the server failed"
    else:
        advice = "the server refused"
    code = "" if code == str(status) else f" {code}"
    said = f": {said}" if said and code else ""
    retries = _response(error).get("ResponseMetadata", {}).get("RetryAttempts", 0)
    after = f", after {retries} {'retry' if retries == 1 else 'retries'}" if retries else ""
    return f"{advice} (HTTP {status}{code}{said}{after})"


def _is_write(error: BaseException) -> bool:
    return getattr(_inner(error), "operation_name", "") in _WRITES


def _looks(error: BaseException) -> bool:
    return getattr(_inner(error), "operation_name", "") in _LOOKS


def _wrong_region(error: BaseException) -> str:
    region = _headers(error).get("x-amz-bucket-region") or _response(error)["Error"].get("Region")
    where = f" {clean(str(region))!r}" if region else " another one"
    return f"the bucket's region is{where}: name it by region="


def _explain_way(error: BaseException) -> str:
    details = getattr(error, "kwargs", {})
    url = details.get("endpoint_url") or details.get("proxy_url") or ""
    endpoint = bare_host(str(url)) or "the endpoint"
    reason = _reason(error)
    if _named(error, "ProxyConnectionError"):
        return f"the proxy {endpoint} cannot be reached ({reason})"
    if _named(error, "SSLError"):
        return (
            f"the TLS connection to {endpoint} failed ({reason}): verify= takes the file of the "
            "certificates to trust"
        )
    if _named(error, "ConnectTimeoutError", "EndpointConnectionError"):
        return f"{endpoint} cannot be reached ({reason}): is the endpoint right, the server up?"
    if _named(error, "ReadTimeoutError"):
        return f"{endpoint} stopped answering"
    if _named(error, "ConnectionClosedError", "ResponseStreamingError", "IncompleteReadError"):
        return f"the connection to {endpoint} broke ({reason})"
    if _named(error, "NoCredentialsError"):
        return f"there are no credentials: {_KEYS}"
    if _named(error, "PartialCredentialsError"):
        return f"the credentials are not complete: {_KEYS}"
    if _named(error, "CredentialRetrievalError", "TokenRetrievalError", "MetadataRetrievalError"):
        return f"the credentials could not be fetched ({details.get('provider', 'boto3')}): {_KEYS}"
    if _named(error, "FlexibleChecksumError"):
        return "the value's checksum is not what S3 says it is: it was damaged on the way"
    if _named(error, "ParamValidationError"):
        # A value might be a secret.
        return clean(re.sub(r", value: .*?, type: ", ", type: ", str(error), flags=re.DOTALL))
    return f"{type(error).__name__}: {clean(str(error))}"


def clean(text: str, limit: int = 300) -> str:
    """A text of others as one short line, without users, passwords and queries of URLs.

    Example:
        >>> clean("GET http://me:word@host/a?X-Amz-Signature=1f2e  failed")
        'GET http://host/a failed'
    """
    text = re.sub(r"(?<=://)[^/@\s]*@", "", text[: 20 * limit])
    text = re.sub(r"\?[^\s'\"]*=[^\s'\"]*", "", text)
    text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit] + "..."


def _reason(error: BaseException) -> str:
    chain = list(_chain(error))
    for cause in reversed(chain):
        said = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
        if said:
            return clean(str(said))
    return clean(str(chain[-1])) or type(chain[-1]).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and not any(cause is one for one in seen):
        seen.append(cause)
        yield cause
        within = getattr(cause, "kwargs", {}).get("error"), getattr(cause, "reason", None)
        found = (*within, cause.__cause__, cause.__context__)
        cause = next((one for one in found if isinstance(one, BaseException)), None)


def _named(error: BaseException, *names: str) -> bool:
    return any(cls.__name__ in names for cls in type(error).__mro__)


def _inner(error: BaseException) -> BaseException:
    """What a managed transfer failed of."""
    if not _named(error, "Boto3Error", "RetriesExceededError", "S3DownloadFailedError"):
        return error
    last = getattr(error, "last_exception", None)
    return last or error.__cause__ or error.__context__ or error


def _response(error: BaseException) -> dict[str, Any]:
    response = getattr(_inner(error), "response", None)
    return response if isinstance(response, dict) else {}


def _headers(error: BaseException) -> dict[str, str]:
    headers = _response(error).get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return {name.lower(): str(value) for name, value in headers.items()}
