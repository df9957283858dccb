"""Trainings killed at random moments and gone on with from their checkpoints, until each has written its model.

Usage: kill_loop.py PROGRAM [--times 200] [--seed 0]    (make test-kill)

Each model must be, byte for byte, that of the training that was never killed. Other numbers of threads, instruction sets
and intervals between checkpoints are drawn for each start.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# By epochs; with a second training on all rows; from a long history; wide, so that kills fall into epochs and writes.
TRAININGS = (
    ("--epochs", "40", "--hidden", "8"),
    ("--hidden", "8"),
    ("--early-stopping", "5", "--optimizer", "sgd", "--momentum", "0.9", "--learning-rate", "0.01", "--batch", "7", "--diagnose",
     "--validation", "0.3", "--dtype", "f64"),
    ("--hidden", "300,300", "--epochs", "5", "--batch", "8"),
)
INTERVALS = ("1", "3", "0.001s", "0.01s", "10s")


def table(rows=200):
    numbers = random.Random(1)
    lines = ["a,b,city,y"]
    for i in range(rows):
        a, b = numbers.uniform(-2, 2), numbers.uniform(0, 5)
        lines.append(f"{a:.4f},{b:.4f},{('Rome', 'Oslo', 'Lima')[i % 3]},{3 * a - b * b + numbers.gauss(0, 1):.4f}")
    return "\n".join(lines) + "\n"


class KillLoop:
    """Counts what happened; `wrong` has a line for each run that ended otherwise than it should."""

    def __init__(self, program, folder, seed=0):
        self.program, self.folder, self.random = str(program), Path(folder), random.Random(seed)
        self.kills, self.resumed, self.wrong = 0, 0, []
        (self.folder / "t.csv").write_text(table())

    def first(self, settings, model):
        return ["train", "t.csv", "--target", "y", "-o", model, "--quiet", *settings]

    def uninterrupted(self, settings):
        """The model's bytes, and how long it took."""
        start = time.monotonic()
        subprocess.run([self.program, *self.first(settings, "whole.model")], cwd=self.folder, check=True, timeout=120)
        return (self.folder / "whole.model").read_bytes(), time.monotonic() - start

    def one(self, settings, whole, seconds):
        """One training, killed up to four times."""
        checkpoints, model = self.folder / "ck", self.folder / "m.model"
        shutil.rmtree(checkpoints, ignore_errors=True)
        model.unlink(missing_ok=True)
        for turn in range(5):
            words = self.first(settings, "m.model") + ["--resume" if checkpoints.is_dir() else "--checkpoint", "ck"]
            if any(checkpoints.glob("*.model")):
                words = ["train", "--resume", "ck", "--quiet"]
                self.resumed += 1
            words += ["--checkpoint-every", self.random.choice(INTERVALS), "--threads", self.random.choice("123"),
                      "--simd", self.random.choice(("scalar", "auto"))]
            ended, code, said = self.run(words, None if turn == 4 else self.random.uniform(0.0, 1.3 * seconds + 0.02))
            if ended:
                break
        if code != 0 or not model.exists() or model.read_bytes() != whole:
            self.wrong.append(f"{' '.join(settings)}: exit {code}, {'another model' if model.exists() else 'no model'}: {said}")
        litter = [path.name for path in (*self.folder.iterdir(), *checkpoints.iterdir()) if ".tmp." in path.name]
        if litter:
            self.wrong.append(f"{' '.join(settings)}: left {litter}")

    def run(self, words, seconds):
        """Whether it came to its end, its exit code, and what it said."""
        process = subprocess.Popen([self.program, *words], cwd=self.folder, stderr=subprocess.PIPE, text=True)
        try:
            _, said = process.communicate(timeout=seconds)
            return True, process.returncode, said
        except subprocess.TimeoutExpired:
            process.send_signal(self.random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
            _, said = process.communicate(timeout=60)
            self.kills += 1
            return process.returncode == 0, process.returncode, said

    def times(self, count):
        wholes = [self.uninterrupted(settings) for settings in TRAININGS]
        for number in range(count):
            self.one(TRAININGS[number % len(TRAININGS)], *wholes[number % len(TRAININGS)])
        return self


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        loop = KillLoop(options.program.resolve(), folder, options.seed).times(options.times)
    print(*loop.wrong, sep="\n")
    print(f"{options.times} trainings, killed {loop.kills} times, gone on from a checkpoint {loop.resumed} times: "
          f"{options.times - len(loop.wrong)} of {options.times} came to the model of the one that was never killed")
    return 1 if loop.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
