"""Tables of any make as handgrad reads them: frames, dicts of columns, arrays, Arrow's capsules, files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from handgrad import _core
from handgrad._arrays import as_array

__all__ = ["READING", "column_names", "columns_of", "free_name", "read", "target_columns"]

# How a table is read; of a frame or an array only what is not about files.
READING = ("delimiter", "decimal", "header", "missing", "missing_only", "thousands", "percent", "currency", "date")
LISTS = ("missing", "missing_only", "date", "categorical", "target")
SECONDS = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}


def names(given: Any, setting: str) -> list[str]:
    """A list of texts, also of one of them; numbers and tuples as columns of frames are called. Raises TypeError naming
    the setting."""
    if isinstance(given, (str, tuple)) or (isinstance(given, (int, float, np.number)) and not isinstance(given, bool)):
        return [name_text(given)] if not isinstance(given, tuple) else [name_text(name) for name in given]
    if not isinstance(given, Iterable) or isinstance(given, (bytes, Mapping)):
        raise TypeError(f"{setting} = {given!r}: a name or a list of names is expected")
    return [name_text(name) for name in given]


def reading_of(given: Mapping[str, Any], model: Any = None) -> _core.Reading:
    """What is given, over what the model says, or else over the defaults."""
    lists = {name: names(value, name) if name in LISTS and value is not None else value for name, value in given.items()}
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
    if _is_sparse(table):
        raise TypeError("a dense table is expected, not a sparse matrix; .toarray() makes it one")
    columns = _core.Columns(source, reading)
    if isinstance(table, Mapping):
        for name, values in table.items():
            _add(columns, name_text(name), values)
    elif _is_pandas(table):
        _add_frame(columns, table)
    elif hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        columns.add_arrow(table)
    else:
        _add_array(columns, table, features)
    return columns.finish()


def read_beside(values: Mapping[str, Any], reading: _core.Reading, source: str) -> _core.Table:
    """Columns that stand beside a table, whose dates are its own."""
    return read(values, reading.without_dates(), source)


def columns_of(table: Any) -> list[tuple[Any, Any]] | None:
    """The columns of a dict or a frame of pandas, polars or pyarrow with their names, of whatever type these are; None
    for what has no names (arrays) or does not show its columns one by one."""
    if _is_sparse(table):  # of which one kind is a dict of cells
        return None
    if isinstance(table, Mapping):
        return list(table.items())
    if _is_pandas(table):
        return [(name, table.iloc[:, at]) for at, name in enumerate(table.columns)] if table.ndim == 2 else None
    if hasattr(table, "iter_columns"):  # of polars, and a record batch of pyarrow, whose columns have no names
        own = list(table.iter_columns() if callable(table.iter_columns) else table.iter_columns)
        if all(hasattr(column, "name") for column in own):
            return [(column.name, column) for column in own]
    names = getattr(getattr(table, "schema", None), "names", None)
    if isinstance(names, list) and hasattr(table, "column"):  # of pyarrow
        return [(name, table.column(at)) for at, name in enumerate(names)]
    return None


def column_names(table: Any) -> list[Any] | None:
    """The names of the columns, of whatever type, without a look at the cells; None for what has none, and for files."""
    if isinstance(table, _core.Table):
        return list(table.columns)
    columns = columns_of(table)
    if columns is not None:
        return [name for name, _ in columns]
    if not hasattr(table, "__arrow_c_stream__"):
        return None
    for names in (getattr(table, "columns", None), getattr(getattr(table, "schema", None), "names", None)):
        if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
            return list(names)
    return None


def name_text(name: Any) -> str:
    """As a column is called here: of the levels of a MultiIndex with points between them."""
    return ".".join(map(str, name)) if isinstance(name, tuple) else str(name)


def free_name(wanted: str, taken: Iterable[Any]) -> str:
    """`wanted`, with as many underscores behind it as make it no column's name."""
    there = {name_text(name) for name in taken}
    while wanted in there:
        wanted += "_"
    return wanted


def target_columns(values: Any, taken: Iterable[Any]) -> dict[str, Any]:
    """The values of targets, (rows,) or (rows, targets), by name: as a frame, a dict or a Series calls them, else y or y1,
    y2 ..., with underscores behind where a column is `taken` of that name. Raises TypeError for what is none."""
    columns = columns_of(values)
    if columns is not None:
        return {name_text(name): column for name, column in columns}
    if _is_sparse(values):
        raise TypeError("target: dense values are expected, not a sparse matrix; .toarray() makes them")
    if isinstance(values, (str, bytes, os.PathLike)) or not (hasattr(values, "__len__") or hasattr(values, "__array__")):
        raise TypeError(f"target: the name of a column, a list of names, or values are expected, not "
                        f"{type(values).__name__}")
    array = values if hasattr(values, "dtype") else _array_of_list(values)
    axes = getattr(array, "ndim", 1)
    if axes not in (1, 2):
        raise TypeError(f"target: values (rows,) or (rows, targets) are expected, not an array of {axes} axes")
    if axes == 2:
        cells = as_array(array)
        called = ["y"] if cells.shape[1] == 1 else [f"y{k + 1}" for k in range(cells.shape[1])]
        return {free_name(name, taken): cells[:, k] for k, name in enumerate(called)}
    name = getattr(values, "name", None)
    return {free_name("y", taken) if name is None or name == "" else name_text(name): array}


def _array_of_list(values: Any) -> Any:
    """An array, but for numbers among texts, of which it would make texts."""
    array = as_array(values)
    if array.dtype.kind == "U" and array.ndim == 1 and not all(isinstance(cell, str) for cell in values):
        return list(values)
    return array


def _is_sparse(table: Any) -> bool:
    """Of SciPy; nothing of it is imported for that."""
    return hasattr(table, "toarray") and hasattr(table, "nnz")


def _is_pandas(table: Any) -> bool:
    return type(table).__module__.partition(".")[0] == "pandas"


def _add_frame(columns: _core.Columns, frame: Any) -> None:
    if frame.ndim == 1:
        frame = frame.to_frame(name="y" if frame.name is None else frame.name)
    for at, name in enumerate(frame.columns):
        _add_series(columns, name_text(name), frame.iloc[:, at])


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
        advice = "; .collect() makes it a frame" if hasattr(table, "collect") else ""
        raise TypeError(f"a table is expected: a frame, a dict of columns, an array (rows, columns) or the path of a "
                        f"file, not {type(table).__name__}{advice}")
    array = as_array(table)
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
        array = as_array(values)
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
