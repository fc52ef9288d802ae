"""The ways to keep values in S3 that are measured, each with the one face that is needed.

All keep pickles of the values, as objects whose names begin with a prefix. What one cannot do
otherwise than item by item, it does so.
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

POOL = 32
"""How many requests run at once, where a contender lets one say that."""

Pairs = list[tuple[str, Any]]


class S3Contender:
    """A way under test.

    Args:
        endpoint: The server's URL.
        bucket: A bucket that is there.
        prefix: What the names of all objects begin with, without a slash at its end.
    """

    name: ClassVar[str]
    distribution: ClassVar[str]
    """What to install."""
    one_by_one: ClassVar[bool] = False
    """Whether many items go one after the other, so that behind a slow link few must do."""

    def __init__(self, endpoint: str, bucket: str, prefix: str) -> None:
        self.endpoint = endpoint
        self.bucket = bucket
        self.prefix = prefix
        self.store: Any = self.open()
        self.get: Callable[[str], Any] = self.store.__getitem__
        self.has: Callable[[str], bool] = self.store.__contains__
        self.set: Callable[[str, Any], object] = self.store.__setitem__

    def open(self) -> Any:
        raise NotImplementedError

    def key(self, key: tuple[str, str]) -> Any:
        """The key as this store takes it."""
        return "/".join(key)

    def keys(self) -> int:
        """Go over all keys, and count them."""
        return sum(1 for _ in iter(self.store))

    def get_many(self, keys: list[str]) -> list[Any]:
        return [self.get(key) for key in keys]

    def set_many(self, pairs: Pairs) -> None:
        for key, value in pairs:
            self.set(key, value)

    def items(self) -> int:
        """Go over all items, and count them."""
        return sum(1 for _ in self.store.items())

    @classmethod
    def version(cls) -> str | None:
        """What is installed; None if nothing is."""
        try:
            return importlib.metadata.version(cls.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None


class Bare(S3Contender):
    """The yardstick: one botocore client, as boto3 gives it, and a pickle."""

    name = "boto3"
    distribution = "botocore"

    def open(self) -> Any:
        from botocore.config import Config
        from botocore.session import get_session

        self.client = get_session().create_client(
            "s3", endpoint_url=self.endpoint, config=Config(max_pool_connections=POOL)
        )
        return self

    def name_of(self, key: str) -> str:
        return f"{self.prefix}/{key}.pkl"

    def __getitem__(self, key: str) -> Any:
        answer = self.client.get_object(Bucket=self.bucket, Key=self.name_of(key))
        return pickle.loads(answer["Body"].read())

    def __contains__(self, key: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self.client.head_object(Bucket=self.bucket, Key=self.name_of(key))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return False
        return True

    def __setitem__(self, key: str, value: object) -> None:
        body = pickle.dumps(value, 5)
        self.client.put_object(Bucket=self.bucket, Key=self.name_of(key), Body=body)

    def __iter__(self) -> Iterator[str]:
        start = len(self.prefix) + 1
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/"):
            for entry in page.get("Contents", ()):
                yield entry["Key"][start:].removesuffix(".pkl")


class BarePool(Bare):
    """The same, with threads for many at once."""

    name = "boto3, pool"

    def open(self) -> Any:
        self.pool = ThreadPoolExecutor(POOL)
        return super().open()

    def get_many(self, keys: Iterable[str]) -> list[Any]:
        return list(self.pool.map(self.__getitem__, keys))

    def set_many(self, pairs: Pairs) -> None:
        deque(self.pool.map(lambda pair: self.__setitem__(*pair), pairs), maxlen=0)

    def items(self) -> int:
        return len(self.get_many(iter(self)))


class Persidict(S3Contender):
    name = "persidict"
    distribution = "persidict-s3"

    def open(self) -> Any:
        from persidict_s3 import S3Dict

        return S3Dict(self.bucket, root_prefix=self.prefix, endpoint_url=self.endpoint)

    def key(self, key: tuple[str, str]) -> Any:
        return key

    def get_many(self, keys: list[Any]) -> list[Any]:
        return [value for _, value in self.store.get_many(keys)]

    def set_many(self, pairs: Pairs) -> None:
        self.store.set_many(pairs)


class Published(S3Contender):
    """The package that the index had under this name, without its cache of files."""

    name = "published"
    distribution = "persidict"
    one_by_one = True

    def open(self) -> Any:
        from persidict import BasicS3Dict  # type: ignore[attr-defined, unused-ignore]

        os.environ["AWS_ENDPOINT_URL_S3"] = self.endpoint  # It takes no endpoint itself.
        return BasicS3Dict(bucket_name=self.bucket, root_prefix=self.prefix)

    def key(self, key: tuple[str, str]) -> Any:
        return key


class Obstore(S3Contender):
    name = "obstore"
    distribution = "obstore"

    def open(self) -> Any:
        from obstore.store import S3Store

        os.environ.pop("AWS_ENDPOINT_URL_S3", None)  # It would win over what is said here.
        self.remote = S3Store(
            self.bucket,
            prefix=self.prefix,
            endpoint=self.endpoint,
            access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
            secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            region=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        return self

    def __getitem__(self, key: str) -> Any:
        return pickle.loads(bytes(self.remote.get(key).bytes()))

    def __contains__(self, key: str) -> bool:
        try:
            self.remote.head(key)
        except FileNotFoundError:
            return False
        return True

    def __setitem__(self, key: str, value: object) -> None:
        self.remote.put(key, pickle.dumps(value, 5), use_multipart=False)

    def __iter__(self) -> Iterator[str]:
        for page in self.remote.list():
            for entry in page:
                yield entry["path"]

    def get_many(self, keys: Iterable[str]) -> list[Any]:
        import asyncio

        async def run() -> list[Any]:
            limit = asyncio.Semaphore(POOL)

            async def get(key: str) -> Any:
                async with limit:
                    answer = await self.remote.get_async(key)
                    return pickle.loads(bytes(await answer.bytes_async()))

            return await asyncio.gather(*map(get, keys))

        return asyncio.run(run())

    def set_many(self, pairs: Pairs) -> None:
        import asyncio

        async def run() -> None:
            limit = asyncio.Semaphore(POOL)

            async def put(key: str, value: object) -> None:
                async with limit:
                    data = pickle.dumps(value, 5)
                    await self.remote.put_async(key, data, use_multipart=False)

            await asyncio.gather(*(put(*pair) for pair in pairs))

        asyncio.run(run())

    def items(self) -> int:
        return len(self.get_many(iter(self)))


class S3fs(S3Contender):
    """s3fs's mapper, without its cache of listings."""

    name = "s3fs"
    distribution = "s3fs"

    def open(self) -> Any:
        import s3fs  # type: ignore[import-not-found, unused-ignore]

        system = s3fs.S3FileSystem(endpoint_url=self.endpoint, use_listings_cache=False)
        self.mapper = system.get_mapper(f"{self.bucket}/{self.prefix}")
        return self

    def __getitem__(self, key: str) -> Any:
        return pickle.loads(self.mapper[key])

    def __contains__(self, key: str) -> bool:
        return key in self.mapper

    def __setitem__(self, key: str, value: object) -> None:
        self.mapper[key] = pickle.dumps(value, 5)

    def __iter__(self) -> Iterator[str]:
        return iter(self.mapper)

    def get_many(self, keys: Iterable[str]) -> list[Any]:
        return [pickle.loads(data) for data in self.mapper.getitems(list(keys)).values()]

    def set_many(self, pairs: Pairs) -> None:
        self.mapper.setitems({key: pickle.dumps(value, 5) for key, value in pairs})

    def items(self) -> int:
        return len(self.get_many(iter(self)))


def put_large(client: Any, bucket: str, name: str, value: object) -> None:
    """A large value by boto3's managed transfer."""
    client.upload_fileobj(io.BytesIO(pickle.dumps(value, 5)), bucket, name)


def get_large(client: Any, bucket: str, name: str) -> Any:
    """The same, back."""
    file = io.BytesIO()
    client.download_fileobj(bucket, name, file)
    return pickle.loads(file.getbuffer())


S3_CONTENDERS: dict[str, type[S3Contender]] = {
    kind.name: kind for kind in (Persidict, BarePool, Obstore, S3fs, Published)
}
