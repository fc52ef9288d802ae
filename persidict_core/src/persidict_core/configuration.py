"""Identity by convention: an object is its constructor's parameters.

Every parameter of a constructor is kept as the attribute of its name, as scikit-learn's estimators
do. Then copying, pickling, ``repr``, ``get_params`` and equality need no code in any subclass, and
a parameter that was forgotten is an AttributeError, never an unpickled store that silently is
another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple

MASK: Final = "***"
REQUIRED: Final = object()
"""The default of a parameter that has none."""


class Param(NamedTuple):
    """One parameter of a constructor.

    Attributes:
        name: Its name.
        default: Its default, or `REQUIRED`.
        many: Whether it stands for any further keywords, as ``**params`` does.
    """

    name: str
    default: Any
    many: bool = False


def check_call(cls: type, args: tuple[Any, ...], params: Mapping[str, Any]) -> None:
    """Check that a constructor is called with parameters that it knows, and with its first one.

    Args:
        cls: The class.
        args: Its positional arguments.
        params: Its keywords.

    Raises:
        TypeError: It is not; the message names the class that was called and what it knows.
    """
    known = constructor_params(cls)
    first = next(iter(known.values()), None)
    if first is not None and first.default is REQUIRED and not args and first.name not in params:
        raise TypeError(f"{cls.__name__} wants {first.name}")
    if any(param.many for param in known.values()):
        return
    for name in params:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(known)}"
            raise TypeError(f"{cls.__name__} has no parameter {name!r}; {hint}")


_params_of: dict[type, Mapping[str, Param]] = {}
_HAS_ARGS, _HAS_KEYWORDS = 0x04, 0x08


def constructor_params(cls: type) -> Mapping[str, Param]:
    """The parameters of a class's constructor by name, in their order, without ``self``.

    Read off the code object, without the module ``inspect``: a ``repr`` stands in every error, also
    where no further file can be opened.
    """
    if cls not in _params_of:
        constructor: Any = cls.__init__  # type: ignore[misc]
        while hasattr(constructor, "__wrapped__"):
            constructor = constructor.__wrapped__
        code = getattr(constructor, "__code__", None)  # None where nobody wrote a constructor.
        _params_of[cls] = {} if code is None else _params_of_code(constructor, code)
    return _params_of[cls]


def _params_of_code(constructor: Any, code: Any) -> dict[str, Param]:
    positional = code.co_varnames[1 : code.co_argcount]
    end = code.co_argcount + code.co_kwonlyargcount
    given = constructor.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(given) :], given, strict=True))
    defaults |= constructor.__kwdefaults__ or {}
    names = [*positional, *code.co_varnames[code.co_argcount : end]]
    params = {name: Param(name, defaults.get(name, REQUIRED)) for name in names}
    if code.co_flags & _HAS_KEYWORDS:
        name = code.co_varnames[end + bool(code.co_flags & _HAS_ARGS)]
        params[name] = Param(name, REQUIRED, many=True)
    return params


def _rebuild(cls: type, params: dict[str, Any]) -> Any:
    return cls(**params)


class Configured:
    """Base of backends, layers and dictionaries: equal parameters make an equal object.

    A subclass names the parameters that are secret in ``secret_params``: they are masked in
    ``repr`` and ``get_params``, and the object pickles only where each is None or a callable that
    fetches it.
    """

    secret_params: ClassVar[frozenset[str]] = frozenset()

    def get_params(self) -> dict[str, Any]:
        """The constructor's parameters; ``type(x)(**x.get_params())`` is the same object again.

        Secret ones are masked by ``"***"``.
        """
        return {
            name: MASK if name in self.secret_params and value is not None else value
            for name, value in self._params().items()
        }

    def _params(self) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for name, param in constructor_params(type(self)).items():
            value = getattr(self, name)
            if param.many:
                params.update(value)
            else:
                params[name] = value
        return params

    def __repr__(self) -> str:
        known = constructor_params(type(self))
        shown = [
            f"{name}={value!r}"
            for index, (name, value) in enumerate(self.get_params().items())
            if index == 0 or name not in known or not is_default(value, known[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def check_portable(self, what: str, error: type[Exception] = TypeError) -> None:
        """Refuse to be described for another process; the hook of what lives in this one only.

        Args:
            what: What is refused, as in "S3Backend does not pickle".
            error: What to raise.

        Raises:
            TypeError: (or the error that was asked for) A parameter lives in this process only.
        """

    def __reduce__(self) -> tuple[Any, ...]:
        self.check_portable(f"{type(self).__name__} does not pickle")
        params = self._params()
        for name in self.secret_params:
            if params.get(name) is not None and not callable(params[name]):
                raise TypeError(
                    f"{type(self).__name__} does not pickle: its parameter {name!r} is a secret; "
                    "give a picklable function that fetches it instead"
                )
        return _rebuild, (type(self), params)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._params() == other._params()

    def __hash__(self) -> int:
        return hash((type(self), repr(self)))


def check_flag(name: str, value: object) -> bool:
    """Give a parameter back if it is True or False.

    Args:
        name: What the parameter is called, for the message.
        value: What was given.

    Raises:
        TypeError: If it is not: ``"false"``, as an environment variable may say, would be true.

    Example:
        >>> check_flag("fsync", False)
        False
    """
    if isinstance(value, bool):
        return value
    raise TypeError(f"{name} is True or False, not {value!r}")


def is_default(value: object, default: object) -> bool:
    """Whether a parameter's value is its default; ``1`` is not ``True``."""
    return value is default or (type(value) is type(default) and bool(value == default))
