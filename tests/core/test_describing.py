"""`PersiDict.info` and what notebooks show: at a glance, cheap, and safe to look at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from persidict_core import (
    AdaptedBackend,
    BackendError,
    CachedBackend,
    Capabilities,
    CountingBackend,
    ETags,
    FailingBackend,
    HashedNames,
    Info,
    MemoryBackend,
    ObjectStat,
    PersiDict,
    PrefixBackend,
    ReadOnlyBackend,
    Scope,
    SignedBackend,
    URLError,
    WriteOnceDict,
)
from persidict_core.describing import PAGE
from persidict_file import FileDirDict
from persidict_s3 import S3Dict


class Text(HTMLParser):
    """Reads a box, and fails if it is not well-formed, or holds what can act."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: dict[str, str] = {}
        self.cells: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("div", "table", "tr", "th", "td") and {"class", "style"} >= set(dict(attrs))
        self.open.append(tag)
        if tag in ("th", "td"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "tr":
            name, text = self.cells
            self.rows[name] = text
            self.cells = []

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def shown(d: PersiDict[Any]) -> dict[str, str]:
    """The rows of the box."""
    return Text(d._repr_html_()).rows


def test_a_folder(tmp_path):
    d = FileDirDict(tmp_path, file_type="json", allow_pickle=False)
    d.update({("users", name): {"theme": "dark"} for name in ("alex", "kim")})
    (tmp_path / "stranger.txt").write_text("x" * 1000)
    info = d.info()
    assert info.kind == "FileDirDict" and info.url == d.url and info.backend == repr(d.backend)
    assert info.layers == () and info.prefix == () and info.digest_len == 8
    assert info.file_type == "json" and info.settings == {"allow_pickle": "False"}
    assert info.conditions == d.backend.capabilities
    assert (info.looked_at, info.is_all, info.size, info.error) == (2, True, 46, None)
    assert set(info.first_keys) == {("users", "alex"), ("users", "kim")}
    assert shown(d)["items"] == "2" and shown(d)["size"] == "46 bytes"
    assert shown(d)["values"] == "json, 8 characters of digest"


def test_it_is_what_json_takes(tmp_path):
    d = FileDirDict(tmp_path, base_class_for_values=int).get_subdict(("a", "b"))
    d["c", "d"] = 1
    told = json.loads(json.dumps(d.info().as_dict()))
    assert set(told) == set(Info._fields)
    assert told["prefix"] == ["a", "b"] and told["first_keys"] == [["c", "d"]]
    assert told["settings"] == {"base_class_for_values": "int"}
    assert told["conditions"]["if_absent"] == Scope(d.info().conditions.if_absent).name.lower()
    assert told["conditions"]["etags"] == "per write" and told["looked_at"] == 1


def test_a_sub_dictionary_counts_its_own():
    d = PersiDict("memory://")
    d.update({"a": 1, ("b", "c"): 2, ("b", "d"): 3})
    assert d.get_subdict("b").info().first_keys == ("c", "d")
    assert shown(d.get_subdict("b"))["prefix"] == "b"


@pytest.mark.parametrize(
    ("number", "looked_at", "words"),
    [
        (0, 0, "0"),
        (PAGE - 1, PAGE - 1, "999"),
        (PAGE, PAGE, "1,000 or more"),
        (PAGE * 3, PAGE, "1,000 or more"),
    ],
)
def test_what_was_not_counted_is_not_told_as_a_number(number, looked_at, words):
    store = MemoryBackend()
    for place in range(number):
        store.write_bytes(f"{place}.json", b"1")
    d = PersiDict(store, file_type="json")
    info = d.info()
    assert (info.looked_at, info.is_all) == (looked_at, number < PAGE)
    assert shown(d)["items"] == words
    assert ("size" in shown(d)) == (number > 0)
    if number >= PAGE:
        assert shown(d)["size"] == "1.0 kB, the 1,000 that were looked at"
    others = PersiDict(store)
    assert others.info().looked_at == 0
    if number >= PAGE:
        assert shown(others)["items"] == "none among the first 1,000 names in the store"


def test_it_costs_one_page_and_reads_no_value():
    class Lazy(MemoryBackend):
        """Tells how far its listing was taken."""

        taken = 0

        def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
            for stat in super().list_stats(prefix):
                self.taken += 1
                yield stat

    store = Lazy()
    for place in range(PAGE + 500):
        store.write_bytes(f"{place}.pkl", b"no pickle")
    counting = CountingBackend(store)
    d = PersiDict(counting)
    before = dict(counting.counts)
    d.info()
    assert {verb: n - before.get(verb, 0) for verb, n in counting.counts.items()} == {
        "list_stats": 1
    }
    assert store.taken == PAGE


def test_a_store_that_tells_sizes_one_by_one_is_not_asked_for_them():
    class FiveVerbs(AdaptedBackend):
        asked = 0

        def stat(self, path: str) -> ObjectStat:
            self.asked += 1
            return super().stat(path)

    store = FiveVerbs(MemoryBackend())
    d = PersiDict(PrefixBackend(store, "below/"))
    d.update({str(place): place for place in range(30)})
    info = d.info()
    assert (info.looked_at, info.is_all, info.size, store.asked) == (30, True, None, 0)
    assert "size" not in shown(d)
    assert shown(d)["first keys"].endswith(", ...") and len(info.first_keys) == 10


def test_layers_are_named_from_the_outermost():
    store = MemoryBackend("described")
    near = CachedBackend(SignedBackend(store, b"k" * 32), MemoryBackend(), HashedNames("x"))
    info = PersiDict(near, read_only=True).info()
    assert info.layers == ("ReadOnlyBackend", "CachedBackend", "SignedBackend")
    assert info.backend == repr(store) and info.url is None
    assert info.settings == {"read_only": "True"}
    rows = shown(PersiDict(near, read_only=True))
    assert rows["layers"] == "ReadOnlyBackend, CachedBackend, SignedBackend"
    assert rows["URL"] == "none: a URL cannot say it"


def test_a_write_once_dictionary():
    d = WriteOnceDict(PersiDict("memory://"))
    d["a"] = 1
    assert d.info().kind == "WriteOnceDict" and d.info().first_keys == ("a",)
    assert d.info().url is None
    with pytest.raises(URLError, match="wrapped_dict"):
        _ = d.url


def test_what_takes_a_request_is_not_asked():
    class Probing(MemoryBackend):
        probes = True

        @property
        def capabilities(self):
            raise AssertionError("was asked")

    d = PersiDict(ReadOnlyBackend(Probing()))
    assert d.info().conditions is None and d.info().error is None
    assert shown(d)["conditions"] == "not asked for: that may take a request"


@pytest.mark.parametrize(
    "error",
    [
        BackendError("cannot be reached", "the store", "list_stats", ""),
        OSError("no route"),
        ZeroDivisionError("a plugin's own"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_store_that_fails_is_a_box_with_the_error(error):
    d = PersiDict(FailingBackend(MemoryBackend(), {"list_stats": lambda path: error}))
    info = d.info()
    assert info.error == f"{type(error).__name__}: {error}" and not info.is_all
    rows = shown(d)
    assert type(error).__name__ in rows["error"] and "items" not in rows
    assert "error" in str(info) and rows["conditions"].startswith("if_absent, if_match")


@pytest.mark.parametrize(
    ("can", "words"),
    [
        (Capabilities(), "no if_absent, if_match, delete_if; no etags"),
        (
            Capabilities(Scope.HOSTS, Scope.HOSTS, Scope.NONE, ETags.PER_CONTENT),
            "if_absent, if_match among hosts; no delete_if; etags per content",
        ),
        (
            Capabilities(Scope.PROCESSES, Scope.THREADS, Scope.NONE, ETags.PER_WRITE),
            "if_absent among processes; if_match among threads; no delete_if; etags per write",
        ),
    ],
    ids=["none", "S3", "all kinds"],
)
def test_conditions_in_words(can, words):
    info = PersiDict("memory://").info()._replace(conditions=can)
    assert dict(info._rows())["conditions"] == words


def test_capabilities_that_fail_are_a_box_too():
    class Broken(MemoryBackend):
        @property
        def capabilities(self):
            raise RuntimeError("broken")

    assert shown(PersiDict(Broken()))["error"] == "RuntimeError: broken"


def test_an_endpoint_that_is_away():
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1})
    d = S3Dict("bucket", endpoint_url="http://127.0.0.1:9", region="x", config=once)
    assert "http://127.0.0.1:9" in shown(d)["error"]


HOSTILE = "<script>alert(1)</script>&amp;\x1b[2J\u202e\n"


def test_everything_is_escaped():
    class Hostile(MemoryBackend):
        def list_stats(self, prefix: str = "") -> Iterator[ObjectStat]:
            raise RuntimeError(HOSTILE)

    Hostile.__name__ = f"Hostile{HOSTILE}"
    cls = type(f"Dict{HOSTILE}", (PersiDict,), {})
    d = cls(ReadOnlyBackend(Hostile(name=HOSTILE)))
    html, text = d._repr_html_(), str(d.info())
    assert "<script>" not in html and "\x1b" not in html and "\u202e" not in html
    assert "&lt;script&gt;" in html and "&amp;amp;" in html
    assert "\x1b" not in text and "\u202e" not in text
    assert "<script>alert(1)</script>&amp;\\x1b[2J\\u202e\\n" in Text(html).rows["error"]


def test_text_of_any_length_keeps_to_eighty_columns(tmp_path):
    folder = tmp_path / ("deep-" * 20) / ("folder" * 20)
    d = FileDirDict(folder, file_type="json")
    d.update({("x" * 150, f"y{place}" * 20): place for place in range(12)})
    lines = str(d.info()).splitlines()
    assert max(map(len, lines)) <= 80 and lines[0] == "FileDirDict"
    told = "".join(line[14:] for line in lines[1:])
    assert d.url in told.replace(" ", "") and ("x" * 150) in told
    assert [line.split()[0] for line in lines[1:] if line[2] != " "] == [
        *("URL", "backend", "values", "conditions", "items", "size", "first")
    ]


def test_no_secret_is_shown():
    d = PersiDict(SignedBackend(MemoryBackend(), b"a secret of thirty-two bytes ..."))
    assert "secret" not in d._repr_html_() + str(d.info()) + str(d.info().as_dict())


def test_it_follows_the_theme_and_has_no_script(tmp_path):
    html = FileDirDict(tmp_path)._repr_html_()
    for colour in re.findall(r"(?:color|border):[^;\"]*", html):
        assert "var(--jp-" in colour, colour
    assert "<script" not in html and "http" not in html


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (1_500_000, "1.5 MB"),
     (2_000_000_000, "2.0 GB"), (5 * 10**12, "5.0 TB"), (10**16, "10,000.0 TB")],
)  # fmt: skip
def test_sizes_in_words(number, words):
    info = PersiDict("memory://").info()._replace(looked_at=1, size=number)
    assert dict(info._rows())["size"] == words
