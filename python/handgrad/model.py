"""From a table to a model in one call, and what a model answers."""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handgrad import _core
from handgrad._arrays import at_most, texts
from handgrad._progress import Bar
from handgrad._results import Info, Result, axes, finite, frame
from handgrad.errors import DivergedError, UsageError
from handgrad.network import Mlp
from handgrad.table import READING, column_names, name_text, names, read, read_beside, reading_of, target_columns

__all__ = ["Fit", "Jacobian", "Model", "fit", "import_model", "load"]

SETTINGS = {facts["name"]: facts for facts in _core.setting_facts()}
ALIASES = {other: name for name, facts in SETTINGS.items() for other in facts["other_names"].split(",") if other}
TEXT_LISTS = ("target", "drop", "id", "categorical", "monotone", "hidden_activation")
DTYPES = {"float32": "f32", "float64": "f64", "f4": "f32", "f8": "f64"}  # NumPy's names of them
LINES_IN_A_LOG = 20
# What a model's file says of classes that stand in it as texts and were something else, and how they become it again.
LABELS_NOTE = "python.labels"
LABELS: dict[str, Callable[[str], Any]] = {"text": str, "bool": lambda text: text == "True", "int": int}


# --- Settings --------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's own."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _check_choice(name: str, value: Any) -> None:
    choices = SETTINGS[name]["choices"]
    for one in value if isinstance(value, list) else [value]:
        if choices and isinstance(one, str) and one not in choices:
            raise UsageError(f"{name}: {one!r} is not one of {', '.join(choices)}{_core.near_name(one, choices)}")


def settings_of(given: dict[str, Any]) -> dict[str, Any]:
    """Settings by the library's names, in its types; those that are None are left to it."""
    settings: dict[str, Any] = {}
    for given_name, given_value in given.items():
        name = ALIASES.get(given_name, given_name)
        if name not in SETTINGS:
            known = [*SETTINGS, *READING]
            raise TypeError(f"{given_name!r} is not a setting{_core.near_name(given_name, known)}; there are: "
                            f"{', '.join(known)}")
        value = _plain(given_value)
        if value is None:
            continue
        if name in TEXT_LISTS:
            value = names(value, name)
        elif name == "hidden":
            value = [_plain(width) for width in value] if isinstance(value, (list, tuple)) else [value]
            value = [] if value == ["none"] else value
        elif name == "dtype":
            value = DTYPES.get(value, value)
        _check_choice(name, value)
        settings[name] = value
    return settings


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


# --- Training --------------------------------------------------------------------------------------------------------


def _value_text(value: float) -> str:
    return _core.number_text(value, 4)


class _Listener:
    """Keeps the notices, and shows or hands on what happens."""

    def __init__(self, progress: bool | str | Callable[[str, Any], None]) -> None:
        if isinstance(progress, str) and progress != "bar":
            raise UsageError(f"progress = {progress!r} is not True, False, 'bar' or a function")
        self.notices: list[str] = []
        self.progress = progress
        self._bars: dict[str, Bar] = {}  # of the first training, and of the second on all rows

    def __call__(self, what: str, said: Any) -> None:
        if what == "notice":
            self.notices.append(said)
        if callable(self.progress):
            self.progress(what, said)
        elif self.progress == "bar" and what in ("epoch", "refit_epoch"):
            self._step(what, said)
        elif self.progress:
            self._show(what, said)

    def _step(self, what: str, epoch: dict[str, Any]) -> None:
        if what not in self._bars:
            self.close()
            self._bars[what] = Bar(epoch["epochs"], "epochs" if what == "epoch" else "epochs on all rows")
        self._bars[what].step(loss=epoch["loss"], validation_loss=epoch["validation_loss"], **epoch["metrics"])

    def close(self) -> None:
        """Ends what is drawn."""
        for bar in self._bars.values():
            bar.close()

    def _show(self, what: str, said: Any) -> None:
        if what == "notice":
            print(said, file=sys.stderr)
        elif what == "start":
            print(f"rows: {said['training_rows']} to learn from, {said['validation_rows']} for validation, "
                  f"{said['test_rows']} for test; {said['features']} features\n\n{said['layers']}", file=sys.stderr)
        elif what in ("epoch", "refit_epoch"):
            every = max(1, math.ceil(said["epochs"] / LINES_IN_A_LOG))
            if said["epoch"] % every == 0:
                print(self._line(said), file=sys.stderr, flush=True)

    @staticmethod
    def _line(epoch: dict[str, Any]) -> str:
        line = f"epoch {epoch['epoch']:>{len(str(epoch['epochs']))}}/{epoch['epochs']}"
        line += f"  loss {_value_text(epoch['loss']):<9}"
        if not math.isnan(epoch["validation_loss"]):
            line += f"  val {_value_text(epoch['validation_loss']):<9}"
        for name, value in list(epoch["metrics"].items())[:1]:
            line += f"  {name} {value:.4f}"
        return line


@dataclass(frozen=True, repr=False)
class Fit(Result):
    """A finished training: the model, and what is to be known of it. Printed it is what the program says at the end."""

    model: Model
    metrics: dict[str, dict[str, float]]  #: of `train` and, where there are such rows, `validation` and `test`
    baseline: dict[str, float]  #: of who always gives the same answer ...
    baseline_on: str  #: ... on these rows
    epochs: int  #: that were run
    best_epoch: int  #: whose weights the model has
    seconds: float
    stopped: str  #: `epochs`, `early`, `gradient`, `no_progress`, `evaluations`, `interrupted` or `diverged`
    history: dict[str, np.ndarray]  #: losses, metrics and what was measured, by epoch
    notices: list[str]  #: what was decided, and by which setting it can be overruled
    warnings: list[str]  #: what should be known before the model is trusted
    text: str = field(default="", repr=False)

    def __repr__(self) -> str:
        scores = ", ".join(f"{name} {_value_text(value)}" for name, value in next(iter(self.metrics.values())).items())
        return f"<handgrad.Fit of {self.epochs} epochs, {next(iter(self.metrics))}: {scores}>"

    def to_frame(self) -> Any:
        """The history as a DataFrame, a row an epoch."""
        return frame(self.history)

    def plot(self, ax: Any = None) -> Any:
        """The learning curve: losses by epoch. Returns the axes of matplotlib."""
        return self.model.plot_history(ax)


def fit(table: Any, target: Any = None, *, validation: Any = None, test: Any = None,
        progress: bool | str | Callable[[str, Any], None] = False, diagnose: bool = False, threads: int = 0,
        **settings: Any) -> Fit:
    """Trains a network on a table: decides what is not said, scales, encodes, trains, judges.

    table: a DataFrame, anything with Arrow's capsules, a dict of columns, an array (rows, columns; x1, x2 ...) or the
    path of a file. target: the name of the column to learn, or a list of names; or its values, (rows,) or (rows,
    targets), which then are called y (or by the Series' name). A list of texts are names where all are columns, and else
    labels; an array is never names. validation, test: a share of the rows, or a table of its
    own. progress: True prints to standard error, 'bar' draws a bar there or in the notebook; a function is called with (what, said): 'notice' and a text, 'start',
    'epoch', 'refit', 'refit_epoch' and a dict. diagnose: measure after each epoch how the gradient reaches each layer.
    threads: at most so many work; 0: all. Neither changes a bit of the result.

    Everything else by the names of the program's options: hidden=(64, 32), epochs=100, learning_rate=1e-3, seed=0 ...;
    None leaves it to the library. How a table is read: missing, missing_only, thousands, percent, currency, date, and of
    files delimiter, decimal, header.

    Ctrl-C ends the training and keeps what was reached, with a warning; fit.stopped is then 'interrupted'. Raises
    UsageError, DataError; DivergedError at a value that is not finite, whose attribute `fit` has the last good weights.
    """
    given_reading = {name: settings.pop(name) for name in READING if name in settings}
    categorical = settings_of({"categorical": settings.get("categorical")}).get("categorical", [])

    def reading_for(targets: list[str]) -> _core.Reading:
        return reading_of({**given_reading, "target": targets, "categorical": categorical})

    data = read(table, reading_for(_may_be_names(target, table)))
    targets, values = _target_of(target, table, data)
    chosen = settings_of({**settings, "target": targets})
    if data is not table:
        data.reading = reading_for(targets)
    if values is not None:
        if data is table:  # which is somebody's, and not to be changed
            raise UsageError("target: of a table that has been read already name the columns to learn")
        data.join(read_beside(values, data.reading, "target"))
    tables: dict[str, Any] = {}
    for name, held_out in (("validation", validation), ("test", test)):
        if _is_share(held_out):
            chosen[name] = float(held_out)
        elif held_out is not None:
            tables[name] = read(held_out, data.reading, name)
    listener = _Listener(progress)
    for text in [*data.notices, *(f"warning: {warning}" for warning in data.warnings)]:
        listener("notice", text)
    try:
        made = _core.fit(data, chosen, tables.get("validation"), tables.get("test"), listener, diagnose, at_most(threads))
    finally:
        listener.close()
    return _finished(made, listener.notices)


def _finished(made: dict[str, Any], notices: list[str]) -> Fit:
    model = Model(made.pop("model"))
    diverged, usable = made.pop("diverged"), made.pop("usable")
    for name in ("refitted", "undefined"):
        made.pop(name)
    result = Fit(model=model, history=model.history, notices=notices, **made)
    if result.stopped == "interrupted":
        warnings.warn(f"training was interrupted after {result.epochs} epochs; the model holds what was reached",
                      stacklevel=3)
    if diverged is not None or not usable:
        error = DivergedError(diverged or "what the model says of the rows that it learned from are no numbers")
        error.fit = result
        raise error
    return result


def _may_be_names(target: Any, table: Any) -> list[str]:
    """What `target` names, if it names columns: a text, a list of texts, or what the table calls columns that is no text
    (whole numbers, the levels of a MultiIndex)."""
    if target is None:
        raise UsageError("target is missing: say which column to learn, or give its values")
    if isinstance(target, str):
        return [target]
    there = column_names(table) or []
    if isinstance(target, (int, np.integer, tuple)) and target in there:
        return [name_text(target)]
    if not isinstance(target, (list, tuple)) or len(target) == 0:
        return []
    if all(isinstance(name, str) for name in target) or all(
            isinstance(name, (int, np.integer, tuple)) and name in there for name in target):
        return [name_text(name) for name in target]
    return []


def _target_of(target: Any, table: Any, data: _core.Table) -> tuple[list[str], Any]:
    """The names of the targets, and their values where these were given."""
    named = _may_be_names(target, table)
    columns = {*data.columns, *map(name_text, column_names(table) or [])}
    is_list = isinstance(target, (list, tuple)) and [*map(name_text, target)] == named
    if named and (data is table or not is_list or not _are_labels(named, columns, data.rows)):
        return named, None
    values = target_columns(target, columns)
    return list(values), values


def _are_labels(texts: list[str], columns: set[str], rows: int) -> bool:
    """Whether a list of texts are labels, one a row, and not names of columns. Raises UsageError where they may be both,
    or neither."""
    are_names = columns.issuperset(texts) and len(set(texts)) == len(texts)
    if are_names and len(texts) == rows:
        raise UsageError(f"target: {texts[0]!r} ... are names of columns, and as many as there are rows; if they are labels, "
                         "give them as an array")
    if are_names or len(texts) == rows:
        return not are_names
    unknown = next((text for text in texts if text not in columns), texts[0])
    raise UsageError(f"target: {unknown!r} is no column{_core.near_name(unknown, sorted(columns))}, or stands twice; as "
                     f"labels there are {len(texts)} for {rows} rows")


# --- A model ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Jacobian:
    """The derivative of each output by each input at each row of a table, in the user's units."""

    values: np.ndarray  #: (rows, outputs, inputs)
    outputs: list[str]  #: what is derived: the targets, p(CLASS) of a classifier
    inputs: list[str]  #: by what: columns of numbers, COLUMN=CATEGORY

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=True) if copy else np.asarray(self.values, dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def __getitem__(self, key: Any) -> Any:
        return self.values[key]

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"<handgrad.Jacobian of {len(self)} rows: d({', '.join(self.outputs)})/d({', '.join(self.inputs)})>"

    def to_frame(self) -> Any:
        """A DataFrame with a column d(OUTPUT)/d(INPUT) for each, a row a row."""
        columns = [f"d({out})/d({by})" for out in self.outputs for by in self.inputs]
        flat = self.values.reshape(len(self), -1)
        return frame({name: flat[:, i] for i, name in enumerate(columns)})


def load(path: str | os.PathLike[str], *, allow_nonfinite: bool = False) -> Model:
    """The model of a file that Model.save() or the program wrote. Raises FileError; ModelError for what is no sound
    model, also for weights that are not finite unless these are allowed."""
    return Model(_core.load_model(os.fspath(path), allow_nonfinite))


def import_model(path: str | os.PathLike[str], *, hidden_activation: str | Sequence[str] = (),
                 output_activation: str | None = None, leaky_slope: float | None = None, inputs: Sequence[str] = (),
                 targets: Sequence[str] = ()) -> Model:
    """The model of another program's network, with `notices`, what was assumed for it: ONNX (a chain of Gemm, or MatMul and
    Add, and activations), PyTorch's weights as safetensors, NPZ (W1 and b1, or scikit-learn's coefs_0 and intercepts_0).

    hidden_activation, output_activation, leaky_slope: what files of weights alone do not say (the output: identity).
    inputs, targets: names of the columns; else x1, x2 ... and y. Softmax at the end makes classes 0, 1 ..., one sigmoid
    the classes 0 and 1, several labels, anything else a regression. Raises FileError; ModelError for a file that is not
    sound or holds another kind of network; UsageError for arguments that do not fit it."""
    made, notices = _core.import_model(os.fspath(path), texts(hidden_activation, "hidden_activation"), output_activation,
                                       leaky_slope, texts(inputs, "inputs"), texts(targets, "targets"))
    model = Model(made)
    model.notices = notices
    return model


class Model:
    """A trained network, the columns that it was fitted to, and where it came from; fit() and load() make them.

    Tables are matched by the names of their columns, encoded and scaled as in training. Where a table is wanted,
    whatever fit() takes will do; an array (rows, features) has the model's features in order."""

    def __init__(self, made: Any) -> None:
        if not isinstance(made, _core.Model):
            raise TypeError("handgrad.fit() and handgrad.load() make models")
        self._core = made
        self.notices: list[str] = []  #: what import_model() assumed

    # --- Its file ----------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model to a file, whole or not at all, as the program does: safetensors. Raises FileError."""
        self._core.save(os.fspath(path))

    def to_onnx(self, path: str | os.PathLike[str], *, raw: bool = False, derivatives: bool = False) -> list[str]:
        """Writes the model as ONNX, as `handgrad export --to onnx`: the network alone, `x` to `yhat` (`encode` says what
        x is), or with `raw` from one input for each column of the table to predictions in the user's units, or labels
        and probabilities. With `derivatives` also the graphs of ∂ŷ/∂x, products with it and ∂²ŷ/∂x² beside it:
        jac_NAME, fwd_NAME, adj_NAME, jac_adj_NAME. The paths of what was written. Raises UsageError for both at once,
        and for columns of dates; FileError."""
        paths: list[str] = self._core.to_onnx(os.fspath(path), raw, derivatives)
        return paths

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_bytes, (self._core.to_bytes(),)

    def __copy__(self) -> Model:
        return self

    # --- What it says of itself --------------------------------------------------------------------------------------

    @property
    def task(self) -> str:
        """`regression`, `classification` or `multilabel`."""
        return self._core.task

    @property
    def classes(self) -> list[Any]:
        """The classes in the order of predict_proba()'s columns; empty for a regression."""
        texts = self._core.classes
        if self._core.numeric_classes:
            return [_number(text) for text in texts]
        return [LABELS[self._core.noted(LABELS_NOTE) or "text"](text) for text in texts]

    @property
    def features(self) -> list[str]:
        """The columns that it learned from."""
        return self._core.features

    @property
    def inputs(self) -> list[str]:
        """What the network sees: columns of numbers, and COLUMN=CATEGORY."""
        return self._core.inputs

    @property
    def targets(self) -> list[str]:
        """The columns that it learned."""
        return self._core.targets

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Weights (outputs, inputs) and biases (outputs,) by their names in files, to be read."""
        arrays = self._core.network().arrays()
        for array in arrays.values():
            array.flags.writeable = False
        return arrays

    @property
    def network(self) -> Mlp:
        """A network of the same weights, to do anything with; the model does not change with it."""
        net = Mlp.__new__(Mlp)
        net.__setstate__(self._core.network().__getstate__())
        return net

    @property
    def parameters_hash(self) -> str:
        """Equal hashes mean equal bits of all weights and biases."""
        return self._core.parameters_hash

    @property
    def history(self) -> dict[str, np.ndarray]:
        """Losses, metrics and what was measured of each layer, by epoch; empty for a model from elsewhere."""
        return self._core.history()

    @property
    def info(self) -> Info:
        """What the program's verb inspect says: a dict; as a text what it prints."""
        return Info(self._core.info(), self._core.text())

    def __repr__(self) -> str:
        info = self._core.info()
        sizes = "-".join(str(size) for size in [info["layers"][0]["in"], *(layer["out"] for layer in info["layers"])])
        return f"<handgrad.Model {self.task} of {', '.join(self.targets)}: {sizes}, {info['dtype']}>"

    def _repr_html_(self) -> str:
        from handgrad._results import html_of

        return html_of(f"{self.task} of {', '.join(self.targets)}\n\n{self._core.layers_text()}")

    # --- What it answers ---------------------------------------------------------------------------------------------

    def _read(self, table: Any, reading: dict[str, Any], source: str = "table") -> _core.Table:
        for name in reading:
            if name not in READING:
                raise TypeError(f"{name!r} is no word for how a table is read{_core.near_name(name, list(READING))}; "
                                f"there are: {', '.join(READING)}")
        data = read(table, reading_of(reading, self._core), source, self.features)
        for warning in data.warnings:
            warnings.warn(warning, stacklevel=3)
        return data

    def predict(self, table: Any, *, allow_extra: bool = False, threads: int = 0, **reading: Any) -> np.ndarray:
        """Values in the targets' units, (rows,) or (rows, targets); classes, (rows,); of several labels 0 and 1, (rows,
        labels). allow_extra: leave columns that the model does not know out of account. Raises DataError for a table
        that does not fit the model."""
        answer = self._core.predict(self._read(table, reading), allow_extra, at_most(threads))
        if self.task == "classification":
            labels: np.ndarray = np.asarray(self.classes)[answer["classes"]]
            return labels
        values: np.ndarray = answer["values"]
        if self.task == "multilabel":
            return (values > 0.5).astype(int)
        return values[:, 0] if values.shape[1] == 1 else values

    def predict_proba(self, table: Any, *, allow_extra: bool = False, threads: int = 0, **reading: Any) -> np.ndarray:
        """The probability of each class, (rows, classes), or of each of several labels, (rows, labels). Raises
        UsageError for a model whose outputs are no probabilities."""
        if self.task == "regression":
            raise UsageError("predict_proba: this model predicts numbers, not classes")
        answer = self._core.predict(self._read(table, reading), allow_extra, at_most(threads))
        if not answer["are_probabilities"]:
            raise UsageError("predict_proba: the outputs of this model are no probabilities; train it with "
                                   "output_activation='sigmoid' or 'softmax'")
        shares: np.ndarray = answer["values" if self.task == "multilabel" else "probabilities"]
        return shares

    def predict_interval(self, table: Any, coverage: float = 0.9, *, allow_extra: bool = False, threads: int = 0,
                         **reading: Any) -> Any:
        """Within what the share `coverage` of new rows lies, of a model fitted with calibration=0.2 or
        interval_method='cv+' or 'jackknife+' (docs/intervals.md): of a regression the lower and the upper end, (rows, 2),
        of several targets (rows, targets, 2); of classes a list of those in the set for each row. Too few rows held out
        make infinite ends. Raises UsageError for a model that has kept none."""
        made = self._core.intervals(self._read(table, reading), coverage, allow_extra, at_most(threads))
        if self.task == "classification":
            classes = self.classes
            return [[classes[k] for k in row] for row in made["sets"]]
        ends = np.stack([made["lower"], made["upper"]], axis=-1)
        return ends[:, 0] if ends.shape[1] == 1 else ends

    def jacobian(self, table: Any, *, allow_extra: bool = False, threads: int = 0, **reading: Any) -> Jacobian:
        """The derivative of each output by each input at each row, in the user's units: (rows, outputs, inputs), with
        their names."""
        return Jacobian(*self._core.jacobian(self._read(table, reading), allow_extra, at_most(threads)))

    def hessian(self, table: Any, *, allow_extra: bool = False, threads: int = 0, **reading: Any) -> np.ndarray:
        """The second derivative of each output by each two inputs at each row, in the user's units: (rows, outputs,
        inputs, inputs), symmetric, in the order of `inputs`; of what jacobian() differentiates. At a kink of an activation
        its own second derivative counts as 0."""
        curves: np.ndarray = self._core.hessian(self._read(table, reading), allow_extra, at_most(threads))
        return curves

    def encode(self, table: Any, *, allow_extra: bool = False, **reading: Any) -> dict[str, Any]:
        """What the network sees: `x` (rows, inputs) and, of a labelled table, `y` (rows, outputs) and `weights`
        (rows,), and the names of `inputs` and `outputs`."""
        return self._core.encode(self._read(table, reading), allow_extra)

    def predictor(self) -> _core.Predictor:
        """The model for one raw row at a time, fast: predict(row), classify(row), predict_proba(row), jacobian(row),
        hessian(row)."""
        return self._core.predictor()

    # --- Pictures ----------------------------------------------------------------------------------------------------

    def plot_history(self, ax: Any = None) -> Any:
        """The learning curve: losses by epoch. Returns the axes of matplotlib."""
        ax = axes(ax)
        history = self.history
        for name, label in (("loss", "training"), ("validation_loss", "validation")):
            there = finite(history.get(name, []))
            if there.any():
                ax.plot(history["epoch"][there], history[name][there], label=label)
        ax.set(xlabel="epoch", ylabel=f"loss ({self._core.info()['loss']['name']})", yscale="log", title="Learning curve")
        ax.legend()
        return ax

    def plot_gradient_flow(self, ax: Any = None) -> Any:
        """How large each layer's gradient was, by epoch, of a training with diagnose=True. Returns the axes."""
        history = self.history
        flows = [name for name in history if name.endswith(".gradient_rms") and finite(history[name]).any()]
        if not flows:
            raise UsageError("the gradient flow was not measured: train with diagnose=True")
        ax = axes(ax)
        for name in flows:
            ax.plot(history["epoch"], history[name], label=name.partition(".")[0])
        ax.set(xlabel="epoch", ylabel="root mean square of dl/dW", yscale="log", title="Gradient flow")
        ax.legend()
        return ax

    def plot_predictions(self, table: Any, ax: Any = None, target: str | None = None, **reading: Any) -> Any:
        """Predicted against true values of a labelled table, of one target. Returns the axes of matplotlib."""
        if self.task != "regression":
            raise UsageError("plot_predictions: this model predicts classes; evaluate() counts them")
        from handgrad.verbs import predicted_and_true

        name = self.targets[0] if target is None else target
        predicted, true = predicted_and_true(self, table, name, **reading)
        ax = axes(ax)
        ax.scatter(true, predicted, s=12, alpha=0.6)
        ends = [float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))]
        ax.plot(ends, ends, color="grey", linewidth=1)
        ax.set(xlabel=f"true {name}", ylabel=f"predicted {name}", title="Predicted against true")
        return ax


def _from_bytes(data: bytes) -> Model:
    return Model(_core.parse_model(data, "pickled model"))


def _number(text: str) -> int | float:
    """A class as a number; as it was spelled, whole or not."""
    try:
        return int(text)
    except ValueError:
        return float(text)


