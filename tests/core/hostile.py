"""Bytes that somebody has put into a store to harm whoever reads them."""

from __future__ import annotations

import io
import json
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import joblib
import lz4.frame
import numpy
import pandas
import pyarrow
from pyarrow import parquet

CALLED = "os.mkdir"
"""What a gadget calls; the folder tells that it ran."""


class Gadget:
    """Makes a folder when its pickle is read."""

    def __init__(self, flag: Path) -> None:
        self.flag = str(flag)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.flag,)


def pickles(flag: Path) -> dict[str, bytes]:
    """Pickles that run, in each wrapping that a pickle is read in."""
    gadget = Gadget(flag)
    found = {f"protocol {number}": pickle.dumps(gadget, number) for number in range(6)}
    raw = pickle.dumps(gadget, 5)
    found["lz4"] = lz4.frame.compress(raw)
    found["zlib"] = zlib.compress(raw)
    for compress in (0, 3, ("lz4", 1), ("gzip", 3)):
        file = io.BytesIO()
        joblib.dump({"a": numpy.arange(3), "b": gadget}, file, compress=compress)
        found[f"joblib {compress}"] = file.getvalue()
    file = io.BytesIO()
    joblib.dump(numpy.array([gadget], dtype=object), file)
    found["joblib, objects"] = file.getvalue()
    return found


def arrays(flag: Path) -> dict[str, bytes]:
    """Arrays of objects, which numpy pickles."""
    objects = numpy.array([Gadget(flag)], dtype=object)
    found = {}
    for name, save in (("npy", numpy.save), ("npz", numpy.savez)):
        file = io.BytesIO()
        save(file, objects)
        found[name] = file.getvalue()
    file = io.BytesIO()
    numpy.save(file, numpy.array([(1, Gadget(flag))], dtype=[("a", "i4"), ("b", "O")]))
    found["npy, a field"] = file.getvalue()
    header = b"{'descr': __import__('os').mkdir(%r), 'fortran_order': 0, 'shape': ()}\n" % str(flag)
    found["npy, header"] = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    return found


def texts(flag: Path, module: str) -> dict[str, bytes]:
    """Each tag by which jsonpickle calls or imports something.

    Args:
        flag: The folder to make.
        module: The name of a module that makes it when it is imported.
    """
    call = [{"py/type": CALLED}, {"py/tuple": [str(flag)]}]
    values: dict[str, object] = {
        "reduce": {"py/reduce": call},
        "reduce, a function": {"py/reduce": [{"py/function": CALLED}, call[1]]},
        "object with arguments": {"py/object": CALLED, "py/newargs": {"py/tuple": [str(flag)]}},
        "object, newargsex": {
            "py/object": "subprocess.Popen",
            "py/newargsex": [{"py/tuple": [["mkdir", str(flag)]]}, {}],
        },
        "initargs": {"py/object": CALLED, "py/initargs": {"py/tuple": [str(flag)]}},
        "repr": {"py/repr": f"os/os.mkdir({str(flag)!r})"},
        "state": {"py/object": "tests.core.hostile.Gadget", "py/state": {"flag": str(flag)}},
        "import by a type": {"py/type": f"{module}.Any"},
        "import by a module": {"py/mod": f"{module}/any"},
        "import by an object": {"py/object": f"{module}.Any"},
        "import by a function": {"py/function": f"{module}.any"},
        "bytes": {"py/b64": "AAAA"},
        "iterator": {"py/iterator": [1]},
    }
    found = {name: json.dumps(value).encode() for name, value in values.items()}
    found |= {
        f"{name}, deep": json.dumps([[{"a": value}]]).encode() for name, value in values.items()
    }
    escaped = {
        name: data.replace(b'"py/', b'"\\u0070\\u0079\\/') for name, data in list(found.items())
    }
    twice = json.dumps({"py/reduce": call})[:-1].encode() + b', "py/reduce": null}'
    return found | {f"{name}, escaped": data for name, data in escaped.items()} | {"twice": twice}


def tables(flag: Path) -> dict[str, bytes]:
    """Parquet files whose metadata hold pickles and expressions."""
    payload = pickle.dumps(Gadget(flag), 0)
    expression = f"__import__('os').mkdir({str(flag)!r})"
    found = {}
    extensions = ("arrow.py_extension_type", "pandas.period", "arrow.json", "arrow.opaque")
    for name in extensions:
        field = pyarrow.field(
            "x",
            pyarrow.binary(),
            metadata={b"ARROW:extension:name": name, b"ARROW:extension:metadata": payload},
        )
        found[name] = _table(pyarrow.schema([field]))
    plain = pyarrow.field("x", pyarrow.binary())
    told = json.loads(
        pyarrow.Table.from_pandas(pandas.DataFrame({"x": [b"a"]})).schema.metadata[b"pandas"]
    )
    for place in ("index_columns", "column_indexes", "columns"):
        for text in (payload.decode(), expression):
            for value in (text, [text], [{"kind": "range", "name": text}], [{"name": text}]):
                key = f"{place} {value!r:.12} {len(found)}"
                found[key] = _table(
                    pyarrow.schema(
                        [plain], {b"pandas": json.dumps({**told, place: value}).encode()}
                    )
                )
    for key in ("numpy_type", "pandas_type", "metadata"):
        for text in (payload.decode(), expression, {"timezone": expression}):
            columns = [{**told["columns"][0], key: text}]
            found[f"{key} {text!r:.9} {len(found)}"] = _table(
                pyarrow.schema(
                    [plain],
                    {
                        b"pandas": json.dumps({**told, "columns": columns}).encode(),
                        b"PANDAS_ATTRS": payload,
                    },
                )
            )
    found["schema"] = _table(pyarrow.schema([plain], {b"ARROW:schema": payload}))
    return found


def _table(schema: pyarrow.Schema) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pyarrow.table([pyarrow.array([b"a"])], schema=schema), file)
    return file.getvalue()


def everything(flag: Path, module: str) -> dict[str, bytes]:
    """All of these, by name."""
    families = {
        "pickle": pickles(flag),
        "array": arrays(flag),
        "text": texts(flag, module),
        "table": tables(flag),
    }
    return {
        f"{family}: {name}": data
        for family, found in families.items()
        for name, data in found.items()
    }
