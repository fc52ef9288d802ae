"""Large objects in bounded memory: in parts, several at once."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn, cast

from persidict_core import BackendError
from persidict_core.bulk import begin, in_order

from .buckets import ATTEMPTS, Bucket, pause
from .faults import ForeignAnswer, Threadless, check_object, code_of, etag_of, known, status_of
from .unsure import is_unsure

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PART: Final = 8 << 20
"""The size of a part in bytes; what is no longer goes in one request."""

AT_ONCE: Final = 3
"""How many parts are under way at once."""

BUFFER: Final = 1 << 18
"""How many bytes are collected for, or from, many small pieces."""

Tell = Callable[[Exception], Exception]
"""Makes the store's error of a library's."""


def whole(ask: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], bytes]:
    """Ask for an object, and read all of it; again, if the connection breaks in the middle.

    Args:
        ask: Makes the request.

    Returns:
        The answer, and the bytes.
    """
    from botocore.exceptions import HTTPClientError, IncompleteReadError, ResponseStreamingError
    from urllib3.exceptions import HTTPError

    for attempt in range(ATTEMPTS):
        pause(attempt)
        answer = ask()
        try:
            return answer, answer["Body"].read()
        except (HTTPClientError, HTTPError, IncompleteReadError, ResponseStreamingError) as error:
            answer["Body"].close()
            broken = error
    raise broken


# Reading: one part after the other is handed out, the next ones are on their way.


class Replaced(Exception):
    """Another version than that which is being read stands there now."""


@contextmanager
def reading(bucket: Bucket, key: str, tell: Tell) -> Iterator[BinaryIO]:
    """An object as a binary file, all of it of one version.

    Args:
        bucket: Where it is.
        key: Its whole name.
        tell: What to raise where reading on fails.

    Raises:
        botocore.exceptions.ClientError: It is not there, say.
    """
    first, size, etag = _first_part(bucket, key)

    def read(start: int) -> bytes:
        end = min(start + PART, size)
        part = f"bytes={start}-{end - 1}"
        answer, data = whole(lambda: bucket.ask("get_object", Key=key, Range=part, IfMatch=etag))
        # Not every server knows that condition.
        if etag_of(answer) != etag:
            raise Replaced
        if len(data) != end - start:
            raise ForeignAnswer(f"{len(data)} bytes in place of {end - start}")
        return data

    rest = in_order(read, range(len(first), size, PART), AT_ONCE)
    try:
        yield io.BufferedReader(_Parts(first, rest, tell), BUFFER)
    finally:
        cast(Any, rest).close()


def _first_part(bucket: Bucket, key: str) -> tuple[bytes, int, str]:
    """The first part of an object, its whole size, and the etag of the version."""
    try:
        answer, first = whole(
            lambda: bucket.ask("get_object", Key=key, Range=f"bytes=0-{PART - 1}")
        )
    except known() as error:
        if status_of(error) != 416:
            raise
        answer, first = whole(lambda: bucket.ask("get_object", Key=key))  # It is empty.
    check_object(answer)
    size = answer.get("ContentRange", "").rpartition("/")[2]
    return first, int(size or len(first)), etag_of(answer)


class _Parts(io.RawIOBase):
    """Parts, one after the other, as one file."""

    def __init__(
        self, first: bytes, rest: Iterator[tuple[int, bytes | Exception]], tell: Tell
    ) -> None:
        self._part = memoryview(first)
        self._rest = rest
        self._tell = tell

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer as far as the part reaches; 0 at the end."""
        while not self._part:
            _, found = next(self._rest, (0, None))
            if found is None:
                return 0
            if isinstance(found, Exception):
                raise self._tell(found) from found
            self._part = memoryview(found)
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._part))
        target[:count] = self._part[:count]
        self._part = self._part[count:]
        return count


# Writing: what is produced goes through a pipe to boto3's managed transfer, in another thread.


@contextmanager
def uploading(bucket: Bucket, key: str, params: dict[str, Any], tell: Tell) -> Iterator[BinaryIO]:
    """A file to write an object to: leaving commits it, an exception drops it.

    Args:
        bucket: Where to.
        key: The object's whole name.
        params: What the PUT takes besides.
        tell: What to raise where it fails.
    """
    upload = Upload(bucket, key, params, tell)
    file = io.BufferedWriter(upload, BUFFER)
    try:
        yield cast(BinaryIO, file)
        if not file.closed:
            file.flush()
        upload.commit()
    finally:
        upload.drop()  # Nothing, if it was committed.


class Dropped(Exception):
    """What was being written is not wanted any more, or cannot be sent."""


class Upload(io.RawIOBase):
    """A file to write an object to; it is there, whole, after `commit`, else not at all.

    Up to `PART` bytes are collected and sent by one PUT; more goes out while it is produced.

    Args:
        bucket: Where to.
        key: The object's whole name.
        params: What the PUT takes besides.
        tell: What to raise where it fails.
    """

    def __init__(self, bucket: Bucket, key: str, params: dict[str, Any], tell: Tell) -> None:
        self._bucket = bucket
        self._key = key
        self._params = params
        self._tell = tell
        self._chunks: list[bytes] = []
        self._size = 0
        self._pipe: _Pipe | None = None
        self._thread: Thread | None = None
        self._error: Exception | None = None
        self._is_dropped = False
        self._committing = False

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Take the next bytes; waits while more than a part is still to be sent."""
        chunk = bytes(data)
        if self._is_dropped:
            pass  # A buffer that is freed is flushed first: that must begin nothing.
        elif self._pipe is None:
            self._chunks.append(chunk)
            self._size += len(chunk)
            if self._size > PART:
                self._start()
        else:
            self._send(chunk)
        return len(chunk)

    def commit(self) -> None:
        """Let the object be there."""
        if self._is_dropped:
            self._fail(self._error or Dropped())
        if self._pipe is None:
            body = b"".join(self._chunks)
            try:
                self._bucket.write("put_object", Key=self._key, Body=body, **self._params)
            except known() as error:
                self._committing = True
                self._fail(error)
            return
        self._pipe.end()
        self._finish()

    def drop(self) -> None:
        """Let it not be there; nothing is left of it."""
        self._is_dropped = True
        if self._pipe is not None:
            self._pipe.drop()
            self._join()

    def _start(self) -> None:
        # A stream cannot be sent a second time, after the bucket was made.
        try:
            self._bucket.ensure()
        except Exception as error:
            self._is_dropped, self._error = True, error
            self._fail(error)
        self._pipe = _Pipe(PART)
        self._thread = Thread(target=self._transfer, name="persidict-upload", daemon=True)
        if not begin(self._thread):
            self._pipe = None
            self._is_dropped, self._error = True, Threadless()
            self._fail(self._error)
        for chunk in self._chunks:
            self._send(chunk)
        self._chunks.clear()

    def _send(self, chunk: bytes) -> None:
        assert self._pipe is not None
        try:
            self._pipe.put(chunk)
        except Dropped:
            self._finish()
            raise

    def _finish(self) -> None:
        """Wait until all is sent."""
        self._join()
        if self._error is not None:
            self._fail(self._error)

    def _fail(self, error: Exception) -> NoReturn:
        if not isinstance(error, known()):
            raise error
        problem = self._tell(error)
        # An upload that botocore ends a second time is gone.
        may_be = self._committing and (is_unsure(error) or code_of(error) == "NoSuchUpload")
        if may_be and isinstance(problem, BackendError):
            why = f"it may have been written: {problem.problem}; look at it before you try again"
            problem = BackendError(why, problem.backend, problem.operation, problem.path)
        raise problem from error

    def _join(self) -> None:
        assert self._thread is not None
        self._thread.join()

    def _transfer(self) -> None:
        from boto3.s3.transfer import TransferConfig
        from s3transfer.manager import TransferManager

        assert self._pipe is not None
        config = TransferConfig(
            multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=AT_ONCE
        )
        config.max_in_memory_upload_chunks = AT_ONCE + 1
        client = _Completing(self._bucket.connection.client)
        try:
            with TransferManager(client, config) as manager:
                # It would refuse some that S3 takes for parts as well as for one PUT.
                args = self._bucket.put_args | self._params
                manager.ALLOWED_UPLOAD_ARGS = [
                    *manager.ALLOWED_UPLOAD_ARGS,
                    *self._bucket.args_of("create_multipart_upload"),
                ]
                manager.upload(self._pipe, self._bucket.name, self._key, args).result()
        except Exception as error:
            self._error = Threadless() if _lacks_threads(error) else error
            self._committing = client.is_completing
        finally:
            self._pipe.drop()


def _lacks_threads(error: Exception) -> bool:
    # Python has no class of its own for it; credentials of the user's may raise this one, too.
    said = str(error)
    return type(error) is RuntimeError and ("new future" in said or "new thread" in said)


class _Completing:
    """A client for one upload, which sees whether that is asked to be whole.

    Attributes:
        is_completing: Whether it is.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.is_completing = False

    def complete_multipart_upload(self, **params: Any) -> Any:
        self.is_completing = True
        return self._client.complete_multipart_upload(**params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class _Pipe:
    """Bytes from one thread to another, a bounded number in between.

    Args:
        limit: How many bytes may wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._chunks: deque[memoryview] = deque()
        self._size = 0
        self._ended = False
        self._dropped = False
        self._changed = Condition()

    def put(self, chunk: bytes) -> None:
        """Hand bytes over.

        Raises:
            Dropped: Nobody takes them any more.
        """
        with self._changed:
            while self._size >= self._limit and not self._dropped:
                self._changed.wait()
            if self._dropped:
                raise Dropped
            self._chunks.append(memoryview(chunk))  # What is left of one is not copied.
            self._size += len(chunk)
            self._changed.notify_all()

    def end(self) -> None:
        """Say that no more will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def drop(self) -> None:
        """Say that what was sent is not wanted, or not taken any more."""
        with self._changed:
            self._dropped = True
            self._changed.notify_all()

    def read(self, size: int) -> bytes:
        """The next bytes, as many as were asked for unless the end is near.

        Raises:
            Dropped: They are not wanted any more.
        """
        taken: list[memoryview] = []
        missing = size
        with self._changed:
            while missing > 0:
                while not (self._chunks or self._ended or self._dropped):
                    self._changed.wait()
                if self._dropped:
                    raise Dropped
                if not self._chunks:
                    break
                chunk = self._chunks.popleft()
                taken.append(chunk[:missing])
                if len(chunk) > missing:
                    self._chunks.appendleft(chunk[missing:])
                self._size -= len(taken[-1])
                missing -= len(taken[-1])
                self._changed.notify_all()
        return b"".join(taken)
