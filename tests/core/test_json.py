"""JSON: jsonpickle's text, and an error where jsonpickle would lose something."""

import collections
import datetime
import decimal
import json
import math
import sys
import threading
import uuid

import numpy
import pandas
import pytest
from hypothesis import given, settings

from persidict_core import MemoryBackend, PersiDict, SerializationError
from persidict_core.serializers.json_text import JsonSerializer
from persidict_core.serializers.sameness import difference
from tests.core.peaks import measured
from tests.core.serializing import (
    Colour,
    Point,
    Words,
    by_jsonpickle,
    plain,
    refused,
    rich,
    run,
    unreadable,
)


class TestPlainJson:
    serializer = JsonSerializer()

    @settings(deadline=None)
    @given(plain)
    def test_it_is_jsonpickle_s_text_and_comes_back(self, value):
        try:
            data = self.serializer.dumps(value)
        except SerializationError:
            # Two surrogates in a row, which JSON makes one character of, are all that is refused.
            assert difference(value, json.loads(json.dumps(value)))
            return
        assert data.decode("ascii") == by_jsonpickle(value)
        assert difference(value, self.serializer.loads(data)) is None

    @pytest.mark.parametrize(
        "value", [math.nan, math.inf, -math.inf, -0.0, 1e22, 5e-324, 2**70, True]
    )
    def test_numbers(self, value):
        data = self.serializer.dumps([value])
        assert data.decode() == by_jsonpickle([value])
        assert repr(self.serializer.loads(data)) == repr([value])

    def test_what_stands_twice_is_one_thing_again(self):
        shared = [1]
        for value in ([shared, shared], {"a": shared, "b": {"c": shared}}, [[], []]):
            data = self.serializer.dumps(value)
            assert data.decode() == by_jsonpickle(value)
            assert self.serializer.loads(data) == value
        back = self.serializer.loads(self.serializer.dumps([shared, shared]))
        assert back[0] is back[1]

    def test_a_cycle_comes_back(self):
        value = {"name": "a"}
        value["self"] = value
        back = self.serializer.loads(self.serializer.dumps(value))
        assert back["self"] is back and back["name"] == "a"

    @pytest.mark.parametrize("key", [1, None, True, (1, 2), 1.5, b"a", type("S", (str,), {})("k")])
    def test_keys_that_would_become_texts_are_refused(self, key):
        for value in ({key: 1}, [{"a": {key: 1}}], ({key: 1},), {"s": [({"x": {key: [()]}},)]}):
            refused(self.serializer, value, "key")

    @pytest.mark.parametrize("key", ["py/object", "py/b64", "py/", "py/anything"])
    def test_keys_that_jsonpickle_takes_for_its_own_are_refused(self, key):
        for value in ({key: 1}, [{"a": {key: 1}}], ({key: "x"},)):
            refused(self.serializer, value, "py/")

    def test_texts_that_look_like_such_keys_are_texts(self):
        for serializer in (self.serializer, JsonSerializer(allow_pickle=False)):
            value = ["py/object", {"a": '"py/object": "x"', "x py/": "py/tuple"}]
            assert serializer.loads(serializer.dumps(value)) == value

    def test_two_surrogates_in_a_row_are_refused(self):
        refused(self.serializer, {"a": ["\ud83d\ude00"]}, r"\['a'\]\[0\]")
        assert self.serializer.loads(self.serializer.dumps("\ud83d")) == "\ud83d"

    def test_utf_8_and_compact_json_of_others_is_read(self):
        data = '{"caf\u00e9":[1,2.5,null]}'.encode()
        assert self.serializer.loads(data) == {"caf\u00e9": [1, 2.5, None]}

    @pytest.mark.parametrize(
        "data", [b"{", b"[1,]", b"nul", b"{} {}", b'"\xff"', b"\xef\xbb\xbf1", b"[" * 100_000]
    )
    def test_what_is_no_json_is_unreadable(self, data):
        unreadable(self.serializer, data, "JSON")


class TestJsonOfObjects:
    serializer = JsonSerializer()

    @settings(deadline=None)
    @given(rich)
    def test_values_come_back_or_are_refused(self, value):
        try:
            data = self.serializer.dumps(value)
        except SerializationError:
            return
        assert data.decode() == by_jsonpickle(value)
        assert difference(value, self.serializer.loads(data)) is None

    @pytest.mark.parametrize(
        "value",
        [
            (1, (2, [3])),
            {1, 2},
            frozenset({"a"}),
            b"\x00\xff",
            1 + 2j,
            datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.UTC),
            datetime.timedelta(1),
            uuid.UUID(int=5),
            decimal.Decimal("1.50"),
            collections.OrderedDict(b=1, a=2),
            collections.defaultdict(list, {"a": [1]}),
            collections.deque([1, 2]),
            Colour.RED,
            Words(["a"]),
            Point,
            [Point(1, Point((2,))), {"p": Point({"x": {3}})}],
            ValueError("a"),
            range(5),
        ],
        ids=repr,
    )
    def test_it_is_jsonpickle_s_text_and_comes_back(self, value):
        data = self.serializer.dumps(value)
        assert data.decode() == by_jsonpickle(value)
        assert difference(value, self.serializer.loads(data)) is None

    def test_an_object_in_itself_comes_back(self):
        point = Point(1)
        point.parent = point
        back = self.serializer.loads(self.serializer.dumps(point))
        assert type(back) is Point and back.parent is back

    @pytest.mark.parametrize(
        "value",
        [
            lambda: 1,
            bytearray(b"ab"),
            Point(lambda: 1),
            Point({1: 2}),
            Point(bytearray(b"ab")),
            threading.Lock(),
            sys.stdout,
            type("Local", (), {})(),
            type("Local", (str,), {})("a"),
            {"a": (iter([1]),)},
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_jsonpickle_would_lose_is_refused(self, value):
        refused(self.serializer, value)
        refused(self.serializer, {"a": [value]})

    def test_a_generator_is_not_exhausted_by_refusing_it(self):
        numbers = (n for n in (1, 2))
        refused(self.serializer, {"a": [numbers]}, "generator")
        assert list(numbers) == [1, 2]

    @pytest.mark.parametrize(
        "text",
        [
            '{"py/object": "no_such_module.Thing"}',
            '{"py/object": "collections.NoSuchThing", "x": 1}',
            '[{"py/type": "no_such_module.Thing"}]',
            '{"a": {"py/function": "no_such_module.thing"}}',
            '{"py/tuple": 5}',
            '{"py/set": {"a": 1}}',
            '{"py/b64": 5}',
            '{"py/id": "x"}',
            '{"py/object": 7}',
        ],
    )
    def test_tags_that_lead_to_nothing_are_unreadable(self, text):
        unreadable(self.serializer, text.encode())

    @pytest.mark.parametrize(
        "text",
        [
            '{"py/object": "collections.OrderedDict"}',
            '{"a": [{"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["true"]}]}]}',
            r'{"\u0070y/object": "collections.OrderedDict"}',
            r'{"p\u0079/object": "collections.OrderedDict"}',
            r'{"py\/object": "collections.OrderedDict"}',
            r'{"\u0070\u0079\u002fobject": "collections.OrderedDict"}',
            r'{"py\u002Ftuple": [1]}',
            '{"py/anything": 1}',
        ],
    )
    def test_without_pickles_no_tag_is_read_however_it_is_spelt(self, text):
        unreadable(JsonSerializer(allow_pickle=False), text.encode(), "allow_pickle=False")

    def test_an_escaped_tag_means_what_it_means_to_jsonpickle(self):
        text = r'{"\u0070y\/tuple": [1, 2]}'
        assert self.serializer.loads(text.encode()) == (1, 2)

    @pytest.mark.parametrize(
        "value",
        [(1,), {1}, b"a", Point(1), [[1]] * 2, numpy.arange(2), {"a": Colour.RED}],
        ids=repr,
    )
    def test_without_pickles_only_plain_json_is_written(self, value):
        refused(JsonSerializer(allow_pickle=False), value, "allow_pickle=False")


@pytest.mark.filterwarnings("ignore:keys will default")
class TestJsonOfArraysAndFrames:
    serializer = JsonSerializer()

    @pytest.mark.parametrize(
        "value",
        [
            numpy.arange(3),
            numpy.linspace(0, 1, 100),
            numpy.arange(40).reshape(5, 8).T,
            numpy.arange(100)[::2],
            numpy.array(["a", "bc"]),
            numpy.array([1, "a", None], dtype=object),
            numpy.zeros((2, 0)),
            numpy.array([1.5, math.nan, -0.0], dtype="f4"),
            numpy.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")]),
            numpy.float32(1.5),
            numpy.dtype("f8"),
            numpy.datetime64("2020-01-01T00:00:00.123456789"),
            {"a": [numpy.arange(3), {"b": (numpy.arange(30),)}]},
            pandas.Series([1.5, 2.5], name="n"),
            pandas.Timestamp("2020-01-01T00:00:00.123456789"),
            pandas.Index(["a", "b"], name="i"),
            pandas.Series([1, 2], index=pandas.Index(["a", "b"], name="i")),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_it_is_jsonpickle_s_text_and_comes_back(self, value):
        data = self.serializer.dumps(value)
        assert data.decode() == by_jsonpickle(value)
        assert difference(value, self.serializer.loads(data)) is None

    @pytest.mark.parametrize(
        "value",
        [
            pandas.DataFrame({"x": [1, 2], "y": [0.1, math.nan], "z": [True, False]}),
            pandas.DataFrame({"x": ["p", "q"], "y": ["r", None]}, index=["a", "b"]),
            pandas.DataFrame({"x": numpy.arange(300.0), "y": [f"{n}" for n in range(300)]}),
            pandas.DataFrame({"o": ["a", 1, None]}),
            pandas.DataFrame({1: [2]}),
            pandas.DataFrame({"t": pandas.to_datetime(["2020-01-01", "2021-02-03"])}),
            pandas.DataFrame(
                {"x": [1, 2]}, index=pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)])
            ),
            pandas.DataFrame(),
            pandas.DataFrame(
                {"o": pandas.Series(["a", "b", None], dtype=object), "s": ["a", "b", None]}
            ),
            pandas.DataFrame({"s": pandas.Series([None, None], dtype="str")}),
            pandas.Series(["a", "b", None]),
            pandas.Series(["a", "b", None], dtype=object),
            pandas.Series([1, 2], index=pandas.Index([3, 4], name=5)),
            {"f": (pandas.DataFrame({"x": ["p"]}),), "g": pandas.Series(["q"], name="s")},
            *(
                pandas.DataFrame({"x": [1, 2], "y": [3, 4]}, dtype=dtype)
                for dtype in (
                    "i1",
                    "i2",
                    "i4",
                    "i8",
                    "u1",
                    "u2",
                    "u4",
                    "u8",
                    "f2",
                    "f4",
                    "f8",
                    "c16",
                    "?",
                )
            ),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_frames_and_series_come_back(self, value):
        data = self.serializer.dumps(value)
        assert difference(value, self.serializer.loads(data)) is None

    @pytest.mark.parametrize(
        "value",
        [
            numpy.array(5),
            numpy.ma.array([1, 2], mask=[True, False]),
            numpy.arange(3, dtype=">i4"),
            pandas.DataFrame({"x": pandas.array([1, None], dtype="Int64")}),
            pandas.DataFrame({"x": pandas.Categorical(["a", "b"])}),
            pandas.DataFrame([[1, 2]], columns=["a", "a"]),
        ],
        ids=lambda value: repr(value)[:40],
    )
    @pytest.mark.filterwarnings("ignore:jsonpickle was unable")
    def test_what_jsonpickle_would_lose_is_refused(self, value):
        refused(self.serializer, value)

    def test_attributes_of_a_frame_are_refused(self):
        value = pandas.DataFrame({"x": [1]})
        value.attrs = {"unit": "m"}
        refused(self.serializer, value, "attrs")

    @pytest.mark.parametrize(
        ("code", "dtype"),
        [
            ("pd/f", "float64"),
            ("pd/f32", "float32"),
            ("pd/f64", "float64"),
            ("pd/i", "int64"),
            ("pd/in", "int64"),
            ("pd/i8", "int8"),
            ("pd/i64", "int64"),
            ("pd/u", "uint64"),
            ("pd/u16", "uint16"),
        ],
    )
    def test_codes_of_any_process_are_understood_without_loss(self, code, dtype):
        text = self.serializer.dumps(pandas.DataFrame({"x": [1, 2]})).decode()
        assert text.count('"pd/i64"') == 1
        frame = self.serializer.loads(text.replace("pd/i64", code).encode())
        assert frame["x"].dtype == dtype and frame["x"].tolist() == [1, 2]

    def test_codes_mean_the_same_in_every_process(self):
        program = """
            import pandas
            from persidict_core.serializers.json_text import JsonSerializer
            frame = pandas.DataFrame({"x": [0.1], "y": [1]}).astype({"y": "i2"})
            print(JsonSerializer().dumps(frame).hex())
            """
        texts = {
            run(program),
            run("\n            import pandas.tseries.holiday, decimal" + program),
        }
        assert len(texts) == 1
        assert b'"pd/f64"' in (data := bytes.fromhex(texts.pop())) and b'"pd/i16"' in data

    def test_threads_do_not_disturb_each_other(self):
        wrong = []

        def work(number):
            value = {"a": [numpy.full(10, number), numpy.full(30, number)] * 3, "p": (number,)}
            for _ in range(60):
                try:
                    back = self.serializer.loads(self.serializer.dumps(value))
                except SerializationError as error:
                    wrong.append(error)
                else:
                    wrong.extend(filter(None, [difference(value, back)]))

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
        assert wrong == []

    def test_a_handler_of_the_user_stays(self):
        assert (
            run(
                """
            import jsonpickle, numpy, pandas
            from jsonpickle import handlers
            from persidict_core.serializers.json_text import JsonSerializer

            @handlers.register(numpy.ndarray, base=True)
            class Mine(handlers.BaseHandler):
                def flatten(self, obj, data):
                    data["mine"] = obj.tolist()
                    return data
                def restore(self, data):
                    return numpy.array(data["mine"])

            data = JsonSerializer().dumps({"a": numpy.arange(3), "f": pandas.DataFrame({"x": [1]})})
            assert b"mine" in data
            print(handlers.get(numpy.ndarray) is Mine)
            """
            )
            == "True"
        )

    def test_a_subclass_from_a_module_is_read_in_a_fresh_process(self, tmp_path):
        (tmp_path / "rows.py").write_text("import numpy\nclass Rows(numpy.ndarray): pass\n")
        text = '{"py/object": "rows.Rows", "dtype": "int64", "values": [1, 2]}'
        assert (
            run(
                f"""
            import sys
            sys.path.insert(0, {str(tmp_path)!r})
            from persidict_core.serializers.json_text import JsonSerializer
            print(JsonSerializer().loads({text!r}.encode()).tolist())
            """
            )
            == "[1, 2]"
        )

    def test_without_numpy_its_values_are_unreadable_and_the_error_says_what_to_install(self):
        data = self.serializer.dumps(numpy.arange(3))
        assert "persidict-core[numpy]" in run(
            f"""
            import sys
            sys.modules["numpy"] = None
            from persidict_core import SerializationError
            from persidict_core.serializers.json_text import JsonSerializer
            try:
                JsonSerializer().loads({data!r})
            except SerializationError as error:
                print(error)
            """
        )


def test_arrays_do_not_expand_beyond_the_limit():
    """jsonpickle packs them by zlib."""
    store = MemoryBackend()
    d = PersiDict(store, file_type="json")
    d["bomb"] = numpy.zeros(1_000_000)
    d["two"] = [numpy.zeros(9_000), numpy.ones(9_000)]
    limited = PersiDict(store, file_type="json", max_value_bytes=100_000)
    for key in ("bomb", "two"):
        assert store.stat(f"{key}.json").size < 20_000
        with pytest.raises(SerializationError, match="expand to more than max_value_bytes=100000"):
            limited[key]
    wide = PersiDict(store, file_type="json", max_value_bytes=150_000)
    assert (wide["two"][1] == 1).all()
    with measured() as peak, pytest.raises(SerializationError):
        limited["bomb"]
    assert peak.megabytes < 2
