"""Tables of any make are what the program reads of the same table in a CSV file."""

import ctypes
import datetime
import decimal

import numpy as np
import pytest
from handgrad.table import read, reading_of
from package_support import needs_program, run

import handgrad
from handgrad import _core

pd = pytest.importorskip("pandas")


def plain(table, **reading):
    return read(table, reading_of(reading))


def mixed(rows=60):
    """Numbers with gaps, texts with gaps, texts that spell numbers, flags, days, whole numbers beyond float."""
    rng = np.random.default_rng(3)
    some = np.array(["Rome", "Oslo", " Bern", "a,b", None], object)
    frame = pd.DataFrame({
        "a": rng.normal(size=rows) * 1e3,
        "city": some[rng.integers(0, 5, rows)],
        "spelled": [str(x) for x in rng.normal(size=rows).round(3)],
        "flag": rng.integers(0, 2, rows) == 1,
        "id": rng.integers(2**53, 2**60, rows),
        "few": pd.array([None if i % 7 == 0 else int(x) for i, x in enumerate(rng.integers(0, 9, rows))], "Int64"),
        "kind": pd.Categorical(rng.choice(["x", "y", "z"], rows), categories=["z", "unused", "y", "x"]),
        "day": pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 900, rows), "D"),
    })
    frame.loc[5, "a"] = np.nan
    frame["y"] = frame.a.fillna(0) / 100 + (frame.city == "Rome") + frame.flag
    return frame


FIXED = {"epochs": 2, "seed": 1, "impute": "mean", "date": ["day"], "hidden": [8]}
OPTIONS = ["--epochs", 2, "--seed", 1, "--impute", "mean", "--date", "day", "--hidden", 8, "-q"]


def hash_by_program(frame, folder, options=OPTIONS):
    frame.to_csv(folder / "t.csv", index=False)
    run("train", folder / "t.csv", "--target", "y", *options, "-o", folder / "t.model")
    return handgrad.load(folder / "t.model").parameters_hash


@needs_program
def test_a_frame_is_learned_as_its_csv_file(tmp_path):
    frame = mixed()
    model = handgrad.fit(frame, "y", **FIXED).model
    assert model.parameters_hash == hash_by_program(frame, tmp_path)
    assert handgrad.fit(tmp_path / "t.csv", "y", **FIXED).model.parameters_hash == model.parameters_hash
    columns = {name: frame[name].tolist() for name in frame}
    assert handgrad.fit(columns, "y", **FIXED).model.parameters_hash == model.parameters_hash
    # An index is no column, whatever it looks like, and strides and read-only memory change nothing.
    other = frame.set_index(pd.Index(range(100, 160)))
    assert handgrad.fit(other, "y", **FIXED).model.parameters_hash == model.parameters_hash


@needs_program
@pytest.mark.parametrize("make", ["pyarrow", "chunked", "sliced", "polars", "duckdb"])
def test_arrow_is_learned_as_its_csv_file(tmp_path, make):
    frame = mixed()
    expected = hash_by_program(frame, tmp_path)
    if make in ("pyarrow", "chunked", "sliced"):
        pa = pytest.importorskip("pyarrow")
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if make == "chunked":
            table = pa.concat_tables([table.slice(0, 7), table.slice(7, 0), table.slice(7)])
        if make == "sliced":
            padding = table.slice(3, 5)
            table = pa.concat_tables([padding, table, padding]).combine_chunks().slice(5, len(frame))
    elif make == "polars":
        pl = pytest.importorskip("polars")
        pytest.importorskip("pyarrow")
        table = pl.from_pandas(frame)
    else:
        duckdb = pytest.importorskip("duckdb")
        table = duckdb.sql("select * from frame")
    assert handgrad.fit(table, "y", **FIXED).model.parameters_hash == expected


@needs_program
def test_classes_are_those_of_the_csv_file(tmp_path):
    frame = mixed(100)
    for labels in (["no", "yes", "maybe"], [10, 9, 8], [True, False], [1.0, 2.0]):
        frame["y"] = [labels[i % len(labels)] for i in range(100)]
        options = [*OPTIONS, "--task", "classification"]
        model = handgrad.fit(frame, "y", task="classification", **FIXED).model
        assert model.parameters_hash == hash_by_program(frame, tmp_path, options)
        assert model._core.classes == handgrad.load(tmp_path / "t.model")._core.classes


@needs_program
def test_numbers_named_categories_keep_their_spelling(tmp_path):
    frame = mixed()[["a", "few", "y"]].assign(code=np.arange(60) % 11 * 1.5)
    how = {"epochs": 1, "seed": 0, "hidden": [4], "impute": "mean", "categorical": ["few", "code"]}
    options = ["--epochs", 1, "--seed", 0, "--hidden", 4, "--impute", "mean", "--categorical", "few,code", "-q"]
    model = handgrad.fit(frame, "y", **how).model
    assert model.parameters_hash == hash_by_program(frame, tmp_path, options)
    assert model.inputs == handgrad.load(tmp_path / "t.model").inputs


def test_arrays_of_every_make_are_read_and_left_alone():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(40, 8))
    y = wide.sum(1)
    expected = handgrad.fit(np.ascontiguousarray(wide[::2, ::2]), y[::2].copy(), epochs=1).model.parameters_hash
    view = wide[::2, ::2]
    view.flags.writeable = False
    before = wide.copy()
    assert handgrad.fit(view, y[::2], epochs=1).model.parameters_hash == expected
    assert handgrad.fit(view.astype(object), y[::2], epochs=1).model.parameters_hash == expected
    assert handgrad.fit(np.asfortranarray(view), y[::2], epochs=1).model.parameters_hash == expected
    assert (wide == before).all()
    halves = np.arange(12, dtype=np.float16).reshape(6, 2) / 4
    assert plain(halves).same_cells(plain({"x1": halves[:, 0].tolist(), "x2": halves[:, 1].tolist()}))
    one = handgrad.fit(halves, halves.sum(1), epochs=1).model.parameters_hash
    assert handgrad.fit(halves.astype(float), halves.sum(1).astype(float), epochs=1).model.parameters_hash == one


def test_what_is_missing_is_missing_in_every_make():
    gaps = {
        "1": [[1.0, np.nan], [1, None], [1, pd.NA], np.array([1, np.nan], np.float32), np.ma.array([1, 2], mask=[0, 1]),
              pd.Series([1, None], dtype="Int8"), pd.Series([1, None]), np.array([1, None], object), ("1", " NA ")],
        "1.5": [[decimal.Decimal("1.5"), decimal.Decimal("NaN")], [np.float32(1.5), np.float64("nan")]],
        "a": [["a", "NA"], pd.Series(["a", None]), pd.Categorical(["a", None]), np.array(["a", "null"])],
        "True": [[True, None], pd.Series([True, None], dtype="boolean"), [np.bool_(True), float("nan")]],
        "2024-01-01": [["2024-01-01", pd.NaT], np.array(["2024-01-01", "NaT"], "M8[D]"), [datetime.date(2024, 1, 1), None],
                       np.array(["2024-01-01", "NaT"], "M8[ns]"), pd.to_datetime(pd.Series(["2024-01-01", None]))],
    }
    for spelled, columns in gaps.items():
        for column in columns:
            assert plain({"x": column}).same_cells(plain({"x": [spelled, ""]})), (spelled, column)
    # Whatever spellings mean a gap, what has no value is one; and numbers can mean it too.
    assert plain({"x": [1.0, np.nan]}, missing_only="-9").same_cells(plain({"x": ["1", ""]}))
    assert plain({"x": [1.0, -9.0]}, missing="-9").same_cells(plain({"x": ["1", ""]}))


def test_what_is_no_table_is_named():
    for given, words in (
        (3.5, "a table is expected"),
        (np.zeros((2, 2, 2)), "3 axes"),
        ({"a": np.zeros((2, 2))}, "column 'a'"),
        ({"a": "text"}, "column 'a'"),
        ({"a": [[1], [2]]}, "column 'a': row 0 holds a list"),
        ({"a": [1, b"x"]}, "column 'a': row 1 holds a bytes"),
        ({"a": np.array([1j])}, "column 'a'"),
    ):
        with pytest.raises(TypeError, match=words):
            plain(given)
    with pytest.raises(handgrad.UsageError, match="column 'b': it has 1 row, the columns before it 2"):
        plain({"a": [1, 2], "b": [1]})
    with pytest.raises(handgrad.DataError, match="no rows"):
        plain({"a": []})
    with pytest.raises(handgrad.DataError, match="two columns of that name"):
        plain(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(handgrad.DataError, match="there is no column 'dy' \\(did you mean 'day'"):
        plain({"day": ["2024-01-01"]}, date="dy")


# --- Arrow by hand ----------------------------------------------------------------------------------------------------


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


Release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
Schema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p),
                   ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
                   ("children", ctypes.POINTER(ctypes.POINTER(Schema))), ("dictionary", ctypes.POINTER(Schema)),
                   ("release", Release), ("private_data", ctypes.c_void_p)]
Array._fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
                  ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
                  ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.POINTER(ctypes.POINTER(Array))),
                  ("dictionary", ctypes.POINTER(Array)), ("release", Release), ("private_data", ctypes.c_void_p)]
released = []


@Release
def release(pointer):
    released.append(pointer)


def capsule(struct, name):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(ctypes.addressof(struct), name, None)


class Producer:
    """A table of one column of that type, in two buffers."""

    def __init__(self, kind, values, buffers=2, gone=False):
        self.data = (ctypes.c_byte * max(len(values), 1)).from_buffer_copy(values or b"\0")
        self.buffers = (ctypes.c_void_p * 2)(None, ctypes.addressof(self.data))
        column = Schema(kind, b"a", None, 0, 0, None, None, release, None)
        self.schema = Schema(b"+s", b"", None, 0, 1, (ctypes.POINTER(Schema) * 1)(ctypes.pointer(column)), None, release,
                             None)
        cells = Array(2, 0, 0, buffers, 0, self.buffers, None, None, release, None)
        self.array = Array(2, 0, 0, 1, 1, (ctypes.c_void_p * 1)(None),
                           (ctypes.POINTER(Array) * 1)(ctypes.pointer(cells)), None, release, None)
        self.kept = column, cells
        if gone:
            self.schema.release = ctypes.cast(None, Release)

    def __arrow_c_array__(self, requested_schema=None):
        return capsule(self.schema, b"arrow_schema"), capsule(self.array, b"arrow_array")


def test_arrow_arrays_are_given_back():
    released.clear()
    assert plain(Producer(b"i", np.array([3, 4], np.int32).tobytes())).columns == ["a"]
    assert len(released) == 2  # the schema and the batch, which answer for their columns


@pytest.mark.parametrize(("producer", "words"), [
    (Producer(b"+l", b""), "column 'a': Arrow's type '\\+l' is neither a number nor a text"),
    (Producer(b"tDs", b"\0" * 16), "column 'a': a span of time"),
    (Producer(b"i", b"\0" * 8, buffers=1), "fewer buffers"),
    (Producer(b"i", b"\0" * 8, gone=True), "has been released"),
])
def test_arrow_that_is_no_table_raises(producer, words):
    with pytest.raises(TypeError, match=words):
        plain(producer)


def test_a_stream_is_read_once():
    pa = pytest.importorskip("pyarrow")

    class Once:
        def __init__(self):
            self.stream = pa.table({"a": [1, 2]}).__arrow_c_stream__()

        def __arrow_c_stream__(self, requested_schema=None):
            return self.stream

    once = Once()
    assert plain(once).rows == 2
    with pytest.raises(TypeError, match="released"):
        plain(once)
    with pytest.raises(TypeError, match="no table but a column"):
        plain(pa.chunked_array([[1, 2]]))


def test_a_slice_of_records_is_its_rows():
    pa = pytest.importorskip("pyarrow")
    records = pa.StructArray.from_arrays([pa.array([1, 2, 3, 4]), pa.array(["a", None, "b", "c"])], ["n", "t"])
    assert plain(records.slice(1, 2)).same_cells(plain({"n": [2, 3], "t": [None, "b"]}))


def test_types_of_arrow():
    pa = pytest.importorskip("pyarrow")
    moments = [datetime.datetime(2024, 1, 31, 12, 30), None, datetime.datetime(1969, 12, 31, 23, 59, 59, 250000)]
    days = [datetime.date(2024, 1, 31), None, datetime.date(1960, 2, 29)]
    columns = {
        "half": pa.array(np.array([0.5, -2, 65504], np.float16)), "i8": pa.array([1, None, -3], pa.int8()),
        "u64": pa.array([1, 2, 2**64 - 1], pa.uint64()), "bool": pa.array([True, None, False]),
        "large": pa.array(["a", None, "c" * 20], pa.large_string()), "view": pa.array(["a", None, "c" * 20], pa.string_view()),
        "coded": pa.array(["a", None, "a"]).dictionary_encode(), "null": pa.nulls(3),
        "numbers": pa.array([10, None, 10]).dictionary_encode(), "us": pa.array(moments, pa.timestamp("us")),
        "utc": pa.array(moments, pa.timestamp("ms", "Europe/Rome")), "day": pa.array(days), "d64": pa.array(days, pa.date64()),
        "clock": pa.array([datetime.time(1, 2, 3), None, datetime.time(23)], pa.time32("ms")),
        "money": pa.array([decimal.Decimal("-1.05"), None, decimal.Decimal("12.00")], pa.decimal128(9, 2)),
    }
    dates = ["us", "utc", "day", "d64", "clock"]
    table = plain(pa.table(columns), date=dates)
    spelled = {
        "half": ["0.5", "-2", "65504"], "i8": ["1", "", "-3"], "u64": ["1", "2", "18446744073709551615"],
        "bool": ["True", "", "False"], "large": ["a", "", "c" * 20], "view": ["a", "", "c" * 20],
        "coded": ["a", "", "a"], "null": [""] * 3, "numbers": ["10", "", "10"],
        "us": ["2024-01-31T12:30", "", "1969-12-31T23:59:59.25"], "utc": ["2024-01-31T12:30Z", "", "1969-12-31T23:59:59.25Z"],
        "day": ["2024-01-31", "", "1960-02-29"], "d64": ["2024-01-31", "", "1960-02-29"],
        "clock": ["01:02:03", "", "23:00:00"], "money": ["-1.05", "", "12.00"],
    }
    expected = plain(spelled, date=dates)
    assert table.columns == expected.columns
    assert table.same_cells(expected)


def test_a_table_says_how_it_was_read(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n1,5;2\n")
    table = plain(tmp_path / "t.csv")
    assert isinstance(table, _core.Table)
    assert table.rows == 1
    assert "semicolons" in table.notices[0]
