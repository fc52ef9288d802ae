"""The way of a value, between a key and a backend.

Down: `_prepare` checks the key and the value and gives the path; `_store` encodes and writes. Up:
`_load` reads and decodes. `PersiDict` is the mapping that is written on these.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Final,
    Generic,
    Literal,
    NoReturn,
    Self,
    TypeVar,
    cast,
)

from . import registry
from .addressed import Addressed
from .backend import (
    ABSENT,
    ANY,
    Backend,
    BaseBackend,
    Expect,
    Marker,
    ObjectStat,
    Scope,
    adapted,
    check_expect,
)
from .configuration import check_call, check_flag, constructor_params
from .errors import (
    ImmutableItemError,
    NotSupported,
    ObjectNotFound,
    PersiDictError,
    PluginError,
    PreconditionFailed,
    SerializationError,
    URLError,
)
from .jokers import DELETE_CURRENT, KEEP_CURRENT, Joker
from .keys import PersiDictKey, SafeStrTuple, hashable
from .naming import Naming, check_file_type, settle_digest_len
from .progress import Steps
from .serializers import Serializer
from .spool import Spool

if TYPE_CHECKING:
    from . import urls

V = TypeVar("V")

_FORMER_NAMES: Final = {
    "serialization_format": "file_type",
    "append_only": "immutable_items",
    "get_item_if": "get_with_etag",
    "set_item_if": "set_if",
    "setdefault_if": "setdefault",
    "discard_if": "delete_if",
    "transform_item": "transform",
}


class ValueStore(Addressed, Generic[V]):
    """Values of one file type under keys, in a backend; `PersiDict` tells of the parameters."""

    def __new__(cls, *args: Any, **params: Any) -> Self:
        for former in _FORMER_NAMES.keys() & params.keys():
            raise TypeError(f"{cls.__name__}: {former} is called {_FORMER_NAMES[former]} today")
        check_call(cls, args, params)
        return super().__new__(cls)

    def __init__(
        self,
        backend: Backend | str | os.PathLike[str],
        *,
        file_type: str = "pkl",
        prefix: str | Iterable[str] = (),
        digest_len: int | None = None,
        immutable_items: bool = False,
        base_class_for_values: type | None = None,
        allow_pickle: bool = True,
        max_value_bytes: int | None = None,
        read_only: bool = False,
        cache: Backend | str | os.PathLike[str] | None = None,
        cache_max_bytes: int | None = None,
    ) -> None:
        self.file_type = check_file_type(file_type)
        self.immutable_items = check_flag("immutable_items", immutable_items)
        self.base_class_for_values = base_class_for_values
        self.allow_pickle = check_flag("allow_pickle", allow_pickle)
        self.max_value_bytes = _check_limit("max_value_bytes", max_value_bytes)
        self.read_only = check_flag("read_only", read_only)
        self.cache_max_bytes = _check_limit("cache_max_bytes", cache_max_bytes)
        if cache is None and cache_max_bytes is not None:
            raise ValueError("cache_max_bytes is the limit of a cache, but no cache was given")
        if base_class_for_values is not None and not isinstance(base_class_for_values, type):
            raise TypeError(f"base_class_for_values is a class, not {base_class_for_values!r}")
        self._serializer = _serializer_for(self)
        self.prefix = _prefix(prefix)
        self.backend: BaseBackend = _backend(backend)
        # Nobody misses a copy that a power cut takes.
        self.cache = None if cache is None else _backend(cache, fsync=False)
        self._layered = self._with_layers()
        if self.immutable_items and not self.read_only and not self.backend.probes:
            self._require("immutable_items", "if_absent")
        self.digest_len = settle_digest_len(self.backend, self.file_type, digest_len)
        self._paths = Naming(
            tuple(self.prefix),
            self.file_type,
            self.digest_len,
            self.backend.max_name_bytes,
            self.backend.max_path_bytes,
        )

    def _with_layers(self) -> BaseBackend:
        """What every operation goes through: the backend, with what the user asked for around."""
        layered = self.backend
        if self.cache is not None:
            from .layers import CachedBackend, HashedNames

            try:
                names = HashedNames(self.backend.identity)
            except URLError as error:
                raise NotSupported(
                    f"{self.backend!r} cannot be told from other stores in a cache: make a "
                    "CachedBackend of it with names of your own, and give that as the backend"
                ) from error
            layered = CachedBackend(
                layered,
                self.cache,
                names,
                validate=not self.immutable_items,
                max_bytes=self.cache_max_bytes,
            )
        if self.read_only:
            from .layers import ReadOnlyBackend

            layered = ReadOnlyBackend(layered)
        return layered

    @classmethod
    def from_url(cls, url: str | urls.URL, **params: Any) -> Self:
        """Open the dictionary that a URL names; see `open`.

        Raises:
            URLError: If the URL does not fit.
            PluginError: If nothing is installed for its scheme.
        """
        from . import urls

        url = urls.URL.parse(url)
        if cls.scheme:
            return super().from_url(url, **params)
        if next(iter(constructor_params(cls))) != "backend":
            raise URLError(f"{cls.__name__} cannot be opened by a URL")
        kind = registry.backends.get(url.scheme)
        own = [name for name in constructor_params(cls) if name != "backend"]
        theirs = [name for name in list(constructor_params(kind))[1:] if name not in own]
        urls.refuse_secrets(url.scheme, url.query, kind.secret_params)
        urls.check_known(url.scheme, [*url.query, *params], own + theirs)
        backend = kind.from_url(
            url.with_query({name: text for name, text in url.query.items() if name in theirs}),
            **{name: value for name, value in params.items() if name in theirs},
        )
        said = {name: text for name, text in url.query.items() if name in own}
        keywords = {name: value for name, value in params.items() if name in own}
        return cls(backend, **urls.merged(urls.from_text(cls, said), keywords))

    @property
    def url(self) -> str:
        """The URL that opens this dictionary again.

        Raises:
            URLError: If a URL cannot say it, as with a class of the user's for the values.
        """
        if self.scheme:
            return super().url
        from . import urls

        params = self.get_params()
        if self.digest_len == self.backend.digest_len == 0:
            del params["digest_len"]  # What no digest_len at all gives here, too.
        address = urls.URL.parse(params.pop("backend").url)
        return str(address.with_query({**address.query, **urls.to_text(self, params)}))

    @property
    def base_dir(self) -> str | None:
        """The folder of the values, absolute; None where they are in none."""
        return None

    @property
    def base_url(self) -> str | None:
        """The URL of the place of the values, without parameters; None if they have none."""
        from . import urls

        try:
            return str(urls.URL.parse(self.backend.url).with_query({}))
        except URLError:
            return None

    # The way of a value.

    def _path(self, key: PersiDictKey) -> str:
        try:
            return self._paths[key]
        except TypeError:
            pass  # A list, say: a key, but not one that can be remembered.
        return self._paths.path_of(key)

    def _prepare(
        self, key: PersiDictKey, value: object, expect: Expect | Literal[Marker.ANY] = ANY
    ) -> str:
        """The gate of every write: check all that was given, and give the path."""
        path = self._path(key)
        if expect is not ANY:
            check_expect(expect)
        if self.read_only:
            raise self._is_read_only()
        if isinstance(value, Marker):
            raise TypeError(f"{value!r} is what is expected of an item or found, never its value")
        base = self.base_class_for_values
        if base is not None and not isinstance(value, base) and not isinstance(value, Joker):
            raise TypeError(
                f"the value for {key!r} is of type {type(value).__name__}, but this dictionary "
                f"holds {base.__name__} only"
            )
        return path

    def _check_deletion(self, key: PersiDictKey) -> None:
        """The gate of every deletion."""
        if self.read_only:
            raise self._is_read_only()
        if self.immutable_items:
            self._refuse(key, DELETE_CURRENT)

    def _is_read_only(self) -> NotSupported:
        return NotSupported(f"{self!r} was opened with read_only=True: nothing was changed")

    def _refuse(self, key: PersiDictKey, value: object) -> None:
        """What happens to a change of an immutable item; the one hook of subclasses.

        Args:
            key: The item's key.
            value: What would replace its value, or `DELETE_CURRENT`.
        """
        raise ImmutableItemError(key, "be deleted" if value is DELETE_CURRENT else "be changed")

    def _act(self, key: PersiDictKey, value: object) -> None:
        """Write, keep or delete one item, without a condition of the caller's."""
        path = self._prepare(key, value)
        if value is KEEP_CURRENT:
            return
        if value is DELETE_CURRENT:
            self._delete_path(key, path)
        elif not self.immutable_items:
            self._store(key, path, value, ANY)
        else:
            try:
                self._store(key, path, value, ABSENT)
            except PreconditionFailed:
                self._refuse(key, value)

    def _act_on_many(
        self, batch: Mapping[str, tuple[PersiDictKey, object]], counted: Steps
    ) -> dict[PersiDictKey, Exception]:
        """Write or delete a batch of items by path; give the errors of those that failed."""
        failures: dict[PersiDictKey, Exception] = {}

        def encoded() -> Iterator[tuple[str, bytes]]:
            for path, (key, value) in batch.items():
                if value is DELETE_CURRENT:
                    continue
                try:
                    data = self._encode(key, path, value)
                except SerializationError as error:
                    failures[hashable(key)] = error
                else:
                    yield path, data

        results = self._layered.write_many(encoded(), ABSENT if self.immutable_items else ANY)
        deletions = [path for path, (_, value) in batch.items() if value is DELETE_CURRENT]
        for path, result in results:
            if isinstance(result, Exception):
                key, value = batch[path]
                try:
                    if not (self.immutable_items and isinstance(result, PreconditionFailed)):
                        raise result
                    self._refuse(key, value)
                except Exception as error:
                    failures[hashable(key)] = error
            counted.step()
        for path, gone in self._layered.delete_many(deletions):
            if isinstance(gone, Exception) and not isinstance(gone, ObjectNotFound):
                failures[hashable(batch[path][0])] = gone
            counted.step()
        return failures

    def _store(
        self,
        key: PersiDictKey,
        path: str,
        value: object,
        expect: Literal[Marker.ANY, Marker.ABSENT],
    ) -> None:
        """Encode and write one item; a long value is streamed, never whole in memory."""
        if not self._serializer.streams:
            data = self._encode(key, path, value)
        else:
            with Spool(lambda: self._layered.write_file(path, expect)) as spool:
                try:
                    self._serializer.dump(value, cast(BinaryIO, spool))
                except Exception as error:
                    if spool.streams and isinstance(error, OSError):
                        raise  # The store's own, on the way to its file.
                    raise self._unusable(error, key, path, "cannot be written") from error
            if spool.streams:
                return
            data = spool.getvalue()
        if expect is ANY:
            self._layered.write_bytes(path, data)
        else:
            self._layered.write_if(path, data, expect)

    def _encode(self, key: PersiDictKey, path: str, value: object) -> bytes:
        try:
            return self._serializer.dumps(value)
        except Exception as error:
            raise self._unusable(error, key, path, "cannot be written") from error

    def _load(self, key: PersiDictKey, path: str) -> V:
        """Read one item; `ObjectNotFound` if there is none."""
        if self.max_value_bytes is not None:
            self._check_size(key, self._layered.stat(path))
        return self._decode(key, path, self._layered.read_bytes(path))

    def _load_versioned(self, key: PersiDictKey, path: str) -> tuple[V, ObjectStat]:
        """Read one item with the stat of its version; `ObjectNotFound` if there is none."""
        if self.max_value_bytes is not None:
            self._check_size(key, self._layered.stat(path))
        found = self._layered.read_versioned(path)
        assert not isinstance(found, Marker)
        data, stat = found
        return self._decode(key, path, data), stat

    def _decode(self, key: PersiDictKey, path: str, data: bytes) -> V:
        try:
            value: V = self._serializer.loads(data)
        except Exception as error:
            raise self._unusable(error, key, path, "cannot be read") from error
        base = self.base_class_for_values
        if base is not None and not isinstance(value, base):
            raise TypeError(
                f"the stored value of {key!r} is of type {type(value).__name__}, but this "
                f"dictionary holds {base.__name__} only"
            )
        return value

    def _unusable(self, error: Exception, key: object, path: str, what: str) -> Exception:
        """The error to raise where a serializer failed."""
        if isinstance(error, MemoryError):
            return error
        if isinstance(error, SerializationError):
            problem = error.problem
        elif isinstance(error, PersiDictError):
            return error
        else:
            problem = f"the value {what}: {type(error).__name__}: {error}"
        return SerializationError(problem, key, path, self.file_type)

    def _check_size(self, key: PersiDictKey, stat: ObjectStat) -> None:
        if self.max_value_bytes is not None and stat.size > self.max_value_bytes:
            raise SerializationError(
                f"{stat.size} bytes are stored, more than max_value_bytes={self.max_value_bytes}",
                key,
                stat.path,
                self.file_type,
            )

    def _delete_path(self, key: PersiDictKey, path: str) -> bool:
        self._check_deletion(key)
        try:
            self._layered.delete(path)
        except ObjectNotFound:
            return False
        return True

    def _claims(self, *conditions: str) -> bool:
        claimed = self._layered.capabilities
        return all(getattr(claimed, name) > Scope.NONE for name in conditions)

    def _require(self, what: str, *conditions: str) -> None:
        if self.read_only:
            raise self._is_read_only()
        if not self._claims(*conditions):
            raise NotSupported(
                f"{what} needs {' and '.join(conditions)}, which {self._layered!r} does not "
                f"promise: {self._layered.capabilities}"
            )

    def __dir__(self) -> Iterable[str]:
        return set(super().__dir__()) - _FORMER_NAMES.keys()


class _FormerName:
    """An attribute that is not there, and tells what it is called today.

    A ``__getattr__`` would tell it too, but make the interpreter look up each attribute slowly.
    """

    def __init__(self, former: str, today: str) -> None:
        self._message = f"{former} is called {today} today"

    def __get__(self, instance: object, owner: type | None = None) -> NoReturn:
        raise AttributeError(self._message)


for _former, _today in _FORMER_NAMES.items():
    setattr(ValueStore, _former, _FormerName(_former, _today))


def _backend(source: Backend | str | os.PathLike[str], **wishes: Any) -> BaseBackend:
    """The backend that is given as an object or by its URL.

    Args:
        source: What is given.
        **wishes: Parameters for it where it is made here, knows them, and its URL does not say
            otherwise.
    """
    if isinstance(source, BaseBackend):
        return source
    from . import urls

    if isinstance(source, str | os.PathLike | urls.URL):
        url = urls.URL.parse(source)
        kind: type[BaseBackend] = registry.backends.get(url.scheme)
        said, known = url.query, constructor_params(kind)
        params = {name: wishes[name] for name in wishes if name in known and name not in said}
        return kind.from_url(url, **params)
    return adapted(source)


def _check_limit(name: str, limit: int | None) -> int | None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
        raise TypeError(f"{name} is a number of bytes or None, not {limit!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"{name} is at least 1, not {limit}")
    return limit


def _prefix(prefix: str | Iterable[str]) -> tuple[str, ...]:
    parts = prefix.split("/") if isinstance(prefix, str) and prefix else tuple(prefix)
    return SafeStrTuple(parts).strings if parts else ()


def _serializer_for(d: ValueStore[Any]) -> Serializer:
    """The serializer of a dictionary's file type; a base class of str makes any other type text."""
    if d.base_class_for_values is str and d.file_type not in ("pkl", "json"):
        from .serializers.text import TextSerializer

        return TextSerializer(d.file_type, d.allow_pickle, d.max_value_bytes)
    try:
        kind: type[Serializer] = registry.serializers.get(d.file_type)
    except PluginError as error:
        if error.__cause__ is not None or registry.serializers.claims(d.file_type):
            raise
        raise ValueError(
            f"{error}; for text of any file type, give base_class_for_values=str as well"
        ) from error
    return kind(d.allow_pickle, d.max_value_bytes)
