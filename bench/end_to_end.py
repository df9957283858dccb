#!/usr/bin/python3
"""Trains on a large table and compares a step of it with the step that `handgrad bench` times.

Usage: bench/end_to_end.py [--rows N] [--threads N] [WORKLOAD...]    (default: 1000000 rows, one thread, T1 S1 M1)

The table is far larger than the caches and its rows are shuffled, unlike those of `handgrad bench`. The time of a step
is that of the fastest epoch, as `train --json` reports it, over its steps.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", Path(__file__).parents[1] / "build/release/cli/handgrad"))
# Inputs, hidden units, outputs, rows of a batch, further options.
WORKLOADS = {"T1": (10, 32, 1, 32, ["--optimizer", "sgd"]), "S1": (8, 64, 1, 32, ["--optimizer", "adam"]),
             "M1": (64, 256, 10, 128, ["--optimizer", "sgd"])}
EPOCHS = 4


def train(workload, rows, threads, folder):
    """Seconds of a step of training on a random table."""
    inputs, hidden, outputs, batch, options = WORKLOADS[workload]
    random = np.random.default_rng(1)
    np.save(folder / "x.npy", random.standard_normal((rows, inputs), dtype=np.float32))
    np.save(folder / "y.npy", random.standard_normal((rows, outputs), dtype=np.float32))
    targets = ",".join(f"y{k}" for k in range(outputs)) if outputs > 1 else "y"
    words = ["train", folder / "x.npy", "--target-file", folder / "y.npy", "--target", targets, "--task", "regression",
             "--hidden", hidden, "--batch", batch, "--epochs", EPOCHS, "--learning-rate", 1e-3, "--validation", 0,
             "--schedule", "constant", "--threads", threads, "--json", "-o", folder / "m.model", *options]
    ran = subprocess.run([PROGRAM, *map(str, words)], check=True, capture_output=True, text=True)
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    return min(event["seconds"] for event in events if event["event"] == "epoch") / -(-rows // batch)


def bench(workload, threads):
    """Seconds of the same step by `handgrad bench`."""
    ran = subprocess.run([PROGRAM, "bench", "--workload", workload, "--threads", str(threads), "--json"], check=True,
                         capture_output=True, text=True)
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    return next(event["seconds_per_step"] for event in events if event["event"] == "workload")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print("workload  rows       train, us a step  bench, us a step  ratio")
    for workload in options.workloads:
        with tempfile.TemporaryDirectory() as folder:
            seconds = train(workload, options.rows, options.threads, Path(folder))
        step = bench(workload, options.threads)
        print(f"{workload:8}  {options.rows:<9}  {seconds * 1e6:16.3f}  {step * 1e6:16.3f}  {seconds / step:5.2f}")


if __name__ == "__main__":
    main()
