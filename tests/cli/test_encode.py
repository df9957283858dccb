"""handgrad encode: what it writes is what the network sees, so that NumPy with the model's weights predicts the same."""

import csv
import json
import random

import numpy as np
import pytest
from cli_support import arguments_for, classification_table
from safetensors.numpy import load_file


def difficult_table(rows=40):
    """Texts, missing values and weights; y = 3 a - 2 b + 5, far from 0."""
    numbers = random.Random(3)
    lines = ["a,b,\"city,é日\",w,y"]
    for i in range(rows):
        a, b = round(numbers.uniform(-2, 2), 3), round(numbers.uniform(0, 50), 2)
        lines.append(f"{'' if i % 7 == 3 else a},{b},{('Rome', 'Oslo', 'Ürümqi')[i % 3]},{1 + i % 4},{300 + 3 * a - 2 * b}")
    return "\n".join(lines) + "\n"


@pytest.fixture(params=["f32", "f64"])
def difficult(handgrad, request):
    handgrad.write("t.csv", difficult_table())
    words = ("--weight", "w", "--impute", "median", "--dtype", request.param, "--hidden-activation", "tanh")
    assert handgrad("train", "t.csv", *arguments_for("y"), *words).code == 0
    handgrad.dtype = np.dtype(request.param.replace("f32", "<f4").replace("f64", "<f8"))
    return handgrad


def encoded(handgrad, *words, file="X.npz"):
    ran = handgrad("encode", "m.model", "t.csv", "-o", file, *words)
    assert (ran.code, ran.out) == (0, ""), ran
    with np.load(handgrad.folder / file, allow_pickle=False) as arrays:
        return dict(arrays)


def test_numpy_with_the_weights_of_the_model_predicts_what_the_program_predicts(difficult):
    arrays = encoded(difficult)
    assert list(arrays) == ["x", "y", "weights", "names"]
    assert arrays["names"].tolist() == ["a", "b", "city,é日=Oslo", "city,é日=Rome", "city,é日=Ürümqi"]
    x, y, weights = (arrays[name] for name in ("x", "y", "weights"))
    assert {x.dtype, y.dtype, weights.dtype} == {difficult.dtype}
    assert x.shape == (40, 5) and y.shape == (40, 1) and weights.tolist() == [1.0 + i % 4 for i in range(40)]
    assert (x[:, 2:].sum(axis=1) == 1).all() and np.unique(x[3::7, 0]).size == 1

    layers = load_file(difficult.folder / "m.model")
    hidden = np.tanh(x @ layers["linear1.weight"].T + layers["linear1.bias"])
    out = hidden @ layers["linear2.weight"].T + layers["linear2.bias"]
    [target] = difficult("inspect", "m.model", "--json").events[0]["targets"]
    unit = np.finfo(difficult.dtype).eps
    predicted = np.array([float(row["y"]) for row in difficult("predict", "m.model", "t.csv", "--allow-extra").rows])
    # Sums of at most 6 products of numbers below 4, twice, then scaled.
    assert np.abs(target["shift"] + target["scale"] * out[:, 0] - predicted).max() <= 100 * unit * target["scale"]
    table = np.array([float(line.rsplit(",", 1)[1]) for line in difficult_table().splitlines()[1:]])
    assert np.abs(target["shift"] + target["scale"] * y[:, 0] - table).max() <= 2 * unit * np.abs(table).max()


def test_csv_holds_the_same_numbers_as_the_archive_digit_by_digit(difficult):
    arrays = encoded(difficult)
    text = difficult("encode", "m.model", "t.csv").out
    assert difficult("encode", "m.model", "t.csv", "-o", "X.csv").code == 0
    assert (difficult.folder / "X.csv").read_text("utf-8") == text
    header, *lines = csv.reader(text.splitlines())
    assert header == [*(f"x:{name}" for name in arrays["names"]), "y:y", "weight"]
    numbers = np.array(lines, float)
    assert (numbers == np.hstack([arrays["x"], arrays["y"], arrays["weights"][:, np.newaxis]])).all()


@pytest.mark.parametrize(("classes", "names", "rows"), [
    (("cold", "warm"), ["y:class=warm"], [[0], [1], [0]]),
    (("cold", "hot", "warm"), ["y:class=cold", "y:class=hot", "y:class=warm"], [[1, 0, 0], [0, 1, 0], [0, 0, 1]])])
def test_classes_are_0_and_1_and_weights_are_1_where_the_model_has_none(handgrad, classes, names, rows):
    handgrad.write("t.csv", classification_table(classes=classes))
    assert handgrad("train", "t.csv", *arguments_for("class", epochs=0)).code == 0
    arrays = encoded(handgrad)
    assert arrays["y"][:3].tolist() == rows and (arrays["weights"] == 1).all() and arrays["weights"].shape == (60,)
    assert handgrad("encode", "m.model", "t.csv").out.splitlines()[0].split(",")[2:] == [*names, "weight"]


def test_a_table_without_the_target_has_neither_y_nor_weights(difficult):
    lines = list(csv.reader(difficult_table().splitlines()))
    difficult.write("t.csv", "\n".join(",".join(f'"{cell}"' if "," in cell else cell for cell in line[:3]) for line in lines))
    arrays = encoded(difficult)
    assert list(arrays) == ["x", "names"] and arrays["x"].shape == (40, 5)
    assert not any(name.startswith(("y:", "weight")) for name in difficult("encode", "m.model", "t.csv").rows[0])


def test_the_event_says_what_was_written_and_where(difficult):
    [event] = difficult("encode", "m.model", "t.csv", "-o", "X.NPZ", "--json").events
    assert event == {"schema": 1, "event": "encoded", "file": "X.NPZ", "rows": 40, "inputs": 5, "outputs": 1,
                     "weighted": True, "dtype": "f32" if difficult.dtype.itemsize == 4 else "f64"}
    ran = difficult("encode", "m.model", "t.csv", "-o", "X.csv")
    assert (ran.out, ran.err) == ("", "X.csv: 40 rows, 5 inputs, 1 output\n")
    assert difficult("encode", "m.model", "t.csv", "-o", "X.csv", "--quiet").err == ""


def test_mistakes_are_named_and_leave_no_file(regression):
    whole = (regression.folder / "t.csv").read_text()
    regression.write("short.csv", "\n".join(line.split(",", 1)[1] for line in whole.splitlines()))
    regression.write("unknown.csv", whole.replace("Rome", "Romee", 1))
    for words, code, answer in (
            (("t.csv", "-o", "X.txt"), 2, "--output: X.txt: the ending says in which form, and is neither .npz nor .csv; write"),
            (("t.csv", "-o", "X"), 2, "neither .npz nor .csv"),
            (("t.csv", "--json"), 2, "--json: say with -o where the numbers go"),
            (("t.csv", "-o", "no/X.npz"), 6, "no/X.npz"),
            (("short.csv", "-o", "X.npz"), 3, "short.csv: the model needs the column 'a', which is not there"),
            (("unknown.csv", "-o", "X.npz"), 3, "'Romee'"),
            (("none.csv", "-o", "X.npz"), 6, "none.csv")):
        ran = regression("encode", "m.model", *words)
        assert (ran.code, ran.out) == (code, ""), ran
        assert answer in ran.err
    (regression.folder / "t.npz").write_bytes(b"")
    assert "is the file that is read" in regression("encode", "m.model", "t.npz", "-o", "t.npz").err
    assert sorted(path.name for path in regression.folder.iterdir() if path.suffix == ".npz") == ["t.npz"]
    assert json.loads(regression("inspect", "m.model", "--json").out)["event"] == "model"
