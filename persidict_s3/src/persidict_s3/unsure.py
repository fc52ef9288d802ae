"""Requests that failed, and may have been carried out all the same.

botocore would repeat them; a condition that has been met it would so ask of another state.
"""

from __future__ import annotations

from typing import Any, Final

from .faults import ForeignAnswer, code_of, status_of

_NOT_DONE: Final = ("SlowDown", "ServiceUnavailable", "Throttling", "ThrottlingException")
_LOST_RACE: Final = (500, "UnknownError")
"""What Ceph answers to a conditional write that lost a race: nothing was done."""


def is_unsure(error: Exception) -> bool:
    """Whether a request may have been carried out although it failed."""
    from botocore.exceptions import HTTPClientError, ProxyConnectionError, SSLError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    if isinstance(error, HTTPClientError | ResponseParserError | HTTPError | ForeignAnswer):
        return True
    # By these, too, it is told that an answer was lost behind a proxy, or damaged under TLS.
    if isinstance(error, ProxyConnectionError | SSLError):
        return not _was_not_sent(error)
    return may_be_done(status_of(error), code_of(error))


def may_be_done(status: int, code: str) -> bool:
    """Whether an answer that is an error leaves open that the request was carried out."""
    if status < 500 or (status == 503 and code in _NOT_DONE):
        return False
    return (status, code) != _LOST_RACE


def is_conflict(status: int, code: str) -> bool:
    """Whether others were at work on the object, so that nothing was done."""
    return status == 409 or (status, code) == _LOST_RACE


def hold_retries_back(client: Any) -> None:
    """Keep a client from repeating a conditional write that may have been carried out.

    Args:
        client: An S3 client that has made no request: botocore keeps a list of whom to ask, and of
            one that is joined by another thread at that moment it would not hear.
    """
    for operation in ("PutObject", "DeleteObject"):
        client.meta.events.register_first(f"needs-retry.s3.{operation}", _no_blind_retry)


def _was_not_sent(error: Any) -> bool:
    """Whether a connection failed before a request could go over it."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    # What urllib3 wrapped: not by `__context__`, where what the caller is just handling hangs, too.
    cause = error.kwargs.get("error")
    while isinstance(cause, Exception):
        if isinstance(cause, NewConnectionError | ConnectTimeoutError):
            return True
        if isinstance(cause, OSError) and "Tunnel connection failed" in str(cause):
            return True  # The proxy refuses the way.
        trace = cause.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_name == "do_handshake":
                return True  # Of TLS: the certificate, say, is not trusted.
            trace = trace.tb_next
        cause = getattr(cause, "original_error", None) or next(iter(cause.args), None)
    return False


def _no_blind_retry(
    request_dict: dict[str, Any],
    response: tuple[Any, dict[str, Any]] | None = None,
    caught_exception: Exception | None = None,
    **_: Any,
) -> bool | None:
    """Hold botocore back where a conditional request may have been carried out, or lost a race."""
    headers = request_dict["headers"]
    if "If-Match" not in headers and "If-None-Match" not in headers:
        return None
    if caught_exception is not None:
        return False if is_unsure(caught_exception) else None
    if response is None:
        return None
    answer = response[0].status_code, response[1].get("Error", {}).get("Code", "")
    return False if may_be_done(*answer) or is_conflict(*answer) else None
