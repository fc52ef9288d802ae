"""Writes and deletes on a condition, and what became of those whose answer was lost.

S3 decides: ``If-None-Match: *`` and ``If-Match``. The etag goes without quotes, since Ceph and
others fail on the quoted form that they give
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).

An answer may get lost after the server has acted, and an etag, a hash of the content, does not tell
whose write it was. So each conditional write carries a random token as metadata, and the tokens of
the versions before it, as far as they are known. Where an answer is missing, one HEAD tells: if the
token stands there, or among those before, the write was done; if the object is still as it was
expected, it is tried again; if it goes back to the version that was expected without this write, a
rival was faster; else nobody can know, and the error says so. A rival's first version proves
nothing: this write may have been made before, and deleted. botocore's own retry is held back in
that one case, because it would ask the same condition of another state, and late.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any, BinaryIO, Final, NoReturn

from persidict_core import ABSENT, BackendError, Expect, PreconditionFailed

from .buckets import ATTEMPTS, Bucket, pause
from .faults import (
    ForeignAnswer,
    check_object,
    code_of,
    etag_of,
    explain,
    is_absence,
    is_doubtful,
    known,
    status_of,
)
from .unsure import is_conflict, is_unsure

WRITE: Final = "persidict-write"
"""The name of the metadata with the token of a write."""

BEFORE: Final = "persidict-before"
"""The name of the metadata with the tokens of the versions before, the newest first."""

NOTHING: Final = "absent"
"""In the place of a token: there was no object."""

_TOKENS_BEFORE: Final = 24
_MOST_KEPT: Final = 1000
_ETAG: Final = re.compile(r"(?![0-9a-f]{32}(?!(-[0-9]+)?\Z))(?!\*\Z)[!#-+\--~]+")


def can_be_etag(text: str) -> bool:
    """Whether any version may have this etag.

    ``*`` would match each. What begins as a hash and goes on as none is not sent either: Ceph
    compares as many characters as its own etag has.

    Example:
        >>> can_be_etag("99914b932bd37a50b983c5e7c90ae93b-2"), can_be_etag("0x8D1")
        (True, True)
        >>> can_be_etag("99914b932bd37a50b983c5e7c90ae93b0"), can_be_etag("*"), can_be_etag("")
        (False, False, False)
    """
    return _ETAG.fullmatch(text) is not None


def look(bucket: Bucket, key: str) -> dict[str, Any]:
    """What HEAD tells of an object.

    Args:
        bucket: Where it is.
        key: Its whole name.

    Raises:
        botocore.exceptions.ClientError: It is not there, or that is not known.
    """
    try:
        answer = bucket.ask("head_object", Key=key)
    except known() as error:
        if not is_doubtful(error):
            raise
        # Only an answer with a body can prove that it is S3's.
        answer = bucket.ask("get_object", Key=key)
        answer.pop("Body").close()
    check_object(answer)
    return answer


class Conditions:
    """Writes and deletes on conditions, in one bucket.

    Args:
        bucket: The bucket.
        backend: Whose ``repr`` stands in errors.
    """

    def __init__(self, bucket: Bucket, backend: object) -> None:
        self._bucket = bucket
        self._backend = backend
        self._lines: dict[str, tuple[str, list[str]]] = {}

    def note(self, key: str, answer: dict[str, Any]) -> None:
        """Keep in mind which writes made the version that was read.

        Args:
            key: The object's whole name.
            answer: What GET told of it.
        """
        self._keep(key, etag_of(answer), _tokens(answer))

    def put(
        self, path: str, key: str, body: bytes | BinaryIO, expect: Expect, **params: Any
    ) -> str:
        """Write one object in one PUT if it is as expected, and give its etag.

        Args:
            path: The relative path, for errors.
            key: The object's whole name.
            body: Its bytes, or a file of them that can be read again.
            expect: The etag of the version to replace, or ``ABSENT``.
            **params: What else the PUT takes.

        Raises:
            PreconditionFailed: It is not as expected; nothing was changed.
            BackendError: It failed; if it may have been written nevertheless, that is said.
        """
        if expect is not ABSENT and not can_be_etag(expect):
            raise PreconditionFailed(path, expect)
        token = secrets.token_urlsafe(9)
        before = self._before(key, expect)
        params["Metadata"] = {
            **self._bucket.put_args.get("Metadata", {}),
            WRITE: token,
            **({BEFORE: " ".join(before)} if before else {}),
        }
        params |= {"IfNoneMatch": "*"} if expect is ABSENT else {"IfMatch": expect}
        request = self._bucket.write if expect is ABSENT else self._bucket.ask
        doubt: Exception | None = None
        for attempt in range(ATTEMPTS):
            pause(attempt)
            if not isinstance(body, bytes):
                body.seek(0)
            try:
                etag = etag_of(request("put_object", Key=key, Body=body, **params))
                self._keep(key, etag, [token, *before])
                return etag
            except known() as error:
                doubt, failure = self._judge(error, doubt, "write_if", path, expect)
            found = self._look_for(key, doubt, "write_if", path)
            if found is not None and token in _tokens(found):
                newest = _tokens(found)[0] == token
                return etag_of(found) if newest else _md5(body)
            if not _is_as_expected(found, expect):
                since = expect is not ABSENT and found is not None and _tokens(found)
                if since and before and before[0] in since:
                    doubt = None  # All that came since is known, and this write is not among it.
                self._give_up(found, doubt, "write_if", path, expect)
        raise (
            self._lost(doubt, "write_if", path)
            if doubt
            else self._failed(failure, "write_if", path)
        )

    def delete(self, path: str, key: str, expect: str) -> None:
        """Delete one object if it is as expected.

        Args:
            path: The relative path, for errors.
            key: The object's whole name.
            expect: The etag of the version to delete.

        Raises:
            PreconditionFailed: It is not as expected; nothing was changed.
            BackendError: It failed; if it may have been deleted nevertheless, that is said.
        """
        if not can_be_etag(expect):
            raise PreconditionFailed(path, expect)
        doubt: Exception | None = None
        for attempt in range(ATTEMPTS):
            pause(attempt)
            try:
                self.delete_version(key, expect)
                return
            except known() as error:
                doubt, failure = self._judge(error, doubt, "delete_if", path, expect)
            found = self._look_for(key, doubt, "delete_if", path)
            if not _is_as_expected(found, expect):
                self._give_up(found, doubt, "delete_if", path, expect)
        raise (
            self._lost(doubt, "delete_if", path)
            if doubt
            else self._failed(failure, "delete_if", path)
        )

    def delete_any(self, key: str) -> None:
        """Delete one object, whatever its version; of many who do so at once one succeeds.

        Where an answer was lost and another version stands there since, what stood there before
        counts as deleted, unless the tokens tell that it was replaced.

        Args:
            key: The object's whole name.

        Raises:
            botocore.exceptions.ClientError: It is not there, say.
        """
        doubted: dict[str, Any] | None = None
        for attempt in range(ATTEMPTS):
            pause(attempt)
            try:
                found = look(self._bucket, key)
            except known() as error:
                if doubted is not None and is_absence(error):
                    return
                raise
            if doubted is not None and etag_of(found) != etag_of(doubted):
                if not set(_tokens(doubted)[:1]) & set(_tokens(found)):
                    return  # Else somebody's new item would be deleted, too.
                doubted = None
            try:
                self.delete_version(key, etag_of(found))
                return
            except known() as error:
                if is_unsure(error):
                    doubted = found
                refused = status_of(error) == 412 or is_absence(error)
                conflict = is_conflict(status_of(error), code_of(error))
                if doubted is None and not (refused or conflict):
                    raise
        # It is being replaced all the time.
        check_deleted(self._bucket.ask("delete_object", Key=key))

    def delete_version(self, key: str, etag: str) -> None:
        """Ask once to delete one version of an object; botocore's errors come as they are."""
        answer = self._bucket.ask("delete_object", Key=key, IfMatch=etag)
        check_deleted(answer)

    # What to make of an error.

    def _judge(
        self, error: Exception, doubt: Exception | None, operation: str, path: str, expect: Expect
    ) -> tuple[Exception | None, Exception]:
        """Whether something may have been done, and by which error; raises what is certain."""
        if is_unsure(error):
            return error, error
        refused = status_of(error) == 412 or is_absence(error)
        if not (refused or is_conflict(status_of(error), code_of(error))):
            if doubt is not None:
                raise self._lost(doubt, operation, path) from error
            raise self._failed(error, operation, path) from error
        if refused and doubt is None:
            current = ABSENT if is_absence(error) else None
            raise PreconditionFailed(path, expect, current) from None
        return doubt, error

    def _look_for(
        self, key: str, doubt: Exception | None, operation: str, path: str
    ) -> dict[str, Any] | None:
        """What stands there now; None if nothing does."""
        try:
            return look(self._bucket, key)
        except known() as error:
            if is_absence(error):
                return None
            if doubt is not None:
                raise self._lost(doubt, operation, path) from error
            raise self._failed(error, operation, path) from error

    def _give_up(
        self,
        found: dict[str, Any] | None,
        doubt: Exception | None,
        operation: str,
        path: str,
        expect: Expect,
    ) -> NoReturn:
        if doubt is not None:
            raise self._lost(doubt, operation, path) from doubt
        raise PreconditionFailed(path, expect, ABSENT if found is None else None)

    def _failed(self, error: Exception, operation: str, path: str) -> BackendError:
        return BackendError(explain(error), repr(self._backend), operation, path)

    def _lost(self, doubt: Exception, operation: str, path: str) -> BackendError:
        done = "deleted" if operation == "delete_if" else "written"
        return BackendError(
            f"it may have been {done}: the answer was lost ({explain(doubt)}), and what stands "
            "there now does not tell; look at the object before you try again",
            repr(self._backend),
            operation,
            path,
        )

    # Which writes made a version.

    def _before(self, key: str, expect: Expect) -> list[str]:
        if expect is ABSENT:
            return [NOTHING]
        etag, tokens = self._lines.get(key, (None, []))
        return tokens[:_TOKENS_BEFORE] if etag == expect else []

    def _keep(self, key: str, etag: str, tokens: list[str]) -> None:
        if len(self._lines) >= _MOST_KEPT:
            self._lines.clear()
        self._lines[key] = etag, tokens


def check_deleted(answer: dict[str, Any]) -> None:
    """Make sure that S3 itself says that it has deleted something.

    Raises:
        ForeignAnswer: A page of somebody else came instead.
    """
    told = answer["ResponseMetadata"]
    if told["HTTPStatusCode"] == 200 and "html" in told["HTTPHeaders"].get("content-type", ""):
        raise ForeignAnswer("a page of HTML")


def _is_as_expected(found: dict[str, Any] | None, expect: Expect) -> bool:
    return expect is ABSENT if found is None else etag_of(found) == expect


def _tokens(answer: dict[str, Any]) -> list[str]:
    """The tokens of a version and of those before it, the newest first."""
    metadata = {name.lower(): text for name, text in answer.get("Metadata", {}).items()}
    newest = metadata.get(WRITE)
    return [newest, *metadata.get(BEFORE, "").split()] if newest else []


def _md5(body: bytes | BinaryIO) -> str:
    """The etag that a version had which was replaced since."""
    if isinstance(body, bytes):
        return hashlib.md5(body, usedforsecurity=False).hexdigest()
    digest = hashlib.md5(usedforsecurity=False)
    body.seek(0)
    while chunk := body.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
