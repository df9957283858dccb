"""Estimators over tables for scikit-learn: frames with texts, gaps and dates go in as they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:  # scikit-learn is no dependency: whoever needs no estimator does without
    raise ImportError(
        "handgrad's estimators need scikit-learn 1.6 or later: pip install 'handgrad[sklearn]'"
    ) from error

from handgrad.estimators import threads_of
from handgrad.model import Fit, Jacobian, Model, fit

__all__ = ["TableClassifier", "TableRegressor"]

NO_SETTINGS = ("progress", "n_jobs")


def _names_of(X: Any) -> list[str] | None:
    """The names of the columns of a table that has some."""
    if isinstance(X, dict):
        return [str(name) for name in X]
    columns = getattr(X, "columns", None)
    if columns is None or callable(columns):
        return None
    return [str(name) for name in (getattr(X, "column_names", None) or columns)]


def _free_name(wanted: str, taken: list[str]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


def _is_there(label: Any) -> bool:
    return label is not None and not (isinstance(label, float) and math.isnan(label))


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
        schedule: Any = None,
        validation: Any = None,
        test: Any = None,
        early_stopping: Any = None,
        refit: Any = None,
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
        group: Any = None,
        drop_missing_labels: Any = None,
        init_from: Any = None,
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
        self.schedule = schedule
        self.validation = validation
        self.test = test
        self.early_stopping = early_stopping
        self.refit = refit
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
        self.group = group
        self.drop_missing_labels = drop_missing_labels
        self.init_from = init_from
        self.missing = missing
        self.missing_only = missing_only
        self.thousands = thousands
        self.percent = percent
        self.currency = currency
        self.date = date
        self.progress = progress
        self.n_jobs = n_jobs

    def _task(self, y: Any) -> str:
        raise NotImplementedError

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Fit:
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        columns = _names_of(X)
        settings = {name: value for name, value in self.get_params().items()
                    if name not in NO_SETTINGS and value is not None}
        if isinstance(y, str):
            target: Any = y
            self.n_features_in_ = len(columns or []) - 1
        else:
            target = self._with_free_names(y, columns or [])
            self.n_features_in_ = len(columns) if columns is not None else np.asarray(X).shape[1]
        if sample_weight is not None:
            name = _free_name("sample_weight", columns or [])
            settings["weight"] = name
            X = self._with_column(X, name, np.asarray(sample_weight, np.float64))
        if columns is not None:
            self.feature_names_in_ = np.array([name for name in columns if name != target or not isinstance(y, str)],
                                              object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.fit_ = fit(X, target, task=self._task(y), progress=self.progress, threads=threads_of(self.n_jobs), **settings)
        self.model_ = self.fit_.model
        return self.fit_

    @staticmethod
    def _with_free_names(y: Any, taken: list[str]) -> Any:
        """The values of the targets under names that no other column has."""
        if hasattr(y, "columns") or isinstance(y, dict):
            return y
        array = y if hasattr(y, "dtype") else np.asarray(y)
        if getattr(array, "ndim", 1) == 2:
            cells = np.asarray(array)
            labels = ["y"] if cells.shape[1] == 1 else [f"y{k + 1}" for k in range(cells.shape[1])]
            return {_free_name(label, taken): cells[:, k] for k, label in enumerate(labels)}
        name = getattr(y, "name", None)
        return {_free_name("y" if name in (None, "") else str(name), taken): array}

    @staticmethod
    def _with_column(X: Any, name: str, values: np.ndarray) -> Any:
        if isinstance(X, dict):
            return {**X, name: values}
        if hasattr(X, "assign"):
            return X.assign(**{name: values})
        if hasattr(X, "iter_columns"):  # of polars
            return {**{column.name: column.to_numpy() for column in X.iter_columns()}, name: values}
        array = np.asarray(X)
        return {**{f"x{i + 1}": array[:, i] for i in range(array.shape[1])}, name: values}

    # --- Answers -----------------------------------------------------------------------------------------------------

    def _model(self) -> Model:
        check_is_fitted(self)
        return self.model_

    def _applied(self, X: Any) -> Any:
        """A weight that was handed over beside the table is no column of it."""
        columns = _names_of(X)
        if columns is None and np.ndim(X) == 2 and np.shape(X)[1] != len(self._model().features):
            raise ValueError(f"X has {np.shape(X)[1]} features, but {type(self).__name__} is expecting "
                             f"{self.n_features_in_} features as input")
        return X

    def jacobian(self, X: Any) -> Jacobian:
        """The derivative of each output by each input at each row, in the user's units, with their names."""
        return self._model().jacobian(self._applied(X))

    def save(self, path: Any) -> None:
        """Writes the model to a file, which the program and handgrad.load() open."""
        self._model().save(path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in self.__dict__


class TableRegressor(RegressorMixin, _Table):  # type: ignore[misc,unused-ignore]
    """Regression over a table: handgrad.fit() as an estimator of scikit-learn.

    Arguments are the settings of handgrad.fit() by their names; None leaves the decision to the library. After fit():
    model_ (a handgrad.Model), fit_ (metrics, history, notices), n_features_in_, feature_names_in_."""

    def _task(self, y: Any) -> str:
        return "regression"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableRegressor:
        """Learns from X, a table of any make, and y: values (rows,) or (rows, targets), or the name of a column of X.
        Returns self."""
        self._fit(X, y, sample_weight)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Values in the target's units, (rows,) or (rows, targets)."""
        return self._model().predict(self._applied(X))


class TableClassifier(ClassifierMixin, _Table):  # type: ignore[misc,unused-ignore]
    """Classification over a table: handgrad.fit() as an estimator of scikit-learn.

    Arguments are the settings of handgrad.fit() by their names; None leaves the decision to the library. After fit():
    classes_, model_ (a handgrad.Model), fit_ (metrics, history, notices), n_features_in_, feature_names_in_."""

    def _task(self, y: Any) -> str:
        return "multilabel" if getattr(y, "ndim", 1) == 2 and y.shape[1] > 1 else "classification"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TableClassifier:
        """Learns from X, a table of any make, and y: classes (rows,), 0 and 1 of several labels (rows, labels), or the
        name of a column of X. Returns self."""
        self._fit(X, y, sample_weight)
        labels = X[y] if isinstance(y, str) else y
        self.classes_ = self._labels_of(labels)
        return self

    def _labels_of(self, y: Any) -> np.ndarray:
        """The labels in the model's order, as they were given."""
        if self.model_.task == "multilabel":
            return np.arange(len(self.model_.targets))
        there = np.unique(np.asarray(y)) if np.asarray(y).dtype.kind != "O" else np.array(
            list(dict.fromkeys(label for label in np.asarray(y).ravel() if _is_there(label))), object)
        known = self.model_._core.classes
        if self.model_._core.numeric_classes:
            by_number = {float(label): label for label in there.tolist()}
            return np.array([by_number[float(text)] for text in known], there.dtype)
        by_text = {str(label).strip(): label for label in there.tolist()}
        return np.array([by_text[text] for text in known], there.dtype)

    def predict(self, X: Any) -> np.ndarray:
        """The classes, (rows,), or 0 and 1 of each label, (rows, labels)."""
        predicted = self._model().predict(self._applied(X))
        if self.model_.task == "multilabel":
            return predicted
        places = {label: k for k, label in enumerate(self.model_.classes)}
        labels: np.ndarray = self.classes_[[places[label] for label in predicted.tolist()]]
        return labels

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class in the order of classes_, (rows, classes), or of each label, (rows, labels)."""
        return self._model().predict_proba(self._applied(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of predict_proba()."""
        with np.errstate(divide="ignore"):
            logarithms: np.ndarray[Any, Any] = np.log(self.predict_proba(X))
        return logarithms
