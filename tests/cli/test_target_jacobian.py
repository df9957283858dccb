"""Derivatives that are learned beside the values: their file, what goes on with it, what is refused and how it is said."""

import csv
import io

import pytest
from cli_support import arguments_for, classification_table, regression_table

TRAIN = ("train", "t.csv", *arguments_for("y", epochs=8), "--hidden-activation", "tanh")


@pytest.fixture
def table(handgrad):
    """A table, and the derivatives that a model of it has, as predict writes them."""
    handgrad.write("t.csv", regression_table())
    assert handgrad("train", "t.csv", *arguments_for("y", "teacher.model", epochs=30), "--hidden-activation", "tanh").code == 0
    ran = handgrad("predict", "teacher.model", "t.csv", "--jacobian", "-o", "slopes.csv")
    assert ran.code == 0, ran.err
    return handgrad


def hash_of(ran):
    assert ran.code == 0, ran.err
    return ran.events[-1]["parameters_hash"]


def test_what_predict_writes_is_learned_and_its_weight_counts(table):
    values = hash_of(table(*TRAIN, "--json"))
    both = hash_of(table(*TRAIN, "--target-jacobian", "slopes.csv", "--json"))
    assert both != values
    assert hash_of(table(*TRAIN, "--target-jacobian", "slopes.csv", "--jacobian-weight", "1", "--json")) == both
    assert hash_of(table(*TRAIN, "--target-jacobian", "slopes.csv", "--jacobian-weight", "5", "--json")) != both
    assert hash_of(table(*TRAIN, "--target-jacobian", "slopes.csv", "--threads", "1", "--json")) == both


def test_the_derivatives_of_the_teacher_are_met(table):
    def distance(*more):
        assert table(*TRAIN[:2], *arguments_for("y", epochs=300), "--hidden-activation", "tanh", *more).code == 0
        rows = [list(csv.DictReader(io.StringIO((table.folder / name).read_text()))) for name in ("slopes.csv", "now.csv")
                if name == "slopes.csv" or table("predict", "m.model", "t.csv", "--jacobian", "-o", "now.csv").code == 0]
        names = [name for name in rows[0][0] if name.startswith("d(")]
        return sum((float(a[name]) - float(b[name])) ** 2 for a, b in zip(*rows, strict=True) for name in names)

    assert distance("--target-jacobian", "slopes.csv", "--jacobian-weight", "3") < 0.5 * distance()


@pytest.mark.parametrize(("text", "target"), [(regression_table(), "y"), (regression_table(), "y,b"),
                                              (classification_table(), "class"),
                                              (classification_table(classes=("cold", "warm", "hot")), "class")])
def test_the_derivatives_that_a_model_has_cost_it_nothing(handgrad, text, target):
    """In the units of the table, of inputs and outputs of any kind: the loss at its own weights is that without them."""
    handgrad.write("t.csv", text)
    words = ("train", "t.csv", "--hidden-activation", "tanh", "--batch", 60, "--validation", 0, "--dtype", "f64")
    assert handgrad(*words, *arguments_for(target, "teacher.model", epochs=20)).code == 0
    assert handgrad("predict", "teacher.model", "t.csv", "--jacobian", "-o", "slopes.csv").code == 0

    def loss(*more):
        ran = handgrad(*words, *arguments_for(target, epochs=1), "--init-from", "teacher.model", "--json", *more)
        return next(event["loss"] for event in ran.events if event["event"] == "epoch")

    assert loss("--target-jacobian", "slopes.csv", "--jacobian-weight", 1e6) == pytest.approx(loss(), rel=1e-12)
    rows = (handgrad.folder / "slopes.csv").read_text().splitlines()
    handgrad.write("slopes.csv", "\n".join([rows[0], *rows[2:], rows[1]]) + "\n")
    assert loss("--target-jacobian", "slopes.csv", "--jacobian-weight", 1e6) > 1.001 * loss()


def test_a_training_that_was_interrupted_goes_on_with_them(table):
    words = (*TRAIN, "--target-jacobian", "slopes.csv")
    whole = hash_of(table(*words, "--json"))
    first = table(*words, "--checkpoint", "ck", "--checkpoint-every", "3", "--json")
    assert hash_of(first) == whole
    for checkpoint in sorted((table.folder / "ck").glob("checkpoint-*"))[1:]:
        checkpoint.unlink()
    assert hash_of(table("train", "--resume", "ck", "--json")) == whole
    lines = (table.folder / "slopes.csv").read_text().splitlines()
    table.write("slopes.csv", "\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    ran = table("train", "--resume", "ck", "--json")
    assert ran.code == 2 and "these are not the derivatives of the training that is gone on with" in ran.err


def test_kinks_are_refused_in_the_programs_words(table):
    ran = table(*TRAIN[:-1], "relu", "--target-jacobian", "slopes.csv")
    assert ran.code == 2 and "--hidden-activation tanh" in ran.err and "--allow-kinks" in ran.err, ran.err
    ran = table(*TRAIN, "--jacobian-weight", "2")
    assert ran.code == 2 and "jacobian" in ran.err, ran.err


def test_what_is_no_table_of_derivatives_is_refused_with_its_place(table):
    table.write("other.csv", "d(y)/d(nothing)\n" + "1\n" * 60)
    ran = table(*TRAIN, "--target-jacobian", "other.csv")
    assert ran.code == 3 and "other.csv: column 'd(y)/d(nothing)' is no derivative of this network" in ran.err
    ran = table(*TRAIN, "--target-jacobian", "absent.csv")
    assert ran.code in (3, 6) and "absent.csv" in ran.err
