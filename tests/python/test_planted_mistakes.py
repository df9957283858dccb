"""Planted mistakes: `compare` must name each, alone and in pairs, on every kind of network, and never another one."""

import itertools
import json
import os
import subprocess

import numpy as np
import pytest
from mistakes import gradient
from program import PLAIN, random_weights, table_of, train

NETWORKS = {
    "section 2": {"sizes": [3, 4, 3], "rows": 7, "hidden": "relu", "output": "identity", "loss": "squared_error"},
    "section 3": {"sizes": [4, 5, 3], "rows": 5, "hidden": "sigmoid", "output": "sigmoid", "loss": "squared_error"},
    "section 4": {"sizes": [4, 5, 3], "rows": 7, "hidden": "sigmoid", "output": "sigmoid",
                  "loss": "binary_cross_entropy"},
    "softmax": {"sizes": [3, 6, 4], "rows": 9, "hidden": "tanh", "output": "softmax", "loss": "cross_entropy"},
    "one output": {"sizes": [3, 4, 1], "rows": 5, "hidden": "tanh", "output": "identity", "loss": "squared_error"},
    "one row": {"sizes": [3, 4, 2], "rows": 1, "hidden": "sigmoid", "output": "sigmoid", "loss": "squared_error"},
    "two outputs": {"sizes": [3, 4, 2], "rows": 6, "hidden": "relu", "output": "identity", "loss": "squared_error"},
    "deep": {"sizes": [3, 5, 4, 6, 3], "rows": 7, "hidden": "tanh", "output": "sigmoid", "loss": "squared_error"},
    "square": {"sizes": [4, 4, 4], "rows": 6, "hidden": "sigmoid", "output": "sigmoid",
               "loss": "binary_cross_entropy"},
}

CAUSE = {"accumulated_twice": "accumulated", "accumulated_3": "accumulated", "accumulated_rows": "accumulated",
         "outputs_summed": "factor_outputs", "outputs_averaged": "factor_outputs", "rows_summed": "factor_rows",
         "rows_averaged": "factor_rows", "derivative_at_output": "derivative_at_activation"}
"""The name of a mistake where it is not the mistake's own."""


def cause_of(mistake):
    return "bias_sum" if mistake.startswith("bias_") else CAUSE.get(mistake, mistake.split("@")[0])


PAIRED = [("sign", "transposed"), ("sign", "factor_half"), ("factor_2", "transposed"), ("rows_summed", "sign"),
          ("rows_averaged", "transposed"), ("outputs_averaged", "sign"), ("outputs_summed", "rows_summed"),
          ("missing_output_derivative", "sign"), ("missing_output_derivative", "missing_hidden_derivative"),
          ("missing_hidden_derivative", "factor_half"), ("missing_hidden_derivative", "transposed"),
          ("derivative_at_activation", "sign"), ("derivative_at_activation", "missing_output_derivative"),
          ("relu_at_zero", "sign"), ("relu_at_zero", "rows_summed"), ("relu_at_zero", "transposed"),
          ("bias_first_row", "sign"), ("bias_mean", "transposed"), ("bias_all_units", "sign"),
          ("accumulated_rows", "sign"), ("bias_last_row", "missing_hidden_derivative"),
          ("accumulated_3", "missing_output_derivative"), ("rows_summed", "accumulated_rows")]
SINGLE = ["transposed", "sign", "factor_2", "factor_half", "outputs_summed", "outputs_averaged", "rows_summed",
          "rows_averaged", "relu_at_zero", "missing_output_derivative", "missing_hidden_derivative",
          "missing_hidden_derivative@1", "missing_hidden_derivative@2", "derivative_at_activation",
          "derivative_at_activation@1", "derivative_at_output", "accumulated_twice", "accumulated_3",
          "accumulated_rows", "bias_mean", "bias_not_averaged", "bias_first_row", "bias_last_row", "bias_all_units",
          "bias_scalar", "bias_not_summed"]
PLANTED = [(mistake,) for mistake in SINGLE] + PAIRED

@pytest.fixture(scope="session")
def problem(tmp_path_factory):
    """The model file, table, weights, x and y of a network, made once for each."""
    known = {}

    def make(name):
        if name not in known:
            known[name] = make_problem(tmp_path_factory.mktemp("compare"), NETWORKS[name])
        return known[name]

    return make


def make_problem(folder, net):
    rng = np.random.default_rng(7)
    sizes, rows = net["sizes"], net["rows"]
    x = rng.normal(size=(rows, sizes[0]))
    weights = random_weights(sizes, rng)
    if net["hidden"] == "relu":  # whole numbers, so that some z are exactly 0
        x = rng.integers(-2, 3, (rows, sizes[0])).astype(np.float64)
        weights = {name: np.round(2.0 * w) for name, w in weights.items()}
        x[0] = 0.0
        weights["linear1.bias"][0] = 0.0
    if net["output"] == "softmax":
        labels = np.arange(rows) % sizes[-1]
        y, columns, target = np.eye(sizes[-1])[labels], {"class": labels}, "class"
    else:
        y = rng.normal(size=(rows, sizes[-1]))
        y = (y > 0.0).astype(np.float64) if net["output"] == "sigmoid" else y
        columns = {f"y{k + 1}": y[:, k] for k in range(sizes[-1])}
        target = ",".join(columns)
    options = ["--hidden", ",".join(map(str, sizes[1:-1])), "--hidden-activation", net["hidden"],
               "--output-activation", net["output"], "--loss", net["loss"], "--epochs", 0, "--dtype", "f64", *PLAIN]
    if net["output"] != "softmax":
        options += ["--task", "regression"]
    trained = train(folder, table_of(x, columns), target, weights, *options)
    return folder, trained.model, folder / "t.csv", weights, x, y


def verdicts(model, table, file):
    """The event of `compare`, by tensor, checked against the exit code."""
    command = [os.environ["HANDGRAD_PROGRAM"], "compare", model, table, "--gradients", file, "--json"]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    event = json.loads(ran.stdout)
    failing = [t for t in event["tensors"] if t["verdict"] == "FAIL"]
    assert ran.returncode == (1 if failing else 0)
    return {t["name"]: t for t in event["tensors"]}


def cast(tensors, dtype):
    return {name: tensor.astype(dtype) for name, tensor in tensors.items()}


def planted(problem, network, mistakes, dtype):
    folder, model, table, weights, x, y = problem(network)
    wrong = gradient(NETWORKS[network], cast(weights, dtype), x.astype(dtype), y.astype(dtype), frozenset(mistakes))
    assert all(tensor.dtype == dtype for tensor in wrong.values())
    np.savez(folder / "g.npz", **wrong)
    return verdicts(model, table, folder / "g.npz")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("network", NETWORKS)
def test_right_gradients_pass(problem, network, dtype):
    tensors = planted(problem, network, (), dtype)
    assert {t["cause"] for t in tensors.values()} == {None}


def differs(tensor, wrong, right):
    """Beyond rounding, axes of length 1 of a bias aside."""
    if tensor.endswith("bias"):
        wrong, right = np.atleast_1d(np.squeeze(wrong)), np.atleast_1d(np.squeeze(right))
    return wrong.shape != right.shape or np.max(np.abs(wrong - right)) > 1e-9


def fewest(net, problem, tensor, mistakes):
    """The mistakes of a set without which this tensor would be another one: the fewest that give its numbers."""
    _, _, _, weights, x, y = problem
    whole = gradient(net, weights, x, y, frozenset(mistakes))[tensor]
    for count in range(len(mistakes) + 1):
        for some in itertools.combinations(mistakes, count):
            if not differs(tensor, gradient(net, weights, x, y, frozenset(some))[tensor], whole):
                return some
    raise AssertionError


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("mistakes", PLANTED, ids="+".join)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_planted_mistake_is_called_by_its_name(problem, network, mistakes, dtype):
    net = NETWORKS[network]
    if any("@2" in mistake for mistake in mistakes) and len(net["sizes"]) < 4:
        return
    if net["output"] == "softmax" and "derivative_at_output" in mistakes:
        return
    for name, tensor in planted(problem, network, mistakes, dtype).items():
        needed = {cause_of(mistake) for mistake in fewest(net, problem(network), name, mistakes)}
        if not needed:
            assert tensor["cause"] is None, tensor
            continue
        named = set(tensor["cause"].split("+"))
        # What is needless here may be named because other tensors need it: of a tensor of zeros everything is true.
        if not needed <= named <= {cause_of(mistake) for mistake in mistakes}:
            # Another name only where it stands for the very same numbers, is not longer, and the planted one is told.
            assert needed in [set(other.split("+")) for other in tensor["coincide"]], (tensor, needed)
            assert len(named) <= len(needed)
