"""No bytes run code where ``allow_pickle=False``; none takes memory or time without bound.

``PERSIDICT_INPUTS`` in the environment says how many random inputs each loader gets; 100,000 take
some minutes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import lz4.frame
import numpy
import pandas
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pyarrow import parquet

import persidict
from persidict_core import (
    BulkError,
    CompressedBackend,
    MemoryBackend,
    PersiDict,
    SerializationError,
    SignedBackend,
)
from persidict_core.layers.envelopes import Kept, seal, unseal
from persidict_core.serializers.json_text import JsonSerializer
from persidict_core.serializers.npy import NpySerializer
from persidict_core.serializers.parquet import ParquetSerializer
from persidict_core.serializers.pkl import PickleSerializer
from persidict_core.serializers.text import TextSerializer
from tests.core import hostile
from tests.core.peaks import measured

INPUTS = int(os.environ.get("PERSIDICT_INPUTS", "400"))
MEGABYTES = 64
SECONDS = 1.0

FILE_TYPES = ["pkl", "json", "npy", "parquet", "txt"]
EVIL = "hostile_module_that_runs"


def read_all(store: MemoryBackend, file_type: str, streams: dict[str, bytes], **params: Any) -> int:
    """Read each stream in each way that a dictionary has; how many were values."""
    values = 0
    d: PersiDict[Any] = PersiDict(store, file_type=file_type, **params)
    for number, (name, data) in enumerate(streams.items()):
        store.write_bytes(f"k{number}.{file_type}", data)
        for read in (d.__getitem__, d.get, d.get_with_etag, lambda key: list(d.get_many([key]))):
            try:
                read(f"k{number}")
                values += 1
            except (SerializationError, BulkError):
                pass
            except Exception as error:
                raise AssertionError(f"{name} as {file_type}: {error!r}") from error
    return values


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that a gadget would make, and a module on the path that would make it."""
    flag = tmp_path / "ran"
    (tmp_path / f"{EVIL}.py").write_text(f"import os\nos.mkdir({str(flag)!r})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return flag


@pytest.mark.parametrize("file_type", FILE_TYPES)
def test_no_stream_runs_code(evil: Path, file_type: str) -> None:
    params = {"base_class_for_values": str} if file_type == "txt" else {}
    streams = hostile.everything(evil, EVIL)
    read_all(MemoryBackend(), file_type, streams, allow_pickle=False, **params)
    assert not evil.exists() and EVIL not in sys.modules
    if file_type in ("npy", "parquet", "txt"):  # Which never hold code.
        read_all(MemoryBackend(), file_type, streams, **params)
        assert not evil.exists() and EVIL not in sys.modules


@pytest.mark.parametrize("kind", ["pickles", "texts"])
def test_the_gadgets_are_real(evil: Path, kind: str) -> None:
    """What is refused above does run where pickles are allowed."""
    serializer = PickleSerializer() if kind == "pickles" else JsonSerializer()
    streams = hostile.pickles(evil) if kind == "pickles" else hostile.texts(evil, EVIL)
    ran = 0
    for data in streams.values():
        with contextlib.suppress(SerializationError):
            serializer.loads(data)
        sys.modules.pop(EVIL, None)
        if evil.exists():
            evil.rmdir()
            ran += 1
    assert ran >= (9 if kind == "pickles" else 12), ran


_WATCHED = """
import sys
from pathlib import Path
from tests.core import hostile
from tests.core.test_hostile_bytes import EVIL, FILE_TYPES, read_all
from persidict_core import MemoryBackend

streams = hostile.everything(Path(sys.argv[1]), EVIL)
strings = {"base_class_for_values": str}
for file_type in FILE_TYPES:  # What is imported once, is imported before anybody watches.
    read_all(MemoryBackend(), file_type, streams, allow_pickle=False,
             **(strings if file_type == "txt" else {}))
FAMILIES = ("pickle", "os", "subprocess", "marshal", "import", "exec", "ctypes")
seen = set()
def watch(event, arguments):
    if event.partition(".")[0] in FAMILIES:
        seen.add(event)
sys.addaudithook(watch)
for file_type in FILE_TYPES:
    read_all(MemoryBackend(), file_type, streams, allow_pickle=False,
             **(strings if file_type == "txt" else {}))
print(sorted(seen))
# And now one that is allowed, to see that somebody watches.
read_all(MemoryBackend(), "pkl", {"a pickle": streams["pickle: lz4"]})
print("pickle.find_class" in seen, "os.mkdir" in seen)
"""


def test_nothing_is_imported_or_called(evil: Path) -> None:
    """The interpreter itself tells of each import, call of a pickle, and new process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _WATCHED, str(evil)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "True True"]


KEY = b"k" * 32


def _compressed(codec: Any) -> bytes:
    return CompressedBackend(MemoryBackend(), codec).encode("a", b"hello " * 50)


def _npy(value: Any) -> bytes:
    file = io.BytesIO()
    numpy.save(file, value)
    return file.getvalue()


def _loaders() -> dict[str, tuple[Callable[[bytes], Any], list[bytes]]]:
    frame = pandas.DataFrame(
        {"x": range(20), "y": ["p", None] * 10, "z": pandas.Categorical(["a", "b"] * 10)}
    )
    table = ParquetSerializer().dumps(frame)
    text = json.dumps({"a": [1, -2.5e3, None, True], "b": {"c": "\u00e9\n", "d": []}}).encode()
    signed = SignedBackend(MemoryBackend(), KEY)
    arrays = [
        _npy(numpy.arange(20.0)),
        _npy(numpy.array(["a", "bc"])),
        _npy(numpy.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")])),
        _npy(numpy.zeros((2, 3, 0), order="F")),
    ]
    pickled = [PickleSerializer().dumps([1, "two", {3.0: None}]), zlib.compress(b"\x80\x04N.")]
    compressed = CompressedBackend(MemoryBackend())
    bounded = CompressedBackend(MemoryBackend(), max_bytes=1000)
    codecs = [_compressed("lz4"), _compressed("zlib")]
    stat = MemoryBackend()
    stat.write_bytes("a", b"x")
    envelopes = [seal("a", Kept(b"x", "etag", None)), seal("a", Kept(b"x", "e", stat.stat("a")))]
    safe = {"allow_pickle": False}
    return {
        "pkl": (PickleSerializer(**safe).loads, pickled),
        "json": (JsonSerializer(**safe).loads, [text, *hostile.texts(Path("ran"), EVIL).values()]),
        "npy": (NpySerializer(**safe).loads, arrays),
        "parquet": (ParquetSerializer(**safe).loads, [table]),
        "parquet, bounded": (ParquetSerializer(False, 1 << 20).loads, [table]),
        "txt": (TextSerializer("txt", **safe).loads, [text]),
        # A frame has a checksum: what is altered does not become a pickle.
        "pkl, allowed": (PickleSerializer().loads, pickled[:1]),
        "compressed": (lambda data: compressed.decode("a", data), codecs),
        "compressed, bounded": (lambda data: bounded.decode("a", data), codecs),
        "signed": (lambda data: signed.decode("a", data), [signed.encode("a", text)]),
        "envelope": (lambda data: unseal("a", data), envelopes),
    }


LOADERS = _loaders()
NUMBERS = (b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4, b"\xff\xff\xff\x7f", b"\x80", b"\0")


def hostile_input(number: int, seeds: list[bytes]) -> bytes:
    """Random bytes, or valid ones with up to eight changes; the same for the same number."""
    random = Random(number)
    if not random.randrange(8):
        return random.randbytes(random.randrange(300))
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        at = random.randrange(len(data) + 1)
        some = random.randbytes(random.randrange(1, 9))
        match random.randrange(6):
            case 0 | 1:
                data[at : at + 1] = bytes(
                    byte ^ 1 << random.randrange(8) for byte in data[at : at + 1]
                )
            case 2:
                data[at:at] = some
            case 3:
                del data[at : at + random.randrange(1, 30)]
            case 4:
                value = random.choice((some, *NUMBERS))
                data[at : at + len(value)] = value
            case 5:
                data[at:at] = data[at : at + random.randrange(1, 60)]
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LOADERS)
def test_any_bytes_are_a_value_or_an_error(name: str) -> None:
    load, seeds = LOADERS[name]
    with contextlib.suppress(SerializationError):
        load(seeds[0])  # What is imported does not count.

    @settings(
        max_examples=INPUTS,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64))
    def attempt(number: int) -> None:
        data = hostile_input(number, seeds)
        for _ in range(3):  # Threads of pyarrow, say, may be busy once; memory counts each time.
            with measured() as peak, contextlib.suppress(SerializationError):
                load(data)
            assert peak.megabytes < MEGABYTES, f"{peak.megabytes:.0f} MB of {data!r}"
            if peak.seconds < SECONDS:
                break
        assert peak.seconds < SECONDS, f"{peak.seconds:.1f} s for {data!r}"

    attempt()


def _header(shape: str, kind: str = "'<f8'") -> bytes:
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _damaged(pickled: bytes) -> bytes:
    """A pickle in a frame whose checksum is cut off."""
    frame: bytes = lz4.frame.compress(pickled, content_checksum=True)
    return frame[:-1]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("json", b"[" * 1_000_000),
        ("json", b'{"a":' * 500_000),
        ("json", b"9" * 1_000_000),
        ("json", b'"\\u0070' * 200_000),
        ("npy", _header("(1000000000000,)")),
        ("npy", _header("(134217728,)") + b"\0" * 100),
        ("npy", _header("(1" + "0" * 4000 + ",)")),
        ("npy", _header("(1,)", "[('a', 'V1000000000')]")),
        ("npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b" " * 100_000),
        *[
            ("npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 9001) + text * 9000 + b"\n")
            for text in (b"(", b"[", b"-", b"~")
        ],
        ("compressed", lz4.frame.compress(b"")[:6] + b"\xff" * 100),
        ("pkl, allowed", _damaged(b"\x80\x05]r\xff\xff\xff\x07e.")),
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_forgeries_that_want_much(name: str, data: bytes) -> None:
    load, _ = LOADERS[name]
    with measured() as peak, pytest.raises(SerializationError):
        load(data)
    assert peak.megabytes < MEGABYTES and peak.seconds < SECONDS


def _parquet(table: pyarrow.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    parquet.write_table(table, file, **options)
    return file.getvalue()


def _repeated(text: pyarrow.Array) -> pyarrow.Table:
    """A column of one string, three hundred times; a dot in its name, as it may be."""
    return pyarrow.table({"a.b": text.take(pyarrow.array(numpy.zeros(300, "i4")))})


LONG = "a" * 1_000_000
TABLES: dict[str, tuple[Callable[[], bytes], str]] = {
    "zeros": (lambda: _parquet(pyarrow.table({"x": numpy.zeros(5_000_000, "i8")})), "40000000"),
    "strings": (lambda: _parquet(_repeated(pyarrow.array([LONG]))), "300000000"),
    "long strings": (
        lambda: _parquet(_repeated(pyarrow.array([LONG], pyarrow.large_string()))),
        "300000000",
    ),
    "binary": (lambda: _parquet(_repeated(pyarrow.array([LONG.encode()]))), "300000000"),
    "common beginnings": (
        lambda: _parquet(
            _repeated(pyarrow.array([LONG])),
            use_dictionary=False,
            column_encoding="DELTA_BYTE_ARRAY",
        ),
        "no Parquet",
    ),
    "pages": (
        lambda: _parquet(pyarrow.table({"x": [LONG + str(number) for number in range(10)]})),
        "1[0-9]{7} bytes",
    ),
    "packed pages": (
        lambda: _parquet(pyarrow.table({"x": [LONG + "1", LONG + "2"]}), compression="zstd"),
        "2[0-9]{6} bytes",
    ),
    "nulls": (lambda: _parquet(pyarrow.table({"x": pyarrow.nulls(10_000_000)})), "40000000"),
    "fixed": (
        lambda: _parquet(
            pyarrow.table({"x": pyarrow.array([LONG.encode()] * 100, pyarrow.binary(1_000_000))})
        ),
        "100000000",
    ),
    "lists": (
        lambda: _parquet(pyarrow.table({"x": pyarrow.array([[0] * 1_000_000])})),
        "lists or of structures",
    ),
    "structures": (
        lambda: _parquet(pyarrow.table({"x": pyarrow.array([{"a": 1}])})),
        "lists or of structures",
    ),
}


class TestBombs:
    """A little that becomes much stops at the limit, before it is in memory."""

    def test_what_is_measured(self) -> None:
        with measured() as peak:
            data = bytearray(os.urandom(1 << 20) * 100)
        assert len(data) == 100 << 20 and 95 < peak.megabytes < 220 and peak.seconds > 0

    @pytest.mark.parametrize("name", TABLES)
    def test_parquet(self, name: str) -> None:
        make, told = TABLES[name]
        data = make()
        assert len(data) < 1_000_000
        pyarrow.default_memory_pool().release_unused()
        with measured() as peak, pytest.raises(SerializationError, match=told):
            ParquetSerializer(max_value_bytes=1 << 20).loads(data)
        assert peak.megabytes < MEGABYTES and peak.seconds < SECONDS

    def test_parquet_below_the_limit(self) -> None:
        frame = pandas.DataFrame(
            {
                "text": ["a" * 10, None, "b"] * 10,
                "number": range(30),
                "flag": [True, False, None] * 10,
                "kind": pandas.Categorical(["p", "q" * 500, "p"] * 10),
                "bytes": [b"xx"] * 30,
                "time": pandas.date_range("2020", periods=30, tz="UTC"),
                "nothing": [None] * 30,
                "small": pandas.array([1, None] * 15, dtype="Int8"),
            },
            index=[f"r{number}" for number in range(30)],
        )
        data = ParquetSerializer().dumps(frame)
        for limit in (len(data), 1 << 20):
            pandas.testing.assert_frame_equal(ParquetSerializer(True, limit).loads(data), frame)
        with pytest.raises(SerializationError, match="max_value_bytes"):
            ParquetSerializer(True, len(data) - 1).loads(data)

    def test_a_parquet_file_of_lists_is_read_without_a_limit(self) -> None:
        data = _parquet(pyarrow.table({"x": [[1, 2], [3]]}))
        assert len(ParquetSerializer().loads(data)) == 2
        with pytest.raises(SerializationError, match="lists or of structures"):
            ParquetSerializer(max_value_bytes=1 << 20).loads(data)

    @pytest.mark.parametrize("codec", ["lz4", "zlib"])
    def test_compressed(self, codec: Any) -> None:
        store = MemoryBackend()
        store.write_bytes("a", CompressedBackend(store, codec).encode("a", bytes(100 << 20)))
        layer = CompressedBackend(store, codec, max_bytes=1 << 20)
        refused = pytest.raises(SerializationError, match="more than max_bytes=1048576")
        with measured() as peak, refused:
            layer.read_bytes("a")
        assert peak.megabytes < 16 and peak.seconds < SECONDS

    @pytest.mark.parametrize("codec", ["lz4", "zlib"])
    def test_compressed_up_to_the_limit(self, codec: Any) -> None:
        layer = CompressedBackend(MemoryBackend(), codec, max_bytes=1000)
        for size in (0, 1, 999, 1000):
            layer.write_bytes("a", bytes(size))
            assert layer.read_bytes("a") == bytes(size)
        layer.write_bytes("a", bytes(1001))
        with pytest.raises(SerializationError, match="max_bytes=1000"):
            layer.read_bytes("a")
        with pytest.raises(ValueError, match="max_bytes"):
            CompressedBackend(MemoryBackend(), codec, max_bytes=0)

    @pytest.mark.parametrize("pack", [zlib.compress, lz4.frame.compress])
    def test_pickles(self, pack: Callable[[bytes], bytes]) -> None:
        data = pack(b"\x80\x05B" + (100 << 20).to_bytes(4, "little") + bytes(100 << 20) + b".")
        d: PersiDict[Any] = PersiDict(MemoryBackend(), max_value_bytes=2 << 20)
        d.backend.write_bytes("a.pkl", data)
        with measured() as peak, pytest.raises(SerializationError, match="max_value_bytes"):
            d.get("a")
        assert peak.megabytes < 16 and peak.seconds < SECONDS


class TestUrls:
    @pytest.mark.parametrize(
        "query",
        [
            "file_type=os",
            "file_type=tests.core.hostile",
            "file_type=../../x",
            "file_type=json%00",
            "base_class_for_values=os.mkdir",
            "base_class_for_values=__import__",
            "base_class_for_values=print",
            "base_class_for_values=tests.core.hostile:Gadget",
            "allow_pickle=__import__('os')",
            "digest_len=__import__('os')",
            "cache=os.mkdir",
            f"backend={EVIL}",
            f"{EVIL}=1",
        ],
    )
    def test_names_nothing_that_runs(self, evil: Path, query: str) -> None:
        try:
            persidict.open("memory://?" + query)
        except Exception as error:
            assert isinstance(error, (ValueError, TypeError, persidict.PersiDictError)), error
        for scheme in (EVIL, f"{EVIL}.Any", "os", "builtins", "file+os"):
            with pytest.raises((persidict.PersiDictError, ValueError)):
                persidict.open(f"{scheme}://x")
        assert not evil.exists() and EVIL not in sys.modules

    @settings(max_examples=INPUTS, deadline=None, database=None)
    @given(
        st.dictionaries(
            st.sampled_from(["file_type", "base_class_for_values", "allow_pickle", "x", "prefix"])
            | st.text(max_size=8),
            st.sampled_from(["json", "int", "true", "os.mkdir", "eval"]) | st.text(max_size=8),
            max_size=4,
        )
    )
    def test_any_query_is_a_dictionary_or_an_error(self, query: dict[str, str]) -> None:
        from urllib.parse import urlencode

        try:
            found = persidict.open("memory://?" + urlencode(query, errors="surrogatepass"))
        except (ValueError, TypeError, ImportError, persidict.PersiDictError) as error:
            assert not isinstance(error, UnicodeError), error
            assert all(line.isprintable() for line in str(error).splitlines())
        else:
            assert isinstance(found, PersiDict)


class TestWhatIsShown:
    """What a value or a folder's name holds does not reach a terminal as it is."""

    CODES = "\x1b]0;owned\x07\x1b[2J\r\u202e"

    def test_in_errors_of_values(self) -> None:
        store = MemoryBackend()
        d: PersiDict[Any] = PersiDict(store, file_type="json")
        told = []
        for tag in ("py/type", "py/object", "py/function", "py/reduce", "py/" + self.CODES):
            store.write_bytes("a.json", json.dumps({tag: self.CODES}).encode())
            for each in (d, PersiDict(store, file_type="json", allow_pickle=False)):
                try:
                    each["a"]
                except SerializationError as error:
                    told.append(str(error))
        assert len(told) >= 7
        for text in told:
            assert text.isprintable(), text
        assert any("\\x1b" in text for text in told)

    def test_in_errors_of_many(self) -> None:
        assert str(BulkError("set_many", {"a": ValueError(self.CODES)})).isprintable()

    def test_in_reprs(self, tmp_path: Path) -> None:
        shown = [
            repr(persidict.PersiDict(MemoryBackend(self.CODES))),
            repr(MemoryBackend(self.CODES)),
            repr(persidict.PersiDict("memory://").values()),
            str(persidict.SafeStrTuple("a", "b")),
        ]
        assert all(text.isprintable() for text in shown)
        with pytest.raises(ValueError, match=re.escape(r"\x1b")) as caught:
            persidict.PersiDict("memory://")[self.CODES] = 1
        assert str(caught.value).isprintable()
