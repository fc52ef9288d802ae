"""Whatever is turned into text shows what strangers wrote, and obeys none of it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

import persidict_core
import persidict_file
import persidict_s3
from persidict_core import (
    URL,
    BackendError,
    BulkError,
    ConcurrencyConflict,
    Debris,
    ImmutableItemError,
    Info,
    MemoryBackend,
    NotSupported,
    ObjectNotFound,
    ObjectStat,
    PersiDict,
    PersiDictError,
    Plugin,
    PluginError,
    PreconditionFailed,
    SerializationError,
    SignatureError,
    URLError,
    check,
    examine,
    installed,
)
from persidict_core.installed import GROUPS, Installed
from persidict_core.location import Location

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\x9b1m\u202e[bold red]<b>"
SHOWING = ("__str__", "__repr__", "_repr_html_")
STAT = ObjectStat(HOSTILE, 1, 2.0, HOSTILE)


class Stranger(MemoryBackend):
    """A store in which somebody has named everything; what is written there fails, and is told."""

    def list_prefix(self, prefix: str = "") -> Iterator[str]:
        yield from (f"{HOSTILE}.json", f"a/{HOSTILE}.json", f"b.{HOSTILE}", "c.json")

    def sweep(self, *args: Any, **params: Any) -> Iterator[Debris]:
        yield Debris(HOSTILE, 1, 2.0)

    def read_bytes(self, path: str) -> bytes:
        raise OSError(5, HOSTILE, path)

    def write_bytes(self, path: str, data: bytes) -> str:
        raise OSError(5, HOSTILE, path)

    def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
        raise OSError(5, HOSTILE)


class Nowhere(MemoryBackend):
    """A store that no URL names."""

    @property
    def identity(self) -> str:
        raise URLError(HOSTILE)


def strange() -> PersiDict[Any]:
    return PersiDict(Stranger(HOSTILE), file_type="json", prefix="x")


def info(**params: Any) -> Info:
    texts = dict.fromkeys(("kind", "url", "backend", "file_type"), HOSTILE)
    return Info(
        **texts,
        layers=(HOSTILE,),
        prefix=(HOSTILE,),
        digest_len=0,
        settings={HOSTILE: HOSTILE},
        conditions=None,
        **params,
    )


MADE: dict[str, Callable[[], list[Any]]] = {
    "PersiDictError": lambda: [PersiDictError(HOSTILE), PersiDictError(HOSTILE, HOSTILE)],
    "NotSupported": lambda: [NotSupported(HOSTILE)],
    "PluginError": lambda: [PluginError(HOSTILE)],
    "URLError": lambda: [URLError(HOSTILE)],
    "ObjectNotFound": lambda: [ObjectNotFound(HOSTILE)],
    "PreconditionFailed": lambda: [
        PreconditionFailed(HOSTILE, HOSTILE),
        PreconditionFailed(HOSTILE, HOSTILE, STAT),
    ],
    "ConcurrencyConflict": lambda: [ConcurrencyConflict(HOSTILE, HOSTILE, STAT, 3)],
    "ImmutableItemError": lambda: [ImmutableItemError(HOSTILE)],
    "SerializationError": lambda: [
        SerializationError(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        SerializationError(HOSTILE, None, HOSTILE),
    ],
    "SignatureError": lambda: [SignatureError(HOSTILE, None, HOSTILE)],
    "BackendError": lambda: [BackendError(HOSTILE, HOSTILE, HOSTILE, HOSTILE)],
    "BulkError": lambda: [
        BulkError("set_many", {HOSTILE: ValueError(HOSTILE), "b": OSError(HOSTILE)}),
        BulkError("set_many", {HOSTILE: BackendError(HOSTILE)}),
    ],
    "Configured": lambda: [MemoryBackend(HOSTILE), strange(), PersiDict(MemoryBackend(HOSTILE))],
    "PersiDict": lambda: [strange(), PersiDict(MemoryBackend(HOSTILE))],
    "Info": lambda: [info(), info(error=HOSTILE), strange().info()],
    "Findings": lambda: [check(strange(), values=True)],
    "Fitness": lambda: [examine(strange(), level="quick")],
    "Plugin": lambda: [Plugin(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)],
    "URL": lambda: [URL("file", HOSTILE, {HOSTILE: HOSTILE})],
    "Location": lambda: [
        Location(MemoryBackend(HOSTILE), "", ()),
        Location(Nowhere(HOSTILE), "a/", ()),
    ],
}
"""What each class shows, made of the most hostile that it may be made of."""

CONSTANT = {"Marker", "KeepCurrentFlag", "DeleteCurrentFlag"}
CHECKED = {"SafeStrTuple"}
"""It holds safe letters only: another string is refused, by an error that is tried elsewhere."""


@cache
def classes() -> dict[str, type]:
    """All classes of the sources that show themselves in their own way, and all errors."""
    found: dict[str, type] = {}
    for package in (persidict_core, persidict_file, persidict_s3):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if re.search(r"\.(__main__|testing|templates|former)\b", module.name):
                continue
            for each in vars(importlib.import_module(module.name)).values():
                if isinstance(each, type) and each.__module__ == module.name:
                    found[each.__name__] = each
    return {
        name: each
        for name, each in found.items()
        if issubclass(each, PersiDictError)
        or any(
            # Enumerations and named tuples have theirs from elsewhere, of the `repr` of each field.
            getattr(vars(each).get(way), "__module__", "") == each.__module__
            for way in SHOWING
        )
    }


def test_every_class_is_tried() -> None:
    assert set(classes()) == {*MADE, *CONSTANT, *CHECKED}


@pytest.mark.parametrize("name", MADE)
def test_shown(name: str) -> None:
    together = ""
    for made in MADE[name]():
        assert isinstance(made, classes()[name])
        for way in SHOWING:
            text = getattr(made, way)() if hasattr(made, way) else ""
            assert all(line.isprintable() for line in text.split("\n")), (way, text)
            assert way != "_repr_html_" or "<b>" not in text
            together += re.sub(r"\s", "", text)  # Long lines are broken.
    assert "[boldred]" in together or "%5Bbold%20red%5D" in together, "nothing hostile was shown"


def test_a_broken_plugin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who installs a distribution need not have read its metadata."""
    claims = [Plugin("strange", HOSTILE, name) for name in (HOSTILE, "other")]
    found = Installed({group: claims for group in GROUPS}, [claims[0]._replace(error=HOSTILE)])
    monkeypatch.setattr(installed, "read", lambda **_: found)
    for scheme, told in (("strange", "claimed by"), ("missing", "could not be read")):
        with pytest.raises(PluginError, match=told) as caught:
            persidict_core.open(f"{scheme}://x")
        assert "[bold red]" in str(caught.value)
        assert all(line.isprintable() for line in str(caught.value).split("\n"))
