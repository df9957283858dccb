"""Our readers beside Python's csv, NumPy and safetensors: on sound files the same, on damaged ones nothing else."""

import csv
import io
import json
import os
import random
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

DUMP = Path(os.environ["HANDGRAD_PROGRAM"]).resolve().parents[1] / "tests/reader_dump"
FILES = int(os.environ.get("HANDGRAD_FILES", "250"))  # of each kind


def dump(folder, reader, contents):
    """What ours reads of each, or None where it refuses."""
    names = []
    for number, content in enumerate(contents):
        names.append(folder / f"{number}.{reader}")
        names[-1].write_bytes(content)
    done = subprocess.run([DUMP, reader, *names], capture_output=True, text=True, check=True, timeout=120)
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(read) == len(contents)
    return [None if "refused" in one else one for one in read], [one.get("refused") for one in read]


def doubles(bits):
    return np.array(bits, dtype=np.uint64).view(np.float64)


def damaged(content, draw):
    """A few bytes changed, left out, doubled, or the end cut off."""
    content = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(content))
        kind = draw.randrange(4)
        if kind == 0:
            content[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del content[at]
        elif kind == 2:
            content[at:at] = content[at:at + draw.randint(1, 8)]
        else:
            del content[at + 1:]
        if not content:
            content = bytearray(b"x")
    return bytes(content)


# --- csv

CELLS = ("", "1", "-2.5", "1e3", "abc", "x y", "é", "ß,ü", 'say "hi"', "two\nlines", "two\r\nlines", "a;b", " padded ", "0x1", "NA",
         "12:30", "'", "\\", "=1+1", "1,5", "\t")


def csv_file(draw):
    """A sound file by Python's writer: two columns or more, since one alone has no empty rows."""
    columns = draw.randint(2, 5)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=draw.choice(("\n", "\r\n")), quoting=draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    writer.writerow([f"c{i}" for i in range(columns)])
    for _ in range(draw.randint(2, 8)):
        writer.writerow([draw.choice(CELLS) if draw.random() < 0.5 else repr(draw.uniform(-9, 9)) for _ in range(columns)])
    bom = "\ufeff" if draw.random() < 0.1 else ""
    return (bom + text.getvalue()).encode()


def rows_of(content):
    """As Python reads them; None where it does not or rows differ in length. Empty lines count for nothing, and the names
    may lack that of a first column, as R writes row names."""
    try:
        rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True) if row]
    except csv.Error:
        return None
    lengths = {len(row) for row in rows[1:]}
    if len(lengths) == 1 and lengths == {len(rows[0]) + 1}:
        rows[0].insert(0, None)
    return rows if rows and lengths == {len(rows[0])} else None


NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def number(cell):
    """NaN for a cell that is missing, or a text among numbers."""
    text = cell.strip(" \t")
    return float(text) if NUMBER.fullmatch(text) else np.nan


def check_csv(content, ours):
    try:
        rows = rows_of(content)
    except UnicodeDecodeError:
        return  # ours takes it for Latin-1 or Windows' code page, and says so
    assert rows is not None, f"ours accepts what Python refuses: {content!r}"
    names = [column["name"] for column in ours["columns"]]
    assert [name for name, theirs in zip(names, rows[0], strict=True) if theirs not in (None, name)] == [], content
    for i, column in enumerate(ours["columns"]):
        assert column["cells"] == [row[i] for row in rows[1:]], content
        if column["numeric"]:
            np.testing.assert_array_equal(doubles(column["numbers"]), [number(cell) for cell in column["cells"]], repr(content))


def test_csv_files_are_read_as_python_s_csv_reads_them(tmp_path):
    draw = random.Random(16)
    contents = [csv_file(draw) for _ in range(FILES)]
    for content, ours, refused in zip(contents, *dump(tmp_path, "csv", contents), strict=True):
        assert ours is not None, f"{refused}: {content!r}"
        check_csv(content, ours)


# --- NumPy

TYPES = ("<f8", ">f8", "<f4", ">f4", "<f2", "<i1", "<u1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", ">i8", "<u8", "?")


def array(draw, axes):
    shape = [draw.randint(1, 5) for _ in range(axes)]
    values = np.array([draw.choice((0, 1, -1, 0.5, 1e-3, 100, draw.uniform(-100, 100))) for _ in range(int(np.prod(shape)))])
    dtype = np.dtype(draw.choice(TYPES))
    if dtype.kind == "u":
        values = np.abs(values)
    ordered = values.astype(dtype).reshape(shape)
    return np.asfortranarray(ordered) if draw.random() < 0.3 else ordered


def npy_file(draw):
    file = io.BytesIO()
    np.save(file, array(draw, draw.randint(1, 2)))
    return file.getvalue()


def numpy_reads(content):
    try:
        return np.load(io.BytesIO(content), allow_pickle=False)
    except Exception:  # whatever NumPy makes of a damaged file
        return None


def check_npy(content, ours):
    theirs = numpy_reads(content)
    assert theirs is not None, f"ours accepts what NumPy refuses: {content!r}"
    theirs = theirs.reshape(len(theirs), -1).astype(np.float64)
    assert theirs.shape == (ours["rows"], len(ours["columns"]))
    for i, column in enumerate(ours["columns"]):
        np.testing.assert_array_equal(doubles(column["numbers"]), theirs[:, i])


def test_arrays_are_read_as_numpy_reads_them(tmp_path):
    draw = random.Random(17)
    contents = [npy_file(draw) for _ in range(FILES)]
    for content, ours, refused in zip(contents, *dump(tmp_path, "npy", contents), strict=True):
        assert ours is not None, refused
        check_npy(content, ours)


def npz_file(draw):
    file = io.BytesIO()
    save = draw.choice((np.savez, np.savez_compressed))
    save(file, **{f"a{i}": array(draw, draw.randint(0, 4)) for i in range(draw.randint(1, 3))})
    return file.getvalue()


def check_arrays(theirs, ours):
    """Two maps of arrays by name."""
    assert sorted(theirs) == sorted(ours)
    for name, read in ours.items():
        assert list(theirs[name].shape) == read["shape"]
        np.testing.assert_array_equal(doubles(read["numbers"]), theirs[name].astype(np.float64).ravel())


def check_npz(content, ours):
    theirs = numpy_reads(content)
    assert theirs is not None, f"ours accepts what NumPy refuses: {content!r}"
    check_arrays(theirs, ours)


def read_all(folder, kind, contents, check):
    """None of them is refused, and each is what the others read."""
    for content, ours, refused in zip(contents, *dump(folder, kind, contents), strict=True):
        assert ours is not None, refused
        check(content, ours)


def test_archives_are_read_as_numpy_reads_them(tmp_path):
    draw = random.Random(18)
    read_all(tmp_path, "npz", [npz_file(draw) for _ in range(FILES)], check_npz)


# --- safetensors

def tensor_file(draw):
    tensors = {f"t{i}.w": np.ascontiguousarray(array(draw, draw.randint(0, 3)).astype(draw.choice(("<f4", "<f8", "<f2"))))
               for i in range(draw.randint(1, 4))}
    metadata = {"k": draw.choice(("v", "é", '"')) for _ in range(draw.randint(0, 1))}
    return safetensors.numpy.save(tensors, metadata or None)


def check_tensors(content, ours):
    try:
        theirs = safetensors.numpy.load(content)
    except Exception as error:  # whatever their library raises
        pytest.fail(f"ours accepts what safetensors refuses ({error}): {content!r}")
    check_arrays(theirs, ours["tensors"])


def test_tensors_are_read_as_their_own_library_reads_them(tmp_path):
    draw = random.Random(19)
    read_all(tmp_path, "tensors", [tensor_file(draw) for _ in range(FILES)], check_tensors)


# --- damage

@pytest.mark.parametrize(("reader", "sound", "check"), [
    ("csv", csv_file, check_csv),
    ("npy", npy_file, check_npy),
    ("npz", npz_file, check_npz),
    ("tensors", tensor_file, check_tensors),
])
def test_what_ours_reads_of_a_damaged_file_the_others_read_too(tmp_path, reader, sound, check):
    draw = random.Random(20)
    contents = [damaged(sound(draw), draw) for _ in range(2 * FILES)]
    read, _ = dump(tmp_path, reader, contents)
    assert any(one is None for one in read)
    for content, ours in zip(contents, read, strict=True):
        if ours is not None:
            check(content, ours)
