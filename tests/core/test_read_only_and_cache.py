"""``read_only=`` and ``cache=`` of a dictionary: in Python, in a URL, in a pickle."""

import pickle

import pytest

import persidict_core
from persidict_core import (
    ABSENT,
    DELETE_CURRENT,
    KEEP_CURRENT,
    AdaptedBackend,
    MemoryBackend,
    NotSupported,
    PersiDict,
    URLError,
    WriteOnceDict,
)
from persidict_core.layers import CountingBackend, Layer
from persidict_file import FileDirDict


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path) -> str:
    return f"memory://{tmp_path.name}" if request.param == "memory" else f"file://{tmp_path}/d"


CHANGES = {
    "d[key] = value": lambda d: d.__setitem__("a", 2),
    "d[key] = DELETE_CURRENT": lambda d: d.__setitem__("a", DELETE_CURRENT),
    "del d[key]": lambda d: d.__delitem__("a"),
    "pop": lambda d: d.pop("a"),
    "pop with a default": lambda d: d.pop("none", None),
    "popitem": lambda d: d.popitem(),
    "clear": lambda d: d.clear(),
    "setdefault": lambda d: d.setdefault("b", 2),
    "update": lambda d: d.update({"a": 2, "b": 3}),
    "set_many": lambda d: d.set_many([("b", 3)]),
    "delete_many": lambda d: d.delete_many(["a"]),
    "delete_if_exists": lambda d: d.delete_if_exists("none"),
    "set_if": lambda d: d.set_if("b", 2, ABSENT),
    "delete_if": lambda d: d.delete_if("a", d.get_with_etag("a")[1]),
    "transform": lambda d: d.transform("a", lambda value: value + 1),
    "get_subdict()": lambda d: d.get_subdict().__setitem__("a", 2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("immutable_items", [False, True])
def test_a_read_only_dictionary_refuses_every_change(url, change, immutable_items):
    store = persidict_core.open(url)
    store["a"] = 1
    d = persidict_core.open(url, read_only=True, immutable_items=immutable_items)
    with pytest.raises(NotSupported, match="read_only=True"):
        change(d)
    assert store == {"a": 1}


def test_a_read_only_dictionary_reads_everything(url):
    persidict_core.open(url)["a", "b"] = 1
    d = persidict_core.open(f"{url}?read_only=true")
    assert d == {("a", "b"): 1}
    assert d["a", "b"] == d.setdefault(("a", "b"), 2) == d.get_subdict("a")["b"] == 1
    assert d.get_with_etag(("a", "b"))[0] == 1
    assert d.newest_keys(1) == [("a", "b")] and d.timestamp(("a", "b")) > 0
    assert persidict_core.open(d.url) == d and pickle.loads(pickle.dumps(d)).read_only


def test_a_read_only_dictionary_makes_no_folder(tmp_path):
    d = FileDirDict(tmp_path / "none", read_only=True)
    assert len(d) == 0 and "a" not in d and d.get("a") is None
    assert not (tmp_path / "none").exists()


def test_a_backend_that_promises_nothing_is_read_by_immutable_readers():
    class FiveVerbs(AdaptedBackend):
        pass

    assert PersiDict(FiveVerbs(MemoryBackend()), immutable_items=True, read_only=True) == {}


def test_a_cached_dictionary_gives_what_others_write(url, tmp_path):
    d = persidict_core.open(url, cache=tmp_path / "cache")
    other = persidict_core.open(url)
    other["a"] = 1
    assert d["a"] == d["a"] == 1
    other["a"] = 2
    assert d["a"] == 2
    del other["a"]
    assert "a" not in d and d.get("a") is None


def test_what_is_current_is_not_sent_again(tmp_path):
    remote = CountingBackend(MemoryBackend())
    remote_id = property(lambda self: "counted")
    counted = type("Counted", (CountingBackend,), {"identity": remote_id})(remote)
    d = PersiDict(counted, cache="memory://", immutable_items=True)
    d["a"] = "x" * 100
    counted.counts.clear()
    assert d["a"] == d["a"] == "x" * 100
    assert not counted.counts, "a cached immutable item needs no request"


def test_a_cached_dictionary_is_said_by_its_url_and_pickle(url, tmp_path):
    d = persidict_core.open(url, cache=tmp_path / "cache", cache_max_bytes=5000)
    d["a"] = 1
    again = persidict_core.open(d.url)
    assert again == d and again.get_params() == d.get_params()
    assert pickle.loads(pickle.dumps(d)).get_params() == d.get_params()
    assert type(d)(**d.get_params()) == d
    sub = d.get_subdict("x")
    sub["b"] = 2
    assert d["x", "b"] == 2 and sub.cache is d.cache
    assert len(list(d.cache.list_prefix())) == 2


def test_a_cache_folder_is_not_flushed_unless_it_is_said(tmp_path):
    assert not PersiDict("memory://", cache=tmp_path).cache.fsync
    assert PersiDict("memory://", cache=f"file://{tmp_path}?fsync=true").cache.fsync


def test_two_private_stores_may_share_a_cache(tmp_path):
    first, second = (PersiDict("memory://", cache=tmp_path, immutable_items=True) for _ in range(2))
    first["a"], second["a"] = 1, 2
    assert (first["a"], second["a"]) == (1, 2)


def test_write_once_around_a_cached_dictionary(url, tmp_path):
    d = WriteOnceDict(persidict_core.open(url, cache=tmp_path / "cache"), 1)
    d["a"] = 1
    d["a"] = 1
    assert d.consistency_checks_passed == 1


def test_a_store_without_identity_cannot_be_cached():
    with pytest.raises(NotSupported, match="CachedBackend"):
        PersiDict(Layer(MemoryBackend()), cache="memory://")


@pytest.mark.parametrize(
    ("params", "error", "told"),
    [
        ({"cache": 5}, TypeError, "int"),
        ({"cache": ""}, URLError, "empty"),
        ({"cache": "memory://", "cache_max_bytes": 0}, ValueError, "cache_max_bytes"),
        ({"cache": "memory://", "cache_max_bytes": True}, TypeError, "cache_max_bytes"),
        ({"cache_max_bytes": 5}, ValueError, "no cache"),
        ({"read_only": "no"}, TypeError, "read_only"),
        ({"cache": "memory://x:y@z"}, URLError, "password"),
    ],
)
def test_wrong_parameters_are_told_and_make_nothing(tmp_path, params, error, told):
    with pytest.raises(error, match=told):
        FileDirDict(tmp_path / "d", **params)
    assert list(tmp_path.iterdir()) == []


def test_jokers_in_a_read_only_dictionary(url):
    store = persidict_core.open(url)
    store["a"] = 1
    with pytest.raises(NotSupported):
        persidict_core.open(url, read_only=True)["a"] = KEEP_CURRENT
