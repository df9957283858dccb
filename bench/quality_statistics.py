"""Differences between two contestants over splits and tables, and how far they can be trusted."""

from dataclasses import dataclass

import numpy as np

from quality_tables import TEST_SHARE

RESAMPLES = 10000


@dataclass(frozen=True)
class Difference:
    """On one table: the mean over its splits, positive where the first is the better one, and its standard error after
    Nadeau and Bengio, as the splits share rows: √((1/J + n_test/n_training) s²)."""

    mean: float
    error: float

    @property
    def lost(self):
        """By more than two standard errors."""
        return self.mean < -2.0 * self.error

    @property
    def won(self):
        return self.mean > 2.0 * self.error


def difference(ours, theirs, what):
    """Of `score` (more is better) or `log_loss` (less is)."""
    sign = -1.0 if what == "log_loss" else 1.0
    each = np.array([sign * (getattr(a, what) - getattr(b, what)) for a, b in zip(ours, theirs, strict=True)])
    if len(each) == 1:
        return Difference(float(each[0]), float("nan"))
    variance = (1.0 / len(each) + TEST_SHARE / (1.0 - TEST_SHARE)) * np.var(each, ddof=1)
    return Difference(float(np.mean(each)), float(np.sqrt(variance)))


def differences(ours, theirs, tables, what):
    return [difference(ours[table.name], theirs[table.name], what) for table in tables]


def interval(values, seed=0):
    """The 95 % bootstrap interval of the mean over tables."""
    random = np.random.default_rng(seed)
    means = random.choice(np.asarray(values), (RESAMPLES, len(values))).mean(axis=1)
    return np.quantile(means, [0.025, 0.975])


def standard_error(values):
    """Of the mean over tables."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def mean_ranks(names, results, tables):
    """Over the tables, by accuracy and log loss, half each, or by R²; 1 is the best."""
    of_tables = []
    for table in tables:
        columns = [[-np.mean([r.score for r in results[name][table.name]]) for name in names]]
        if table.classification:
            columns.append([np.mean([r.log_loss for r in results[name][table.name]]) for name in names])
        of_tables.append(np.mean([1 + np.argsort(np.argsort(column)) for column in columns], axis=0))
    return dict(zip(names, np.mean(of_tables, axis=0), strict=True))
