"""What the program's verbs find out, as functions: certificates, comparisons, diagnoses, explanations, reports."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from handgrad import _core
from handgrad._arrays import at_most, whole, without_mask
from handgrad._arrays import rows as as_rows
from handgrad._results import Result, axes, frame
from handgrad.errors import UsageError
from handgrad.labels import Labels, refuse_unwritable
from handgrad.model import Model, load
from handgrad.network import Mlp
from handgrad.table import READING, columns_of, read_beside, reading_of, target_columns

__all__ = ["Certificate", "Comparison", "Diagnosis", "Evaluation", "Explanation", "Report", "Sensitivity", "check",
           "check_torch", "compare", "diagnose", "evaluate", "explain", "report", "sensitivity"]

DIGITS = {"float16": 11, "float32": 24, "float64": 53}
STEP = ("optimizer", "learning_rate", "momentum", "nesterov", "beta1", "beta2", "epsilon", "weight_decay")


def _model_of(model: Any) -> Model:
    if isinstance(model, Model):
        return model
    if isinstance(model, (str, os.PathLike)):
        return load(model)
    if isinstance(getattr(model, "_network", None), _core.Network):
        return model_of_estimator(model)
    made = getattr(model, "model_", None) or getattr(model, "model", None)  # of an estimator, of a Fit
    if isinstance(made, Model):
        return made
    if hasattr(model, "__sklearn_is_fitted__"):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(model)
    raise TypeError("a handgrad.Model, the path of one or a fitted estimator of handgrad is expected, not "
                    f"{type(model).__name__}{_way_to_a_model(model)}")


def _way_to_a_model(model: Any) -> str:
    """What of the things that people hold is meant."""
    if hasattr(model, "best_estimator_"):
        return "; its best_estimator_ may be one"
    if hasattr(model, "steps"):
        return "; hand in its last step ([-1]) and rows as the steps before it give them ([:-1].transform(X))"
    if type(model).__module__.startswith("sklearn.neural_network"):
        return "; handgrad.from_sklearn(estimator) makes one of it"
    return ""


def model_of_estimator(estimator: Any) -> Model:
    """A fitted MLPRegressor or MLPClassifier as a model. Raises UsageError for labels that tables do not tell apart."""
    if estimator._class_names()[0]:
        refuse_unwritable(_labels_of(estimator), "model")
    return Model(estimator._core_model())


def _labels_of(estimator: Any) -> Labels:
    return Labels(estimator.classes_, check=False)


def _table_of(what: Any, model: Model, table: Any, y: Any, reading: dict[str, Any]) -> _core.Table:
    """The table, and the values of the targets where they are given beside it."""
    if hasattr(what, "_labelled"):  # an estimator over tables
        labelled: _core.Table = what._labelled(table, y, reading)
        return labelled
    if hasattr(what, "_network"):  # an estimator over arrays: columns count by their places
        table = table.toarray() if hasattr(table, "toarray") else table
        columns = columns_of(table)
        if columns is not None and len(columns) == len(model.features):
            table = dict(zip(model.features, (values for _, values in columns)))
    data = model._read(table, reading)
    if y is None:
        return data
    if data is table:  # which is somebody's, and not to be changed
        raise UsageError("y: of a table that has been read already the targets are columns")
    learned = target_columns(y, [])
    if len(learned) != len(model.targets):
        raise UsageError(f"y: {len(model.targets)} columns are expected, one for each target, not {len(learned)}")
    texts = model.targets if model.task == "classification" and not model._core.numeric_classes else []
    words = {**reading, "target": model.targets, "categorical": texts}
    if model.task == "classification" and hasattr(what, "_network"):
        data.join(_labels_of(what).cells(model.targets[0], next(iter(learned.values())), reading_of(words)), in_place=True)
        return data
    data.join(read_beside(dict(zip(model.targets, learned.values())), reading_of(words), "y"), in_place=True)
    return data


def _split_reading(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    reading = {name: value for name, value in given.items() if name in READING}
    return reading, {name: value for name, value in given.items() if name not in READING}


# --- evaluate --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluation(Result):
    """Whether a model is any good on a labelled table."""

    rows: int
    loss: float  #: the very function that training differentiates, penalty included
    metrics: dict[str, float]
    baseline: dict[str, float] | None  #: of who always gives the same answer; None where the model does not tell it
    standing: str  #: `better`, `no_better`, `unclear`, `too_few`, `seen` or `unknown`, beside the baseline
    standing_text: str  #: the same in a sentence
    judged_rows: int  #: that decide the standing: those that the model has not learned from, where that is known
    seen_rows: int | None  #: that the model learned from; None where that is not known
    parts: list[dict[str, Any]]  #: name, rows and metrics of those for training, validation and test
    classes: list[dict[str, Any]]  #: name, rows, precision, recall and f1 of each class
    macro: dict[str, Any] | None  #: their means
    confusion: np.ndarray | None  #: (classes, classes): rows by class (down) and prediction (across)
    confused: list[tuple[str, str, int]]  #: class, what it was taken for, how often
    brier: float | None
    calibration: dict[str, float] | None  #: error, and its 95 % interval
    targets: list[dict[str, Any]]  #: the metrics of each target
    outside: dict[str, Any] | None  #: rows, and by input, outside the range of the training rows
    nonfinite: int  #: rows whose prediction is no finite number
    undefined: list[str]  #: why metrics are NaN
    text: str = field(repr=False)

    def to_frame(self) -> Any:
        """A DataFrame: a row for these rows, one for the baseline, and one for each part."""
        lines = {"these rows": self.metrics, **({"baseline": self.baseline} if self.baseline else {}),
                 **{part["name"]: part["metrics"] for part in self.parts}}
        return frame(lines).T


def evaluate(model: Any, table: Any, y: Any = None, *, allow_extra: bool = False, threads: int = 0, **reading: Any) -> Evaluation:
    """Loss and metrics of a model on a labelled table, in the table's units, beside a constant answer.

    model: a handgrad.Model, the path of one, a Fit, a fitted estimator. table: whatever handgrad.fit() takes. y: the
    values of the targets, where they are no columns of the table. Raises DataError for a table that does not fit the
    model or has no labels."""
    own = _model_of(model)
    return Evaluation(**_core.evaluate(own._core, _table_of(model, own, table, y, reading), allow_extra, at_most(threads)))


def predicted_and_true(model: Model, table: Any, target: str, **reading: Any) -> tuple[np.ndarray, np.ndarray]:
    """Of one target of a regression, in its units, (rows,) each."""
    if target not in model.targets:
        raise UsageError(f"there is no target {target!r}; there are: {', '.join(model.targets)}")
    data = model._read(table, reading)
    predicted: np.ndarray = model._core.predict(data, False, 0)["values"][:, model.targets.index(target)]
    true: np.ndarray = data.numbers(target)
    return predicted, true


# --- check -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate(Result):
    """Every derivative against the complex step, judged by bounds that follow all roundings."""

    verdict: str  #: PASS, FAIL or UNDETERMINED
    rows: int
    carrying_rows: int  #: the fewest that carry 99 % of the weight
    tensors: list[dict[str, Any]]  #: of each parameter's gradient, and d(yhat)/d(x): verdict, worst_ulp, where ...
    monotone: dict[str, Any] | None  #: what is promised of monotone columns: columns, verdict, broken_by, slopes, against
    runs: list[dict[str, Any]]  #: what was run
    text: str = field(repr=False)

    @property
    def passed(self) -> bool:
        return self.verdict == "PASS"

    def to_frame(self) -> Any:
        """A DataFrame with a row for each tensor."""
        return frame(self.tensors)


def _rows_of(x: ArrayLike, dtype: str) -> np.ndarray:
    array = as_rows(x, dtype, "x")
    if len(array) == 0:
        raise UsageError("x: there is no row")
    return array


def _targets_of(y: ArrayLike, dtype: str) -> np.ndarray:
    array = np.asarray(without_mask(y, "y"))
    return as_rows(array[:, None] if array.ndim == 1 else array, dtype, "y")


def _weights_of(weights: ArrayLike | None) -> np.ndarray | None:
    return None if weights is None else np.ascontiguousarray(without_mask(weights, "weights"), np.float64)


def check(what: Any, table: Any, y: Any = None, *, rows: int = 256, seed: int = 0,
          loss: str | None = None, weights: ArrayLike | None = None, huber_delta: float = 1.0, quantile: float = 0.5,
          allow_extra: bool = False, threads: int = 0, **reading: Any) -> Certificate:
    """The gradient certificate: check(model, table) of a model, or a fitted estimator, on rows of a labelled table, at
    most `rows`, drawn by `seed` (check(estimator, X, y) where the targets are no columns of it); check(net, x, y,
    loss=...) of a network on all rows of arrays x, (rows, inputs), and y, (rows, outputs).

    loss: by the output activation where it is not named. weights: one a row. Nothing is raised where a derivative
    fails: look at `verdict`."""
    if isinstance(what, _core.Network):
        if y is None:
            raise UsageError("check: y is missing; a network is checked on arrays: check(net, x, y)")
        x = _rows_of(table, what.dtype)
        return Certificate(**_core.check_network(what, x, _targets_of(y, what.dtype), _weights_of(weights), loss,
                                                 huber_delta, quantile, None, None))
    model = _model_of(what)
    data = _table_of(what, model, table, y, reading)
    return Certificate(**_core.check_table(model._core, data, whole(rows, "rows", 1), whole(seed, "seed"), allow_extra, at_most(threads)))


# What torch.nn calls the losses whose mean over the rows is the library's under PyTorch's conventions.
TORCH_LOSSES = {"squared_error": "mse_loss", "absolute_error": "l1_loss", "binary_cross_entropy": "binary_cross_entropy",
                "huber": "huber_loss"}


def _torch_loss(name: str, huber_delta: float) -> Any:
    import torch

    def cross_entropy(yhat: Any, y: Any) -> Any:
        return -(y * torch.log(yhat)).sum(1).mean()

    def poisson(yhat: Any, y: Any) -> Any:
        return (yhat - y * torch.log(yhat)).mean()

    if name == "cross_entropy":
        return cross_entropy
    if name == "poisson":
        return poisson
    if name == "huber":
        return lambda yhat, y: torch.nn.functional.huber_loss(yhat, y, delta=huber_delta)
    if name not in TORCH_LOSSES:
        raise UsageError(f"check_torch: {name!r} is not one of {', '.join([*TORCH_LOSSES, 'cross_entropy', 'poisson'])}; "
                         "hand in a function (yhat, y) as torch_loss beside it")
    return getattr(torch.nn.functional, TORCH_LOSSES[name])


def _require_judgeable(module: Any, linear: list[Any]) -> None:
    """That autograd's gradients are those of the network's formulas, one for each of its parameters."""
    for part in module.modules():
        if type(part).__name__ == "Dropout" and part.training and part.p > 0:
            raise ValueError(f"check_torch: {part} drops units at random; module.eval() turns it off")
    for layer in linear:
        if layer.bias is None:
            raise ValueError(f"check_torch: {layer} has no bias, so that its gradient is no network's")
    parameters = [tensor for layer in linear for tensor in (layer.weight, layer.bias)]
    if len({id(tensor) for tensor in parameters}) < len(parameters):
        raise ValueError("check_torch: some Linear layers share their parameters, whose gradient is that of all uses "
                         "together; the network has one for each")
    if any(getattr(tensor, "_backward_hooks", None) for tensor in parameters):
        raise ValueError("check_torch: some parameters have hooks, which change their gradients; remove them first")
    if not all(tensor.requires_grad for tensor in parameters):
        raise ValueError("check_torch: some parameters are frozen, so that autograd has no gradient for them; "
                         "module.requires_grad_(True) thaws them")


def check_torch(module: Any, x: Any, y: Any, *, loss: str = "squared_error", torch_loss: Any = None,
                huber_delta: float = 1.0, quantile: float = 0.5) -> Certificate:
    """Judges PyTorch's own derivatives: the gradient of each parameter and dyhat/dx of a torch.nn.Sequential of Linear
    layers and activations, as autograd gives them, against the complex step.

    x: (rows, inputs), y: (rows, outputs), tensors or arrays. loss: a name of handgrad's, the mean of which over the rows
    is differentiated; torch_loss: a function of (yhat, y) that computes it in PyTorch, where that is yours. The module
    is not changed. Raises ValueError for a module that is no such chain, that drops units at random, or whose
    parameters are frozen or shared."""
    import torch

    from handgrad.interchange import _torch_layers, from_torch

    net = from_torch(module)
    linear = _torch_layers(module)[0]
    _require_judgeable(module, linear)
    dtype = linear[0].weight.dtype
    parameters = [tensor for layer in linear for tensor in (layer.weight, layer.bias)]
    claimed = net.copy()
    with torch.inference_mode(False), torch.enable_grad():  # whatever holds where this is called
        inputs = torch.as_tensor(np.asarray(_numbers(x))).to(dtype).clone().requires_grad_(True)
        targets = torch.as_tensor(_targets_of(_numbers(y), "float64")).to(dtype)
        yhat = module(inputs)
        value = (torch_loss or _torch_loss(loss, huber_delta))(yhat, targets)
        by_parameter = iter(torch.autograd.grad(value, parameters, retain_graph=True))
        by_input = [torch.autograd.grad(yhat[:, k].sum(), inputs, retain_graph=True)[0].numpy()
                    for k in range(yhat.shape[1])]
    for number in range(1, len(linear) + 1):
        claimed.parameters[f"linear{number}.weight"][...] = next(by_parameter).numpy()
        claimed.parameters[f"linear{number}.bias"][...] = next(by_parameter).numpy()
    jacobians = np.ascontiguousarray(np.stack(by_input, axis=1).reshape(len(inputs), -1))
    return Certificate(**_core.check_network(net, inputs.detach().numpy(), targets.numpy(), None, loss, huber_delta,
                                             quantile, claimed, jacobians))


# --- compare ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison(Result):
    """Somebody's gradients against ours, and the mistake that explains each difference."""

    verdict: str  #: PASS, FAIL or UNDETERMINED
    rows: int
    digits: int  #: binary digits in which the gradients are judged
    orientation: str  #: how their weights stand: `out_in`, or `in_out` for the transposes
    missing: list[str]  #: tensors of ours that were not handed in
    left_out: list[str]  #: what is no gradient by its name
    tensors: list[dict[str, Any]]  #: of each: verdict, cause, remedy, reason, detection_limit ...
    text: str = field(repr=False)

    @property
    def passed(self) -> bool:
        return self.verdict == "PASS"

    @property
    def causes(self) -> dict[str, str]:
        """The named mistake of each tensor that fails."""
        return {tensor["name"]: tensor["cause"] for tensor in self.tensors if tensor["cause"]}

    def to_frame(self) -> Any:
        """A DataFrame with a row for each tensor."""
        return frame(self.tensors)


def _numbers(tensor: Any) -> Any:
    """An array of what may be a tensor of PyTorch."""
    return tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor


def _gradients_of(given: Any) -> dict[str, tuple[np.ndarray, int]]:
    if isinstance(given, (str, os.PathLike)) and os.fspath(given).endswith(".npz"):
        with np.load(given, allow_pickle=False) as archive:
            return _gradients_of(dict(archive))
    if not isinstance(given, Mapping):
        raise TypeError(f"gradients: a dict of arrays by name is expected, or the path of an .npz, not "
                        f"{type(given).__name__}")
    arrays = {}
    for name, value in given.items():
        digits = 0
        if str(getattr(value, "dtype", "")) == "torch.bfloat16":
            value, digits = value.float(), 8
        array = np.asarray(_numbers(value))
        if array.dtype.kind not in "iuf":
            raise TypeError(f"gradients: {name!r} is an array of {array.dtype}, where numbers are expected")
        arrays[str(name)] = np.array(array, np.float64, order="C"), digits or DIGITS.get(array.dtype.name, 64)
    return arrays


def compare(what: Any, table: Any, *given: Any, gradients: Any = None, loss: str | None = None,
            weights: ArrayLike | None = None, huber_delta: float = 1.0, quantile: float = 0.5, penalty: float = 0.0,
            allow_extra: bool = False, threads: int = 0, **reading: Any) -> Comparison:
    """Gradients that somebody computed against ours: compare(model, table, gradients) of a model, or a fitted estimator,
    on a labelled table (compare(estimator, X, y, gradients) where the targets are no columns of it), compare(net, x, y, gradients, loss=...) of a network on arrays x, (rows, inputs), and y, (rows, outputs).

    gradients: a dict of arrays (tensors of PyTorch too) by name: linear1.weight, W1, fc1.weight, 0.weight ...; some or
    all of them; or the path of an .npz (for a model of a .safetensors too). What is right is the gradient of the mean loss over all rows,
    with the loss, reductions and penalty (`penalty` for a network) of the model. Nothing is raised where one is wrong:
    look at `verdict` and `causes`. Raises DataError for names and shapes that fit nothing."""
    if isinstance(what, _core.Network):
        y, theirs = given if len(given) == 2 else (given[0] if given else None, gradients)
        if y is None or theirs is None:
            raise UsageError("compare: a network is compared on arrays: compare(net, x, y, gradients)")
        return Comparison(**_core.compare_network(
            what, _rows_of(table, "float64"), _targets_of(y, "float64"), _weights_of(weights), loss, huber_delta,
            quantile, penalty, _gradients_of(theirs)))
    y, theirs = (given if len(given) == 2 else (None, given[0])) if given else (None, gradients)
    if theirs is None:
        raise UsageError("compare: gradients is missing")
    model = _model_of(what)
    judged = os.fspath(theirs) if isinstance(theirs, (str, os.PathLike)) else _gradients_of(theirs)
    return Comparison(**_core.compare_table(model._core, _table_of(what, model, table, y, reading), judged, allow_extra, at_most(threads)))


# --- diagnose, sensitivity -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diagnosis(Result):
    """Which layer starves or gets too much on a table, which factor does it, and what would change it."""

    rows: int
    factor: str  #: what is the matter with the network; `none` where nothing is
    layers: list[dict[str, Any]]  #: gradient_rms, update_ratio, saturated, dead, starved, factor, log10 ... of each
    loss: float
    constant_loss: float  #: of the best constant answer
    unexplained: float  #: 1 for who always answers the mean
    training: dict[str, Any]  #: where training stands: course, since, text
    what_if: list[dict[str, Any]]  #: gradients that the same weights would have under a change
    rows_top: list[dict[str, Any]]  #: the rows with the largest gradients, if asked for
    advice: dict[str, str]  #: settings of handgrad.fit() to try
    verdict: str  #: what is the matter and what to try, in words
    text: str = field(repr=False)

    def to_frame(self) -> Any:
        """A DataFrame with a row for each layer."""
        return frame([{name: value for name, value in layer.items() if name != "log10"} for layer in self.layers])

    def plot(self, ax: Any = None) -> Any:
        """The gradient flow: the size of each layer's gradient. Returns the axes of matplotlib."""
        ax = axes(ax)
        names = [layer["name"] for layer in self.layers]
        ax.bar(names, [layer["gradient_rms"] for layer in self.layers],
               color=["tab:red" if layer["starved"] else "tab:blue" for layer in self.layers])
        ax.set(ylabel="root mean square of dl/dW", yscale="log", title="Gradient flow (red: starved)")
        return ax


def diagnose(model: Any, table: Any, y: Any = None, *, learning_rate: float | None = None, rows_top: int = 0,
             allow_extra: bool = False, **reading: Any) -> Diagnosis:
    """Measures the gradient of every layer on a labelled table, tells which factor makes it small or large, and what to
    try. learning_rate: of the step whose size is shown (the model's own). rows_top: also so many rows with the largest
    gradients. y: as evaluate() has it. Raises DataError for a table that does not fit the model."""
    own = _model_of(model)
    data = _table_of(model, own, table, y, reading)
    return Diagnosis(**_core.diagnose(own._core, data, learning_rate, rows_top, allow_extra))


@dataclass(frozen=True)
class Sensitivity(Result):
    """How much each column of a table moves each output, in the table's units."""

    rows: int
    columns: list[dict[str, Any]]  #: name, target, mean, sd, rms, sign, effect, permutation
    text: str = field(repr=False)

    def to_frame(self) -> Any:
        """A DataFrame with a row for each column and target."""
        return frame(self.columns)

    def plot(self, ax: Any = None, target: str | None = None) -> Any:
        """The effect of each column on one target, the largest on top. Returns the axes of matplotlib."""
        name = self.columns[0]["target"] if target is None else target
        shown = sorted((c for c in self.columns if c["target"] == name), key=lambda c: c["effect"])
        if not shown:
            raise UsageError(f"there is no target {name!r}")
        ax = axes(ax)
        ax.barh([c["name"] for c in shown], [c["effect"] for c in shown])
        ax.set(xlabel=f"effect on {name}: rms of the derivative by the column's spread", title="Sensitivity")
        return ax


def sensitivity(model: Any, table: Any, y: Any = None, *, repeats: int = 5, seed: int = 0, allow_extra: bool = False,
                threads: int = 0, **reading: Any) -> Sensitivity:
    """Statistics of the derivatives of each output by each column, and how much the loss rises when a column is shuffled
    (`repeats` times, by `seed`; NaN for a table without labels). y: as evaluate() has it. Ctrl-C ends it between two
    columns. Raises DataError for a table that does not fit."""
    own = _model_of(model)
    data = _table_of(model, own, table, y, reading)
    return Sensitivity(**_core.sensitivity(own._core, data, whole(repeats, "repeats", 1), whole(seed, "seed"), allow_extra, at_most(threads)))


# --- explain, report -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Explanation(Result):
    """The forward and backward tables of a network, and one training step on one row in numbers."""

    numbers: dict[str, Any] | None  #: of the row: x, y, forward, loss, jacobians, deltas, gradients, updated by symbol
    text: str = field(repr=False)
    markdown: str = field(repr=False)
    latex: str = field(repr=False)  #: a whole article
    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.html


def explain(what: Any = None, table: Any = None, y: Any = None, *, row: int | None = None, sizes: Sequence[int] | None = None,
            hidden: str | Sequence[str] = "relu", output: str = "identity", loss: str | None = None,
            convention: str = "handgrad", huber_delta: float = 1.0, quantile: float = 0.5, components: bool = False,
            blank: bool = False, digits: int | None = None, allow_extra: bool = False, **given: Any) -> Explanation:
    """Every derivative in the open: explain(model) or explain(net) of a network in symbols, explain(model, table, row=0)
    with the numbers of one training step on that row, and explain(sizes=[3, 4, 2], hidden='sigmoid', loss=...) of a
    network without one.

    row: from 0, as arrays count (what is printed counts rows from 1). y: as evaluate() has it. components: also every sum by component. blank: an exercise sheet. digits: that a sheet
    asks for (3), or that numbers are shown with (6). Settings of the step: optimizer, learning_rate, momentum,
    nesterov, beta1, beta2, epsilon, weight_decay. Raises UsageError, DataError for a table that does not fit."""
    reading, step = _split_reading(given)
    for name in step:
        if name not in STEP:
            raise TypeError(f"explain: {name!r} is no setting of the step{_core.near_name(name, list(STEP))}; there are: "
                            f"{', '.join(STEP)}")
    if (what is None) == (sizes is None):
        raise UsageError("explain: name a model or a network, or describe one by sizes, for instance sizes=[3, 4, 2]")
    if sizes is not None:
        what = Mlp(sizes, hidden, output, seed=None, convention=convention)
    if isinstance(what, _core.Network):
        if table is not None or row is not None:
            raise UsageError("explain: a row is worked through with a model; a network without one has no columns")
        return Explanation(**_core.explain_network(what, loss, huber_delta, quantile, step, components, blank, digits))
    if (table is None) != (row is None):
        raise UsageError("explain: a row of a table is worked through; name both: explain(model, table, row=0)")
    model = _model_of(what)
    data = None if table is None else _table_of(what, model, table, y, reading)
    return Explanation(**_core.explain_model(model._core, data, row or 0, step, components, blank, digits, allow_extra))


@dataclass(frozen=True)
class Report(Result):
    """Everything that is to be known of a model on a table, on one page."""

    path: str | None  #: where the page was written
    rows: int
    metrics: dict[str, float]
    verdict: str  #: of the certificate
    factor: str  #: of the diagnosis
    html: str = field(repr=False)  #: the page, complete in itself
    text: str = field(repr=False)

    def _repr_html_(self) -> str:
        import html

        return (f'<iframe srcdoc="{html.escape(self.html)}" style="width: 100%; height: 40em; border: 1px solid #888">'
                "</iframe>")


def report(model: Any, table: Any, path: str | os.PathLike[str] | None = None, *, y: Any = None, rows_top: int = 20,
           certificate_rows: int = 256, seed: int = 0, allow_extra: bool = False, threads: int = 0,
           **reading: Any) -> Report:
    """Metrics, curves, gradient flow, certificate, sensitivity and the derivation on one page in HTML, written to `path`
    if one is given, whole or not at all. rows_top: rows with the largest gradients to list. y: as evaluate() has it. Raises
    DataError for a table that does not fit the model, FileError."""
    own = _model_of(model)
    data = _table_of(model, own, table, y, reading)
    return Report(**_core.report(own._core, data, None if path is None else os.fspath(path), rows_top, certificate_rows,
                                 seed, allow_extra, at_most(threads)))
