"""``s3://``: objects in a bucket."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any, BinaryIO, Final, Literal, TypeVar, cast

from persidict_core import (
    ABSENT,
    ANY,
    UNCHANGED,
    BackendError,
    BaseBackend,
    Capabilities,
    Debris,
    ETags,
    Expect,
    Marker,
    NotSupported,
    ObjectNotFound,
    ObjectStat,
    Scope,
    check_etag,
    check_expect,
    check_flag,
    check_path,
    check_prefix,
)
from persidict_core.backend import check_age
from persidict_core.bulk import in_order

from .buckets import Bucket, check_put_args
from .client import Connection
from .conditions import Conditions, can_be_etag, check_deleted, look
from .faults import check_object, etag_of, field, is_missing_bucket, known, status_of, told
from .many import copy_name, delete_names
from .names import (
    MAX_NAME,
    address_of,
    check_bucket,
    check_content_type,
    check_object_prefix,
    content_type_of,
)
from .pages import Page, pages
from .probing import Verdict, verdict_on
from .transfers import PART, Replaced, reading, uploading, whole

MAX_PUT: Final = 5 << 30
"""The most bytes that one PUT may send."""

BATCH: Final = 1000
"""How many objects one DeleteObjects takes."""

PAGE: Final = 1000
"""How many names one ListObjectsV2 gives."""

T = TypeVar("T")


class S3Backend(BaseBackend):
    """Objects in a bucket of S3, or of a server that speaks its protocol.

    Each verb is atomic for one object, and seen at once by all, as S3 promises; each docstring says
    how many requests it takes. The constructor takes none. A bucket that does not exist reads as
    empty, and is made by the first write.

    Conditions hold between machines where the server keeps them. AWS does; any other server is
    tried once a process and bucket, before the first condition, and refused what it ignores. An
    etag is a hash of the content (of parts of it, where the object was sent in parts).

    A write whose answer was lost is repeated by boto3, so that it may be carried out twice. Where
    it had a condition, a token tells whether it was done; if that cannot be known, an error says
    so. One trap is left: if, before that is looked at, others bring back what was expected (the
    very bytes, or that nothing is there), the write may be taken for one that was not done.

    Args:
        bucket: The bucket's name.
        prefix: What the names of all objects begin with; a ``/`` is added to its end.
        region: The bucket's region; None: what boto3 finds.
        endpoint_url: The server; None: what boto3 finds, else AWS.
        profile: The profile of AWS's configuration files to take credentials from.
        session: A ``boto3.Session``, in place of a profile; the backend then neither pickles nor
            has a URL.
        config: A ``botocore.config.Config``.
        verify: Whether to verify TLS certificates, or the file of those to trust.
        put_args: Parameters of boto3's ``put_object`` for every write, such as ``StorageClass``,
            ``SSEKMSKeyId``, ``Tagging``; other requests carry those that they know, such as
            ``ExpectedBucketOwner``.
        content_type: The content type of what is written; None: by the end of its name.
        max_connections: How many requests may run at once where many are made.
        create_bucket: Whether the first write makes a missing bucket.
        conditional_writes: Whether the server keeps conditions of a PUT; None: found out.
        conditional_deletes: Whether it keeps those of a DELETE; None: found out.

    Raises:
        TypeError: A parameter of the wrong kind.
        ValueError: A parameter that cannot be, such as the name of a bucket.

    Example:
        >>> S3Backend("my-bucket", "results").url
        's3://my-bucket/results'
    """

    scheme = "s3"

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        session: Any = None,
        config: Any = None,
        verify: bool | str | None = None,
        put_args: Mapping[str, Any] | None = None,
        content_type: str | None = None,
        max_connections: int = 32,
        create_bucket: bool = True,
        conditional_writes: bool | None = None,
        conditional_deletes: bool | None = None,
    ) -> None:
        self.bucket = check_bucket(bucket)
        self.prefix = check_object_prefix(prefix)
        self.region = region
        self.endpoint_url = endpoint_url
        self.profile = profile
        self.session = session
        self.config = config
        self.verify = verify
        self.put_args = check_put_args(put_args)
        self.content_type = check_content_type(content_type)
        self.max_connections = max_connections
        self.create_bucket = check_flag("create_bucket", create_bucket)
        self.conditional_writes = _check_option("conditional_writes", conditional_writes)
        self.conditional_deletes = _check_option("conditional_deletes", conditional_deletes)
        self._connection = Connection(
            endpoint_url, region, profile, session, config, verify, max_connections
        )
        self.concurrency = max_connections
        self._longest = self.max_path_bytes = MAX_NAME - len(self.prefix.encode())
        self.probes = conditional_writes is None or conditional_deletes is None
        self._bucket = Bucket(
            self._connection, bucket, self.put_args or {}, create_bucket, self.__repr__
        )
        self._conditions = Conditions(self._bucket, self)
        self._verdict: Verdict | None = None

    # Who it is.

    @classmethod
    def params_of_address(cls, address: str) -> dict[str, Any]:
        """The bucket, and what its objects' names begin with."""
        bucket, _, prefix = address.partition("/")
        return {"bucket": bucket, "prefix": prefix}

    def address_of_params(self, params: dict[str, Any]) -> str:
        """``bucket/prefix``, without the slash at its end if it has one only."""
        return address_of(params.pop("bucket"), params.pop("prefix"))

    def check_portable(self, what: str, error: type[Exception] = TypeError) -> None:
        """Refuse a session, and a proxy's password; see ``Connection``."""
        self._connection.check_portable(what, error)

    @property
    def identity(self) -> str:
        """The server, the bucket and the prefix.

        Raises:
            BackendError: The configuration of boto3 cannot be used.
        """
        with self._telling("identity"):
            return f"s3 {self._connection.endpoint} {self.bucket}/{self.prefix}"

    @property
    def capabilities(self) -> Capabilities:
        """What the server keeps; no request if it is AWS or declared, else it is tried once.

        Raises:
            BackendError: It could not be tried.
        """
        verdict = self._known_verdict()
        return Capabilities(
            Scope.NONE if verdict.if_absent else Scope.HOSTS,
            Scope.NONE if verdict.if_match else Scope.HOSTS,
            Scope.NONE if verdict.delete_if else Scope.HOSTS,
            ETags.PER_CONTENT,
        )

    def _known_verdict(self) -> Verdict:
        if self._verdict is None:
            with self._telling("capabilities"):
                self._verdict = verdict_on(
                    self._bucket, self.prefix, self.conditional_writes, self.conditional_deletes
                )
            self.probes = False
        return self._verdict

    def _require(self, condition: Literal["if_absent", "if_match", "delete_if"]) -> None:
        declared = self.conditional_deletes
        if condition != "delete_if":
            declared = self.conditional_writes
        # Where it is declared that the server keeps this condition, none is tried.
        why_not = "" if declared else getattr(self._known_verdict(), condition)
        if why_not:
            raise NotSupported(
                f"{self!r} does not promise {condition}: of {self._connection.endpoint}, {why_not}"
            )

    # Reading.

    def read_bytes(self, path: str) -> bytes:
        """Read one whole object, of one version, in 1 GET; see ``BaseBackend``."""
        key = self._key(path)
        with self._telling("read_bytes", path):
            answer, data = whole(lambda: self._bucket.ask("get_object", Key=key))
            check_object(answer)
        return data

    def read_versioned(
        self, path: str, unless: str | None = None
    ) -> tuple[bytes, ObjectStat] | Literal[Marker.UNCHANGED]:
        """Read one object with its stat in 1 GET, which is conditional with ``unless``."""
        key = self._key(path)
        with self._telling("read_versioned", path):
            answer, data = self._get(key, unless)
            if etag_of(answer) == unless:
                return UNCHANGED
            self._conditions.note(key, answer)
            return data, _stat(path, answer, len(data))

    def _get(self, key: str, unless: str | None) -> tuple[dict[str, Any], bytes]:
        """An object, without its bytes if its etag is the one that is known."""
        known_etag = {"IfNoneMatch": unless} if unless and can_be_etag(unless) else {}
        try:
            return whole(lambda: self._bucket.ask("get_object", Key=key, **known_etag))
        except known() as error:
            if not known_etag or status_of(error) != 304:
                raise
            return {"ETag": unless}, b""

    def stat(self, path: str) -> ObjectStat:
        """Look at one object in 1 HEAD; see ``BaseBackend``."""
        key = self._key(path)
        with self._telling("stat", path):
            found = look(self._bucket, key)
            return _stat(path, found, field(found, "ContentLength"))

    def exists(self, path: str) -> bool:
        """Whether an object is there, in 1 HEAD."""
        key = self._key(path)
        try:
            with self._telling("exists", path):
                look(self._bucket, key)
        except ObjectNotFound:
            return False
        return True

    @contextmanager
    def read_file(self, path: str) -> Iterator[BinaryIO]:
        """Open one object for reading, in 1 GET for each 8 MB; all of it is of one version."""
        key = self._key(path)
        with ExitStack() as stack:
            with self._telling("read_file", path):
                file = stack.enter_context(
                    reading(self._bucket, key, lambda error: self._told(error, "read_file", path))
                )
            yield file

    # Listing.

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        """Every path under a prefix, in 1 LIST for each 1,000.

        A missing bucket is empty; a name that is no path, a stranger's, is passed over.
        """
        start = len(self.prefix)
        names = self._listed("list_prefix", check_prefix(prefix), Page.keys)
        return (name[start:] for name in names if _is_path(name[start:]))

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        """The stat of every object under a prefix, in 1 LIST for each 1,000; see `list_prefix`.

        Times are whole seconds, as `stat` gives them, even where the server lists finer ones.
        """
        start = len(self.prefix)
        for name, size, modified, etag in self._listed(
            "list_stats", check_prefix(prefix), Page.stats
        ):
            path = name[start:]
            if _is_path(path):
                yield ObjectStat(path, size, modified // 1, etag)

    def list_children(self, prefix: str = "") -> Iterator[str]:
        """The next parts under a prefix, in 1 LIST for each 1,000; see `list_prefix`."""
        start = len(self.prefix) + len(check_prefix(prefix))
        for name in self._listed("list_children", prefix, _children, Delimiter="/"):
            child = name[start:]
            if _is_path(child.removesuffix("/")):
                yield child

    def list_some(self, prefix: str = "", count: int = 1) -> list[str]:
        """A few paths under a prefix, in 1 LIST of as many, unless strangers' are among them."""
        start = len(self.prefix)

        def read(page: Page) -> Iterator[tuple[list[str], bool]]:
            yield [name[start:] for name in Page.keys(page)], page.token is None

        listed = self._listed("list_some", check_prefix(prefix), read, MaxKeys=min(count, PAGE))
        names, is_all = next(listed, ([], True))
        some = [name for name in names if _is_path(name)]
        return some if is_all or len(some) == count else super().list_some(prefix, count)

    def _listed(
        self, operation: str, prefix: str, entries: Callable[[Page], Iterator[T]], **request: Any
    ) -> Iterator[T]:
        try:
            request |= self._bucket.args_of("list_objects_v2")
            for page in pages(
                self._connection.client, Bucket=self.bucket, Prefix=self.prefix + prefix, **request
            ):
                yield from entries(page)
        except known() as error:
            if not is_missing_bucket(error):
                raise told(error, self, operation, prefix) from error

    # Writing.

    def write_bytes(self, path: str, data: bytes) -> str:
        """Write one object in 1 PUT; see ``BaseBackend``."""
        key, body = self._key(path), _bytes(data)
        with self._telling("write_bytes", path):
            return etag_of(self._bucket.write("put_object", Key=key, Body=body, **self._said(path)))

    def write_if(self, path: str, data: bytes, expect: Expect) -> str:
        """Write one object if it is as expected, in 1 conditional PUT; see ``BaseBackend``.

        Raises:
            PreconditionFailed: It is not; nothing was changed.
            NotSupported: The server ignores that condition.
            BackendError: It failed; where it may have been written nevertheless, that is said.
        """
        key, body = self._key(path), _bytes(data)
        self._require("if_absent" if check_expect(expect) is ABSENT else "if_match")
        with self._telling("write_if", path):
            return self._conditions.put(path, key, body, expect, **self._said(path))

    @contextmanager
    def write_file(
        self, path: str, expect: Expect | Literal[Marker.ANY] = ANY
    ) -> Iterator[BinaryIO]:
        """Write one object through a file: up to 8 MB in 1 PUT, more in parts while it is produced.

        With a condition it is always 1 PUT, of 5 GB at most, from a temporary file on this machine:
        some servers ignore conditions on uploads in parts.

        Raises:
            PreconditionFailed: It is not as expected; nothing was changed.
            NotSupported: The server ignores that condition, or there is one on more than 5 GB.
            BackendError: It failed; nothing was changed, unless the error says that it may have
                been.
        """
        key = self._key(path)
        if expect is ANY:
            with uploading(
                self._bucket,
                key,
                self._said(path),
                lambda error: self._told(error, "write_file", path),
            ) as file:
                yield file
            return
        self._require("if_absent" if check_expect(expect) is ABSENT else "if_match")
        with tempfile.SpooledTemporaryFile(PART) as spooled:
            body = cast(BinaryIO, spooled)
            yield body
            if body.seek(0, io.SEEK_END) > MAX_PUT:
                raise NotSupported(
                    f"{path!r} has more than 5 GB, which S3 takes in parts only, and then without "
                    "a condition"
                )
            with self._telling("write_file", path):
                self._conditions.put(path, key, body, expect, **self._said(path))

    def delete(self, path: str) -> None:
        """Delete one object, in 1 HEAD and 1 DELETE: S3 does not tell whether there was one.

        Where the server is known to keep conditions on deleting, of many who delete one object at
        once one succeeds; elsewhere all may, who looked in time.
        """
        key = self._key(path)
        with self._telling("delete", path):
            if self._keeps_deletes():
                self._conditions.delete_any(key)
            else:
                look(self._bucket, key)
                check_deleted(self._bucket.ask("delete_object", Key=key))

    def _keeps_deletes(self) -> bool:
        """Whether conditions on deleting are known to be kept; nothing is tried for that."""
        if self._verdict is None and (not self.probes or self._connection.is_aws):
            self._known_verdict()
        return self._verdict is not None and not self._verdict.delete_if

    def delete_if(self, path: str, expect: str) -> None:
        """Delete one object if it is as expected, in 1 conditional DELETE; see ``BaseBackend``.

        Raises:
            PreconditionFailed: It is not; nothing was changed.
            NotSupported: The server ignores that condition.
            BackendError: It failed; where it may have been deleted nevertheless, that is said.
        """
        key = self._key(path)
        check_etag(expect)
        self._require("delete_if")
        with self._telling("delete_if", path):
            self._conditions.delete(path, key, expect)

    # Many.

    def delete_many(self, paths: Iterable[str]) -> Iterator[tuple[str, Exception | None]]:
        """Delete many objects, in 1 DeleteObjects for each 1,000.

        S3 does not tell of any whether it was there: an absent one counts as deleted.
        """
        several = iter(paths)
        while True:
            batch: list[str] = []
            try:
                batch.extend(islice(several, BATCH))
            finally:
                # Also if the iterable failed: what it gave before is done.
                results = self._delete_batch(batch) if batch else []
            yield from results
            if not batch:
                return

    def copy_many(
        self, source: BaseBackend, pairs: Iterable[tuple[str, str]]
    ) -> Iterator[tuple[str, str | Exception]]:
        """Copy many objects; within one server by 1 COPY each, without moving the bytes here."""
        if not (isinstance(source, S3Backend) and self.copies_from(source)):
            return super().copy_many(source, pairs)

        def copy(pair: tuple[str, str]) -> str:
            return self._copy(source, *pair)

        results = in_order(copy, pairs, self.concurrency)
        return ((here, result) for (_, here), result in results)

    def copies_from(self, source: BaseBackend, size: int = 0) -> bool:
        """Whether `copy_many` lets the server copy: within one, and up to 5 GB."""
        within = isinstance(source, S3Backend) and source._connection == self._connection
        return within and size <= MAX_PUT

    def _copy(self, source: S3Backend, there: str, here: str) -> str:
        names = self._key(here), source._key(there)
        with self._telling("copy_many", there):
            return copy_name(
                self._bucket, *names, self._said(here), source.bucket, lambda: source.stat(there)
            )

    def _delete_batch(self, batch: list[str]) -> list[tuple[str, Exception | None]]:
        results: dict[str, Exception] = {}
        names: dict[str, str] = {}
        for path in batch:
            try:
                names[self._key(path)] = path
            except (TypeError, ValueError) as error:
                results[path] = error
        if names:
            results |= delete_names(
                self._bucket, names, lambda error, path: self._told(error, "delete_many", path)
            )
        return [(path, results.get(path)) for path in batch]

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        """Uploads in parts that never ended, in 1 LIST for each 1,000 and 1 or 2 requests for each.

        An upload has no lock: one that is still at work may be taken for debris if it began more
        than ``older_than`` seconds ago, by default a week; aborted, it fails with an error.
        """
        from . import sweeping

        check_age(older_than)
        whole = self.prefix + check_prefix(prefix)

        def swept() -> Iterator[Debris]:
            with self._telling("sweep", prefix):
                for each in sweeping.sweep(self._bucket, whole, remove, older_than):
                    yield each._replace(name=each.name[len(self.prefix) :])

        return swept()

    def close(self) -> None:
        """Give the connections back; a later use opens them again."""
        self._connection.close()

    # How.

    def _key(self, path: str) -> str:
        if len(check_path(path)) > self._longest:
            raise ValueError(
                f"{path[:40]!r}... would be a name of {len(path) + MAX_NAME - self._longest} bytes "
                f"in S3, with {self.prefix[:40]!r} before it; the limit is {MAX_NAME}"
            )
        return self.prefix + path

    def _said(self, path: str) -> dict[str, Any]:
        """What a write says besides the object's name and its bytes."""
        if "ContentType" in self._bucket.put_args:
            return {}
        return {"ContentType": self.content_type or content_type_of(path)}

    @contextmanager
    def _telling(self, operation: str, path: str = "") -> Iterator[None]:
        try:
            yield
        except known() as error:
            raise self._told(error, operation, path) from error

    def _told(self, error: Exception, operation: str, path: str) -> Exception:
        if isinstance(error, Replaced) or (operation == "read_file" and status_of(error) == 412):
            problem = "the object was replaced while it was being read: read it again"
            return BackendError(problem, repr(self), operation, path)
        return told(error, self, operation, path)


def _check_option(name: str, value: bool | None) -> bool | None:
    return value if value is None else check_flag(name, value)


def _is_path(text: str) -> bool:
    try:
        check_path(text)
    except ValueError:
        return False
    return True


def _children(page: Page) -> Iterator[str]:
    yield from page.prefixes()
    yield from page.keys()


def _stat(path: str, answer: dict[str, Any], size: int) -> ObjectStat:
    return ObjectStat(path, size, field(answer, "LastModified").timestamp(), etag_of(answer))


def _bytes(data: object) -> bytes:
    return data if isinstance(data, bytes) else bytes(memoryview(cast(bytes, data)))
