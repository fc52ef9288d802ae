"""`PersiDict.memoize`: the results of a function, kept where many processes find them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import MethodType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    cast,
    overload,
)

from .errors import NotSupported
from .keys import SafeStrTuple, as_part

if TYPE_CHECKING:
    from .persi_dict import PersiDict

P = ParamSpec("P")
Q = ParamSpec("Q")
T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Memoized(Protocol[P, R_co]):
    """A function whose results are kept in a dictionary; `PersiDict.memoize` makes it.

    It is called as the function is. Around a method, `key_of` and `forget` take the instance first:
    ``Model.fit.forget(model, data)``.

    Example:
        >>> from persidict_core import PersiDict
        >>> results = PersiDict("memory://")
        >>> @results.memoize
        ... def square(number):
        ...     return number * number
        >>> square(3), square.dictionary is results, square.__wrapped__(3)
        (9, True, 9)
        >>> square.forget(3), square.forget(3)
        (True, False)
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """The kept result; if there is none yet, the function is called, and its result kept."""

    def key_of(self, *args: P.args, **kwargs: P.kwargs) -> SafeStrTuple:
        """The key of the result of these arguments: module, name, and a hash of the arguments.

        Raises:
            TypeError: If the function does not take them, or one cannot be pickled.
        """

    def forget(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Delete the result of these arguments; whether there was one.

        Raises:
            ImmutableItemError: If the dictionary's items are immutable.
        """

    @property
    def dictionary(self) -> PersiDict[Any]:
        """Where the results are."""

    @property
    def __wrapped__(self) -> Callable[P, R_co]:
        """The function itself, which looks nowhere and keeps nothing."""

    @overload
    def __get__(self, instance: None, owner: type | None = None, /) -> Self: ...
    @overload
    def __get__(
        self: Memoized[Concatenate[Any, Q], R], instance: object, owner: type | None = None, /
    ) -> Callable[Q, R]: ...


def memoized(
    dictionary: PersiDict[Any], function: Callable[P, R], ignore: Iterable[str] = ()
) -> Memoized[P, R]:
    """Keep the results of a function in a dictionary; what `PersiDict.memoize` does.

    Args:
        dictionary: Where the results are kept.
        function: The function.
        ignore: The names of arguments that make no difference to the result.

    Raises:
        TypeError: If results of this cannot be kept: a lambda, a coroutine, a generator.
        ValueError: If the function has no argument of a name to ignore.

    Example:
        >>> from math import sqrt
        >>> from persidict_core import PersiDict
        >>> root = memoized(PersiDict("memory://"), sqrt)
        >>> root(9.0), len(root.dictionary)
        (3.0, 1)
    """
    calls = _Calls(function, ignore)

    # A function, no object with __call__: pickles name it, and a method of it is bound as any is.
    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        key = calls.key_of(*args, **kwargs)
        try:
            return cast(R, dictionary[key])
        except KeyError:
            if dictionary.read_only:
                raise NotSupported(
                    f"the result {str(key)!r} is not among those that are kept, and {dictionary!r} "
                    "was opened with read_only=True: nothing was computed"
                ) from None
        return cast(R, dictionary.setdefault(key, function(*args, **kwargs)))

    def forget(*args: P.args, **kwargs: P.kwargs) -> bool:
        return dictionary.delete_if_exists(calls.key_of(*args, **kwargs))

    vars(call).update(key_of=calls.key_of, forget=forget, dictionary=dictionary)
    return cast("Memoized[P, R]", call)


class _Calls:
    """The keys of the calls of one function."""

    def __init__(self, function: Callable[..., Any], ignore: Iterable[str]) -> None:
        import inspect

        _check_function(function)
        self._first: tuple[object, ...] = ()
        if isinstance(function, MethodType):
            self._first = (function.__self__,)
            function = function.__func__
        self.name = function.__qualname__
        self.place = as_part(_module_of(function)), as_part(self.name)
        try:
            self.signature = inspect.signature(function)
        except ValueError as error:
            raise TypeError(f"memoize cannot see what arguments {self.name} takes") from error
        if isinstance(ignore, str):
            raise TypeError(f"ignore takes several names, such as ({ignore!r},)")
        self.ignore = frozenset(ignore)
        if unknown := sorted(self.ignore - self.signature.parameters.keys()):
            raise ValueError(
                f"{self.name} has no argument {unknown[0]!r} to ignore; it has "
                f"{', '.join(self.signature.parameters) or 'none'}"
            )

    def key_of(self, *args: object, **kwargs: object) -> SafeStrTuple:
        import joblib

        try:
            bound = self.signature.bind(*self._first, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None
        bound.apply_defaults()
        arguments = {
            name: value for name, value in bound.arguments.items() if name not in self.ignore
        }
        try:
            return SafeStrTuple(self.place, joblib.hash(arguments))
        except Exception as error:  # Whatever an argument's own way to be pickled raises.
            raise TypeError(
                f"{self.name}: {_not_hashed(arguments)} cannot be pickled, and so its results "
                f"cannot be told apart; if it makes no difference, name it in ignore=: {error}"
            ) from error


def _not_hashed(arguments: dict[str, object]) -> str:
    """Which of the arguments it is that has no hash."""
    import joblib

    for name, value in arguments.items():
        try:
            joblib.hash(value)
        except Exception:
            return f"the argument {name!r}, a {type(value).__name__},"
    return "one of the arguments"


def _check_function(function: object) -> None:
    """Raise if results cannot be kept, or would be found by another function of the same name."""
    import inspect

    for is_one, what in (
        (inspect.iscoroutinefunction, "a coroutine function: only what it gives could be kept"),
        (inspect.isgeneratorfunction, "a generator function: keep a list of what it yields"),
        (inspect.isasyncgenfunction, "an asynchronous generator function"),
    ):
        if is_one(function):
            raise TypeError(f"memoize takes a plain function, not {what}")
    name = getattr(function, "__qualname__", None)
    if not callable(function) or not name or not getattr(function, "__module__", None):
        raise TypeError(
            f"memoize takes a function that has a name, not {type(function).__name__}; call it in "
            "a function written with def, and put the decorator directly above that"
        )
    if name.endswith("<lambda>"):
        raise TypeError(
            "memoize takes no lambda: all of a module have one name, and would share their "
            "results; write it with def"
        )


def _module_of(function: Callable[..., Any]) -> str:
    """The module's name, also of a main program; as a worker sees it, that has no other name."""
    import inspect

    if function.__module__ not in ("__main__", "__mp_main__"):
        return function.__module__
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    if spec := namespace.get("__spec__"):
        return str(spec.name)  # It was started by python -m.
    path = str(namespace.get("__file__") or "__main__.py")
    return path.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
