"""handgrad diagnose: the verdict on real model files, its JSON, rows by their lines, and what cannot be diagnosed."""

import random

import pytest
from cli_support import arguments_for, classification_table

LAYER = {"name", "gradient_rms", "update_ratio", "saturated", "dead", "identical", "weight_size", "starved", "factor"}
FACTORS = {"output_saturation", "hidden_saturation", "attenuation", "dead_units", "small_weights", "dead_inputs",
           "exploding", "unscaled_inputs", "large_steps", "diverged", "overflow", "identical_units", "learned_nothing",
           "none"}


def diagnosis(handgrad, *words):
    ran = handgrad("diagnose", *words, "--json")
    assert ran.code == 0, ran.err
    (event,) = ran.events
    assert event["schema"] == 1 and event["event"] == "diagnosis"
    return event


def test_json_has_the_fixed_names(classification):
    event = diagnosis(classification, "m.model", "t.csv")
    assert [layer["name"] for layer in event["layers"]] == ["linear1", "linear2"]
    assert all(layer.keys() >= LAYER and layer["factor"] in FACTORS for layer in event["layers"])
    assert all(row.keys() >= {"change", "layer", "gradient_rms"} for row in event["what_if"])
    assert event["text"].endswith(".")


def test_a_trained_network_is_left_alone_and_its_optimizer_named(classification):
    event = diagnosis(classification, "m.model", "t.csv")
    assert {layer["factor"] for layer in event["layers"]} == {"none"}
    assert event["optimizer"] == "adam with learning rate 0.02"
    assert event["output_cancels"] and "cancels" in event["text"]
    assert diagnosis(classification, "m.model", "t.csv", "--learning-rate", "0.5")["optimizer"].endswith("rate 0.5")


def test_eight_sigmoid_layers_attenuate_and_relu_would_not(handgrad):
    handgrad.write("t.csv", classification_table())
    words = arguments_for("class", epochs=0, hidden_activation="sigmoid")
    words[words.index("--hidden") + 1] = ",".join(["16"] * 8)
    assert handgrad("train", "t.csv", *words).code == 0
    event = diagnosis(handgrad, "m.model", "t.csv")
    assert event["layers"][0]["factor"] == "attenuation" and event["layers"][0]["starved"]
    assert event["layers"][-1]["factor"] == "none"
    relu = {row["layer"]: row["gradient_rms"] for row in event["what_if"] if row["change"] == "relu for sigmoid"}
    assert relu["linear1"] > 100 * event["layers"][0]["gradient_rms"]


def test_for_people_it_fits_in_100_places_and_ends_with_a_sentence(classification):
    ran = classification("diagnose", "m.model", "t.csv", "--rows-top", 3)
    assert ran.code == 0 and ran.err == ""
    assert max(map(len, ran.out.splitlines())) <= 100
    assert ran.out.rstrip().endswith(".")
    assert "sigmoid' cancels" in " ".join(ran.out.split())


def test_flipped_labels_are_found_by_their_lines(handgrad):
    numbers = random.Random(5)
    lines, flipped = ["a,b,label"], set()
    for row in range(500):
        a, b = numbers.gauss(0, 1), numbers.gauss(0, 1)
        label = a + b > 0
        if row % 50 == 7:
            flipped.add(row + 2)  # the heading is line 1
            label = not label
        lines.append(f"{a},{b},{'yes' if label else 'no'}")
    handgrad.write("t.csv", "\n".join(lines) + "\n")
    ran = handgrad("train", "t.csv", *arguments_for("label", epochs=40), "--learning-rate", "0.01")
    assert ran.code == 0, ran.err
    top = diagnosis(handgrad, "m.model", "t.csv", "--rows-top", 25)["rows_top"]
    assert len(top) == 25 and all(row.keys() >= {"line", "norm", "cosine"} for row in top)
    assert [row["norm"] for row in top] == sorted((row["norm"] for row in top), reverse=True)
    assert len(flipped & {row["line"] for row in top}) > len(flipped) / 2
    assert "rows_top" not in diagnosis(handgrad, "m.model", "t.csv")


@pytest.mark.parametrize(("table", "code", "answer"), [
    ("x,noise\n1,2\n", 3, "the model needs the column 'class'"),
    ("x,noise,class\n1,2,hot\n", 3, "'hot'"),
    ("x,noise,class\n", 3, "row"),
])
def test_what_cannot_be_diagnosed(classification, table, code, answer):
    classification.write("u.csv", table)
    ran = classification("diagnose", "m.model", "u.csv")
    assert (ran.code, ran.out) == (code, "") and answer in ran.err


def test_words_that_make_no_sense(classification):
    assert "MODEL is missing" in classification("diagnose").err
    assert classification("diagnose", "m.model", "t.csv", "--learning-rate", "0").code == 2
    assert classification("diagnose", "t.csv", "t.csv").code == 4


# What is told of trainings of every kind, on scikit-learn's tables. Exit 5 is a training that diverged.
TRAININGS = {
    "raw_columns": ("wine", "--scale none", 0, "unscaled_inputs", None),
    "raw_columns_sgd": ("breast_cancer", "--scale none --optimizer sgd --learning-rate 0.01", 0, "unscaled_inputs", None),
    "diverged": ("diabetes", "--optimizer sgd --learning-rate 1e3", 5, "diverged", "diverged"),
    "large_steps": ("diabetes", "--learning-rate 10 --epochs 40", 0, "large_steps", None),
    "raw_target": ("diabetes", "--no-scale-target --optimizer sgd --learning-rate 0.01 --epochs 0", 0, "large_steps",
                   "untrained"),
    "decay": ("diabetes", "--optimizer adamw --weight-decay 100 --epochs 100", 0, "learned_nothing", "flat"),
    "identical": ("wine", "--init zeros --hidden-activation sigmoid --epochs 40", 0, "identical_units", None),
    "huge_rate": ("wine", "--learning-rate 10 --epochs 40", 0, "large_steps", None),
    "tiny_rate": ("breast_cancer", "--learning-rate 1e-9 --epochs 20", 0, "learned_nothing", "flat"),
    "out_of_reach": ("diabetes", "--output-activation sigmoid --loss squared_error --epochs 60", 0, "output_saturation",
                     None),
    "zeros": ("wine", "--init zeros --epochs 20", 0, "small_weights", None),
    "stopped_early": ("diabetes", "--learning-rate 0.01 --early-stopping 10", 0, "none", "stopped_early"),
    "overfits": ("diabetes", "--hidden 64 --learning-rate 0.01", 0, "none", "overfitting"),
    "falling": ("wine", "--epochs 20", 0, "none", "falling"),
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """diabetes, wine and breast_cancer as CSV, the target last."""
    datasets = pytest.importorskip("sklearn.datasets")
    folder = tmp_path_factory.mktemp("tables")
    for name in ("diabetes", "wine", "breast_cancer"):
        bundle = getattr(datasets, f"load_{name}")()
        kind = "" if name == "diabetes" else "k"
        lines = [",".join([f"x{j}" for j in range(bundle.data.shape[1])] + ["y"])]
        lines += [",".join(map(repr, map(float, x))) + f",{kind}{y}" for x, y in zip(bundle.data, bundle.target)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def train_on(handgrad, table, *words):
    return handgrad("train", table, "--target", "y", "-o", "m.model", *words)


@pytest.mark.parametrize("kind", TRAININGS)
def test_sick_trainings_are_told_so_and_what_is_advised_can_be_done(handgrad, tables, kind):
    name, options, code, factor, course = TRAININGS[kind]
    table = tables / f"{name}.csv"
    assert train_on(handgrad, table, *options.split()).code == code
    event = diagnosis(handgrad, "m.model", table)
    assert event["factor"] == factor, event["text"]
    assert course in (None, event["training"]["course"]), event["text"]
    assert "othing is wrong" not in event["text"]
    assert "No layer starves" not in event["text"] or factor == "none"
    advised = []
    for setting, value in event["try"].items():
        option = "--" + setting.replace("_", "-")
        advised += [option] if value == "true" else [option, value]
    if advised:
        own = options.replace("--no-scale-target", "") if "scale_target" in event["try"] else options
        again = [*own.split(), *advised]
        for option in advised:  # an option is given once
            if option in own.split() and option.startswith("--"):
                at = again.index(option)
                del again[at:at + 2]
        assert train_on(handgrad, table, *again, *(() if "--epochs" in again else ("--epochs", "2"))).code in (0, 5)


def test_a_constant_answer_is_compared_with_first(handgrad, tables):
    for options in ("--optimizer adamw --weight-decay 100 --epochs 40", "--learning-rate 10 --epochs 40"):
        assert train_on(handgrad, tables / "wine.csv", *options.split()).code == 0
        event = diagnosis(handgrad, "m.model", tables / "wine.csv")
        assert event["constant_loss"] == pytest.approx(1.086, abs=1e-3)  # the entropy of 59, 71 and 48 rows of 178
        assert event["loss"] > 0.97 * event["constant_loss"] and event["text"].startswith("It answers ")
    assert train_on(handgrad, tables / "wine.csv", "--epochs", 0).code == 0
    event = diagnosis(handgrad, "m.model", tables / "wine.csv")
    assert event["factor"] == "none" and "constant" not in event["text"]


def test_tables_hold_no_nan(handgrad, tables):
    assert train_on(handgrad, tables / "diabetes.csv", "--init", "zeros", "--epochs", 3).code == 0
    ran = handgrad("diagnose", "m.model", tables / "diabetes.csv")
    assert "nan" not in ran.out and "undefined" in ran.out


def test_people_get_the_options_on_a_line_of_their_own(handgrad, tables):
    assert train_on(handgrad, tables / "wine.csv", "--scale", "none", "--epochs", 5).code == 0
    ran = handgrad("diagnose", "m.model", tables / "wine.csv")
    assert ran.out.splitlines()[-1] == "In options of train: --scale standard."
    assert "'x12' has a size of 810" in " ".join(ran.out.split())


def test_a_table_in_other_units_is_not_told_to_scale(handgrad, tables):
    assert train_on(handgrad, tables / "wine.csv", "--epochs", 20).code == 0
    header, *rows = (tables / "wine.csv").read_text("utf-8").splitlines()
    other = [header] + [",".join([str(float(row.split(",")[0]) * 1000)] + row.split(",")[1:]) for row in rows]
    handgrad.write("other.csv", "\n".join(other) + "\n")
    event = diagnosis(handgrad, "m.model", "other.csv")
    assert event["factor"] == "unscaled_inputs" and "compare the units" in event["text"]
    assert "scale" not in event["try"]
