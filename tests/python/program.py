"""Runs the program under test, and writes and reads its files with tools that are not ours."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import numpy as tensor_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from fixed_settings import with_fixed_settings  # noqa: E402  (after the path that leads to it)

PLAIN = ["--no-shuffle", "--validation", "0", "--scale", "none", "--no-scale-target"]
"""Options under which the network sees the numbers of the table, all of them and in their order."""
FULL_BATCH = ["--batch", "1000000"]


def handgrad(*arguments):
    """What the program prints to stdout; an exit code that is not 0 fails the test with what it said to stderr."""
    command = [os.environ["HANDGRAD_PROGRAM"], *with_fixed_settings(arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, f"{' '.join(command)}\nexit code {finished.returncode}: {finished.stderr}"
    return finished.stdout


def told(*arguments, code=0):
    """What the program says to stderr, in one line, when it ends with this code."""
    command = [os.environ["HANDGRAD_PROGRAM"], *with_fixed_settings(arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == code, f"{' '.join(command)}\nexit code {finished.returncode}: {finished.stderr}"
    return " ".join(finished.stderr.split())


def events(*arguments):
    """The JSON Lines that the program prints, parsed."""
    return [json.loads(line) for line in handgrad(*arguments, "--json").splitlines()]


def write_table(path, columns):
    """CSV of columns of numbers or texts by name; numbers are written so that they read back exactly."""
    def cell(value):
        return repr(float(value)) if isinstance(value, float) else str(value)

    cells = zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(cell, row)) for row in cells)]) + "\n")
    return path


def table_of(x, targets):
    """The columns x1, x2, … of x (rows × n) and then the targets by name."""
    return {f"x{i + 1}": x[:, i] for i in range(x.shape[1])} | targets


def random_weights(sizes, rng, dtype=np.float64):
    """linear1.weight (out×in), linear1.bias … of a network of these sizes."""
    weights = {}
    for layer, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), start=1):
        weights[f"linear{layer}.weight"] = rng.normal(0.0, 0.7, (fan_out, fan_in)).astype(dtype)
        weights[f"linear{layer}.bias"] = rng.normal(0.0, 0.7, fan_out).astype(dtype)
    return weights


def read_weights(path):
    """The tensors of a model file, in the order linear1.weight, linear1.bias, linear2.weight …"""
    tensors = tensor_file.load_file(path)
    return {name: tensors[name] for layer in range(1, len(tensors) // 2 + 1)
            for name in (f"linear{layer}.weight", f"linear{layer}.bias")}


@dataclass
class Trained:
    weights: dict     # as the model file holds them
    losses: list      # of each epoch
    done: dict        # the last event
    model: object     # path of the model file


def train(folder, columns, target, weights, *options):
    """Trains from `weights` (or from the program's own when None) on a table of these columns, in `folder`."""
    arguments = ["train", write_table(folder / "t.csv", columns), "--target", target, *options]
    if weights is not None:
        tensor_file.save_file(weights, folder / "m0.safetensors")
        arguments += ["--init-from", folder / "m0.safetensors"]
    printed = events(*arguments, "-o", folder / "m1.safetensors")
    return Trained(weights=read_weights(folder / "m1.safetensors"),
                   losses=[event["loss"] for event in printed if event["event"] == "epoch"],
                   done=printed[-1], model=folder / "m1.safetensors")
