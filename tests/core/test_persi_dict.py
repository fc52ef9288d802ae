"""What `PersiDict` does beyond what the conformance kit asks of every dictionary."""

import io
import pickle
from contextlib import contextmanager
from enum import Enum

import pytest

from persidict_core import (
    ABSENT,
    ANY,
    DELETE_CURRENT,
    KEEP_CURRENT,
    UNCHANGED,
    AdaptedBackend,
    BackendError,
    BulkError,
    MemoryBackend,
    NotSupported,
    PersiDict,
    PluginError,
    PreconditionFailed,
    SafeStrTuple,
    SerializationError,
    URLError,
)
from tests.core.five_verbs import FiveVerbs, FourVerbs


@pytest.fixture
def d():
    return PersiDict(MemoryBackend())


@pytest.fixture
def plain():
    """A dictionary over an object that promises nothing beyond the five verbs."""
    return PersiDict(FiveVerbs())


class TestBackendArgument:
    def test_without_one_it_is_a_type_error(self):
        with pytest.raises(TypeError, match="backend"):
            PersiDict()

    def test_five_verbs_are_enough(self, plain):
        plain["a", "b"] = 1
        assert dict(plain) == {("a", "b"): 1} and isinstance(plain.backend, AdaptedBackend)

    def test_four_verbs_are_not_and_the_error_says_which_is_missing(self):
        with pytest.raises(TypeError, match="lacks delete"):
            PersiDict(FourVerbs())

    @pytest.mark.parametrize("bad", [{"a": 1}, 5, None, ["a"]])
    def test_what_is_no_backend_is_a_type_error(self, bad):
        with pytest.raises(TypeError, match="no backend"):
            PersiDict(bad)

    def test_a_class_is_no_backend(self):
        with pytest.raises(TypeError, match="not the class"):
            PersiDict(MemoryBackend)

    def test_a_url_is(self):
        PersiDict("memory://argument")["a"] = 1
        assert PersiDict("memory://argument")["a"] == 1

    def test_a_url_takes_the_parameters_of_the_backend_only(self):
        with pytest.raises(URLError, match="file_type"):
            PersiDict("memory://x?file_type=json")

    def test_an_unknown_scheme(self):
        with pytest.raises(PluginError, match="acme"):
            PersiDict("acme://x")


class TestParameters:
    @pytest.mark.parametrize("bad", ["", ".", ".json", "a.b", "a/b", "..", "a b", "é"])
    def test_file_types_that_cannot_be(self, bad):
        with pytest.raises(ValueError):
            PersiDict("memory://", file_type=bad, base_class_for_values=str)

    def test_text_wants_its_base_class(self):
        with pytest.raises(ValueError, match="base_class_for_values=str"):
            PersiDict("memory://", file_type="md")

    @pytest.mark.parametrize("file_type", ["md", "npy", "parquet"])
    def test_a_base_class_of_str_means_text_whatever_plugin_has_the_name(self, file_type):
        d = PersiDict("memory://", file_type=file_type, base_class_for_values=str)
        d["a"] = "é\r\n"
        assert d.backend.read_bytes(f"a.{file_type}") == "é\r\n".encode() and d["a"] == "é\r\n"

    @pytest.mark.parametrize("file_type", ["pkl", "json"])
    def test_but_not_for_pkl_and_json(self, file_type):
        d = PersiDict("memory://", file_type=file_type, base_class_for_values=str)
        d["a"] = "x"
        assert d.backend.read_bytes(f"a.{file_type}") != b"x" and d["a"] == "x"

    @pytest.mark.parametrize("bad", ["8", 1.5, True])
    def test_digest_len_is_an_int(self, bad):
        with pytest.raises(TypeError):
            PersiDict("memory://", digest_len=bad)

    def test_digest_len_is_not_negative(self):
        with pytest.raises(ValueError):
            PersiDict("memory://", digest_len=-1)

    def test_names_are_not_signed_unless_the_backend_says_so(self, d):
        d["a"] = 1
        assert list(d.backend.list_prefix()) == ["a.pkl"] and d.digest_len == 0

    def test_a_given_digest_len_counts_anywhere(self):
        d = PersiDict("memory://", digest_len=8)
        d["a", "b"] = 1
        assert list(d.backend.list_prefix()) == ["a_btaxlooa/b_slvvo2gx.pkl"] or len(d) == 1
        assert list(d) == [("a", "b")] and d.get_params()["digest_len"] == 8

    @pytest.mark.parametrize(
        ("former", "today"),
        [("serialization_format", "file_type"), ("append_only", "immutable_items")],
    )
    def test_names_of_other_versions_are_told_of_todays(self, former, today):
        with pytest.raises(TypeError, match=f"{former} is called {today} today"):
            PersiDict("memory://", **{former: "pkl"})
        with pytest.raises(AttributeError, match=f"{former} is called {today} today"):
            getattr(PersiDict("memory://"), former)
        assert former not in dir(PersiDict("memory://"))

    def test_an_unknown_parameter_is_a_type_error(self):
        with pytest.raises(TypeError, match="nonsense"):
            PersiDict("memory://", nonsense=1)

    def test_params_make_the_same_dictionary_again(self, d):
        sub = d.get_subdict(("x", "y"))
        sub["a"] = 1
        again = type(sub)(**sub.get_params())
        assert again == sub and again.prefix == ("x", "y") and d["x", "y", "a"] == 1

    @pytest.mark.parametrize("prefix", ["x/y", ("x", "y"), [["x"], "y"]])
    def test_a_prefix(self, d, prefix):
        PersiDict(d.backend, prefix=prefix)["a"] = 1
        assert dict(d) == {("x", "y", "a"): 1}

    @pytest.mark.parametrize("bad", ["..", "x//y", "/x", ("x", "..")])
    def test_a_prefix_obeys_the_rule_of_keys(self, bad):
        with pytest.raises(ValueError):
            PersiDict("memory://", prefix=bad)

    @pytest.mark.parametrize(
        ("bad", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError)]
    )
    def test_max_value_bytes_is_a_positive_int(self, bad, error):
        with pytest.raises(error):
            PersiDict("memory://", max_value_bytes=bad)


class TestURL:
    def test_it_opens_the_same_dictionary(self):
        d = PersiDict("memory://url", file_type="json", base_class_for_values=int)
        d["a"] = 1
        assert d.url == "memory://url?file_type=json&base_class_for_values=int"
        assert PersiDict.from_url(d.url) == d == {"a": 1}

    def test_of_a_sub_dictionary(self):
        sub = PersiDict("memory://url2").get_subdict(("x", "y"))
        sub["a"] = 1
        assert PersiDict.from_url(sub.url) == {"a": 1} and "prefix=x/y" in sub.url

    def test_what_a_url_cannot_say(self):
        class Mine(dict):
            pass

        with pytest.raises(URLError, match="base_class_for_values"):
            _ = PersiDict("memory://url", base_class_for_values=Mine).url
        with pytest.raises(URLError):
            _ = PersiDict(FiveVerbs()).url

    def test_unknown_parameters_name_the_known(self):
        with pytest.raises(URLError, match="file_type"):
            PersiDict.from_url("memory://x?fille_type=json")

    def test_allow_pickle_false_wins_wherever_it_is_said(self):
        url = "memory://x?allow_pickle=false"
        assert PersiDict.from_url(url, allow_pickle=True).allow_pickle is False
        assert PersiDict.from_url(
            "memory://x?allow_pickle=true", allow_pickle=False
        ).allow_pickle is (False)


class TestBadInput:
    @pytest.mark.parametrize("key", ["", "a/b", "..", (), ("a", ""), "a" * 254])
    def test_keys_that_cannot_be(self, d, key):
        d["kept"] = 1
        for use in (
            lambda: d[key],
            lambda: key in d,
            lambda: d.get(key),
            lambda: d.__setitem__(key, 1),
            lambda: d.__delitem__(key),
            lambda: d.pop(key, None),
            lambda: d.setdefault(key, KEEP_CURRENT),
            lambda: d.__setitem__(key, KEEP_CURRENT),
            lambda: d.update({key: 1} if key != () else [(key, 1)]),
            lambda: list(d.get_many([key])),
            lambda: d.delete_many([key]),
            lambda: d.set_if(key, 1, ABSENT),
            lambda: d.delete_if(key, "1"),
            lambda: d.transform(key, len, 1),
            lambda: d.timestamp(key),
            lambda: d.delete_if_exists(key),
        ):
            with pytest.raises(ValueError):
                use()
        assert dict(d) == {"kept": 1}

    @pytest.mark.parametrize("key", [1, b"a", None, ("a", 1), {"a"}, 1.5])
    def test_keys_of_the_wrong_kind(self, d, key):
        for use in (lambda: d[key], lambda: key in d, lambda: d.get(key), lambda: d.pop(key, None)):
            with pytest.raises(TypeError):
                use()

    def test_values_of_the_wrong_class(self):
        d = PersiDict("memory://", base_class_for_values=int)
        d["a"] = 1
        for use in (
            lambda: d.__setitem__("a", "x"),
            lambda: d.update({"b": 2, "a": "x"}),
            lambda: d.set_if("a", "x", d.get_with_etag("a")[1]),
            lambda: d.transform("a", str),
            lambda: d.setdefault("c", "x"),
        ):
            with pytest.raises(TypeError, match="int only"):
                use()
        assert dict(d) == {"a": 1}

    def test_stored_values_of_the_wrong_class(self, d):
        d["a"] = "x"
        with pytest.raises(TypeError, match="'a' is of type str"):
            PersiDict(d.backend, base_class_for_values=int)["a"]

    @pytest.mark.parametrize("file_type", ["pkl", "json"])
    def test_values_that_cannot_be_written_leave_the_old_one(self, file_type):
        d = PersiDict("memory://", file_type=file_type)
        d["a"] = 1
        with pytest.raises(SerializationError, match="'a'") as caught:
            d["a"] = lambda: None
        assert caught.value.key == "a" and caught.value.file_type == file_type
        assert d["a"] == 1

    @pytest.mark.parametrize("file_type", ["pkl", "json"])
    @pytest.mark.parametrize(
        "data", [b"", b"\x80", b"nonsense", b"\x04\x22\x4d\x18broken", b"\xff\xfe"]
    )
    def test_damaged_bytes_are_no_value(self, file_type, data):
        d = PersiDict("memory://", file_type=file_type)
        d.backend.write_bytes(f"a.{file_type}", data)
        for use in (
            lambda: d["a"],
            lambda: d.get("a"),
            lambda: list(d.values()),
            lambda: d.pop("a"),
        ):
            with pytest.raises(SerializationError, match=rf"a\.{file_type}"):
                use()
        assert "a" in d

    def test_expect_is_an_etag_or_absent(self, d):
        d["a"] = 1
        for expect in (None, 1, b"x", KEEP_CURRENT):
            with pytest.raises(TypeError, match="expect"):
                d.set_if("a", 2, expect)
            with pytest.raises(TypeError, match="expect"):
                d.delete_if("a", expect)
        with pytest.raises(TypeError, match="expect"):
            d.delete_if("a", ABSENT)
        assert d["a"] == 1

    def test_max_value_bytes(self, d):
        d["a"] = "x" * 1000
        small = PersiDict(d.backend, max_value_bytes=100)
        d["b"] = "y"
        assert small["b"] == "y"
        with pytest.raises(SerializationError, match="max_value_bytes"):
            small["a"]

    def test_a_fault_of_the_store_is_never_a_missing_key(self):
        class Failing(MemoryBackend):
            def read_bytes(self, path):
                raise BackendError("on fire", repr(self), "read_bytes", path)

            def stat(self, path):
                raise BackendError("on fire", repr(self), "stat", path)

        d = PersiDict(Failing())
        for use in (
            lambda: d["a"],
            lambda: d.get("a"),
            lambda: "a" in d,
            lambda: d.setdefault("a", 1),
        ):
            with pytest.raises(BackendError, match="on fire"):
                use()


class TestWithoutPromises:
    """On a backend that claims nothing, dict verbs work in two steps and conditions refuse."""

    def test_dict_verbs_work(self, plain):
        assert plain.setdefault("a", 1) == 1 and plain.setdefault("a", 2) == 1
        assert plain.pop("a") == 1 and plain.pop("a", 5) == 5
        plain["b"] = 2
        assert plain.popitem() == ("b", 2)
        with pytest.raises(KeyError):
            plain.popitem()
        plain.update({"c": 3}, d=4)
        assert plain == {"c": 3, "d": 4}
        plain.clear()
        assert not plain

    def test_conditions_refuse_before_anything_changes(self, plain):
        plain["a"] = 1
        for use in (
            lambda: plain.set_if("b", 1, ABSENT),
            lambda: plain.set_if("a", 1, "?"),
            lambda: plain.delete_if("a", "?"),
            lambda: plain.get_with_etag("a"),
            lambda: plain.transform("a", pytest.fail),
        ):
            with pytest.raises(NotSupported):
                use()
        assert plain == {"a": 1}

    def test_immutable_items_refuse_at_construction(self):
        with pytest.raises(NotSupported, match="if_absent"):
            PersiDict(FiveVerbs(), immutable_items=True)


class TestStreaming:
    class Recording(MemoryBackend):
        def __init__(self, name=None):
            super().__init__(name)
            self.streamed = []

        @contextmanager
        def write_file(self, path, expect=None):
            self.streamed.append(path)
            with io.BytesIO() as file:
                yield file
                self.write_bytes(path, file.getvalue())

    def test_values_over_a_megabyte_are_streamed(self):
        import random

        d = PersiDict(self.Recording())
        big = random.Random(1).randbytes(3 << 20)
        d["small"], d["big"] = b"x" * 1000, big
        assert d.backend.streamed == ["big.pkl"] and d["big"] == big and d["small"] == b"x" * 1000

    def test_a_value_that_fails_in_mid_stream_changes_nothing(self):
        import random

        d = PersiDict(MemoryBackend())
        d["a"] = 1
        with pytest.raises(SerializationError):
            d["a"] = [random.Random(1).randbytes(3 << 20), lambda: None]
        assert d["a"] == 1

    def test_immutable_items_too(self):
        import random

        big = random.Random(1).randbytes(2 << 20)
        d = PersiDict(MemoryBackend(), immutable_items=True)
        d["a"] = big
        with pytest.raises(KeyError):
            d["a"] = big + b"!"
        assert d["a"] == big


class TestBulk:
    def test_within_a_batch_the_last_of_a_key_counts(self, d):
        d.set_many([("a", 1), ("b", 2), ("a", 3)])
        assert d == {"a": 3, "b": 2}

    def test_jokers_are_obeyed_item_by_item(self, d):
        d.update({"a": 1, "b": 2, "c": 3})
        d.set_many([("a", KEEP_CURRENT), ("b", DELETE_CURRENT), ("c", 4), ("d", KEEP_CURRENT)])
        assert d == {"a": 1, "c": 4}
        d.set_many([("a", 5), ("a", KEEP_CURRENT), ("new", DELETE_CURRENT)])
        assert d == {"a": 5, "c": 4}

    def test_all_the_rest_is_tried_before_the_error(self, d):
        with pytest.raises(BulkError) as caught:
            d.update({"a": 1, "b": lambda: None, ("c", "d"): 3})
        assert list(caught.value.failures) == ["b"] and d == {"a": 1, ("c", "d"): 3}
        assert isinstance(caught.value.failures["b"], SerializationError)

    def test_many_batches(self, d):
        d.update((str(number), number) for number in range(2500))
        assert len(d) == 2500 and d["2499"] == 2499
        assert dict(d.get_many(["1", "absent", ["2"]]).__iter__().__next__() for _ in range(1))
        assert [value for _, value in d.get_many(["1", "absent", ["2"]])] == [1, 2]
        d.delete_many([*map(str, range(2499)), "absent"])
        assert d == {"2499": 2499}

    def test_immutable_items(self):
        d = PersiDict("memory://", immutable_items=True)
        d["a"] = 1
        with pytest.raises(BulkError) as caught:
            d.update({"a": 2, "b": 3})
        assert list(caught.value.failures) == ["a"] and d == {"a": 1, "b": 3}


def test_an_unhashable_key_works_everywhere(d):
    d[["a", ["b"]]] = 1
    assert d[["a", "b"]] == 1 and ["a", "b"] in d and d.pop(["a", "b"]) == 1


def test_a_key_that_was_changed_is_another_key(d):
    """What is remembered of keys never goes by an object that can change."""
    from collections.abc import Sequence

    class Mutable(Sequence):
        def __init__(self, *strings):
            self.strings = list(strings)

        def __len__(self):
            return len(self.strings)

        def __getitem__(self, index):
            return self.strings[index]

    key = Mutable("a", "b")
    d[key] = 1
    key.strings[1] = "c"
    assert key not in d and d["a", "b"] == 1


def test_what_is_no_key_breaks_nothing(d):
    d["a"] = 1
    for path in ("stranger", "b.json", ".pkl", "x/.pkl"):
        d.backend.write_bytes(path, b"?")
    assert dict(d) == {"a": 1} and len(d) == 1 and d.newest_keys() == ["a"]


def test_it_pickles_by_configuration(d):
    d["a"] = 1
    again = pickle.loads(pickle.dumps(d))
    assert again == {"a": 1} and again.get_params() == d.get_params()


def test_a_plain_dict_of_it_is_found_by_plain_strings(d):
    d["theme"], d["a", "b"] = 1, 2
    assert dict(d)["theme"] == 1 and dict(d)["a", "b"] == 2
    assert set(d) == {"theme", ("a", "b")}


def test_transform_retries_are_bounded(d):
    """ConcurrencyConflict, where every attempt finds a change of somebody else's."""
    from persidict_core import ConcurrencyConflict

    d["a"] = 0

    def meddle(value):
        d["a"] = value + 1
        return value + 100

    with pytest.raises(ConcurrencyConflict, match=r"'a' was changed by others"):
        d.transform("a", meddle)


class TestMistakes:
    """What is easily meant otherwise is an error, and changes nothing."""

    @pytest.mark.parametrize("flag", ["allow_pickle", "immutable_items"])
    @pytest.mark.parametrize("value", ["false", "False", 0, 1, None])
    def test_flags_are_true_or_false(self, flag, value):
        with pytest.raises(TypeError, match=f"{flag} is True or False"):
            PersiDict("memory://", **{flag: value})

    @pytest.mark.parametrize("marker", [ABSENT, ANY, UNCHANGED])
    def test_a_marker_is_no_value(self, d, marker):
        for use in (
            lambda: d.__setitem__("a", marker),
            lambda: d.update(a=marker),
            lambda: d.setdefault("a", marker),
            lambda: d.transform("a", lambda _: marker, 1),
        ):
            with pytest.raises(TypeError, match="never its value"):
                use()
        assert not d

    @pytest.mark.parametrize("key", ["alex", SafeStrTuple("a", "b")])
    def test_one_key_is_not_several(self, d, key):
        d.update(a=1, l=2, e=3, x=4, b=5)
        with pytest.raises(TypeError, match="several keys"):
            d.delete_many(key)
        with pytest.raises(TypeError, match="several keys"):
            d.get_many(key)
        assert len(d) == 5

    def test_transform_takes_a_function(self, d):
        d["a"] = 1
        with pytest.raises(TypeError, match="takes a function"):
            d.transform("a", 5)

    @pytest.mark.parametrize(("max_n", "error"), [(-1, ValueError), ("2", TypeError)])
    def test_max_n_is_a_number(self, d, max_n, error):
        for newest in (d.newest_keys, d.oldest_keys, d.newest_values, d.oldest_values):
            with pytest.raises(error, match="max_n"):
                newest(max_n)

    def test_a_failed_condition_names_the_key(self, d):
        d["a", "b"] = 1
        with pytest.raises(PreconditionFailed, match="'a/b'"):
            d.set_if(("a", "b"), 2, ABSENT)
        with pytest.raises(PreconditionFailed, match="'a/b'"):
            d.delete_if(("a", "b"), "other")

    @pytest.mark.parametrize("url", ["x://", "x://y", "c://data", "://x"])
    def test_a_url_without_a_scheme_of_two_letters(self, url, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(URLError):
            PersiDict(url)


def test_a_default_is_not_changed_by_the_function():
    d = PersiDict("memory://", file_type="json")
    empty = []
    for key in ("a", "b"):
        assert d.transform(key, lambda found: found.append(1) or found, default=empty) == [1]
    assert empty == []


def test_a_function_that_is_called_again_gets_the_default_again():
    d = PersiDict("memory://", file_type="json")
    calls = []

    def add(found):
        if not calls:  # Another is faster, and takes it away at once.
            d["a"] = []
            etag = d.get_with_etag("a")[1]
            calls.append(etag)
        elif len(calls) == 1:
            calls.append(found)
            d.delete_if_exists("a")
            return [*found, "lost"]
        found.append("mine")
        return found

    assert d.transform("a", add, default=[]) == d["a"] == ["mine"]


def test_a_mark_as_default_stays_the_same():
    d = PersiDict("memory://", file_type="json")
    mark = object()
    assert d.transform("a", lambda found: found is mark, default=mark) is True


def test_a_key_that_says_another_name_of_itself_is_its_characters():
    class Color(str, Enum):  # noqa: UP042 - a StrEnum says its characters.
        RED = "red"

    store = MemoryBackend()
    d = PersiDict(store)
    d[Color.RED] = 1
    assert list(d) == ["red"] and d["red"] == 1
    d["red", Color.RED] = 2
    assert PersiDict(store)[Color.RED] == 1
    assert PersiDict(store)["red", Color.RED] == PersiDict(store)["red", "red"] == 2
    assert SafeStrTuple(Color.RED) == Color.RED


def test_update_is_one_operation():
    """What fails in its mapping keeps no keyword from being written."""
    d = PersiDict("memory://", file_type="json")
    with pytest.raises(BulkError) as caught:
        d.update({"bad": {1: 2}}, good=1)
    assert list(caught.value.failures) == ["bad"]
    assert d == {"good": 1}
    d.update({"a": 1}, a=2)
    d.update([("b", 1)], b=2)
    d.update(c=3)
    assert d == {"good": 1, "a": 2, "b": 2, "c": 3}


def test_failures_before_a_bad_key_are_told():
    d = PersiDict("memory://", file_type="json")
    good = [(f"k{number}", 1) for number in range(1000)]
    with pytest.raises(ValueError, match="holds '/'") as caught:
        d.set_many([("bad", {1: 2}), *good, ("a/b", 1)])
    assert "before that, set_many: 1 item failed" in caught.value.__notes__[0]
    assert "'bad'" in caught.value.__notes__[0]
    with pytest.raises(ValueError) as caught:
        d.set_many([*good, ("a/b", 1)])
    assert not hasattr(caught.value, "__notes__")


def test_a_key_too_long_for_the_other_is_a_difference(tmp_path):
    from persidict_file import FileBackend

    long = PersiDict("memory://")
    long["k" * 250] = 1
    short = PersiDict(FileBackend(tmp_path))
    short["k"] = 1
    assert long != short
    assert short != long
