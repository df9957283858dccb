#!/usr/bin/python3
"""What checkpoints cost a training: 784-256-10 on 20 000 rows of random numbers, with one a second and without.

Usage: bench/checkpoints.py [--rounds 5] [--epochs 30]

The two take turns; of each the least time counts. The program is build/release/cli/handgrad, or the one that HANDGRAD_PROGRAM
names; .venv has NumPy.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build" / "release" / "cli" / "handgrad")).resolve()
TRAIN = ("train", "x.npy", "--target-file", "y.npy", "--task", "classification", "--hidden", "256", "--batch", "128", "--validation", "0",
         "-o", "m.model", "--quiet", "--json")


def seconds(folder, words):
    """Of the training, as it says itself, and how many checkpoints it wrote."""
    shutil.rmtree(folder / "ck", ignore_errors=True)
    done = subprocess.run([PROGRAM, *TRAIN, *words], cwd=folder, check=True, capture_output=True, text=True)
    written = [int(path.stem.split("-")[1]) for path in folder.glob("ck/checkpoint-*.model")]
    return json.loads(done.stdout.splitlines()[-1])["seconds"], max(written, default=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "x.npy", random.random((20_000, 784)).astype("f4"))
        np.save(folder / "y.npy", random.integers(0, 10, 20_000).astype("f8"))
        epochs = ("--epochs", str(options.epochs))
        without, with_them = [], []
        for _ in range(options.rounds):
            without.append(seconds(folder, epochs)[0])
            with_them.append(seconds(folder, (*epochs, "--checkpoint", "ck", "--checkpoint-every", "1s")))
    (took, written), least = min(with_them), min(without)
    print(f"without {least:.2f} s; with {written} checkpoints {took:.2f} s: {100 * (took / least - 1):.1f} % more")


if __name__ == "__main__":
    main()
