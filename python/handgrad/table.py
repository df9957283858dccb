"""Tables of any make as handgrad reads them: frames, dicts of columns, arrays, Arrow's capsules, files."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad import _core

__all__ = ["READING", "read"]

# How a table is read; of a frame or an array only what is not about files.
READING = ("delimiter", "decimal", "header", "missing", "missing_only", "thousands", "percent", "currency", "date")
LISTS = ("missing", "missing_only", "date", "categorical", "target")
SECONDS = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}


def names(given: Any) -> list[str]:
    """A list of texts, also of one of them."""
    if isinstance(given, str):
        return [given]
    return [str(name) for name in given]


def reading_of(given: Mapping[str, Any], model: Any = None) -> _core.Reading:
    """What is given, over what the model says, or else over the defaults."""
    lists = {name: names(value) if name in LISTS and value is not None else value for name, value in given.items()}
    return _core.reading(lists, model)


def read(table: Any, reading: _core.Reading, source: str = "table", features: Sequence[str] = ()) -> _core.Table:
    """The table as handgrad holds it.

    table: a pandas DataFrame or Series; anything with Arrow's capsules (polars, pyarrow, DuckDB); a dict of columns; an
    array (rows, columns), whose columns are called x1, x2 ... or, where they are as many, as `features` says; the path
    of a file. Raises TypeError for anything else, naming the column where it is one of its columns; DataError."""
    if isinstance(table, _core.Table):
        return table
    if isinstance(table, (str, os.PathLike)):
        return _core.read_table(os.fspath(table), reading)
    columns = _core.Columns(source, reading)
    if isinstance(table, Mapping):
        for name, values in table.items():
            _add(columns, str(name), values)
    elif _is_pandas(table):
        _add_frame(columns, table)
    elif hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        columns.add_arrow(table)
    else:
        _add_array(columns, table, features)
    return columns.finish()


def _is_pandas(table: Any) -> bool:
    return type(table).__module__.partition(".")[0] == "pandas"


def _add_frame(columns: _core.Columns, frame: Any) -> None:
    if frame.ndim == 1:
        frame = frame.to_frame(name="y" if frame.name is None else frame.name)
    for at, name in enumerate(frame.columns):
        text = ".".join(map(str, name)) if isinstance(name, tuple) else str(name)
        _add_series(columns, text, frame.iloc[:, at])


def _add_series(columns: _core.Columns, name: str, series: Any) -> None:
    """A column of pandas; nothing of Arrow is needed for it."""
    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    if hasattr(series, "cat"):
        codes = np.ascontiguousarray(series.cat.codes.to_numpy(), np.int64)
        columns.add_codes(name, codes, series.cat.categories.astype(object).tolist())
    elif isinstance(dtype, np.dtype):
        _add(columns, name, series.to_numpy())
    elif kind == "M":  # moments with a time zone
        _add_moments(columns, name, series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), utc=True)
    elif kind in "iuf" and not series.hasnans:
        _add(columns, name, series.to_numpy())
    else:  # texts, and numbers and flags with gaps: whole numbers stay whole
        columns.add_objects(name, series.astype(object).tolist())


def _add_array(columns: _core.Columns, table: Any, features: Sequence[str]) -> None:
    if not isinstance(table, (np.ndarray, list, tuple)) and not hasattr(table, "__array__"):
        raise TypeError(f"a table is expected: a frame, a dict of columns, an array (rows, columns) or the path of a "
                        f"file, not {type(table).__name__}")
    array = np.asarray(table)
    if array.ndim != 2:
        raise TypeError(f"an array (rows, columns) is expected, not of {array.ndim} axes")
    called = list(features) if len(features) == array.shape[1] else [f"x{i + 1}" for i in range(array.shape[1])]
    for i, name in enumerate(called):
        _add(columns, name, array[:, i])


def _add(columns: _core.Columns, name: str, values: Any) -> None:
    """A column of any make."""
    if _is_pandas(values) and hasattr(values, "dtype"):
        _add_series(columns, name, values if hasattr(values, "iloc") else sys.modules["pandas"].Series(values))
        return
    if isinstance(values, (str, bytes)):
        raise TypeError(f"column {name!r}: a list or an array of cells is expected, not {type(values).__name__}")
    array = values if isinstance(values, np.ndarray) else None
    if array is None and not isinstance(values, (list, tuple)):
        array = np.asarray(values)
    if array is None:
        columns.add_objects(name, list(values))
        return
    if array.ndim != 1:
        raise TypeError(f"column {name!r}: one cell a row is expected, not an array of {array.ndim} axes")
    if isinstance(array, np.ma.MaskedArray):
        columns.add_objects(name, array.tolist())
    elif array.dtype.kind == "f":
        columns.add_numbers(name, np.ascontiguousarray(array, np.float64))
    elif array.dtype.kind in "iu":
        columns.add_integers(name, np.ascontiguousarray(array, np.int64 if array.dtype.kind == "i" else np.uint64))
    elif array.dtype.kind == "b":
        columns.add_bools(name, np.ascontiguousarray(array))
    elif array.dtype.kind == "M":
        _add_moments(columns, name, array, utc=False)
    elif array.dtype.kind in "OUT":
        columns.add_objects(name, array.tolist())
    else:
        raise TypeError(f"column {name!r}: numbers, texts or dates are expected, not {array.dtype}")


def _add_moments(columns: _core.Columns, name: str, array: np.ndarray, *, utc: bool) -> None:
    unit, count = np.datetime_data(array.dtype)
    if unit in ("Y", "M", "W", "D"):
        columns.add_moments(name, np.ascontiguousarray(array.astype("M8[D]").astype(np.int64)), 0, utc)
        return
    if unit not in SECONDS or count != 1:
        unit = "ns" if unit in ("ps", "fs", "as") else "s"
        array = array.astype(f"M8[{unit}]")
    columns.add_moments(name, np.ascontiguousarray(array.astype(np.int64)), SECONDS[unit], utc)
