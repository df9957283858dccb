"""`handgrad compare`: what it prints, its exit codes, the files it takes and the ones it refuses."""

import json

import numpy as np
import pytest
from safetensors import numpy as tensor_file


@pytest.fixture
def gradients(handgrad):
    """A model of one linear layer on two rows, and its gradient by hand: Eq. (11), ŷ = x, y = 0, δ = 2 x / B."""
    handgrad.write("t.csv", "x1,x2,y\n1,0,0\n0,3,0\n")
    weights = {"linear1.weight": np.ones((2, 2)), "linear1.bias": np.zeros(2),
               "linear2.weight": np.ones((1, 2)), "linear2.bias": np.zeros(1)}
    tensor_file.save_file(weights, handgrad.folder / "w.safetensors")
    ran = handgrad("train", "t.csv", "--target", "y", "--task", "regression", "--hidden", 2, "--hidden-activation",
                   "identity", "--init-from", "w.safetensors", "--epochs", 0, "--validation", 0, "--scale", "none",
                   "--no-scale-target", "-o", "m.model")
    assert ran.code == 0, ran.err
    # ŷ = 2 and 6, so δ of the last layer is 2 and 6 (2 ŷ / B).
    return {"linear1.weight": np.array([[2.0, 18.0], [2.0, 18.0]]), "linear1.bias": np.array([8.0, 8.0]),
            "linear2.weight": np.array([[20.0, 20.0]]), "linear2.bias": np.array([8.0])}


def compare(handgrad, gradients, *options):
    np.savez(handgrad.folder / "g.npz", **gradients)
    return handgrad("compare", "m.model", "t.csv", "--gradients", "g.npz", *options)


def test_right_gradients_pass_with_exit_code_0_from_every_kind_of_file(handgrad, gradients):
    ran = compare(handgrad, gradients)
    assert ran.code == 0 and ran.err == "" and ran.out.count("PASS") == 4 and "do not pass: 0 of 4" in ran.out
    np.savez_compressed(handgrad.folder / "c.npz", **gradients)
    np.savez(handgrad.folder / "f.npz", **{n: np.asfortranarray(g.astype(">f4")) for n, g in gradients.items()})
    np.savez(handgrad.folder / "h.npz", **{n: g.astype(np.float16) for n, g in gradients.items()})
    tensor_file.save_file({n: g.astype(np.float32) for n, g in gradients.items()}, handgrad.folder / "s.safetensors")
    for file in ("c.npz", "f.npz", "h.npz", "s.safetensors"):
        assert handgrad("compare", "m.model", "t.csv", "--gradients", file).code == 0, file


def test_a_cause_is_named_in_words_with_its_equation_and_exit_code_1(handgrad, gradients):
    ran = compare(handgrad, {name: -gradient for name, gradient in gradients.items()})
    assert ran.code == 1 and ran.out.count("FAIL") == 4
    assert "yhat - y, not y - yhat (Eq. 10)" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 100


def test_what_is_unexplained_is_shown_where_it_differs_most(handgrad, gradients):
    gradients["linear1.weight"][1, 0] += 0.3
    ran = compare(handgrad, gradients)
    assert ran.code == 1 and ran.out.count("PASS") == 3
    assert "differs most at [1, 0]: theirs 2.3, ours 2;" in ran.out
    event, = compare(handgrad, gradients, "--json").events
    assert event["event"] == "comparison" and event["schema"] == 1
    tensor = event["tensors"][0]
    assert (tensor["name"], tensor["verdict"], tensor["cause"]) == ("linear1.weight", "FAIL", "unexplained")
    assert tensor["where"] == [1, 0]


def test_names_of_another_framework_are_understood_when_they_leave_no_doubt(handgrad, gradients):
    torch = {name.replace("linear1", "0").replace("linear2", "2"): g for name, g in gradients.items()}
    event, = compare(handgrad, torch, "--json").events
    assert [t["theirs"] for t in event["tensors"]] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert {t["verdict"] for t in event["tensors"]} == {"PASS"}


def test_either_orientation_and_what_is_not_there_are_said(handgrad):
    handgrad.write("t.csv", "x1,x2,y\n1,0,0\n0,3,0\n")
    ran = handgrad("train", "t.csv", "--target", "y", "--task", "regression", "--hidden", 3, "--epochs", 0, "--validation", 0,
                   "-o", "m.model")
    assert ran.code == 0, ran.err
    ours = compare(handgrad, {"W1": np.zeros((3, 2)), "b2": np.zeros(1)})
    theirs = compare(handgrad, {"W1": np.zeros((2, 3)), "b2": np.zeros(1)})
    assert "in x out" not in ours.out and "judged as the transposes of ours, out x in" in theirs.out
    assert "not in the file, so not judged: linear1.bias, linear2.weight" in ours.out
    event, = compare(handgrad, {"W1": np.zeros((2, 3))}, "--json").events
    assert event["orientation"] == "in_out" and event["missing"] == ["linear1.bias", "linear2.weight", "linear2.bias"]


def test_a_right_gradient_of_what_encode_writes_passes(handgrad):
    """In double, of rows that a float model sees rounded; ours are not."""
    rng = np.random.default_rng(1)
    rows = "".join(f"{a:.3f},{b:.3f},{a - b:.3f}\n" for a, b in rng.normal(size=(20, 2)))
    handgrad.write("t.csv", "a,b,y\n" + rows)
    assert handgrad("train", "t.csv", "--target", "y", "--hidden", "none", "--epochs", 3, "-o", "m.model").code == 0
    assert handgrad("encode", "m.model", "t.csv", "-o", "e.npz").code == 0
    W = tensor_file.load_file(handgrad.folder / "m.model")
    seen = np.load(handgrad.folder / "e.npz")
    x, y = seen["x"].astype(float), seen["y"].astype(float)
    delta = 2 * (x @ W["linear1.weight"].astype(float).T + W["linear1.bias"] - y) / len(x)
    ran = compare(handgrad, {"linear1.weight": delta.T @ x, "linear1.bias": delta.sum(0)})
    assert ran.code == 0 and "53 binary digits" in ran.out, ran.out


def test_zeros_in_float16_were_never_computed(handgrad, gradients):
    rng = np.random.default_rng(1)
    rows = "".join(f"{a:.3f},{b:.3f},{a - b:.3f}\n" for a, b in rng.normal(size=(200, 2)))
    handgrad.write("t.csv", "a,b,y\n" + rows)
    assert handgrad("train", "t.csv", "--target", "y", "--epochs", 20, "-o", "m.model").code == 0
    weights = tensor_file.load_file(handgrad.folder / "m.model")
    zeros = {name: np.zeros(w.shape, np.float16) for name, w in weights.items() if w.size > 8}
    event, = compare(handgrad, zeros, "--json").events
    assert [t["cause"] for t in event["tensors"]] == ["never_computed"] * 3


def test_missing_and_unknown_names_are_listed(handgrad, gradients):
    gradients["mean"] = gradients.pop("linear2.bias")
    ran = compare(handgrad, gradients)
    assert ran.code == 3 and "called linear1.weight, linear1.bias, linear2.weight, mean; expected" in ran.err


@pytest.mark.parametrize(("words", "code", "answer"), [
    ([], 2, "--gradients is missing"),
    (["--gradients", "g.npz", "--answers", "t.csv", "--row", 1], 2, "--gradients and --answers: one thing"),
    (["--gradients", "g.npz", "--row", 1], 2, "--row belongs to --answers"),
    (["--gradients", "g.npz", "--learning-rate", 1], 2, "the options of the update belong to --answers"),
    (["--gradients", "none.npz"], 6, "none.npz"),
    (["--gradients", "t.csv"], 4, "t.csv"),
    (["--gradients", "bad.npz"], 3, "bad.npz: not an .npz archive"),
])
def test_files_that_are_not_there_or_something_else(handgrad, gradients, words, code, answer):
    assert gradients
    handgrad.write("bad.npz", b"\x93NUMPY")
    ran = handgrad("compare", "m.model", "t.csv", *words)
    assert ran.code == code and answer in ran.err, ran.err


def test_objects_are_refused_unread(handgrad, gradients):
    gradients["linear1.bias"] = np.array([{}, {}])
    ran = compare(handgrad, gradients)
    assert ran.code == 3 and "linear1.bias: an array of Python objects" in ran.err


# --- Exercise sheets ---------------------------------------------------------------------------------------------------


NETWORKS = {
    "regression": ("a,b,y,z\n1,2,3,1\n-1,0.5,2,4\n0.3,-2,1,0\n",
                   ["--target", "y,z", "--task", "regression", "--hidden", 3]),
    "sigmoid": ("a,b,c\n1,2,no\n-1,0.5,yes\n0.3,-2,yes\n",
                ["--target", "c", "--hidden", 3, "--hidden-activation", "sigmoid", "--loss", "squared_error"]),
    "three layers": ("a,b,c\n1,2,no\n-1,0.5,yes\n0.3,-2,yes\n",
                     ["--target", "c", "--hidden", "3,4", "--hidden-activation", "sigmoid"]),
    "softmax": ("a,b,c\n1,2,no\n-1,0.5,yes\n0.3,-2,perhaps\n", ["--target", "c", "--hidden", 3]),
}


def train(handgrad, network):
    table, options = NETWORKS[network]
    handgrad.write("t.csv", table)
    ran = handgrad("train", "t.csv", *options, "--epochs", 2, "--validation", 0, "--optimizer", "sgd", "-o", "m.model")
    assert ran.code == 0, ran.err


def explained(handgrad, row, *options):
    event, = handgrad("explain", "m.model", "t.csv", "--row", row, "--format", "json", *options).events
    return event


def values_of(event):
    """Numbers by symbol, flat."""
    lists = [("forward", "symbol"), ("jacobians", "symbol"), ("deltas", "symbol"), ("backward", "symbol"),
             ("update", "parameter")]
    values = {item[key]: list(np.ravel(item["value"])) for name, key in lists for item in event[name]}
    return values | {"l": [event["loss"]]}


def filled(blank, values):
    """A sheet of blanks with numbers, six digits each, put in in the place of the underscores."""
    lines, waiting = [], []
    for line in blank.splitlines():
        symbol = line.split(" = ")[0]
        if symbol in values:
            waiting = list(values[symbol])
        while "____" in line and waiting:
            line = line.replace("____", f"{waiting.pop(0):.6g}", 1)
        lines.append(line)
    return "\n".join(lines) + "\n"


def mark(handgrad, row, *options, sheet="sheet.txt"):
    return handgrad("compare", "m.model", "t.csv", "--answers", sheet, "--row", row, *options)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_perfect_sheet_in_text_markdown_or_json_is_all_right(handgrad, network):
    train(handgrad, network)
    event = explained(handgrad, 2)
    count = len(values_of(event))
    for format in ("text", "markdown"):
        blank = handgrad("explain", "m.model", "t.csv", "--row", 2, "--blank", "--format", format).out
        handgrad.write("sheet.txt", filled(blank, values_of(event)))
        ran = mark(handgrad, 2)
        assert ran.code == 0 and ran.err == "" and ran.out.endswith(f"\n{count} of {count} right\n"), ran.out + ran.err
        in_text = mark(handgrad, 2, "--json").events
    handgrad.write("sheet.json", json.dumps(event))
    marking, = mark(handgrad, 2, "--json", sheet="sheet.json").events
    assert marking["event"] == "marking" and marking["schema"] == 1 and marking["row"] == 2
    assert sorted(a["symbol"] for a in marking["answers"]) == sorted(values_of(event))
    assert {a["mark"] for a in marking["answers"]} == {"right"} and in_text == [marking]
    assert marking["right"] == count and marking["answers"][0]["cause"] is None


def test_an_untouched_sheet_is_blank_with_exit_code_0(handgrad):
    train(handgrad, "sigmoid")
    handgrad.write("sheet.txt", handgrad("explain", "m.model", "t.csv", "--row", 1, "--blank").out)
    ran = mark(handgrad, 1)
    assert ran.code == 0 and ran.out.endswith("\n0 of 18 right, 18 blank\n")


def test_a_mistake_is_named_and_what_follows_from_it_is_no_second_one(handgrad):
    train(handgrad, "sigmoid")
    values = values_of(explained(handgrad, 2))
    rate = explained(handgrad, 2)["optimizer"]["learning_rate"]
    for symbol in ("dl/dz3", "dl/dz1", "dl/dW1", "dl/db1", "dl/dW2", "dl/db2"):
        values[symbol] = [-v for v in values[symbol]]
    before = {p["parameter"]: list(np.ravel(p["value"])) for p in explained(handgrad, 2)["parameters"]}
    for symbol, gradient in (("linear2.bias", "dl/db2"), ("linear2.weight", "dl/dW2"), ("linear1.bias", "dl/db1"),
                             ("linear1.weight", "dl/dW1")):
        values[symbol] = [w - rate * g for w, g in zip(before[symbol], values[gradient], strict=True)]
    del values["z1"]
    values["z2"] = values["z2"][:2]
    blank = handgrad("explain", "m.model", "t.csv", "--row", 2, "--blank").out
    handgrad.write("sheet.txt", filled(blank, values))
    ran = mark(handgrad, 2)
    assert ran.code == 1 and ran.err == ""
    assert "dl/dz3          wrong    sign\n" in ran.out and "from the mistake in dl/dz3" in ran.out
    assert "sign: the sign is turned round: the loss grows with yhat - y, not y - yhat (Eq. 10)" in ran.out
    assert "z2              right    1 of 3 left blank\n" in ran.out
    assert ran.out.endswith("\n1 number left blank in answers that were begun\n"
                            "7 of 18 right, 9 follow from an earlier mistake, 1 wrong, 1 blank\n")
    assert max(map(len, ran.out.splitlines())) <= 100
    marking, = mark(handgrad, 2, "--json").events
    marks = {a["symbol"]: a for a in marking["answers"]}
    assert marks["dl/dz3"]["cause"] == "sign" and marks["dl/dz3"]["where"] == [0]
    assert marks["dl/dz3"]["answer"] == pytest.approx(-marks["dl/dz3"]["expected"], rel=1e-5)
    assert marks["dl/dW1"]["mark"] == "follows" and marks["dl/dW1"]["follows_from"] == "dl/dz3"
    assert marks["dl/dW1"]["from_own"] == pytest.approx(marks["dl/dW1"]["answer"], rel=1e-3)
    assert marks["z1"]["mark"] == "blank" and marks["z1"]["where"] is None
    assert sum(marking[m] for m in ("right", "follows", "wrong", "blank")) == len(marks) and marking["wrong"] == 1


def test_the_update_is_the_one_that_the_sheet_was_written_for(handgrad):
    train(handgrad, "regression")
    handgrad.write("sheet.json", json.dumps(explained(handgrad, 1, "--learning-rate", 0.5)))
    ran = mark(handgrad, 1, sheet="sheet.json")
    assert ran.code == 1 and "linear1.weight  wrong" in ran.out
    assert mark(handgrad, 1, "--learning-rate", 0.5, sheet="sheet.json").code == 0


def test_a_loss_with_its_penalty_beside_it_is_read(handgrad):
    train(handgrad, "regression")
    blank = handgrad("explain", "m.model", "t.csv", "--row", 1, "--blank", "--weight-decay", 0.1).out
    assert "(beside it the penalty" in blank
    handgrad.write("sheet.txt", filled(blank, values_of(explained(handgrad, 1, "--weight-decay", 0.1))))
    ran = mark(handgrad, 1, "--weight-decay", 0.1)
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize(("sheet", "row", "code", "answer"), [
    (b"", 1, 3, "sheet.txt: there is nothing in the file; a sheet that"),
    (b"My answers\nare lost\n", 1, 3, "sheet.txt: no line answers a symbol, such as `z1 = ["),
    (b"\x89PNG\r\n\x1a\n\0\0", 1, 3, "sheet.txt: byte 8 is 0, so this is no text"),
    (b"yhat = 1\nz4 = [ 1 2 3 ]\n", 1, 3, "sheet.txt:2: z4 is no quantity of this network"),
    (b"One step in numbers: row 2 (t.csv:3)\nyhat = 1\n", 1, 3, "the sheet is about row 2, not row 1; mark it as that row (--row 2)"),
    (b'{"row": {"number": 3}, "loss": 1}', 1, 3, "the sheet is about row 3, not row 1"),
    (b"yhat = 1\n", 4, 2, "row 4: t.csv has 3 rows, counted from 1"),
    (b"yhat = 1\n", 0, 2, "--row"),
    (b'{"loss": ', 1, 3, "sheet.txt"),
    (b'{"loss": NaN}', 1, 3, "sheet.txt"),
])
def test_sheets_that_are_none_or_of_something_else(handgrad, sheet, row, code, answer):
    train(handgrad, "sigmoid")
    handgrad.write("sheet.txt", sheet)
    ran = mark(handgrad, row)
    assert ran.code == code and answer in ran.err and ran.out == "", ran.err


def test_a_sheet_needs_its_row_and_has_to_be_there(handgrad):
    train(handgrad, "sigmoid")
    ran = handgrad("compare", "m.model", "t.csv", "--answers", "sheet.txt")
    assert ran.code == 2 and "--row is missing: say which row of t.csv" in ran.err
    assert mark(handgrad, 1, sheet="none.txt").code == 6
    assert mark(handgrad, 1, sheet=".").code == 6


@pytest.mark.parametrize("content", [b"\x80\x04K\x01.", b"PK\x03\x04 archive/data.pkl"])
def test_a_pickle_is_refused_with_the_line_to_type(regression, content):
    (regression.folder / "g.pt").write_bytes(content)
    ran = regression("compare", "m.model", "t.csv", "--gradients", "g.pt")
    assert ran.code == 3 and "a pickle" in ran.err and "np.savez(" in ran.err and "named_parameters()" in ran.err
