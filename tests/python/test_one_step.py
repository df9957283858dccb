"""One step of Eq. (4) by the program against the derivation repeated in NumPy, for every pair of its three parts."""

import derivation
import numpy as np
import pytest
import xxhash
from bounded import U, assert_agree
from program import PLAIN, random_weights, table_of, train

ROWS, INPUTS, HIDDEN = 30, 4, 5
LEARNING_RATE = 0.01
PAIRS = {"section 2": ("relu", "identity", "squared_error"),
         "section 3": ("sigmoid", "sigmoid", "squared_error"),
         "section 4": ("sigmoid", "sigmoid", "binary_cross_entropy")}


def options(pair, batch, dtype):
    hidden, output, loss = pair
    return ["--hidden", HIDDEN, "--hidden-activation", hidden, "--output-activation", output, "--loss", loss,
            "--optimizer", "sgd", "--learning-rate", LEARNING_RATE, "--epochs", 1, "--batch", batch, *PLAIN,
            "--dtype", dtype]


def random_problem(pair, outputs, dtype):
    rng = np.random.default_rng(20210401)
    x = rng.normal(size=(ROWS, INPUTS))
    y = rng.normal(size=(ROWS, outputs))
    if pair[1] == "sigmoid":
        y = (y > 0.0).astype(np.float64)
    return x, y, random_weights([INPUTS, HIDDEN, outputs], rng, np.float64 if dtype == "f64" else np.float32)


def target_columns(y):
    names = ["y"] if y.shape[1] == 1 else [f"y{k + 1}" for k in range(y.shape[1])]
    return dict(zip(names, y.T, strict=True))


def train_one_epoch(folder, x, y, weights, pair, batch, dtype):
    targets = target_columns(y)
    return train(folder, table_of(x, targets), ",".join(targets), weights, *options(pair, batch, dtype))


def assert_same_epoch(trained, x, y, weights, pair, batch, dtype):
    loss, expected = derivation.epoch(weights, x, y, batch, LEARNING_RATE, pair)
    assert list(trained.weights) == list(expected)
    for name, weight in expected.items():
        assert trained.weights[name].dtype == (np.float64 if dtype == "f64" else np.float32)
        assert_agree(trained.weights[name], weight, dtype)
        # The bound itself is worth something: all of it within 1e-12 in double.
        assert dtype != "f64" or np.max(weight.error) * U["f64"] < 1e-12
    assert_agree(np.array(trained.losses), loss[np.newaxis], dtype)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_full_batch_epoch_is_one_step_of_eq_4(tmp_path, pair, outputs, dtype):
    x, y, weights = random_problem(pair, outputs, dtype)
    trained = train_one_epoch(tmp_path, x, y, weights, pair, 1000000, dtype)
    assert_same_epoch(trained, x, y, weights, pair, 1000000, dtype)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_each_batch_is_one_step_of_eq_4_and_the_last_may_be_shorter(tmp_path, pair, dtype):
    x, y, weights = random_problem(pair, 2, dtype)
    trained = train_one_epoch(tmp_path, x, y, weights, pair, 8, dtype)
    assert_same_epoch(trained, x, y, weights, pair, 8, dtype)


def test_relu_slope_at_zero_is_1_as_eq_7_says(tmp_path):
    pair = PAIRS["section 2"]
    x, y, weights = random_problem(pair, 2, "f64")
    weights["linear1.weight"][:] = 0.0
    weights["linear1.bias"][:] = 0.0
    trained = train_one_epoch(tmp_path, x, y, weights, pair, 1000000, "f64")
    assert np.all(trained.weights["linear1.weight"] != 0.0)
    assert_same_epoch(trained, x, y, weights, pair, 1000000, "f64")


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_parameters_hash_is_the_xxh3_128_of_the_tensors_in_order(tmp_path, dtype):
    pair = PAIRS["section 2"]
    trained = train_one_epoch(tmp_path, *random_problem(pair, 2, dtype), pair, 1000000, dtype)
    expected = xxhash.xxh3_128()
    for tensor in trained.weights.values():
        expected.update(tensor.astype(tensor.dtype.newbyteorder("<")).tobytes())
    assert trained.done["parameters_hash"] == expected.hexdigest()
