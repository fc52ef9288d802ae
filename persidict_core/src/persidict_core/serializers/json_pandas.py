"""What jsonpickle does with pandas' types, and does not lose pandas' own strings; needs pandas."""

from __future__ import annotations

from typing import Any

import numpy
import pandas
from jsonpickle import handlers
from jsonpickle.ext import pandas as stock

from . import json_numpy


class FrameHandler(stock.PandasDfHandler):  # type: ignore[misc]
    """jsonpickle's handler of DataFrames; columns of strings come back as pandas makes them.

    jsonpickle's text does not tell a column of strings from one of objects, and its own handler
    gives objects back; pandas 3 makes ``str`` of them.
    """

    def restore(self, obj: dict[str, Any]) -> Any:
        """The frame of a dict that jsonpickle made."""
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
