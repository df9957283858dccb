"""Every setting of the table of settings changes the training as its definition says.

The names come from the program (a model file keeps all settings), so a new setting without a case here fails. Most
cases are two trainings, before and after the change, both followed by NumPy (reference.py) to the last weight; the few
that follow no such path have a test of their own, named by SPECIAL.
"""

import os
import subprocess
from dataclasses import dataclass, field

import numpy as np
import pytest
from program import events, handgrad, random_weights, read_weights, write_table
from reference import DEFAULTS, encode, loss_and_gradient, rows_to_train_on, train_reference, words
from safetensors import numpy as tensor_file

ROWS = 20
TOLERANCE = 1e-11
"""Of weights of order 1 after dozens of steps in double."""


def _columns():
    rng = np.random.default_rng(41)
    a, b = rng.normal(size=(2, ROWS)) * [[2.0], [0.3]]
    return {"a": a, "b": b + 5.0, "city": [("Rome", "Oslo", "Lima")[i * 5 // 3 % 3] for i in range(ROWS)],
            "code": [1 + i * 7 % 3 for i in range(ROWS)], "w": rng.uniform(0.2, 3.0, ROWS),
            "y": np.tanh(a) + rng.normal(size=ROWS), "y2": b - a + rng.normal(size=ROWS),
            "flag": (a + b > 0.2).astype(int)}


COLUMNS = _columns()
GAPS = COLUMNS | {"a": np.where(np.arange(ROWS) % 6 == 1, np.nan, COLUMNS["a"])}
BASE = {"target": ["y"], "drop": ["code", "w", "y2", "flag"], "hidden": [4], "hidden_activation": ["tanh"],
        "dtype": "f64", "epochs": 3, "batch": 6, "optimizer": "sgd", "learning_rate": 0.05, "validation": 0,
        "shuffle": False, "task": "regression"}


@dataclass(frozen=True)
class Case:
    """The other value of the setting, what else differs from BASE in both runs, and the table."""

    value: object
    base: dict = field(default_factory=dict)
    columns: dict = field(default_factory=lambda: COLUMNS)


TWO_TARGETS = {"target": ["y", "y2"], "drop": ["code", "w", "flag"]}
ADAM = {"optimizer": "adam", "learning_rate": 0.02}
CASES = {
    "target": [Case(["y2"], {"drop": ["code", "w", "flag"]}), Case(["y", "y2"], {"drop": ["code", "w", "flag"]})],
    "drop": [Case(["code", "flag"])],
    "id": [Case(["code"], {"drop": ["w", "y2", "flag"]})],
    "categorical": [Case(["code"], {"drop": ["w", "y2", "flag"]})],
    "impute": [Case("median", {"impute": "mean"}, GAPS)],
    "scale": [Case("none"), Case("minmax")],
    "scale_target": [Case(False)],
    "weight": [Case("w", {"drop": ["code", "y2", "flag"]})],
    "hidden": [Case([3, 2]), Case([5])],
    "hidden_activation": [Case(["sigmoid"]), Case(["tanh", "sigmoid"], {"hidden": [3, 2]})],
    "output_activation": [Case("tanh")],
    "loss": [Case("absolute_error"), Case("huber")],
    "huber_delta": [Case(0.2, {"loss": "huber"})],
    "quantile": [Case(0.9, {"loss": "quantile"})],
    "leaky_slope": [Case(0.3, {"hidden_activation": ["leaky_relu"]})],
    "task": [Case("classification", {"target": ["flag"], "drop": ["code", "w", "y2", "y"]})],
    "convention": [Case(name, {**TWO_TARGETS, "weight_decay": 0.2, "momentum": 0.8, "schedule": "cosine"})
                   for name in ("pytorch", "sklearn")] + [Case("sklearn", ADAM)],
    "epochs": [Case(5)],
    "batch": [Case(7), Case(1)],
    "optimizer": [Case("adam"), Case("adamw")],
    "learning_rate": [Case(0.01), Case(0.01, ADAM)],
    "momentum": [Case(0.7)],
    "nesterov": [Case(True, {"momentum": 0.7})],
    "beta1": [Case(0.5, ADAM)],
    "beta2": [Case(0.9, ADAM)],
    "epsilon": [Case(0.1, ADAM)],
    "weight_decay": [Case(0.2), Case(0.2, {"optimizer": "adamw"}), Case(0.2, {"convention": "sklearn"}),
                     Case(0.2, {"convention": "pytorch"})],
    "schedule": [Case(name, {"epochs": 4}) for name in ("cosine", "linear", "exponential", "step")],
    "validation": [Case(0.25), Case(0.25, {"drop": ["code", "y2", "flag"], "weight": "w"})],
    "test": [Case(0.3), Case(0.3, {"drop": ["code", "y2", "flag"], "weight": "w"})],
    "early_stopping": [Case(2, {"validation": 0.3, "epochs": 40, "learning_rate": 0.3})],
    "refit": [Case(True, {"validation": 0.3, "epochs": 40, "learning_rate": 0.3, "early_stopping": 2, **more})
              for more in ({}, {"schedule": "cosine", "weight": "w", "drop": ["code", "y2", "flag"]})],
    "seed": [Case(1, {"validation": 0.25, "test": 0.2, "drop": ["code", "y2", "flag"], "weight": "w"})],
}
SPECIAL = {"group": "test_group", "monotone": "test_monotone", "unknown": "test_unknown", "drop_missing_labels": "test_drop_missing_labels", "init": "test_init", "dtype": "test_dtype",
           "target_jacobian": "test_target_jacobian", "jacobian_weight": "test_target_jacobian", "allow_kinks": "test_allow_kinks",
           "tol": "test_tolerance_and_limit", "max_fun": "test_tolerance_and_limit", "lbfgs_memory": "test_quasi_newton_steps",
           "class_weight": "test_class_weight", "calibration": "test_calibration", "interval_method": "test_interval_method",
           "init_from": "test_init_from", "restarts": "test_restarts", "shuffle": "test_shuffle", "allow_nonfinite": "test_allow_nonfinite"}


def table_of_settings(folder):
    table = write_table(folder / "s.csv", {"a": [0.5, 1.5, 2.5], "y": [0.1, 0.2, 0.4]})
    handgrad("train", table, "--target", "y", "-o", folder / "s.model")
    [model] = events("inspect", folder / "s.model")
    return model["settings"]


def test_every_setting_of_the_table_has_a_case(tmp_path):
    settings = table_of_settings(tmp_path)
    assert set(settings) == set(CASES) | set(SPECIAL)
    assert all(name in globals() for name in SPECIAL.values())
    for name, value in settings.items():  # and the witness knows its default
        if name not in ("target", "drop", "id", "categorical", "init", "weight", "weight_decay"):
            assert value == DEFAULTS[name], name


@dataclass
class Both:
    """The same training by the program and by NumPy."""

    weights: dict
    expected: dict


def follow_refit(columns, options, first, training, validation, run, seen):
    """The same training from the same first weights on all rows, scaled anew, for as many epochs as were best."""
    rows = np.sort(np.concatenate([training, validation]))
    whole = train_reference(encode(columns, options, rows), first, options | {"early_stopping": 0}, rows,
                            last=run.best_epoch)
    assert seen[0] == {"schema": 1, "event": "refit", "rows": len(rows), "epochs": run.best_epoch, "epoch": 0}
    assert [event["epoch"] for event in seen[1:]] == list(range(1, run.best_epoch + 1))
    np.testing.assert_allclose([event["loss"] for event in seen[1:]], whole.losses, rtol=TOLERANCE)
    return whole.weights


def train_both(folder, columns, options):
    cells = {name: ["" if isinstance(cell, float) and np.isnan(cell) else cell for cell in np.asarray(column).tolist()]
             for name, column in columns.items()}
    table = write_table(folder / "t.csv", cells)
    everything = DEFAULTS | options
    of_split = {"seed": everything["seed"], "test": everything["test"]}
    training = rows_to_train_on(folder, ROWS, validation=everything["validation"], **of_split)
    validation = np.setdiff1d(rows_to_train_on(folder, ROWS, validation=0, **of_split), training)
    data = encode(columns, everything, training)
    sizes = [data.x.shape[1], *everything["hidden"], data.y.shape[1]]
    first = random_weights(sizes, np.random.default_rng(5))
    tensor_file.save_file(first, folder / "first.safetensors")
    started, *rest, done = events("train", table, *words(options), "--init-from", folder / "first.safetensors", "-o",
                                    folder / "m.model")
    epochs = [event for event in rest if event["event"] == "epoch"]
    run = train_reference(data, first, everything, training, validation)
    if everything["refit"]:
        run.weights = follow_refit(columns, everything, first, training, validation, run, rest[len(epochs):])
    weights = read_weights(folder / "m.model")
    assert (started["rows"], started["validation_rows"]) == (len(training), len(validation))
    assert [event["epoch"] for event in epochs] == list(range(1, len(run.losses) + 1))
    np.testing.assert_allclose([event["loss"] for event in epochs], run.losses, rtol=TOLERANCE)
    if len(validation):
        np.testing.assert_allclose([event["validation_loss"] for event in epochs], run.validation_losses,
                                   rtol=TOLERANCE)
    for name, weight in run.weights.items():
        np.testing.assert_allclose(weights[name], weight, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
    if everything["early_stopping"]:
        assert (done["best_epoch"], done["stopped"]) == (run.best_epoch, "early")
    return run.weights


@pytest.mark.parametrize(("name", "case"), [pytest.param(name, case, id=f"{name}-{case.value}-{i}")
                                            for name, cases in CASES.items() for i, case in enumerate(cases)])
def test_the_training_follows_the_definition_before_and_after_a_change(tmp_path, name, case):
    options = BASE | case.base
    before = train_both(tmp_path, case.columns, options)
    after = train_both(tmp_path, case.columns, options | {name: case.value})
    same = all(weight.shape == after[key].shape and np.allclose(weight, after[key], rtol=1e-6, atol=1e-6)
               for key, weight in before.items()) and len(before) == len(after)
    assert not same, "the change shows in no weight: the comparison shows nothing"


def exit_code(*arguments):
    return subprocess.run([os.environ["HANDGRAD_PROGRAM"], *map(str, arguments)], capture_output=True, timeout=60,
                          check=False).returncode


def test_group(tmp_path):
    """Two groups of rows, of which one is held out: what is learned is scaled by the other alone; no input of it."""
    table = {"a": np.arange(ROWS, dtype=float), "g": ["p" if row < 14 else "q" for row in range(ROWS)],
             "y": np.arange(ROWS) + 0.5}
    options = ["--target", "y", "--group", "g", "--validation", 0.25, "--epochs", 0, "-o", tmp_path / "m.model"]
    start, *_ = events("train", write_table(tmp_path / "t.csv", table), *options)
    [model] = events("inspect", tmp_path / "m.model")
    assert (start["rows"], start["validation_rows"], start["features"]) == (14, 6, 1)
    assert model["columns"][0]["shift"] == pytest.approx(6.5) and model["settings"]["group"] == "g"


def test_unknown(tmp_path):
    """A town that the model does not know has 0 in each input of its column, where the model may ignore it."""
    table = write_table(tmp_path / "t.csv", {"city": ["Rome", "Oslo"] * 4, "y": np.arange(8) + 0.5})
    new = write_table(tmp_path / "new.csv", {"city": ["Bonn", "Oslo"]})
    for how, code in (("error", 3), ("ignore", 0)):
        options = ["--target", "y", "--unknown", how, "--validation", 0, "--epochs", 0, "-o", tmp_path / "m.model"]
        handgrad("train", table, *options)
        assert exit_code("encode", tmp_path / "m.model", new) == code
    assert handgrad("encode", tmp_path / "m.model", new).splitlines()[1:] == ["0,0", "1,0"]


def test_drop_missing_labels(tmp_path):
    """Without it an error; with it the training of the table without those rows."""
    missing = np.arange(ROWS) % 5 == 2
    options = {**BASE, "epochs": 2}
    labels = [("" if gone else y) for gone, y in zip(missing, COLUMNS["y"], strict=True)]
    table = write_table(tmp_path / "t.csv", COLUMNS | {"y": labels})
    rest = write_table(tmp_path / "rest.csv", {name: np.asarray(column)[~missing] for name, column in COLUMNS.items()})
    assert exit_code("train", table, *words(options), "-o", tmp_path / "m.model") == 3
    dropped = events("train", table, *words(options), "--drop-missing-labels", "-o", tmp_path / "m.model")
    expected = events("train", rest, *words(options), "-o", tmp_path / "n.model")
    assert dropped[0]["rows"] == ROWS - missing.sum()
    assert dropped[-1]["parameters_hash"] == expected[-1]["parameters_hash"]


@pytest.mark.parametrize(("how", "bound"), [("he", 6.0 / 2), ("xavier", 6.0 / 302), ("lecun", 3.0 / 2), ("zeros", 0.0),
                                            ("pytorch_linear", 1.0 / 2), ("sklearn_glorot", 6.0 / 302)])
def test_init(tmp_path, how, bound):
    """Uniform within the root of `bound`, biases too in the last two; from 2 inputs to 300 hidden units."""
    table = write_table(tmp_path / "t.csv", {name: COLUMNS[name] for name in ("a", "b", "y")})
    handgrad("train", table, "--target", "y", "--epochs", 0, "--hidden", 300, "--init", how, "-o", tmp_path / "m.model")
    weights = read_weights(tmp_path / "m.model")
    for name in ("linear1.weight", "linear1.bias"):
        largest, mean = np.max(np.abs(weights[name])), abs(np.mean(weights[name]))
        expected = 0.0 if name.endswith("bias") and "_" not in how else np.sqrt(bound)
        assert 0.95 * expected <= largest <= expected * (1.0 + 1e-6), name
        assert mean <= 0.1 * expected, name


def test_dtype(tmp_path):
    """Of f32 the tensors are of 4 bytes and the training is that of f64 but for its rounding."""
    table = write_table(tmp_path / "t.csv", COLUMNS)
    tensor_file.save_file(random_weights([5, 4, 1], np.random.default_rng(5)), tmp_path / "first.safetensors")
    found = {}
    for dtype in ("f32", "f64"):
        handgrad("train", table, *words(BASE | {"dtype": dtype}), "--init-from", tmp_path / "first.safetensors", "-o",
                 tmp_path / "m.model")
        found[dtype] = read_weights(tmp_path / "m.model")
    for name, weight in found["f64"].items():
        single = found["f32"][name]
        assert (single.dtype, weight.dtype) == (np.float32, np.float64)
        np.testing.assert_allclose(single, weight, rtol=1e-4, atol=1e-5)
        assert not np.allclose(single, weight, rtol=1e-10, atol=0.0)


def test_init_from(tmp_path):
    """The first weights are those of the file, bit for bit; without it they are not."""
    table = write_table(tmp_path / "t.csv", COLUMNS)
    first = random_weights([5, 4, 1], np.random.default_rng(5))
    tensor_file.save_file(first, tmp_path / "first.safetensors")
    start = ["train", table, *words(BASE | {"epochs": 0}), "-o", tmp_path / "m.model"]
    handgrad(*start)
    assert not np.allclose(read_weights(tmp_path / "m.model")["linear1.weight"], first["linear1.weight"])
    handgrad(*start, "--init-from", tmp_path / "first.safetensors")
    for name, weight in read_weights(tmp_path / "m.model").items():
        np.testing.assert_array_equal(weight, first[name])


def rows_taken(folder, epochs, *options):
    """In which order each epoch took its rows, one a step.

    Each row is an input of its own of a linear network that begins at 0, so in an epoch its weight moves once, by the
    rate times 2 (yhat - y): the step is the one whose bias explains that.
    """
    y = 0.3 + np.arange(ROWS) ** 1.5
    table = write_table(folder / "t.csv", {"row": [f"r{i:02}" for i in range(ROWS)], "y": y})
    settings = {"optimizer": "sgd", "learning_rate": 0.05, "batch": 1, "dtype": "f64", "init": "zeros",
                "scale_target": False, "validation": 0}
    w, bias, orders = np.zeros(ROWS), 0.0, []
    for epoch in range(1, epochs + 1):
        handgrad("train", table, "--target", "y", *words(settings | {"epochs": epoch}), "--hidden", "none", "--categorical", "row", *options,
                 "-o", folder / "m.model")
        weights = read_weights(folder / "m.model")
        moved, order = weights["linear1.weight"][0] - w, []
        for step in range(ROWS):
            fitting = np.flatnonzero(np.isclose(moved, -0.1 * (w + bias - y), rtol=1e-9))
            assert len(fitting) == 1, (epoch, step, fitting)
            order.append(fitting[0])
            bias += moved[fitting[0]]
        np.testing.assert_allclose(weights["linear1.bias"], [bias], rtol=1e-9)
        assert sorted(order) == list(range(ROWS))
        w = weights["linear1.weight"][0]
        orders.append(order)
    return orders


def test_shuffle(tmp_path):
    """Off: the rows in their order. On: each once, in an order of each epoch that the seed decides."""
    in_order = list(range(ROWS))
    assert rows_taken(tmp_path, 2, "--no-shuffle") == [in_order, in_order]
    orders = [order for seed in (0, 1) for order in rows_taken(tmp_path, 2, "--seed", seed)]
    assert len({tuple(order) for order in [*orders, in_order]}) == 5


def test_first_weights_are_drawn_by_the_seed(tmp_path):
    table = write_table(tmp_path / "t.csv", COLUMNS)

    def drawn(seed):
        handgrad("train", table, *words(BASE | {"epochs": 0, "seed": seed}), "-o", tmp_path / "m.model")
        return read_weights(tmp_path / "m.model")["linear1.weight"]

    assert np.array_equal(drawn(3), drawn(3))
    assert not np.any(drawn(3) == drawn(4))


ALL_ROWS = {name: value for name, value in BASE.items() if name not in ("batch", "learning_rate", "shuffle")} | {
    "weight": "w", "drop": ["code", "y2", "flag"], "weight_decay": 0.01}


def flat(tensors):
    return np.concatenate([tensors[name].ravel() for name in sorted(tensors)])


def two_loops(g, pairs):
    """-H g from the pairs (s, y), the newest last, by Nocedal and Wright's algorithm 7.4."""
    q, alphas = g.copy(), []
    for s, y in reversed(pairs):
        alphas.append(s @ q / (s @ y))
        q -= alphas[-1] * y
    if pairs:
        q *= pairs[-1][0] @ pairs[-1][1] / (pairs[-1][1] @ pairs[-1][1])
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q += s * (alpha - y @ q / (s @ y))
    return -q


def dense(g, pairs):
    """The same of a whole matrix that begins with the first pair's size, by (6.17)."""
    H = np.eye(len(g))
    for i, (s, y) in enumerate(pairs):
        if i == 0:
            H *= s @ y / (y @ y)
        left = np.eye(len(g)) - np.outer(s, y) / (s @ y)
        H = left @ H @ left.T + np.outer(s, s) / (s @ y)
    return -H @ g


@pytest.mark.parametrize(("optimizer", "memory"), [("lbfgs", 2), ("lbfgs", 10), ("bfgs", None)])
def test_quasi_newton_steps(tmp_path, optimizer, memory):
    """Each step of a training, from its weights and NumPy's gradients alone: its direction, and Wolfe's conditions."""
    epochs = 8
    options = DEFAULTS | ALL_ROWS | {"optimizer": optimizer}
    table = write_table(tmp_path / "t.csv", COLUMNS)
    data = encode(COLUMNS, options, np.arange(ROWS))
    more = [] if memory is None else ["--lbfgs-memory", memory]
    looked = []
    for last in range(epochs + 1):
        rest = [word for word in words(ALL_ROWS | {"optimizer": optimizer, "epochs": last})]
        seen = events("train", table, *rest, *more, "-o", tmp_path / "m.model")
        weights = read_weights(tmp_path / "m.model")
        loss, gradient = loss_and_gradient(weights, data.x, data.y, data.weights, options)
        looked.append((flat(weights), loss, flat(gradient)))
    steps = [event for event in seen if event["event"] == "epoch"]
    pairs = []
    for step, (w, loss, g), (next_w, next_loss, next_g) in zip(steps, looked, looked[1:], strict=False):
        assert step["loss"] == pytest.approx(next_loss, rel=TOLERANCE)
        assert step["gradient_norm"] == pytest.approx(np.abs(next_g).max(), rel=1e-8)
        alpha, moved = step["learning_rate"], next_w - w
        kept = pairs if memory is None else pairs[-memory:]
        direction = dense(g, kept) if memory is None else two_loops(g, kept)
        np.testing.assert_allclose(moved, alpha * direction, rtol=1e-6, atol=1e-9)
        slope, next_slope = g @ direction, next_g @ direction
        assert next_loss <= loss + 1e-4 * alpha * slope + 1e-14 and abs(next_slope) <= 0.9 * abs(slope)
        pairs.append((moved, next_g - g))
    assert len(pairs) == epochs


def test_tolerance_and_limit(tmp_path):
    """It ends behind the first iteration whose gradient is small enough, and behind the first that has looked often enough."""
    table = write_table(tmp_path / "t.csv", COLUMNS)
    start = ["train", table, *words(ALL_ROWS | {"optimizer": "lbfgs", "epochs": 60}), "-o", tmp_path / "m.model"]
    epochs = [event for event in events(*start) if event["event"] == "epoch"]
    *seen, done = events(*start, "--tol", 1e-2)
    first = next(event["epoch"] for event in epochs if event["gradient_norm"] <= 1e-2)
    assert (done["epochs"], done["stopped"]) == (first, "gradient")
    done = events(*start, "--max-fun", 12)[-1]
    first = next(event["epoch"] for event in epochs if event["evaluations"] >= 12)
    assert (done["epochs"], done["stopped"], done["evaluations"]) == (first, "evaluations", epochs[first - 1]["evaluations"])


def test_allow_nonfinite(tmp_path):
    """Otherwise exit 5 at the first value that is not finite; with it all epochs are done."""
    table = write_table(tmp_path / "t.csv", COLUMNS)
    start = ["train", table, *words(BASE | {"hidden_activation": ["relu"], "learning_rate": 1e200, "epochs": 4}), "-o",
             tmp_path / "m.model"]
    assert exit_code(*start) == 5
    done = events(*start, "--allow-nonfinite")[-1]
    assert (done["epochs"], done["stopped"]) == (4, "epochs")


DERIVATIVES = {"drop": ["city", "code", "y2", "flag"], "weight": "w"}


def derivatives(folder):
    """A file of them, an output's inputs in another order, some missing, with a column that is none; and the numbers."""
    rng = np.random.default_rng(8)
    by_a, by_b = rng.normal(size=(2, ROWS))
    by_a[[3, 11]] = by_b[[3, 4]] = np.nan
    text = {name: ["" if np.isnan(x) else x for x in column] for name, column in
            (("d(y)/d(b)", by_b), ("y", by_b * 0.0 + 7.0), ("d(y)/d(a)", by_a))}
    return write_table(folder / "j.csv", text), np.column_stack([by_a, by_b])


def jacobian_term(weights, x, target, row_weights):
    """The mean over rows of the squared errors of d yhat/d x, of two layers with tanh, for complex weights too."""
    z = x @ weights["linear1.weight"].T + weights["linear1.bias"]
    slopes = (weights["linear2.weight"] * (1.0 - np.tanh(z) ** 2)) @ weights["linear1.weight"]
    errors = np.where(np.isnan(target), 0.0, slopes - np.nan_to_num(target)) ** 2
    return (row_weights * errors.sum(axis=1)).sum() / row_weights.sum()


def complex_step(weights, *problem):
    gradient = {name: np.zeros_like(weight) for name, weight in weights.items()}
    for name, weight in weights.items():
        for place in np.ndindex(weight.shape):
            moved = {key: value.astype(complex) for key, value in weights.items()}
            moved[name][place] += 1e-50j
            gradient[name][place] = jacobian_term(moved, *problem).imag / 1e-50
    return gradient


@pytest.mark.parametrize("gamma", [None, 0.3])
def test_target_jacobian(tmp_path, gamma):
    """Steps of sgd on the loss and gamma times the term, in what the network sees; the term's gradient by NumPy."""
    file, slopes = derivatives(tmp_path)
    options = DEFAULTS | BASE | DERIVATIVES
    data = encode({name: COLUMNS[name] for name in ("a", "b", "w", "y")}, options, np.arange(ROWS))
    target = slopes * np.array([COLUMNS["a"].std(), COLUMNS["b"].std()]) / np.asarray(COLUMNS["y"]).std()
    weights = random_weights([2, 4, 1], np.random.default_rng(5))
    tensor_file.save_file(weights, tmp_path / "first.safetensors")
    strength = [] if gamma is None else ["--jacobian-weight", gamma]
    _, *epochs, _ = events("train", write_table(tmp_path / "t.csv", COLUMNS), *words(BASE | DERIVATIVES),
                           "--target-jacobian", file, *strength, "--init-from", tmp_path / "first.safetensors", "-o",
                           tmp_path / "m.model")
    losses = []
    for _epoch in range(BASE["epochs"]):
        total = 0.0
        for first in range(0, ROWS, BASE["batch"]):
            rows = np.arange(ROWS)[first:first + BASE["batch"]]
            loss, gradient = loss_and_gradient(weights, data.x[rows], data.y[rows], data.weights[rows], options)
            problem = data.x[rows], target[rows], data.weights[rows]
            loss += (gamma or 1.0) * jacobian_term(weights, *problem)
            of_term = complex_step(weights, *problem)
            weights = {name: weight - BASE["learning_rate"] * (gradient[name] + (gamma or 1.0) * of_term[name])
                       for name, weight in weights.items()}
            total += loss * data.weights[rows].sum()
        losses.append(total / data.weights.sum())
    np.testing.assert_allclose([event["loss"] for event in epochs], losses, rtol=TOLERANCE)
    for name, weight in read_weights(tmp_path / "m.model").items():
        np.testing.assert_allclose(weight, weights[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


def test_monotone(tmp_path):
    """Steps of sgd, and behind each the weights of the wrong sign at 0, in NumPy from the same first weights: units rise and
    fall in turns, a rises and b falls."""
    options = DEFAULTS | BASE | DERIVATIVES | {"hidden": [4, 3]}
    data = encode({name: COLUMNS[name] for name in ("a", "b", "w", "y")}, options, np.arange(ROWS))
    unit = [np.array([1.0, -1.0] * 2)[:width] for width in (4, 3)]
    signs = {"linear1.weight": np.outer(unit[0], [1.0, -1.0]), "linear2.weight": np.outer(unit[1], unit[0]),
             "linear3.weight": np.outer([1.0], unit[1])}
    weights = random_weights([2, 4, 3, 1], np.random.default_rng(5))
    weights |= {name: sign * np.abs(weights[name]) for name, sign in signs.items()}
    tensor_file.save_file(weights, tmp_path / "first.safetensors")
    _, *epochs, _ = events("train", write_table(tmp_path / "t.csv", COLUMNS), *words(BASE | DERIVATIVES | {"hidden": [4, 3]}),
                           "--monotone", "a+,b-", "--init-from", tmp_path / "first.safetensors", "-o", tmp_path / "m.model")
    stopped = set()
    for _epoch in range(BASE["epochs"]):
        for first in range(0, ROWS, BASE["batch"]):
            rows = np.arange(ROWS)[first:first + BASE["batch"]]
            _, gradient = loss_and_gradient(weights, data.x[rows], data.y[rows], data.weights[rows], options)
            weights = {name: weight - BASE["learning_rate"] * gradient[name] for name, weight in weights.items()}
            for name, sign in signs.items():
                stopped |= {name for wrong in (sign * weights[name] < 0).flat if wrong}
                weights[name] = np.where(sign * weights[name] < 0, 0.0, weights[name])
    assert stopped, "no step led to a wrong sign"
    for name, weight in read_weights(tmp_path / "m.model").items():
        np.testing.assert_allclose(weight, weights[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


def test_allow_kinks(tmp_path):
    """Without it derivatives are not learned with relu, anywhere in the network."""
    file, _ = derivatives(tmp_path)
    table = write_table(tmp_path / "t.csv", COLUMNS)

    def code(names, *more):
        options = words(BASE | DERIVATIVES | {"hidden": [4, 3], "hidden_activation": names})
        return exit_code("train", table, *options, "--target-jacobian", file, *more, "-o", tmp_path / "m.model")

    assert [code(names) for names in (["tanh", "relu"], ["leaky_relu"], ["tanh", "silu"])] == [2, 2, 0]
    assert code(["tanh", "relu"], "--allow-kinks") == 0


def test_restarts(tmp_path):
    """The training of the seed with the lowest loss in its last epoch, where no rows judge; BASE says which seed is first."""
    table = write_table(tmp_path / "t.csv", COLUMNS)
    alone = {}
    for seed in (3, 4, 5):
        *_, last, done = events("train", table, *words(BASE | {"seed": seed, "validation": 0.0}), "-o", tmp_path / "m.model")
        alone[done["parameters_hash"]] = last["loss"]
    *_, done = events("train", table, *words(BASE | {"seed": 3, "validation": 0.0, "restarts": 3}), "-o", tmp_path / "m.model")
    assert done["parameters_hash"] == min(alone, key=alone.get) and len(alone) == 3


def test_class_weight(tmp_path):
    """A column of n/(K n_c); test_class_weight.py has the rest."""
    flags = np.asarray(COLUMNS["flag"])
    options = BASE | {"target": ["flag"], "drop": ["code", "w", "y2", "y"], "task": "classification"}
    weights = ROWS / (2 * np.bincount(flags))[flags]
    with_column = options | {"weight": "w", "drop": ["code", "y2", "y"]}
    assert np.ptp(weights) > 0
    hashes = [events("train", write_table(tmp_path / f"{name}.csv", columns), *words(chosen), *more, "-o",
                     tmp_path / "m.model")[-1]["parameters_hash"] for name, columns, chosen, more in
              (("a", COLUMNS, options, ["--class-weight", "balanced"]), ("b", COLUMNS | {"w": weights}, with_column, []),
               ("c", COLUMNS, options, []))]
    assert hashes[0] == hashes[1] != hashes[2]


def test_calibration(tmp_path):
    """As many rows fewer are learned from; which and what for is told by test_intervals.py."""
    file = write_table(tmp_path / "t.csv", COLUMNS)
    started, *_ = events("train", file, *words(BASE), "--calibration", 0.3, "-o", tmp_path / "m.model")
    assert started["rows"] == ROWS - 6
    assert tensor_file.load_file(tmp_path / "m.model")["conformity.scores"].shape == (6, 1)


def test_interval_method(tmp_path):
    """The model is the same, with a network more for each row; test_intervals.py trains them too."""
    file = write_table(tmp_path / "t.csv", COLUMNS)
    plain = events("train", file, *words(BASE), "-o", tmp_path / "m.model")[-1]
    done = events("train", file, *words(BASE), "--interval-method", "jackknife+", "-o", tmp_path / "m.model")[-1]
    assert done["parameters_hash"] == plain["parameters_hash"]
    tensors = tensor_file.load_file(tmp_path / "m.model")
    assert tensors["conformity.linear1.weight"].shape == (ROWS, *tensors["linear1.weight"].shape)
