#!/usr/bin/python3
"""Measures what docs/speed.md has tables of, and writes them: decimal numbers, single rows, reading of CSV.

Usage: bench/speed.py [--write] [--peers PYTHON] [--rounds N] [--megabytes N] [GROUP...]    (default: all groups, printed)

decimals   our reader of decimal numbers beside fast_float's and the standard library's (make bench-decimals)
rows       one row through Predictor and ModelPredictor (target model_predictor of the release build)
reading    CSV files beside pandas, polars, pyarrow and duckdb (bench/reading.py; target read_table)

PYTHON has the peers of the last, .venv-peers/bin/python otherwise. Another program on the machine shows in the
figures: they are the least of many turns, and the load at the start stands below them.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import measured  # noqa: E402  (after the path that leads to it)

PAGE = ROOT / "docs" / "speed.md"
RELEASE = ROOT / "build" / "release"
DECIMALS = ROOT / "build" / "decimals"
SCRIPTS = ("bench", "tests/slow/decimals.cpp")


def output(*command):
    done = subprocess.run(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"exit code {done.returncode} of: {' '.join(map(str, command))}")
    return done.stdout


def cells(text):
    """The rows of a Markdown table, with its header but without the line below that."""
    rows = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if not set("".join(row)) <= set("-| ")]


def decimals(_):
    """A table of nanoseconds, and how many kinds ours reads sooner than fast_float."""
    DECIMALS.parent.mkdir(exist_ok=True)
    output("g++", "-std=c++20", "-O3", "-DNDEBUG", "-ffp-contract=off", "-I.", "tests/slow/decimals.cpp",
           "handgrad/data/decimal.cpp", "-o", DECIMALS)
    text = output(DECIMALS)
    ratios = [float(row[4]) for row in cells(text)[1:]]
    return f"{text.strip()}\n\nOf these {len(ratios)} kinds {sum(ratio > 1 for ratio in ratios)} are read sooner than by fast_float."


def rows(_):
    """A table of one row's nanoseconds."""
    lines = re.findall(r"^(.*?) +([0-9.]+) ns(?:, +([0-9.]+) above the Predictor)?$",
                       output(RELEASE / "bench" / "model_predictor"), re.MULTILINE)
    return measured.table(["a call", "ns", "above the `Predictor`"], [[what, time, more] for what, time, more in lines])


def reading(options):
    """The table of bench/reading.py, and how many times as fast ours is as each reader."""
    text = output(options.peers, "bench/reading.py", "--rounds", options.rounds, "--megabytes", options.megabytes)
    times = {}
    for row in cells(text)[1:]:
        times.setdefault(row[1], []).append(float(row[5]))
    said = [f"{name}'s {min(ratios):.1f} to {max(ratios):.1f}" for name, ratios in times.items() if name != "handgrad"]
    return f"Files of {options.megabytes:g} MB, {options.rounds} rounds.\n\n{text.strip()}\n\n" \
        f"Times of reading over ours: {', '.join(said)}."


GROUPS = {group.__name__: group for group in (decimals, rows, reading)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="into docs/speed.md")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers" / "bin" / "python")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], metavar="GROUP")
    options = parser.parse_args()
    load = f"load average at the start {os.getloadavg()[0]:.1f}"
    for name in options.groups or GROUPS:
        stamp = measured.stamp(f"bench/speed.py --write {name}", *SCRIPTS, machine=True, with_what=load) if options.write else ""
        text = GROUPS[name](options)
        print(f"{name}\n{text}\n", flush=True)
        if options.write:
            measured.write(PAGE, name, f"{text}\n\n{stamp}")


if __name__ == "__main__":
    main()
