"""`handgrad explain` on the three networks of the derivation, as text in golden files and as JSON, against NumPy.

The golden files show what a reader sees; that every number in them is right is checked here against the derivation
repeated in NumPy, not against the program. After a wanted change of the text: REWRITE_GOLDEN=1 and look at the difference.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import derivation
import numpy as np
import pytest
from bounded import U, Bounded, affine, assert_agree, outer
from program import PLAIN, events, handgrad, table_of, train

GOLDEN = Path(__file__).parent / "golden"
LEARNING_RATE = 0.5
PAIRS = {"tables_1_2": ("relu", "identity", "squared_error"),
         "tables_3_4": ("sigmoid", "sigmoid", "squared_error"),
         "tables_5_4": ("sigmoid", "sigmoid", "binary_cross_entropy")}
# Few digits, so that the golden files can be redone by hand; one z1 of ReLU is below 0.
WEIGHTS = {"linear1.weight": [[0.5, -1.0, 0.25], [1.5, 0.75, -0.5], [-0.25, 0.5, 1.0], [-1.0, 0.25, 0.5]],
           "linear1.bias": [0.1, -0.2, 0.3, -0.4],
           "linear2.weight": [[1.0, -0.5, 0.25, 0.75], [-0.75, 0.5, 1.25, -1.0]],
           "linear2.bias": [0.05, -0.15]}
X = np.array([[0.3, -0.6, 1.2], [1.0, -0.5, 2.0], [-1.5, 0.2, 0.4]])
Y = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
ROW = 2


def model_of(folder, pair, dtype):
    """A model file with WEIGHTS and the table t.csv, in `folder`."""
    hidden, output, loss = pair
    weights = {name: np.array(values, np.float64 if dtype == "f64" else np.float32) for name, values in WEIGHTS.items()}
    train(folder, table_of(X, {"y1": Y[:, 0], "y2": Y[:, 1]}), "y1,y2", weights, "--task", "regression", "--hidden", 4,
          "--hidden-activation", hidden, "--output-activation", output, "--loss", loss, "--epochs", 0, "--optimizer", "sgd",
          "--learning-rate", LEARNING_RATE, "--dtype", dtype, *PLAIN)
    return weights


def expected_step(weights, pair):
    """Every quantity of the step by the symbols of the JSON event, a Bounded each."""
    f, f_jacobian = derivation.ACTIVATIONS[pair[0]]
    g, g_jacobian = derivation.ACTIVATIONS[pair[1]]
    loss, loss_row = derivation.LOSSES[pair[2]]
    w = {name: Bounded(weight.astype(np.float64)) for name, weight in weights.items()}
    x, y = Bounded.rounded(X[ROW - 1]), Bounded.rounded(Y[ROW - 1])
    step = {"x": x, "y": y}
    step["z1"] = affine(w["linear1.weight"], x, w["linear1.bias"])
    step["z2"] = f(step["z1"])
    step["z3"] = affine(w["linear2.weight"], step["z2"], w["linear2.bias"])
    step["yhat"] = g(step["z3"])
    step["l"] = loss(step["yhat"], y)
    step["dl/dyhat"] = loss_row(step["yhat"], y)
    step["dyhat/dz3"] = g_jacobian(step["z3"])
    step["dz2/dz1"] = f_jacobian(step["z1"])
    step["dl/dz3"] = step["dl/dyhat"] @ step["dyhat/dz3"]
    step["dl/dz1"] = step["dl/dz3"] @ w["linear2.weight"] @ step["dz2/dz1"]
    step["dl/dW1"], step["dl/db1"] = outer(step["dl/dz1"], x), step["dl/dz1"]
    step["dl/dW2"], step["dl/db2"] = outer(step["dl/dz3"], step["z2"]), step["dl/dz3"]
    for layer, kind, short in ((1, "weight", "W"), (1, "bias", "b"), (2, "weight", "W"), (2, "bias", "b")):
        name = f"linear{layer}.{kind}"
        step[f"{short}{layer}"] = w[name]
        step[name] = w[name] - LEARNING_RATE * step[f"dl/d{short}{layer}"]
    step["dl/dyhat"] = Bounded(step["dl/dyhat"].value[np.newaxis], step["dl/dyhat"].error[np.newaxis])  # 1×K
    return step


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_eq_4_to_19_and_tables_1_to_5_in_json_are_the_derivation_in_numpy(tmp_path, pair, dtype):
    weights = model_of(tmp_path, pair, dtype)
    expected = expected_step(weights, pair)
    [event] = events("explain", tmp_path / "m1.safetensors", tmp_path / "t.csv", "--row", ROW)
    assert (event["schema"], event["event"], event["dtype"]) == (1, "explanation", dtype)

    shown = {item["symbol"]: item for part in ("forward", "jacobians", "deltas", "backward") for item in event[part]}
    shown |= {item["parameter"]: item for item in event["update"]}
    assert list(shown) == ["z1", "z2", "z3", "yhat", "dl/dyhat", "dyhat/dz3", "dz2/dz1", "dl/dz3", "dl/dz1", "dl/dW1",
                           "dl/db1", "dl/dW2", "dl/db2", "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"]
    for symbol, item in shown.items():
        value = np.array(item["value"])
        assert list(value.shape) == item["shape"] == list(expected[symbol].value.shape), symbol
        assert_agree(value, expected[symbol], dtype)
    assert_agree(np.array(event["loss"]), expected["l"], dtype)
    assert {item["parameter"]: item["value"] for item in event["parameters"]} == {
        name: weight.tolist() for name, weight in weights.items()}
    assert [item["layer"] for item in event["forward"]] == ["linear1", "f", "linear2", "g"]
    assert [item["parameter"] for item in event["backward"]] == list(weights)
    equations = {"tables_1_2": ["Eq. (10), (11)", "Eq. (8), (9)", "Eq. (5), (6), (7)"],
                 "tables_3_4": ["Eq. (16), (17)", "Eq. (14), (15)", "Eq. (12), (13)"],
                 "tables_5_4": ["Eq. (18), (19)", "Eq. (14), (15)", "Eq. (12), (13)"]}
    [name] = [name for name, other in PAIRS.items() if other == pair]
    assert [item["equation"] for item in event["jacobians"]] == equations[name]


# --- The text ---------------------------------------------------------------------------------------------------------

PLAIN_NAMES = str.maketrans("₀₁₂₃₄₅₆₇₈₉¹²³", "0123456789123", "⁽⁾")


def symbol_of(label, updated):
    """`∂l/∂W⁽¹⁾` is dl/dW1, `δ₂ᵀ` is dl/dz3, and a parameter behind ← is the updated one."""
    name = label.replace("ŷ", "yhat").replace("∂", "d").translate(PLAIN_NAMES)
    name = {"δ2ᵀ": "dl/dz3", "δ1ᵀ": "dl/dz1"}.get(name, name)
    return f"linear{name[1]}.{'weight' if name[0] == 'W' else 'bias'}" if updated else name


def numbers_in(text):
    """What the five steps of the text show, by symbol: arrays of the shapes on the page (a column is one row)."""
    found = {}
    for head, more in re.findall(r"^(\S+ (?:=|←) .*\n)((?: +.*\n)*)", text[text.index("Step 1,"):], re.MULTILINE):
        label, relation = head.split()[:2]
        value = re.split(" [=←] ", head)[-1] + more
        rows = re.findall(r"\[([^]]*)\]", value) or [value]
        found[symbol_of(label, relation == "←")] = np.array([[float(number) for number in row.split()] for row in rows])
    return found


def shown_with_six_digits(shown, exact):
    """Whether `shown` is `exact` rounded to six significant digits, given what rounding in float64 may have moved."""
    value = exact.value.reshape(shown.shape)
    error = exact.error.reshape(shown.shape) * 2 * U["f64"]
    half_a_digit = np.where(value == 0.0, 0.0, 0.5 * 10.0 ** (np.floor(np.log10(np.abs(value) + (value == 0.0))) - 5))
    return np.all(np.abs(shown - value) <= half_a_digit * (1 + 1e-9) + error)


@pytest.mark.parametrize("name", PAIRS)
def test_tables_1_to_5_in_text_are_the_golden_file_and_its_numbers_are_the_derivation_in_numpy(tmp_path, name):
    weights = model_of(tmp_path, PAIRS[name], "f64")
    command = [os.environ["HANDGRAD_PROGRAM"], "explain", "m1.safetensors", "t.csv", "--row", str(ROW), "--components"]
    text = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()

    shown, expected = numbers_in(golden.read_text()), expected_step(weights, PAIRS[name])
    assert set(shown) == set(expected)
    for symbol, exact in expected.items():
        assert shown_with_six_digits(shown[symbol], exact), (symbol, shown[symbol], exact.value)


@pytest.mark.parametrize("name", PAIRS)
def test_every_equation_number_of_the_derivation_stands_beside_its_factor(name):
    golden = (GOLDEN / f"{name}.txt").read_text()
    factors = golden[golden.index("The factors"):golden.index("By component")]
    cited = [int(number) for line in factors.splitlines() for number in re.findall(r"\((\d+)\)", line[line.rfind("Eq."):])
             if "Eq." in line]
    assert sorted(cited) == {"tables_1_2": [5, 6, 7, 8, 9, 10, 11], "tables_3_4": [12, 13, 14, 15, 16, 17],
                             "tables_5_4": [12, 13, 14, 15, 18, 19]}[name]


def test_a_sheet_that_was_filled_in_from_the_json_is_complete(tmp_path):
    """The sheet of blanks and the solution have the same symbols and shapes."""
    model_of(tmp_path, PAIRS["tables_1_2"], "f64")
    words = ["explain", tmp_path / "m1.safetensors", tmp_path / "t.csv", "--row", ROW, "--format", "json"]
    solution, sheet = json.loads(handgrad(*words)), json.loads(handgrad(*words, "--blank"))

    def shapes(event):
        return {item.get("symbol", item.get("parameter")): np.array(item["value"], dtype=object).shape
                for part in ("forward", "jacobians", "deltas", "backward", "update") for item in event[part]}

    def numbers(event):
        return [number for part in ("forward", "jacobians", "deltas", "backward", "update") for item in event[part]
                for number in np.array(item["value"], dtype=object).flatten()]

    assert shapes(sheet) == shapes(solution)
    assert all(number is None for number in [*numbers(sheet), sheet["loss"]])
    assert all(isinstance(number, float) for number in [*numbers(solution), solution["loss"]])
    assert all(item["formula"] is None for part in ("forward", "jacobians", "backward") for item in sheet[part])
