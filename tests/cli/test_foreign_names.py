"""Options, choices and word orders of other programs: the same thing here, or the line to type instead."""

import re
import shlex
from pathlib import Path

import pytest

from cli_support import classification_table, regression_table

ROOT = Path(__file__).resolve().parents[2]
TABLES = (ROOT / "cli" / "foreign_names.cpp").read_text()


def names_of(table):
    body = re.search(rf"constexpr std::array {table}\{{(.*?)\n}};", TABLES, re.DOTALL)[1]
    found = re.findall(r'Name\{"([^"]+)",\s+(?:"([^"]+)"|(\w+))', body)
    return {name: text or re.search(rf'{constant} =\s+"([^"]+)"', TABLES)[1] for name, text, constant in found}


def told_command(handgrad):
    return shlex.split(handgrad("inspect", "m.model", "--json").events[0]["provenance"]["command"])


@pytest.fixture(name="table")
def written_table(handgrad):
    handgrad.write("t.csv", regression_table())
    return ["train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", "0", "--quiet"]


@pytest.mark.parametrize(("theirs", "ours"), [
    (["--batch-size", "16"], ["--batch", "16"]),
    (["--batch_size=16"], ["--batch", "16"]),
    (["--patience", "7"], ["--early-stopping", "7"]),
    (["--activation", "logistic"], ["--hidden-activation", "logistic"]),
    (["--hidden-layer-sizes", "(100, 50)"], ["--hidden", "100,50"]),
    (["--hidden_layer_sizes", "[8]"], ["--hidden", "8"]),
    (["--hidden-layer-sizes", "(8,)"], ["--hidden", "8"]),
    (["--solver", "sgd", "--momentum", "0.9", "--nesterovs-momentum", "True"], ["--optimizer", "sgd", "--nesterov"]),
    (["--solver", "sgd", "--nesterovs-momentum", "False"], ["--optimizer", "sgd"]),
    (["--learning-rate-init", "0.01"], ["--learning-rate", "0.01"]),
    (["--Learning_Rate", "0.01"], ["--learning-rate", "0.01"]),
    (["--random-state", "3"], ["--seed", "3"]),
    (["--validation-split", "0.25"], ["--validation", "0.25"]),
    (["--test-size", "0.25"], ["--test", "0.25"]),
    (["--standardize"], ["--scale", "standard"]),
    (["--sep", ","], ["--delimiter", ","]),
    (["--na-values", "-"], ["--missing", "-"]),
    (["--drop-columns", "city"], ["--drop", "city"]),
])
def test_an_option_that_means_the_same_is_taken(handgrad, table, theirs, ours):
    ran = handgrad.shell(shlex.join(["handgrad", *table, *theirs]))  # as it is, without the fixed settings of tests
    assert ran.code == 0, ran.err
    told = told_command(handgrad)
    for word in ours:
        assert word in told, told


@pytest.mark.parametrize("words", [["--n-jobs", "-1"], ["--n_jobs=-1"]])
def test_all_cores_are_the_default(handgrad, table, words):
    assert handgrad(*table, *words).code == 0


def test_every_name_leads_to_an_option_of_train(handgrad):
    """Without its value, so that the message is the one of the option that it leads to."""
    names = names_of("same_options")
    assert len(names) > 60
    for theirs, ours in names.items():
        ran = handgrad("train", "t.csv", f"--{theirs}")
        wanted = f"{ours}: a value is missing"
        if ours == "--nesterov":
            wanted = "--output is missing"
        assert ran.code == 2 and wanted in ran.err, (theirs, ran.err)


def test_what_is_not_there_says_why(handgrad, table):
    names = names_of("absent_options")
    assert len(names) > 12
    for name, why in names.items():
        ran = handgrad(*table, f"--{name}", "0.5")
        assert ran.code == 2 and f"--{name}: {why[:20]}" in ran.err, (name, ran.err)
    assert "--weight-decay" in handgrad(*table, "--dropout", "0.2").err


@pytest.mark.parametrize(("words", "lines"), [
    (["--alpha", "0.01"], ["--convention sklearn --weight-decay 0.01", "--weight-decay 0.0003125", "--weight-decay 0.000625"]),
    (["--alpha", "0.01", "--batch", "10"],
     ["--convention sklearn --weight-decay 0.01", "--weight-decay 0.001", "--weight-decay 0.002"]),
    (["--l2", "0.01"], ["--weight-decay 0.02"]),
])
def test_a_penalty_that_scales_differently_is_converted(handgrad, table, words, lines):
    ran = handgrad(*table, *words)
    assert ran.code == 2
    for line in lines:
        assert line in ran.err, ran.err
        assert handgrad(*table, *line.split()).code == 0


def test_keys_of_a_configuration_file_too(handgrad, table):
    handgrad.write("run.toml", "batch_size = 16\nhidden_layer_sizes = [4, 3]\nrandom_state = 2\n")
    assert handgrad(*table, "--config", "run.toml").code == 0
    told = " ".join(told_command(handgrad))
    assert "--batch 16" in told and "--hidden 4,3" in told and "--seed 2" in told
    handgrad.write("run.toml", "# penalty\nalpha = 0.01\n")
    ran = handgrad(*table, "--config", "run.toml")
    assert ran.code == 2 and "run.toml:2: alpha: scikit-learn divides" in ran.err


@pytest.mark.parametrize(("words", "answer"), [
    (["--loss", "mse"], "that is the mean over the targets, squared_error the sum (of one target the same;"),
    (["--loss", "MAE"], "write absolute_error"),
    (["--loss", "bce"], None),
    (["--hidden-activation", "swish"], None),
    (["--dtype", "float64"], None),
    (["--optimizer", "Adam_W"], None),
])
def test_choices_of_others(handgrad, words, answer):
    handgrad.write("t.csv", classification_table())
    ran = handgrad("train", "t.csv", "--target", "class", "-o", "m.model", "--epochs", "0", *words)
    if answer:
        assert ran.code == 2 and answer in ran.err
    else:
        assert ran.code == 0, ran.err


@pytest.mark.parametrize("verb", ["predict", "evaluate", "check", "encode", "diagnose", "sensitivity"])
def test_model_and_table_in_the_wrong_order(handgrad, table, verb):
    assert handgrad(*table).code == 0
    ran = handgrad(verb, "t.csv", "m.model")
    assert ran.code == 2 and "t.csv is a text, such as a table, and m.model is a model file: the model comes first" in ran.err


def test_a_file_that_is_something_else_is_named_as_what_it_is(handgrad, table):
    assert handgrad(*table).code == 0
    ran = handgrad("predict", "t.csv", "t.csv")
    assert ran.code == 4 and "t.csv: this is a text, such as a table, where a model file is expected" in ran.err
    assert "handgrad train t.csv --target COL -o MODEL" in ran.err
    ran = handgrad("predict", "m.model", "m.model")
    assert ran.code == 3 and "m.model: this is a model file (safetensors), where a table is expected" in ran.err
    ran = handgrad("train", "m.model", "--target", "y", "-o", "n.model")
    assert ran.code == 3 and "this is a model file" in ran.err
    handgrad.write("a.npy", b"\x93NUMPY\x01\x00")
    assert "an array of NumPy" in handgrad("evaluate", "a.npy", "t.csv").err


def test_a_dash_is_standard_input_or_output(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad.shell("cat t.csv | handgrad train - --target y -o m.model --epochs 1 --quiet")
    assert ran.code == 0, ran.err
    plain = handgrad("predict", "m.model", "t.csv").out
    assert handgrad.shell("cut -d, -f1-3 t.csv | handgrad predict m.model -").out == plain
    assert handgrad("predict", "m.model", "t.csv", "-o", "-").out == plain
    assert handgrad.shell("handgrad train t.csv --target y -o - --epochs 1 --quiet > n.model").code == 0
    assert handgrad("predict", "n.model", "t.csv").out == plain
    assert handgrad.shell("handgrad encode m.model - -o - < t.csv").out == handgrad("encode", "m.model", "t.csv").out


def test_first_weights_of_other_classes(handgrad):
    def table(names):
        return "a,y\n" + "".join(f"{i % 7},{names[i % len(names)]}\n" for i in range(60))

    handgrad.write("three.csv", table(["red", "green", "blue"]))
    handgrad.write("four.csv", table(["red", "green", "blue", "gold"]))
    handgrad.write("others.csv", table(["un", "deux", "trois"]))
    words = ["--target", "y", "--epochs", "0", "-o"]
    assert handgrad("train", "three.csv", *words, "m.model").code == 0
    ran = handgrad("train", "four.csv", *words, "n.model", "--init-from", "m.model")
    assert ran.code == 4
    assert "tells 3 classes apart ('blue', 'green', 'red'), but this table has 4 ('blue', 'gold', 'green', 'red')" in ran.err
    ran = handgrad("train", "others.csv", *words, "n.model", "--init-from", "m.model")
    assert ran.code == 0 and "stand for 'blue', 'green', 'red', here for 'deux', 'trois', 'un'" in ran.err


@pytest.mark.parametrize(("target", "factor", "rate"), [("y", 2.0, 0.5), ("class", 1.0, 1.0)])
def test_the_converted_alpha_is_the_penalty_of_scikit_learn(handgrad, target, factor, rate):
    """One step over all 60 rows in both conventions; where the squared error is twice as large, half as far."""
    handgrad.write("t.csv", regression_table() if target == "y" else classification_table())
    common = ["--target", target, "--optimizer", "sgd", "--batch", "60", "--dtype", "f64", "--validation", "0", "--hidden", "4"]
    assert handgrad("train", "t.csv", *common, "--epochs", "0", "-o", "first.model").code == 0
    step = ["train", "t.csv", *common, "--epochs", "1", "--init-from", "first.model"]
    message = handgrad(*step, "-o", "no.model", "--alpha", "0.6").err
    ours = f"--weight-decay {0.6 / 60 * factor:g}"
    assert ours in message, message
    theirs = re.search(r"--convention sklearn --weight-decay [0-9.]+", message)[0].split()
    assert handgrad(*step, *theirs, "--learning-rate", "0.5", "-o", "theirs.model").code == 0
    assert handgrad(*step, *ours.split(), "--learning-rate", 0.5 * rate, "-o", "ours.model").code == 0
    assert handgrad(*step, "--learning-rate", 0.5 * rate, "-o", "without.model").code == 0
    outputs = [[float(value) for row in handgrad("predict", f"{name}.model", "t.csv", "--jacobian").rows
                for key, value in row.items() if key.startswith("d(")] for name in ("theirs", "ours", "without")]
    assert outputs[0] == pytest.approx(outputs[1], rel=1e-9)
    assert outputs[0] != pytest.approx(outputs[2], rel=1e-4)
