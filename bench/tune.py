#!/usr/bin/python3
"""A search over 1 000 settings of a table of 500 rows: how long it takes, and what halving costs its pick.

Usage: bench/tune.py [--trials 1000] [--write]    (--write puts the table into docs/selection.md)

The table is Friedman's first function with noise of standard deviation 1, 500 rows of 10 columns. `handgrad tune` searches
width, activation, rate, penalty and batch, with five folds on two threads: with halving, and with every trial trained to its
end, which is the exhaustive search among the same settings. Both picks are then judged on 20 000 new rows, beside the noise
of such a comparison: the spread of the difference of their scores over the folds. scikit-learn's RandomizedSearchCV takes a
tenth as many draws from the same settings of its MLPRegressor, with early stopping and in two processes; its time is scaled.
The program is build/release/cli/handgrad, or the one that HANDGRAD_PROGRAM names; .venv has scikit-learn.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import measured  # noqa: E402  (after the path that leads to it)

PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build" / "release" / "cli" / "handgrad")).resolve()
WIDTHS, BATCHES = (8, 16, 32, 64, 128), (16, 32, 64, 128)
SEARCH = ("hidden=" + ",".join(map(str, WIDTHS)), "hidden-activation=relu,tanh", "learning-rate=3e-4..0.03",
          "weight-decay=1e-6..1", "batch=" + ",".join(map(str, BATCHES)))
TENTH = 10


def friedman(rows, seed):
    """x uniform in [0, 1]^10, y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + noise."""
    random = np.random.default_rng(seed)
    x = random.random((rows, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return x, y + random.normal(size=rows)


def save(path, x, y):
    header = ",".join([f"x{i + 1}" for i in range(x.shape[1])] + ["y"])
    np.savetxt(path, np.column_stack([x, y]), "%.17g", ",", header=header, comments="")


def ours(folder, trials, halving, model):
    """Seconds of the whole call, the pick and its scores, and its rmse on new rows."""
    words = ["tune", "t.csv", "--target", "y", "--trials", str(trials), "--halving", str(halving), "--threads", "2", "-o", model,
             "--json", "--quiet"]
    begun = time.perf_counter()
    ran = subprocess.run([PROGRAM, *words, *(word for one in SEARCH for word in ("--search", one))], cwd=folder, check=True,
                         capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    *events, done = map(json.loads, ran.stdout.splitlines())
    (pick,) = (trial for trial in events if trial["trial"] == done["best"]["trial"])
    judged = subprocess.run([PROGRAM, "evaluate", model, "new.csv", "--json"], cwd=folder, check=True, capture_output=True, text=True)
    return seconds, pick, json.loads(judged.stdout)["metrics"]["rmse"]


def theirs(x, y, new_x, new_y, draws):
    """The same of scikit-learn: seconds, the mean of the pick's scores, its rmse on new rows."""
    from scipy.stats import loguniform
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.metrics import mean_squared_error
    from sklearn.model_selection import KFold, RandomizedSearchCV
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    warnings.filterwarnings("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    network = make_pipeline(StandardScaler(), MLPRegressor(early_stopping=True, n_iter_no_change=20, validation_fraction=0.2, max_iter=300))
    space = {"hidden_layer_sizes": [(width,) for width in WIDTHS], "activation": ["relu", "tanh"],
             "learning_rate_init": loguniform(3e-4, 0.03), "alpha": loguniform(1e-6, 1), "batch_size": list(BATCHES)}
    search = RandomizedSearchCV(TransformedTargetRegressor(network, transformer=StandardScaler()),
                                {f"regressor__mlpregressor__{name}": values for name, values in space.items()}, n_iter=draws,
                                scoring="neg_root_mean_squared_error", cv=KFold(5, shuffle=True, random_state=0), n_jobs=2, random_state=0)
    begun = time.perf_counter()
    search.fit(x, y)
    seconds = time.perf_counter() - begun
    return seconds, -search.best_score_, mean_squared_error(new_y, search.predict(new_x)) ** 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    (x, y), (new_x, new_y) = friedman(500, 1), friedman(20_000, 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "t.csv", x, y)
        save(folder / "new.csv", new_x, new_y)
        halved, pick, new = ours(folder, options.trials, 3, "halved.model")
        whole, best, best_new = ours(folder, options.trials, 1, "whole.model")
    draws = max(1, options.trials // TENTH)
    seconds, score, their_new = theirs(x, y, new_x, new_y, draws)
    difference = np.subtract(pick["scores"], best["scores"])
    noise = difference.std(ddof=1) / np.sqrt(len(difference))
    rows = [("`handgrad tune`, halving", options.trials, f"{halved:.1f} s", f"{pick['mean']:.3f} ± {pick['sd']:.3f}", f"{new:.3f}"),
            ("`handgrad tune --halving 1`", options.trials, f"{whole:.1f} s", f"{best['mean']:.3f} ± {best['sd']:.3f}", f"{best_new:.3f}"),
            (f"scikit-learn, {draws} draws timed", options.trials, f"{seconds * options.trials / draws:.0f} s (scaled)", f"{score:.3f} (of {draws})",
             f"{their_new:.3f}")]
    table = measured.table(("search", "settings", "seconds", "rmse over 5 folds, ± sd", "rmse of 20 000 new rows"), rows)
    table += (f"\n\nThe pick of the search with halving is {difference.mean():.3f} above the best of the exhaustive one; the standard error of "
              f"that difference over the folds is {noise:.3f}.")
    print(table)
    if options.write:
        import sklearn

        stamp = measured.stamp("bench/tune.py --write", "bench/tune.py", machine=True, with_what=f"scikit-learn {sklearn.__version__}")
        measured.write(ROOT / "docs/selection.md", "tune", f"{table}\n\n{stamp}")


if __name__ == "__main__":
    main()
