"""`FileDirDict`: its folder, its digests, its URL, and what it refuses."""

import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import persidict_core
from persidict_core import BackendError, ImmutableItemError, URLError
from persidict_file import FileDirDict


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def names(folder):
    return sorted(
        os.path.relpath(os.path.join(place, name), folder)
        for place, _, files in os.walk(folder)
        for name in files
    )


class TestFolder:
    def test_it_is_made_on_demand(self, tmp_path):
        FileDirDict(base_dir=str(tmp_path / "my" / "app_data"))
        assert (tmp_path / "my" / "app_data").is_dir()

    def test_reopening_finds_the_data(self, tmp_path):
        FileDirDict(tmp_path)["a", "b"] = {"x": {1, 2}}
        assert FileDirDict(str(tmp_path))["a", "b"] == {"x": {1, 2}}

    def test_the_default_name_is_in_the_working_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        FileDirDict()["a"] = 1
        assert names(tmp_path) == ["__file_dir_dict__/a_btaxlooa.pkl"]

    def test_parameters_may_be_positional(self, tmp_path):
        d = FileDirDict(tmp_path, "json", True, 4, int)
        d["a"] = 1
        assert names(tmp_path) == ["a_btax.json"]
        assert (d.file_type, d.immutable_items, d.digest_len) == ("json", True, 4)
        assert d.base_class_for_values is int

    def test_base_dir_and_base_url(self, tmp_path):
        d = FileDirDict(tmp_path / "a b", fsync=False)
        assert d.base_dir == str(tmp_path / "a b") and d.base_url == f"file://{tmp_path}/a%20b"

    def test_a_relative_folder_stays_the_same_after_a_change_of_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        d = FileDirDict("here")
        d["a"] = 1
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path / "other")
        assert d["a"] == 1 and pickle.loads(pickle.dumps(d)) == {"a": 1}

    def test_a_file_is_no_folder(self, tmp_path):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(ValueError, match="is no folder"):
            FileDirDict(tmp_path / "file")
        assert (tmp_path / "file").read_text() == "mine"

    @pytest.mark.parametrize("bad", [{"a": 1}, [("a", 1)], 5, None, b"x"])
    def test_initial_items_are_no_folder(self, bad, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(TypeError):
            FileDirDict(bad)
        assert names(tmp_path) == [] and os.listdir(tmp_path) == []

    @pytest.mark.parametrize(
        "bad", [{"file_type": "a.b"}, {"digest_len": -1}, {"base_class_for_values": 5}]
    )
    def test_bad_parameters_make_no_folder(self, bad, tmp_path):
        with pytest.raises((ValueError, TypeError)):
            FileDirDict(tmp_path / "new", **bad)
        assert not (tmp_path / "new").exists()

    def test_a_url_is_no_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ValueError, match=r"persidict\.open"):
            FileDirDict("file:///somewhere")
        assert os.listdir(tmp_path) == []

    def test_a_folder_that_cannot_be_made_names_it(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(BackendError, match="below"):
            FileDirDict(tmp_path / "file" / "below")

    @pytest.mark.root
    def test_a_read_only_folder_opens_for_reading(self, tmp_path):
        FileDirDict(tmp_path / "d")["a"] = 1
        code = (
            "import os, sys; from persidict_file import FileDirDict\n"
            "d = FileDirDict(sys.argv[1]); repr(d), d['a']  # Imports all, while it may.\n"
            "os.setresuid(65534, 65534, 65534)\n"
            "d = FileDirDict(sys.argv[1]); assert d['a'] == 1, d\n"
            "try: d['b'] = 2\n"
            "except Exception as e: print(type(e).__name__, e)"
        )
        for folder in (tmp_path, *tmp_path.parents[:3], tmp_path / "d"):
            folder.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "d")], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("BackendError") and "ermission" in done.stdout
        assert FileDirDict(tmp_path / "d") == {"a": 1}


class TestDigests:
    def test_an_empty_folder_gets_8(self, tmp_path):
        d = FileDirDict(tmp_path)
        d["a", "B"] = 1
        assert d.digest_len == 8 and names(tmp_path) == ["a_btaxlooa/B_tvpnm6h6.pkl"]

    @pytest.mark.parametrize("length", [1, 2, 3, 4, 8, 26])
    def test_what_the_names_carry_is_found(self, tmp_path, length):
        d = FileDirDict(tmp_path, digest_len=length)
        d.update({"a": 1, "b": 2, ("c", "d"): 3})
        again = FileDirDict(tmp_path)
        assert again.digest_len == length and again == d

    def test_0_is_given_never_found(self, tmp_path):
        d = FileDirDict(tmp_path, digest_len=0)
        d["a"] = 1
        with pytest.warns(UserWarning, match="digest_len=0"):
            assert FileDirDict(tmp_path).digest_len == 8
        assert FileDirDict(tmp_path, digest_len=0) == {"a": 1}

    def test_a_contradiction_warns_and_names_both(self, tmp_path):
        FileDirDict(tmp_path, digest_len=8)["a"] = 1
        with pytest.warns(UserWarning, match=r"digest_len=4 .* 8") as caught:
            FileDirDict(tmp_path, digest_len=4)
        assert caught[0].filename == __file__

    def test_files_of_another_type_do_not_count(self, tmp_path):
        (tmp_path / "readme.txt").write_text("hello")
        assert FileDirDict(tmp_path).digest_len == 8

    def test_the_number_travels(self, tmp_path):
        FileDirDict(tmp_path, digest_len=4)["a", "b"] = 1
        d = FileDirDict(tmp_path)
        assert d.get_subdict("a").digest_len == 4 and d.get_params()["digest_len"] == 4
        assert pickle.loads(pickle.dumps(d)).digest_len == 4 and "digest_len=4" in d.url

    def test_the_limit_of_a_name_counts_digest_and_type(self, tmp_path):
        d = FileDirDict(tmp_path)
        d["a" * (255 - 9 - 4)] = 1
        with pytest.raises(ValueError, match="limit of this store is 255"):
            d["a" * (255 - 9 - 4 + 1)] = 2
        d["a" * (255 - 9), "b"] = 3
        with pytest.raises(ValueError, match="255"):
            d["a" * (255 - 9 + 1), "b"] = 4
        assert len(d) == 2

    def test_names_that_do_not_lead_back_are_no_keys(self, tmp_path):
        d = FileDirDict(tmp_path)
        d["a"] = 1
        for name in (
            "b.pkl",
            "b_aaaaaaaa.pkl",
            "a_btaxlooa.pkl~",
            "c d.pkl",
            ".pkl",
            "_aaaaaaaa.pkl",
        ):
            (tmp_path / name).write_bytes(b"?")
        assert dict(d) == {"a": 1} and len(d) == 1 and d.newest_keys() == ["a"]


class TestURL:
    @pytest.mark.parametrize(
        "name",
        ["a b", "a#b", "a?b", "a%b", "a\nb", "中é", "a?file_type=json", "s3:x", "it's", "a&b=c+d"],
    )
    @pytest.mark.parametrize("kind", [{}, {"file_type": "md", "base_class_for_values": str}])
    def test_odd_folder_names_round_trip(self, tmp_path, name, kind):
        d = FileDirDict(tmp_path / name, **kind)
        d["a"] = "x"
        again = persidict_core.open(d.url)
        assert type(again) is FileDirDict and again == {"a": "x"}
        assert again.get_params() == d.get_params() and again.base_dir == str(tmp_path / name)
        assert d.url.isascii() and " " not in d.url

    def test_parameters_are_typed(self, tmp_path):
        url = f"file://{tmp_path}?file_type=json&immutable_items=true&digest_len=4&fsync=no"
        d = persidict_core.open(url, base_class_for_values=int)
        assert (d.file_type, d.immutable_items, d.digest_len, d.fsync) == ("json", True, 4, False)

    @pytest.mark.parametrize(
        "query", ["digest_len=x", "fsync=maybe", "nonsense=1", "base_class_for_values=os.system"]
    )
    def test_wrong_parameters_make_no_folder(self, tmp_path, query):
        with pytest.raises(URLError, match=query.partition("=")[0]):
            persidict_core.open(f"file://{tmp_path}/new?{query}")
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("url", ["s3:bucket", "data?file_type=json", "", "file://"])
    def test_what_is_neither_a_url_nor_a_folder(self, url, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(URLError):
            persidict_core.open(url)
        assert os.listdir(tmp_path) == []

    def test_a_string_or_a_path_is_a_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert persidict_core.open("data").base_dir == str(tmp_path / "data")
        assert persidict_core.open(Path("data?")).base_dir == str(tmp_path / "data?")
        assert persidict_core.open("C:\\data").base_dir == str(tmp_path / "C:\\data")


class TestSubdicts:
    def test_they_are_views(self, tmp_path):
        d = FileDirDict(tmp_path)
        sub = d.get_subdict(("x", "y"))
        assert os.listdir(tmp_path) == [] and not sub
        sub["a"] = 1
        assert d == {("x", "y", "a"): 1} and type(sub) is FileDirDict
        assert type(sub)(**sub.get_params()) == sub == persidict_core.open(sub.url)

    def test_subdicts_are_those_with_something_below(self, tmp_path):
        d = FileDirDict(tmp_path)
        d.update({"a": 1, ("b", "c"): 2, ("d", "e", "f"): 3})
        (tmp_path / "empty_mhxqyjgv").mkdir()
        FileDirDict(tmp_path, "json")["g", "h"] = 4
        assert sorted(d.subdicts()) == ["b", "d", "g"]
        assert d.subdicts()["d"] == {("e", "f"): 3} and d.subdicts()["g"] == {}


class TestNames:
    def test_a_name_that_would_be_file_and_folder_is_a_clear_error(self, tmp_path):
        d = FileDirDict(tmp_path, "json", digest_len=0)
        d["a"] = 1
        with pytest.raises(BackendError, match=r"a\.json"):
            d["a.json", "b"] = 2
        d["c.json", "b"] = 3
        with pytest.raises(BackendError, match=r"c\.json"):
            d["c"] = 4
        assert d == {"a": 1, ("c.json", "b"): 3} and "c" not in d and ("a.json", "b") not in d

    def test_a_key_may_start_with_a_dot(self, tmp_path):
        d = FileDirDict(tmp_path, digest_len=0)
        d[".hidden", ".git"] = 1
        assert FileDirDict(tmp_path, digest_len=0) == {(".hidden", ".git"): 1}

    def test_keys_that_differ_in_case_only(self, tmp_path):
        d = FileDirDict(tmp_path)
        d["a"], d["A"] = 1, 2
        assert len({name.lower() for name in names(tmp_path)}) == 2 and d == {"a": 1, "A": 2}


def test_immutable_items(tmp_path):
    d = FileDirDict(tmp_path, immutable_items=True)
    d["a"] = 1
    for change in (
        lambda: d.__setitem__("a", 2),
        lambda: d.__delitem__("a"),
        lambda: d.pop("a"),
        lambda: d.clear(),
        lambda: d.delete_if_exists("a"),
    ):
        with pytest.raises(ImmutableItemError):
            change()
    assert d.setdefault("a", 3) == 1 and FileDirDict(tmp_path) == {"a": 1}


@pytest.mark.parametrize("text", ["", "line1\r\nline2\rline3\n", "中é🎉", "\ufeffbom", "a\0b"])
def test_text_is_kept_to_the_letter(tmp_path, text):
    d = FileDirDict(tmp_path, "txt", base_class_for_values=str)
    d["a"] = text
    assert FileDirDict(tmp_path, "txt", base_class_for_values=str)["a"] == text
    assert (tmp_path / "a_btaxlooa.txt").read_bytes() == text.encode()
