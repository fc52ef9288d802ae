"""One bucket: what each request to it carries, and its making where it is missing."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from persidict_core import BackendError

from .client import Connection
from .faults import code_of, explain, is_missing_bucket, known, status_of

ATTEMPTS: Final = 5
"""How often is tried what may go well the next time."""

_OURS: Final = (
    *("Bucket", "Key", "Body", "ContentLength", "ContentMD5"),
    *("IfMatch", "IfNoneMatch", "WriteOffsetBytes"),
)
_SECRET: Final = re.compile(r"SSECustomer|CopySourceSSECustomer")
_DEFAULT_REGIONS: Final = (None, "", "us-east-1", "aws-global")


def check_put_args(args: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give what is to be said with every write back as a dict.

    Args:
        args: Parameters of boto3's ``put_object``.

    Raises:
        TypeError: If it is no mapping of names.
        ValueError: If it names what the backend itself says, or a secret, which would stand in
            logs and pickles.
    """
    if args is None:
        return None
    if not isinstance(args, Mapping) or not all(isinstance(name, str) for name in args):
        raise TypeError(
            "put_args are parameters of boto3's put_object by name, such as "
            f"{{'StorageClass': 'STANDARD_IA'}}, not a {type(args).__name__}"
        )
    for name in args:
        if _SECRET.match(name):
            raise ValueError(
                f"{name!r} in put_args would be a secret in logs and pickles: use a key of KMS "
                "(ServerSideEncryption, SSEKMSKeyId)"
            )
        if name in _OURS:
            raise ValueError(f"{name!r} in put_args is what the backend itself says")
    return dict(args)


class Bucket:
    """Requests to one bucket of one server.

    Args:
        connection: The way to the server.
        name: The bucket.
        put_args: Parameters of every write; each other request carries those of them that it knows,
            such as ``ExpectedBucketOwner``.
        create: Whether the bucket is made by the first write that finds none.
        describe: Gives the ``repr`` of the backend, for errors.
    """

    def __init__(
        self,
        connection: Connection,
        name: str,
        put_args: dict[str, Any],
        create: bool,
        describe: Callable[[], str],
    ) -> None:
        self.connection = connection
        self.name = name
        self.put_args = put_args
        self._create = create
        self.describe = describe
        self._known: dict[str, frozenset[str]] = {}

    def args_of(self, operation: str) -> dict[str, Any]:
        """Those of the parameters of writes that an operation knows, too.

        Args:
            operation: The client's method, such as ``head_object``.
        """
        if not self.put_args or operation == "put_object":
            return dict(self.put_args)
        known = self._known.get(operation)
        if known is None:
            meta = self.connection.client.meta
            shape = meta.service_model.operation_model(meta.method_to_api_mapping[operation])
            known = self._known[operation] = frozenset(shape.input_shape.members)
        return {name: value for name, value in self.put_args.items() if name in known}

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        """Make one request.

        Args:
            operation: The client's method.
            **params: What it takes, but for the bucket; it wins over the parameters of writes.
        """
        args = self.args_of(operation) | params
        method = getattr(self.connection.client, operation)
        answer: dict[str, Any] = method(Bucket=self.name, **args)
        return answer

    def write(self, operation: str, **params: Any) -> dict[str, Any]:
        """Make one request that writes; where there is no bucket, make it, and ask again.

        Raises:
            BackendError: There is no bucket, and it is not to be made, or cannot be.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self.ask(operation, **params)
            except known() as error:
                if not is_missing_bucket(error):
                    raise
                missing = error
            if hasattr(params.get("Body"), "seek"):
                params["Body"].seek(0)
            pause(attempt)
            self.make()
        raise BackendError(
            f"the bucket {self.name!r} was made, but does not come to be there",
            self.describe(),
            "create_bucket",
        ) from missing

    def ensure(self) -> None:
        """Make the bucket if it is missing; one request if it is not.

        Who may not look at the bucket as such may well write to it: the write itself will tell.
        """
        try:
            self.ask("head_bucket")
        except known() as error:
            if code_of(error) in ("404", "NoSuchBucket"):
                self.make()
            elif status_of(error) != 403:
                raise

    def make(self) -> None:
        """Make the bucket, in the client's region; that another was faster is no error.

        Raises:
            BackendError: It is not to be made, or cannot be.
        """
        if not self._create:
            raise BackendError(
                f"the bucket {self.name!r} does not exist, and create_bucket=False says not to "
                "make it",
                self.describe(),
                "create_bucket",
            )
        client = self.connection.client
        region = client.meta.region_name
        where: dict[str, Any] = {}
        if region not in _DEFAULT_REGIONS:
            where["CreateBucketConfiguration"] = {"LocationConstraint": region}
        try:
            client.create_bucket(Bucket=self.name, **where)
        except known() as error:
            # Another made it, or is just making it: the next request will tell.
            if code_of(error) not in ("BucketAlreadyOwnedByYou", "OperationAborted"):
                raise BackendError(
                    f"the bucket {self.name!r} does not exist, and cannot be made: "
                    f"{explain(error)}",
                    self.describe(),
                    "create_bucket",
                ) from error
            return
        logging.getLogger("persidict").info("made the bucket %r", self.name)


def pause(attempt: int) -> None:
    """Wait before something is tried again: not at first, then a random time of up to 1 s.

    Args:
        attempt: How often it was tried before.
    """
    if attempt:
        time.sleep(random.uniform(0, min(1.0, 0.02 * 2**attempt)))
