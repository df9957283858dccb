"""Estimators over tables for scikit-learn: frames with texts, gaps and dates go in as they are."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import DataConversionWarning
    from sklearn.utils.class_weight import compute_sample_weight
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:  # scikit-learn is no dependency: whoever needs no estimator does without
    raise ImportError(
        "handgrad's estimators need scikit-learn 1.6 or later: pip install 'handgrad[sklearn]'"
    ) from error

from handgrad import _core
from handgrad._arrays import as_array, without_mask
from handgrad.errors import ModelError, UsageError
from handgrad._notes import noted, read_back
from handgrad.estimators import NOTE, threads_of
from handgrad.labels import Labels, refuse_unwritable
from handgrad.model import LABELS_NOTE, Fit, Jacobian, Model, fit
from handgrad.table import (
    READING,
    column_names,
    columns_of,
    free_name,
    name_text,
    names,
    read,
    read_beside,
    reading_of,
    target_columns,
)

__all__ = ["TableClassifier", "TableRegressor"]

NO_SETTINGS = ("progress", "n_jobs")
KEPT = ("n_features_in_", "_columns", "_own_weight")


def _is_table(X: Any) -> bool:
    """Whether it names its columns, or is the path of a file that does."""
    if isinstance(X, (str, os.PathLike)) or column_names(X) is not None:
        return True
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise TypeError(f"X: {type(X).__name__} is no table yet; X.collect() makes it one")
    return hasattr(X, "__arrow_c_stream__") and not hasattr(X, "shape")


def _columns_shown(X: Any) -> Any:
    """What speaks Arrow but does not show its columns one by one (DuckDB, a stream) as a table of pyarrow, where that is
    there."""
    if columns_of(X) is not None or not hasattr(X, "__arrow_c_stream__"):
        return X
    try:
        import pyarrow
    except ImportError:
        return X
    return pyarrow.table(X)


class _Table(BaseEstimator):  # type: ignore[misc,unused-ignore]
    """What regressor and classifier share."""

    def __init__(
        self,
        *,
        hidden: Any = None,
        hidden_activation: Any = None,
        output_activation: Any = None,
        loss: Any = None,
        huber_delta: Any = None,
        quantile: Any = None,
        leaky_slope: Any = None,
        convention: Any = None,
        init: Any = None,
        dtype: Any = None,
        epochs: Any = None,
        batch: Any = None,
        optimizer: Any = None,
        learning_rate: Any = None,
        momentum: Any = None,
        nesterov: Any = None,
        beta1: Any = None,
        beta2: Any = None,
        epsilon: Any = None,
        weight_decay: Any = None,
        tol: Any = None,
        max_fun: Any = None,
        lbfgs_memory: Any = None,
        schedule: Any = None,
        validation: Any = None,
        test: Any = None,
        early_stopping: Any = None,
        refit: Any = None,
        restarts: Any = None,
        calibration: Any = None,
        interval_method: Any = None,
        seed: Any = None,
        shuffle: Any = None,
        allow_nonfinite: Any = None,
        drop: Any = None,
        id: Any = None,
        categorical: Any = None,
        unknown: Any = None,
        impute: Any = None,
        scale: Any = None,
        scale_target: Any = None,
        weight: Any = None,
        class_weight: Any = None,
        group: Any = None,
        monotone: Any = None,
        drop_missing_labels: Any = None,
        init_from: Any = None,
        target_jacobian: Any = None,
        jacobian_weight: Any = None,
        allow_kinks: Any = None,
        missing: Any = None,
        missing_only: Any = None,
        thousands: Any = None,
        percent: Any = None,
        currency: Any = None,
        date: Any = None,
        progress: Any = False,
        n_jobs: Any = None,
    ) -> None:
        self.hidden = hidden
        self.hidden_activation = hidden_activation
        self.output_activation = output_activation
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.leaky_slope = leaky_slope
        self.convention = convention
        self.init = init
        self.dtype = dtype
        self.epochs = epochs
        self.batch = batch
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.tol = tol
        self.max_fun = max_fun
        self.lbfgs_memory = lbfgs_memory
        self.schedule = schedule
        self.validation = validation
        self.test = test
        self.early_stopping = early_stopping
        self.refit = refit
        self.restarts = restarts
        self.calibration = calibration
        self.interval_method = interval_method
        self.seed = seed
        self.shuffle = shuffle
        self.allow_nonfinite = allow_nonfinite
        self.drop = drop
        self.id = id
        self.categorical = categorical
        self.unknown = unknown
        self.impute = impute
        self.scale = scale
        self.scale_target = scale_target
        self.weight = weight
        self.class_weight = class_weight
        self.group = group
        self.monotone = monotone
        self.drop_missing_labels = drop_missing_labels
        self.init_from = init_from
        self.target_jacobian = target_jacobian
        self.jacobian_weight = jacobian_weight
        self.allow_kinks = allow_kinks
        self.missing = missing
        self.missing_only = missing_only
        self.thousands = thousands
        self.percent = percent
        self.currency = currency
        self.date = date
        self.progress = progress
        self.n_jobs = n_jobs

    # --- Learning ----------------------------------------------------------------------------------------------------

    def _task(self, targets: int) -> str:
        raise NotImplementedError

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Fit:
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        if sample_weight is not None and self.weight is not None:
            raise UsageError("sample_weight: weight names a column of weights too; give one of both")
        settings = {name: value for name, value in self.get_params().items()
                    if name not in NO_SETTINGS and value is not None}
        for name in READING:
            settings.pop(name, None)
        if isinstance(self.class_weight, dict):  # which the weights of the rows have taken up
            del settings["class_weight"]
        X = self._taken(X, y if isinstance(y, str) else None)
        learned = self._learned(X, y)
        targets = [y] if learned is None else list(learned)
        reading = self._reading(targets, self._texts(targets))
        data = read(X, reading)
        data.reading = reading
        if learned is not None:
            data.join(self._cells_of_targets(learned, reading), in_place=isinstance(y, str))
        self._own_weight = ""
        if sample_weight is not None:
            self._own_weight = settings["weight"] = free_name("sample_weight", data.columns)
            data.join(self._cells_of_weights(sample_weight, data.rows, reading))
        self.fit_ = fit(data, targets, task=self._task(len(targets)), progress=self.progress,
                        threads=threads_of(self.n_jobs), **settings)
        self.model_ = self.fit_.model
        return self.fit_

    def _reading(self, targets: list[str], texts: list[str]) -> _core.Reading:
        words = {name: value for name, value in self.get_params(deep=False).items() if name in READING and value is not None}
        return reading_of({**words, "target": targets, "categorical": [*names(self.categorical or [], "categorical"), *texts]})

    def _taken(self, X: Any, target: str | None) -> Any:
        """X, of which the columns are noted: all but the one that is learned."""
        if isinstance(X, _core.Table):  # to which columns would be added
            raise TypeError("X: a table that has been read already is for handgrad.fit(); hand in what it was read from")
        if not _is_table(X):
            X = validate_data(self, self._filled(X), dtype=None, ensure_all_finite="allow-nan",
                              ensure_min_samples=1 if self.scale == "none" else 2)
            self._refuse_gaps(X)
            self._columns = [f"x{i + 1}" for i in range(X.shape[1])]
            return X
        there = column_names(X)
        if there is None:  # a file
            X = read(X, self._reading([] if target is None else [target], []))
            there = X.columns
        called = [name for name in there if target is None or name_text(name) != target]
        self._columns = [name_text(name) for name in called]
        self.n_features_in_ = len(called)
        if self._are_texts(called):
            self.feature_names_in_ = np.array(called, object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return X

    @staticmethod
    def _are_texts(called: list[Any]) -> bool:
        """As scikit-learn has it: names that are no texts are none, and some of each are a mistake."""
        kinds = sorted({type(name).__name__ for name in called})
        if "str" in kinds and len(kinds) > 1:
            raise TypeError(f"Feature names are only supported if all input features have string names, but your input has "
                            f"{kinds} as feature name / column name types; X.columns = X.columns.astype(str) makes them texts")
        return kinds == ["str"]

    @staticmethod
    def _filled(X: Any) -> Any:
        """Masked entries are missing."""
        if not isinstance(X, np.ma.MaskedArray):
            return X
        as_type: Any = X.astype
        filled: np.ndarray = (as_type(float).filled(np.nan) if X.dtype.kind in "biuf"
                              else as_type(object).filled(None))
        return filled

    def _refuse_gaps(self, X: np.ndarray) -> None:
        if self.impute is None and X.dtype.kind == "f" and np.isnan(X).any():
            raise ValueError("Input X contains NaN; fill it in, or choose how to impute it: impute='mean' or 'median'")

    def _learned(self, X: Any, y: Any) -> dict[str, Any] | None:
        """The targets by name; None where y names a column of X, to be read with it."""
        if isinstance(y, str):
            return None
        learned = target_columns(y, [])
        is_array = columns_of(y) is None
        if len(learned) == 1 and is_array and len(np.shape(y if hasattr(y, "shape") else np.asarray(y))) == 2:
            warnings.warn("A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
                          "(n_samples,), for example using ravel().", DataConversionWarning, stacklevel=4)
        taken = [*self._columns]
        return {free_name(name, taken): values for name, values in learned.items()}

    def _texts(self, targets: list[str]) -> list[str]:
        """The targets whose cells are texts, whatever they spell."""
        return []

    def _cells_of_targets(self, learned: dict[str, Any], reading: _core.Reading) -> _core.Table:
        numbers = {name: as_array(values).astype(np.uint8) if getattr(values, "dtype", None) == bool else values
                   for name, values in learned.items()}  # True and False would be texts
        return read_beside(numbers, reading, "target")

    def _cells_of_weights(self, sample_weight: Any, rows: int, reading: _core.Reading) -> _core.Table:
        weights = np.asarray(without_mask(sample_weight, "sample_weight"), np.float64)
        if weights.ndim == 0:
            weights = np.full(rows, weights)
        if weights.ndim != 1:
            raise ValueError(f"sample_weight: one weight a row is expected, not an array of {weights.ndim} axes")
        if not weights.any():
            raise ValueError("sample_weight: every weight is zero; give at least one row a positive weight")
        return read_beside({self._own_weight: weights}, reading, "sample_weight")

    # --- Answers -----------------------------------------------------------------------------------------------------

    def _model(self) -> Model:
        check_is_fitted(self)
        return self.model_

    def _applied(self, X: Any) -> Any:
        """X with the names of the columns that were learned from, where it has none of its own."""
        self._model()
        name = type(self).__name__
        if not _is_table(X):
            X = validate_data(self, self._filled(X), dtype=None, ensure_all_finite="allow-nan", reset=False)
            self._refuse_gaps(X)
            return {called: X[:, i] for i, called in enumerate(self._columns)}
        columns = columns_of(X)
        if columns is None or isinstance(X, _core.Table):
            return X
        has_names, had_names = self._are_texts([called for called, _ in columns]), hasattr(self, "feature_names_in_")
        if has_names and had_names:
            self._refuse_new([name_text(called) for called, _ in columns])
            return X
        if len(columns) != self.n_features_in_:
            raise ValueError(f"X has {len(columns)} features, but {name} is expecting {self.n_features_in_} features as input.")
        if has_names:
            warnings.warn(f"X has feature names, but {name} was fitted without feature names", stacklevel=3)
        if had_names:
            warnings.warn(f"X does not have valid feature names, but {name} was fitted with feature names", stacklevel=3)
        return dict(zip(self._columns, (values for _, values in columns)))

    def _refuse_new(self, there: list[str]) -> None:
        """Columns that were neither learned from nor are what was learned."""
        known = {*self._columns, *self.model_.targets, self._own_weight}
        unseen = [name for name in there if name not in known]
        if unseen:
            raise ValueError("The feature names should match those that were passed during fit.\nFeature names unseen at "
                             f"fit time: {', '.join(map(repr, unseen[:5]))}{' ...' if len(unseen) > 5 else ''}; "
                             "X[feature_names_in_] leaves them out")

    def _labelled(self, X: Any, y: Any, words: dict[str, Any]) -> _core.Table:
        """X, and y where it is given, as a table of the model's."""
        model = self._model()
        data = model._read(self._applied(X), words)
        reading = reading_of(words, model._core)
        if data is X and (y is not None or self._own_weight):
            raise TypeError("X: to a table that has been read already nothing is added; hand in what it was read from")
        if y is not None:
            learned = target_columns(y, [])
            if len(learned) != len(model.targets):
                raise UsageError(f"y: {len(model.targets)} columns are expected, one for each target, not {len(learned)}")
            data.join(self._cells_of_targets(dict(zip(model.targets, learned.values())), reading), in_place=True)
        if self._own_weight and self._own_weight not in data.columns:
            data.join(read_beside({self._own_weight: np.ones(data.rows)}, reading, "sample_weight"))
        return data

    def jacobian(self, X: Any) -> Jacobian:
        """The derivative of each output by each input at each row, in the user's units, with their names."""
        return self._model().jacobian(self._applied(X), threads=threads_of(self.n_jobs))

    # --- Files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model to a file, which load(), the program and handgrad.load() open. What of the parameters is no
        number, text or list of them (a validation table) is left out. Raises UsageError for labels that a file cannot
        tell apart; FileError."""
        model = _core.parse_model(self._model()._core.to_bytes(), "model")  # a copy, that is noted in
        parameters = noted(self.get_params(deep=False))
        fitted = {name: self.__dict__[name] for name in KEPT}
        model.note(NOTE, json.dumps({"kind": type(self).__name__, "parameters": parameters, "fitted": fitted,
                                     "named": hasattr(self, "feature_names_in_"), **self._noted()}))
        model.save(os.fspath(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Any:
        """The estimator that save() wrote, without its fit_. Raises ModelError for a file that is no sound model, or of
        another kind; FileError."""
        model = _core.load_model(os.fspath(path), False)
        note = json.loads(model.noted(NOTE) or "{}")
        if note.get("kind") != cls.__name__:
            kind = note.get("kind", "a model that no estimator has written; handgrad.load(path) opens it")
            raise ModelError(f"{os.fspath(path)}: this is not {cls.__name__}, but {kind}")
        own = cls(**{name: read_back(value) for name, value in note["parameters"].items()})
        for name, value in note["fitted"].items():
            setattr(own, name, value)
        if note["named"]:
            own.feature_names_in_ = np.array([name for name in own._columns], object)
        own.model_ = Model(model)
        own._take_note(note)
        return own

    def _noted(self) -> dict[str, Any]:
        """What load() needs beside that."""
        return {}

    def _take_note(self, note: dict[str, Any]) -> None:
        """What _noted() gave."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.impute is not None and self.impute != "error"
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in self.__dict__


class TableRegressor(RegressorMixin, _Table):  # type: ignore[misc,unused-ignore]
    """Regression over a table: handgrad.fit() as an estimator of scikit-learn.

    Arguments are the settings of handgrad.fit() by their names; None leaves the decision to the library. After fit():
    model_ (a handgrad.Model), fit_ (metrics, history, notices), n_features_in_, feature_names_in_. Columns are matched by
    their names, in any order, where they have some."""

    def _task(self, targets: int) -> str:
        return "regression"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableRegressor:
        """Learns from X, a table of any make, and y: values (rows,) or (rows, targets), or the name of a column of X.
        Returns self."""
        self._fit(X, y, sample_weight)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Values in the target's units, (rows,) or (rows, targets)."""
        return self._model().predict(self._applied(X), threads=threads_of(self.n_jobs))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class TableClassifier(ClassifierMixin, _Table):  # type: ignore[misc,unused-ignore]
    """Classification over a table: handgrad.fit() as an estimator of scikit-learn.

    Arguments are the settings of handgrad.fit() by their names; None leaves the decision to the library. After fit():
    classes_, model_ (a handgrad.Model), fit_ (metrics, history, notices), n_features_in_, feature_names_in_. Columns are
    matched by their names, in any order, where they have some. Labels are what they are to Python, not what a CSV file
    would make of them: "01" and "1" are two; None and NaN are missing. class_weight may also be a dict of classes, as
    scikit-learn has it, which multiplies the weights of the rows."""

    def _task(self, targets: int) -> str:
        return "multilabel" if targets > 1 else "classification"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableClassifier:
        """Learns from X, a table of any make, and y: classes (rows,), 0 and 1 of several labels (rows, labels), or the
        name of a column of X (of a file: classes as the program reads them). Returns self."""
        X = _columns_shown(X) if isinstance(y, str) else X
        if isinstance(self.class_weight, dict):
            sample_weight = self._weights_by_class(X, y, sample_weight)
        self._fit(X, y, sample_weight)
        self._take_classes()
        return self

    def _weights_by_class(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray:
        """Those of the rows times those of their classes; a class that class_weight does not name has 1."""
        columns = {name_text(name): values for name, values in columns_of(X) or []} if isinstance(y, str) else {}
        if isinstance(y, str) and y not in columns:
            raise TypeError("class_weight: a dict needs y itself, or a table with its columns; of a file the path of a table "
                            "with the columns class and weight does the same")
        own: np.ndarray = compute_sample_weight(self.class_weight, np.asarray(columns[y] if isinstance(y, str) else y))
        return own if sample_weight is None else own * np.asarray(sample_weight, np.float64)

    def _learned(self, X: Any, y: Any) -> dict[str, Any] | None:
        if isinstance(y, str):
            columns = {name_text(name): values for name, values in columns_of(X) or []}
            learned = {y: columns[y]} if y in columns else None
        else:
            learned = super()._learned(X, y)
        self._labels = None
        if learned is not None and len(learned) == 1:
            self._labels = Labels(next(iter(learned.values())), [*names(self.missing or [], "missing"), *names(self.missing_only or [], "missing_only")])
        return learned

    def _texts(self, targets: list[str]) -> list[str]:
        return targets if self._labels is not None and self._labels.are_texts else []

    def _cells_of_targets(self, learned: dict[str, Any], reading: _core.Reading) -> _core.Table:
        if self._labels is None:  # several, of 0 and 1
            return super()._cells_of_targets(learned, reading)
        ((name, values),) = learned.items()
        return self._labels.cells(name, values, reading)

    def _take_classes(self) -> None:
        """The classes in scikit-learn's order, and where each stands in the model's."""
        model = self.model_
        if model.task == "multilabel":
            self.classes_ = np.arange(len(model.targets))
            return
        if self._labels is None:
            self._labels = Labels(np.asarray(model.classes), check=False)
        elif self._labels.kind in ("bool", "int"):
            model._core.note(LABELS_NOTE, self._labels.kind)
        places = self._labels.places(model)
        self._sorted = np.argsort(places)
        self._classes_of_model = self._labels.classes[places]  # in the model's order
        self.classes_ = self._classes_of_model[self._sorted]

    def predict(self, X: Any) -> np.ndarray:
        """The classes, (rows,), or 0 and 1 of each label, (rows, labels)."""
        model = self._model()
        if model.task == "multilabel":
            return model.predict(self._applied(X), threads=threads_of(self.n_jobs))
        answer = model._core.predict(model._read(self._applied(X), {}), False, threads_of(self.n_jobs))
        labels: np.ndarray = self._classes_of_model[answer["classes"]]
        return labels

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class in the order of classes_, (rows, classes), or of each label, (rows, labels)."""
        model = self._model()
        shares = model.predict_proba(self._applied(X), threads=threads_of(self.n_jobs))
        return shares if model.task == "multilabel" else np.ascontiguousarray(shares[:, self._sorted])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of predict_proba()."""
        with np.errstate(divide="ignore"):
            logarithms: np.ndarray[Any, Any] = np.log(self.predict_proba(X))
        return logarithms

    def save(self, path: str | os.PathLike[str]) -> None:
        if self._labels is not None:
            refuse_unwritable(self._labels, "save")
        super().save(path)

    save.__doc__ = _Table.save.__doc__

    def _noted(self) -> dict[str, Any]:
        return {} if self._labels is None else {"labels": self._labels.classes.dtype.str}

    def _take_note(self, note: dict[str, Any]) -> None:
        self._labels = None
        if "labels" in note:
            self._labels = Labels(np.array(self.model_.classes, np.dtype(note["labels"])), check=False)
        self._take_classes()
