#!/usr/bin/env python3
"""Seconds to read CSV files of 200 MB, and to make float matrices of them, beside pandas, polars, pyarrow and duckdb.

Usage: bench/reading.py [--megabytes 200] [--rounds 5] [--core 1] [--program build/release/bench/read_table]

Run with a Python that has NumPy and the peers (pip install numpy pandas polars pyarrow duckdb); a peer that is missing
is named and left out. Everything runs on one core, one read a process, ours and theirs in turn. Seconds are of processor
time, which other programs on the machine disturb less than time on the wall; the files are in the page cache by then.
The program of our side is made by `cmake --build build/release --target read_table`.

A matrix is one of 32-bit floats, rows × columns, with a 0/1 column for each different text.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
BLOCK = 10_000  # rows made at a time


# What is read ---------------------------------------------------------------------------------------------------------

def decimals(rng, rows):
    """16 columns with six digits behind the point."""
    return [[f"{value:.6f}" for value in rng.normal(0, 10, rows)] for _ in range(16)]


def doubles(rng, rows):
    """16 columns of doubles as Python writes them, so that they are read back bit for bit: mostly 16 and 17 digits."""
    return [[repr(value) for value in rng.normal(size=rows).tolist()] for _ in range(16)]


def mixed(rng, rows):
    """8 columns of whole numbers, one of 40 different texts, 7 of prices."""
    whole = [[str(value) for value in rng.integers(0, limit, rows).tolist()] for limit in 4 * [100] + 4 * [1_000_000]]
    towns = [f"town {i}" for i in range(40)]
    prices = [[f"{value:.2f}" for value in rng.lognormal(3, 2, rows)] for _ in range(7)]
    return [*whole, [towns[i] for i in rng.integers(0, len(towns), rows)], *prices]


KINDS = {make.__name__: make for make in (decimals, doubles, mixed)}


def write_table(path, make, size):
    import numpy as np

    rng = np.random.default_rng(1)
    with open(path, "w", encoding="ascii") as file:
        columns = make(rng, BLOCK)
        file.write(",".join(f"x{i + 1}" for i in range(len(columns))) + "\n")
        while file.tell() < size:
            file.write("".join(",".join(row) + "\n" for row in zip(*columns)))
            columns = make(rng, BLOCK)


# The peers: (read, to a matrix), the latter where the package has a way of its own ------------------------------------

def pandas_peer():
    import numpy as np
    import pandas

    def matrix(frame):
        texts = frame.select_dtypes(exclude="number").columns
        return (pandas.get_dummies(frame, columns=texts) if len(texts) else frame).to_numpy(np.float32)

    return lambda path: pandas.read_csv(path, engine="c"), matrix


def polars_peer():
    import polars

    def matrix(frame):
        texts = [name for name in frame.columns if frame[name].dtype == polars.String]
        return (frame.to_dummies(texts) if texts else frame).cast(polars.Float32).to_numpy()

    return polars.read_csv, matrix


def pyarrow_peer():
    from pyarrow import csv

    return lambda path: csv.read_csv(path, read_options=csv.ReadOptions(use_threads=False)), None


def duckdb_peer():
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    return lambda path: connection.execute("create table read as select * from read_csv(?)", [path]), None


PEERS = {"pandas": pandas_peer, "polars": polars_peer, "pyarrow": pyarrow_peer, "duckdb": duckdb_peer}


def measure_peer(name, path):
    """In a process of its own: prints the seconds of reading and, where there is a way, of making the matrix."""
    read, matrix = PEERS[name]()
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as small:  # what is loaded and compiled at the first call
        small.write("a,b\n1,x\n2.5,y\n")
        small.flush()
        if name != "duckdb":
            read(small.name)
    start = time.process_time()
    table = read(path)
    seconds = [time.process_time() - start]
    if matrix:
        start = time.process_time()
        matrix(table)
        seconds.append(time.process_time() - start)
    print(*seconds)


# The measurement ------------------------------------------------------------------------------------------------------

def run(command, core):
    """Seconds of reading and of the matrix; None for the latter where there is none, nothing when the command fails."""
    one_thread = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, check=False,
                           env={**os.environ, **one_thread})
    if ended.returncode:
        print(f"{command[-2]}: failed with {ended.returncode}: {ended.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    numbers = [float(word) for word in ended.stdout.split()]
    return numbers[0], numbers[1] if len(numbers) > 1 else None


def rows_of(commands, path, options):
    """A row of the table for each reader, from rounds in which each has its turn."""
    runs = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            seconds = run([*command, str(path)], options.core)
            if seconds:
                runs[name].append(seconds)
    size = path.stat().st_size / 1e6
    ours = None
    for name, seconds in runs.items():
        if not seconds:
            continue
        reading = [read for read, _ in seconds]
        whole = [read + matrix for read, matrix in seconds if matrix is not None]
        ours = ours or (min(reading), min(whole))
        yield [path.stem, name, f"{min(reading):.3f}", f"{median(reading):.3f}", f"{size / min(reading):.0f}",
               f"{min(reading) / ours[0]:.2f}", *([f"{min(whole):.3f}", f"{median(whole):.3f}",
                                                   f"{min(whole) / ours[1]:.2f}"] if whole else ["–", "–", "–"])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=os.cpu_count() - 1)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "release" / "bench" / "read_table")
    options = parser.parse_args()
    if not options.program.is_file():
        sys.exit(f"{options.program} is not there: cmake --build build/release --target read_table")
    commands = {"handgrad": [str(options.program)]}
    for name in PEERS:
        if importlib.util.find_spec(name):
            commands[name] = [sys.executable, __file__, "--peer", name]
        else:
            print(f"{name} is not there and is left out: {sys.executable} -m pip install {name}", file=sys.stderr)
    if not importlib.util.find_spec("numpy"):
        sys.exit(f"the tables are made with NumPy: {sys.executable} -m pip install numpy")
    header = ["table", "reader", "read, s", "median", "MB/s", "× ours", "to a float matrix, s", "median", "× ours"]
    print("\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header))), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for kind, make in KINDS.items():
            path = Path(folder) / f"{kind}.csv"
            write_table(path, make, options.megabytes * 1e6)
            for row in rows_of(commands, path, options):
                print("| " + " | ".join(row) + " |", flush=True)
            path.unlink()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        measure_peer(*sys.argv[2:])
    else:
        main()
