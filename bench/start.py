#!/usr/bin/env python3
"""From the start of a process to its first prediction: seconds and peak memory, beside what importing a library costs.

Usage: bench/start.py [--runs 50] [--core 1]

The program is build/release/cli/handgrad, or the one that HANDGRAD_PROGRAM names. The model is a small one of the
diabetes table (10 inputs, 16 hidden units), the table has one row. What is not installed is named and left out.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build" / "release" / "cli" / "handgrad"))
TIME = "/usr/bin/time"
TABLE = ROOT / "examples" / "data" / "diabetes.csv"


def seconds_of(command):
    """Seconds on the wall from the start to the end of a process, whose output goes nowhere."""
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        start = time.perf_counter()
        child = os.posix_spawn(command[0], command, os.environ,
                               file_actions=[(os.POSIX_SPAWN_DUP2, nothing.fileno(), 1)])
        _, status = os.waitpid(child, 0)
        seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)}: failed with {os.waitstatus_to_exitcode(status)}")
    return seconds


def peak_memory(command):
    """The most memory that a process had, in MB (10^6 bytes). By time(1), because a child of this process would start
    its count with what Python itself takes."""
    if not Path(TIME).is_file():
        return "–"
    ended = subprocess.run([TIME, "-f", "%M", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                           check=True)
    return f"{int(ended.stderr.split()[-1]) * 1024 / 1e6:.1f}"


def make_model(folder):
    """The model and a table of one row without the target."""
    model, table = Path(folder) / "small.model", Path(folder) / "one.csv"
    subprocess.run([PROGRAM, "train", TABLE, "--target", "progression", "--hidden", "16", "--epochs", "5", "--quiet",
                    "-o", model], check=True, stdout=subprocess.DEVNULL)
    lines = TABLE.read_text(encoding="utf-8").splitlines()[:2]
    target = lines[0].split(",").index("progression")
    rows = [[cell for i, cell in enumerate(line.split(",")) if i != target] for line in lines]
    table.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    return str(model), str(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--core", type=int, default=os.cpu_count() - 1)
    options = parser.parse_args()
    if not PROGRAM.is_file():
        sys.exit(f"{PROGRAM} is not there: make")
    os.sched_setaffinity(0, {options.core})  # inherited by what is started
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        model, table = make_model(folder)
        commands = {"handgrad predict": ([str(PROGRAM), "predict", model, table], options.runs),
                    "true, which does nothing": ([shutil.which("true")], options.runs),
                    "python3, which does nothing": ([python, "-c", ""], max(3, options.runs // 5))}
        for name, import_name in (("NumPy", "numpy"), ("scikit-learn", "sklearn"), ("PyTorch", "torch"),
                                  ("JAX", "jax")):
            if importlib.util.find_spec(import_name):
                commands[f"import {name}"] = ([python, "-c", f"import {import_name}"], max(3, options.runs // 10))
            else:
                print(f"{name} is not there and is left out", file=sys.stderr)
        if not Path(TIME).is_file():
            print(f"{TIME} is not there (Debian package time), so peak memory is left out", file=sys.stderr)
        print("| process | least ms | median ms | peak memory, MB |\n| --- | --- | --- | --- |")
        for name, (command, runs) in commands.items():
            memory = peak_memory(command)  # and everything is in the page cache then
            seconds = [seconds_of(command) for _ in range(runs)]
            print(f"| {name} | {1e3 * min(seconds):.1f} | {1e3 * median(seconds):.1f} | {memory} |", flush=True)


if __name__ == "__main__":
    main()
