"""Debris: none where nothing is left behind, and no layer hides it, or lets it be removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from persidict_core import BaseBackend, Debris, MemoryBackend, NotSupported, check_prefix
from persidict_core.layers import (
    CachedBackend,
    CountingBackend,
    HashedNames,
    Layer,
    PrefixBackend,
    ReadOnlyBackend,
)
from persidict_core.testing import checks_sweeping


class Leaving(MemoryBackend):
    """A store in which debris can be left."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.left: dict[str, Debris] = {}

    def leave(self, name: str) -> None:
        self.left[name] = Debris(name, 4, 1.0)

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        check_prefix(prefix)
        return self._swept(remove, prefix)

    def _swept(self, remove: bool, prefix: str) -> Iterator[Debris]:
        for name in list(self.left):
            if name.startswith(prefix):
                yield self.left.pop(name) if remove else self.left[name]


class SweepsObjects(Leaving):
    """Takes every object for debris."""

    def _swept(self, remove: bool, prefix: str) -> Iterator[Debris]:
        for path in list(self.list_prefix(prefix)):
            stat = self.stat(path)
            if remove:
                self.delete(path)
            yield Debris(path, stat.size, stat.modified)


class Removes(Leaving):
    """Removes what was only to be told."""

    def _swept(self, remove: bool, prefix: str) -> Iterator[Debris]:
        return super()._swept(True, prefix)


class Keeps(Leaving):
    """Says that it removes."""

    def _swept(self, remove: bool, prefix: str) -> Iterator[Debris]:
        return super()._swept(False, prefix)


class Everywhere(Leaving):
    """Looks at no prefix."""

    def _swept(self, remove: bool, prefix: str) -> Iterator[Debris]:
        return super()._swept(remove, "")


class Anyhow(Leaving):
    """Takes what is no prefix."""

    def sweep(
        self, remove: bool = False, *, prefix: str = "", older_than: float | None = None
    ) -> Iterator[Debris]:
        return self._swept(remove, prefix)


class HidesDebris(Leaving):
    def _swept(self, remove: bool, prefix: str) -> Iterator[Debris]:
        return iter(())


class SweepsWhatIsWritten(Leaving):
    """Has nothing in which a write is prepared, and says it has."""

    def _swept(self, remove: bool, prefix: str) -> Iterator[Debris]:
        if self.exists("b/y") or list(self.list_prefix()):
            return iter(())
        return iter([Debris("b/+y", 1, 1.0)])


def leave(backend: BaseBackend) -> None:
    assert isinstance(backend, Leaving)
    backend.leave("b/+half")


def test_a_store_with_debris_passes() -> None:
    checks_sweeping.check_sweeping_spares_objects(Leaving())
    checks_sweeping.check_sweeping_spares_writers(Leaving())
    checks_sweeping.check_debris_is_swept(Leaving(), leave)
    checks_sweeping.check_sweeping_under_a_prefix(Leaving(), leave)


@pytest.mark.parametrize(
    ("mutant", "check"),
    [
        (SweepsObjects, checks_sweeping.check_sweeping_spares_objects),
        (SweepsWhatIsWritten, checks_sweeping.check_sweeping_spares_writers),
        (Removes, lambda store: checks_sweeping.check_debris_is_swept(store, leave)),
        (Keeps, lambda store: checks_sweeping.check_debris_is_swept(store, leave)),
        (HidesDebris, lambda store: checks_sweeping.check_debris_is_swept(store, leave)),
        (Everywhere, lambda store: checks_sweeping.check_sweeping_under_a_prefix(store, leave)),
        (Anyhow, lambda store: checks_sweeping.check_sweeping_under_a_prefix(store, leave)),
    ],
)
def test_a_broken_sweep_is_caught(
    mutant: type[Leaving], check: Callable[[BaseBackend], None]
) -> None:
    with pytest.raises(AssertionError):
        check(mutant())


def test_where_nothing_is_left_there_is_no_debris() -> None:
    store = MemoryBackend()
    store.write_bytes("a", b"1")
    assert list(store.sweep()) == list(store.sweep(True, older_than=0)) == []
    with pytest.raises(ValueError, match="prefix"):
        store.sweep(prefix="a")


def test_layers_hand_it_on() -> None:
    class Deletes(Layer):
        def delete(self, path: str) -> None:
            raise AssertionError("debris is no object")

    store = Leaving()
    store.leave("a/b/+half")
    counted = CountingBackend(Deletes(store))
    assert [each.name for each in counted.sweep()] == ["a/b/+half"]
    assert counted.counts == {"sweep": 1}
    part = PrefixBackend(counted, "a/")
    assert [each.name for each in part.sweep()] == ["b/+half"]
    assert list(part.sweep(prefix="c/")) == []
    store.leave("x/+other")
    assert [each.name for each in part.sweep(True, prefix="b/")] == ["b/+half"]
    assert list(store.left) == ["x/+other"], "what was outside the prefix was swept"
    with pytest.raises(ValueError, match="prefix"):
        part.sweep(prefix="b")


def test_read_only_tells_and_removes_nothing() -> None:
    store = Leaving()
    store.leave("+half")
    layer = ReadOnlyBackend(store)
    assert [each.name for each in layer.sweep()] == ["+half"]
    with pytest.raises(NotSupported, match=r"cannot remove debris: .* is read-only"):
        layer.sweep(True)
    assert store.left


def test_a_cache_is_swept_with_its_store() -> None:
    remote, cache = Leaving(), Leaving()
    near = CachedBackend(remote, cache, HashedNames("test"))
    remote.leave("a/+far")
    cache.leave("cc/+near")
    assert [each.name for each in near.sweep()] == ["a/+far", "cc/+near"]
    assert [each.name for each in near.sweep(prefix="a/")] == ["a/+far"]
    assert len(list(near.sweep(True))) == 2 and not remote.left and not cache.left
