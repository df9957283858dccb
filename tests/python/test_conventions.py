"""Each preset of --convention against the library whose conventions it declares: losses, gradients, updates, starts.

A few full-batch steps from the same weights must end in the same weights. Since several steps are taken, a difference
in the loss's scale, a slope, the penalty, ε or momentum cannot hide.
"""

import dataclasses

import numpy as np
import pytest
import torch
from peers import Problem, Settings, numpy_steps, sklearn_steps, torch_steps
from program import FULL_BATCH, PLAIN, random_weights, table_of, train
from scipy import stats
from sklearn.neural_network import MLPRegressor

ROWS, INPUTS, HIDDEN = 24, 4, 6
TOLERANCE = 1e-12
"""Of weights and losses, all of order 1, after some steps in double: thousands of roundings of 1e-16."""

PEERS = {"handgrad": numpy_steps, "pytorch": torch_steps, "sklearn": sklearn_steps}


def _problems():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ROWS, INPUTS))
    x[:, -1] *= 1e-8  # its gradients are as small as Adam's ε, so that the place of ε shows
    numbers = rng.normal(size=(ROWS, 3))  # of three outputs sum, mean and half sum differ
    flags = (rng.normal(size=(ROWS, 3)) > 0.0).astype(float)
    classes = np.eye(3)[np.arange(ROWS) % 3]
    counts = rng.poisson(3.0, size=(ROWS, 3)).astype(float)
    return {"squared_error": Problem(x, numbers, "relu", "identity", "squared_error"),
            "binary_cross_entropy": Problem(x, flags, "tanh", "sigmoid", "binary_cross_entropy"),
            "cross_entropy": Problem(x, classes, "sigmoid", "softmax", "cross_entropy"),
            "absolute_error": Problem(x, numbers, "relu", "identity", "absolute_error"),
            "huber": Problem(x, numbers, "relu", "identity", "huber"),
            "poisson": Problem(x, counts, "tanh", "exp", "poisson")}


PROBLEMS = _problems()
MAIN_LOSSES = ["squared_error", "binary_cross_entropy", "cross_entropy"]
SETTINGS = {"sgd": Settings("sgd", 0.1),
            "weight decay": Settings("sgd", 0.1, weight_decay=0.3),
            "momentum": Settings("sgd", 0.05, momentum=0.9),
            "momentum, rate changes": Settings("sgd", 0.05, momentum=0.9, schedule="step"),
            "nesterov": Settings("sgd", 0.05, momentum=0.9, nesterov=True),
            "nesterov, rate changes": Settings("sgd", 0.05, momentum=0.9, nesterov=True, schedule="step"),
            "adam": Settings("adam", 0.01),
            "adam, weight decay": Settings("adam", 0.01, weight_decay=0.3),
            "adamw": Settings("adamw", 0.01, weight_decay=0.3)}


def first_weights(problem):
    return random_weights([INPUTS, HIDDEN, problem.y.shape[1]], np.random.default_rng(3))


def program_steps(folder, problem, settings, weights, convention):
    trained = train(folder, problem.columns, ",".join(problem.target_columns), weights, "--convention", convention,
                    "--hidden", HIDDEN, "--hidden-activation", problem.hidden, "--output-activation", problem.output,
                    "--loss", problem.loss, *settings.options, *PLAIN, *FULL_BATCH, "--dtype", "f64")
    return trained.losses, trained.weights


def distance(weights, others):
    return max(np.max(np.abs(weights[name] - others[name])) for name in others)


def assert_same_steps(folder, problem, settings, weights, convention, compare_losses=True):
    expected_losses, expected = PEERS[convention](problem, settings, weights)
    losses, actual = program_steps(folder, problem, settings, weights, convention)
    if compare_losses:
        np.testing.assert_allclose(losses, expected_losses, rtol=TOLERANCE)
    for name, weight in expected.items():
        np.testing.assert_allclose(actual[name], weight, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
        assert np.max(np.abs(weight - weights[name])) > 1e-4, f"{name} hardly moved: the comparison shows nothing"


def has(convention, settings):
    return convention != "sklearn" or settings.optimizer != "adamw"


@pytest.mark.parametrize(("convention", "settings"),
                         [pytest.param(convention, settings, id=f"{convention}-{name}")
                          for convention in PEERS for name, settings in SETTINGS.items() if has(convention, settings)])
@pytest.mark.parametrize("loss", MAIN_LOSSES)
def test_training_steps_are_those_of_the_peer(tmp_path, loss, convention, settings):
    problem = PROBLEMS[loss]
    # scikit-learn reports half the *mean* over the outputs but differentiates half the sum, which is what we report.
    differentiated = (convention, loss) != ("sklearn", "squared_error")
    assert_same_steps(tmp_path, problem, settings, first_weights(problem), convention, compare_losses=differentiated)


def test_squared_error_as_sklearn_differentiates_it_is_half_the_sum_over_the_outputs(tmp_path):
    problem = PROBLEMS["squared_error"]
    weights = first_weights(problem)
    settings = Settings("sgd", 0.1, steps=1)
    twice_ours, _ = numpy_steps(problem, settings, weights)
    ours, _ = program_steps(tmp_path, problem, settings, weights, "sklearn")
    np.testing.assert_allclose(ours, 0.5 * np.array(twice_ours), rtol=TOLERANCE)
    # With one output scikit-learn's report is that function too.
    single = dataclasses.replace(problem, y=problem.y[:, :1])
    assert_same_steps(tmp_path, single, settings, first_weights(single), "sklearn")


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "poisson"])
def test_pytorch_averages_other_losses_over_the_outputs_too(tmp_path, loss):
    problem = PROBLEMS[loss]
    assert_same_steps(tmp_path, problem, Settings("sgd", 0.05), first_weights(problem), "pytorch")


@pytest.mark.parametrize("convention", PEERS)
def test_slope_of_relu_at_zero_is_that_of_the_peer(tmp_path, convention):
    problem = PROBLEMS["squared_error"]
    weights = first_weights(problem)
    weights["linear1.weight"][:] = 0.0  # so that z1 is exactly 0
    weights["linear1.bias"][:] = 0.0
    settings = Settings("sgd", 0.1, steps=1)
    _, expected = PEERS[convention](problem, settings, weights)
    _, actual = program_steps(tmp_path, problem, settings, weights, convention)
    assert distance(actual, expected) <= TOLERANCE
    assert np.all((actual["linear1.bias"] != 0.0) == (convention == "handgrad"))


@pytest.mark.parametrize("convention", ["handgrad", "pytorch"])
def test_slope_of_absolute_error_at_zero_is_that_of_the_peer(tmp_path, convention):
    problem = PROBLEMS["absolute_error"]
    problem = dataclasses.replace(problem, y=np.zeros_like(problem.y))
    weights = {name: np.zeros_like(weight) for name, weight in first_weights(problem).items()}  # so that yhat = y = 0
    settings = Settings("sgd", 0.1, steps=1)
    _, expected = PEERS[convention](problem, settings, weights)
    _, actual = program_steps(tmp_path, problem, settings, weights, convention)
    assert distance(actual, expected) <= TOLERANCE
    assert np.all((actual["linear2.bias"] != 0.0) == (convention == "handgrad"))


@pytest.mark.parametrize(("settings", "convention", "other"),
                         [("sgd", "pytorch", "handgrad"), ("sgd", "sklearn", "handgrad"), ("sgd", "sklearn", "pytorch"),
                          ("weight decay", "pytorch", "handgrad"), ("weight decay", "sklearn", "handgrad"),
                          ("adam", "sklearn", "handgrad"), ("adam", "sklearn", "pytorch"),
                          ("adamw", "pytorch", "handgrad"), ("nesterov, rate changes", "pytorch", "handgrad"),
                          ("momentum, rate changes", "sklearn", "pytorch")])
def test_where_conventions_differ_the_comparison_with_a_peer_would_show_it(tmp_path, settings, convention, other):
    problem = PROBLEMS["squared_error"]
    weights = first_weights(problem)
    _, peer = PEERS[convention](problem, SETTINGS[settings], weights)
    _, wrong = program_steps(tmp_path, problem, SETTINGS[settings], weights, other)
    assert distance(wrong, peer) > 1e6 * TOLERANCE


# --- First weights --------------------------------------------------------------------------------------------------

WIDE = {"inputs": 12, "hidden": 400, "outputs": 3}


def assert_uniform(numbers, bound, source):
    """That these numbers look drawn from U(−bound, bound); the seeds are fixed, so it holds once and for all."""
    assert np.max(np.abs(numbers)) <= bound, source
    assert stats.kstest(np.ravel(numbers), stats.uniform(-bound, 2.0 * bound).cdf).pvalue > 1e-3, source


def fresh_weights(folder, convention, hidden, *options):
    rng = np.random.default_rng(11)
    targets = {f"y{k}": rng.normal(size=20) for k in range(WIDE["outputs"])}
    columns = table_of(rng.normal(size=(20, WIDE["inputs"])), targets)
    return train(folder, columns, ",".join(targets), None, "--convention", convention, "--hidden", WIDE["hidden"],
                 "--hidden-activation", hidden, "--epochs", 0, *options, *PLAIN).weights


@pytest.mark.parametrize(("hidden", "root"), [("relu", 6.0 / WIDE["inputs"]),
                                              ("sigmoid", 6.0 / (WIDE["inputs"] + WIDE["hidden"]))])
def test_first_weights_by_activation_are_he_for_relu_and_xavier_for_others(tmp_path, hidden, root):
    weights = fresh_weights(tmp_path, "handgrad", hidden, "--init", "by_activation")
    assert_uniform(weights["linear1.weight"], np.sqrt(root), "linear1")
    assert_uniform(weights["linear2.weight"], np.sqrt(6.0 / (WIDE["hidden"] + WIDE["outputs"])), "linear2")
    assert not np.any(weights["linear1.bias"])
    assert not np.any(weights["linear2.bias"])


@pytest.mark.parametrize("convention", ["handgrad", "pytorch"])
def test_first_weights_of_pytorch_are_those_of_its_linear_and_so_are_ours(tmp_path, convention):
    ours = fresh_weights(tmp_path, convention, "relu")
    torch.manual_seed(0)
    for layer, fan_in, fan_out in [(1, WIDE["inputs"], WIDE["hidden"]), (2, WIDE["hidden"], WIDE["outputs"])]:
        theirs = torch.nn.Linear(fan_in, fan_out)
        for kind in ("weight", "bias"):
            bound = 1.0 / np.sqrt(fan_in)
            assert_uniform(getattr(theirs, kind).detach().numpy(), bound * (1.0 + 1e-6), f"PyTorch, layer {layer}")
            assert_uniform(ours[f"linear{layer}.{kind}"], bound, f"handgrad, layer {layer}")


@pytest.mark.parametrize(("hidden", "theirs_hidden", "factor"), [("relu", "relu", 6.0), ("sigmoid", "logistic", 2.0)])
def test_first_weights_of_sklearn_are_its_glorot_ones(tmp_path, hidden, theirs_hidden, factor):
    ours = fresh_weights(tmp_path, "sklearn", hidden)
    sizes = [WIDE["inputs"], WIDE["hidden"], WIDE["outputs"]]
    theirs = MLPRegressor([WIDE["hidden"]], theirs_hidden, random_state=0)
    theirs._random_state = np.random.RandomState(0)
    theirs._initialize(np.zeros((1, WIDE["outputs"])), sizes, np.float64)
    for layer in (1, 2):
        bound = np.sqrt(factor / (sizes[layer - 1] + sizes[layer]))
        assert_uniform(theirs.coefs_[layer - 1], bound, f"scikit-learn, layer {layer}")
        assert_uniform(theirs.intercepts_[layer - 1], bound, f"scikit-learn, layer {layer}")
        assert_uniform(ours[f"linear{layer}.weight"], bound, f"handgrad, layer {layer}")
        assert_uniform(ours[f"linear{layer}.bias"], bound, f"handgrad, layer {layer}")
