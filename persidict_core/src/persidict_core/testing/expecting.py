"""What a check expects to be raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def raised(
    expected: type[E] | tuple[type[E], ...], what: str, act: Callable[..., object], *args: object
) -> E:
    """Call a function that must raise, and give the error.

    Args:
        expected: The class of the error, or several.
        what: What is called, for the message.
        act: The function.
        *args: Its arguments.

    Raises:
        AssertionError: If nothing or something else is raised.

    Example:
        >>> raised(ValueError, "int('x')", int, "x")
        ValueError("invalid literal for int() with base 10: 'x'")
    """
    classes = expected if isinstance(expected, tuple) else (expected,)
    names = " or ".join(cls.__name__ for cls in classes)
    try:
        result = act(*args)
    except expected as error:
        return error
    except Exception as error:
        raise AssertionError(
            f"{what} must raise {names}, but raised {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"{what} must raise {names}, but gave {result!r:.200}")


def taken(what: str, results: Iterable[T]) -> list[T]:
    """Take all results of an iterable that must not raise.

    Args:
        what: What is taken, for the message.
        results: The iterable.

    Raises:
        AssertionError: If it raises.
    """
    try:
        return list(results)
    except Exception as error:
        raise AssertionError(
            f"{what} must give an item's failure as its result, "
            f"but raised {type(error).__name__}: {error}"
        ) from error
