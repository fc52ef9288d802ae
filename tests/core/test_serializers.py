"""Each serializer gives back what it took, or refuses; damage is an error, never a value."""

import io
import json
import pickle
import sys

import numpy
import pandas
import pytest
from hypothesis import given, settings, strategies as st

from persidict_core import PersiDict, SerializationError, Serializer
from persidict_core.serializers.json_text import JsonSerializer
from persidict_core.serializers.npy import NpySerializer
from persidict_core.serializers.parquet import ParquetSerializer
from persidict_core.serializers.pkl import PickleSerializer
from persidict_core.serializers.sameness import difference
from persidict_core.serializers.text import TextSerializer
from tests.core.serializing import refused, run, unreadable

SERIALIZERS = [
    (PickleSerializer, {"a": [1, (2, None)]}),
    (JsonSerializer, {"a": [1, (2, None)]}),
    (NpySerializer, numpy.arange(50.0)),
    (ParquetSerializer, pandas.DataFrame({"x": [1, 2], "y": ["p", None]})),
    (lambda *args: TextSerializer("txt", *args), "caf\u00e9"),
]
IDS = ["pkl", "json", "npy", "parquet", "text"]
each = pytest.mark.parametrize(("make", "value"), SERIALIZERS, ids=IDS)


class TestEverySerializer:
    @each
    def test_gives_back_what_it_took(self, make, value):
        serializer = make()
        assert difference(value, serializer.loads(serializer.dumps(value))) is None

    @each
    def test_files_and_bytes_are_the_same(self, make, value):
        serializer = make()
        file = io.BytesIO()
        serializer.dump(value, file)
        assert file.getvalue() == serializer.dumps(value)
        file.seek(0)
        assert difference(value, serializer.load(file)) is None

    @each
    def test_no_bytes_are_no_value(self, make, value):
        if make().file_type != "txt":
            unreadable(make(), b"")

    @each
    def test_a_part_of_the_bytes_is_no_value(self, make, value):
        serializer = make()
        data = serializer.dumps(value)
        if serializer.file_type != "txt":
            for length in {1, 4, 10, len(data) // 2, len(data) - 5, len(data) - 1}:
                unreadable(serializer, data[:length])

    @each
    @pytest.mark.parametrize("extra", [b"x", b".", b"\0\0\0\0", b"}"])
    def test_bytes_with_others_behind_them_are_no_value(self, make, value, extra):
        serializer = make()
        if serializer.file_type != "txt":
            unreadable(serializer, serializer.dumps(value) + extra)

    @each
    def test_foreign_bytes_are_no_value(self, make, value):
        for data in (b"\xff\xfe\x00", b"PK\x03\x04\xff thing", b"\x1f\x8b\x08\x00", b"hello\xff"):
            unreadable(make(), data)

    @each
    def test_the_limit_is_what_a_value_may_have(self, make, value):
        data = make().dumps(value)
        assert difference(value, make(True, 1 << 20).loads(data)) is None
        unreadable(make(True, 4), data, "max_value_bytes=4")

    @each
    def test_value_type_is_the_class_of_its_values(self, make, value):
        assert isinstance(value, make().value_type)

    def test_one_that_lacks_a_method_cannot_be_made(self):
        class Half(Serializer):
            file_type = "half"

            def dumps(self, value):
                return b""

        with pytest.raises(TypeError, match="loads"):
            Half()

    def test_their_errors_get_the_key_from_the_dictionary(self):
        d = PersiDict("memory://", file_type="json")
        d["a", "b"] = {"old": 1}
        with pytest.raises(SerializationError) as caught:
            d["a", "b"] = {1: 2}
        assert caught.value.file_type == "json" and "b" in str(caught.value.key)
        assert d["a", "b"] == {"old": 1}


class TestText:
    @settings(deadline=None)
    @given(st.text())
    def test_every_text_comes_back(self, text):
        serializer = TextSerializer("md")
        data = serializer.dumps(text)
        assert data == text.encode() and serializer.loads(data) == text

    def test_newlines_are_left_alone(self):
        text = "one\r\ntwo\rthree\n\n"
        assert TextSerializer("txt").dumps(text) == text.encode()
        assert TextSerializer("txt").loads(text.encode()) == text

    @pytest.mark.parametrize("value", [b"ab", 5, None, type("S", (str,), {})("a")])
    def test_only_str_itself_is_text(self, value):
        refused(TextSerializer("txt"), value, "str")

    def test_a_lone_surrogate_is_refused(self):
        refused(TextSerializer("txt"), "ab\ud800", "character at 2")

    def test_bytes_that_are_no_utf_8_are_unreadable(self):
        unreadable(TextSerializer("txt"), b"caf\xe9", "UTF-8")


class TestNpy:
    serializer = NpySerializer()

    @pytest.mark.parametrize("allowed", [True, False])
    @pytest.mark.parametrize(
        "value",
        [
            numpy.arange(3),
            numpy.array(5),
            numpy.zeros((2, 0)),
            numpy.arange(3, dtype=">i4"),
            numpy.array(["a", "\u4e2d"]),
            numpy.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")]),
            numpy.array(["2020-01-01"], dtype="M8[D]"),
            numpy.asfortranarray(numpy.ones((3, 4))),
        ],
        ids=repr,
    )
    def test_arrays_come_back(self, value, allowed):
        serializer = NpySerializer(allow_pickle=allowed)
        back = serializer.loads(serializer.dumps(value))
        assert difference(value, back) is None
        assert back.flags.f_contiguous == value.flags.f_contiguous

    def test_it_is_numpy_s_format(self, tmp_path):
        numpy.save(tmp_path / "a.npy", numpy.arange(5))
        assert (tmp_path / "a.npy").read_bytes() == self.serializer.dumps(numpy.arange(5))

    @pytest.mark.parametrize("allow_pickle", [True, False])
    def test_arrays_of_objects_are_never_pickled(self, allow_pickle):
        value = numpy.array([1, "a", None], dtype=object)
        foreign = io.BytesIO()
        numpy.save(foreign, value, allow_pickle=True)
        refused(NpySerializer(allow_pickle), value, "would be a pickle")
        unreadable(NpySerializer(allow_pickle), foreign.getvalue(), "no array")

    @pytest.mark.parametrize("value", [[1], numpy.ma.array([1]), numpy.float64(1)])
    def test_only_arrays_themselves_are_taken(self, value):
        refused(self.serializer, value, "ndarray")

    def test_other_things_that_numpy_loads_are_no_arrays(self, tmp_path):
        numpy.savez(tmp_path / "a.npz", a=numpy.arange(3))
        for data in ((tmp_path / "a.npz").read_bytes(), pickle.dumps(1)):
            unreadable(self.serializer, data, "no array")


class TestParquet:
    serializer = ParquetSerializer()

    @pytest.mark.parametrize(
        "value",
        [
            pandas.DataFrame({"x": [1, 2], "y": ["p", None]}, index=["a", "b"]),
            pandas.DataFrame({"c": pandas.Categorical(["a", "b"])}),
            pandas.DataFrame({"x": pandas.array([1, None], dtype="Int64")}),
            pandas.DataFrame({"t": pandas.date_range("2020-01-01", periods=3, tz="UTC")}),
            pandas.DataFrame(
                {"x": [1, 2]},
                index=pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"]),
            ),
            pandas.DataFrame({"b": [b"a", None]}),
            pandas.DataFrame(),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_frames_come_back(self, value):
        back = self.serializer.loads(self.serializer.dumps(value))
        assert difference(value, back) is None

    def test_attributes_come_back(self):
        value = pandas.DataFrame({"x": [1]})
        value.attrs = {"unit": "m"}
        assert self.serializer.loads(self.serializer.dumps(value)).attrs == {"unit": "m"}
        value.attrs = {"unit": ("m", "s")}
        refused(self.serializer, value, "attrs")

    @pytest.mark.parametrize(
        "value",
        [
            pandas.Series([1]),
            numpy.arange(3),
            pandas.DataFrame({"o": [[1], [2]]}),
            pandas.DataFrame({"o": ["a", 1]}),
            pandas.DataFrame([[1, 2]], columns=["a", "a"]),
            pandas.DataFrame({"t": numpy.array(["2020-01-01"], dtype="M8[s]")}),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_what_would_not_come_back_is_refused(self, value):
        refused(self.serializer, value)

    def test_damaged_values_are_found(self):
        numbers = numpy.random.default_rng(0).integers(0, 2**62, 5_000)
        data = self.serializer.dumps(pandas.DataFrame({"x": numbers}))
        for place in range(200, 30_000, 2_711):
            damaged = bytearray(data)
            damaged[place] ^= 4
            unreadable(self.serializer, bytes(damaged))

    def test_metadata_run_no_code(self, tmp_path):
        import pyarrow
        from pyarrow import parquet

        flag = tmp_path / "ran"
        payload = pickle.dumps(_Opens(str(flag)), 0)
        pickle.loads(payload).close()
        assert flag.exists()
        flag.unlink()
        field = pyarrow.field(
            "x",
            pyarrow.binary(),
            metadata={
                b"ARROW:extension:name": b"arrow.py_extension_type",
                b"ARROW:extension:metadata": payload,
            },
        )
        frame_says = {"index_columns": [], "columns": [], "attributes": payload.decode()}
        schema = pyarrow.schema(
            [field], {b"PANDAS_ATTRS": payload, b"pandas": json.dumps(frame_says).encode()}
        )
        file = io.BytesIO()
        parquet.write_table(pyarrow.table([pyarrow.array([b"a"])], schema=schema), file)
        try:
            self.serializer.loads(file.getvalue())
        except SerializationError as error:
            assert "Parquet" in str(error)
        assert not flag.exists()


class TestImports:
    """Nothing heavy is loaded where a value does not need it."""

    @pytest.mark.parametrize(
        ("module", "use", "absent"),
        [
            ("", "", "lz4 joblib jsonpickle numpy pandas pickle json"),
            ("pkl:PickleSerializer", "{'a': (1, {2})}", "numpy pandas joblib jsonpickle pyarrow"),
            ("json_text:JsonSerializer", "{'a': [1, 'x']}", "numpy pandas joblib jsonpickle lz4"),
            ("json_text:JsonSerializer", "{'a': (1, {2})}", "numpy pandas joblib lz4"),
            ("npy:NpySerializer", "__import__('numpy').arange(3)", "pandas joblib jsonpickle lz4"),
        ],
    )
    def test_a_round_trip_loads_only_what_it_needs(self, module, use, absent):
        name, _, kind = module.partition(":")
        program = f"""
            import sys
            before = set(sys.modules)
            import persidict_core.serializers
            if {name!r}:
                from persidict_core.serializers.{name or "base"} import {kind or "Serializer"} as S
                serializer = S()
                serializer.loads(serializer.dumps({use or None}))
            loaded = set(sys.modules) - before
            print(sorted(loaded & set({absent.split()!r})))
            """
        assert run(program) == "[]"

    @pytest.mark.parametrize(
        ("module", "kind", "missing", "extra"),
        [
            ("npy", "NpySerializer", "numpy", "numpy"),
            ("parquet", "ParquetSerializer", "pandas", "pandas"),
            ("parquet", "ParquetSerializer", "pyarrow", "pandas"),
        ],
    )
    def test_a_missing_module_is_told_at_once_with_what_to_install(
        self, monkeypatch, module, kind, missing, extra
    ):
        monkeypatch.setitem(sys.modules, missing, None)
        serializers = __import__(f"persidict_core.serializers.{module}", fromlist=[kind])
        with pytest.raises(
            ImportError, match=rf'pip install "persidict-core\[{extra}\]"'
        ) as caught:
            getattr(serializers, kind)()
        assert caught.value.name == missing


class _Opens:
    """Makes a file when its pickle is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")
