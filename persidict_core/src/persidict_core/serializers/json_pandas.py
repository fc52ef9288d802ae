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
_NAME: Final = re.compile(r"(float|int|uint)(8|16|32|64)")


class FrameHandler(stock.PandasDfHandler):  # type: ignore[misc]
    """jsonpickle's handler of DataFrames, with unmistakable dtypes.

    Columns of strings come back as pandas makes them: jsonpickle's text does not tell them from
    columns of objects, and its own handler gives objects, where pandas 3 has ``str``.
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
        if "dtypes_rle" in meta:
            codes = [[_of_this_process(code), count] for code, count in meta["dtypes_rle"]]
            obj = {**obj, "meta": {**meta, "dtypes_rle": codes}}
        frame = super().restore(obj)
        for name in frame.columns[frame.dtypes == "object"]:
            inferred = frame[name].infer_objects()
            if isinstance(inferred.dtype, pandas.StringDtype):
                frame[name] = inferred
        return frame


class SeriesHandler(stock.PandasSeriesHandler):  # type: ignore[misc]
    """jsonpickle's handler of Series; strings are written as an array of objects.

    jsonpickle's own writes them by way of pyarrow's buffers, and these come back empty. Its reader
    makes strings of such an array.
    """

    def flatten(self, obj: Any, data: dict[str, Any]) -> dict[str, Any]:
        """The dict of a series, as jsonpickle takes it."""
        if isinstance(obj.dtype, pandas.StringDtype):
            obj = obj.astype(object)
        return dict(super().flatten(obj, data))


def _unmistakable(code: str) -> str:
    """The code, for any process, of what a code means in this one."""
    name = _NAME.fullmatch(REVERSE_TYPE_MAP.get(code, ""))
    return f"pd/{name[1][0]}{name[2]}" if name else code


def _of_this_process(code: str) -> str:
    """The code, in this process, of what a code of any other means."""
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
    if handlers.get(pandas.DataFrame) is stock.PandasDfHandler:
        handlers.register(pandas.DataFrame, FrameHandler, base=True)
    if handlers.get(pandas.Series) is stock.PandasSeriesHandler:
        handlers.register(pandas.Series, SeriesHandler, base=True)
