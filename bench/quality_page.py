"""docs/scores.md and README.md's table, from the results of all contestants."""

import numpy as np

import measured
from quality_statistics import difference, differences, interval, standard_error

METRICS = (("accuracy", "score", True), ("log loss", "log_loss", True), ("R²", "score", False))
"""Name, field, of classifications."""

HEAD = """\
# Held-out scores on {tables} public tables

{stamp}

What `handgrad train TABLE --target COLUMN` is worth as it comes: {regressions} regressions and {classifications}
classifications from packages that carry their data, {least} to {most} rows, with texts and missing numbers
(`bench/quality.toml` lists them, their targets, and what is left out and why), {splits} random splits each, a fifth of
the rows held out, the same splits for all.

- **handgrad**: the defaults; `--task` is said, `--categorical` of columns of texts and classes, and `--impute mean` where numbers are missing.
- **scikit-learn**: `MLPClassifier()` and `MLPRegressor()` behind `SimpleImputer`, `StandardScaler` and `OneHotEncoder`,
  as they come; the target of a regression standardised, without which it is far worse.
- **alike**: both with {like_hidden} hidden units, batches of {like_batch}, the epochs that handgrad takes, Adam at a
  constant 0.001, no penalty, nothing held out (`{like_options}`; `n_iter_no_change` as many as there are epochs).
- **linear** is `Ridge()` or `LogisticRegression()`, **LightGBM** `LGBMRegressor()` or `LGBMClassifier()`, both behind
  the same encoders.

The defaults were chosen on the tables of one half of the sources and confirmed once on those of the other. A difference
is positive where handgrad is better (of log loss: lower). In brackets: the 95 % bootstrap interval, over tables, of the
mean. *Wins* and *losses* are tables on which the difference exceeds two standard errors, those of Nadeau and Bengio,
which allow for splits that share rows.

## Summary

"""

TAIL = """\

Seconds are of processor time over all tables and splits: the whole `handgrad train` command, start, reading and writing
included; for scikit-learn, `fit` alone. A text that stands in fewer than ten rows is `other`, a missing one `missing`,
and one that only the test rows have is the most frequent one, for all alike; tables of more than 10 000 rows are cut to
a random sample of so many, and classes of fewer than five rows left out.
"""


def signed(value, digits=3):
    return f"{value:+.{digits}f}".replace("-", "−")


class Page:
    """`results`: by contestant, then by the table's name, one for each split."""

    def __init__(self, tables, results, splits):
        self.tables, self.results, self.splits = tables, results, splits

    def of(self, classification, chosen_on=None):
        return [t for t in self.tables if t.classification == classification
                and (chosen_on is None or t.chosen_on == chosen_on)]

    def mean(self, who, tables, what):
        return np.mean([np.mean([getattr(r, what) for r in self.results[who][t.name]]) for t in tables])

    def comparison(self, name, what, tables, ours, theirs):
        """A row of the summary."""
        each = differences(self.results[ours], self.results[theirs], tables, what)
        means = [one.mean for one in each]
        low, high = interval(means)
        return [name, len(tables), f"{self.mean(ours, tables, what):.3f}", f"{self.mean(theirs, tables, what):.3f}",
                f"{signed(np.mean(means))} ({signed(low)} to {signed(high)})", f"{standard_error(means):.3f}",
                sum(one.won for one in each), sum(one.lost for one in each)]

    def comparisons(self, ours, theirs, chosen_on=None):
        header = ["score", "tables", ours, theirs, "mean difference (95 %)", "its standard error", "wins", "losses"]
        return measured.table(header, [self.comparison(name, what, self.of(classes, chosen_on), ours, theirs)
                                       for name, what, classes in METRICS])

    def summary(self):
        """README.md's table."""
        header = ["score", "tables", "handgrad", "scikit-learn", "mean difference (95 %)", "wins", "losses"]
        rows = [self.comparison(name, what, self.of(classes), "handgrad", "scikit-learn")
                for name, what, classes in METRICS]
        return measured.table(header, [row[:5] + row[6:] for row in rows])

    def times(self):
        """Of handgrad and scikit-learn, and the tables on which the share is above a fifth."""
        seconds = {who: {t.name: np.mean([r.seconds for r in self.results[who][t.name]]) for t in self.tables}
                   for who in self.results}
        header = ["", "seconds, all tables", "of the slowest table", "of scikit-learn's"]
        theirs = sum(seconds["scikit-learn"].values())
        lines = measured.table(header, [[who, f"{sum(of.values()) * self.splits:.0f}", f"{max(of.values()):.2f}",
                                         f"{sum(of.values()) / theirs:.3f}"] for who, of in seconds.items()])
        over = [t for t in self.tables if 5.0 * seconds["handgrad"][t.name] > seconds["scikit-learn"][t.name]]
        if not over:
            return lines + "\n\nOn each table handgrad takes less than a fifth of scikit-learn's seconds.\n"
        slowest = max(seconds["handgrad"][t.name] for t in over)
        return lines + (f"\n\nOn {len(over)} of {len(self.tables)} tables handgrad takes more than a fifth of "
                        f"scikit-learn's seconds; on these it takes {slowest:.2f} s at most.\n")

    def losses(self):
        """Where handgrad is behind by more than two standard errors, worst first in standard errors."""
        rows = []
        for name, what, classes in METRICS:
            for table in self.of(classes):
                one = difference(self.results["handgrad"][table.name], self.results["scikit-learn"][table.name], what)
                if one.lost:
                    rows.append([table.name, len(table.frame), name, f"{signed(one.mean)} ± {one.error:.3f}"])
        if not rows:
            return "On no table by more than two standard errors."
        return measured.table(["table", "rows", "score", "difference ± standard error"], rows)

    def row(self, table):
        """A row of the tables one by one."""
        results = {who: self.results[who][table.name] for who in self.results}
        score = difference(results["handgrad"], results["scikit-learn"], "score")
        cells = [table.name, len(table.frame), table.frame.shape[1] - 1]
        cells += [f"{np.mean([r.score for r in results[who]]):.3f}"
                  for who in ("handgrad", "scikit-learn", "linear", "LightGBM")]
        cells.append(f"{signed(score.mean)} ± {score.error:.3f}")
        if table.classification:
            loss = difference(results["handgrad"], results["scikit-learn"], "log_loss")
            cells.append(f"{signed(loss.mean)} ± {loss.error:.3f}")
        return cells

    def one_by_one(self, classification):
        header = ["table", "rows", "columns", "handgrad", "scikit-learn", "linear", "LightGBM", "difference"]
        if classification:
            header.append("of log loss")
        return measured.table(header, [self.row(table) for table in self.of(classification)])

    def text(self, stamp, like):
        counts = [len(table.frame) for table in self.tables]
        head = HEAD.format(tables=len(self.tables), regressions=len(self.of(False)),
                           classifications=len(self.of(True)), least=min(counts), most=max(counts),
                           splits=self.splits, stamp=stamp, like_hidden=like["hidden"], like_batch=like["batch"],
                           like_options=like["options"])
        parts = [head.rstrip("\n"), "All tables:", self.comparisons("handgrad", "scikit-learn"),
                 "Those of the half that confirms:", self.comparisons("handgrad", "scikit-learn", chosen_on=False),
                 "Alike:", self.comparisons("handgrad alike", "scikit-learn alike"),
                 "## Where it loses to scikit-learn's defaults", self.losses(),
                 "## Beside a linear model and gradient boosting", self.comparisons("handgrad", "linear"),
                 self.comparisons("handgrad", "LightGBM"), "## Time", self.times() + TAIL.rstrip("\n"),
                 "## Classifications one by one", self.one_by_one(True),
                 "## Regressions one by one", self.one_by_one(False)]
        return "\n\n".join(parts) + "\n"
