"""Checks made into tests that are inherited, and cannot be left out unnoticed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType, TracebackType
from typing import Any, ClassVar

from .racing import workers_kept

Check = Callable[..., None]


class Kit:
    """Base of the classes that authors inherit.

    A test of the kit is never overridden, but by one that is marked ``pytest.mark.xfail`` with a
    reason: a class that tries raises TypeError where it is defined.

    Attributes:
        kit_tests: The tests by name.
    """

    kit_tests: ClassVar[dict[str, Check]] = {}
    _kept: ClassVar[ExitStack]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, test in cls.kit_tests.items():
            found = inspect.getattr_static(cls, name)
            if found is not test and not _is_expected_to_fail(found):
                raise TypeError(
                    f"{cls.__name__}.{name} overrides a test of the conformance kit: mend the "
                    "store instead, or, where it cannot keep this promise, mark the override "
                    "pytest.mark.xfail(reason=...) and let it call super()"
                )

    @classmethod
    def setup_class(cls) -> None:
        """Start the processes that race once for all tests of the class; pytest calls it."""
        cls._kept = ExitStack()
        cls._kept.enter_context(workers_kept())

    @classmethod
    def teardown_class(cls) -> None:
        """End the processes that raced; pytest calls it."""
        cls._kept.close()

    def options_of(self, check: Check) -> dict[str, Any]:
        """The arguments of a check, after the first: this class's attributes of the same names."""
        return {name: getattr(self, name) for name in list(inspect.signature(check).parameters)[1:]}

    @classmethod
    def add_tests(cls, modules: tuple[ModuleType, ...], make: Callable[[Check], Check]) -> None:
        """Make a test of every check of some modules.

        Args:
            modules: Their functions ``check_...`` become ``test_...``.
            make: Makes a test method of a check.
        """
        cls.kit_tests = {}
        for module in modules:
            for name, check in checks_of(module):
                test = make(check)
                test.__name__ = "test_" + name
                test.__qualname__ = f"{cls.__name__}.test_{name}"
                test.__doc__ = check.__doc__
                assert test.__name__ not in cls.kit_tests, f"two checks are named {name}"
                cls.kit_tests[test.__name__] = test
                setattr(cls, test.__name__, test)


def run(check: Check, subject: object, options: dict[str, Any]) -> None:
    """Run a check as a test; what fails is told with the promise, and what to mend.

    Args:
        check: The check.
        subject: Its first argument.
        options: The others.

    Raises:
        NotImplementedError: The check came to what is still to be written.
        AssertionError: (or whatever else the check raises) The promise does not hold.

    Example:
        >>> def check_truth(subject):
        ...     raise NotImplementedError("write delete")
        >>> run(check_truth, None, {})
        Traceback (most recent call last):
        NotImplementedError: write delete
    """
    __tracebackhide__ = True  # To pytest, which then shows where the check failed.
    try:
        check(subject, **options)
    except Exception as error:
        missing = _unwritten(error)
        if missing is not None:
            # All of the way there would hide, a hundred times, the one line that tells.
            raise missing.with_traceback(_last(missing.__traceback__)) from None
        error.add_note("\n" + str(inspect.getdoc(check)).replace("\n\n", "\n"))
        raise


def _unwritten(error: BaseException) -> NotImplementedError | None:
    """What led to an error, if it is that something is still to be written."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, NotImplementedError):
        cause = cause.__cause__ or cause.__context__
    return cause


def _last(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def checks_of(module: ModuleType) -> Iterator[tuple[str, Check]]:
    """The checks of a module, each with its name without ``check_``, in their order."""
    for name, value in vars(module).items():
        if name.startswith("check_") and getattr(value, "__module__", "") == module.__name__:
            yield name.removeprefix("check_"), value


def _is_expected_to_fail(test: object) -> bool:
    marks = getattr(test, "pytestmark", [])
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)
