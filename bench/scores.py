#!/usr/bin/python3
"""Held-out scores of handgrad beside scikit-learn's MLP of the same shape and settings, on the same random splits.

Usage: bench/scores.py [--fashion] [-o docs/scores.md]

Prints a Markdown page and writes it; a page docs/scores.md is also what the table of README.md is taken from.
--fashion adds Fashion-MNIST, which takes minutes. The program is
build/release/cli/handgrad, or the one that HANDGRAD_PROGRAM names.
"""

import argparse
import csv
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread each
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import sklearn
from sklearn import metrics, neural_network, preprocessing
from sklearn.exceptions import ConvergenceWarning

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import measured  # noqa: E402  (after the path that leads to it)

PROGRAM = Path(os.environ.get("HANDGRAD_PROGRAM", ROOT / "build" / "release" / "cli" / "handgrad"))
SPLITS = 10
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Job:
    """One table or image set and the settings that both programs are given."""

    name: str
    target: str
    classification: bool
    hidden: int = 32
    epochs: int = 200
    batch: int = 32
    learning_rate: float = 1e-3
    scale: str = "standard"

    @property
    def metric(self):
        return "accuracy" if self.classification else "R²"

    def score(self, truth, predicted):
        return metrics.accuracy_score(truth, predicted) if self.classification else metrics.r2_score(truth, predicted)

    @property
    def handgrad_options(self):
        return ["--target", self.target, "--task", "classification" if self.classification else "regression",
                "--hidden", self.hidden, "--epochs", self.epochs, "--batch", self.batch, "--learning-rate",
                self.learning_rate, "--scale", self.scale, "--validation", 0]

    def sklearn_estimator(self, seed):
        estimator = neural_network.MLPClassifier if self.classification else neural_network.MLPRegressor
        return estimator((self.hidden,), activation="relu", solver="adam", alpha=0.0, batch_size=self.batch,
                         learning_rate_init=self.learning_rate, max_iter=self.epochs, random_state=seed,
                         n_iter_no_change=self.epochs)  # as handgrad: all epochs, however little the loss falls

    def sklearn_scaler(self):
        return preprocessing.StandardScaler() if self.scale == "standard" else preprocessing.MinMaxScaler()


TABLES = [Job("diabetes", "progression", classification=False),
          Job("breast_cancer", "diagnosis", classification=True),
          Job("digits", "digit", classification=True)]
FASHION = Job("Fashion-MNIST", "article", classification=True, hidden=256, epochs=10, batch=128, scale="minmax")

PAGE = """\
# Held-out scores beside scikit-learn's

{stamp}

{table}

Mean ± standard deviation over {splits} random splits, {test_share:.0%} of the rows held out; both programs get the same
rows. The difference is the mean over the splits ± its standard error. Fashion-MNIST has its own test images and is run
once.

Both: one hidden ReLU layer, Adam with learning rate 0.001, no penalty, all epochs, inputs standardised by the training
rows (pixels of Fashion-MNIST: scaled to 0 … 1), the target of the regression standardised. What is left to differ:
first weights and order of rows, by each program's own random numbers; handgrad computes in float, scikit-learn in
double (in float on Fashion-MNIST); handgrad's squared error is a sum, scikit-learn's half of one, which Adam hardly
notices. Seconds are of processor time: the whole `handgrad train` command, reading and writing included; for
scikit-learn, `fit` alone.
"""


def handgrad(*arguments):
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def children_seconds():
    """Processor time of all programs run so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def handgrad_run(job, seed, train, test, *options):
    """Score on the test rows, and processor seconds of the whole `train` command. train, test: its table arguments."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.safetensors"
        start = children_seconds()
        handgrad("train", *train, *job.handgrad_options, "--seed", seed, *options, "-o", model)
        seconds = children_seconds() - start
        printed = json.loads(handgrad("evaluate", model, *test, "--json"))
        return printed["metrics"]["accuracy" if job.classification else "r2"], seconds


def sklearn_run(job, seed, train, test):
    """Score on the test rows, and processor seconds of `fit`. train, test: (features, target)."""
    scaler = job.sklearn_scaler().fit(train[0])
    estimator = job.sklearn_estimator(seed)
    target, restore = train[1], lambda predicted: predicted
    if not job.classification:
        target_scaler = preprocessing.StandardScaler().fit(train[1][:, np.newaxis])
        target = target_scaler.transform(train[1][:, np.newaxis])[:, 0]
        restore = lambda predicted: target_scaler.inverse_transform(predicted[:, np.newaxis])[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.process_time()
        estimator.fit(scaler.transform(train[0]), target)
        seconds = time.process_time() - start
    return job.score(test[1], restore(estimator.predict(scaler.transform(test[0])))), seconds


def random_splits(job, folder):
    """For each seed: the paths of the two parts as CSV, and the same rows as arrays."""
    with open(ROOT / "examples" / "data" / f"{job.name}.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    column = header.index(job.target)
    features = np.array([[float(cell) for i, cell in enumerate(row) if i != column] for row in rows])
    labels = [row[column] for row in rows]
    target = np.array(labels if job.classification else [float(label) for label in labels])
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(rows))
        held_out = round(TEST_SHARE * len(rows))
        paths, arrays = [], []
        for name, part in (("train", order[held_out:]), ("test", order[:held_out])):
            paths.append(Path(folder) / f"{job.name}-{seed}-{name}.csv")
            with open(paths[-1], "w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([header, *(rows[i] for i in part)])
            arrays.append((features[part], target[part]))
        yield seed, paths, arrays


def summary(values):
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def signed(value):
    return f"{value:+.3f}".replace("-", "−")


def score_table(job):
    """A row of the page: both programs on each split, and the mean of the differences with its standard error."""
    ours, ours_sklearn_way, theirs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed, paths, arrays in random_splits(job, folder):
            train, test = [paths[0]], [paths[1]]
            ours.append(handgrad_run(job, seed, train, test))
            ours_sklearn_way.append(handgrad_run(job, seed, train, test, "--convention", "sklearn"))
            theirs.append(sklearn_run(job, seed, *arrays))
    (a, a_seconds), (b, _), (c, c_seconds) = (np.transpose(runs) for runs in (ours, ours_sklearn_way, theirs))
    difference = f"{signed(np.mean(a - c))} ± {np.std(a - c, ddof=1) / np.sqrt(SPLITS):.3f}"
    return [job.name, job.metric, f"{job.hidden}, {job.epochs}, {job.batch}", summary(a), summary(b), summary(c),
            difference, f"{np.mean(a_seconds):.2f}", f"{np.mean(c_seconds):.2f}"]


def read_idx(path):
    """An IDX file of bytes: items × numbers."""
    with gzip.open(path) as file:
        data = file.read()
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape[0], -1)


def score_fashion():
    """The same on Fashion-MNIST's own split, once."""
    listed = subprocess.run(["dpkg", "-L", "dataset-fashion-mnist"], capture_output=True, text=True, check=True).stdout
    files = {Path(line).name: line for line in listed.splitlines()}
    paths, arrays = [], []
    for part in ("train", "t10k"):
        images, labels = files[f"{part}-images-idx3-ubyte.gz"], files[f"{part}-labels-idx1-ubyte.gz"]
        paths.append([images, "--target-file", labels])
        arrays.append((read_idx(images).astype(np.float32), read_idx(labels)[:, 0]))
    a, a_seconds = handgrad_run(FASHION, 0, *paths)
    b, _ = handgrad_run(FASHION, 0, *paths, "--convention", "sklearn")
    c, c_seconds = sklearn_run(FASHION, 0, *arrays)
    return [FASHION.name, FASHION.metric, f"{FASHION.hidden}, {FASHION.epochs}, {FASHION.batch}", f"{a:.3f}",
            f"{b:.3f}", f"{c:.3f}", signed(a - c), f"{a_seconds:.0f}", f"{c_seconds:.0f}"]


def page(rows, stamp):
    header = ["table", "score", "hidden, epochs, batch", "handgrad", "handgrad, `--convention sklearn`", "scikit-learn",
              "handgrad − scikit-learn", "s", "s, scikit-learn"]
    return PAGE.format(stamp=stamp, splits=SPLITS, test_share=TEST_SHARE, table=measured.table(header, rows))


def readme_table(rows, stamp):
    """The columns of README.md."""
    header = ["table", "score", "handgrad", "scikit-learn", "difference ± standard error"]
    return f"{measured.table(header, [[row[i] for i in (0, 1, 3, 5, 6)] for row in rows])}\n\n{stamp}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion", action="store_true", help="Fashion-MNIST as well")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "scores.md")
    options = parser.parse_args()
    stamp = measured.stamp("make scores", Path(__file__), machine=True,
                           with_what=f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}, one thread each")
    rows = [*map(score_table, TABLES), *([score_fashion()] if options.fashion else [])]
    text = page(rows, stamp)
    print(text)
    options.output.write_text(text, encoding="utf-8")
    if options.output.resolve() == ROOT / "docs/scores.md":
        measured.write(ROOT / "README.md", "scores", readme_table(rows, stamp))


if __name__ == "__main__":
    main()
