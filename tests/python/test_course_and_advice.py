"""Where training stands, what a step leaves unchanged and the numbers in what is advised, recomputed in NumPy."""

import re

import numpy as np
import pytest
from program import events, handgrad, read_weights, write_table
from reference import DEFAULTS, encode, loss_and_gradient, words
from safetensors import numpy as tensor_file

ROWS = 40
A_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"


def table(seed=1, noise=0.0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, ROWS))
    return {"a": a, "b": b, "y": a - 0.5 * b + noise * rng.normal(size=ROWS)}


def trained(folder, columns, **settings):
    """Settings with their defaults, and the events of the training."""
    options = {"target": ["y"], "dtype": "f64", "hidden": [4], "hidden_activation": ["tanh"]} | settings
    return DEFAULTS | options, events("train", write_table(folder / "t.csv", columns), *words(options), "-o",
                                      folder / "m.model")


def diagnosis(folder, data="t.csv", *options):
    [event] = events("diagnose", folder / "m.model", folder / data, *options)
    event["text"] = " ".join(event["text"].split())
    return event


def numbers(pattern, text):
    found = re.search(pattern.replace("#", A_NUMBER), text)
    assert found, f"{pattern!r} is not in {text!r}"
    return [float(number) for number in found.groups()]


def quarters(epochs, losses):
    """Means of the last but one and the last quarter, where the last begins, and the size of the loss."""
    quarter = len(losses) // 4
    last = len(losses) - quarter
    before, after = np.mean(losses[last - quarter:last]), np.mean(losses[last:])
    return before, after, epochs[last], max(abs(before), abs(losses[0] - min(losses)))


COURSES = {
    "falling": dict(validation=0.0, epochs=20, learning_rate=0.003),
    "falling_by_most_of_it": dict(validation=0.0, epochs=16, learning_rate=0.01),
    "falling_held_out": dict(validation=0.2, epochs=30, learning_rate=0.003, seed=1),
    "flat": dict(validation=0.0, epochs=400, learning_rate=0.01, hidden=[], batch=ROWS),
    "overfitting": dict(validation=0.4, epochs=300, learning_rate=0.02, hidden=[64]),
    "overfitting_by_its_gap": dict(validation=0.2, epochs=30, learning_rate=0.003),
    "stopped_early": dict(validation=0.4, epochs=300, learning_rate=0.02, hidden=[64], early_stopping=10),
}


@pytest.mark.parametrize("course", COURSES)
def test_the_course_is_that_of_the_losses(tmp_path, course):
    """docs/diagnosis.md, "Where training stands"."""
    settings = COURSES[course]
    _, printed = trained(tmp_path, table(noise=0.5), **settings)
    [model] = events("inspect", tmp_path / "m.model")
    which = "validation_loss" if settings["validation"] else "loss"
    column = model["history"]["columns"].index(which)
    kept = [(epoch[0], epoch[column]) for epoch in model["history"]["epochs"] if epoch[column] is not None]
    epochs, losses = zip(*kept, strict=True)
    events_of = {event["epoch"]: event for event in printed if event["event"] == "epoch"}
    for epoch, loss in zip(epochs, losses, strict=True):  # which the file keeps as floats
        assert epoch == 0 or loss == pytest.approx(events_of[epoch][which], rel=1e-6)
    event = diagnosis(tmp_path)
    training, text = event["training"], event["text"]
    assert training["text"] in text
    assert (training["course"], training["epochs"]) == (re.split("_held|_by", course)[0], epochs[-1])
    before, after, first, size = quarters(epochs, losses)
    match training["course"]:
        case "falling":
            found = numbers("by # % over epochs # to #", text)
            assert found == [pytest.approx(100.0 * (before - after) / size, rel=6e-3), first, epochs[-1]]
            assert training["since"] is None
        case "flat":
            assert numbers("flat over epochs # to #", text) == [first, epochs[-1]]
            assert training["since"] == first and (before - after) / size < 0.05
        case "stopped_early":
            best = epochs[int(np.argmin(losses))]
            assert training["since"] == best and epochs[-1] == best + 10
            assert numbers("after epoch #: the validation loss was lowest in epoch #", text) == [epochs[-1], best]
        case "overfitting" if training["since"] is None:
            gap = {part: printed[-1]["metrics"][part]["r2"] for part in ("train", "validation")}
            assert numbers("r2 is # on the rows that it learned from and # on the validation rows", text) == [
                pytest.approx(gap["train"], rel=6e-3), pytest.approx(gap["validation"], rel=6e-3)]
            assert gap["train"] - gap["validation"] >= 0.3
        case "overfitting":
            window = max(len(losses) // 20, 1)
            starts = [max(i - window // 2, 0) for i in range(len(losses))]
            lowest = int(np.argmin([np.mean(losses[start:start + window]) for start in starts]))
            assert training["since"] == epochs[lowest]
            assert numbers("since epoch #.* rose from # to # while", text) == [
                epochs[lowest], pytest.approx(losses[lowest], rel=6e-3), pytest.approx(losses[-1], rel=6e-3)]


def test_a_table_that_is_fitted_far_worse_is_said_to_be(tmp_path):
    _, printed = trained(tmp_path, table(), validation=0.0, epochs=60, learning_rate=0.02)
    other = table(seed=2) | {"y": -table(seed=2)["y"]}
    write_table(tmp_path / "other.csv", other)
    [evaluation] = events("evaluate", tmp_path / "m.model", tmp_path / "other.csv")
    found = numbers("the loss was # there and is # here", diagnosis(tmp_path, "other.csv")["text"])
    losses = [event["loss"] for event in printed if event["event"] == "epoch"]
    assert found == [pytest.approx(losses[-1], rel=6e-3), pytest.approx(evaluation["loss"], rel=6e-3)]


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_unchanged_are_the_weights_that_the_step_does_not_reach(tmp_path, dtype):
    """yhat = w x of 24 inputs, of which half have weights so large that a float is a coarse place to move in."""
    rng = np.random.default_rng(4)
    inputs = {f"x{j}": rng.normal(size=ROWS) for j in range(24)}
    columns = inputs | {"y": rng.normal(size=ROWS)}
    number = np.float32 if dtype == "f32" else np.float64
    exponents = np.where(np.arange(24) % 2 == 0, 0.0, np.linspace(3.0, 7.0, 24))
    weights = {"linear1.weight": (rng.choice([-1.0, 1.0], 24) * 10.0**exponents)[None, :].astype(number),
               "linear1.bias": np.zeros(1, number)}
    tensor_file.save_file(weights, tmp_path / "w.safetensors")
    options, _ = trained(tmp_path, columns, hidden=["none"], hidden_activation=[], dtype=dtype, scale="none", epochs=0,
                         scale_target=False, validation=0.0, optimizer="sgd", learning_rate=1e-9,
                         init_from=tmp_path / "w.safetensors")
    data = encode(columns, options, np.arange(ROWS))
    _, gradient = loss_and_gradient({name: weight.astype(float) for name, weight in weights.items()},
                                    data.x.astype(number).astype(float), data.y, data.weights,
                                    options | {"hidden_activation": []})
    w, step = weights["linear1.weight"], 1e-9 * gradient["linear1.weight"]
    places = np.abs(step) / np.spacing(np.abs(w)).astype(float)
    unchanged = (w.astype(float) - step).astype(number) == w
    assert np.all(np.abs(places - 0.5) > 0.01), "too close to a half to tell which way it is rounded"
    if dtype == "f32":
        assert 0.1 < unchanged.mean() < 0.9
    assert diagnosis(tmp_path)["layers"][0]["unchanged"] == unchanged.mean()


@pytest.mark.parametrize(("output", "loss"), [("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy")])
def test_what_if_of_another_loss_is_its_gradient(tmp_path, output, loss):
    classes = 2 if output == "sigmoid" else 3
    columns = {name: column for name, column in table().items() if name != "y"}
    kinds = (np.digitize(columns["a"] - columns["b"], [-0.5, 0.5]) if classes == 3
             else (columns["a"] > columns["b"]).astype(int))
    options, _ = trained(tmp_path, columns | {"y": np.array(["p", "q", "r"])[kinds]}, task="classification",
                         loss="squared_error", output_activation=output, validation=0.0, epochs=2)
    x = encode(columns | {"y": kinds}, options, np.arange(ROWS)).x
    weights = read_weights(tmp_path / "m.model")
    a1 = np.tanh(x @ weights["linear1.weight"].T + weights["linear1.bias"])
    z = a1 @ weights["linear2.weight"].T + weights["linear2.bias"]
    if classes == 2:
        delta = (1.0 / (1.0 + np.exp(-z)) - kinds[:, None]) / ROWS
    else:
        delta = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - np.eye(3)[kinds]) / ROWS
    expected = {"linear2": delta.T @ a1, "linear1": (delta @ weights["linear2.weight"] * (1.0 - a1**2)).T @ x}
    found = {row["layer"]: row["gradient_rms"] for row in diagnosis(tmp_path)["what_if"]
             if row["change"] == f"{loss} for squared_error"}
    assert found == {layer: pytest.approx(np.sqrt(np.mean(g**2)), rel=1e-9) for layer, g in expected.items()}


@pytest.mark.parametrize("rate", [0.6, 1.0])
def test_a_learning_rate_is_advised_that_makes_the_step_a_twentieth_or_less(tmp_path, rate):
    """By whole powers of ten; the step by the weights, or by the size of first weights where that is larger or, with
    answers worse than a constant's, whatever the weights are."""
    trained(tmp_path, table(), validation=0.0, epochs=3, learning_rate=rate, scale_target=False)
    event = diagnosis(tmp_path)
    weights = read_weights(tmp_path / "m.model")
    worse = event["loss"] > event["constant_loss"]
    ratios = []
    for layer, inputs, outputs in zip(event["layers"], (2, 4), (4, 1), strict=True):
        size = np.sqrt(np.mean(weights[f"{layer['name']}.weight"] ** 2))
        usual = np.sqrt(2.0 / (inputs + outputs))
        assert layer["weight_size"] == pytest.approx(size / usual, rel=1e-9)
        ratios.append(layer["update_ratio"] * size / (usual if worse else max(size, usual)))
    assert event["factor"] == "large_steps" and worse == (rate == 1.0)
    tens = np.ceil(np.log10(max(ratios) / 0.05))
    assert float(event["try"]["learning_rate"]) == pytest.approx(rate / 10.0**tens, rel=1e-3)
    if max(ratios) < 2.0:
        assert numbers("one step is # % of the size of first weights", event["text"]) == [
            pytest.approx(100.0 * max(ratios), abs=0.51)]
    if worse:
        assert numbers("the loss on these rows is #, that of the best constant #", event["text"]) == [
            pytest.approx(event["loss"], rel=6e-4), pytest.approx(event["constant_loss"], rel=6e-4)]


def test_sizes_of_inputs_and_reach_of_targets_are_those_of_the_columns(tmp_path):
    columns = table() | {"a": 300.0 + 50.0 * table()["a"], "b": 2000.0 * table()["b"]}
    trained(tmp_path, columns, validation=0.0, epochs=1, scale="none")
    event = diagnosis(tmp_path)
    assert event["factor"] == "unscaled_inputs" and event["try"]["scale"] == "standard"
    sizes = {name: np.sqrt(np.mean(columns[name] ** 2)) for name in "ab"}
    assert numbers("'b' has a size of # and 'a' has a size of #", event["text"]) == [
        pytest.approx(sizes["b"], rel=6e-3), pytest.approx(sizes["a"], rel=6e-3)]

    far = table() | {"y": 5.0 * table()["y"]}
    trained(tmp_path, far, validation=0.0, epochs=40, output_activation="sigmoid", loss="squared_error",
            learning_rate=0.1)
    event = diagnosis(tmp_path)
    assert numbers("reach from # to #, but sigmoid outputs only from # to #", event["text"]) == [
        pytest.approx(far["y"].min(), rel=6e-3), pytest.approx(far["y"].max(), rel=6e-3), 0.0, 1.0]


def test_a_divergence_is_told_by_how_far_off_the_answers_are(tmp_path):
    """yhat = 10^4 x: its squared error beside that of always answering 0."""
    columns = {"x": table()["a"], "y": table()["b"]}
    weights = {"linear1.weight": np.array([[1e4]]), "linear1.bias": np.zeros(1)}
    tensor_file.save_file(weights, tmp_path / "w.safetensors")
    trained(tmp_path, columns, hidden=["none"], hidden_activation=[], scale="none", scale_target=False, validation=0.0,
            epochs=1, learning_rate=1e-12, optimizer="sgd", init_from=tmp_path / "w.safetensors")
    event = diagnosis(tmp_path)
    [slope], [bias] = read_weights(tmp_path / "m.model").values()
    off = np.sum((slope[0] * columns["x"] + bias - columns["y"]) ** 2) / np.sum(columns["y"] ** 2)
    [told] = numbers("squared error is # times that of always answering 0", event["text"])
    assert told == pytest.approx(off, rel=6e-3)
    spread = np.mean((columns["y"] - columns["y"].mean()) ** 2)
    assert event["constant_loss"] == pytest.approx(spread, rel=1e-9)
    assert event["loss"] == pytest.approx(off * np.mean(columns["y"] ** 2), rel=1e-9)


def test_shares_and_multiples_in_the_text_are_those_of_the_layers(tmp_path):
    """Which have their witnesses in test_printed_numbers.py."""
    trained(tmp_path, table(), validation=0.0, epochs=3, optimizer="sgd", learning_rate=1.5, scale_target=False)
    event = diagnosis(tmp_path)
    sizes = [layer["weight_size"] for layer in event["layers"]]
    assert numbers("weights of linear1 and linear2 have # to # times the size", event["text"]) == [
        pytest.approx(min(sizes), rel=6e-3), pytest.approx(max(sizes), rel=6e-3)]
