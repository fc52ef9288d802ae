"""`PersiDict`: the mapping, over any backend.

The way of one value, from a key to the bytes and back, is in ``value_store``. On it are written
``conditional`` (one item, if it is as expected), ``many`` (many at once), and ``dated`` (sizes and
times); on all of these the mapping here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, cast, overload

from .attempts import ATTEMPTS, attempts
from .backend import ABSENT, ANY
from .configuration import check_flag
from .dated import DatedItems
from .errors import ConcurrencyConflict, ObjectNotFound, PreconditionFailed
from .jokers import Joker
from .keys import PersiDictKey, SafeStrTuple
from .progress import Progress
from .views import ItemsView, KeysView, ValuesView

if TYPE_CHECKING:
    from .copying import Copied
    from .describing import Info
    from .memoizing import Memoized

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V")
T = TypeVar("T")

_MISSING: Final = object()


class PersiDict(DatedItems[V], MutableMapping[PersiDictKey, V]):
    """A persistent dictionary: each value is one object in a backend, shared by all who open it.

    It behaves like ``dict``; keys are strings, or (nested) sequences of strings, over
    ``A-Za-z0-9()_-~.=``. A value that was read is a copy: changing it in place changes nothing in
    the store (assign it again, or use `transform`).

    Args:
        backend: Where the values are: a backend, an object with the five verbs, or the URL of a
            backend. `open` takes parameters of the dictionary in the URL, too.
        file_type: The format of the values, and the end of their names: ``pkl``, ``json``, any
            other that is installed, or, with ``base_class_for_values=str``, any name for text.
        prefix: The dictionary holds the keys that begin so, without that beginning.
        digest_len: How many characters of digest each string gets in the names. None: what the
            names in the store carry, or the backend's default.
        immutable_items: Whether items, once written, can be neither changed nor deleted.
        base_class_for_values: The class of all values, checked on writing and on reading.
        allow_pickle: False refuses, on writing and on reading, all that could run code.
        max_value_bytes: The most bytes that a stored value may have, also uncompressed; None: no
            limit.
        read_only: Whether every change is refused.
        cache: Where copies of values are kept nearby: a backend, or the URL of one, such as a
            folder's name. Each read asks the backend whether its copy is current, but of immutable
            items a copy is current for ever. See ``persidict_core.layers.CachedBackend``.
        cache_max_bytes: How much the cache may hold, in bytes; None: no limit.

    Raises:
        TypeError: A parameter of the wrong kind.
        ValueError: A parameter that cannot be.
        NotSupported: ``immutable_items`` on a backend that cannot keep it.

    Example:
        >>> d = PersiDict("memory://")
        >>> d["users", "alex"] = {"theme": "dark"}
        >>> d["users", "alex"]
        {'theme': 'dark'}
        >>> list(d)
        [SafeStrTuple('users', 'alex')]
    """

    # One item, as dict has it.

    def __getitem__(self, key: PersiDictKey) -> V:
        """The value of a key; KeyError if there is none."""
        try:
            return self._load(key, self._path(key))
        except ObjectNotFound:
            raise KeyError(key) from None

    def __setitem__(self, key: PersiDictKey, value: V | Joker) -> None:
        """Write a value; atomic, and visible at once to all who share the store."""
        self._act(key, value)

    def __delitem__(self, key: PersiDictKey) -> None:
        """Delete an item; KeyError if there is none."""
        if not self._delete_path(key, self._path(key)):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        """Whether a key is there; a key that cannot be one is an error."""
        return self._layered.exists(self._path(key))  # type: ignore[arg-type]

    @overload
    def get(self, key: PersiDictKey, /) -> V | None: ...
    @overload
    def get(self, key: PersiDictKey, /, default: V | T) -> V | T: ...
    def get(self, key: PersiDictKey, /, default: Any = None) -> Any:
        """The value of a key, or the default."""
        try:
            return self._load(key, self._path(key))
        except ObjectNotFound:
            return default

    def setdefault(self, key: PersiDictKey, default: V | None = None) -> V:
        """The value of a key; written first, if there is none.

        Where the backend claims ``if_absent``, one of many racing callers writes and all get its
        value; elsewhere it is done in two steps.

        Raises:
            TypeError: If the default is a joker.
        """
        path = self._path(key)
        if isinstance(default, Joker):
            raise TypeError(f"setdefault takes a value, not {default!r}")
        for _ in attempts(eager=True):
            try:
                return self._load(key, path)
            except ObjectNotFound:
                self._prepare(key, default)
            try:
                self._store(key, path, default, ABSENT if self._claims("if_absent") else ANY)
                return cast(V, default)
            except PreconditionFailed:
                continue
        raise ConcurrencyConflict(str(SafeStrTuple(key)), ABSENT, None, ATTEMPTS)

    def pop(self, key: PersiDictKey, default: Any = _MISSING) -> Any:
        """Take an item out: give its value, and delete it.

        Where the backend claims ``delete_if``, one of many racing callers gets the value; elsewhere
        it is done in two steps.

        Raises:
            KeyError: If there is none and no default.
        """
        path = self._path(key)
        self._check_deletion(key)
        atomic = self._claims("delete_if")
        for _ in attempts(eager=True):
            try:
                if not atomic:
                    value = self._load(key, path)
                    self._layered.delete(path)
                    return value
                value, stat = self._load_versioned(key, path)
                self._layered.delete_if(path, stat.etag)
                return value
            except ObjectNotFound:
                if default is _MISSING:
                    raise KeyError(key) from None
                return default
            except PreconditionFailed:
                continue
        raise ConcurrencyConflict(str(SafeStrTuple(key)), None, None, ATTEMPTS)

    def popitem(self) -> tuple[SafeStrTuple, V]:
        """Take any item out, by one look; KeyError if there is none."""
        for key in self:
            self._check_deletion(key)
            try:
                return key, self.pop(key)
            except KeyError:
                continue  # Another was faster.
        raise KeyError("popitem(): the dictionary is empty")

    def delete_if_exists(self, key: PersiDictKey) -> bool:
        """Delete an item; whether there was one."""
        return self._delete_path(key, self._path(key))

    def discard(self, key: PersiDictKey) -> bool:
        """Another name of `delete_if_exists`."""
        return self.delete_if_exists(key)

    # The whole.

    def walk_items(self) -> Iterator[tuple[SafeStrTuple, V]]:
        """What `items` iterates over: keys with values, streamed, read ahead where it pays.

        Linear, in flat memory.
        """
        return cast("Iterator[tuple[SafeStrTuple, V]]", self._read_ahead(self._walk()))

    def __iter__(self) -> Iterator[SafeStrTuple]:
        """All keys, in no order, streamed: linear, in flat memory.

        ``list(d)``, ``tuple(d)`` and ``sorted(d)`` ask for ``len(d)`` first, and so go over the
        store twice; ``[key for key in d]``, ``set(d)`` and a loop do it once.
        """
        return map(itemgetter(0), self._walk())

    def __len__(self) -> int:
        """How many items there are, counted: linear in their number, in flat memory.

        To see whether there is any, ``bool(d)`` takes one look.
        """
        return self._paths.count(self._layered.list_prefix(self._paths.prefix))

    def __bool__(self) -> bool:
        """Whether there is an item, by one look, unless that shows what is no item."""
        some = self._layered.list_some(self._paths.prefix)
        return bool(some) and (bool(self._paths.count(some)) or any(True for _ in self._walk()))

    def keys(self) -> KeysView:
        """The keys: a live, set-like view. To go over it or to measure it is linear."""
        return KeysView(self)

    def values(self) -> ValuesView[V]:
        """The values: a live view, which reads them one after the other, or ahead where it pays.

        To go over it is linear, and in flat memory, as is ``in``, which reads until it finds.
        """
        return ValuesView(self)

    def items(self) -> ItemsView[V]:
        """Keys and values: a live, set-like view, read like `values`."""
        return ItemsView(self)

    def __eq__(self, other: object) -> bool:
        """Whether a mapping holds the same keys and values.

        Linear, in flat memory: it reads all values, and counts the other, unless they differ.
        """
        if not isinstance(other, Mapping):
            return NotImplemented
        count = 0
        for key, value in self.items():
            try:
                there = other.get(key, _MISSING)
            except ValueError:
                if not isinstance(other, PersiDict):
                    raise
                return False  # It is too long a key there.
            if there is _MISSING or not (there is value or there == value):
                return False
            count += 1
        return count == len(other)

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Mapping[Any, Any]) -> dict[Any, Any]:
        """A plain ``dict`` of both, with all values in memory; the other's win."""
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self.items()) | dict(other.items())

    def __ror__(self, other: Mapping[Any, Any]) -> dict[Any, Any]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(other.items()) | dict(self.items())

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc]
        self.update(other)
        return self

    # Sub-dictionaries.

    def get_subdict(self, key: PersiDictKey | tuple[()] = ()) -> Self:
        """The dictionary of the keys that begin so, without that beginning.

        A view: nothing is read or made.

        Args:
            key: The first strings; empty gives the whole.

        Example:
            >>> d = PersiDict("memory://")
            >>> users = d.get_subdict("users")
            >>> users["alex"] = 1
            >>> d["users", "alex"]
            1
        """
        strings = SafeStrTuple(key).strings if key else ()
        below = object.__new__(self.__class__)
        below.__dict__.update(self.__dict__)
        below.prefix = (*self.prefix, *strings)
        below._paths = self._paths.below(below.prefix)
        return below

    def subdicts(self) -> dict[str, Self]:
        """The sub-dictionary of each first string that has something below it, of any file type.

        Linear in their number, also in memory; where a backend lists no folders by themselves, in
        the number of items.
        """
        names = self._layered.list_children(self._paths.prefix)
        parts = (self._paths.part_of(name[:-1]) for name in names if name.endswith("/"))
        return {part: self.get_subdict(part) for part in parts if part is not None}

    def children(self) -> Iterator[str]:
        """What stands directly below, streamed: keys of one string, first strings of longer ones.

        The latter end in ``/``, each once; what is below them may be of another file type. Linear
        in their number where a backend lists folders by themselves, as files and S3 do.

        Example:
            >>> d = PersiDict("memory://")
            >>> d.update({"theme": "dark", ("users", "alex"): 1, ("users", "kim"): 2})
            >>> sorted(d.children())
            ['theme', 'users/']
        """
        naming = self._paths
        for name in self._layered.list_children(naming.prefix):
            if name.endswith("/"):
                part = naming.part_of(name[:-1])
                if part is not None:
                    yield part + "/"
            elif name.endswith(naming.suffix):
                part = naming.part_of(name[: -len(naming.suffix)])
                if part is not None:
                    yield part

    def copy_to(
        self,
        other: PersiDict[Any],
        *,
        progress: Progress | None = None,
        dry_run: bool = False,
        delete: bool = False,
    ) -> Copied:
        """Copy all items to another dictionary, in whatever store and file type that is.

        Stored bytes are copied as they are where both dictionaries have the same format, by the
        store itself where both are on one server. An item that was copied before is copied again
        only if it was written in the source, or changed in the target, since: a journal beside the
        target's items, which is no key, tells. So a copy that was interrupted goes on when it is
        made again. Where the source's etags name no versions, all is copied each time.

        Items that are written meanwhile may be copied or not, and are by the next copy. Memory
        stays flat but for some 50 bytes for each item.

        Args:
            other: Where to; what it has besides stays, and what it has of a key is replaced.
            progress: Called as in `get_many`, with the number of items that were gone through.
            dry_run: Whether it is only counted what would be done, and nothing is written.
            delete: Whether to delete in the other, after all was copied, what is not here.

        Returns:
            How many items were copied, unchanged and deleted, and how many bytes were copied.

        Raises:
            TypeError: If the other is no `PersiDict`: ``other.update(d)`` fills any mapping.
            ValueError: If one lies in the other; with ``delete``, if the other's items are
                immutable.
            NotSupported: If the other is read-only.
            BulkError: If some items could not be copied; all the others were, and nothing was
                deleted. An immutable item that is there already, and differs, is one of them.
            BackendError: If a store fails as a whole; another run goes on from there.

        Example:
            >>> d, backup = PersiDict("memory://"), PersiDict("memory://", file_type="json")
            >>> d.update({"a": 1, "b": 2})
            >>> d.copy_to(backup).copied, dict(backup) == dict(d)
            (2, True)
            >>> d["b"] = 3
            >>> d.copy_to(backup)
            Copied(copied=1, unchanged=1, deleted=0, bytes=1)
        """
        if not isinstance(other, PersiDict):
            raise TypeError(
                f"copy_to copies to a PersiDict, not to a {type(other).__name__}: fill that by its "
                "update()"
            )
        from .copying import copy

        flags = check_flag("dry_run", dry_run), check_flag("delete", delete)
        return copy(self, other, progress, *flags)

    def random_key(self) -> SafeStrTuple | None:
        """Any key, each as likely as the others; None if there is none.

        Linear in their number, in flat memory: each is looked at, and replaces the one chosen
        before with a chance of one in so many as were seen (Vitter's algorithm R).
        """
        from random import random

        chosen: SafeStrTuple | None = None
        for number, key in enumerate(iter(self), 1):
            if random() * number < 1:
                chosen = key
        return chosen

    # In notebooks and in workers.

    def info(self) -> Info:
        """What this dictionary is, and what one page of a listing shows; no value is read.

        Where the store cannot be looked at, ``error`` says so: nothing is raised.

        Example:
            >>> d = PersiDict("memory://", file_type="json")
            >>> d["alex"] = 7
            >>> d.info().first_keys
            (SafeStrTuple('alex'),)
        """
        from .describing import info

        return info(self)

    def _repr_html_(self) -> str:
        """`info` as a box, which notebooks show."""
        return self.info()._repr_html_()

    @overload
    def memoize(
        self, function: Callable[P, R], /, *, ignore: Iterable[str] = ()
    ) -> Memoized[P, R]: ...
    @overload
    def memoize(
        self, function: None = None, /, *, ignore: Iterable[str] = ()
    ) -> Callable[[Callable[P, R]], Memoized[P, R]]: ...
    def memoize(
        self, function: Callable[..., Any] | None = None, /, *, ignore: Iterable[str] = ()
    ) -> Any:
        """Keep the results of a function here: what was computed once is read from then on.

        A decorator, with or without arguments. The key of a result is the function's module, its
        name, and ``joblib.hash`` of its arguments, defaults applied; so one dictionary serves many
        functions. What a function reads besides its arguments, what it encloses, and its own code,
        are no part of the key: when it changes, take another sub-dictionary. Nor is the order of
        an ``OrderedDict``.

        Where the backend claims ``if_absent``, the first result that was written counts for all who
        share the store, also for those who computed another at the same time. Results are kept,
        None too; exceptions are not.

        Args:
            function: The function.
            ignore: The names of arguments that make no difference to the result, such as
                ``("verbose",)``, or ``("self",)`` of a method.

        Raises:
            TypeError: If results of this cannot be kept: a lambda, a coroutine, a generator.
            ValueError: If the function has no argument of a name to ignore.

        Example:
            >>> results = PersiDict("memory://")
            >>> @results.memoize(ignore=("verbose",))
            ... def power(base: int, exponent: int = 2, verbose: bool = False) -> int:
            ...     print("computing")
            ...     return base**exponent
            >>> power(3), power(exponent=2, base=3, verbose=True)
            computing
            (9, 9)
            >>> len(results)
            1
        """
        from .memoizing import memoized

        if function is None:
            return lambda function: memoized(self, function, ignore)
        return memoized(self, function, ignore)

    # Life.

    def close(self) -> None:
        """Give back what the backend has opened; a later use opens it again."""
        self._layered.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
