"""scikit-learn's estimators on handgrad's kernels: MLPRegressor and MLPClassifier.

The arguments and attributes are those of sklearn.neural_network, with the same meaning and, from the same random_state,
the same first weights, the same batches and the same results to rounding; what handgrad adds stands behind them.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

try:
    from scipy.sparse import csr_matrix, issparse  # type: ignore[import-untyped,unused-ignore]
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier  # type: ignore[import-untyped,unused-ignore]
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped,unused-ignore]
    from sklearn.model_selection import train_test_split  # type: ignore[import-untyped,unused-ignore]
    from sklearn.preprocessing import LabelBinarizer  # type: ignore[import-untyped,unused-ignore]
    from sklearn.utils._param_validation import InvalidParameterError  # type: ignore[import-untyped,unused-ignore]
    from sklearn.utils import check_random_state, compute_sample_weight  # type: ignore[import-untyped,unused-ignore]
    from sklearn.utils.metaestimators import available_if  # type: ignore[import-untyped,unused-ignore]
    from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels  # type: ignore[import-untyped,unused-ignore]
    from sklearn.utils.validation import (  # type: ignore[import-untyped,unused-ignore]
        _check_sample_weight,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )
except ImportError as error:  # scikit-learn is no dependency: whoever needs no estimator does without
    raise ImportError(
        "handgrad's estimators need scikit-learn 1.6 or later: pip install 'handgrad[sklearn]'"
    ) from error

from handgrad import _core
from handgrad._arrays import without_mask
from handgrad._notes import is_json, noted, read_back
from handgrad._progress import Bar
from handgrad.table import free_name
from handgrad.errors import DivergedError, ModelError

if TYPE_CHECKING:
    from handgrad.network import Mlp

__all__ = ["MLPClassifier", "MLPRegressor"]

Array = NDArray[Any]

ACTIVATIONS = {"logistic": "sigmoid"}  # scikit-learn's names that are not ours
STOCHASTIC_SOLVERS = ("sgd", "adam")
SOLVERS = (*STOCHASTIC_SOLVERS, "lbfgs", "lm")
FTOL = 1e7 * np.finfo(float).eps
"""The relative fall of the loss at which SciPy's L-BFGS-B, and so scikit-learn's lbfgs, takes it for converged."""
SCHEDULES = ("constant", "invscaling", "adaptive")
CONVENTIONS = ("sklearn", "handgrad", "pytorch")
BAR = "bar"  # what `verbose` may be beside True and False
LEAST_RATE, RATE_DIVISOR = 1e-6, 5.0  # of the schedule `adaptive`


class _Interval:
    """The numbers that a parameter may be, for a check and for the text that refuses others."""

    def __init__(self, kind: type, low: float, high: float = math.inf, *, without_low: bool = False,
                 without_high: bool = False) -> None:
        self.kind, self.low, self.high = kind, low, high
        self.without_low, self.without_high = without_low, without_high

    def contains(self, value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.kind):
            return False
        number: Any = value  # of a kind that checkers of types know nothing of
        if not math.isfinite(number):
            return False
        above = number > self.low if self.without_low else number >= self.low
        below = number < self.high if self.without_high else number <= self.high
        return bool(above and below)

    def __str__(self) -> str:
        what = "a whole number" if self.kind is Integral else "a number"
        low = f"above {self.low:g}" if self.without_low else f"from {self.low:g}"
        if self.high == math.inf:
            ends = "" if self.kind is Integral else ", not infinite"
            return f"{what} {low}" + ("" if self.without_low else " on") + ends
        return f"{what} {low} " + (f"to below {self.high:g}" if self.without_high else f"to {self.high:g}")


INTERVALS = {
    "alpha": _Interval(Real, 0),
    "learning_rate_init": _Interval(Real, 0, without_low=True),
    "power_t": _Interval(Real, 0),
    "max_iter": _Interval(Integral, 1),
    "tol": _Interval(Real, 0),
    "momentum": _Interval(Real, 0, 1, without_high=True),
    "validation_fraction": _Interval(Real, 0, 1, without_high=True),
    "beta_1": _Interval(Real, 0, 1, without_high=True),
    "beta_2": _Interval(Real, 0, 1, without_high=True),
    "epsilon": _Interval(Real, 0, without_low=True),
    "max_fun": _Interval(Integral, 1),
    "leaky_slope": _Interval(Real, -math.inf),
}
FLAGS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")


# How save() notes in a model's file what it was, and what of a fitted estimator goes with it.
NOTE = "python.estimator"
KEPT = ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "loss_", "best_loss_", "loss_curve_",
        "validation_scores_", "best_validation_score_", "_no_improvement_count")


def _refuse(name: str, value: Any, expected: str) -> None:
    raise InvalidParameterError(f"The {name!r} parameter must be {expected}. Got {value!r} instead.")


def threads_of(n_jobs: int | None) -> int:
    """How many threads may work, as scikit-learn counts: None is one, as on a busy machine threads wait for each other
    longer than a small network takes; -1 are all, -2 all but one."""
    if n_jobs is None:
        return 1
    if isinstance(n_jobs, (bool, np.bool_)) or not isinstance(n_jobs, Integral) or n_jobs == 0:
        _refuse("n_jobs", n_jobs, "None or a whole number that is not 0")
    if n_jobs > 0:
        return int(n_jobs)
    return max(1, (os.cpu_count() or 1) + 1 + int(n_jobs))


def _in_precision(weights: Array | None, dtype: np.dtype[Any]) -> Array | None:
    """Weights of rows as the kernels take them; refused where that precision has no such numbers."""
    if weights is None:
        return None
    converted = np.ascontiguousarray(weights, dtype)
    with np.errstate(over="ignore"):
        total = np.sum(converted, dtype=np.float64)
    if not np.finfo(dtype).tiny <= total <= np.finfo(dtype).max:
        raise ValueError(f"sample_weight: the weights sum to {np.sum(weights):g}, which {dtype} does not hold; take "
                         "weights of about 1, or dtype='float64'")
    return converted


class _Views(list[Array]):
    """Arrays over a network's memory: what takes the place of one is written into it."""

    def __setitem__(self, place: Any, value: Any) -> None:
        if isinstance(place, slice):
            raise TypeError("one array at a time, or all by setting the attribute")
        self[place][...] = value


class _Optimizer:
    """What a fit hands on to partial_fit."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.state: Any = None


class _Epochs:
    """When to stop, and at which rate to go on: scikit-learn's rules for its stochastic solvers."""

    def __init__(self, estimator: _Mlp, optimizer: _Optimizer) -> None:
        self.estimator = estimator
        self.optimizer = optimizer
        self.adaptive = estimator.solver == "sgd" and estimator.learning_rate == "adaptive"
        self.invscaling = estimator.solver == "sgd" and estimator.learning_rate == "invscaling"
        self.bar: Bar | None = None
        self.best: Array | None = None  # the weights of the epoch that was judged best

    def judge(self, improved: bool) -> None:
        self.estimator._no_improvement_count = 0 if improved else self.estimator._no_improvement_count + 1

    def next_rate(self) -> None:
        if self.invscaling:
            self.optimizer.learning_rate = self.estimator.learning_rate_init / (self.estimator.t_ + 1) ** self.estimator.power_t

    def stops(self, what: str) -> bool:
        est = self.estimator
        if not est._no_improvement_count > est.n_iter_no_change:
            return False
        text = f"{what} did not improve more than tol={est.tol:f} for {est.n_iter_no_change} consecutive epochs."
        if not self.adaptive:
            self._say(f"{text} Stopping.")
            return True
        if self.optimizer.learning_rate <= LEAST_RATE:
            self._say(f"{text} Learning rate too small. Stopping.")
            return True
        self.optimizer.learning_rate /= RATE_DIVISOR
        self._say(f"{text} Setting learning rate to {self.optimizer.learning_rate:f}")
        est._no_improvement_count = 0
        return False

    def _say(self, text: str) -> None:
        if self.estimator._prints():
            print(text)


class _Mlp(BaseEstimator):  # type: ignore[misc,unused-ignore]
    """What regressor and classifier share."""

    _loss_names: dict[str, str] = {}
    _network: Any  # there once it is fitted

    # --- What is asked for ---------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        for name, interval in INTERVALS.items():
            value = getattr(self, name)
            if not interval.contains(value):
                _refuse(name, value, str(interval))
        for name in FLAGS:
            value = getattr(self, name)
            if not isinstance(value, (bool, np.bool_)):
                _refuse(name, value, "True or False")
        patience = self.n_iter_no_change
        if patience != math.inf and not _Interval(Integral, 1).contains(patience):
            _refuse("n_iter_no_change", patience, "a whole number from 1 on, or inf")
        if self.batch_size != "auto" and not _Interval(Integral, 1).contains(self.batch_size):
            _refuse("batch_size", self.batch_size, "'auto' or a whole number from 1 on")
        if self.learning_rate not in SCHEDULES:
            _refuse("learning_rate", self.learning_rate, f"one of {', '.join(SCHEDULES)}")
        if self.convention not in CONVENTIONS:
            _refuse("convention", self.convention, f"one of {', '.join(CONVENTIONS)}")
        if self.restore_best is not None and not isinstance(self.restore_best, (bool, np.bool_)):
            _refuse("restore_best", self.restore_best, "True, False or None")
        if self.loss not in self._loss_names:
            _refuse("loss", self.loss, f"one of {', '.join(self._loss_names)}")
        if self.solver not in SOLVERS:
            _refuse("solver", self.solver, f"one of {', '.join(SOLVERS)}")
        if isinstance(self.verbose, str) and self.verbose != BAR:
            _refuse("verbose", self.verbose, f"True, False or {BAR!r}")

    def _prints(self) -> bool:
        """Whether each epoch has its line, as scikit-learn prints it."""
        return bool(self.verbose) and self.verbose != BAR

    def _hidden_sizes(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        for size in sizes:
            if isinstance(size, (bool, np.bool_)) or not isinstance(size, Integral):
                _refuse("hidden_layer_sizes", self.hidden_layer_sizes, "a whole number or several")
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _hidden_activations(self, layers: int) -> list[str]:
        given = self.activation
        names = [given] if isinstance(given, str) else given
        named = isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)
        if not named or len(names) not in (1, layers):
            _refuse("activation", given, f"one name, or one for each of the {layers} hidden layers")
        return [ACTIVATIONS.get(name, name) for name in names]

    def _number_type(self) -> Any:
        if self.dtype is None:
            return (np.float64, np.float32)
        dtype = np.dtype(self.dtype)
        if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            _refuse("dtype", self.dtype, "None, float32 or float64")
        return dtype.type

    def _settings(self, rows: int) -> dict[str, Any]:
        batch = min(200, rows) if self.batch_size == "auto" else int(self.batch_size)
        if batch > rows:
            warnings.warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
            batch = rows
        settings: dict[str, Any] = {
            "loss": self._loss_names[self.loss],
            "shuffle": False,  # the order of the rows is drawn from random_state
            "optimizer": self.solver,
            "weight_decay": float(self.alpha),
        }
        if self.solver not in STOCHASTIC_SOLVERS:
            settings |= {"tol": float(self.tol), "max_fun": int(self.max_fun), "epochs": int(self.max_iter)}
        else:
            settings |= {"batch": batch, "learning_rate": float(self.learning_rate_init)}
        if self.solver == "sgd":
            settings["momentum"] = float(self.momentum)
            settings["nesterov"] = bool(self.nesterovs_momentum) and self.momentum > 0
        elif self.solver == "adam":
            settings |= {"beta1": float(self.beta_1), "beta2": float(self.beta_2), "epsilon": float(self.epsilon)}
        for name in ("huber_delta", "quantile"):
            if hasattr(self, name):
                settings[name] = float(getattr(self, name))
        return settings

    # --- The network ---------------------------------------------------------------------------------------------

    def _new_network(self, sizes: list[int], dtype: np.dtype[Any], seed: int | None) -> Any:
        """As the parameters say, with weights of that seed, or 0."""
        hidden = self._hidden_activations(len(sizes) - 2)
        output = self._output_activation() if self.output_activation is None else self.output_activation
        self._check_output(ACTIVATIONS.get(output, output), sizes[-1])
        self.out_activation_ = output
        return _core.Network(sizes, hidden, ACTIVATIONS.get(output, output), self.convention, float(self.leaky_slope),
                             np.dtype(dtype).name, seed)

    def _go_on_with(self, sizes: list[int], incremental: bool) -> None:
        """The network there is, as the parameters now say: other activations, another convention or precision keep its
        weights, as scikit-learn's do."""
        now = self._network.described()
        if now["sizes"] != sizes:
            anew = "fit() on a clone begins anew" if incremental else "warm_start=False begins anew"
            raise ValueError(f"the network that is gone on with has layers of {now['sizes']}, the parameters and X ask "
                             f"for {sizes}; {anew}")
        dtype = self._dtype if self.dtype is None else np.dtype(self.dtype)
        asked = self._new_network(sizes, dtype, None)
        if asked.described() == now:
            return
        asked.flat()[...] = self._network.flat()
        self._network = asked
        self.__dict__.pop("_optimizer", None)  # it remembers slopes of another function

    def _initialize(self, y: Array, sizes: list[int], dtype: np.dtype[Any]) -> None:
        seed = None if self.convention == "sklearn" else int(self._random_state.randint(np.iinfo(np.int32).max))
        self._network = self._new_network(sizes, dtype, seed)
        if seed is None:
            self._draw_weights(sizes)
        self.n_iter_ = 0
        self.t_ = 0
        self.n_layers_ = len(sizes)
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        judged = self._is_judged()
        self.validation_scores_: list[float] | None = [] if judged else None
        self.best_validation_score_: Any = -np.inf if judged else None
        self.best_loss_: Any = None if self.early_stopping else np.inf

    def _check_output(self, output: str, outputs: int) -> None:
        """Refuses what can only be a mistake: a share of a single output is always 1."""
        if output == "softmax" and outputs == 1:
            _refuse("output_activation", output, "another than softmax, which makes a single output always 1")

    def _draw_weights(self, sizes: list[int]) -> None:
        """The draws of scikit-learn, one after the other: uniform, of Glorot's bound, biases too."""
        numbers = self._network.arrays()
        factor = 2.0 if self._hidden_activations(max(1, len(sizes) - 2))[0] == "sigmoid" else 6.0
        for layer, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:]), start=1):
            bound = np.sqrt(factor / (fan_in + fan_out))
            numbers[f"linear{layer}.weight"][...] = self._random_state.uniform(-bound, bound, (fan_in, fan_out)).T
            numbers[f"linear{layer}.bias"][...] = self._random_state.uniform(-bound, bound, fan_out)

    def _parameters(self, kind: str) -> list[Array]:
        network = self.__dict__.get("_network")
        if network is None:
            raise AttributeError(f"{type(self).__name__!r} object has no parameters before it is fitted")
        return [array for name, array in network.arrays().items() if name.endswith(kind)]

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (fan_in, fan_out); arrays over the network's memory, to be changed as you like."""
        return _Views(weight.T for weight in self._parameters(".weight"))

    @coefs_.setter
    def coefs_(self, weights: list[Array]) -> None:
        self._take_parameters(".weight", [np.asarray(weight).T for weight in weights])

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, likewise."""
        return _Views(self._parameters(".bias"))

    @intercepts_.setter
    def intercepts_(self, biases: list[Array]) -> None:
        self._take_parameters(".bias", [np.asarray(bias) for bias in biases])

    def _take_parameters(self, kind: str, given: list[Array]) -> None:
        own = self._parameters(kind)
        if [array.shape for array in own] != [array.shape for array in given]:
            raise ValueError("the parameters must have the shapes of the network's own")
        for array, numbers in zip(own, given):
            array[...] = numbers

    @property
    def _dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self._network.dtype)
        return dtype

    # --- Fitting -------------------------------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Self:
        self._check_parameters()
        X, y = without_mask(X, "X"), without_mask(y, "y")
        sizes = self._hidden_sizes()
        first = "_network" not in self.__dict__ or (not self.warm_start and not incremental)
        X, y = self._validate_input(X, y, incremental, reset=first)
        sample_weight = self._weights(X, y, sample_weight)
        X = X.toarray() if issparse(X) else X
        targets = self._encode(y)
        self.n_outputs_ = targets.shape[1]
        self._random_state = check_random_state(self.random_state)
        sizes = [X.shape[1], *sizes, targets.shape[1]]
        if first:
            self._initialize(targets, sizes, X.dtype)
        else:
            self._go_on_with(sizes, incremental)
        if self.solver not in STOCHASTIC_SOLVERS:
            self._minimise(X, targets, sample_weight)
        else:
            self._run(X, targets, sample_weight, incremental)
        return self

    def _weights(self, X: Any, y: Any, sample_weight: Any) -> Array | None:
        class_weight = getattr(self, "class_weight", None)
        if sample_weight is None and class_weight is None:
            return None
        weights: Array = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if class_weight is not None:
            weights = weights * compute_sample_weight(class_weight, y)
            if not (np.isfinite(weights).all() and np.min(weights) >= 0):
                raise ValueError("class_weight: the weights must be finite numbers that are not negative")
        if not np.sum(weights) > 0:
            raise ValueError("sample_weight: the weights are all 0, so that no row counts")
        return weights

    def _is_judged(self) -> bool:
        return bool(self.early_stopping) or self.validation_data is not None

    def _held_out(self, X: Array, y: Array, weights: Array | None) -> tuple[Any, Any]:
        """The rows to learn from, and those that judge each epoch: the user's own, else a share; None without."""
        if self.validation_data is not None:
            return (X, y, weights), self._own_validation()
        if not self.early_stopping:
            return (X, y, weights), None
        stratify = y.astype(bool) if is_classifier(self) and self.n_outputs_ == 1 else None
        arrays = [X, y] if weights is None else [X, y, weights]
        parts = train_test_split(*arrays, random_state=self._random_state, test_size=self.validation_fraction,
                                 stratify=stratify)
        learned, judged = tuple(parts[0::2]), tuple(parts[1::2])
        if judged[0].shape[0] < 2:
            raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your "
                             "dataset.")
        none = () if weights is not None else (None,)
        return learned + none, judged + none

    def _own_validation(self) -> tuple[Array, Array, Array | None]:
        given = tuple(self.validation_data)
        if len(given) not in (2, 3):
            _refuse("validation_data", type(self.validation_data).__name__, "a pair (X, y), or (X, y, sample_weight)")
        X, y = self._validate_input(given[0], given[1], True, reset=False)
        if self._score_kind() == "r2" and X.shape[0] < 2:
            raise ValueError("validation_data: R2 of a single row is not defined; two rows are needed at least")
        weights = _check_sample_weight(given[2], X, ensure_non_negative=True) if len(given) == 3 else None
        if weights is not None and not np.sum(weights) > 0:
            raise ValueError("validation_data: the weights are all 0, so that no row counts")
        return (X.toarray() if issparse(X) else X), self._encode(y), weights

    def _run(self, X: Array, y: Array, weights: Array | None, incremental: bool) -> None:
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        (X, y, weights), judges = self._held_out(X, y, weights)
        dtype = self._dtype
        X, y = np.ascontiguousarray(X, dtype), np.ascontiguousarray(y, dtype)
        weights = _in_precision(weights, dtype)
        goes_on = incremental and "_optimizer" in self.__dict__
        if not goes_on:
            self._optimizer = _Optimizer(float(self.learning_rate_init))
        training = _core.Training(self._network, X, y, weights, self._settings(len(X)), self._optimizer.state,
                                  threads_of(self.n_jobs))
        epochs = _Epochs(self, self._optimizer)
        try:
            with ExitStack() as shown:
                if self.verbose == BAR:
                    epochs.bar = shown.enter_context(Bar(1 if incremental else self.max_iter))
                self._advance(training, epochs, y, weights, self._judge_of(judges), incremental)
        except KeyboardInterrupt:
            training.store(self._network)
            warnings.warn("Training interrupted by user.")
        except DivergedError as error:
            training.store(self._network)
            self._after_divergence(error, X)
        self._optimizer.state = training.optimizer()
        if epochs.best is not None:
            self._network.flat()[...] = epochs.best

    def _minimise(self, X: Array, y: Array, weights: Array | None) -> None:
        """L-BFGS or Levenberg-Marquardt over all rows at once, in double whatever the network's precision. They end when
        no number of the gradient is larger than tol; lbfgs also, as scikit-learn's, when the loss falls by no more than
        SciPy's usual ftol asks for."""
        dtype = self._dtype
        X, y = np.ascontiguousarray(X, dtype), np.ascontiguousarray(y, dtype)
        weights = _in_precision(weights, dtype)
        training = _core.Training(self._network, X, y, weights, self._settings(len(X)), None, threads_of(self.n_jobs))
        self.n_iter_ = 0
        ended = training.done()
        before = np.inf
        try:
            while ended is None:
                _, loss, _, step = training.next()
                self.n_iter_ += step > 0.0
                ended = training.done()
                if self._prints():
                    print(f"Iteration, loss = {loss:.8f}")
                fallen = before - loss > FTOL * max(abs(before), abs(loss), 1.0) or not math.isfinite(before)
                if ended is None and self.solver == "lbfgs" and not fallen:
                    ended = "no_progress"
                before = loss
            if ended in ("epochs", "evaluations"):
                limit = "max_iter" if ended == "epochs" else "max_fun"
                warnings.warn(f"{self.solver} failed to converge after {self.n_iter_} iteration(s): the limit {limit} was reached. "
                              "More iterations (max_iter) or scaled columns usually help", ConvergenceWarning)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.")
        except DivergedError:
            ended = "diverged"
        training.store(self._network)
        if ended == "diverged" or not np.isfinite(self._network.flat()).all():
            del self._network
            raise ValueError("Solver produced non-finite parameter weights. The input data may contain large values "
                             "and need to be preprocessed.")
        divisor, shift = self._loss_as_reported(y, weights)
        history = training.history()
        self.loss_ = (history[-1][1] - shift) / divisor if history else np.nan

    def _judge_of(self, judges: Any) -> Any:
        if judges is None:
            return None
        X, y, weights = judges
        dtype = self._dtype
        X, y = np.ascontiguousarray(X, dtype), np.ascontiguousarray(y, dtype)
        weights = None if weights is None else np.ascontiguousarray(weights, np.float64)
        return lambda: self._network.score(X, y, weights, self._score_kind())

    def _advance(self, training: Any, epochs: _Epochs, y: Array, weights: Any, judge: Any, incremental: bool) -> None:
        rows = len(y)
        most = 1 if incremental else self.max_iter
        order = np.arange(rows)
        divisor, shift = self._loss_as_reported(y, weights)
        self.n_iter_ = 0
        while self.n_iter_ < most:
            if self.shuffle:
                drawn = np.arange(rows)
                self._random_state.shuffle(drawn)
                order = order[drawn]
            self.loss_ = (training.advance(order, epochs.optimizer.learning_rate) - shift) / divisor
            self.n_iter_ += 1
            self.t_ += rows
            self.loss_curve_.append(self.loss_)
            if self._prints():
                print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
            self._judge_epoch(training, epochs, judge)
            if epochs.bar is not None:
                scores = self.validation_scores_ or [math.nan]
                epochs.bar.step(loss=self.loss_, validation_score=scores[-1])
            epochs.next_rate()
            if epochs.stops("Validation score" if self.early_stopping else "Training loss"):
                break
            if self.n_iter_ == self.max_iter and not incremental:
                warnings.warn(f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                              "optimization hasn't converged yet.", ConvergenceWarning)
        training.store(self._network)

    def _judge_epoch(self, training: Any, epochs: _Epochs, judge: Any) -> None:
        if judge is not None and self.validation_scores_ is not None:
            training.store(self._network)
            score = judge()
            self.validation_scores_.append(score)
            if self._prints():
                print(f"Validation score: {score:f}")
            if self.early_stopping:
                epochs.judge(not score < self.best_validation_score_ + self.tol)
            if score > self.best_validation_score_:
                self.best_validation_score_ = score
                keeps = self.early_stopping if self.restore_best is None else self.restore_best
                epochs.best = self._network.flat().copy() if keeps else None
        if not self.early_stopping:
            epochs.judge(not self.loss_ > self.best_loss_ - self.tol)
            self.best_loss_ = min(self.best_loss_, self.loss_)

    def _after_divergence(self, error: Exception, X: Array) -> None:
        """An epoch that is not finite ends the training. What there was before it is kept where it is of use: with none
        before it, or with weights that already answer no numbers, there is nothing to keep."""
        advice = "The input data may contain large values and need to be preprocessed."
        with np.errstate(over="ignore", invalid="ignore"):
            of_use = self._is_judged() or (self.t_ > 0 and bool(np.isfinite(self._network.outputs(X)).all()))
        if not of_use:
            del self._network
            raise ValueError(f"Solver produced non-finite parameter weights. {advice} ({error})") from error
        self.loss_ = math.nan
        self.n_iter_ += 1
        self.loss_curve_.append(self.loss_)
        if self.validation_scores_ is not None:
            self.validation_scores_.append(math.nan)
        warnings.warn(f"{error}. {advice}", ConvergenceWarning)

    def _loss_as_reported(self, y: Array, weights: Array | None) -> tuple[float, float]:
        """What scikit-learn's printed loss is divided by, and less, than the function that both differentiate."""
        if self.convention != "sklearn":
            return 1.0, 0.0
        if self.loss == "squared_error":
            return float(y.shape[1]), 0.0
        if self.loss == "poisson":
            weights = None if weights is None else np.ascontiguousarray(weights, np.float64)
            return 1.0, _core.least_loss("poisson", np.ascontiguousarray(y, np.float64), weights)
        return 1.0, 0.0

    # --- Answers -------------------------------------------------------------------------------------------------

    def _outputs(self, X: Any) -> Array:
        """What the network puts out, (rows, outputs), in the precision of X or of the weights, whichever is the higher."""
        network: Any = self.__dict__.get("_network")
        if network is None:
            check_is_fitted(self)
        answers: Array | None
        if type(X) is np.ndarray and "feature_names_in_" not in self.__dict__:
            answers = network.outputs_if_plain(X)
            if answers is not None:
                return answers
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        wanted = np.result_type(X.dtype, network.dtype)  # as products of such arrays have it
        X = X.toarray() if issparse(X) else X
        values: Array = network.outputs(np.ascontiguousarray(X, network.dtype)).astype(wanted, copy=False)
        return values

    def _can_go_on(self) -> bool:
        if self.solver not in STOCHASTIC_SOLVERS:
            raise AttributeError(f"partial_fit is only available for stochastic optimizers. {self.solver} is not "
                                 "stochastic.")
        return True

    def jacobian(self, X: Any) -> Array:
        """The derivative of each output by each input, (rows, outputs, features); of a classifier the outputs are the
        probabilities that the network puts out: of the second class for two, of every class for more."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        X = X.toarray() if issparse(X) else X
        J: Array = self._network.jacobians(np.ascontiguousarray(X, self._network.dtype))
        return J

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a model file, which load() makes this estimator of and the program `handgrad` reads: its columns are
        feature_names_in_, or x1, x2 ..., as they stand. What of the parameters is no number, text or list, dict or
        array of them (a random generator, a validation set of frames) is left out, and so is what the optimizer remembers, which pickle keeps:
        partial_fit() goes on with the weights and begins with an optimizer of its own. Raises ModelError for classes
        that a file cannot hold."""
        check_is_fitted(self)
        names = self.__dict__.get("feature_names_in_")
        model = self._core_model()
        parameters = noted(self.get_params(deep=False))
        fitted = {name: value for name, value in self.__dict__.items() if name in KEPT and is_json(value)}
        model.note(NOTE, json.dumps({"kind": type(self).__name__, "parameters": parameters, "fitted": fitted,
                                     "named": names is not None} | self._noted()))
        model.save(os.fspath(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator that save() wrote. Raises ModelError for a file that is no sound model, or of another kind."""
        model = _core.load_model(os.fspath(path), False)
        note = json.loads(model.noted(NOTE) or "{}")
        if note.get("kind") != cls.__name__:
            kind = note.get("kind", "a model that no estimator has written; handgrad.load(path) opens it")
            raise ModelError(f"{os.fspath(path)}: this is not {cls.__name__}, but {kind}")
        own = cls(**{name: read_back(value) for name, value in note["parameters"].items()})
        for name, value in note["fitted"].items():
            setattr(own, name, value)
        own._network = model.network()
        own.n_features_in_ = len(model.features)
        if note["named"]:
            own.feature_names_in_ = np.asarray(model.features, dtype=object)
        own._take_model(model, note)
        return own

    def _core_model(self) -> Any:
        """As a model: its columns as they stand are feature_names_in_, or x1, x2 ..., what it learned is y, y1, y2 ... or
        class, with underscores behind where a feature is called so."""
        names = self.__dict__.get("feature_names_in_")
        features = [f"x{i}" for i in range(1, self.n_features_in_ + 1)] if names is None else [str(name) for name in names]
        targets = [free_name(name, features) for name in self._target_names()]
        settings = self._settings(self.n_features_in_)
        return _core.model_of_network(self._network, features, targets, *self._class_names(), self._task(),
                                      settings["loss"], float(self.alpha), settings.get("huber_delta", 1.0),
                                      settings.get("quantile", 0.5))

    def _noted(self) -> dict[str, Any]:
        """What save() notes beside that."""
        return {}

    def _take_model(self, model: Any, note: dict[str, Any]) -> None:
        """What load() has to set beside that."""

    def _target_names(self) -> list[str]:
        return ["y"] if self.n_outputs_ == 1 else [f"y{i}" for i in range(1, self.n_outputs_ + 1)]

    def _class_names(self) -> tuple[list[str], bool]:
        return [], False

    def _task(self) -> str:
        return "regression"

    def to_mlp(self) -> Mlp:
        """A copy of the fitted network, for everything that handgrad.Mlp does."""
        from handgrad.network import copy_of

        check_is_fitted(self)
        return copy_of(self._network)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "_network" in self.__dict__


class MLPRegressor(RegressorMixin, _Mlp):  # type: ignore[misc,unused-ignore]
    """Multi-layer perceptron for regression; see sklearn.neural_network.MLPRegressor for what is the same.

    Beyond it: the losses absolute_error, huber (huber_delta) and quantile (quantile); output_activation; convention
    ('sklearn', or 'handgrad' and 'pytorch' for theirs); dtype (None: that of X); n_jobs (threads: None is one, -1 all; no bit of a result depends on it);
    validation_data, a pair (X, y) that judges each epoch; restore_best (None: with early stopping); verbose='bar', a
    progress bar where scikit-learn prints a line an epoch.
    """

    _loss_names = {name: name for name in ("squared_error", "poisson", "absolute_error", "huber", "quantile")}

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int | str = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        output_activation: str | None = None,
        huber_delta: float = 1.0,
        quantile: float = 0.5,
        leaky_slope: float = 0.01,
        convention: str = "sklearn",
        dtype: Any = None,
        n_jobs: int | None = None,
        validation_data: tuple[Any, ...] | None = None,
        restore_best: bool | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.output_activation = output_activation
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.leaky_slope = leaky_slope
        self.convention = convention
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.validation_data = validation_data
        self.restore_best = restore_best

    def _output_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _score_kind(self) -> str:
        return "r2"

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
                             dtype=self._number_type(), reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and np.any(y < 0):
            raise ValueError("loss='poisson' needs targets that are not negative; y has some that are")
        return X, y

    def _encode(self, y: Array) -> Array:
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns from X (rows, features), dense or sparse, and y (rows,) or (rows, outputs). Returns self."""
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(lambda self: self._can_go_on())  # type: ignore[untyped-decorator,unused-ignore]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch more, over these rows. Returns self."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """The values for X, (rows,) or (rows, outputs)."""
        values = self._outputs(X)
        return values.ravel() if values.shape[1] == 1 else values


class MLPClassifier(ClassifierMixin, _Mlp):  # type: ignore[misc,unused-ignore]
    """Multi-layer perceptron for classes; see sklearn.neural_network.MLPClassifier for what is the same.

    Beyond it: class_weight (a dict or 'balanced'), and what MLPRegressor adds.
    """

    _loss_names = {"log_loss": "cross_entropy"}

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int | str = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: str = "log_loss",
        output_activation: str | None = None,
        leaky_slope: float = 0.01,
        convention: str = "sklearn",
        dtype: Any = None,
        n_jobs: int | None = None,
        validation_data: tuple[Any, ...] | None = None,
        class_weight: dict[Any, float] | str | None = None,
        restore_best: bool | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.output_activation = output_activation
        self.leaky_slope = leaky_slope
        self.convention = convention
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.validation_data = validation_data
        self.class_weight = class_weight
        self.restore_best = restore_best

    @property
    def _several_labels(self) -> bool:
        return str(self._label_binarizer.y_type_).startswith("multilabel")

    def _output_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _settings(self, rows: int) -> dict[str, Any]:
        settings = super()._settings(rows)
        if self.out_activation_ != "softmax":
            settings["loss"] = "binary_cross_entropy"
        return settings

    def _check_output(self, output: str, outputs: int) -> None:
        expected = "softmax" if self._output_activation() == "softmax" else "sigmoid"
        if output != expected:
            _refuse("output_activation", output, f"None or {expected!r} for these classes, as other outputs are no probabilities")

    def _target_names(self) -> list[str]:
        return super()._target_names() if self._several_labels else ["class"]

    def _class_names(self) -> tuple[list[str], bool]:
        """The classes as the file's readers are told them, and whether these are numbers that doubles tell apart."""
        if self._several_labels:
            return [], False
        names = [str(each) for each in self.classes_]
        if len(set(names)) < len(names):
            raise ModelError("some classes have the same text, so that a file cannot tell them apart")
        numbers = np.issubdtype(np.asarray(self.classes_).dtype, np.number)
        return names, bool(numbers and len(set(np.asarray(self.classes_, float))) == len(names))

    def _noted(self) -> dict[str, Any]:
        classes = np.asarray([]) if self._several_labels else np.asarray(self.classes_)
        values = classes.tolist()
        if not is_json(values):
            raise ModelError(f"save: classes of {classes.dtype} cannot be written; take texts, numbers or booleans")
        return {"classes": {"dtype": classes.dtype.str, "values": values}}

    def _task(self) -> str:
        return "multilabel" if self._several_labels else "classification"

    def _take_model(self, model: Any, note: dict[str, Any]) -> None:
        """The classes, of the type that they had."""
        if model.task == "multilabel":
            zeros = np.zeros((1, self.n_outputs_), int)
            self._label_binarizer = LabelBinarizer().fit(np.vstack([zeros, 1 - zeros]))
        else:
            classes = note["classes"]
            self._label_binarizer = LabelBinarizer().fit(np.asarray(classes["values"], dtype=classes["dtype"]))
        self.classes_ = self._label_binarizer.classes_

    def _score_kind(self) -> str:
        return "labels" if self._several_labels else "accuracy"

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=self._number_type(),
                             reset=reset)
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if "classes_" not in self.__dict__ or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return X, y
        classes = unique_labels(y)
        if self.warm_start and not incremental and set(classes) != set(self.classes_):
            raise ValueError("warm_start can only be used where `y` has the same classes as in the previous call to "
                             f"fit. Previously got {self.classes_}, `y` has {classes}")
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError("`y` has classes not in `self.classes_`. "
                             f"`self.classes_` has {self.classes_}. 'y' has {classes}.")
        return X, y

    def _encode(self, y: Any) -> Array:
        encoded = self._label_binarizer.transform(y)
        return np.asarray(encoded.toarray() if issparse(encoded) else encoded, np.float64)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns from X (rows, features), dense or sparse, and classes y (rows,), or 0 and 1 of several labels,
        (rows, labels). Returns self."""
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(lambda self: self._can_go_on())  # type: ignore[untyped-decorator,unused-ignore]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """One epoch more, over these rows; the first call needs all classes that will ever come. Returns self."""
        if "classes_" not in self.__dict__:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self._take_classes(y, classes)
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                             f"{self.classes_!r}")
        return self._fit(X, y, sample_weight, incremental=True)

    def _take_classes(self, y: Any, classes: Any) -> None:
        several = type_of_target(y).startswith("multilabel")
        self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        self.classes_ = unique_labels(classes)

    def predict(self, X: Any) -> Array:
        """The classes of X, (rows,), or 0 and 1 of each label, (rows, labels)."""
        yhat = self._outputs(X)
        classes: Array = self.classes_
        if self._several_labels:
            labels = (yhat > 0.5).astype(int)
            sparse: Any = self._label_binarizer.sparse_input_  # as y was
            return csr_matrix(labels) if sparse else labels
        if yhat.shape[1] > 1:
            several: Array = classes[yhat.argmax(axis=1)]
            return several
        if len(classes) == 1:
            return np.repeat(classes, len(yhat))
        one_of_two: Array = classes[(yhat[:, 0] > 0.5).astype(int)]
        return one_of_two

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (rows, classes), in the order of classes_."""
        yhat = self._outputs(X)
        if yhat.shape[1] > 1 or self._several_labels:
            return yhat
        return np.hstack([1 - yhat, yhat])

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of predict_proba()."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
