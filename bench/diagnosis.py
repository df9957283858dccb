#!/usr/bin/python3
"""Trains networks that learn well and badly and diagnoses them; writes the figures of docs/diagnosis.md.

Usage: bench/diagnosis.py [--write] [GROUP...]    (default: all groups, printed)

The borders of `handgrad diagnose` lie between what these trainings learned and what they did not. Tables are
scikit-learn's, the program is build/release/cli/handgrad or the one that HANDGRAD_PROGRAM names. Minutes.
"""

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn import datasets

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import measured  # noqa: E402  (after the path that leads to it)

PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build" / "release" / "cli" / "handgrad")).resolve()
PAGE = ROOT / "docs" / "diagnosis.md"
TABLES = {"diabetes": datasets.load_diabetes, "breast_cancer": datasets.load_breast_cancer, "digits": datasets.load_digits,
          "wine": datasets.load_wine, "iris": datasets.load_iris}
OPTIMIZERS = {"adam 0.001": ("adam", 0.001), "sgd 0.01": ("sgd", 0.01)}
FACTORS = (0.003, 0.01, 0.03, 0.1, 1, 3, 10, 30, 100, 300)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
ACTIVATIONS = ("identity", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "silu", "gelu", "gelu_tanh", "exp")
INITS = ("by_activation", "pytorch_linear", "sklearn_glorot")
DIVERGED = 5  # exit code


# One training ---------------------------------------------------------------------------------------------------------

@dataclass
class Trained:
    """What came of one: the score on validation rows (R² or accuracy, None at infinity) and what diagnose says of it."""

    score: float | None
    diagnosis: dict | None = None

    @property
    def reaches(self):
        return [layer["reach"] for layer in self.diagnosis["layers"] if layer["reach"] is not None]

    @property
    def step(self):
        """The largest of its layers' step over weight; None where there is none."""
        return max((layer["update_ratio"] for layer in self.diagnosis["layers"] if layer["update_ratio"] is not None),
                   default=None)


def run(*words):
    done = subprocess.run([str(PROGRAM), *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, DIVERGED):
        raise SystemExit(f"{words}: {done.stderr}")
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def write_table(folder, name, factor=None):
    """The table of that name: as it is, or standardised and times the factor."""
    path = folder / f"{name}-{factor}.csv"
    if not path.exists():
        bunch = TABLES[name](scaled=False) if name == "diabetes" else TABLES[name]()
        x = bunch.data
        if factor is not None:
            spread = x.std(axis=0)
            x = factor * (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
        header = ",".join([*(f"x{i + 1}" for i in range(x.shape[1])), "y"])
        rows = (",".join([*map(repr, row), repr(y)]) for row, y in zip(x.tolist(), bunch.target.tolist()))
        path.write_text("\n".join([header, *rows]) + "\n", encoding="ascii")
    return path


def trained(folder, table, optimizer, *options, diagnosed=False):
    """Trains on a table (a name, or a name and a factor) with one thread; 32 ReLU units unless told otherwise."""
    name, factor = table if isinstance(table, tuple) else (table, None)
    kind, rate = OPTIMIZERS.get(optimizer, optimizer)
    data = write_table(folder, name, factor)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".model") as model:
        task = "regression" if name == "diabetes" else "classification"
        network = [] if "--hidden" in options else ["--hidden", 32]
        held_out = [] if "--validation" in options else ["--validation", 0.2]
        code, events = run("train", data, "--target", "y", "--task", task, "--optimizer", kind, "--learning-rate", rate,
                           "--schedule", "constant", *network, *held_out, "--threads", 1, "--quiet", "--json", "-o",
                           model.name, *options)
        judged = events[-1]["metrics"]["validation"] or events[-1]["metrics"]["train"] if code == 0 else {}
        score = judged.get("r2" if task == "regression" else "accuracy")
        if not diagnosed or Path(model.name).stat().st_size == 0:
            return Trained(score)
        return Trained(score, run("diagnose", model.name, data, "--json")[1][0])


def in_turn(jobs):
    """Results of calls without arguments, in their order, as many at a time as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda job: job(), jobs))


def shown(score):
    if score is None:
        return "–"
    for least, form in ((-1, ".2f"), (-10, ".2g"), (-1e5, ".0f")):
        if score > least:
            return f"{score:{form}}".replace("-", "−")
    return f"{score:.1e}".replace("-", "−")


def spanned(numbers):
    if not numbers:
        return "none"
    least, most = f"{min(numbers):.2g}", f"{max(numbers):.2g}"
    return least if least == most else f"{least} to {most}"


# The groups -----------------------------------------------------------------------------------------------------------

def inputs(folder):
    """How well is learned from inputs of another size."""
    names = [(name, optimizer) for name in ("diabetes", "digits", "breast_cancer", "wine") for optimizer in OPTIMIZERS]
    sizes = [*FACTORS, None]
    jobs = [lambda n=name, o=optimizer, f=factor: trained(folder, (n, f), o, "--scale", "none", "--epochs", 60)
            for name, optimizer in names for factor in sizes]
    scores = iter(in_turn(jobs))
    rows = [[f"{name}, {optimizer}", *(shown(next(scores).score) for _ in sizes)] for name, optimizer in names]
    raw = {name: np.sqrt((TABLES[name](**({"scaled": False} if name == "diabetes" else {})).data ** 2).mean(axis=0)).max()
           for name in dict(names)}
    return "R² (diabetes) or accuracy on validation rows, default network of 32 ReLU units, 60 epochs; at infinity: –.\n\n" + \
        measured.table(["standardised inputs times", *FACTORS, "raw"], rows) + \
        "\n\n*raw* is the table as it is; the largest root mean square of a column there: " + \
        ", ".join(f"{name} {size:.3g}" for name, size in raw.items()) + "."


def steps(folder):
    """How well is learned with steps of a share of the weights."""
    names = [("diabetes", optimizer, f) for optimizer in ("adam", "sgd") for f in ("relu", "tanh")]
    names += [("breast_cancer", optimizer, "relu") for optimizer in ("adam", "sgd")]
    jobs = [lambda n=name, o=optimizer, r=rate, f=f: trained(folder, n, (o, r), "--epochs", 40, "--hidden-activation", f,
                                                             diagnosed=True)
            for name, optimizer, f in names for rate in RATES]
    results = iter(in_turn(jobs))
    rows, regressions = [], []
    for name, optimizer, f in names:
        line = [next(results) for _ in RATES]
        regressions += line if name == "diabetes" else []
        rows.append([f"{name}, {optimizer}, {f}", *(f"{one.step:.2g}: {shown(one.score)}" if one.diagnosis and one.step
                                                    else f"–: {shown(one.score)}" for one in line)])
    known = [(one.step, one.score) for one in regressions if one.diagnosis and one.step]
    large = [score for step, score in known if step >= 0.5]
    bad = [score for score in large if score is None or score < 0]
    kept = [score for score in large if score not in bad]
    usual = [score for step, score in known if step < 0.05 and score is not None]
    return "Step over weight (largest of the layers, after 40 epochs): R² or accuracy on validation rows, by learning rate.\n\n" \
        + measured.table(["learning rate", *RATES], rows) + \
        f"\n\nOf the {len(large)} regressions here with steps of half of the weights or more {len(bad)} ended below R² = 0 or at " \
        f"infinity" + (f", the others at {' and '.join(map(shown, sorted(kept)))}" if kept else "") + \
        f"; with steps below a twentieth R² reached {shown(max(usual))}."


def counted(results):
    """A table of what diagnose said of trainings: how often, and how well they had learned."""
    by_factor = defaultdict(list)
    for one in results:
        by_factor[one.diagnosis["factor"] if one.diagnosis else "no model"].append(one)
    rows = []
    for factor, ones in sorted(by_factor.items(), key=lambda item: -len(item[1])):
        scores = [one.score for one in ones if one.score is not None]
        rows.append([f"`{factor}`", len(ones), len(ones) - len(scores),
                     f"{shown(min(scores))} to {shown(max(scores))}" if scores else "–"])
    return measured.table(["factor", "trainings", "of these at infinity", "the others' R² or accuracy"], rows), by_factor


def alarms(folder):
    """What is said of trainings that mostly learn."""
    drawn = list(itertools.product(TABLES, ACTIVATIONS, ("16", "16,16,16"), OPTIMIZERS, INITS))[::2]
    results = in_turn([lambda d=one: trained(folder, d[0], d[3], "--epochs", 25, "--hidden-activation", d[1], "--hidden", d[2],
                                             "--init", d[4], diagnosed=True) for one in drawn])
    text, by_factor = counted(results)
    healthy = [reach for one in by_factor["none"] for reach in one.reaches]
    infinite = [max(one.reaches) for one in results if one.diagnosis and one.score is None and one.reaches]
    return f"{len(drawn)} trainings of 25 epochs: every other combination of five tables of scikit-learn, {len(ACTIVATIONS)} hidden " \
        f"activations, one or three layers of 16, adam 0.001 or sgd 0.01, and the first weights {', '.join(INITS)}.\n\n{text}\n\n" \
        f"The reach of layers of those with `none` was {spanned(healthy)}, the largest of those that ended at infinity " \
        f"{spanned(infinite)}."


def usual(folder):
    """What is said of usual trainings beside a constant answer."""
    activations = [name for name in ACTIVATIONS if name not in ("identity", "exp")]
    ways = {"adam": ["adam 0.001"], "sgd": ["sgd 0.01"], "sgd with momentum": ["sgd 0.01", "--momentum", 0.9],
            "adamw": [("adamw", 0.001)]}
    drawn = list(itertools.product(TABLES, activations, ways))
    results = in_turn([lambda d=one: trained(folder, d[0], *ways[d[2]], "--epochs", 60, "--hidden-activation", d[1],
                                             diagnosed=True) for one in drawn])
    text, _ = counted(results)
    nothing = [f"{d[0]}, {d[1]}, {d[2]} (loss {one.diagnosis['loss']:.3g}, of a constant {one.diagnosis['constant_loss']:.3g})"
               for d, one in zip(drawn, results) if one.diagnosis and one.diagnosis["factor"] == "learned_nothing"]
    return f"{len(drawn)} usual trainings (five tables of scikit-learn, {len(activations)} activations, {', '.join(ways)}; 60 epochs):\n\n" \
        f"{text}\n\n`learned_nothing`: " + ("; ".join(nothing) if nothing else "none") + "."


def first(folder):
    """How far first weights are off, as a multiple of the targets' size."""
    draw = random.Random(1)
    options = [("--hidden", ",".join([str(draw.choice((4, 16, 64)))] * draw.randint(1, 6)), "--hidden-activation",
                draw.choice(ACTIVATIONS[:-1]), "--init", draw.choice(INITS), "--seed", seed) for seed in range(1000)]
    results = in_turn([lambda o=one: trained(folder, "diabetes", "adam 0.001", "--epochs", 0, "--validation", 0, *o)
                       for one in options])
    misses = sorted(1 - one.score for one in results)
    return f"Of {len(misses)} first networks drawn for diabetes (1 to 6 layers of 4, 16 or 64, all activations but exp, three kinds of first " \
        f"weights) ‖ŷ − y‖² was 10 times ‖y‖² or more in {sum(miss >= 10 for miss in misses)}, 100 times in " \
        f"{sum(miss >= 100 for miss in misses)}; at most {misses[-1]:.3g} times."


GROUPS = {group.__name__: group for group in (inputs, steps, alarms, usual, first)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="into docs/diagnosis.md")
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], metavar="GROUP")
    options = parser.parse_args()
    stamp = measured.stamp("bench/diagnosis.py --write", Path(__file__)) if options.write else ""
    with tempfile.TemporaryDirectory() as folder:
        for name in options.groups or GROUPS:
            text = GROUPS[name](Path(folder))
            print(f"{name}\n{text}\n", flush=True)
            if options.write:
                measured.write(PAGE, name, f"{text}\n\n{stamp}")


if __name__ == "__main__":
    main()
