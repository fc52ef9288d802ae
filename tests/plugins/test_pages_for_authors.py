"""What the pages for authors of backends, serializers and layers show keeps what they say."""

from __future__ import annotations

import importlib
import itertools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from persidict_core import (
    ABSENT,
    BaseBackend,
    Capabilities,
    Layer,
    MemoryBackend,
    PersiDict,
    PreconditionFailed,
    Scope,
    SerializationError,
)
from persidict_core.registry import serializers
from persidict_core.testing import BackendTests, checks_conditions, checks_races, checks_verbs
from persidict_core.testing.kit import Check, checks_of

DOCS = Path(__file__).parents[2] / "docs"


def program_of(page: str) -> ModuleType:
    """The Python blocks of a page, as a module."""
    name = "page_" + page.replace("-", "_")
    module = sys.modules[name] = ModuleType(name)
    for block in re.findall(r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL):
        exec(compile(block, f"{page}.md", "exec"), vars(module))
    return module


@pytest.fixture(scope="module")
def lines() -> Any:
    before = dict(serializers.registered)
    yield program_of("write-a-serializer").LinesSerializer
    serializers.registered.clear()
    serializers.registered.update(before)


LAYER = program_of("write-a-layer")


def test_lines_come_back(lines: Any) -> None:
    d: PersiDict[Any] = PersiDict("memory://", file_type="jsonl", allow_pickle=False)
    values = [[], [None], [1, 2.5, "é\n\u2028\r", True, [], {"a": {"b": [1]}}], [["x" * 3_000_000]]]
    for number, value in enumerate(values):
        d[str(number)] = value
    for number, value in enumerate(values):
        assert d[str(number)] == value
    assert b"\n" not in lines().dumps([["a\nb"]])[:-1]


@pytest.mark.parametrize("value", [[(1,)], [{1: 2}], [{"a"}], [float("nan")], [object()], "text"])
def test_what_would_not_come_back_is_refused(lines: Any, value: Any) -> None:
    d: PersiDict[Any] = PersiDict("memory://", file_type="jsonl")
    with pytest.raises((SerializationError, TypeError), match="key"):
        d["key"] = value
    assert not d


def test_damaged_lines_are_told(lines: Any) -> None:
    store = MemoryBackend()
    store.write_bytes("key.jsonl", b'{"a": 1}\n{"a"')
    with pytest.raises(SerializationError, match=r"key\.jsonl"):
        PersiDict(store, file_type="jsonl")["key"]
    with pytest.raises(SerializationError, match="max_value_bytes"):
        PersiDict(store, file_type="jsonl", max_value_bytes=5)["key"]


class TestLimited(BackendTests):
    scope = Scope.THREADS
    rounds = 20
    creators = 4
    workers = 4
    increments = 10

    @pytest.fixture
    def backend(self) -> BaseBackend:
        return LAYER.LimitedBackend(MemoryBackend(), 10**9)


def test_no_verb_slips_past_the_limit() -> None:
    store = MemoryBackend()
    layer: Layer = LAYER.LimitedBackend(store, 10)
    source = MemoryBackend()
    source.write_bytes("a", b"x" * 11)

    def write_file() -> None:
        with layer.write_file("a") as file:
            file.write(b"x" * 11)

    writes: list[Callable[[], Any]] = [
        lambda: layer.write_bytes("a", b"x" * 11),
        lambda: layer.write_if("a", b"x" * 11, ABSENT),
        write_file,
    ]
    for write in writes:
        with pytest.raises(ValueError, match="11 bytes, more than 10"):
            write()
    for _, result in [
        *layer.write_many([("a", b"x" * 11)]),
        *layer.write_many([("a", b"x" * 11)], ABSENT),
        *layer.copy_many(source, [("a", "a")]),
    ]:
        assert isinstance(result, ValueError)
    assert not list(store.list_prefix())
    layer.write_bytes("a", b"x" * 10)


@pytest.fixture
def exclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], BaseBackend]:
    """Makes fresh backends of the page's class with a condition."""
    monkeypatch.syspath_prepend(str(DOCS / "programs"))
    cls = importlib.import_module("acme.exclusive").ExclusiveAcmeBackend
    numbers = itertools.count()
    return lambda: cls(str(tmp_path / str(next(numbers))))


CHECKS = [
    *checks_of(checks_verbs),
    *checks_of(checks_conditions),
    *((name, check) for name, check in checks_of(checks_races) if "creator" in name),
]


@pytest.mark.parametrize("check", [check for _, check in CHECKS], ids=[name for name, _ in CHECKS])
def test_the_condition_keeps(check: Check, exclusive: Callable[[], BaseBackend]) -> None:
    few = {"rounds": 3, "creators": 3}
    takes = check.__code__.co_varnames[: check.__code__.co_argcount]
    check(exclusive(), **{name: number for name, number in few.items() if name in takes})


def test_a_condition_that_looks_first_is_caught(
    exclusive: Callable[[], BaseBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks_first(self: BaseBackend, path: str, data: bytes, expect: Any) -> str:
        if self.exists(path):
            raise PreconditionFailed(path, expect)
        return self.write_bytes(path, data)

    backend = exclusive()
    claims = property(lambda self: Capabilities(if_absent=Scope.THREADS))
    monkeypatch.setattr(type(backend), "write_if", looks_first)
    monkeypatch.setattr(type(backend), "capabilities", claims)
    with pytest.raises(AssertionError, match="of them won"):
        checks_races.check_one_creator_wins(backend, rounds=200, creators=8)
