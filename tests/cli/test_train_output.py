"""What train says, to people and to machines, and that train, predict, evaluate and inspect agree."""

import json
import math
import os
import pty
import re
import struct

import pytest
from cli_support import arguments_for, classification_table, regression_table


def test_json_has_the_events_and_fields_that_scripts_rely_on(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y", epochs=4), "--json", "--test", "0.1")
    assert ran.code == 0
    start, *epochs, done = ran.events
    assert all(event["schema"] == 1 for event in ran.events)
    assert [event["event"] for event in ran.events] == ["start", "epoch", "epoch", "epoch", "epoch", "done"]
    assert start["rows"] + start["validation_rows"] + start["test_rows"] == 60
    assert start["features"] == 3
    assert start["layers"] == [{"name": "linear1", "in": 5, "out": 4, "activation": "relu"},
                               {"name": "linear2", "in": 4, "out": 1, "activation": "identity"}]
    assert start["parameters"] == 4 * 6 + 5
    for number, epoch in enumerate(epochs, start=1):
        assert epoch["epoch"] == number
        assert {"loss", "validation_loss", "metrics", "learning_rate", "seconds", "rows_per_second"} <= epoch.keys()
        assert list(epoch["metrics"]) == ["r2", "rmse", "mae"]
    assert (done["epochs"], done["best_epoch"], done["stopped"], done["model"]) == (4, 4, "epochs", "m.model")
    assert re.fullmatch("[0-9a-f]{32}", done["parameters_hash"])
    assert list(done["metrics"]) == ["train", "validation", "test"]
    assert done["metrics"]["validation"] == epochs[-1]["metrics"]
    assert done["seconds"] >= 0


def test_without_validation_its_loss_is_null_and_its_metrics_are_empty(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y"), "--json", "--validation", 0)
    assert ran.events[1]["validation_loss"] is None and ran.events[1]["metrics"] == {}
    assert ran.events[-1]["metrics"]["validation"] == ran.events[-1]["metrics"]["test"] == {}


def test_a_file_may_be_the_validation_or_the_test_set(handgrad):
    handgrad.write("t.csv", regression_table())
    handgrad.write("v.csv", regression_table(20))
    ran = handgrad("train", "t.csv", *arguments_for("y"), "--json", "--validation", "v.csv", "--test", "t.csv")
    start, done = ran.events[0], ran.events[-1]
    assert (start["rows"], start["validation_rows"], start["test_rows"]) == (60, 20, 60)
    assert done["metrics"]["test"] == done["metrics"]["train"]


def test_epochs_0_saves_the_first_weights(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y", epochs=0), "--json")
    assert [event["event"] for event in ran.events] == ["start", "done"]
    assert (ran.events[-1]["epochs"], ran.events[-1]["best_epoch"]) == (0, 0)
    again = handgrad("train", "t.csv", *arguments_for("y", model="n.model", epochs=0), "--json", "--seed", 9,
                     "--init-from", "m.model")
    assert again.events[-1]["parameters_hash"] == ran.events[-1]["parameters_hash"]


def test_early_stopping_says_so_and_keeps_the_best_epoch(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y", epochs=500), "--early-stopping", 3, "--lr", 0.2, "--json")
    done = ran.events[-1]
    assert done["stopped"] == "early" and done["epochs"] == done["best_epoch"] + 3
    best = ran.events[done["best_epoch"]]
    assert best["validation_loss"] == min(event["validation_loss"] for event in ran.events[1:-1])
    assert done["metrics"]["validation"] == best["metrics"]
    assert "(early stopping)" in ran.err


def test_people_are_told_the_decisions_the_layers_and_the_outcome_beside_the_baseline(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y", epochs=100))
    assert ran.code == 0 and ran.out == ""
    for text in ("t.csv: 60 rows, 4 columns", "task: regression", "3 features", "linear1", "relu", "validation",
                 "always the mean", "m.model", "parameters_hash"):
        assert text in ran.err, text
    lines = [line for line in ran.err.splitlines() if line.startswith("epoch ")]
    assert 15 <= len(lines) <= 21 and lines[-1].startswith("epoch 100/100")
    assert re.match(r"epoch +\d+/100  loss \S+ +val \S+ +r2 \S+ +[\d,]+ rows/s$", lines[0])  # no time left to speak of


def test_what_nobody_says_is_decided_and_announced(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad.shell("handgrad train t.csv --target y -o m.model --json")
    assert ("epochs: at most 1500, fewer where the validation loss has not fallen for 50 epochs (--epochs N overrules)"
            in ran.err)
    assert (ran.events[0]["rows"], ran.events[0]["validation_rows"]) == (48, 12)
    done = ran.events[-1]
    assert (done["stopped"], done["refit"]) == ("early", True) and done["epochs"] == done["best_epoch"] + 50
    assert (f"refit: the same training on all 60 rows, for {done['best_epoch']} epochs, as many as were best "
            "(--no-refit overrules)") in ran.err
    [model] = handgrad("inspect", "m.model", "--json").events
    assert {name: model["settings"][name] for name in ("hidden", "optimizer", "weight_decay", "schedule", "epochs",
                                                       "early_stopping", "validation", "refit")} == {
        "hidden": [100], "optimizer": "adam", "weight_decay": 0, "schedule": "constant", "epochs": 1500,
        "early_stopping": 50, "validation": 0.2, "refit": True}


def test_what_is_chosen_leaves_the_rest_as_it_was(handgrad):
    """Rows held out, and whether all are learned from in the end, by what is said of how long to train."""
    handgrad.write("t.csv", regression_table())
    handgrad.write("v.csv", regression_table(rows=12))
    for words, held_out, refit, stopped in (("--epochs 3", 0, False, "epochs"),
                                            ("--epochs 3 --validation 0.25", 15, False, "epochs"),
                                            ("--early-stopping 2", 12, False, "early"),
                                            ("--early-stopping 2 --refit", 12, True, "early"),
                                            ("--validation 0.25", 15, True, "early"),
                                            ("--no-refit", 12, False, "early"),
                                            ("--validation 0 --hidden 2", 0, False, "epochs"),
                                            ("--validation v.csv --learning-rate 0.1", 12, False, "early")):
        ran = handgrad.shell(f"handgrad train t.csv --target y {words} -o m.model --json")
        assert (ran.events[0]["validation_rows"], ran.events[-1]["refit"], ran.events[-1]["stopped"]) == (
            held_out, refit, stopped), words
    for words, cause in (("--refit --epochs 3", "refit: nothing tells how many epochs are best; name after how many "
                          "epochs without a lower validation loss to stop (--refit, --early-stopping)"),
                         ("--refit --validation v.csv", "refit: the validation rows are in a table of their own, of which "
                          "nothing is learned; hold out a share of the rows instead (--refit, --validation)")):
        ran = handgrad.shell(f"handgrad train t.csv --target y {words} -o m.model")
        assert ran.code == 2 and cause in ran.err
    handgrad.write("few.csv", regression_table(rows=9))
    ran = handgrad.shell("handgrad train few.csv --target y -o m.model --json")
    assert ran.events[0]["validation_rows"] == 0 and ran.events[-1]["epochs"] == 3000
    assert "validation: none, 9 rows are too few to hold some out" in ran.err


def test_a_target_that_is_the_same_in_all_rows_does_not_decide(handgrad):
    rows = [(i % 7, i % 5, 2 * (i % 7) + 0.5 * (i % 5)) for i in range(60)]
    handgrad.write("t.csv", "a,b,y,z\n" + "".join(f"{a},{b},{y},{a - b}.5\n" for a, b, y in rows))
    handgrad.write("new.csv", "a,b,y,z\n" + "".join(f"{a},{b},{y},0.1\n" for a, b, y in rows[:35]))
    assert handgrad.shell("handgrad train t.csv --target y,z --epochs 40 -o m.model").code == 0
    [judged] = handgrad("evaluate", "m.model", "new.csv", "--json").events
    predicted = [float(line.split(",")[0]) for line in handgrad("predict", "m.model", "new.csv").out.splitlines()[1:]]
    mean = sum(y for *_, y in rows) / len(rows)
    own = sum((p - y) ** 2 for p, (*_, y) in zip(predicted, rows[:35], strict=True))
    constant = sum((mean - y) ** 2 for *_, y in rows[:35])
    assert abs(judged["skill"]["saved"] - (1 - own / constant)) < 1e-5


def test_a_setting_of_something_else_is_refused(handgrad):
    handgrad.write("t.csv", regression_table())
    for words, cause in (("--quantile 0.9", "quantile: it belongs to the loss quantile, which is not used here; leave it out (--quantile)"),
                         ("--huber-delta 2", "huber_delta: it belongs to the loss huber"),
                         ("--leaky-slope 0.1", "leaky_slope: it belongs to the activation leaky_relu"),
                         ("--optimizer sgd --beta1 0.5", "beta1, beta2 and epsilon belong to adam and adamw, not to sgd")):
        ran = handgrad.shell(f"handgrad train t.csv --target y {words} -o m.model")
        assert ran.code == 2 and cause in ran.err, ran.err
    for words in ("--quantile 0.9 --loss quantile", "--huber-delta 2 --loss huber", "--leaky-slope 0.1 --hidden-activation leaky_relu"):
        assert handgrad.shell(f"handgrad train t.csv --target y {words} --epochs 1 -o m.model").code == 0
    both = handgrad.shell("handgrad train t.csv --target y --json -o -")
    assert both.code == 2 and "--json: the model goes to standard output already; name a file with -o" in both.err


def test_rows_that_cannot_be_shared_out_are_all_learned_from(handgrad):
    """Nobody asked for rows to be held out, so that it cannot be is no error."""
    numbers = range(12)
    handgrad.write("names.csv", "a,y\n" + "".join(f"{i}.5,c{i}\n" for i in numbers))
    handgrad.write("weights.csv", "a,w,y\n" + "".join(f"{i % 7},{int(i < 3)},{i % 5 + 0.5}\n" for i in range(40)))
    handgrad.write("group.csv", "a,g,y\n" + "".join(f"{i % 7},1,{i % 5 + 0.5}\n" for i in range(40)))
    for words, reason in (("names.csv --task classification", "no class has two rows"), ("weights.csv --weight w", "too few rows have a weight"),
                          ("group.csv --group g", "all rows are of one group")):
        ran = handgrad.shell(f"handgrad train {words} --target y -o m.model --json")
        assert ran.code == 0, ran.err
        assert f"validation: none, as {reason}" in ran.err and ran.events[0]["validation_rows"] == 0


def test_another_unit_than_in_training_is_an_error(handgrad):
    handgrad.write("t.csv", "w,y\n" + "".join(f"{i} kg,{3 * i + 0.5}\n" for i in range(1, 13)))
    assert handgrad.shell("handgrad train t.csv --target y --currency --epochs 1 -o m.model").code == 0
    for cell, code in (("5 kg", 0), ("5", 0), ("5 g", 3)):
        handgrad.write("new.csv", f"w\n{cell}\n")
        ran = handgrad("predict", "m.model", "new.csv")
        assert ran.code == code, ran.err
    assert "column 'w': its numbers are in 'g', and the model learned them in 'kg'; convert them" in ran.err


def test_a_refitted_model_is_judged_by_the_rows_that_were_held_out(handgrad):
    """train judges before it learns from them; evaluate knows them afterwards, and tells what was found before."""
    handgrad.write("t.csv", regression_table())
    ran = handgrad.shell("handgrad train t.csv --target y -o m.model --json --report r.html")
    done = ran.events[-1]
    assert done["baseline"]["on"] == "validation"
    first = handgrad.shell("handgrad train t.csv --target y --no-refit -o first.model --json").events[-1]
    assert first["metrics"]["validation"] == done["metrics"]["validation"]
    assert first["baseline"] == done["baseline"] and first["standing"] == done["standing"]
    assert first["parameters_hash"] != done["parameters_hash"]
    [seen] = handgrad("evaluate", "m.model", "t.csv", "--json").events
    assert (seen["seen_rows"], seen["standing"]) == (60, "seen")
    assert seen["metrics"] == done["metrics"]["train"]
    page = (handgrad.folder / "r.html").read_text("utf-8")
    assert done["parameters_hash"] in page and first["parameters_hash"] not in page  # the page is of the model that is saved
    assert "That was before it learned from these rows too." in page and "validation, before" in page
    handgrad.write("other.csv", "\n".join(regression_table().splitlines()[:-1]) + "\n")
    other = " ".join(handgrad("evaluate", "m.model", "other.csv").out.split())
    assert "on 59 rows of another table than it was trained on" in other
    text = handgrad("evaluate", "m.model", "t.csv").out
    assert "Before it learned from all of them, 12 were held out and gave mae " in " ".join(text.split())
    [diagnosis] = handgrad("diagnose", "m.model", "t.csv", "--json").events
    assert "these are the weights after as many epochs on all rows" in diagnosis["training"]["text"]
    [before] = handgrad("evaluate", "first.model", "t.csv", "--json").events
    assert before["seen_rows"] == 48


def test_quiet_says_nothing_but_errors(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y"), "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert handgrad("train", "t.csv", *arguments_for("z"), "--quiet").err != ""


def on_a_terminal(handgrad, environment):
    """What train draws on a terminal."""
    ours, theirs = pty.openpty()
    process = handgrad.start("train", "t.csv", *arguments_for("y", epochs=50), environment=environment, stderr=theirs)
    os.close(theirs)
    drawn = b""
    try:
        while block := os.read(ours, 65536):
            drawn += block
    except OSError:  # how a terminal says that the other side has closed it
        pass
    os.close(ours)
    assert process.communicate()[0] == b"" and process.returncode == 0
    return drawn.decode()


def test_a_bar_is_drawn_on_a_terminal_only_and_never_with_escape_sequences(handgrad):
    handgrad.write("t.csv", regression_table())
    bare = {"PATH": os.environ["PATH"]}
    drawn = on_a_terminal(handgrad, {**bare, "TERM": "xterm", "NO_COLOR": "1"})
    assert "\r[==" in drawn and "epoch 50/50" in drawn and "\033" not in drawn
    dumb = on_a_terminal(handgrad, {**bare, "TERM": "dumb"})
    assert "[==" not in dumb and "epoch 50/50" in dumb
    plain = handgrad("train", "t.csv", *arguments_for("y"))
    assert "\r" not in plain.err and "\033" not in plain.err


# --- The verbs agree -------------------------------------------------------------------------------------------------

def test_regression_is_consistent_from_training_to_evaluation(handgrad):
    handgrad.write("t.csv", regression_table(200))
    ran = handgrad("train", "t.csv", *arguments_for("y", epochs=150), "--lr", 0.01, "--json", "--test", "t.csv")
    done = ran.events[-1]
    assert done["metrics"]["test"]["r2"] > 0.99 > 0.1 > done["baseline"]["metrics"]["r2"]

    evaluation, = handgrad("evaluate", "m.model", "t.csv", "--json").events
    assert (evaluation["schema"], evaluation["event"], evaluation["rows"]) == (1, "evaluation", 200)
    assert evaluation["metrics"] == pytest.approx(done["metrics"]["test"], rel=1e-6)
    table = handgrad("evaluate", "m.model", "t.csv").out
    assert re.search(r"^these rows +200 ", table, re.MULTILINE)
    assert re.search(r"^loss +\S+  of all rows, squared_error, target scaled$", table, re.MULTILINE)

    predicted = [float(row["y"]) for row in handgrad("predict", "m.model", "t.csv").rows]
    true = [float(line.split(",")[-1]) for line in (handgrad.folder / "t.csv").read_text().splitlines()[1:]]
    mae = sum(map(abs, (p - t for p, t in zip(predicted, true, strict=True)))) / 200
    assert mae == pytest.approx(evaluation["metrics"]["mae"], rel=1e-5)  # targets are f32


def test_classification_is_consistent_from_training_to_prediction(classification):
    handgrad = classification
    evaluation, = handgrad("evaluate", "m.model", "t.csv", "--json").events
    assert list(evaluation["metrics"]) == ["accuracy", "balanced_accuracy", "log_loss", "roc_auc"]
    rows = handgrad("predict", "m.model", "t.csv", "--proba").rows
    assert list(rows[0]) == ["predicted", "p(cold)", "p(warm)"]
    true = [line.split(",")[-1] for line in (handgrad.folder / "t.csv").read_text().splitlines()[1:]]
    hits = sum(row["predicted"] == label for row, label in zip(rows, true, strict=True))
    assert evaluation["metrics"]["accuracy"] == hits / 60 > 0.9
    log_loss = -sum(math.log(float(row[f"p({label})"])) for row, label in zip(rows, true, strict=True)) / 60
    assert evaluation["metrics"]["log_loss"] == pytest.approx(log_loss, rel=1e-9)
    assert all(row["predicted"] == max(("cold", "warm"), key=lambda c: float(row[f"p({c})"])) for row in rows)


def test_json_of_predict_holds_the_same_numbers_as_its_csv(classification):
    handgrad = classification
    rows = handgrad("predict", "m.model", "t.csv", "--proba", "--jacobian").rows
    for number, (row, event) in enumerate(zip(rows, handgrad("predict", "m.model", "t.csv", "--proba", "--jacobian",
                                                             "--json").events, strict=True)):
        assert (event["event"], event["row"], event["predicted"]) == ("prediction", number, row["predicted"])
        assert {f"p({name})": repr(p) for name, p in event["probabilities"].items()} == pytest.approx(
            {name: repr(float(row[name])) for name in ("p(cold)", "p(warm)")})
        assert event["jacobian"]["d(p(warm))/d(x)"] == float(row["d(p(warm))/d(x)"])


def test_jacobian_columns_are_slopes_in_the_units_of_the_table(regression):
    handgrad = regression
    step = 1e-3
    handgrad.write("new.csv", f"a,b,city\n1,20,Rome\n{1 + step},20,Rome\n1,{20 + step},Rome\n")
    rows = [{name: float(cell) for name, cell in row.items()}
            for row in handgrad("predict", "m.model", "new.csv", "--jacobian").rows]
    assert list(rows[0]) == ["y", "d(y)/d(a)", "d(y)/d(b)", "d(y)/d(city=Lima)", "d(y)/d(city=Oslo)",
                             "d(y)/d(city=Rome)"]
    assert (rows[1]["y"] - rows[0]["y"]) / step == pytest.approx(rows[0]["d(y)/d(a)"], rel=0.02, abs=0.02)
    assert (rows[2]["y"] - rows[0]["y"]) / step == pytest.approx(rows[0]["d(y)/d(b)"], rel=0.02, abs=0.02)


def test_predict_writes_to_a_file_what_it_would_print(regression):
    handgrad = regression
    printed = handgrad("predict", "m.model", "t.csv").out
    ran = handgrad("predict", "m.model", "t.csv", "-o", "p.csv")
    assert (ran.code, ran.out) == (0, "")
    assert (handgrad.folder / "p.csv").read_text() == printed


def test_fields_are_quoted_where_csv_needs_it(handgrad):
    table = classification_table(classes=("a, b", 'c "d"')).replace("a, b", '"a, b"').replace('c "d"', '"c ""d"""')
    handgrad.write("t.csv", table)
    assert handgrad("train", "t.csv", *arguments_for("class")).code == 0
    ran = handgrad("predict", "m.model", "t.csv", "--proba")
    assert ran.out.splitlines()[0] == 'predicted,"p(a, b)","p(c ""d"")"'
    assert {row["predicted"] for row in ran.rows} <= {"a, b", 'c "d"'}


def test_proba_is_refused_where_there_are_no_probabilities(regression):
    ran = regression("predict", "m.model", "t.csv", "--proba")
    assert ran.code == 2 and "predicts numbers, not classes" in ran.err
    regression.write("c.csv", classification_table())
    regression("train", "c.csv", *arguments_for("class"), "--task", "classification", "--output-activation", "identity")
    ran = regression("predict", "m.model", "c.csv", "--proba")
    assert ran.code == 2 and "no probabilities" in ran.err


def test_predict_reads_as_training_did_unless_told_otherwise(handgrad):
    handgrad.write("t.csv", "x;y\n" + "".join(f"{i},25;{i},5\n" for i in range(30)))
    assert handgrad("train", "t.csv", *arguments_for("y"), "--decimal", ",", "--delimiter", ";").code == 0
    handgrad.write("new.csv", "x\n3,25\n")
    handgrad.write("point.csv", "x\n3.25\n")
    comma = handgrad("predict", "m.model", "new.csv")
    assert comma.out == handgrad("predict", "m.model", "point.csv", "--decimal", ".").out != ""


def test_inspect_shows_all_that_the_model_was_declared_with(classification):
    handgrad = classification
    model, = handgrad("inspect", "m.model", "--json").events
    assert (model["schema"], model["event"], model["task"], model["dtype"]) == (1, "model", "classification", "f32")
    assert [layer["parameters"] for layer in model["layers"]] == [12, 5]
    assert model["loss"]["name"] == "binary_cross_entropy"
    assert model["conventions"]["name"] == "handgrad"
    assert [column["name"] for column in model["columns"]] == ["x", "noise"]
    assert model["classes"] == ["cold", "warm"]
    assert model["provenance"]["seed"] == "0"
    text = handgrad("inspect", "m.model").out
    for word in ("linear1", "relu", "binary_cross_entropy", "right_limit", "noise", "cold, warm", "seed",
                 model["parameters_hash"], model["file_hash"]):
        assert word in text, word


def test_numbers_in_json_round_trip(regression):
    line = regression("predict", "m.model", "t.csv", "--json").out.splitlines()[0]
    value, = json.loads(line)["values"].values()
    assert f"{value!r}" in line and struct.unpack("d", struct.pack("d", value))[0] == value


# --- Tables that are no text -----------------------------------------------------------------------------------------

def idx(values, rows, columns):
    """IDX bytes of unsigned bytes, rows × columns, or a vector."""
    shape = (rows, columns) if columns else (rows,)
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(values)


def test_idx_images_with_their_labels(handgrad):
    handgrad.write("x-idx2-ubyte", idx([v for i in range(40) for v in ((i % 2) * 200, 7 * i % 256)], 40, 2))
    handgrad.write("y-idx1-ubyte", idx([i % 2 for i in range(40)], 40, 0))
    files = ("x-idx2-ubyte", "--target-file", "y-idx1-ubyte")
    ran = handgrad("train", *files, "-o", "m.model", "--epochs", 60, "--lr", 0.05, "--json")
    assert ran.code == 0, ran.err
    assert ran.events[0]["features"] == 2
    assert handgrad("evaluate", "m.model", *files, "--json").events[0]["metrics"]["accuracy"] == 1
    assert {row["predicted"] for row in handgrad("predict", "m.model", "x-idx2-ubyte").rows} == {"0", "1"}
    handgrad.write("short-idx1-ubyte", idx([0] * 39, 39, 0))
    ran = handgrad("train", "x-idx2-ubyte", "--target-file", "short-idx1-ubyte", "-o", "n.model")
    assert ran.code == 3 and "39 rows" in ran.err and "40 rows" in ran.err


def test_npy_features_with_targets_that_may_be_named(handgrad):
    numpy = pytest.importorskip("numpy")
    x = numpy.random.default_rng(0).normal(size=(50, 3))
    numpy.save(handgrad.folder / "x.npy", x)
    numpy.save(handgrad.folder / "y.npy", x @ [1.0, 2.0, 3.0])
    ran = handgrad("train", "x.npy", "--target", "y", "-o", "m.model")
    assert ran.code == 3 and "no column 'y'" in ran.err and "--target-file" in ran.err
    ran = handgrad("train", "x.npy", "--target-file", "y.npy", "-o", "m.model", "--epochs", 1)
    assert ran.code == 0 and list(handgrad("predict", "m.model", "x.npy").rows[0]) == ["y"]
    numpy.save(handgrad.folder / "y.npy", numpy.stack([x[:, 0], x[:, 1]], axis=1))
    ran = handgrad("train", "x.npy", "--target-file", "y.npy", "-o", "m.model", "--epochs", 1)
    assert ran.code == 3 and "2 columns" in ran.err
    ran = handgrad("train", "x.npy", "--target-file", "y.npy", "--target", "up,down", "-o", "m.model", "--epochs", 1)
    assert ran.code == 0 and list(handgrad("predict", "m.model", "x.npy").rows[0]) == ["up", "down"]
    assert handgrad("evaluate", "m.model", "x.npy", "--target-file", "y.npy").code == 0
