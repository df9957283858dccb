"""Bad tables, bad models and bad runs: the exit code, a message that helps, and nothing left behind."""

import numpy as np
import pytest
from cli_support import arguments_for, classification_table, regression_table


def refused(handgrad, table, *more, target="y", code=3, name="t.csv"):
    """What train says to this table; it must not leave a model."""
    handgrad.write(name, table)
    ran = handgrad("train", name, *arguments_for(target), *more)
    assert ran.code == code, ran
    assert ran.out == "" and not (handgrad.folder / "m.model").exists()
    assert not list(handgrad.folder.glob("*.tmp*"))
    return ran.err


def accepted(handgrad, table, *more, target="y"):
    """Events of train on this table."""
    handgrad.write("t.csv", table)
    ran = handgrad("train", "t.csv", *arguments_for(target), "--json", *more)
    assert ran.code == 0, ran.err
    return ran


def numbers(rows=30, x="{i}", y="{i}.5"):
    """x,y with `rows` rows; cells given as formats of the row's number i."""
    return "x,y\n" + "".join(f"{x.format(i=i)},{y.format(i=i)}\n" for i in range(rows))


def test_a_row_with_too_few_fields_is_named_by_its_line(handgrad):
    lines = ["a,b,c,d,y"] + ["1,2,3,4,5.5"] * 5 + ["1,2,3,4"] + ["1,2,3,4,5.5"] * 5
    assert "t.csv:7: expected 5 fields, found 4" in refused(handgrad, "\n".join(lines))


@pytest.mark.parametrize("label", ["", "nan", "inf"])
def test_a_label_that_is_missing_or_infinite_is_named_by_its_line(handgrad, label):
    table = numbers().replace("\n7,7.5\n", f"\n7,{label}\n")
    message = refused(handgrad, table, "--task", "regression")
    assert "t.csv:9" in message and "'y'" in message


def test_rows_without_labels_are_dropped_on_request_and_counted(handgrad):
    table = numbers().replace("\n7,7.5\n", "\n7,\n").replace("\n9,9.5\n", "\n9,NA\n")
    assert "--drop-missing-labels" in refused(handgrad, table)
    ran = accepted(handgrad, table, "--drop-missing-labels", "--validation", 0)
    assert ran.events[0]["rows"] == 28
    assert "2 of 30 rows" in ran.err


def test_a_missing_feature_needs_imputation_which_the_model_keeps(handgrad):
    table = numbers().replace("\n7,7.5\n", "\n,7.5\n").replace("\n9,9.5\n", "\nNA,9.5\n")
    message = refused(handgrad, table)
    assert "'x'" in message and "2" in message and "--impute" in message
    accepted(handgrad, table, "--impute", "median", "--validation", 0)
    assert handgrad("inspect", "m.model", "--json").events[0]["columns"][0]["impute"] == 15.5
    handgrad.write("new.csv", "x\n\n15.5\n")
    first, second = (row["y"] for row in handgrad("predict", "m.model", "new.csv").rows)
    assert first == second


def test_a_header_with_no_header_and_numbers_without_are_told_apart(handgrad):
    assert "looks like a header" in refused(handgrad, numbers(), "--no-header", target="x2")
    assert "header" in refused(handgrad, numbers().split("\n", 1)[1], target="0.5")
    handgrad.write("t.csv", numbers().split("\n", 1)[1])
    ran = handgrad("train", "t.csv", *arguments_for("x2"), "--no-header")
    assert ran.code == 0, ran.err


def test_quotes_embedded_line_ends_crlf_bom_and_a_missing_last_line_end_are_read(handgrad):
    table = '\ufeffwhen,"a ""b""\r\nc",y\r\n' + "\r\n".join(f'"at 12:0{i % 3}",{i},{i}.5' for i in range(30))
    ran = accepted(handgrad, table)
    assert ran.events[0]["features"] == 2
    columns = handgrad("inspect", "m.model", "--json").events[0]["columns"]
    assert columns[0]["name"] == "when" and columns[0]["categories"] == ["at 12:00", "at 12:01", "at 12:02"]
    assert columns[1]["name"] == 'a "b"\r\nc'


def test_a_column_of_numbers_and_texts_names_the_first_odd_cell_and_categorical(handgrad):
    message = refused(handgrad, numbers().replace("\n7,7.5\n", "\nseven,7.5\n"))
    assert "t.csv:9" in message and "'x'" in message and "'seven'" in message and "--categorical" in message
    accepted(handgrad, numbers().replace("\n7,7.5\n", "\nseven,7.5\n"), "--categorical", "x", "--validation", 0)


def test_decimal_commas_are_an_option_and_the_locale_has_no_say(handgrad):
    table = "x;y\n" + "".join(f"{i},25;{i},5\n" for i in range(30))
    accepted(handgrad, table, "--decimal", ",", "--delimiter", ";")
    comma = handgrad("inspect", "m.model", "--json").events[0]["parameters_hash"]
    for locale in ("C", "de_DE.UTF-8"):
        handgrad.write("t.csv", table.replace(",", ".").replace(";", ","))
        ran = handgrad("train", "t.csv", *arguments_for("y"), "--json", environment={"LC_ALL": locale})
        assert ran.events[-1]["parameters_hash"] == comma


@pytest.mark.parametrize("cell", ["+1.5", " 1.5", "1.5 ", ".5", "5.", "1e3", "-2E-3"])
def test_usual_spellings_of_a_number_are_read(handgrad, cell):
    accepted(handgrad, numbers().replace("\n7,7.5\n", f"\n{cell},7.5\n"))


@pytest.mark.parametrize("cell", ["1e400", "0x1p3", "1_000", "1.5abc", "-", "1e", "1.5.2"])
def test_what_is_no_number_is_named_with_its_place(handgrad, cell):
    message = refused(handgrad, numbers().replace("\n7,7.5\n", f"\n{cell},7.5\n"))
    assert "t.csv:9" in message and "'x'" in message and cell in message


def test_a_number_that_is_too_small_becomes_0_with_a_warning(handgrad):
    ran = accepted(handgrad, numbers().replace("\n7,7.5\n", "\n1e-400,7.5\n"))
    assert "warning" in ran.err and "0" in ran.err


def test_tables_too_poor_to_learn_from_each_get_their_own_message(handgrad):
    poor = {"": "empty", "x,y\n": "no rows", "x,y\n1,2.5\n": "row", "y\n1.5\n2.5\n3.5\n4.5\n": "column"}
    messages = {table: refused(handgrad, table, "--task", "regression") for table in poor}
    for table, word in poor.items():
        assert word in messages[table], messages[table]
    everything = refused(handgrad, numbers(), "--drop", "x", "--task", "regression")
    assert len({*messages.values(), everything}) == 5


def test_columns_are_found_by_name_whatever_their_order(regression):
    handgrad = regression
    handgrad.write("new.csv", "a,b,city\n1,2,Rome\n0.5,30,Oslo\n")
    handgrad.write("mixed.csv", "city,b,a\nRome,2,1\nOslo,30,0.5\n")
    assert handgrad("predict", "m.model", "new.csv").out == handgrad("predict", "m.model", "mixed.csv").out


def test_missing_and_extra_columns_are_listed(regression):
    handgrad = regression
    handgrad.write("new.csv", "a,City,when\n1,Rome,3\n")
    ran = handgrad("predict", "m.model", "new.csv")
    assert ran.code == 3 and ran.out == ""
    assert "'b'" in ran.err and "'city'" in ran.err
    handgrad.write("new.csv", "a,b,city,when,where\n1,2,Rome,3,4\n")
    ran = handgrad("predict", "m.model", "new.csv")
    assert ran.code == 3 and "'when'" in ran.err and "'where'" in ran.err and "--allow-extra" in ran.err
    assert len(handgrad("predict", "m.model", "new.csv", "--allow-extra").rows) == 1


def test_labels_in_a_table_to_predict_are_no_extra_columns(regression):
    assert len(regression("predict", "m.model", "t.csv").rows) == 60


def test_a_category_that_training_never_saw_is_named(regression):
    regression.write("new.csv", "a,b,city\n1,2,Rome\n1,2,Bonn\n")
    ran = regression("predict", "m.model", "new.csv")
    assert ran.code == 3 and "new.csv:3" in ran.err and "'Bonn'" in ran.err


def test_one_class_trains_a_constant_with_a_warning(handgrad):
    ran = accepted(handgrad, classification_table(classes=("only",)), target="class")
    assert "warning" in ran.err and "one class" in ran.err
    assert {row["predicted"] for row in handgrad("predict", "m.model", "t.csv").rows} == {"only"}


def test_a_class_that_training_never_saw_is_a_data_error(classification):
    classification.write("new.csv", "x,noise,class\n1,0,warm\n1,0,hot\n")
    ran = classification("evaluate", "m.model", "new.csv")
    assert ran.code == 3 and "new.csv:3" in ran.err and "'hot'" in ran.err


def test_gaps_between_class_numbers_do_not_matter(handgrad):
    accepted(handgrad, classification_table(classes=("0", "5")), target="class")
    assert {row["predicted"] for row in handgrad("predict", "m.model", "t.csv").rows} <= {"0", "5"}
    assert handgrad("inspect", "m.model", "--json").events[0]["classes"] == ["0", "5"]


def test_constant_and_enormous_columns_leave_everything_finite(handgrad):
    table = "a,b,c,y\n" + "".join(f"7,{i}e306,{'1e-30' if i % 2 else '1e30'},{i}.5\n" for i in range(30))
    ran = accepted(handgrad, table, "--dtype", "f64")
    assert all(np.isfinite(event["loss"]) for event in ran.events if event["event"] == "epoch")
    assert handgrad("inspect", "m.model", "--json").events[0]["columns"][0]["scale"] == 1


def test_divergence_stops_with_exit_5_and_keeps_the_last_good_weights(handgrad):
    handgrad.write("t.csv", regression_table())
    words = ("train", "t.csv", *arguments_for("y", epochs=50), "--optimizer", "sgd", "--lr", "1e6", "--json")
    ran = handgrad(*words)
    assert ran.code == 5
    for word in ("epoch", "batch", "linear", "m.model holds the weights of epoch"):
        assert word in ran.err
    done = ran.events[-1]
    assert done["event"] == "done" and done["stopped"] == "diverged"
    assert handgrad("inspect", "m.model", "--json").events[0]["parameters_hash"] == done["parameters_hash"]
    assert handgrad("evaluate", "m.model", "t.csv").code == 0


def test_allow_nonfinite_goes_on_and_the_model_is_read_on_request_only(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y", epochs=3), "--optimizer", "sgd", "--lr", "1e30", "--json",
                   "--allow-nonfinite")
    assert ran.code == 0 and ran.events[-1]["epochs"] == 3
    assert ran.events[2]["loss"] is None
    assert handgrad("evaluate", "m.model", "t.csv").code == 4
    assert handgrad("evaluate", "m.model", "t.csv", "--allow-nonfinite").code == 0


def test_a_validation_set_of_one_row_is_no_disaster(handgrad):
    ran = accepted(handgrad, numbers(), "--validation", "0.01", "--early-stopping", "2")
    assert ran.events[0]["validation_rows"] == 1
    assert ran.events[-1]["metrics"]["validation"]["r2"] is None
    assert ran.events[-1]["best_epoch"] >= 1


# Cases 15 and 17
@pytest.mark.parametrize("damage", [lambda model: b"", lambda model: model[:7], lambda model: b"\xff" * 8 + model[8:],
                                    lambda model: model[:-1], lambda model: model[:-1] + bytes([model[-1] ^ 1]),
                                    lambda model: model + b"\0", lambda model: b"PK\3\4" + model])
def test_a_damaged_model_is_exit_4(regression, damage):
    handgrad = regression
    handgrad.write("bad.model", damage((handgrad.folder / "m.model").read_bytes()))
    for words in (("inspect", "bad.model"), ("predict", "bad.model", "t.csv"), ("evaluate", "bad.model", "t.csv")):
        ran = handgrad(*words)
        assert ran.code == 4 and ran.out == "" and "bad.model" in ran.err, ran


def test_weights_that_do_not_fit_are_exit_4(regression):
    ran = regression("train", "t.csv", "--target", "y", "-o", "n.model", "--init-from", "m.model", "--hidden", 5)
    assert ran.code == 4 and "linear1.weight" in ran.err and not (regression.folder / "n.model").exists()


# Cases 21 and 22
def test_files_that_cannot_be_read_or_written_are_exit_6_before_training(handgrad):
    handgrad.write("t.csv", regression_table())
    (handgrad.folder / "directory").mkdir()
    for model in ("nowhere/m.model", "directory"):
        ran = handgrad("train", "t.csv", *arguments_for("y", model=model))
        assert ran.code == 6 and model in ran.err and "epoch" not in ran.err
    for words in (("train", "none.csv", *arguments_for("y")), ("inspect", "none.model")):
        ran = handgrad(*words)
        assert ran.code == 6 and "none." in ran.err and "No such file" in ran.err
    assert sorted(path.name for path in handgrad.folder.iterdir()) == ["directory", "t.csv"]


def test_a_full_disk_is_exit_6_and_a_trained_model_is_saved_all_the_same(regression):
    with open("/dev/full", "wb") as full:
        for words in (("predict", "m.model", "t.csv"), ("evaluate", "m.model", "t.csv"), ("inspect", "m.model"),
                      ("--help",), ("train", "t.csv", *arguments_for("y", model="n.model"), "--json")):
            ran = regression(*words, stdout=full)
            assert ran.code == 6 and "No space left on device" in ran.err, words
    assert regression("inspect", "n.model").code == 0


def test_a_table_or_a_model_is_never_overwritten_by_mistake(regression):
    before = (regression.folder / "t.csv").read_bytes()
    for output in ("t.csv", "./t.csv", "m.model"):
        ran = regression("predict", "m.model", "t.csv", "-o", output)
        assert ran.code == 2 and "is the file that is read" in ran.err
    assert (regression.folder / "t.csv").read_bytes() == before


@pytest.mark.parametrize("words", [
    "predict m.model q.csv 1<> q.csv", "predict m.model q.csv >> q.csv", "inspect m.model --json 1<> m.model",
    "train q.csv --target y --json -o z.model >> q.csv", "train t.csv --target y --json -o r.jsonl > r.jsonl",
    "train t.csv --target y --json -o z.model --report=r.html > r.html",
])
def test_what_is_printed_is_not_written_over_a_file_that_the_command_names(handgrad, words):
    handgrad.write("t.csv", numbers())
    handgrad.write("q.csv", numbers())
    assert handgrad("train", "t.csv", "--target", "y", "--epochs", "2", "-o", "m.model").code == 0
    before = {name: (handgrad.folder / name).read_bytes() for name in ("q.csv", "m.model")}
    ran = handgrad.shell(f"handgrad {words}")
    assert ran.code == 2 and "which the command names too" in ran.err
    assert before == {name: (handgrad.folder / name).read_bytes() for name in before}
    assert handgrad.shell("handgrad predict m.model t.csv > p.csv").code == 0


def test_a_model_stays_when_the_log_of_the_next_cannot_be_written(handgrad):
    handgrad.write("t.csv", numbers())
    assert handgrad("train", "t.csv", "--target", "y", "--epochs", "3", "-o", "m.model").code == 0
    before = (handgrad.folder / "m.model").read_bytes()
    ran = handgrad.shell("handgrad train t.csv --target y --epochs 9 --json --quiet -o m.model > /dev/full")
    assert ran.code == 6 and "m.model.interrupted holds the weights of epoch" in ran.err and "m.model was left as it was" in ran.err
    assert (handgrad.folder / "m.model").read_bytes() == before
    assert handgrad("inspect", "m.model.interrupted").code == 0
    ran = handgrad.shell("handgrad train t.csv --target y --epochs 9 --json --quiet -o n.model --checkpoint ck > /dev/full")
    assert ran.code == 6 and "handgrad train --resume ck" in ran.err


def test_a_key_of_a_hundred_thousand_parts_is_refused(handgrad):
    handgrad.write("d.toml", ".".join(["a"] * 100000) + " = 1\n")
    ran = handgrad("inspect", "m.model", "--config", "d.toml")
    assert ran.code == 2 and "d.toml:1: the line has 99999 points" in ran.err


def test_an_unknown_target_suggests_a_column(handgrad):
    assert "did you mean 'city'?" in refused(handgrad, regression_table(), target="citi")


def test_too_little_memory_is_exit_6_in_words(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad.shell("ulimit -v 700000 && handgrad train t.csv --target y --hidden 9000,9000,9000 --epochs 1 "
                         "--dtype f64 -o m.model --threads 1")
    assert ran.code == 6 and "not enough memory" in ran.err, ran
