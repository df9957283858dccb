"""What the tests of the program share: running it, and small tables to run it on."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from fixed_settings import with_fixed_settings  # noqa: E402  (after the path that leads to it)

if "HANDGRAD_PROGRAM" not in os.environ:
    raise pytest.UsageError("HANDGRAD_PROGRAM must name the program to test, for instance build/release/cli/handgrad")
PROGRAM = Path(os.environ["HANDGRAD_PROGRAM"]).resolve()


@dataclass(frozen=True)
class Ran:
    """What a run of the program left behind."""

    code: int
    out: str
    err: str

    @property
    def events(self):
        """Standard output as JSON Lines; NaN and infinities are no JSON."""
        def refuse(constant):
            raise ValueError(f"{constant} is not JSON")

        return [json.loads(line, parse_constant=refuse) for line in self.out.splitlines()]

    @property
    def rows(self):
        """Standard output as CSV with a header."""
        return list(csv.DictReader(self.out.splitlines()))


class Program:
    """The program, run in one folder, trainings with fixed settings but in shell()."""

    def __init__(self, folder):
        self.folder = folder

    def start(self, *words, environment=None, stderr=subprocess.PIPE):
        """A process that is left running; signals have their default effect in it."""
        def default_signals():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)

        return subprocess.Popen([PROGRAM, *with_fixed_settings(words)], cwd=self.folder, env=environment,
                                stdout=subprocess.PIPE, stderr=stderr, preexec_fn=default_signals)

    def __call__(self, *words, environment=None, stdout=subprocess.PIPE, timeout=60):
        done = subprocess.run([PROGRAM, *with_fixed_settings(words)], cwd=self.folder, env={**os.environ, **(environment or {})},
                              stdout=stdout, stderr=subprocess.PIPE, timeout=timeout, check=False)
        return Ran(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())

    def shell(self, line, timeout=60):
        """A line as a shell takes it, with the program on its path."""
        done = subprocess.run(line, shell=True, cwd=self.folder, capture_output=True, timeout=timeout, check=False,
                              env={**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"})
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def write(self, name, text):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


def regression_table(rows=60):
    """CSV of y = 3 a - 2 b + 5 with a text column that does not matter."""
    numbers = random.Random(1)
    lines = ["a,b,city,y"]
    for i in range(rows):
        a, b = round(numbers.uniform(-2, 2), 3), round(numbers.uniform(0, 50), 2)
        lines.append(f"{a},{b},{('Rome', 'Oslo', 'Lima')[i % 3]},{3 * a - 2 * b + 5}")
    return "\n".join(lines) + "\n"


def classification_table(rows=60, classes=("cold", "warm")):
    """CSV of a class that x decides."""
    numbers = random.Random(2)
    lines = ["x,noise,class"]
    for i in range(rows):
        label = i % len(classes)
        lines.append(f"{label + numbers.uniform(-0.3, 0.3):.3f},{numbers.gauss(0, 1):.3f},{classes[label]}")
    return "\n".join(lines) + "\n"


def arguments_for(target, model="m.model", epochs=3, **options):
    """Options of a quick training; keywords name more of them."""
    words = ["--target", target, "-o", model, "--epochs", epochs, "--hidden", options.pop("hidden", 4)]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
    return words
