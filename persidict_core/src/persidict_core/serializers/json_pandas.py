"""What jsonpickle does with pandas' types, kept from losing any of it; needs pandas.

jsonpickle 4 names the dtypes of a frame by codes that it makes up anew in each process, in an order
that follows from addresses in memory: ``pd/f`` is float64 in one and float32 in the next. Written
here are those codes only that never mean anything else, ``pd/f64``; read as the widest are those
that may mean more than one, so that no digit is lost.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy
import pandas
from jsonpickle import handlers
from jsonpickle.ext import pandas as stock
from jsonpickle.tags_pd import REVERSE_TYPE_MAP, TYPE_MAP

from . import json_numpy

_KINDS: Final = {"f": "float", "i": "int", "u": "uint"}
_CODE: Final = re.compile(r"pd/([fiu])[a-z]*([0-9]*)")
_TEXT: Final = TYPE_MAP.get("str")
_NAME: Final = re.compile(r"(float|int|uint)(8|16|32|64)")


class FrameHandler(stock.PandasDfHandler):  # type: ignore[misc]
    """jsonpickle's handler of DataFrames, with unmistakable dtypes, and strings kept apart.

    jsonpickle's own makes objects of strings, and a text of each that is missing.
    """

    def flatten(self, obj: Any, data: dict[str, Any]) -> dict[str, Any]:
        """The dict of a frame, as jsonpickle takes it."""
        flat: dict[str, Any] = super().flatten(obj, data)
        meta = flat["meta"]
        meta["dtypes_rle"] = [[_unmistakable(code), count] for code, count in meta["dtypes_rle"]]
        return flat

    def restore(self, obj: dict[str, Any]) -> Any:
        """The frame of a dict that jsonpickle made."""
        meta = obj["meta"]
        if "dtypes_rle" not in meta:
            return super().restore(obj)
        codes = stock.rle_decode(meta["dtypes_rle"])
        of_here = [[_of_this_process(code), 1] for code in codes]
        frame = super().restore({**obj, "meta": {**meta, "dtypes_rle": of_here}})
        for name, code in zip(frame.columns, codes, strict=True):
            if code == _TEXT:
                frame[name] = frame[name].astype(_text_dtype())
        return frame


class SeriesHandler(stock.PandasSeriesHandler):  # type: ignore[misc]
    """jsonpickle's handler of Series; strings are written as an array of objects, and said to be.

    jsonpickle's own writes them by way of pyarrow's buffers, and these come back empty. Its reader
    makes strings of such an array.
    """

    def flatten(self, obj: Any, data: dict[str, Any]) -> dict[str, Any]:
        """The dict of a series, as jsonpickle takes it."""
        if not isinstance(obj.dtype, pandas.StringDtype):
            return dict(super().flatten(obj, data))
        return {**super().flatten(obj.astype(object), data), "dtype": "str"}

    def restore(self, data: dict[str, Any]) -> Any:
        """The series of a dict that jsonpickle made."""
        series = super().restore(data)
        values = data["values"]
        if isinstance(values, dict) and values.get("dtype") == "object":
            return series.astype(_text_dtype() if data.get("dtype") == "str" else object)
        return series


class IndexHandler(stock.PandasIndexHandler):  # type: ignore[misc]
    """jsonpickle's handler of indexes, of whose name it makes a tuple."""

    def restore(self, data: dict[str, Any]) -> Any:
        """The index of a dict that jsonpickle made."""
        meta = data["meta"]
        return super().restore({**data, "meta": {**meta, "name": None}}).rename(meta["name"])


def _text_dtype() -> Any:
    """The dtype of strings in this version of pandas."""
    return pandas.Series([""]).dtype


def _unmistakable(code: str) -> str:
    """The code, for any process, of what a code means in this one."""
    name = _NAME.fullmatch(REVERSE_TYPE_MAP.get(code, ""))
    return f"pd/{name[1][0]}{name[2]}" if name else code


def _of_this_process(code: str) -> str:
    """The code, in this process, of what a code of any other means; objects in place of strings."""
    if code == _TEXT:
        return str(TYPE_MAP["object"])
    found = _CODE.fullmatch(code)
    return str(TYPE_MAP[_KINDS[found[1]] + (found[2] or "64")]) if found else code


def register() -> None:
    """Have jsonpickle know pandas' and numpy's types; handlers that the user registered stay."""
    of_arrays = handlers.get(numpy.ndarray)
    if handlers.get(pandas.DataFrame) is None:
        stock.register_handlers()
        if of_arrays is not None:
            handlers.register(numpy.ndarray, of_arrays, base=True)
    json_numpy.register()
    for kind, of_stock, handler in (
        (pandas.DataFrame, stock.PandasDfHandler, FrameHandler),
        (pandas.Series, stock.PandasSeriesHandler, SeriesHandler),
        (pandas.Index, stock.PandasIndexHandler, IndexHandler),
    ):
        if handlers.get(kind) is of_stock:
            handlers.register(kind, handler, base=True)
