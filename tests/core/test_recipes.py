"""The recipe for encryption is what it says, and passes the kit as any layer."""

from __future__ import annotations

import pickle
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from persidict_core import (
    BaseBackend,
    Capabilities,
    ETags,
    MemoryBackend,
    PersiDict,
    Scope,
    SerializationError,
)
from tests.core.test_layers_kit import Layered, TrueSizes

DOCUMENT = Path(__file__).parents[2] / "docs/recipes/encryption.md"
KEY = b"0123456789abcdef" * 2


def _program() -> str:
    (block,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(block)


def _recipe() -> ModuleType:
    """The document's program as a module, from which its layer can be pickled."""
    module = ModuleType("recipe_of_encryption")
    sys.modules[module.__name__] = module
    exec(compile(_program(), str(DOCUMENT), "exec"), vars(module))
    return module


RECIPE = _recipe()


def key() -> bytes:
    return KEY


class TestEncrypted(Layered):
    __test__ = True
    scope = Scope.THREADS

    @pytest.fixture
    def backend(self) -> BaseBackend:
        return TrueSizes(RECIPE.EncryptedBackend(MemoryBackend(), key))


def test_the_layer_has_twenty_lines() -> None:
    layer = _program().partition("class EncryptedBackend")[2].partition("\n\n\nstore")[0]
    lines = [line for line in layer.splitlines() if line.strip()]
    assert len(lines) <= 20, len(lines)


def test_what_it_refuses() -> None:
    store = MemoryBackend()
    layer = RECIPE.EncryptedBackend(store, KEY)
    layer.write_bytes("a", b"hello")
    whole = store.read_bytes("a")
    assert b"hello" not in whole and layer.read_bytes("a") == b"hello"
    forged = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(33)]
    for data in (*forged, whole[:-1], whole[:5], b"", whole + b"\0"):
        store.write_bytes("a", data)
        with pytest.raises(SerializationError, match="not encrypted here"):
            layer.read_bytes("a")
    store.write_bytes("b", whole)
    other = RECIPE.EncryptedBackend(store, bytes(32))
    for reader, path in ((layer, "b"), (other, "a")):
        with pytest.raises(SerializationError):
            reader.read_bytes(path)


def test_equal_bytes_are_stored_differently_and_the_etags_say_so() -> None:
    class Content(MemoryBackend):
        @property
        def capabilities(self) -> Capabilities:
            return super().capabilities._replace(etags=ETags.PER_CONTENT)

    store = Content()
    layer = RECIPE.EncryptedBackend(store, KEY)
    layer.write_bytes("a", b"x")
    layer.write_bytes("b", b"x")
    assert store.read_bytes("a") != store.read_bytes("b")
    assert layer.capabilities.etags is ETags.PER_WRITE


def test_its_key_is_not_shown_or_pickled() -> None:
    layer = RECIPE.EncryptedBackend(MemoryBackend("recipe"), KEY)
    d: PersiDict[Any] = PersiDict(layer)
    for text in (repr(layer), repr(d), str(d.get_params())):
        assert "0123456789abcdef" not in text
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(d)
    fetching = RECIPE.EncryptedBackend(MemoryBackend("recipe"), key)
    fetching.write_bytes("a", b"x")
    data = pickle.dumps(fetching)
    assert KEY not in data and pickle.loads(data).read_bytes("a") == b"x"
    with pytest.raises(ValueError):
        RECIPE.EncryptedBackend(MemoryBackend(), b"short")
