"""Signed objects: what nobody with the key wrote under a path is refused before it is unpickled."""

from __future__ import annotations

import logging
import os
import pickle
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from persidict_core import (
    BaseBackend,
    BulkError,
    CachedBackend,
    FailingBackend,
    HashedNames,
    MemoryBackend,
    PersiDict,
    PrefixBackend,
    SerializationError,
    SignatureError,
    SignedBackend,
    URLError,
)
from persidict_core.layers.signed import MAGIC

KEY = b"k" * 32
OTHER = b"o" * 32


def fetched() -> bytes:
    return KEY


def several() -> list[bytes]:
    return [OTHER, KEY]


Layers = Callable[[MemoryBackend, MemoryBackend, Any], BaseBackend]
NAMES = HashedNames("signed")
DOWN = {"read_bytes": OSError, "write_bytes": OSError, "delete": OSError}
LAYERS: dict[str, Layers] = {
    "signed": lambda store, other, key: SignedBackend(store, key),
    "signed below a cache": lambda store, other, key: CachedBackend(
        SignedBackend(store, key), other, NAMES
    ),
    "signed above a cache": lambda store, other, key: SignedBackend(
        CachedBackend(store, other, NAMES), key
    ),
    "a signed cache that fails": lambda store, other, key: CachedBackend(
        SignedBackend(store, key), SignedBackend(FailingBackend(other, DOWN), key), NAMES
    ),
}


class Bomb:
    """Makes a file when its pickle is read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


@pytest.fixture
def store() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def signed(store: MemoryBackend) -> SignedBackend:
    return SignedBackend(store, KEY)


def everything_refuses(signed: SignedBackend, path: str, match: str) -> None:
    def read_file() -> None:
        with signed.read_file(path) as file:
            file.read()

    for read in (
        lambda: signed.read_bytes(path),
        lambda: signed.read_versioned(path),
        read_file,
    ):
        with pytest.raises(SignatureError, match=match) as caught:
            read()
        assert caught.value.path == path
        assert all(str(key) not in str(caught.value) for key in (KEY, OTHER))
    ((_, result),) = signed.read_many([path])
    assert isinstance(result, SignatureError)
    (copied,) = MemoryBackend().copy_many(signed, [(path, "copy")])
    assert isinstance(copied[1], SignatureError)


class TestForgeries:
    def test_altered(self, store: MemoryBackend, signed: SignedBackend) -> None:
        signed.write_bytes("a", b"hello")
        whole = store.read_bytes("a")
        for place in range(len(whole)):
            altered = bytearray(whole)
            altered[place] ^= 1
            store.write_bytes("a", bytes(altered))
            with pytest.raises(SignatureError):
                signed.read_bytes("a")
        everything_refuses(signed, "a", "does not fit")

    def test_truncated_or_extended(self, store: MemoryBackend, signed: SignedBackend) -> None:
        signed.write_bytes("a", b"hello")
        whole = store.read_bytes("a")
        for other in [whole[:length] for length in range(len(whole))] + [whole + b"\0", b"hello"]:
            store.write_bytes("a", other)
            with pytest.raises(SignatureError):
                signed.read_bytes("a")
        store.write_bytes("a", b"")
        everything_refuses(signed, "a", "not signed")

    def test_under_another_path(self, store: MemoryBackend, signed: SignedBackend) -> None:
        signed.write_bytes("a/b", b"hello")
        for path in ("a", "b", "a/c", "c/b", "a/b/b"):
            store.write_bytes(path, store.read_bytes("a/b"))
            everything_refuses(signed, path, "another path")
        part = SignedBackend(PrefixBackend(store, "a/"), KEY)
        everything_refuses(part, "b", "does not fit")

    def test_no_two_objects_have_the_same_signed_text(self, store: MemoryBackend) -> None:
        """What stands before the bytes cannot be taken for a part of them."""
        signed = SignedBackend(store, KEY)
        signed.write_bytes("a", b"1:x3:abc")
        whole = store.read_bytes("a")
        for path, cut in (("a1", 1), ("a1x3", 4), ("a1x3abc", 8)):
            store.write_bytes(path, whole[: len(MAGIC) + 32] + b"1:x3:abc"[cut:])
            everything_refuses(signed, path, "does not fit")

    def test_by_another_key(self, store: MemoryBackend, signed: SignedBackend) -> None:
        SignedBackend(store, OTHER).write_bytes("a", b"hello")
        everything_refuses(signed, "a", "another key")

    def test_unsigned(self, store: MemoryBackend, signed: SignedBackend) -> None:
        store.write_bytes("a", b"hello")
        everything_refuses(signed, "a", "not signed")

    def test_a_planted_pickle_does_not_run(self, store: MemoryBackend, tmp_path: Path) -> None:
        d: PersiDict[Any] = PersiDict(SignedBackend(store, KEY))
        flag = tmp_path / "ran"
        bomb: PersiDict[Any] = PersiDict(store)
        bomb["a"] = Bomb(str(flag))
        forged: PersiDict[Any] = PersiDict(SignedBackend(store, OTHER))
        forged["b"] = Bomb(str(flag))
        d["c"] = [1]
        store.write_bytes("d.pkl", store.read_bytes("c.pkl"))
        for key in "abd":
            for read in (
                d.__getitem__,
                d.get,
                d.pop,
                d.setdefault,
                d.get_with_etag,
                lambda key: d.transform(key, lambda value: value),
            ):
                with pytest.raises(SignatureError):
                    read(key)
        with pytest.raises(SignatureError):
            dict(d.items())
        with pytest.raises(SignatureError):
            list(d.values())
        assert not flag.exists() and d["c"] == [1]
        assert isinstance(SignatureError("x"), SerializationError)
        # The planted pickle is one: without signatures it runs.
        bomb["a"].close()
        assert flag.exists()


class TestKeys:
    def test_rotation(self, store: MemoryBackend) -> None:
        old = SignedBackend(store, KEY)
        old.write_bytes("a", b"1")
        both = SignedBackend(store, [OTHER, KEY])
        assert both.read_bytes("a") == b"1"
        both.write_bytes("b", b"2")
        new = SignedBackend(store, OTHER)
        assert new.read_bytes("b") == b"2", "the first key signs"
        everything_refuses(new, "a", "another key")
        everything_refuses(old, "b", "another key")
        both.write_bytes("a", both.read_bytes("a"))
        assert new.read_bytes("a") == b"1"

    def test_a_function_fetches_it_when_it_is_wanted(self, store: MemoryBackend) -> None:
        calls = []

        def fetch() -> tuple[bytes, ...]:
            calls.append(1)
            return (KEY,)

        signed = SignedBackend(store, fetch)
        assert not calls and not signed.exists("a") and not calls
        signed.write_bytes("a", b"1")
        assert signed.read_bytes("a") == b"1" and len(calls) == 1

    def test_what_a_function_gives_is_checked(self, store: MemoryBackend) -> None:
        for bad, error in ((lambda: b"short", ValueError), (lambda: None, TypeError)):
            signed = SignedBackend(store, bad)  # type: ignore[arg-type]
            with pytest.raises(error, match="key"):
                signed.write_bytes("a", b"1")
        assert list(store.list_prefix()) == []

    @pytest.mark.parametrize("key", ["k" * 32, None, 5, [KEY, "k" * 32], bytearray(KEY), {KEY}])
    def test_of_the_wrong_kind(self, store: MemoryBackend, key: Any) -> None:
        with pytest.raises(TypeError, match="key is bytes") as caught:
            SignedBackend(store, key)
        assert "kkk" not in str(caught.value)

    @pytest.mark.parametrize("key", [b"", b"s3cret", [], (), [KEY, b"s3cret"]])
    def test_that_are_too_short(self, store: MemoryBackend, key: Any) -> None:
        with pytest.raises(ValueError, match="16 bytes") as caught:
            SignedBackend(store, key)
        assert "s3cret" not in str(caught.value)

    @pytest.mark.parametrize("key", [KEY, [KEY, OTHER]])
    def test_no_key_is_shown_or_pickled(self, store: MemoryBackend, key: Any) -> None:
        signed = SignedBackend(store, key)
        d: PersiDict[Any] = PersiDict(signed, file_type="json")
        texts = [repr(signed), str(signed.get_params()), repr(d), str(d.get_params())]
        with pytest.raises(URLError) as told:
            _ = d.url
        for pickled in (signed, d):
            with pytest.raises(TypeError, match="secret") as refused:
                pickle.dumps(pickled)
            texts.append(str(refused.value))
        texts += [str(told.value)]
        for text in texts:
            assert "kkkk" not in text and "oooo" not in text

    @pytest.mark.parametrize("key", [KEY, [KEY, OTHER], several], ids=["one", "two", "fetched"])
    @pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
    def test_no_key_is_logged(
        self, layers: Layers, key: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Of writes, reads, refusals, lost races, and of a cache and a journal that fail."""
        caplog.set_level(logging.DEBUG)
        log = logging.getLogger("a program's own")
        store, other = MemoryBackend(), MemoryBackend()
        d: PersiDict[Any] = PersiDict(layers(store, other, key), file_type="json")
        copy: PersiDict[Any] = PersiDict(layers(MemoryBackend(), other, key), file_type="json")

        def lose_once(value: int) -> int:
            if value == 1:
                d["a"] = 5
            return value + 1

        d.update({"a": 1, "b": 2})
        assert d.transform("a", lose_once) == 6 and dict(d.items()) == {"a": 6, "b": 2}
        d.copy_to(copy)
        for each in (store, other):
            for path in each.list_prefix():
                each.write_bytes(path, b"forged")
        for refused in (
            lambda: d["a"],
            lambda: d.transform("a", abs),
            lambda: d.copy_to(copy),
            lambda: pickle.dumps((d.backend, key)),
        ):
            try:
                refused()
            except (SignatureError, BulkError, TypeError) as error:
                log.exception("%r of %r below %r", error, d.backend, d)
        formatter = logging.Formatter()
        told = [f"{formatter.format(each)} {vars(each)}" for each in caplog.records]
        assert any("lost a race" in each for each in told)
        assert any("not signed" in each and "SignedBackend" in each for each in told)
        for spelled in (KEY, OTHER):
            for text in (spelled.decode(), spelled.hex(), b64encode(spelled).decode()[:20]):
                assert not any(text in each for each in told)

    @pytest.mark.parametrize("key", [fetched, several])
    def test_a_function_pickles(self, key: Any) -> None:
        store = MemoryBackend("signed")
        signed = SignedBackend(store, key)
        signed.write_bytes("a", b"1")
        data = pickle.dumps(signed)
        assert KEY not in data and OTHER not in data
        assert pickle.loads(data) == signed and pickle.loads(data).read_bytes("a") == b"1"


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a", "b/c", "d-e.json"]))
def test_all_bytes_come_back(data: bytes, path: str) -> None:
    store = MemoryBackend()
    signed = SignedBackend(store, KEY)
    signed.write_bytes(path, data)
    assert signed.read_bytes(path) == data
    assert store.read_bytes(path).endswith(data)
    assert signed.stat(path).size == len(data) + len(MAGIC) + 32


def test_the_format_is_what_the_docstring_says(store: MemoryBackend) -> None:
    import hashlib
    import hmac

    SignedBackend(store, KEY).write_bytes("a/b", b"hello")
    text = b"persisigned1" + b"3:a/b" + b"5:" + b"hello"
    wanted = hmac.digest(KEY, text, hashlib.sha256)
    assert store.read_bytes("a/b") == b"persisigned1" + wanted + b"hello"


def test_views_are_signed_by_their_bytes(signed: SignedBackend) -> None:
    import array

    numbers = array.array("I", [1, 2, 3])
    for data in (memoryview(b"abcdef")[1:4], bytearray(b"xyz"), memoryview(numbers)):
        signed.write_bytes("a", data)  # type: ignore[arg-type]
        assert signed.read_bytes("a") == bytes(data)


def test_a_long_object(signed: SignedBackend) -> None:
    data = os.urandom(3 << 20)
    with signed.write_file("a") as file:
        file.write(data)
    with signed.read_file("a") as file:
        assert file.read() == data
