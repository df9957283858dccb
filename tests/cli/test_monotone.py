"""Monotone columns: what the answer does when they move, what a model keeps of the promise, how check holds it to it, what is
refused and how it is said."""

import math
import random
import subprocess

import numpy as np
import pytest
from forged import Forged

NEEDED = ("--target", "y", "--hidden", "12,8", "--learning-rate", "0.02", "-o", "m.model")


def noisy(rows=80, classes=None):
    """y rises with a in waves and falls with "b,c" on average, in noise."""
    draw = random.Random(5)
    lines = ['a,"b,c",town,y']
    for i in range(rows):
        a, b = draw.uniform(0, 10), draw.uniform(-50, 50)
        y = a + 3 * math.sin(1.2 * a) - 0.04 * b + draw.gauss(0, 1)
        lines.append(f"{a:.3f},{b:.2f},{('Rome', 'Oslo')[i % 2]},{y:.3f}" if classes is None
                     else f"{a:.3f},{b:.2f},{('Rome', 'Oslo')[i % 2]},{classes[y > 5]}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def table(handgrad):
    handgrad.write("t.csv", noisy())
    return handgrad


def trained(handgrad, *more, asked='"b,c-",a+'):
    ran = handgrad("train", "t.csv", *NEEDED, *(("--monotone", asked) if asked else ()), *more)
    assert ran.code == 0, ran.err
    return ran


def answers(handgrad, column, sweep, model="m.model", answer="y"):
    """What the model says where one column goes through `sweep` and the others stand at each of a few places."""
    rows = [(a, b, town) for a in (-5, 1, 4, 20) for b in (-80, 0, 33) for town in ("Rome", "Oslo")]
    lines = ['a,"b,c",town']
    for a, b, town in rows:
        lines += [f"{x},{b},{town}" if column == "a" else f"{a},{x},{town}" for x in sweep]
    handgrad.write("sweep.csv", "\n".join(lines) + "\n")
    ran = handgrad("predict", model, "sweep.csv", *(["--proba"] if answer != "y" else []))
    assert ran.code == 0, ran.err
    return np.array([float(row[answer]) for row in ran.rows]).reshape(len(rows), len(sweep))


def falls(values):
    """By how much it falls at most from one place to the next, as a share of what it says."""
    return float(np.max((values[:, :-1] - values[:, 1:]) / np.maximum(1.0, np.abs(values[:, 1:]))))


ROUNDING = 1e-5  # of sums of some tens of floats


def test_the_answer_never_falls_and_never_rises_anywhere(table):
    trained(table)
    assert falls(answers(table, "a", np.linspace(-30, 60, 91))) < ROUNDING
    assert falls(-answers(table, "b,c", np.linspace(-400, 400, 81))) < ROUNDING
    assert max(np.ptp(answers(table, "a", np.linspace(-30, 60, 91)), axis=1)) > 1.0
    trained(table, asked=None)
    assert falls(answers(table, "a", np.linspace(-30, 60, 91))) > 0.05, "the table teaches nothing else"


def test_two_classes_rise_by_the_probability_of_the_second(handgrad):
    handgrad.write("t.csv", noisy(classes=("bad", "good")))
    ran = trained(handgrad, asked="a+")
    assert "monotone: p(good) never falls with 'a', whatever the other columns are" in ran.err
    assert falls(answers(handgrad, "a", np.linspace(-30, 60, 91), answer="p(good)")) < ROUNDING


def test_it_is_told_kept_and_inspected(table):
    ran = trained(table)
    assert "monotone: 'y' never falls with 'a', never rises with 'b,c', whatever the other columns are" in ran.err
    event, = table("inspect", "m.model", "--json").events
    assert event["settings"]["monotone"] == ["b,c-", "a+"]
    assert "monotone" in table("inspect", "m.model").out


def test_check_certifies_it_for_all_x(table):
    trained(table)
    ran = table("check", "m.model", "t.csv")
    assert ran.code == 0
    assert "Monotone in b,c-, a+: PASS, for all x" in " ".join(ran.out.split())
    event, = table("check", "m.model", "t.csv", "--json").events
    assert event["monotone"] == {"columns": ["b,c-", "a+"], "verdict": "PASS", "broken_by": None, "against": 0,
                                 "slopes": event["monotone"]["slopes"]}
    assert event["monotone"]["slopes"] > 1000


def test_a_file_that_still_promises_it_fails_when_a_weight_was_edited(table):
    trained(table)
    forged = Forged((table.folder / "m.model").read_bytes())
    begin, _ = forged.header["linear2.weight"]["data_offsets"]
    numbers = bytearray(forged.numbers)
    numbers[begin:begin + 4] = np.float32(-1e-30).tobytes()
    forged.numbers = bytes(numbers)
    table.write("edited.model", forged.bytes())
    ran = table("check", "edited.model", "t.csv")
    assert ran.code == 1
    said = " ".join(ran.out.split())
    assert "FAIL, linear2.weight [0,0] = -1e-30 must not be below 0; " in said and "FAIL: 80 rows checked" in said
    event, = table("check", "edited.model", "t.csv", "--json").events
    assert event["verdict"] == event["monotone"]["verdict"] == "FAIL"
    refused = table.shell("handgrad train t.csv --target y --continue edited.model -o next.model")
    assert refused.code == 2 and "linear2.weight [0,0] = -1e-30" in refused.err


def test_nothing_is_claimed_of_a_model_without_it(table):
    trained(table, asked=None)
    event, = table("check", "m.model", "t.csv", "--json").events
    assert event["monotone"] is None and "Monotone" not in table("check", "m.model", "t.csv").out


def hash_of(ran):
    assert ran.code == 0, ran.err
    return ran.events[-1]["parameters_hash"]


def test_going_on_keeps_it(table):
    trained(table, asked="a+")
    ran = table.shell("handgrad train t.csv --target y --continue m.model --epochs 20 -o next.model")
    assert ran.code == 0, ran.err
    event, = table("inspect", "next.model", "--json").events
    assert event["settings"]["monotone"] == ["a+"]
    assert table("check", "next.model", "t.csv").code == 0
    other = table.shell("handgrad train t.csv --target y --continue m.model --monotone a- -o next.model")
    assert other.code == 2 and "(--monotone)" in other.err


def test_resumed_and_replayed_it_has_the_same_bits(table):
    words = ("train", "t.csv", *NEEDED, "--monotone", "a+", "--json")
    whole = hash_of(table(*words))
    assert hash_of(table(*words, "--threads", 1, "--simd", "scalar")) == whole
    ran = table(*words, "--checkpoint", "kept", "--checkpoint-every", "7")
    assert hash_of(ran) == whole
    table.write("log.jsonl", ran.out)
    replayed = table("verify-run", "log.jsonl")
    assert replayed.code == 0, replayed.err


def test_first_weights_that_break_the_signs_are_refused_and_those_that_obey_are_taken(table):
    trained(table, asked=None)
    ran = table("train", "t.csv", *NEEDED[:-1], "n.model", "--monotone", "a+", "--init-from", "m.model")
    assert ran.code == 2
    assert "m.model: its network is not monotone in the columns that are to be: linear" in ran.err
    assert "(--init-from, --monotone)" in ran.err
    trained(table, asked="a+")
    ran = table("train", "t.csv", *NEEDED[:-1], "n.model", "--monotone", "a+", "--init-from", "m.model")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(("words", "code", "said"), [
    (["a"], 2, "monotone: 'a' does not say in which direction; write the column's name and, right behind it, + if"),
    (["+"], 2, "'+' does not say in which direction"),
    (["a+,a-"], 2, "column 'a' is named twice"),
    (["A+"], 3, "t.csv: there is no column 'A' (did you mean 'a'?)"),
    (["town+"], 3, "t.csv: column 'town' holds categories, which have no order to rise or fall in"),
    (["y+"], 2, "column 'y' is learned, and cannot be monotone in itself"),
    (["b,c-"], 2, "'b' does not say in which direction"),
    (["a+", "--drop", "a"], 2, "column 'a' is left out of what is learned from"),
    (["a+", "--hidden-activation", "silu"], 2, "monotone columns go together with no silu"),
    (["a+", "--leaky-slope", "-0.5", "--hidden-activation", "leaky_relu"], 2, "its slope there is negative"),
])
def test_what_is_refused(table, words, code, said):
    ran = table("train", "t.csv", *NEEDED, "--monotone", *words)
    assert ran.code == code and said in ran.err, ran.err
    assert "--monotone" in ran.err


@pytest.mark.parametrize("solver", ["lbfgs", "bfgs", "lm"])
def test_solvers_that_keep_no_signs_are_refused(table, solver):
    ran = table.shell(f"handgrad train t.csv --target y -o m.model --monotone a+ --optimizer {solver}")
    assert ran.code == 2
    assert f"which {solver} does not keep in its steps; take an optimizer of steps on batches" in ran.err
    assert "(--monotone, --optimizer adam)" in ran.err


def test_more_than_two_classes_are_refused(handgrad):
    draw = random.Random(1)
    handgrad.write("t.csv", "a,y\n" + "".join(f"{draw.random():.3f},{'xyz'[i % 3]}\n" for i in range(30)))
    ran = handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--monotone", "a+")
    assert ran.code == 2
    assert "monotone columns need one answer that can rise or fall, and 3 classes have none" in ran.err


def test_with_derivatives_it_is_kept_too(table):
    trained(table, "--hidden-activation", "tanh", asked="a+")
    assert table("predict", "m.model", "t.csv", "--jacobian", "-o", "slopes.csv").code == 0
    trained(table, "--hidden-activation", "tanh", "--target-jacobian", "slopes.csv", asked="a-")
    assert table("check", "m.model", "t.csv").code == 0
    assert falls(-answers(table, "a", np.linspace(-30, 60, 91))) < ROUNDING


def test_exports_are_those_of_any_network(table):
    """C99 by a compiler gives the predictions; ONNX comes back with the same weights."""
    trained(table, "--dtype", "f64")
    assert table("export", "m.model", "--to", "c99", "--raw", "--name", "held", "-o", "c").code == 0
    subprocess.run(["gcc", "-std=c99", "-O1", "-c", "held.c", "-o", "held.o"], cwd=table.folder / "c", check=True)
    assert table("export", "m.model", "--to", "onnx", "-o", "m.onnx").code == 0
    ran = table("import", "m.onnx", "-o", "back.model")
    assert ran.code == 0, ran.err
    there, back = (table("inspect", name, "--json").events[0] for name in ("m.model", "back.model"))
    assert there["parameters_hash"] == back["parameters_hash"]
    assert back["settings"] is None or not back["settings"]


def test_arguments_of_other_verbs_know_nothing_of_it(table):
    trained(table, asked="a+")
    ran = table("predict", "m.model", "t.csv", "--monotone", "a+")
    assert ran.code == 2
