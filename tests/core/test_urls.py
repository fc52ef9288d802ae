"""URLs: one parser, no secrets, and what they say comes back as it was."""

from __future__ import annotations

import os
import pickle
import traceback
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, reject, settings, strategies as st

from persidict_core import (
    URL,
    BaseBackend,
    MemoryBackend,
    PersiDict,
    PluginError,
    URLError,
    open as open_url,
    urls,
)
from persidict_core.registry import backends

if TYPE_CHECKING:
    from persidict_core import NothingOfTheKind


class Colour(Enum):
    RED = 1
    Blue = 2


class Five(BaseBackend):
    """The five verbs, that the parameters of subclasses are told by."""

    def read_bytes(self, path):
        raise NotImplementedError

    write_bytes = delete = stat = list_prefix = read_bytes


class Odd(Five):
    scheme = "odd"
    secret_params = frozenset({"badge"})

    def __init__(
        self,
        place: str = "here",
        *,
        count: int = 0,
        ratio: float | None = None,
        fsync: bool = True,
        label: str | None = None,
        title: str | None = "t",
        colour: Colour = Colour.RED,
        kind: type | None = None,
        parts: str | tuple[str, ...] = (),
        names: list[str] | None = None,
        session: NothingOfTheKind | None = None,
        badge: str | None = None,
    ) -> None:
        self.place = place
        self.count = count
        self.ratio = ratio
        self.fsync = fsync
        self.label = label
        self.title = title
        self.colour = colour
        self.kind = kind
        self.parts = tuple(parts.split("/")) if isinstance(parts, str) else parts
        self.names = names
        self.session = session
        self.badge = badge


class FolderDict(PersiDict):
    """A front class over a folder's name, with parameters of its own."""

    scheme = "file"

    def __init__(self, base_dir="__here__", *, file_type="pkl", allow_pickle: bool = True):
        self.base_folder = self.base_dir_given = base_dir
        super().__init__(MemoryBackend(), file_type=file_type, allow_pickle=allow_pickle)

    @property
    def base_dir(self):
        return self.base_folder


ODD_NAMES = [
    "with space",
    " leading and trailing ",
    "sharp#name",
    "what?",
    "what?file_type=json",
    "100%",
    "a%20b",
    "two\nlines",
    "tab\tand\x07bell",
    "naïve/Ünïcode/日本語",
    os.fsdecode(b"bytes-\xff\xfe-\xe9"),
    "quo\"te's",
    "a+b",
    "a&b",
    "a=b",
    "~home",
    "C:\\data",
    "C:/data",
    "back\\slash",
    "me@home",
    "s3:bucket",
    "s3://bucket",
    "/absolute/path/",
    ".",
    "../up",
    "semi;colon,comma",
    "[x]{y}|z^`<>$!*",
]


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "scheme", "address", "query"),
        [
            ("memory://", "memory", "", {}),
            ("memory://name", "memory", "name", {}),
            ("memory://name?", "memory", "name", {}),
            ("MEMORY://Name", "memory", "Name", {}),
            ("s3://bucket/a/b?file_type=json", "s3", "bucket/a/b", {"file_type": "json"}),
            ("file:///data/x?digest_len=4&fsync=false", "file", "/data/x", None),
            ("file://rel%20ative", "file", "rel ative", {}),
            ("acme+x.y-z://a", "acme+x.y-z", "a", {}),
            ("m+://a+b?c=d+e", "m+", "a+b", {"c": "d e"}),
            ("mem://a?b=", "mem", "a", {"b": ""}),
            ("mem://a?b=c=d?e", "mem", "a", {"b": "c=d?e"}),
            ("mem://%zz%", "mem", "%zz%", {}),
            ("mem://bucket/me@home", "mem", "bucket/me@home", {}),
            ("my folder", "file", "my folder", {}),
            ("C:\\data", "file", "C:\\data", {}),
            ("C:/data", "file", "C:/data", {}),
            ("~/data", "file", "~/data", {}),
            ("./s3:bucket", "file", "./s3:bucket", {}),
            ("./s3://bucket", "file", "./s3://bucket", {}),
            ("/a#b?c%d", "file", "/a#b?c%d", {}),
            (Path("a?file_type=json"), "file", "a?file_type=json", {}),
            (Path("s3:bucket"), "file", "s3:bucket", {}),
        ],
    )
    def test_what_is_what(self, text, scheme, address, query):
        url = URL.parse(text)
        assert (url.scheme, url.address) == (scheme, address)
        if query is not None:
            assert url.query == query

    def test_a_path_of_bytes_is_decoded_as_the_system_does(self, tmp_path):
        (tmp_path / "x").touch()
        [entry] = os.scandir(os.fsencode(tmp_path))
        assert URL.parse(entry).address == os.fspath(tmp_path / "x")

    @pytest.mark.parametrize("source", [None, 5, b"memory://", {"a": 1}, ["x"], object()])
    def test_anything_else_is_a_type_error(self, source):
        with pytest.raises(TypeError, match=type(source).__name__):
            URL.parse(source)

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("", "empty"),
            ("s3:bucket", "s3://address"),
            ("file:folder", "file://address"),
            ("data?file_type=json", "file:///folder?file_type=json"),
            (" s3://bucket", "no scheme"),
            ("my_store://bucket", "no scheme"),
            ("1st://bucket", "no scheme"),
            ("://bucket", "no scheme"),
            ("mem://a#b", "%23"),
            ("mem://a\nb", "control character"),
            ("mem://a\x00", "control character"),
            ("mem://a?b", "name=value"),
            ("mem://a?b=1&&c=2", "name=value"),
            ("mem://a?b=1&b=2", "twice"),
            ("mem://\ud800", "surrogate"),
            ("mem://a?b=\ud800", "surrogate"),
            ("\udfff", "surrogate"),
        ],
    )
    def test_what_is_malformed_says_what_to_write(self, text, hint):
        with pytest.raises(URLError) as raised:
            URL.parse(text)
        assert hint in str(raised.value)

    def test_a_url_is_an_immutable_value(self):
        given_query = {"a": "b"}
        url = URL("mem", "x", given_query)
        given_query["a"] = "c"
        assert url.query == {"a": "b"}
        with pytest.raises(AttributeError):
            url.address = "y"
        with pytest.raises(TypeError):
            url.query["a"] = "c"
        assert url == URL.parse("mem://x?a=b") == URL.parse(url)
        assert hash(url) == hash(URL.parse("mem://x?a=b"))
        assert url != URL.parse("mem://x?a=c")
        assert pickle.loads(pickle.dumps(url)) == url
        assert url.with_query({}) == URL.parse("mem://x")
        assert repr(url) == "URL('mem://x?a=b')"


class TestRoundTrip:
    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_an_odd_folder(self, name):
        url = URL.parse(Path(name)) if name in ("s3:bucket", "s3://bucket") else URL("file", name)
        again = URL.parse(str(url))
        assert again == url
        assert again.address == url.address
        assert str(url).isascii()
        assert " " not in str(url)

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_an_odd_name_of_a_store_through_a_dictionary(self, name):
        d = open_url(URL("memory", name), file_type="txt", base_class_for_values=str)
        d["a"] = "b"
        again = open_url(d.url)
        assert again == d
        assert again.backend.name == name
        assert again["a"] == "b"
        del d["a"]

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_an_odd_folder_through_a_front_class(self, name):
        d = FolderDict(name, file_type="json")
        again = FolderDict.from_url(d.url)
        assert again.get_params() == d.get_params()

    schemes = st.from_regex(r"[a-z][a-z0-9+.\-]{1,8}", fullmatch=True)
    text = st.text(max_size=20)

    @given(schemes, st.binary(max_size=20).map(os.fsdecode), st.dictionaries(text, text))
    @example("file", "a\udcc3", {"\udca9": "b"})
    @example("mem", "", {"": ""})
    @example("mem", "?", {"&": "#", "=": "+"})
    @settings(max_examples=300)
    def test_any_address_and_query(self, scheme, address, query):
        url = URL(scheme, address, query)
        try:
            urls.refuse_secrets(scheme, query)
        except URLError:
            reject()
        assert url.address == address
        assert URL.parse(str(url)) == url
        assert str(URL.parse(str(url))) == str(url)

    @given(st.text(alphabet=st.characters(categories=["Cs", "L", "P", "S", "Z", "N", "Cc"])))
    @example("mem://\udcc3%A9")
    @example("mem://?\udcc3=%A9")
    @settings(max_examples=300)
    def test_any_text_is_a_url_or_a_url_error(self, text):
        for source in (text, f"mem://{text}", f"mem://a?{text}", f"mem://a?b={text}"):
            try:
                url = URL.parse(source)
            except URLError:
                continue
            assert URL.parse(str(url)) == url


SECRET_NAMES = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "db_password",
    "PassWord",
    "pass%77ord",
    "token",
    "session_token",
    "auth_token",
    "secret",
    "key",
    "user",
    "username",
    "login",
    "apikey",
    "api_key",
    "API-KEY",
    "access_key",
    "aws_access_key_id",
    "credentials",
    "sas",
    "aws_secret_access_key",
    "aws_session_token",
    "private_key",
    "signature",
]

SECRETS = [
    "mem://user:hunter2@host/x",
    "mem://hunter2@host",
    "mem://:hunter2@host",
    "s3://AKIA:hunter2@bucket?file_type=json",
    *(f"mem://host/x?{name}=hunter2" for name in SECRET_NAMES),
    " mem://user:hunter2@host",
    "my_mem://user:hunter2@host",
    "mem:user:hunter2@host",
]


class TestSecrets:
    @pytest.mark.parametrize("text", SECRETS)
    def test_are_refused_and_never_echoed(self, text):
        for call in (URL.parse, open_url, PersiDict, MemoryBackend.from_url, FolderDict.from_url):
            with pytest.raises(URLError) as raised:
                call(text)
            error = raised.value
            assert "hunter2" not in f"{error} {error!r}"
            assert "hunter2" not in "".join(traceback.format_exception(error))

    def test_an_at_sign_that_is_quoted_or_in_a_folder_is_none(self):
        assert URL.parse("mem://me%40home").address == "me@home"
        assert URL.parse("mem://host/me@home").address == "host/me@home"
        assert URL.parse("me@home").address == "me@home"

    def test_names_that_only_resemble_them_are_no_secrets(self):
        query = "keys=1&keyed=1&monkey=1&author=1&users=1&passive=1&digest_len=1"
        assert len(URL.parse(f"mem://x?{query}").query) == 7

    def test_what_a_class_declares_is_refused_in_its_urls(self):
        with pytest.raises(URLError, match="'badge' of a odd: URL would be a secret") as raised:
            Odd.from_url("odd://x?badge=hunter2")
        assert "hunter2" not in str(raised.value)
        assert Odd.from_url("odd://x", badge="hunter2").badge == "hunter2"

    def test_a_backend_with_a_secret_has_no_url(self):
        with pytest.raises(URLError, match="badge is a secret") as raised:
            _ = Odd("x", badge="hunter2").url
        assert "hunter2" not in str(raised.value)


class TestParameters:
    @pytest.mark.parametrize(
        "params",
        [
            {},
            {"place": "a b/ü?"},
            {"count": -3},
            {"ratio": 0.1},
            {"ratio": 1e300},
            {"ratio": 2.0},
            {"fsync": False},
            {"label": "none"},
            {"label": ""},
            {"label": "true"},
            {"title": ""},
            {"colour": Colour.Blue},
            {"kind": str},
            {"kind": dict},
            {"parts": ("a", "b")},
            {"parts": ("a",)},
            {"count": 1, "fsync": False, "label": "a&b=c", "kind": int},
        ],
        ids=str,
    )
    def test_come_back_as_they_were(self, params):
        backend = Odd(**params)
        again = Odd.from_url(backend.url)
        assert again == backend
        assert type(again.ratio) is type(backend.ratio)

    def test_defaults_are_left_out(self):
        assert Odd().url == "odd://here"
        assert Odd("x", count=2).url == "odd://x?count=2"

    @pytest.mark.parametrize(
        "params",
        [
            {"session": ...},
            {"kind": Colour},
            {"names": ["a", "b"]},
            {"title": None},
            {"count": "not a number"},
            {"parts": ("a", 5)},
            {"place": ""},
            {"place": None},
            {"place": Path("x")},
        ],
        ids=str,
    )
    def test_what_a_url_cannot_say_is_an_error_that_names_it(self, params):
        [name] = params
        with pytest.raises(URLError, match=f"Odd has no URL: a URL cannot say its {name}|{name!r}"):
            _ = Odd(**params).url

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("fsync=false", False),
            ("fsync=0", False),
            ("fsync=No", False),
            ("fsync=TRUE", True),
            ("fsync=yes", True),
            ("fsync=1", True),
            ("count=7", 7),
            ("ratio=7", 7.0),
            ("ratio=none", None),
            ("colour=red", Colour.RED),
            ("colour=BLUE", Colour.Blue),
            ("kind=str", str),
            ("kind=None", None),
            ("label=7", "7"),
            ("label=", ""),
        ],
    )
    def test_are_typed_by_what_they_configure(self, text, value):
        found = getattr(Odd.from_url(f"odd://x?{text}"), text.partition("=")[0])
        assert (type(found), found) == (type(value), value)

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("count=many", "int"),
            ("count=1.5", "int"),
            ("count=", "int"),
            ("count=none", "int"),
            ("ratio=x", "float"),
            ("fsync=maybe", "bool"),
            ("fsync=", "bool"),
            ("colour=green", "Colour"),
            ("kind=os.PathLike", "built-in type"),
            ("kind=print", "built-in type"),
            ("kind=Odd", "built-in type"),
            ("session=x", "keyword"),
        ],
    )
    def test_of_a_wrong_type_are_an_error_that_says_the_right_one(self, text, wanted):
        with pytest.raises(URLError) as raised:
            Odd.from_url(f"odd://x?{text}")
        assert text.partition("=")[0] in str(raised.value)
        assert wanted in str(raised.value)

    def test_that_are_unknown_are_an_error_that_lists_the_known(self):
        for call in (
            lambda: Odd.from_url("odd://x?cuont=1"),
            lambda: Odd.from_url("odd://x", cuont=1),
        ):
            with pytest.raises(URLError) as raised:
                call()
            text = str(raised.value)
            assert "no parameter 'cuont'; did you mean 'count'?" in text
            assert "fsync" in text
            assert "label" in text

    def test_a_keyword_wins_over_the_query(self):
        backend = Odd.from_url("odd://x?count=1&fsync=false", count=2, place="y")
        assert (backend.place, backend.count, backend.fsync) == ("y", 2, False)

    def test_the_wrong_scheme(self):
        with pytest.raises(URLError, match="Odd wants a odd:// URL, not memory://"):
            Odd.from_url("memory://x")

    def test_an_address_that_is_wanted(self):
        class Strict(Five):
            scheme = "strict"

            def __init__(self, place):
                self.place = place

        with pytest.raises(URLError, match="without an address: place is wanted"):
            Strict.from_url("strict://")
        assert Strict.from_url("strict://", place="x").place == "x"

    @pytest.mark.parametrize("init", [None, lambda self: None], ids=["inherited", "its own"])
    def test_a_class_without_parameters(self, init):
        bare = type("Bare", (Five,), {"scheme": "bare"} | ({"__init__": init} if init else {}))
        assert bare.from_url(bare().url) == bare()
        assert repr(bare()) == "Bare()"
        for text in ("bare://x", "bare://?x=1"):
            with pytest.raises(URLError, match="bare"):
                bare.from_url(text)

    def test_a_class_without_a_scheme_has_no_url(self):
        with pytest.raises(URLError, match="Five has no URL"):
            _ = Five().url


class TestOpening:
    def test_a_url_opens_a_dictionary_of_that_backend(self):
        d = open_url("memory://test-opening?file_type=json&immutable_items=true&digest_len=3")
        assert type(d) is PersiDict
        assert d.backend == MemoryBackend("test-opening")
        assert (d.file_type, d.immutable_items, d.digest_len) == ("json", True, 3)

    def test_the_url_of_a_dictionary_opens_the_same_one(self):
        params: dict[str, Any] = {
            "file_type": "md",
            "prefix": ("a", "b"),
            "digest_len": 5,
            "immutable_items": True,
            "base_class_for_values": str,
            "allow_pickle": False,
            "max_value_bytes": 100,
        }
        d = PersiDict(MemoryBackend("test-same"), **params)
        again = open_url(d.url)
        assert again.get_params() == d.get_params()
        sub = d.get_subdict("c")
        assert open_url(sub.url).prefix == ("a", "b", "c")

    def test_a_class_of_the_users_makes_the_url_an_error(self):
        class Own:
            pass

        with pytest.raises(URLError, match="base_class_for_values"):
            _ = PersiDict("memory://", base_class_for_values=Own).url

    @pytest.mark.parametrize("text", ["int", "list", "dict", "str"])
    def test_a_class_for_values_is_a_builtin_by_name(self, text):
        d = open_url(f"memory://?base_class_for_values={text}")
        assert d.base_class_for_values.__name__ == text

    @pytest.mark.parametrize("text", ["os.system", "Path", "__import__", "numpy.ndarray", "open"])
    def test_a_class_for_values_is_never_imported(self, text):
        with pytest.raises(URLError, match="built-in type"):
            open_url(f"memory://?base_class_for_values={text}")

    @pytest.mark.parametrize("said", [False, True])
    @pytest.mark.parametrize("given", [False, True, None])
    def test_allow_pickle_false_wins_wherever_it_is_said(self, said, given):
        keywords = {} if given is None else {"allow_pickle": given}
        url = f"?file_type=json&allow_pickle={said}"
        allowed = said and given is not False
        assert open_url(f"memory://{url}", **keywords).allow_pickle is allowed
        assert FolderDict.from_url(f"file://x{url}", **keywords).allow_pickle is allowed

    def test_an_unknown_parameter_lists_those_of_dictionary_and_backend(self):
        for call in (
            lambda: open_url("memory://x?file_tpye=json"),
            lambda: open_url("memory://x", file_tpye="json"),
        ):
            with pytest.raises(URLError) as raised:
                call()
            assert "did you mean 'file_type'?" in str(raised.value)
            assert "digest_len" in str(raised.value)

    def test_the_constructor_takes_the_backends_parameters_only(self):
        with pytest.raises(URLError, match="no parameter 'file_type'"):
            PersiDict("memory://x?file_type=json")

    def test_an_error_leaves_nothing_behind(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for text in ("s3:bucket", "data?file_type=json", "folder?fsync=1", "nope://x", ""):
            with pytest.raises((URLError, PluginError)):
                open_url(text)
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_scheme(self):
        with pytest.raises(PluginError, match="'memroy' is not installed: did you mean 'memory'"):
            open_url("memroy://x")
        with pytest.raises(PluginError):
            backends.get("memroy")
