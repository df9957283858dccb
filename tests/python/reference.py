"""A whole training in plain NumPy, by the definitions of the settings: the witness of what each setting does.

Written from the help text and docs/conventions, not from the program: one function reads as one row of the table of
settings. Everything is in double, and no row is shuffled.
"""

from dataclasses import dataclass, field

import numpy as np
from program import events, write_table

DEFAULTS = {
    "target": ["y"], "drop": [], "id": [], "categorical": [], "unknown": "error", "impute": "error", "scale": "standard", "scale_target": None,
    "weight": None, "class_weight": "", "calibration": 0.0, "interval_method": None, "group": "", "monotone": [], "drop_missing_labels": False, "hidden": [32], "hidden_activation": ["relu"],
    "output_activation": None, "loss": None, "huber_delta": 1.0, "quantile": 0.5, "leaky_slope": 0.01, "task": None,
    "convention": "handgrad", "init": None, "dtype": "f32", "epochs": 200, "init_from": None, "target_jacobian": None, "jacobian_weight": 1.0, "allow_kinks": False, "batch": 32,
    "optimizer": "adam", "learning_rate": 1e-3, "momentum": 0.0, "nesterov": False, "beta1": 0.9, "beta2": 0.999,
    "epsilon": 1e-8, "weight_decay": None, "tol": 1e-6, "max_fun": 15000, "lbfgs_memory": 10, "schedule": "constant", "validation": 0.2, "refit": False, "test": 0.0, "restarts": 1, "early_stopping": 0,
    "seed": 0, "shuffle": True, "allow_nonfinite": False}

# Of a row of table `Conventions`: reductions of squared error, binary cross-entropy and the other losses.
REDUCTIONS = {"handgrad": ("sum", "mean", "sum"), "pytorch": ("mean", "mean", "mean"), "sklearn": ("half", "sum", "sum")}


def words(options):
    """The settings as options of the program."""
    chosen = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            chosen += [option]
        elif value is False:
            chosen += ["--no-" + option.removeprefix("--")] if name in ("shuffle", "scale_target") else []
        elif isinstance(value, list):
            chosen += [option, ",".join(map(str, value))] if value else []
        elif value is not None:
            chosen += [option, str(value)]
    return chosen


def rows_to_train_on(folder, rows, columns=None, **options):
    """Which of so many rows (at most 40) are not held out: their identities are powers of two, so the mean that the
    program scales by tells all of them. `columns` are those beside them, with the target y."""
    numbers = np.arange(rows)
    table = write_table(folder / "identities.csv", {"identity": 2.0**numbers} | (columns or {"y": numbers + 0.5}))
    started, *_ = events("train", table, "--target", "y", "--epochs", 0, "--hidden", 1, *words(options),
                         "-o", folder / "identities.model")
    [model] = events("inspect", folder / "identities.model")
    total = round(model["columns"][0]["shift"] * started["rows"])
    kept = [row for row in range(rows) if total >> row & 1]
    assert len(kept) == started["rows"]
    return np.array(kept)


# --- What the network sees -------------------------------------------------------------------------------------------


@dataclass
class Encoded:
    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    target_shift: np.ndarray
    target_scale: np.ndarray


def _scaling(numbers, how):
    if how == "none":
        return 0.0, 1.0
    return (numbers.mean(), numbers.std()) if how == "standard" else (numbers.min(), np.ptp(numbers))


def encode(columns, options, training):
    """x, y and weights of all rows, as the training rows alone decide the scales."""
    inputs = []
    for name, column in columns.items():
        if name in options["target"] + options["drop"] + options["id"] or name == options["weight"]:
            continue
        values = np.asarray(column)
        if values.dtype.kind in "UO" or name in options["categorical"]:
            inputs += [(values == category).astype(float) for category in sorted(set(values.tolist()), key=str)]
            continue
        numbers = values.astype(float)
        present = numbers[training][~np.isnan(numbers[training])]
        if options["impute"] != "error":
            numbers = np.where(np.isnan(numbers), getattr(np, options["impute"])(present), numbers)
        shift, scale = _scaling(numbers[training], options["scale"])
        inputs.append((numbers - shift) / scale)
    x = np.stack(inputs, axis=1)
    y = np.stack([np.asarray(columns[name], dtype=float) for name in options["target"]], axis=1)
    weights = np.ones(len(x)) if options["weight"] is None else np.asarray(columns[options["weight"]], dtype=float)
    bounded = options["task"] == "classification" or options["output_activation"] in ("tanh", "sigmoid")
    scaled = not bounded if options["scale_target"] is None else options["scale_target"]
    of_targets = [_scaling(y[training, k], "standard" if scaled else "none") for k in range(y.shape[1])]
    shift, scale = np.array(of_targets).T
    return Encoded(x, (y - shift) / scale, weights, shift, scale)


# --- The network and its loss ----------------------------------------------------------------------------------------


def _sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def _activation(name, z, options):
    """f(z) and f'(z)."""
    match name:
        case "identity":
            return z, np.ones_like(z)
        case "relu":
            return np.maximum(z, 0.0), (z >= 0.0).astype(float)
        case "leaky_relu":
            return np.where(z >= 0.0, z, options["leaky_slope"] * z), np.where(z >= 0.0, 1.0, options["leaky_slope"])
        case "tanh":
            return np.tanh(z), 1.0 - np.tanh(z) ** 2
        case "sigmoid":
            return _sigmoid(z), _sigmoid(z) * _sigmoid(-z)
    raise ValueError(name)


def _pair_loss(yhat, y, name, options):
    """The loss of each output by itself, and its derivative by yhat."""
    d = yhat - y
    match name:
        case "squared_error":
            return d**2, 2.0 * d
        case "absolute_error":
            return np.abs(d), np.sign(d)
        case "huber":
            delta = options["huber_delta"]
            inside = np.abs(d) <= delta
            return (np.where(inside, 0.5 * d**2, delta * (np.abs(d) - 0.5 * delta)),
                    np.where(inside, d, delta * np.sign(d)))
        case "quantile":
            q = options["quantile"]
            return np.where(d < 0.0, -q * d, (1.0 - q) * d), np.where(d < 0.0, -q, 1.0 - q)
        case "binary_cross_entropy":
            return (-(y * np.log(yhat) + (1.0 - y) * np.log(1.0 - yhat)), (yhat - y) / (yhat * (1.0 - yhat)))
    raise ValueError(name)


def _loss_name(options):
    by_task = "binary_cross_entropy" if options["task"] == "classification" else "squared_error"
    return options["loss"] or by_task


def _reduction(name, outputs, options):
    squared, binary, others = REDUCTIONS[options["convention"]]
    how = {"squared_error": squared, "binary_cross_entropy": binary}.get(name, others)
    return {"sum": 1.0, "mean": 1.0 / outputs, "half": 0.5}[how]


def _alpha(options, total_weight):
    """What multiplies half the squares of the weights in the loss of rows whose weights have that sum."""
    alpha = 0.0 if options["optimizer"] == "adamw" else options["weight_decay"] or 0.0
    return alpha / total_weight if options["convention"] == "sklearn" else alpha


def _penalised(name, options):
    return name.endswith("weight") or options["convention"] == "pytorch"


def loss_and_gradient(weights, x, y, row_weights, options):
    """The weighted mean over the rows plus the penalty, and its gradient."""
    layers = len(weights) // 2
    hidden = options["hidden_activation"] * (layers - 1 if len(options["hidden_activation"]) == 1 else 1)
    output = options["output_activation"] or ("sigmoid" if options["task"] == "classification" else "identity")
    activations, slopes = [x], []
    for layer, name in enumerate([*hidden, output], start=1):
        z = activations[-1] @ weights[f"linear{layer}.weight"].T + weights[f"linear{layer}.bias"]
        a, slope = _activation(name, z, options)
        activations.append(a)
        slopes.append(slope)
    pair, derivative = _pair_loss(activations[-1], y, _loss_name(options), options)
    share = (row_weights / row_weights.sum())[:, None] * _reduction(_loss_name(options), y.shape[1], options)
    loss, delta = np.sum(share * pair), share * derivative * slopes[-1]
    gradient = {}
    for layer in range(layers, 0, -1):
        gradient[f"linear{layer}.weight"] = delta.T @ activations[layer - 1]
        gradient[f"linear{layer}.bias"] = delta.sum(axis=0)
        if layer > 1:
            delta = delta @ weights[f"linear{layer}.weight"] * slopes[layer - 2]
    alpha = _alpha(options, np.sum(row_weights))
    for name, weight in weights.items():
        if _penalised(name, options):
            loss += 0.5 * alpha * np.sum(weight**2)
            gradient[name] = gradient[name] + alpha * weight
    return loss, gradient


# --- Steps -----------------------------------------------------------------------------------------------------------


def rate(options, step, steps, steps_per_epoch):
    """Of a step, counted from 0 through the whole training."""
    t = step / (steps - 1) if steps > 1 else 0.0
    match options["schedule"]:
        case "constant":
            factor = 1.0
        case "cosine":
            factor = 0.5 * (1.0 + np.cos(np.pi * t))
        case "exponential":
            factor = 100.0**-t
        case "linear":
            factor = 1.0 - t
        case "step":
            done = step // steps_per_epoch / options["epochs"]
            factor = 1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01
    return options["learning_rate"] * factor


def _move(w, g, first, second, eta, t, penalised, options):
    """One parameter after step t (from 1), with its moments."""
    if options["optimizer"] == "sgd":
        mu = options["momentum"]
        if options["convention"] == "pytorch":
            first[:] = mu * first + g
            return w - eta * (g + mu * first if options["nesterov"] else first)
        first[:] = mu * first - eta * g
        return w + (mu * first - eta * g if options["nesterov"] else first)
    b1, b2, epsilon = options["beta1"], options["beta2"], options["epsilon"]
    if options["optimizer"] == "adamw" and penalised:
        w = w - eta * (0.3 if options["weight_decay"] is None else options["weight_decay"]) * w
    first[:] = b1 * first + (1.0 - b1) * g
    second[:] = b2 * second + (1.0 - b2) * g**2
    root = np.sqrt(1.0 - b2**t)
    if options["convention"] == "sklearn":
        return w - eta * root / (1.0 - b1**t) * first / (np.sqrt(second) + epsilon)
    return w - eta / (1.0 - b1**t) * first / (np.sqrt(second) / root + epsilon)


@dataclass
class Reference:
    weights: dict
    losses: list = field(default_factory=list)
    validation_losses: list = field(default_factory=list)
    best_epoch: int = 0


def train_reference(data, weights, options, training, validation=(), last=None):
    """The training of these rows of encoded data, in their order; only `last` of its epochs."""
    weights = {name: weight.copy() for name, weight in weights.items()}
    first, second = ({name: np.zeros_like(weight) for name, weight in weights.items()} for _ in range(2))
    batches = [training[i:i + options["batch"]] for i in range(0, len(training), options["batch"])]
    run, best, t = Reference(weights), (np.inf, weights), 0
    for epoch in range(1, (options["epochs"] if last is None else last) + 1):
        total = 0.0
        for number, rows in enumerate(batches):
            loss, gradient = loss_and_gradient(weights, data.x[rows], data.y[rows], data.weights[rows], options)
            total += loss * data.weights[rows].sum()
            t += 1
            eta = rate(options, (epoch - 1) * len(batches) + number, options["epochs"] * len(batches), len(batches))
            weights = {name: _move(weight, gradient[name], first[name], second[name], eta, t,
                                   _penalised(name, options), options) for name, weight in weights.items()}
        run.losses.append(total / data.weights[training].sum())
        run.weights = weights
        if len(validation):
            held_out = (data.x[validation], data.y[validation], data.weights[validation])
            run.validation_losses.append(loss_and_gradient(weights, *held_out, options)[0])
        if options["early_stopping"]:
            if run.validation_losses[-1] < best[0]:
                best, run.best_epoch = (run.validation_losses[-1], weights), epoch
            if epoch - run.best_epoch >= options["early_stopping"]:
                break
    if options["early_stopping"]:
        run.weights = best[1]
    return run
