#!/usr/bin/python3
"""The Python package beside scikit-learn: fits of five tables with the same settings, and what single calls take.

Usage: bench/python.py [--seeds 10] [--write]    (--write: the tables of docs/python.md)

Run by .venv-package's Python with the package that tools/package builds. Both libraries learn from the same rows by the
same settings, those of scikit-learn's defaults, whose random_state is the seed; of the times the least counts, the two
taking turns. Single calls are timed a few thousand at a time, the least of seven.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "build/package"), str(ROOT / "tools")]

import measured  # noqa: E402
import numpy as np  # noqa: E402
import sklearn  # noqa: E402
import sklearn.neural_network  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

import handgrad  # noqa: E402

PAGE = ROOT / "docs/python.md"
FASHION = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist
FASHION_ROWS = 5000
SCRIPTS = ("bench/python.py", "python")


def fashion():
    import gzip

    def idx(name, header):
        return np.frombuffer(gzip.decompress(next(FASHION.glob(f"{name}*.gz")).read_bytes()), np.uint8, offset=header)

    X = idx("train-images-idx3", 16).reshape(-1, 784)[:FASHION_ROWS].astype(np.float64)
    return X, idx("train-labels-idx1", 8)[:FASHION_ROWS]


TABLES = {
    "iris": (lambda: load_iris(return_X_y=True), "MLPClassifier", {}),
    "diabetes": (lambda: load_diabetes(return_X_y=True), "MLPRegressor", {}),
    "breast cancer": (lambda: load_breast_cancer(return_X_y=True), "MLPClassifier", {}),
    "digits": (lambda: load_digits(return_X_y=True), "MLPClassifier", {}),
    "Fashion-MNIST": (fashion, "MLPClassifier", {"max_iter": 20}),
}


def split(name, seed, dtype):
    """Standardised by the rows that are learned from: X, y of these and of the others."""
    load, kind, _ = TABLES[name]
    X, y = load()
    X, X_test, y, y_test = train_test_split(X, y, random_state=seed)
    scaler = StandardScaler().fit(X)
    if kind == "MLPRegressor":
        y, y_test = (y - y.mean()) / y.std(), (y_test - y.mean()) / y.std()
    return scaler.transform(X).astype(dtype), y, scaler.transform(X_test).astype(dtype), y_test


def fitted(module, name, seed, dtype):
    """Seconds, and the score on the rows held out."""
    _, kind, more = TABLES[name]
    X, y, X_test, y_test = split(name, seed, dtype)
    estimator = getattr(module, kind)(random_state=seed, **more)
    start = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - start, estimator.score(X_test, y_test)


def fits(seeds, dtype):
    rows = []
    for name in TABLES:
        runs = {module: [] for module in (handgrad, sklearn.neural_network)}
        for seed in range(seeds):
            for module, found in runs.items():
                found.append(fitted(module, name, seed, dtype))
        (own, own_scores), (theirs, scores) = (map(np.array, zip(*found, strict=True)) for found in runs.values())
        X = split(name, 0, dtype)[0]
        ratios = theirs / own
        rows.append((name, X.shape, own.min(), theirs.min(), np.median(ratios), own_scores, scores))
        print(f"{name}: {own.min():.4f} s, {theirs.min():.4f} s, {np.median(ratios):.1f} times", file=sys.stderr)
    return rows


def table_of_fits(seeds):
    lines = ["| table | rows × columns | dtype of X | handgrad | scikit-learn | times as fast | score | scikit-learn's score |",
             "|---|---|---|---|---|---|---|---|"]
    for dtype in ("float64", "float32"):
        for name, (rows, columns), own, theirs, ratio, own_scores, scores in fits(seeds, dtype):
            lines.append(f"| {name} | {rows} × {columns} | {dtype} | {1e3 * own:.1f} ms | {1e3 * theirs:.0f} ms | {ratio:.1f} | "
                         f"{own_scores.mean():.4f} ± {own_scores.std():.4f} | {scores.mean():.4f} ± {scores.std():.4f} |")
    return "\n".join(lines)


# --- Single calls ------------------------------------------------------------------------------------------------------

def microseconds(call, number):
    for _ in range(50):
        call()
    least = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(number):
            call()
        least = min(least, (time.perf_counter() - start) / number)
    return 1e6 * least


def calls():
    X, y = load_diabetes(return_X_y=True)
    pair = [module.MLPRegressor(max_iter=5, random_state=0).fit(X, y) for module in (handgrad, sklearn.neural_network)]
    row = X[:1].copy()
    random = np.random.default_rng(0)
    x, targets = random.normal(size=(32, 10)).astype("f4"), (random.random((32, 1)) > 0.5).astype("f4")
    net, adam = handgrad.Mlp([10, 32, 1], "tanh", "sigmoid"), handgrad.Adam(1e-3)
    one = x[:1].copy()

    def five_steps():
        tape = net.forward(x)
        _, dy = handgrad.loss("binary_cross_entropy", tape.output, targets)
        net.backward(tape, dy)
        adam.step(net)
        net.zero_gradients()

    return [
        ("`MLPRegressor.predict` of one row, 10-100-1", microseconds(lambda: pair[0].predict(row), 5000)),
        ("the same of scikit-learn", microseconds(lambda: pair[1].predict(row), 500)),
        ("`net(x)` of one row, 10-32-1", microseconds(lambda: net(one), 5000)),
        ("`net.jacobian(x)` of one row, 10-32-1", microseconds(lambda: net.jacobian(one), 5000)),
        ("the five steps of 32 rows, 10-32-1, Adam", microseconds(five_steps, 5000)),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    stamp = ""
    if options.write:  # before anything takes minutes: it refuses a tree that is no commit
        stamp = measured.stamp("bench/python.py --write", *SCRIPTS, machine=True, with_what=(
            f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}, {options.seeds} seeds"))
    singles = "\n".join(["| call | µs |", "|---|---|"] + [f"| {what} | {took:.2f} |" for what, took in calls()])
    table = table_of_fits(options.seeds)
    text = f"{table}\n\n{singles}"
    print(text)
    if options.write:
        measured.write(PAGE, "python", f"{text}\n\n{stamp}")


if __name__ == "__main__":
    main()
