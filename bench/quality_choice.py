"""The settings that the defaults were chosen from, beside scikit-learn's defaults on one half of the tables."""

import json
import math
import shlex
import tempfile
from pathlib import Path

import numpy as np

import quality_runs as runs
from quality_statistics import differences, interval, mean_ranks
from quality_tables import SETTINGS


def options_of(configuration):
    """From the number of training rows to the options of `handgrad train`, an option of the configuration in place of
    the base's."""
    words = (SETTINGS["base"] + " " if configuration.get("base") else "") + configuration["options"]
    pairs = dict(zip(*[iter(shlex.split(words))] * 2))

    def options(rows):
        chosen = dict(pairs)
        if "epochs" in configuration:
            share = float(chosen.get("--validation", 0))
            chosen["--epochs"] = str(runs.epochs_of(rows - round(rows * share), int(chosen.get("--batch", 32)),
                                                    configuration["epochs"], configuration["steps"]))
        return [word for pair in chosen.items() for word in pair]

    return options


class Refitted(runs.Program):
    """Trained with early stopping, and once more on all rows for as many epochs as were best."""

    def train(self, data, model, options, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            lines = self.call("train", data, "-o", Path(folder) / "model", *options, *arguments, "--json")
        best = json.loads(lines.splitlines()[-1])["best_epoch"]
        pairs = dict(zip(*[iter(options)] * 2)) | {"--epochs": str(max(best, 1)), "--validation": "0"}
        pairs.pop("--early-stopping")
        self.call("train", data, "-o", model, *[word for pair in pairs.items() for word in pair], *arguments)


def contestant(program, configuration):
    kind = Refitted if configuration.get("refit") else runs.Program
    return kind(program, configuration["name"], options_of(configuration))


def shown(ours, theirs, tables, what):
    """The mean over tables of a difference, with its interval."""
    means = [one.mean for one in differences(ours, theirs, tables, what)]
    low, high = interval(means)
    return f"{np.mean(means):+.3f} ({low:+.3f} to {high:+.3f})".replace("-", "−")


def rows_of_choice(results, theirs, tables):
    """A row for each configuration."""
    classes = [table for table in tables if table.classification]
    numbers = [table for table in tables if not table.classification]
    ranks = mean_ranks(list(results), results, tables)
    seconds = sum(r.seconds for of_table in theirs.values() for r in of_table)
    for name, of_tables in results.items():
        share = sum(r.seconds for of_table in of_tables.values() for r in of_table) / seconds
        yield [name, f"{ranks[name]:.2f}", shown(of_tables, theirs, classes, "score"),
               shown(of_tables, theirs, classes, "log_loss"), shown(of_tables, theirs, numbers, "score"),
               f"{share:.3f}"]


HEADER = ["settings", "mean rank", "accuracy", "log loss", "R²", "time / scikit-learn's"]


def table_of_choice(cache, program, tables, splits):
    """Lines of Markdown, the best first."""
    import measured

    theirs = cache.results(runs.Peer("sklearn", runs.plain_perceptron), tables, splits)
    results = {c["name"]: cache.results(contestant(program, c), tables, splits) for c in SETTINGS["configurations"]}
    rows = sorted(rows_of_choice(results, theirs, tables), key=lambda row: float(row[1]))
    return measured.table(HEADER, rows)
