"""One run of one contestant on one split of a table: handgrad's program as a user calls it, scikit-learn's multilayer
perceptron, a linear model, gradient boosting; scores, seconds, and a cache of them on the disk."""

import hashlib
import json
import math
import resource
import subprocess
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import compose, impute, linear_model, metrics, neural_network, pipeline, preprocessing

SMALLEST_PROBABILITY = np.finfo(float).eps  # as scikit-learn's log_loss


@dataclass(frozen=True)
class Result:
    """`score` is the accuracy or R²; `log_loss` None for numbers; `seconds` of processor time."""

    score: float
    log_loss: float | None
    seconds: float


def log_loss(truth, classes, probabilities):
    """The mean of −log p of the true class."""
    of_truth = probabilities[np.arange(len(truth)), np.searchsorted(classes, truth)]
    return float(-np.mean(np.log(np.clip(of_truth, SMALLEST_PROBABILITY, 1.0))))


# --- scikit-learn and LightGBM --------------------------------------------------------------------------------------

def prepared(table, estimator):
    """The estimator behind what its users put in front of it."""
    texts = table.texts()
    numbers = [c for c in table.frame.columns.drop("target") if c not in texts]
    columns = compose.ColumnTransformer([
        ("numbers", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), numbers),
        ("texts", preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts)])
    return pipeline.make_pipeline(columns, estimator)


def standardised_target(regressor):
    return compose.TransformedTargetRegressor(regressor, transformer=preprocessing.StandardScaler())


class Peer:
    """A contestant of scikit-learn's interface: `make(classification, rows, seed)` gives its estimator."""

    def __init__(self, name, make):
        self.name, self.make = name, make

    def key(self):
        return self.name

    def run(self, table, seed, training, test):
        model = prepared(table, self.make(table.classification, len(training), seed))
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(training.drop(columns="target"), training["target"])
        seconds = time.process_time() - start
        features, truth = test.drop(columns="target"), test["target"].to_numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predicted = model.predict(features)
            if not table.classification:
                return Result(metrics.r2_score(truth, predicted), None, seconds)
            loss = log_loss(truth, model.classes_, model.predict_proba(features))
        return Result(metrics.accuracy_score(truth, predicted), loss, seconds)


def perceptron(classification, seed, **settings):
    if classification:
        return neural_network.MLPClassifier(random_state=seed, **settings)
    return standardised_target(neural_network.MLPRegressor(random_state=seed, **settings))


def plain_perceptron(classification, rows, seed):
    return perceptron(classification, seed)


def raw_perceptron(classification, rows, seed):
    """The target as it is in the table."""
    if classification:
        return perceptron(classification, seed)
    return neural_network.MLPRegressor(random_state=seed)


def linear(classification, rows, seed):
    return linear_model.LogisticRegression(max_iter=2000) if classification else linear_model.Ridge()


def boosting(classification, rows, seed):
    import lightgbm

    kind = lightgbm.LGBMClassifier if classification else lightgbm.LGBMRegressor
    return kind(random_state=seed, n_jobs=1, verbose=-1)


def epochs_of(rows, batch, epochs, steps):
    """At least so many epochs, and at least so many steps."""
    return max(epochs, math.ceil(steps / math.ceil(rows / batch)))


def same_perceptron(hidden, batch, epochs, steps):
    """As handgrad trains with the same width, batch and epochs: all epochs, no penalty, nothing held out."""
    def make(classification, rows, seed):
        count = epochs_of(rows, batch, epochs, steps)
        return perceptron(classification, seed, hidden_layer_sizes=(hidden,), batch_size=min(batch, rows), alpha=0.0,
                          max_iter=count, n_iter_no_change=count)
    return make


# --- handgrad -------------------------------------------------------------------------------------------------------

class Program:
    """handgrad's program with some options, which may depend on the number of training rows."""

    def __init__(self, path, name, options):
        self.path, self.name, self.options = Path(path), name, options

    def key(self):
        return f"{self.name}-{hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]}"

    def call(self, *arguments):
        command = [str(self.path), *map(str, arguments), "--threads", "1", "--quiet"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {run.stderr}")
        return run.stdout

    def run(self, table, seed, training, test):
        options = self.options(len(training)) if callable(self.options) else self.options
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in ("training.csv", "test.csv", "model")]
            training.to_csv(paths[0], index=False)
            test.to_csv(paths[1], index=False)
            arguments = ["--target", "target", "--seed", seed]
            arguments += ["--task", "classification" if table.classification else "regression"]
            names = [*table.texts(), *(["target"] if table.classification else [])]
            if names:
                arguments += ["--categorical", ",".join(f'"{name}"' for name in names)]  # `2. Married` is no number
            if table.frame.isna().any(axis=None):
                arguments += ["--impute", "mean"]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.train(paths[0], paths[2], options, *arguments)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            predicted = self.predict(table, paths[2], paths[1], Path(folder) / "predicted.csv")
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        truth = test["target"].to_numpy()
        if not table.classification:
            return Result(metrics.r2_score(truth, predicted["target"].astype(float)), None, seconds)
        classes = np.array([c[2:-1] for c in predicted.columns if c.startswith("p(")])
        order = np.argsort(classes)
        probabilities = predicted[[f"p({c})" for c in classes[order]]].astype(float).to_numpy()
        return Result(metrics.accuracy_score(truth, predicted["predicted"]),
                      log_loss(truth, classes[order], probabilities), seconds)

    def train(self, data, model, options, *arguments):
        self.call("train", data, "-o", model, *options, *arguments)

    def predict(self, table, model, rows, to):
        self.call("predict", model, rows, "-o", to, *(["--proba"] if table.classification else []))
        return pd.read_csv(to, dtype=str, keep_default_na=False)


# --- All of them ----------------------------------------------------------------------------------------------------

class Cache:
    """Results by contestant, table and split, in one file of lines for each contestant."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def results(self, contestant, tables, splits):
        """Results by table name: a list of as many as there are splits; runs what is not there."""
        path = self.folder / f"{contestant.key()}.jsonl"
        known = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                known[entry["table"], entry["split"]] = Result(entry["score"], entry["log_loss"], entry["seconds"])
        for table in tables:
            if all((table.name, split) in known for split in range(splits)):
                continue
            with path.open("a", encoding="utf-8") as file:
                for split, (training, test) in enumerate(table.splits(10)):
                    if split < splits and (table.name, split) not in known:
                        result = contestant.run(table, split, training, test)
                        known[table.name, split] = result
                        file.write(json.dumps({"table": table.name, "split": split, **result.__dict__}) + "\n")
                        file.flush()
        return {table.name: [known[table.name, split] for split in range(splits)] for table in tables}
