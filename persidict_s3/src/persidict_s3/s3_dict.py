"""`S3Dict`: a dictionary in a bucket, one object a value."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from persidict_core import PersiDict
from persidict_core.digests import check_digest_len

from .backend import S3Backend
from .names import address_of, check_bucket, check_object_prefix

V = TypeVar("V")

_TEXT: Final = "text/plain; charset=utf-8"


class S3Dict(PersiDict[V]):
    """A persistent dictionary in a bucket of S3, or of a server that speaks its protocol.

    Each value is one object; many machines may read and write it at once, and each write is atomic.
    Opening it costs no request. A bucket that does not exist reads as empty, and is made by the
    first write. Credentials are found by boto3: ``AWS_*`` variables, profiles, roles. For all else
    see ``PersiDict``, and ``S3Backend`` for what is promised on which server.

    Args:
        bucket_name: The bucket.
        region: The bucket's region; None: what boto3 finds.
        root_prefix: What the names of all objects begin with; a ``/`` is added to its end.
        base_dir: The folder for copies of what was read or written; each is asked for again, by one
            request that brings the bytes only if they are others, or by none with
            ``immutable_items``. It wants the package ``persidict-file``. None: no copies.
        file_type: The format of the values, and the end of the objects' names.
        immutable_items: Whether items, once written, can be neither changed nor deleted.
        digest_len: Taken, and without effect: names in S3 have no digests, those of copies are
            hashes.
        base_class_for_values: The class of all values, checked on writing and on reading.
        endpoint_url: The server; None: what boto3 finds, else AWS.
        profile: The profile of AWS's configuration files to take credentials from.
        session: A ``boto3.Session``, in place of a profile; the dictionary then neither pickles
            nor has a URL.
        config: A ``botocore.config.Config``.
        verify: Whether to verify TLS certificates, or the file of those to trust.
        put_args: Parameters of boto3's ``put_object`` for every write.
        max_connections: How many requests may run at once where many are made.
        cache_max_bytes: How much may lie in ``base_dir``, in bytes; None: no limit.
        create_bucket: Whether the first write makes a missing bucket.
        conditional_writes: Whether the server keeps conditions of a PUT; None: found out.
        conditional_deletes: Whether it keeps those of a DELETE; None: found out.
        prefix: The dictionary holds the keys that begin so, without that beginning.
        allow_pickle: False refuses, on writing and on reading, all that could run code.
        max_value_bytes: The most bytes that a stored value may have; None: no limit.
        read_only: Whether all that would change something is refused.

    Raises:
        TypeError: A parameter of the wrong kind.
        ValueError: A parameter that cannot be, such as the name of a bucket.
        BackendError: ``base_dir`` is another user's, or others can write to it.
        PluginError: There is a ``base_dir``, but ``persidict-file`` is not installed.

    Example:
        >>> S3Dict("my-app-config-bucket", file_type="json").url
        's3://my-app-config-bucket?file_type=json'
    """

    scheme = "s3"
    backend: S3Backend

    def __init__(
        self,
        bucket_name: str,
        region: str | None = None,
        root_prefix: str = "",
        base_dir: str | os.PathLike[str] | None = None,
        file_type: str = "pkl",
        immutable_items: bool = False,
        digest_len: int | None = None,
        base_class_for_values: type | None = None,
        *,
        endpoint_url: str | None = None,
        profile: str | None = None,
        session: Any = None,
        config: Any = None,
        verify: bool | str | None = None,
        put_args: Mapping[str, Any] | None = None,
        max_connections: int = 32,
        cache_max_bytes: int | None = None,
        create_bucket: bool = True,
        conditional_writes: bool | None = None,
        conditional_deletes: bool | None = None,
        prefix: str | Iterable[str] = (),
        allow_pickle: bool = True,
        max_value_bytes: int | None = None,
        read_only: bool = False,
    ) -> None:
        self.bucket_name = check_bucket(bucket_name, "bucket_name")
        self.root_prefix = check_object_prefix(root_prefix, "root_prefix")
        self._base_dir = None if base_dir is None else _folder(base_dir)
        if digest_len is not None:
            check_digest_len(digest_len)
        is_text = base_class_for_values is str and file_type not in ("pkl", "json")
        backend = S3Backend(
            bucket_name,
            root_prefix,
            region=region,
            endpoint_url=endpoint_url,
            profile=profile,
            session=session,
            config=config,
            verify=verify,
            put_args=put_args,
            content_type=_TEXT if is_text else None,
            max_connections=max_connections,
            create_bucket=create_bucket,
            conditional_writes=conditional_writes,
            conditional_deletes=conditional_deletes,
        )
        cache = None
        if self._base_dir is not None:
            from .cache_folder import cache_url

            cache = cache_url(self._base_dir)
        elif cache_max_bytes is not None:
            raise ValueError("cache_max_bytes is the limit of base_dir, but no base_dir was given")
        super().__init__(
            backend,
            file_type=file_type,
            prefix=prefix,
            immutable_items=immutable_items,
            base_class_for_values=base_class_for_values,
            allow_pickle=allow_pickle,
            max_value_bytes=max_value_bytes,
            read_only=read_only,
            cache=cache,
            cache_max_bytes=None if cache is None else cache_max_bytes,
        )
        self.region = region
        self.digest_len = digest_len  # type: ignore[assignment]
        self.endpoint_url = endpoint_url
        self.profile = profile
        self.session = session
        self.config = config
        self.verify = verify
        self.put_args = backend.put_args
        self.max_connections = max_connections
        self.cache_max_bytes = cache_max_bytes
        self.create_bucket = create_bucket
        self.conditional_writes = conditional_writes
        self.conditional_deletes = conditional_deletes

    @property
    def base_dir(self) -> str | None:
        """The folder of the copies, absolute; None if there is none."""
        return self._base_dir

    @classmethod
    def params_of_address(cls, address: str) -> dict[str, Any]:
        """The bucket, and what its objects' names begin with."""
        bucket, _, prefix = address.partition("/")
        return {"bucket_name": bucket, "root_prefix": prefix}

    def address_of_params(self, params: dict[str, Any]) -> str:
        """``bucket/prefix``, without the slash at its end if it has one only."""
        return address_of(params.pop("bucket_name"), params.pop("root_prefix"))

    def check_portable(self, what: str, error: type[Exception] = TypeError) -> None:
        """Refuse a session, and a proxy's password; see ``S3Backend``."""
        self.backend.check_portable(what, error)


def _folder(base_dir: str | os.PathLike[str]) -> str:
    text = os.fspath(base_dir)
    if not isinstance(text, str) or not text:
        raise TypeError(f"base_dir is a folder's name or path, or None, not {base_dir!r}")
    if isinstance(base_dir, str) and "://" in base_dir:
        raise ValueError("base_dir is a folder, not a URL")
    return os.path.abspath(os.path.expanduser(text))
