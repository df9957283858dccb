"""Numbers that evaluate, sensitivity and diagnose print, against NumPy, SciPy and scikit-learn."""

import numpy as np
import pytest
from program import events, handgrad, read_weights, write_table
from reference import DEFAULTS, encode, loss_and_gradient, words
from safetensors import numpy as tensor_file
from sklearn.metrics import mean_squared_error
from sklearn.neural_network import MLPRegressor

ROWS = 30


def columns(seed=3):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, ROWS))
    return {"a": 3.0 * a + 1.0, "b": b, "w": rng.uniform(0.2, 3.0, ROWS), "y": np.sin(a) + b, "y2": a * b,
            "flag": (a > b).astype(int)}


def trained(folder, table, **settings):
    path = write_table(folder / "t.csv", table)
    options = {"dtype": "f64", "epochs": 2, "validation": 0, "shuffle": False, "hidden": [4],
               "hidden_activation": ["tanh"]} | settings
    handgrad("train", path, *words(options), "-o", folder / "m.model")
    return DEFAULTS | options


# --- evaluate --------------------------------------------------------------------------------------------------------

REGRESSION = {"target": ["y", "y2"], "drop": ["flag", "w"], "task": "regression"}
LOSSES = [{**REGRESSION}, {**REGRESSION, "loss": "absolute_error"}, {**REGRESSION, "loss": "huber", "huber_delta": 0.3},
          {**REGRESSION, "loss": "quantile", "quantile": 0.8}, {**REGRESSION, "drop": ["flag"], "weight": "w"},
          {"target": ["flag"], "drop": ["y", "y2", "w"], "task": "classification"}]


@pytest.mark.parametrize("convention", ["handgrad", "pytorch", "sklearn"])
@pytest.mark.parametrize("settings", LOSSES, ids=str)
def test_the_loss_of_evaluate_is_the_function_that_is_differentiated_penalty_included(tmp_path, settings, convention):
    """On another table than that of the training, of other length: scikit-learn's penalty is a share of each row's."""
    options = trained(tmp_path, columns(), convention=convention, weight_decay=0.4, optimizer="adam", **settings)
    train = encode(columns(), options, np.arange(ROWS))
    other = {name: column[:17] for name, column in columns(seed=4).items()}
    both = {name: np.concatenate([column, columns()[name]]) for name, column in other.items()}
    data = encode(both, options, np.arange(17, 17 + ROWS))  # scales come from the training rows
    np.testing.assert_array_equal(data.x[17:], train.x)
    expected, _ = loss_and_gradient(read_weights(tmp_path / "m.model"), data.x[:17], data.y[:17], data.weights[:17],
                                    options)
    [evaluation] = events("evaluate", tmp_path / "m.model", write_table(tmp_path / "other.csv", other))
    assert evaluation["rows"] == 17
    assert evaluation["loss"] == pytest.approx(expected, rel=1e-12)


def test_the_decay_of_adamw_is_no_part_of_the_loss(tmp_path):
    options = trained(tmp_path, columns(), optimizer="adamw", weight_decay=0.4, **REGRESSION)
    data = encode(columns(), options, np.arange(ROWS))
    weights = read_weights(tmp_path / "m.model")
    a1 = np.tanh(data.x @ weights["linear1.weight"].T + weights["linear1.bias"])
    yhat = a1 @ weights["linear2.weight"].T + weights["linear2.bias"]
    [evaluation] = events("evaluate", tmp_path / "m.model", tmp_path / "t.csv")
    assert evaluation["loss"] == pytest.approx(2 * mean_squared_error(data.y, yhat), rel=1e-12)


def test_the_loss_of_sklearns_convention_is_what_sklearn_itself_reports(tmp_path):
    """One output, one batch: MLPRegressor.loss_ of those weights on that table."""
    table = {name: column for name, column in columns().items() if name in ("a", "b", "y")}
    trained(tmp_path, table, target=["y"], convention="sklearn", weight_decay=0.7, scale="none", scale_target=False)
    weights = read_weights(tmp_path / "m.model")
    x = np.stack([table["a"], table["b"]], axis=1)
    peer = MLPRegressor([4], "tanh", alpha=0.7, solver="sgd", batch_size=ROWS, shuffle=False, learning_rate_init=1e-30)
    peer.partial_fit(x, table["y"])
    peer.coefs_ = [weights["linear1.weight"].T.copy(), weights["linear2.weight"].T.copy()]
    peer.intercepts_ = [weights["linear1.bias"].copy(), weights["linear2.bias"].copy()]
    peer.partial_fit(x, table["y"])
    [evaluation] = events("evaluate", tmp_path / "m.model", tmp_path / "t.csv")
    assert evaluation["loss"] == pytest.approx(peer.loss_, rel=1e-12)


# --- predict ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_of_all_classes_stand_in_csv_and_events(tmp_path, classes):
    """One sigmoid or a softmax of logits by NumPy; the CSV has what the events have."""
    table = {name: columns()[name] for name in ("a", "b")} | {"kind": [("p", "q", "r")[i % classes] for i in range(ROWS)]}
    options = trained(tmp_path, table, target=["kind"], hidden=[4], epochs=5, learning_rate=0.1)
    x = encode(table | {"kind": np.arange(ROWS)}, options, np.arange(ROWS)).x
    weights = read_weights(tmp_path / "m.model")
    z = np.tanh(x @ weights["linear1.weight"].T + weights["linear1.bias"]) @ weights["linear2.weight"].T
    z += weights["linear2.bias"]
    logits = np.hstack([np.zeros((ROWS, 1)), z]) if classes == 2 else z
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = ["p", "q", "r"][:classes]
    printed = events("predict", tmp_path / "m.model", tmp_path / "t.csv", "--proba")
    header, *lines = handgrad("predict", tmp_path / "m.model", tmp_path / "t.csv", "--proba").splitlines()
    assert header == ",".join(["predicted", *(f"p({name})" for name in names)])
    for row, (event, line) in enumerate(zip(printed, lines, strict=True)):
        predicted, *probabilities = line.split(",")
        assert event["probabilities"] == pytest.approx(dict(zip(names, expected[row], strict=True)), rel=1e-10)
        assert [float(p) for p in probabilities] == list(event["probabilities"].values())
        assert predicted == event["predicted"] == names[expected[row].argmax()]


# --- sensitivity -----------------------------------------------------------------------------------------------------


def linear_model(folder, w, bias, scale="standard", **table):
    """A single linear layer with these weights, of columns a and b, without scaled target."""
    path = write_table(folder / "t.csv", table)
    tensor_file.save_file({"linear1.weight": np.array([w]), "linear1.bias": np.array([bias])}, folder / "w.safetensors")
    handgrad("train", path, "--target", "y", "--task", "regression", "--hidden", "none", "--epochs", 0, "--scale", scale,
             "--no-scale-target", "--validation", 0, "--dtype", "f64", "--init-from", folder / "w.safetensors", "-o",
             folder / "m.model")
    return folder / "m.model", path


def of_column(model, table, name, *options):
    [event] = events("sensitivity", model, table, *options)
    return next(column for column in event["columns"] if column["name"] == name)


@pytest.mark.parametrize("repeats", [1, 4, 32])
def test_permutation_importance_is_a_mean_over_the_repeats(tmp_path, repeats):
    """yhat = 2a + b and the table's y is yhat but for noise: a shuffle adds 4 (a' - a)^2, whose mean is 8 var a; what
    shuffle and noise have in common is small beside 10 %."""
    rng = np.random.default_rng(1)
    rows = 4000
    a, b = rng.normal(size=(2, rows))
    model, table = linear_model(tmp_path, [2.0, 1.0], 0.0, "none", a=a, b=b, y=2 * a + b + 0.1 * rng.normal(size=rows))
    assert of_column(model, table, "a", "--repeats", repeats)["permutation"] == pytest.approx(8.0 * a.var(), rel=0.1)
    assert of_column(model, table, "b", "--repeats", repeats)["permutation"] == pytest.approx(2.0 * b.var(), rel=0.1)


def test_permutation_importance_of_two_rows_takes_one_of_two_values(tmp_path):
    """Either nothing changes or the two rows change places, so the mean over n repeats is a multiple of 1/n of that."""
    model, table = linear_model(tmp_path, [1.0, 0.0], 0.0, "none", a=[1.0, 4.0], b=[0.5, 0.25], y=[1.5, 4.25])
    swapped = np.mean([(4.0 - 1.5) ** 2, (1.0 - 4.25) ** 2]) - np.mean([0.5**2, 0.25**2])
    share = of_column(model, table, "a", "--repeats", 8)["permutation"] / swapped
    assert 0.0 < share < 1.0 and 8 * share == pytest.approx(round(8 * share), abs=1e-9)
    assert of_column(model, table, "b", "--repeats", 8)["permutation"] == 0.0


def test_permutation_importance_is_of_the_weighted_loss(tmp_path):
    """Three rows of four have no weight and a = 100: they lend their a, but what they themselves lose does not count."""
    rng = np.random.default_rng(6)
    counts = np.arange(400) % 4 == 0
    a = np.where(counts, rng.normal(size=400), 100.0)
    table = write_table(tmp_path / "t.csv", {"a": a, "y": 2.0 * a + 0.01 * rng.normal(size=400), "w": counts.astype(int)})
    tensor_file.save_file({"linear1.weight": np.array([[2.0]]), "linear1.bias": np.zeros(1)}, tmp_path / "w.safetensors")
    handgrad("train", table, "--target", "y", "--weight", "w", "--hidden", "none", "--epochs", 0, "--scale", "none",
             "--no-scale-target", "--validation", 0, "--dtype", "f64", "--init-from", tmp_path / "w.safetensors", "-o",
             tmp_path / "m.model")
    # A row that counts gets a' of its own kind or, three times as often, 100: E (2a' - 2a)^2 over rows that count.
    seen = a[counts]
    expected = 0.25 * 8.0 * seen.var() + 0.75 * np.mean(4.0 * (100.0 - seen) ** 2)
    assert of_column(tmp_path / "m.model", table, "a", "--repeats", 50)["permutation"] == pytest.approx(expected, rel=0.05)


def test_mean_sd_rms_sign_and_effect_are_those_of_the_derivatives_in_the_tables_units(tmp_path):
    """yhat = w2 tanh(w1 x + b1) + b2 with x and y scaled: by the chain rule in NumPy."""
    table = {name: column for name, column in columns().items() if name in ("a", "b", "y")}
    options = trained(tmp_path, table, target=["y"])
    data = encode(table, options, np.arange(ROWS))
    weights = read_weights(tmp_path / "m.model")
    a1 = np.tanh(data.x @ weights["linear1.weight"].T + weights["linear1.bias"])
    jacobian = ((1.0 - a1**2) * weights["linear2.weight"]) @ weights["linear1.weight"]
    for j, name in enumerate(["a", "b"]):
        slopes = jacobian[:, j] * table["y"].std() / table[name].std()
        column = of_column(tmp_path / "m.model", tmp_path / "t.csv", name)
        expected = {"mean": slopes.mean(), "sd": slopes.std(), "rms": np.sqrt(np.mean(slopes**2)),
                    "sign": np.sign(slopes).mean(), "effect": np.sqrt(np.mean(slopes**2)) * table[name].std()}
        assert {key: column[key] for key in expected} == pytest.approx(expected, rel=1e-10, abs=1e-12)


# --- diagnose --------------------------------------------------------------------------------------------------------


def chain_model(folder, gain):
    """Diagnosis of four linear layers of one unit: the first multiplies by g^-3, the others by g each, so yhat = x."""
    x = np.where(np.arange(ROWS) % 2 == 0, 1.0, -1.0)
    table = write_table(folder / "t.csv", {"x": x, "y": x * 1.5 + 0.01 * np.arange(ROWS)})
    factors = [gain**-3, gain, gain, gain]
    weights = {f"linear{layer}.weight": np.array([[factor]]) for layer, factor in enumerate(factors, start=1)}
    weights |= {f"linear{layer}.bias": np.zeros(1) for layer in (1, 2, 3, 4)}
    tensor_file.save_file(weights, folder / "w.safetensors")
    handgrad("train", table, "--target", "y", "--task", "regression", "--hidden", "1,1,1", "--hidden-activation",
             "identity", "--epochs", 0, "--scale", "none", "--no-scale-target", "--validation", 0, "--dtype", "f64",
             "--init-from", folder / "w.safetensors", "-o", folder / "m.model")
    [diagnosis] = events("diagnose", folder / "m.model", table)
    return diagnosis


@pytest.mark.parametrize("gain", [0.5, 0.13, 0.0977])
def test_reach_is_the_product_of_the_gains_and_the_input(tmp_path, gain):
    """Of layer l all the weights above it, times the largest of its inputs, which are 1 and then |z|."""
    reach = [layer["reach"] for layer in chain_model(tmp_path, gain)["layers"]]
    inputs = [1.0, gain**-3, gain**-2, gain**-1]
    assert reach == pytest.approx([gain ** (3 - layer) * inputs[layer] for layer in range(4)], rel=1e-9)


@pytest.mark.parametrize(("reach", "starved"), [(2e-3, False), (1.05e-3, False), (0.95e-3, True), (4e-4, True)])
def test_a_layer_starves_below_a_thousandth(tmp_path, reach, starved):
    """docs/diagnosis.md: the first layer's reach is gain^3, and no gain alone is below 1 %."""
    diagnosis = chain_model(tmp_path, reach ** (1 / 3))
    first = diagnosis["layers"][0]
    assert diagnosis["unexplained"] < 0.9  # a network that is stuck has another border
    assert first["reach"] == pytest.approx(reach, rel=1e-9)
    assert (first["starved"], first["factor"]) == (starved, "small_weights" if starved else "none")


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("weight", [None, "w"])
def test_gradient_rms_loss_and_unexplained_are_numpys(tmp_path, scaled, weight):
    kept = ["a", "b", "y", *([weight] if weight else [])]
    table = {name: columns()[name] for name in kept} | {"y": columns()["y"] + 3.0}
    options = trained(tmp_path, table, target=["y"], hidden=[4, 3], batch=ROWS, scale_target=scaled, weight=weight)
    data = encode(table, options, np.arange(ROWS))
    loss, gradient = loss_and_gradient(read_weights(tmp_path / "m.model"), data.x, data.y, data.weights, options)
    [diagnosis] = events("diagnose", tmp_path / "m.model", tmp_path / "t.csv")
    assert diagnosis["loss"] == pytest.approx(loss, rel=1e-10)
    mean = np.average(data.y[:, 0], weights=data.weights)
    spread = np.average((data.y[:, 0] - mean) ** 2, weights=data.weights)
    assert diagnosis["constant_loss"] == pytest.approx(spread, rel=1e-10)  # of always answering the mean
    assert diagnosis["unexplained"] == pytest.approx(loss / spread, rel=1e-10)
    for layer in diagnosis["layers"]:
        of_weights = gradient[f"{layer['name']}.weight"]
        assert layer["gradient_rms"] == pytest.approx(np.sqrt(np.mean(of_weights**2)), rel=1e-10)


def test_rows_top_have_the_norm_and_the_direction_of_their_own_gradient(tmp_path):
    table = columns()
    settings = {"target": ["y"], "drop": ["y2", "flag"], "weight": "w", "task": "regression"}
    options = trained(tmp_path, table, **settings)
    data = encode(table, options, np.arange(ROWS))
    weights = read_weights(tmp_path / "m.model")

    def flat(rows):
        _, gradient = loss_and_gradient(weights, data.x[rows], data.y[rows], data.weights[rows], options)
        return np.concatenate([gradient[name].ravel() for name in weights])

    batch, each = flat(np.arange(ROWS)), [flat([row]) for row in range(ROWS)]
    norms = np.linalg.norm(each, axis=1)
    [diagnosis] = events("diagnose", tmp_path / "m.model", tmp_path / "t.csv", "--rows-top", 5)
    largest = np.argsort(-norms)[:5]
    assert [row["line"] for row in diagnosis["rows_top"]] == (largest + 2).tolist()
    for row, found in zip(largest, diagnosis["rows_top"], strict=True):
        assert found["norm"] == pytest.approx(norms[row], rel=1e-9)
        assert found["cosine"] == pytest.approx(each[row] @ batch / norms[row] / np.linalg.norm(batch), rel=1e-9)


@pytest.mark.parametrize("hidden", ["tanh", "relu"])
def test_saturated_dead_and_update_ratio_are_counted_and_measured(tmp_path, hidden):
    """Weights large enough that some units are flat: 7 % of the steepest slope in a row, or 0 in every row."""
    table = {name: column for name, column in columns().items() if name in ("a", "b", "y")}
    rng = np.random.default_rng(2)
    weights = {"linear1.weight": rng.normal(0.0, 2.0, (16, 2)), "linear1.bias": rng.normal(-2.0, 4.0, 16),
               "linear2.weight": rng.normal(0.0, 0.2, (1, 16)), "linear2.bias": np.zeros(1)}
    tensor_file.save_file(weights, tmp_path / "first.safetensors")
    options = trained(tmp_path, table, target=["y"], hidden=[16], hidden_activation=[hidden], epochs=0, optimizer="sgd",
                      learning_rate=0.125, init_from=tmp_path / "first.safetensors")
    data = encode(table, options, np.arange(ROWS))
    _, gradient = loss_and_gradient(weights, data.x, data.y, data.weights, options)
    z = data.x @ weights["linear1.weight"].T + weights["linear1.bias"]
    [diagnosis] = events("diagnose", tmp_path / "m.model", tmp_path / "t.csv")
    first, last = diagnosis["layers"]
    border = 4.0 / (1.0 + np.exp(-4.0)) / (1.0 + np.exp(4.0))  # slope of the sigmoid at 4, of its steepest
    saturated = np.mean(1.0 - np.tanh(z) ** 2 < border) if hidden == "tanh" else 0.0
    dead = np.mean(np.all(z < 0.0, axis=0)) if hidden == "relu" else 0.0
    assert (saturated or dead) > 0.1
    assert (first["saturated"], first["dead"]) == (pytest.approx(saturated), pytest.approx(dead))
    assert (last["saturated"], last["dead"]) == (0.0, 0.0)
    for name, layer in (("linear1.weight", first), ("linear2.weight", last)):
        ratio = 0.125 * np.linalg.norm(gradient[name]) / np.linalg.norm(weights[name])
        assert layer["update_ratio"] == pytest.approx(ratio, rel=1e-9)
    if hidden == "tanh":
        _, with_relu = loss_and_gradient(weights, data.x, data.y, data.weights, options | {"hidden_activation": ["relu"]})
        found = {row["layer"]: row["gradient_rms"] for row in diagnosis["what_if"] if row["change"] == "relu for tanh"}
        assert found == {layer: pytest.approx(np.sqrt(np.mean(with_relu[f"{layer}.weight"] ** 2)), rel=1e-9)
                         for layer in ("linear1", "linear2")}


def test_the_powers_of_ten_of_each_factor_and_the_sizes_of_weights(tmp_path):
    """Root mean squares over the rows, of a tanh and an identity layer, one unit twice."""
    table = {name: column for name, column in columns().items() if name in ("a", "b", "y")}
    rng = np.random.default_rng(8)
    weights = {"linear1.weight": rng.normal(size=(5, 2)), "linear1.bias": rng.normal(size=5),
               "linear2.weight": rng.normal(size=(1, 5)), "linear2.bias": rng.normal(size=1)}
    for name in ("linear1.weight", "linear1.bias"):
        weights[name][3] = weights[name][1]
    weights["linear2.weight"][0, 3] = weights["linear2.weight"][0, 1]
    tensor_file.save_file(weights, tmp_path / "first.safetensors")
    options = trained(tmp_path, table, target=["y"], hidden=[5], epochs=0, init_from=tmp_path / "first.safetensors")
    data = encode(table, options, np.arange(ROWS))
    _, gradient = loss_and_gradient(weights, data.x, data.y, data.weights, options)
    a1 = np.tanh(data.x @ weights["linear1.weight"].T + weights["linear1.bias"])
    error = 2.0 * (a1 @ weights["linear2.weight"].T + weights["linear2.bias"] - data.y)
    behind = error @ weights["linear2.weight"]

    def size(rows):
        return np.log10(np.sqrt(np.mean(np.sum(rows**2, axis=1))))

    [diagnosis] = events("diagnose", tmp_path / "m.model", tmp_path / "t.csv")
    first, last = diagnosis["layers"]
    expected = [{"error": size(error), "output": 0.0, "weights": size(behind) - size(error),
                 "slopes": size(behind * (1.0 - a1**2)) - size(behind), "input": size(data.x)},
                {"error": size(error), "output": 0.0, "weights": 0.0, "slopes": 0.0, "input": size(a1)}]
    for layer, parts in zip((first, last), expected, strict=True):
        total = np.log10(np.linalg.norm(gradient[f"{layer['name']}.weight"]))
        parts |= {"gradient": total, "alignment": total - sum(parts.values())}
        assert layer["log10"] == {name: pytest.approx(value, abs=1e-10) for name, value in parts.items()}
    assert (first["identical"], last["identical"]) == (pytest.approx(2 / 5), 0.0)

    # First weights of tanh and of identity are uniform with variance 2/(in + out).
    usual = {"linear1": np.sqrt(2.0 / (2 + 5)), "linear2": np.sqrt(2.0 / (5 + 1))}
    sizes = {name: np.sqrt(np.mean(weights[f"{name}.weight"] ** 2)) for name in usual}
    assert first["weight_size"] == pytest.approx(sizes["linear1"] / usual["linear1"], rel=1e-10)
    assert last["weight_size"] == pytest.approx(sizes["linear2"] / usual["linear2"], rel=1e-10)
    rescaled = {name: weight * (usual[name[:7]] / sizes[name[:7]] if name.endswith("weight") else 1.0)
                for name, weight in weights.items()}
    _, of_rescaled = loss_and_gradient(rescaled, data.x, data.y, data.weights, options)
    for row in diagnosis["what_if"]:
        if row["change"].startswith("weights rescaled"):
            name = row["layer"]
            assert row["weight_scale"] == pytest.approx(usual[name] / sizes[name], rel=1e-10)
            assert row["gradient_rms"] == pytest.approx(np.sqrt(np.mean(of_rescaled[f"{name}.weight"] ** 2)), rel=1e-9)


# --- report ----------------------------------------------------------------------------------------------------------


def test_report_tells_the_numbers_of_evaluate_check_and_diagnose(tmp_path):
    """Which have witnesses above; the page shows them, so that page and events cannot differ."""
    trained(tmp_path, columns(), **REGRESSION)
    model, table = tmp_path / "m.model", tmp_path / "t.csv"
    [report] = events("report", model, table, "-o", tmp_path / "r.html")
    [evaluation], [diagnosis], [certificate] = (events(verb, model, table) for verb in ("evaluate", "diagnose", "check"))
    assert (report["rows"], report["loss"], report["metrics"]) == (ROWS, evaluation["loss"], evaluation["metrics"])
    assert (report["certificate"], report["factor"]) == (certificate["verdict"], diagnosis["factor"])
    page = (tmp_path / "r.html").read_text()
    for number in evaluation["metrics"].values():
        assert f"{number:.4g}" in page or f"{number:.5g}" in page or f"{number:.3g}" in page, number
