"""Small files that ask for much: memory and time stay a small multiple of the bytes that are there, or the file is refused."""

import gzip
import io
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cli_support import PROGRAM, arguments_for, regression_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from forged import Forged  # noqa: E402  (after the path that leads to it)

MEGABYTES, SECONDS = 400, 20
ADDRESS_SPACE = 3 << 30


@pytest.fixture(scope="module", name="folder")
def train_a_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    (folder / "t.csv").write_text(regression_table(40))
    subprocess.run([PROGRAM, "train", "t.csv", *map(str, arguments_for("y", "m.model")), "-q"], cwd=folder, check=True)
    return folder


# A process begins with the peak of the one that it was forked from, and pytest is no small one: so it is forked from this.
LAUNCHER = f"""
import os, resource, sys
process = os.fork()
if process == 0:
    resource.setrlimit(resource.RLIMIT_AS, ({ADDRESS_SPACE}, {ADDRESS_SPACE}))
    resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
    os.execv(sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(process, 0)
with open(sys.argv[1], "w") as file:
    print(os.waitstatus_to_exitcode(status), used.ru_maxrss, used.ru_utime + used.ru_stime, file=file)
"""


def run(folder, *words, stdin=None):
    """Exit code, standard error; the peak of memory and the time are held to their bounds."""
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        subprocess.run([sys.executable, "-S", "-c", LAUNCHER, folder / "used", PROGRAM, *map(str, words)], cwd=folder, stdin=stdin,
                       stdout=out, stderr=err, check=True)
    code, kilobytes, seconds = (folder / "used").read_text().split()
    said = (folder / "err").read_text()
    assert int(kilobytes) < MEGABYTES * 1000, f"{kilobytes} kB, {said}"
    assert float(seconds) < SECONDS / 2, said
    return int(code), said


def npy(shape, dtype="|u1"):
    """The header of an array of zeros, and the zeros."""
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"descr": dtype, "fortran_order": False, "shape": shape})
    return data.getvalue() + bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize)


def packed_columns(folder):
    (folder / "wide.npy").write_bytes(gzip.compress(npy((1, 8_000_000))))
    return ("predict", "m.model", "wide.npy"), 3, "8000000 columns; at most 130000 are read"


def commas(folder):
    (folder / "commas.csv").write_bytes(b"," * 30_000_000)
    return ("predict", "m.model", "commas.csv"), 3, "commas.csv:1: 30000001 columns; at most 130000 are read"


def packed_zeros(folder):
    with gzip.open(folder / "zeros.csv.gz", "wb") as file:
        for _ in range(64):
            file.write(b"0\n" * (1 << 20))
    return ("predict", "m.model", "zeros.csv.gz"), 3, "the gzip data unpacks to more than"


def packed_archive(folder):
    array = bytearray(npy((1 << 24,)))
    array[1024::768] = np.random.default_rng(1).bytes(len(array[1024::768]))  # no array is packed too well by itself
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for i in range(20):
            archive.writestr(f"a{i}.npy", array)
    return ("compare", "m.model", "t.csv", "--gradients", "bomb.npz"), 3, "which is much for its size"


def many_columns(folder):
    names = ",".join(f"c{i}" for i in range(130_001))
    (folder / "columns.csv").write_text(f"{names}\n{','.join('1' for _ in range(130_001))}\n")
    return ("train", "columns.csv", "--target", "c1", "-o", "n.model"), 3, "130001 columns; at most 130000 are read"


def as_many_columns_as_may_be(folder):
    names = ",".join(f"c{i}" for i in range(130_000))
    (folder / "columns.csv").write_text(f"{names}\n{','.join('1' for _ in range(130_000))}\n")
    return ("predict", "m.model", "columns.csv"), 3, "the model needs the columns 'a', 'b', 'city'"


def categories_of_a_whole_table(folder):
    """Each column may have as many categories, all of them together more than a file describes."""
    names = [f"t{i}" for i in range(110)]
    rows = "\n".join(",".join(f"{row * 7 + column}" for column in range(110)) + f",{row}" for row in range(9600))
    (folder / "categories.csv").write_text(",".join(names) + ",y\n" + rows + "\n")
    words = ("train", "categories.csv", "--target", "y", "--categorical", ",".join(names), "-o", "n.model", "--epochs", "1", "--hidden", "2")
    return words, 3, "as each category is an input of its own"


def long_name(folder):
    (folder / "name.csv").write_text("x" * 1025 + ",y\n1,2\n3,4\n")
    return ("train", "name.csv", "--target", "y", "-o", "n.model"), 3, "of column 1 has 1025 bytes; at most 1024 are read"


def long_names_to_guess(folder):
    rows = "".join(f"{'q' * 40_000}{i},1,Rome,1\n" for i in range(25))
    (folder / "guess.csv").write_text("a,b,city,y\n" + rows)
    return ("predict", "m.model", "guess.csv", "--allow-extra"), 3, "guess.csv"


def long_class_to_guess(folder):
    forged = Forged((folder / "m.model").read_bytes())
    forged.values["preprocessing"]["features"][2]["categories"] = [c + "x" * 400_000 for c in ("Lima", "Oslo", "Rome")]
    (folder / "guess.model").write_bytes(forged.bytes())
    (folder / "guess.csv").write_text("a,b,city,y\n" + f"1,1,{'x' * 400_000}Lima,1\n" * 3)
    return ("predict", "guess.model", "guess.csv"), 3, "is not a category that the model knows"


def texts_without_end(folder):
    rows = "".join(",".join(f"{column}{row // 4}" for column in "abcdefghijklmnopqrst") + f",{row}\n" for row in range(9000))
    names = ",".join(f"t{i}" for i in range(20))
    (folder / "texts.csv").write_text(f"{names},y\n{rows}")
    return ("train", "texts.csv", "--target", "y", "--categorical", names, "-o", "n.model"), 3, "GB, as each category is an input of its own"


def endless_zeros(_folder):
    return ("predict", "m.model", "/dev/zero"), 3, "/dev/zero"


def endless_zeros_as_model(_folder):
    return ("inspect", "/dev/zero"), 4, "/dev/zero"


def endless_zeros_as_options(_folder):
    return ("train", "t.csv", "--target", "y", "-o", "n.model", "--config", "/dev/zero"), 2, "a device that does not end"


def endless_noise(_folder):
    return ("predict", "m.model", "/dev/urandom"), 3, "/dev/urandom"


def header_of_many_bytes(folder):
    (folder / "header.model").write_bytes(struct.pack("<Q", 1 << 24) + b"{" + b" " * (1 << 20))
    return ("inspect", "header.model"), 4, "header.model: not a safetensors file, as models are, or truncated"


def model_of_long_texts(folder):
    forged = Forged((folder / "m.model").read_bytes())
    forged.values["provenance"] = {f"k{i}": "v" for i in range(60_000)} | {"long": "x" * 1_000_000}
    (folder / "texts.model").write_bytes(forged.bytes())
    return ("inspect", "texts.model"), 0, ""


def cell_of_a_megabyte(folder):
    (folder / "cell.csv").write_text(f"a,b,city,y\n1,2,{'z' * 1_000_000},3\n")
    return ("evaluate", "m.model", "cell.csv"), 3, "is not a category that the model knows"


CASES = [commas, packed_columns, packed_zeros, packed_archive, many_columns, as_many_columns_as_may_be,
         categories_of_a_whole_table, long_name, long_names_to_guess,
         long_class_to_guess, texts_without_end, endless_zeros, endless_zeros_as_model, endless_zeros_as_options, endless_noise,
         header_of_many_bytes, model_of_long_texts, cell_of_a_megabyte]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_small_file_costs_little(folder, case):
    words, code, said = case(folder)
    exit_code, message = run(folder, *words)
    assert exit_code == code, message
    assert said in message
    assert len(message) < 10_000


def test_a_pipe_without_end_is_judged_by_its_first_bytes(folder):
    for words, code in [(("predict", "m.model", "/dev/stdin"), 3), (("inspect", "/dev/stdin"), 4)]:
        with subprocess.Popen(["cat", "/dev/zero"], stdout=subprocess.PIPE) as zeros:
            exit_code, _ = run(folder, *words, stdin=zeros.stdout)
            zeros.kill()
        assert exit_code == code
