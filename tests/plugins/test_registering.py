"""Plugins that are registered in this process, and what is said of names that are unknown."""

from __future__ import annotations

import pytest

from persidict_core import (
    MemoryBackend,
    PersiDict,
    PluginError,
    installed,
    open as open_url,
    register_backend,
    register_dict,
    register_serializer,
)
from persidict_core.installed import GROUPS, Installed, Plugin
from persidict_core.registry import backends, dicts, serializers
from persidict_core.serializers import Serializer


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
    """Only what is built in, and nothing registered."""
    empty = Installed({group: [] for group in GROUPS}, [])
    monkeypatch.setattr(installed, "read", lambda *, fresh=False: empty)
    for registry in (backends, dicts, serializers):
        monkeypatch.setattr(registry, "registered", {})


def claim(monkeypatch, group, *plugins):
    found = Installed({name: list(plugins) if name == group else [] for name in GROUPS}, [])
    monkeypatch.setattr(installed, "read", lambda *, fresh=False: found)


def make_backend(its_scheme):
    class Made(MemoryBackend):
        scheme = its_scheme

    return Made


def make_serializer(its_file_type):
    class Made(Serializer):
        file_type = its_file_type

        def dumps(self, value):
            return value.encode()

        def loads(self, data):
            return data.decode()

    return Made


class ShelfDict(PersiDict):
    scheme = "shelf"

    def __init__(self, name=None):
        self.name = name
        super().__init__(MemoryBackend(name))


class TestRegistering:
    def test_a_backend_is_found_by_its_scheme_and_opened(self):
        made = register_backend(make_backend("made"))
        assert backends.get("made") is made
        assert type(open_url("made://x").backend) is made

    def test_a_dictionary_is_found_by_its_name_and_opened_by_its_scheme(self):
        assert register_dict(ShelfDict) is ShelfDict
        assert dicts.get("ShelfDict") is ShelfDict
        assert type(open_url("shelf://x")) is ShelfDict

    def test_a_serializer_is_found_by_its_file_type_and_used(self):
        made = register_serializer(make_serializer("shout"))
        assert serializers.get("shout") is made
        d = open_url("memory://?file_type=shout")
        d["a"] = "b"
        assert d["a"] == "b"
        assert [path for path in d.backend.list_prefix() if path.endswith(".shout")]

    def test_it_is_listed_as_of_this_process(self):
        register_dict(ShelfDict)
        assert dicts.plugins() == [Plugin("ShelfDict", f"{__name__}:ShelfDict")]

    def test_again_is_no_conflict(self):
        made = make_backend("made")
        assert register_backend(made) is register_backend(made) is made

    def test_a_taken_name_is_refused_and_kept_unless_replaced(self):
        first = register_backend(make_backend("made"))
        second = make_backend("made")
        with pytest.raises(
            PluginError, match=r"'made' is taken by .*Made of this process.*replace"
        ):
            register_backend(second)
        assert backends.get("made") is first
        register_backend(second, replace=True)
        assert backends.get("made") is second

    def test_what_is_installed_is_not_replaced_silently(self, monkeypatch):
        claim(monkeypatch, "persidict.backends", Plugin("made", "a:B", "acme-plugin", "1.0"))
        made = make_backend("made")
        with pytest.raises(PluginError, match=r"taken by a:B of acme-plugin 1\.0"):
            register_backend(made)
        assert "made" not in backends.registered
        register_backend(made, replace=True)
        assert backends.get("made") is made

    def test_an_installed_plugin_may_register_itself(self, monkeypatch):
        value = f"{__name__.partition('.')[0]}.face:Made"
        claim(monkeypatch, "persidict.backends", Plugin("made", value, "acme-plugin", "1.0"))
        made = make_backend("made")
        assert register_backend(made) is made


class TestRefused:
    @pytest.mark.parametrize("cls", [str, make_serializer("x"), make_backend("x")("y"), None, "x"])
    def test_what_is_no_class_of_a_backend(self, cls):
        with pytest.raises(TypeError, match="is no"):
            register_backend(cls)
        assert not backends.registered

    @pytest.mark.parametrize("cls", [dict, MemoryBackend, MemoryBackend(), None])
    def test_what_is_no_class_of_a_dictionary(self, cls):
        with pytest.raises(TypeError, match="is no"):
            register_dict(cls)

    def test_a_dictionary_without_a_scheme(self):
        class Homeless(PersiDict):
            pass

        with pytest.raises(TypeError, match="Homeless has no scheme"):
            register_dict(Homeless)

    @pytest.mark.parametrize("scheme", ["", "a", "A", "Made", "a_b", "1ab", "a b", "a:b", None, 5])
    def test_a_malformed_scheme(self, scheme):
        with pytest.raises(ValueError, match="scheme"):
            register_backend(make_backend(scheme))

    @pytest.mark.parametrize("file_type", ["", ".", "a.b", "a/b", "a\\b", "a b", "é", "a\n", None])
    def test_a_malformed_file_type(self, file_type):
        with pytest.raises(ValueError, match="file_type"):
            register_serializer(make_serializer(file_type))

    @pytest.mark.parametrize("replace", [False, True])
    @pytest.mark.parametrize("scheme", ["memory", "file", "s3"])
    def test_our_own_schemes(self, scheme, replace):
        with pytest.raises(PluginError, match="reserved for persidict-"):
            register_backend(make_backend(scheme), replace=replace)
        assert not backends.registered

    @pytest.mark.parametrize("replace", [False, True])
    @pytest.mark.parametrize("file_type", ["pkl", "json", "npy", "parquet"])
    def test_our_own_file_types(self, file_type, replace):
        with pytest.raises(PluginError, match="reserved for persidict-core"):
            register_serializer(make_serializer(file_type), replace=replace)

    @pytest.mark.parametrize(
        "name", ["FileDirDict", "S3Dict", "PersiDict", "WriteOnceDict", "OverlappingMultiDict"]
    )
    def test_our_own_dictionaries(self, name):
        cls = type(name, (PersiDict,), {"scheme": "shelf"})
        with pytest.raises(PluginError, match="reserved"):
            register_dict(cls, replace=True)

    def test_a_dictionary_of_a_scheme_of_ours_does_not_open_it(self):
        class MyDict(PersiDict):
            scheme = "memory"

        register_dict(MyDict)
        assert type(open_url("memory://")) is PersiDict


class TestUnknown:
    @pytest.mark.parametrize(
        ("registry", "name", "requirement"),
        [
            (backends, "file", "persidict-file"),
            (backends, "s3", "persidict-s3"),
            (dicts, "FileDirDict", "persidict-file"),
            (dicts, "S3Dict", "persidict-s3"),
            (serializers, "npy", "persidict-core[numpy]"),
            (serializers, "parquet", "persidict-core[pandas]"),
        ],
    )
    def test_a_name_of_ours_says_what_to_install(self, registry, name, requirement):
        with pytest.raises(PluginError) as raised:
            registry.get(name)
        assert f'pip install "{requirement}"' in str(raised.value)

    def test_another_says_the_nearest_and_all_that_are_installed(self, monkeypatch):
        claim(monkeypatch, "persidict.backends", Plugin("acme", "a:B", "acme-plugin", "1.0"))
        register_backend(make_backend("made"))
        with pytest.raises(PluginError) as raised:
            backends.get("acne")
        text = str(raised.value)
        assert "'acne' is not installed" in text
        assert "did you mean 'acme'?" in text
        assert "(installed: acme, made, memory)" in text

    def test_nothing_near_suggests_nothing(self):
        with pytest.raises(PluginError) as raised:
            dicts.get("Zylophone")
        assert "did you mean" not in str(raised.value)
        assert "(installed: none)" in str(raised.value)

    def test_opening_an_unknown_scheme(self):
        with pytest.raises(PluginError, match="pip install"):
            open_url("s3://bucket")

    def test_the_metadata_is_read_again_before_a_name_is_called_unknown(self, monkeypatch):
        asked = []
        empty = installed.read()
        monkeypatch.setattr(installed, "read", lambda *, fresh=False: asked.append(fresh) or empty)
        with pytest.raises(PluginError):
            backends.get("acme")
        assert True in asked
