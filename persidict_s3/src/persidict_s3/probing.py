"""What conditions a server keeps: known of AWS, declared by the user, or tried out.

A server that does not know a condition ignores it, and does as it is told without it. So an unknown
server is tried, once a process and bucket, on an object of a name that no path has, and that is
removed again: in seven small requests, or fewer.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from threading import Lock
from typing import Final, NamedTuple

from .buckets import ATTEMPTS, Bucket, pause
from .conditions import check_deleted
from .faults import code_of, etag_of, explain, known, status_of
from .unsure import is_unsure

_WRONG: Final = "00000000000000000000000000000000"
_REFUSALS: Final = (405, 412, 501)
_REFUSING: Final = (
    *("InvalidArgument", "InvalidRequest", "InvalidHeader", "NotImplemented", "MethodNotAllowed"),
    *("PreconditionFailed", "NoSuchKey"),
)
"""S3's codes, with 400 or 404, for a condition that is not met or not known."""


class Verdict(NamedTuple):
    """Which conditions a server keeps, by what it did otherwise; empty: it keeps it.

    Attributes:
        if_absent: Of ``If-None-Match: *`` of a PUT.
        if_match: Of ``If-Match`` of a PUT.
        delete_if: Of ``If-Match`` of a DELETE.
    """

    if_absent: str = ""
    if_match: str = ""
    delete_if: str = ""


_verdicts: dict[tuple[str, str, bool, bool], Verdict] = {}
_probing: dict[tuple[str, str, bool, bool], Lock] = {}
"""A lock for each place, so that a server that does not answer stops no trial of another."""


def _renew_after_fork() -> None:
    _probing.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


def verdict_on(
    bucket: Bucket, prefix: str, writes: bool | None = None, deletes: bool | None = None
) -> Verdict:
    """Which conditions a bucket's server keeps; tried once, then remembered.

    Args:
        bucket: The bucket; it is made if it is missing.
        prefix: What the names of all objects begin with.
        writes: What is known of conditions of a PUT; None: nothing.
        deletes: What is known of those of a DELETE.

    Raises:
        botocore.exceptions.ClientError: The server refuses even to try.
    """
    said = Verdict(
        _declared("conditional_writes", writes),
        _declared("conditional_writes", writes),
        _declared("conditional_deletes", deletes),
    )
    connection = bucket.connection
    if (writes is not None and deletes is not None) or connection.is_aws:
        return said
    place = connection.endpoint, bucket.name, writes is None, deletes is None
    with _probing.setdefault(place, Lock()):
        if place not in _verdicts:
            found = _verdicts[place] = _probe(bucket, prefix, writes is None, deletes is None)
            logging.getLogger("persidict").info("probed %s, bucket %r: %s", *place[:2], found)
        found = _verdicts[place]
    return Verdict(*map(str.__add__, said, found))


def _declared(parameter: str, kept: bool | None) -> str:
    return f"{parameter}=False says that it keeps none" if kept is False else ""


def _probe(bucket: Bucket, prefix: str, writes: bool, deletes: bool) -> Verdict:
    trial = _Trial(bucket, prefix)
    try:
        return Verdict(
            trial.surely(_if_absent) if writes else "",
            trial.surely(_if_match) if writes else "",
            trial.surely(_delete_if) if deletes else "",
        )
    finally:
        trial.remove()


class _Trial:
    """One object to try conditions on.

    Attributes:
        etag: Its etag; empty while it is not there.
    """

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._begin()

    def _begin(self) -> None:
        # A '+' is in no path, so that no dictionary sees it.
        self._key = f"{self._prefix}persidict+probe+{secrets.token_hex(8)}"
        self.etag = ""
        self._may_be_there = False

    def surely(self, check: Callable[[_Trial], str]) -> str:
        """What a check finds; it is made anew, on another object, where an answer was lost."""
        for attempt in range(ATTEMPTS):
            pause(attempt)
            try:
                return check(self)
            except known() as error:
                if not is_unsure(error) and status_of(error) != 409:
                    raise
                unsure = error
            self.remove()
            self._begin()
        raise unsure

    def remove(self) -> None:
        """Leave nothing behind; where that fails, what was found out counts all the same."""
        for attempt in range(ATTEMPTS if self._may_be_there else 0):
            pause(attempt)
            try:
                self.delete()
                return
            except known() as error:
                why = explain(error)
                if status_of(error) == 403:
                    break
        if self._may_be_there:
            left = "a trial may have left %r in the bucket %r: %s"
            logging.getLogger("persidict").warning(left, self._key, self._bucket.name, why)

    def put(self, **condition: str) -> bool:
        """Whether it was written."""
        self._may_be_there = True
        try:
            # Other bytes each time, so that no two versions have one etag.
            body = secrets.token_bytes(8)
            answer = self._bucket.write("put_object", Key=self._key, Body=body, **condition)
        except known() as error:
            return _refused(error, condition)
        self.etag = etag_of(answer)
        return True

    def delete(self, **condition: str) -> bool:
        """Whether it was deleted, or the server says so."""
        try:
            check_deleted(self._bucket.ask("delete_object", Key=self._key, **condition))
        except known() as error:
            return _refused(error, condition)
        self.etag = ""
        self._may_be_there = False
        return True

    def be_there(self) -> None:
        """Be written, if it is not there."""
        if not self.etag:
            self.put()


def _refused(error: Exception, condition: dict[str, str]) -> bool:
    """Give False if S3 itself refused a condition; raise what may have another cause."""
    status, code = status_of(error), code_of(error)
    is_of_s3 = status == 412 or (status in _REFUSALS and code.isalpha()) or code in _REFUSING
    if not (condition and is_of_s3):
        raise error
    return False


def _if_absent(trial: _Trial) -> str:
    if not trial.put(IfNoneMatch="*"):
        return "with 'If-None-Match: *' it did not write what was not there"
    if trial.put(IfNoneMatch="*"):
        return "it ignored the 'If-None-Match: *' of a PUT, and replaced an object"
    return ""


def _if_match(trial: _Trial) -> str:
    trial.be_there()
    if trial.put(IfMatch=_WRONG):
        return "it ignored the If-Match of a PUT, and replaced another version"
    if not trial.put(IfMatch=trial.etag):
        return "with If-Match it did not replace the version that was there"
    return ""


def _delete_if(trial: _Trial) -> str:
    trial.be_there()
    try:
        ignored = trial.delete(IfMatch=_WRONG)
    except known() as error:
        if (status_of(error), code_of(error)) != (403, "AccessDenied"):
            raise
        return "it permits no deletion, so that none could be tried (HTTP 403 AccessDenied)"
    if ignored:
        return "it ignored the If-Match of a DELETE, and deleted another version"
    if not trial.delete(IfMatch=trial.etag):
        return "with If-Match it did not delete the version that was there"
    if trial.delete(IfMatch=_WRONG):
        return "with the If-Match of a DELETE it did not tell that nothing was there"
    return ""
