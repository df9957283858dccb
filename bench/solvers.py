#!/usr/bin/env python3
"""Small networks fitted to the last digit: our solvers beside SciPy's L-BFGS-B on our gradient, scikit-learn's lbfgs, and
R's nnet where there is one, in one run: seconds and evaluations to the same loss, and the loss against the time.

Usage: PYTHONPATH=build/package .venv-package/bin/python bench/solvers.py [--runs 5] [--core 0] [--write docs/solvers.md]

All minimise the same function (the mean loss, of squared errors half of it) of the same numbers in double, on one core.
Ours and SciPy's start from the same weights, the others from their own. Times are those of the process on its core (which the
wall clock shows too where nothing else runs); of several runs of a seed each point has its least, and of several seeds the tables
give medians. `--write` puts the table, with its stamp, and the plot (docs/solvers-NAME.svg) where the page has
them. A solver of ours is a line of OURS, a peer a function of PEERS.
"""

import argparse
import math
import os
import shutil
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

os.environ |= {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}

import numpy as np  # noqa: E402  (behind the number of its threads)

import handgrad  # noqa: E402
from handgrad import _core  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
OURS = {"bfgs": {}, "lbfgs": {}}
"""Our solvers, each with its settings."""
MOST = 5000
"""Iterations at most, of each."""


# The tables -----------------------------------------------------------------------------------------------------------

@dataclass
class Table:
    name: str
    what: str
    x: np.ndarray
    y: np.ndarray  # rows × outputs
    hidden: int
    output: str = "identity"
    loss: str = "squared_error"


def standardised(x):
    return (x - x.mean(0)) / x.std(0)


def tables():
    from sklearn import datasets
    draw = np.random.default_rng(0)
    x = draw.random((500, 5))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    yield Table("friedman", "Friedman #1 without noise, 500 × 5, 5-16-1 tanh", standardised(x), standardised(y)[:, None], 16)
    t = np.linspace(-10, 10, 200)
    yield Table("sinc", "sinc, 200 points, 1-10-1 tanh", standardised(t)[:, None], standardised(np.sinc(t / np.pi))[:, None], 10)
    diabetes = datasets.load_diabetes()
    yield Table("diabetes", "diabetes, 442 × 10, 10-16-1 tanh", standardised(diabetes.data), standardised(diabetes.target)[:, None], 16)
    cancer = datasets.load_breast_cancer()
    yield Table("breast_cancer", "breast cancer, 569 × 30, 30-8-1 tanh, two classes", standardised(cancer.data),
                cancer.target[:, None].astype(float), 8, "sigmoid", "binary_cross_entropy")
    wine = datasets.load_wine()
    yield Table("wine", "wine, 178 × 13, 13-8-3 tanh, three classes", standardised(wine.data), np.eye(3)[wine.target], 8, "softmax",
                "cross_entropy")


# The contenders: each returns how loss fell, a list of (seconds, loss, evaluations) -----------------------------------

def first_weights(table, seed):
    return handgrad.Mlp([table.x.shape[1], table.hidden, table.y.shape[1]], hidden="tanh", output=table.output, convention="sklearn",
                        dtype="float64", seed=seed)


def ours(table, seed, optimizer, settings):
    net = first_weights(table, seed)
    course = []
    chosen = {"loss": table.loss, "optimizer": optimizer, "tol": 0.0, "max_fun": 10 * MOST, "epochs": MOST} | settings
    training = _core.Training(net, table.x, table.y, None, chosen, None, 1, None)
    start = time.process_time()
    while training.done() is None:
        loss = training.next()[1]
        course.append((time.process_time() - start, loss, training.evaluations))
    return course


def scipy_on_our_gradient(table, seed):
    from scipy.optimize import minimize
    net = first_weights(table, seed)
    objective = _core.Objective(net, table.x, table.y, None, {"loss": table.loss}, 1)
    return minimised(objective, net.flat().copy(), minimize)


def scipy_on_numpy(table, seed):
    """The same with the gradient written in NumPy, as one would."""
    from scipy.optimize import minimize
    net = first_weights(table, seed)
    shapes = [array.shape for array in net.parameters.values()]
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    x, y, rows = table.x, table.y, len(table.x)

    def objective(w):
        W1, b1, W2, b2 = (part.reshape(shape) for part, shape in zip(np.split(w, ends[:-1]), shapes))
        a = np.tanh(x @ W1.T + b1)
        z = a @ W2.T + b2
        if table.loss == "squared_error":
            d = z - y
            loss = 0.5 * np.vdot(d, d) / rows
        elif table.loss == "binary_cross_entropy":
            loss = np.sum(np.logaddexp(0, z) - y * z) / rows
            d = 1 / (1 + np.exp(-z)) - y
        else:
            shifted = z - z.max(1, keepdims=True)
            total = np.exp(shifted).sum(1, keepdims=True)
            loss = np.sum(np.log(total)[:, 0] - np.sum(y * shifted, 1)) / rows
            d = np.exp(shifted) / total - y
        d /= rows
        da = d @ W2 * (1 - a * a)
        return loss, np.concatenate([(da.T @ x).ravel(), da.sum(0), (d.T @ a).ravel(), d.sum(0)])

    return minimised(objective, net.flat().copy(), minimize)


def minimised(objective, first, minimize):
    course = []
    evaluations = [0]
    start = time.process_time()

    def counted(w):
        evaluations[0] += 1
        return objective(w)

    def keep(intermediate_result):
        course.append((time.process_time() - start, float(intermediate_result.fun), evaluations[0]))

    minimize(counted, first, jac=True, method="L-BFGS-B", callback=keep,
             options={"maxiter": MOST, "maxfun": 10 * MOST, "gtol": 0.0, "ftol": 0.0})
    return course


def scikit_learn(table, seed):
    """As its users call it: ends by its own tolerances, of which tol is put to 0. One point, its end."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    regression = table.loss == "squared_error"
    made = (MLPRegressor if regression else MLPClassifier)(
        hidden_layer_sizes=(table.hidden,), activation="tanh", solver="lbfgs", alpha=0.0, tol=0.0, max_iter=MOST, max_fun=10 * MOST, random_state=seed)
    y = table.y[:, 0] if table.y.shape[1] == 1 else table.y.argmax(1)
    start = time.process_time()
    made.fit(table.x, y if regression else y.astype(int))
    return [(time.process_time() - start, float(made.loss_), None)]


def r_nnet(table, seed):
    """R's nnet: BFGS on the sum of squares or the entropy; its own first weights. One point, its end."""
    net = first_weights(table, seed)
    folder = Path(os.environ.get("TMPDIR", "/tmp"))
    np.savetxt(folder / "solvers-x.csv", table.x, delimiter=",")
    np.savetxt(folder / "solvers-y.csv", table.y, delimiter=",")
    kind = {"squared_error": "linout=TRUE", "binary_cross_entropy": "entropy=TRUE", "cross_entropy": "softmax=TRUE"}[table.loss]
    script = (f"library(nnet); x <- as.matrix(read.csv('{folder}/solvers-x.csv', header=FALSE)); "
              f"y <- as.matrix(read.csv('{folder}/solvers-y.csv', header=FALSE)); set.seed({seed}); t <- Sys.time(); "
              f"m <- nnet(x, y, size={table.hidden}, {kind}, maxit={MOST}, reltol=1e-14, abstol=0, trace=FALSE, MaxNWts={net.flat().size + 1}); "
              "cat(as.numeric(Sys.time() - t, units='secs'), m$value)")
    out = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True).stdout.split()
    share = 0.5 if table.loss == "squared_error" else 1.0
    return [(float(out[0]), share * float(out[1]) / len(table.x), None)]


PEERS = {"SciPy L-BFGS-B, our gradient": scipy_on_our_gradient, "SciPy L-BFGS-B, NumPy": scipy_on_numpy, "scikit-learn lbfgs": scikit_learn}
if shutil.which("Rscript"):
    PEERS["R nnet"] = r_nnet


# What comes of it -----------------------------------------------------------------------------------------------------

def time_to(course, loss):
    """(seconds, evaluations) at the first point as low as that; None where there is none."""
    for seconds, reached, evaluations in course:
        if reached <= loss:
            return seconds, evaluations
    return None


def fastest(run, runs):
    """Every run computes the same; of each point the least time."""
    courses = [run() for _ in range(runs)]
    return [(min(course[i][0] for course in courses), *courses[0][i][1:]) for i in range(min(map(len, courses)))]


def compared(table, options):
    """Of each seed the course of each contender."""
    contenders = {name: lambda seed, name=name, settings=settings: ours(table, seed, name, settings) for name, settings in OURS.items()}
    contenders |= {name: lambda seed, run=run: run(table, seed) for name, run in PEERS.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [{name: fastest(lambda run=run, seed=seed: run(seed), options.runs) for name, run in contenders.items()}
                for seed in range(options.seeds)]


def median(values):
    """Of those that are there; None where fewer than half are."""
    there = sorted(value for value in values if value is not None)
    return there[len(there) // 2] if 2 * len(there) > len(values) else None


def number(value):
    return "–" if value is None else f"{value:.2g}"


def rows_of(table, by_seed):
    """One line for each contender, medians over the seeds: its lowest loss and time, its time to the loss that all reach, and
    how many times that of `lbfgs`, the same method, and of the fastest of ours it is."""
    common = [max(course[-1][1] for name, course in courses.items() if name != "R nnet") * (1 + 1e-9) for courses in by_seed]
    reached = {name: [time_to(courses[name], loss) for courses, loss in zip(by_seed, common)] for name in by_seed[0]}
    seconds = {name: [None if point is None else point[0] for point in points] for name, points in reached.items()}
    fastest_of_ours = [min(seconds[name][seed] for name in OURS) for seed in range(len(by_seed))]

    def ratio(name, to):
        return median([None if its is None else its / mine for its, mine in zip(seconds[name], to)])

    lines = []
    for name in by_seed[0]:
        time_needed = median(seconds[name])
        looks = median([None if point is None else point[1] for point in reached[name]])
        ends = [courses[name][-1] for courses in by_seed]
        lines.append((table.what, name, number(median([end[1] for end in ends])), f"{median([end[0] for end in ends]):.3f}",
                      number(median(common)), "–" if time_needed is None else f"{1e3 * time_needed:.2f}", "–" if looks is None else str(looks),
                      number(ratio(name, seconds["lbfgs"])), number(ratio(name, fastest_of_ours))))
    return lines


def markdown(lines):
    head = ("table", "solver", "lowest loss", "in s", "common loss", "reached in ms", "evaluations", "× lbfgs", "× the fastest of ours")
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ("---",) * len(head), *lines))


COLOURS = ("#1b6ca8", "#c8553d", "#4a7c59", "#8d6a9f", "#7a7a7a", "#b8860b")


def plot(table, courses):
    """The loss against the time from the first weights of a seed, both by powers of ten, as a figure of SVG."""
    width, height, left, bottom = 640, 320, 60, 40
    points = [(s, loss) for course in courses.values() for s, loss, _ in course if loss > 0]
    t0, t1 = math.log10(min(p[0] for p in points)), math.log10(max(p[0] for p in points))
    l0, l1 = math.log10(min(p[1] for p in points)), math.log10(max(p[1] for p in points))
    place = lambda s, loss: (left + (math.log10(s) - t0) / (t1 - t0) * (width - left - 10),  # noqa: E731
                             10 + (l1 - math.log10(loss)) / (l1 - l0) * (height - bottom - 10))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
             f"<title>{table.what}: loss against seconds</title>", f'<rect width="{width}" height="{height}" fill="white"/>']
    for power in range(math.ceil(t0), math.floor(t1) + 1):
        x = place(10.0 ** power, 10 ** l0)[0]
        parts.append(f'<path d="M{x:.1f} 10V{height - bottom}" stroke="#ddd"/><text x="{x:.1f}" y="{height - bottom + 14}" '
                     f'text-anchor="middle">1e{power} s</text>')
    for power in range(math.ceil(l0), math.floor(l1) + 1, max(1, round((l1 - l0) / 8))):
        y = place(10 ** t0, 10.0 ** power)[1]
        parts.append(f'<path d="M{left} {y:.1f}H{width - 10}" stroke="#ddd"/><text x="{left - 4}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
    for i, (name, course) in enumerate(courses.items()):
        kept = [(s, loss) for s, loss, _ in course if loss > 0]
        every = max(1, len(kept) // 200)
        shown = [*kept[::every], kept[-1]]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in shown))
        colour = COLOURS[i % len(COLOURS)]
        if len(kept) > 1:
            parts.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        else:
            x, y = place(*kept[0])
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{left + 8}" y="{height - bottom - 8 - 14 * i}" fill="{colour}">{name}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def stamp():
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no", "handgrad", "python", "bench/solvers.py"], cwd=ROOT,
                           capture_output=True, text=True).stdout.strip()
    import scipy
    import sklearn
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    return (f"Measured by `bench/solvers.py` at commit `{commit}`{' with changes' if dirty else ''}, {time.strftime('%Y-%m-%d')}, CPU time on one core of {cpu}; "
            f"SciPy {scipy.__version__}, scikit-learn {sklearn.__version__}, {'R’s nnet' if 'R nnet' in PEERS else 'no R on this machine'}.")


def write(page, lines, figures):
    text = page.read_text()
    begin, end = "<!-- measured solvers -->\n", "<!-- end of solvers -->"
    before, rest = text.split(begin)
    page.write_text(before + begin + markdown(lines) + "\n\n" + stamp() + "\n" + end + rest.split(end)[1])
    for name, figure in figures.items():
        (page.parent / f"solvers-{name}.svg").write_text(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--only", help="one table")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    lines, figures = [], {}
    for table in tables():
        if options.only in (None, table.name):
            by_seed = compared(table, options)
            lines += rows_of(table, by_seed)
            figures[table.name] = plot(table, by_seed[0])
            print(markdown(rows_of(table, by_seed)), flush=True)
    if options.write:
        write(options.write, lines, figures)


if __name__ == "__main__":
    sys.exit(main())
