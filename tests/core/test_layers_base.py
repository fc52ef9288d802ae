"""What a layer overrides counts, what follows from it is derived, the rest is forwarded."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from persidict_core import (
    ABSENT,
    AdaptedBackend,
    Capabilities,
    ETags,
    MemoryBackend,
    NotSupported,
    ObjectStat,
    PersiDict,
    Scope,
    URLError,
)
from persidict_core.layers import (
    CompressedBackend,
    Layer,
    ObservingLayer,
    PrefixBackend,
    TransformLayer,
)

from .five_verbs import FiveVerbs, FourVerbs


class Idle(Layer):
    """Overrides nothing."""


def upper(store: MemoryBackend, *bases: type[Layer], **verbs: Any) -> Layer:
    kind = type("Made", bases or (Layer,), verbs)
    return kind(store)


def test_derived_from_what_was_overridden() -> None:
    store = MemoryBackend()
    for path in ("a", "b/c", "hidden"):
        store.write_bytes(path, b"x")

    class Hiding(Layer):
        def list_prefix(self, prefix: str = "") -> Iterator[str]:
            return (path for path in self.wrapped.list_prefix(prefix) if path != "hidden")

    layer = Hiding(store)
    assert sorted(layer.list_children()) == ["a", "b/"]
    assert sorted(stat.path for stat in layer.list_stats()) == ["a", "b/c"]
    assert layer.capabilities == store.capabilities
    assert layer.exists("hidden"), "exists is not written on list_prefix"


@pytest.mark.parametrize(
    ("overridden", "claims"),
    [
        ("write_bytes", {"if_absent": Scope.NONE, "if_match": Scope.NONE}),
        ("delete", {"delete_if": Scope.NONE}),
        ("read_bytes", Capabilities()._asdict()),
        ("stat", Capabilities()._asdict()),
        ("list_prefix", {}),
        ("exists", {}),
    ],
)
def test_condition_whose_ground_was_overridden_refuses(
    overridden: str, claims: dict[str, Any]
) -> None:
    store = MemoryBackend()
    etag = store.write_bytes("a", b"1")
    before = store.stat("a")

    def verb(self: Layer, *args: Any) -> Any:
        return getattr(self.wrapped, overridden)(*args)

    layer = upper(store, **{overridden: verb})
    can = layer.capabilities
    assert can == store.capabilities._replace(**claims)
    attempts = {
        "if_absent": lambda: layer.write_if("b", b"2", ABSENT),
        "if_match": lambda: layer.write_if("a", b"2", etag),
        "delete_if": lambda: layer.delete_if("a", etag),
    }
    for name, attempt in attempts.items():
        if getattr(can, name) is Scope.NONE:
            with pytest.raises(NotSupported):
                attempt()
            assert store.stat("a") == before and not store.exists("b")
    if can.etags is ETags.NONE:
        with pytest.raises(NotSupported):
            layer.read_versioned("a")


def test_condition_that_is_written_is_claimed_again() -> None:
    class Upper(TransformLayer):
        def encode(self, path: str, data: bytes) -> bytes:
            return data.upper()

        def decode(self, path: str, data: bytes) -> bytes:
            return data

    store = MemoryBackend()
    assert Upper(store).capabilities == store.capabilities
    with pytest.raises(TypeError, match="abstract"):
        TransformLayer(store)  # type: ignore[abstract]
    with pytest.raises(TypeError, match="abstract"):
        ObservingLayer(store)  # type: ignore[abstract]


def test_overrides_of_all_ancestors_count() -> None:
    class First(Layer):
        def stat(self, path: str) -> ObjectStat:
            return self.wrapped.stat(path)._replace(size=7)

    class Second(First):
        def list_prefix(self, prefix: str = "") -> Iterator[str]:
            return (path for path in self.wrapped.list_prefix(prefix))

    class Third(Second):
        pass

    store = MemoryBackend()
    store.write_bytes("a", b"x")
    for kind in (First, Second, Third):
        assert [stat.size for stat in kind(store).list_stats()] == [7], kind
        assert kind(store).capabilities == Capabilities(), kind


def test_override_of_a_mixin_is_not_shadowed_by_what_was_placed() -> None:
    class Sized(Layer):
        def stat(self, path: str) -> ObjectStat:
            return self.wrapped.stat(path)

    class SaysYes(Layer):
        def exists(self, path: str) -> bool:
            return True

    class PlainMixin:
        def exists(self, path: str) -> bool:
            return True

    class Both(Sized, SaysYes):
        pass

    class WithPlain(Sized, PlainMixin):
        pass

    class Below(Both):
        pass

    class Again(Below):
        def exists(self, path: str) -> bool:
            return "again" in path

    store = MemoryBackend()
    assert Both(store).exists("none") and Below(store).exists("none")
    assert not Again(store).exists("none") and Again(store).exists("again")
    assert not Sized(store).exists("none")
    # A plain class after Layer in the order of bases is below it, and not in the way.
    assert inspect.getmro(WithPlain).index(PlainMixin) > inspect.getmro(WithPlain).index(Layer)
    assert not WithPlain(store).exists("none")


# Identity.


def test_attributes_pass_through() -> None:
    class Limited(MemoryBackend):
        digest_len = 3
        concurrency = 5
        max_name_bytes = 100
        max_path_bytes = 200
        probes = True

    layer = Idle(Limited())
    found = [getattr(layer, name) for name in ("digest_len", "concurrency", "probes")]
    assert found == [3, 5, True]
    assert (layer.max_name_bytes, layer.max_path_bytes) == (100, 200)
    assert PrefixBackend(Limited(), "abcd/").max_path_bytes == 195


def test_url_refuses() -> None:
    with pytest.raises(URLError, match="without this layer"):
        _ = Idle(MemoryBackend("x")).url
    with pytest.raises(URLError):
        _ = PersiDict(Idle(MemoryBackend("x"))).url


def test_what_can_be_wrapped() -> None:
    layer = Idle(FiveVerbs())
    assert isinstance(layer.wrapped, AdaptedBackend) and layer.capabilities == Capabilities()
    layer.write_bytes("a", b"1")
    assert layer.read_bytes("a") == b"1"
    with pytest.raises(NotSupported):
        layer.read_versioned("a")
    with pytest.raises(TypeError, match="delete"):
        Idle(FourVerbs())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not the class"):
        Idle(MemoryBackend)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no backend"):
        Idle("memory://x")  # type: ignore[arg-type]


def test_configuration_nests() -> None:
    store = MemoryBackend("nests")
    layer = PrefixBackend(CompressedBackend(store, "zlib"), "a/")
    assert repr(layer) == (
        "PrefixBackend(wrapped=CompressedBackend(wrapped=MemoryBackend(name='nests'), "
        "codec='zlib'), prefix='a/')"
    )
    copy = pickle.loads(pickle.dumps(layer))
    assert copy == layer and hash(copy) == hash(layer) and copy.wrapped.codec == "zlib"
    assert layer != PrefixBackend(CompressedBackend(store), "a/")
