"""Pickles: compatible, streamed, bounded, and never read where damaged."""

import io
import os
import pickle
import zlib

import joblib
import lz4.frame
import numpy
import pandas
import pytest
from hypothesis import given, settings

from persidict_core import SerializationError
from persidict_core.serializers.pkl import PickleSerializer
from persidict_core.serializers.sameness import difference
from tests.core.serializing import Point, refused, rich, run, unreadable


class TestPickle:
    serializer = PickleSerializer()

    @settings(deadline=None)
    @given(rich)
    def test_values_come_back(self, value):
        assert difference(value, self.serializer.loads(self.serializer.dumps(value))) is None

    @pytest.mark.parametrize(
        "value",
        [
            numpy.arange(400_000.0),
            numpy.asfortranarray(numpy.arange(600_000).reshape(600, 1000)),
            numpy.arange(2_000_000, dtype="u1")[::2],
            {"a": ["x" * 1_200_000, b"y" * 3_000_000], "b": numpy.arange(300_000)},
            bytearray(2_000_000),
            {f"{n}": n for n in range(100_000)},
        ],
        ids=["array", "fortran", "view", "mixed", "bytearray", "many"],
    )
    def test_long_values_are_streamed(self, value):
        file = _Recorder()
        self.serializer.dump(value, file)
        assert max(file.sizes) <= (1 << 20) + 70_000
        data = b"".join(file.chunks)
        assert difference(value, self.serializer.loads(data)) is None
        assert difference(value, self.serializer.load(io.BytesIO(data))) is None

    def test_it_is_a_pickle_of_protocol_5_in_a_frame(self):
        raw = lz4.frame.decompress(self.serializer.dumps({"a": 1}))
        assert raw == pickle.dumps({"a": 1}, 5)

    def test_joblib_reads_it(self, tmp_path):
        value = {"a": numpy.arange(200_000), "b": ("x",)}
        for name, write in (("short", {"a": (1, 2)}), ("long", value)):
            with open(tmp_path / name, "wb") as file:
                self.serializer.dump(write, file)
            assert difference(write, joblib.load(tmp_path / name)) is None

    @pytest.mark.parametrize("compress", ["lz4", "zlib", 0])
    @pytest.mark.parametrize("size", [3, 500_000])
    @pytest.mark.parametrize("limit", [None, 1 << 30])
    def test_it_reads_joblib_s_arrays(self, tmp_path, compress, size, limit):
        value = {"a": numpy.arange(size), "f": pandas.DataFrame({"x": [1.5]}), "s": "text"}
        joblib.dump(value, tmp_path / "file", compress=compress)
        serializer = PickleSerializer(max_value_bytes=limit)
        assert difference(value, serializer.loads((tmp_path / "file").read_bytes())) is None
        with open(tmp_path / "file", "rb") as file:
            assert difference(value, serializer.load(file)) is None

    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    @pytest.mark.parametrize(
        "pack",
        [
            bytes,
            zlib.compress,
            lz4.frame.compress,
            lambda raw: lz4.frame.compress(raw, store_size=False),
        ],
        ids=["bare", "zlib", "lz4", "lz4 without size"],
    )
    def test_it_reads_pickles_packed_in_any_way(self, pack, protocol):
        for value in ({"a": (1, "x")}, list(range(100_000))):
            data = pack(pickle.dumps(value, protocol))
            assert self.serializer.loads(data) == value
            assert PickleSerializer(max_value_bytes=1 << 24).loads(data) == value
            for bad in (data[:-1], data + b".", data + b"\0", data[: len(data) // 2]):
                unreadable(self.serializer, bad)

    def test_it_reads_a_file_that_cannot_go_back(self):
        class Pipe(io.BytesIO):
            def seekable(self):
                return False

            def seek(self, *args):
                raise io.UnsupportedOperation

        assert self.serializer.load(Pipe(self.serializer.dumps({"a": 1}))) == {"a": 1}

    def test_it_reads_from_where_a_file_stands(self):
        file = io.BytesIO(b"before" + self.serializer.dumps([1, 2]))
        file.seek(6)
        assert self.serializer.load(file) == [1, 2]

    def test_a_text_that_names_joblib_s_class_is_a_text(self):
        value = "joblib.numpy_pickle NumpyArrayWrapper" * 3
        assert self.serializer.loads(self.serializer.dumps(value)) == value

    def test_a_flipped_bit_never_makes_another_value(self):
        value = {"a": [1, 2, 3], "text": "some words" * 5}
        data = self.serializer.dumps(value)
        found = 0
        for place in range(len(data)):
            for bit in range(8):
                damaged = bytearray(data)
                damaged[place] ^= 1 << bit
                try:
                    assert self.serializer.loads(bytes(damaged)) == value
                except SerializationError:
                    found += 1
        # LZ4 can say a few things in two ways.
        assert found >= 8 * len(data) - 16

    def test_flipped_bits_of_a_long_value_are_found(self):
        file = io.BytesIO()
        self.serializer.dump(os.urandom(1_500_000), file)
        data = file.getvalue()
        for place in range(7, len(data), 250_007):
            damaged = bytearray(data)
            damaged[place] ^= 1
            unreadable(self.serializer, bytes(damaged))

    def test_what_is_in_a_frame_must_be_a_pickle(self):
        for raw in (b"hello.", b"", b"\x80", b"I1\n."):
            unreadable(self.serializer, lz4.frame.compress(raw))

    def test_two_frames_are_no_value(self):
        data = self.serializer.dumps(1)
        unreadable(self.serializer, data + data)

    @pytest.mark.parametrize("error", [KeyError("x"), OSError("x"), ValueError("x"), EOFError()])
    def test_an_error_on_reading_is_no_missing_key(self, error):
        raw = pickle.dumps(_FailsOnReading(error), 5)
        unreadable(self.serializer, lz4.frame.compress(raw), type(error).__name__)

    def test_a_class_that_is_gone_is_named(self):
        data = self.serializer.dumps(Point(1)).replace(b"Point", b"Poinx")
        raw = pickle.dumps(Point(1), 5).replace(b"Point", b"Poinx")
        unreadable(self.serializer, lz4.frame.compress(raw), "Poinx")
        unreadable(self.serializer, data)

    @pytest.mark.parametrize("size", [10_000, 300 << 20])
    def test_a_bomb_is_stopped_while_it_expands(self, size):
        seen = []

        class Counted(io.BytesIO):
            def read(self, *args):
                chunk = super().read(*args)
                seen.append(len(chunk))
                return chunk

        raw = pickle.dumps(b"\0" * size, 5)
        for data in (
            lz4.frame.compress(raw, store_size=False),
            lz4.frame.compress(raw),
            zlib.compress(raw),
        ):
            seen.clear()
            bounded = PickleSerializer(max_value_bytes=5_000)
            unreadable(bounded, data, "max_value_bytes=5000")
            with pytest.raises(SerializationError, match="max_value_bytes=5000"):
                bounded.load(Counted(data))
            assert sum(seen) <= 1 << 18

    def test_a_frame_that_lies_about_its_size_is_unreadable(self):
        data = bytearray(lz4.frame.compress(pickle.dumps(b"\0" * 100_000, 5)))
        for size in (10, 1 << 62):
            data[6:14] = size.to_bytes(8, "little")
            unreadable(self.serializer, bytes(data))
            unreadable(PickleSerializer(max_value_bytes=1 << 20), bytes(data))

    def test_without_pickles_it_refuses_everything_and_says_what_to_choose(self):
        bounded = PickleSerializer(allow_pickle=False)
        refused(bounded, 1, "'json'")
        data = self.serializer.dumps(1)
        unreadable(bounded, data, "allow_pickle=False")
        with pytest.raises(SerializationError):
            bounded.load(io.BytesIO(data))
        with pytest.raises(SerializationError):
            bounded.dump(1, io.BytesIO())

    def test_a_file_s_own_error_is_passed_on(self):
        class Full(io.RawIOBase):
            def write(self, data):
                raise OSError(28, "No space left")

        with pytest.raises(OSError, match="No space left"):
            self.serializer.dump(os.urandom(3 << 20), Full())

    def test_long_values_need_little_more_than_themselves(self, tmp_path):
        path = tmp_path / "value"
        grown = run(
            f"""
            import os, resource, numpy
            from persidict_core.serializers.pkl import PickleSerializer
            serializer = PickleSerializer()
            value = numpy.frombuffer(os.urandom(64 << 20), "u1").copy()
            serializer.loads(serializer.dumps(numpy.arange(9)))
            top = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            before = top()
            with open({str(path)!r}, "wb") as file:
                serializer.dump(value, file)
            print(top() - before)
            """
        )
        assert int(grown) <= 16
        grown = run(
            f"""
            import resource, numpy
            from persidict_core.serializers.pkl import PickleSerializer
            serializer = PickleSerializer()
            serializer.loads(serializer.dumps(numpy.arange(9)))
            top = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            before = top()
            with open({str(path)!r}, "rb") as file:
                data = file.read()
            value = serializer.loads(data)
            assert value.nbytes == 64 << 20
            print(top() - before)
            """
        )
        assert int(grown) <= 2.1 * 64 + 4


class _Recorder(io.RawIOBase):
    """A file that remembers the pieces that were written to it."""

    def __init__(self):
        self.chunks = []

    @property
    def sizes(self):
        return [len(chunk) for chunk in self.chunks]

    def writable(self):
        return True

    def write(self, data):
        self.chunks.append(bytes(data))
        return len(data)


def _raise(error):
    raise error


class _FailsOnReading:
    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        return _raise, (self.error,)
