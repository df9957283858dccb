"""handgrad check: the certificate's table and its JSON, exit codes, the rows it draws."""

import json

import numpy as np
import pytest

KEYS = {"name", "verdict", "zero", "detection_limit", "reason", "run", "entries", "kinks", "failed", "worst_ulp",
        "where", "claimed", "witness", "bound", "factor"}


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_a_trained_model_passes(kind, request):
    handgrad = request.getfixturevalue(kind)
    ran = handgrad("check", "m.model", "t.csv", "--json")
    assert ran.code == 0, ran.err
    certificate, = ran.events
    assert certificate["event"] == "certificate" and certificate["schema"] == 1
    assert certificate["verdict"] == "PASS"
    names = [tensor["name"] for tensor in certificate["parameters"]]
    assert names == ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"]
    for tensor in [*certificate["parameters"], certificate["input"]]:
        assert set(tensor) == KEYS
        assert tensor["verdict"] == "PASS" and tensor["failed"] == 0 and tensor["factor"] is None
        assert tensor["detection_limit"] <= 0.01 and tensor["reason"] is None and not tensor["zero"]
        assert abs(tensor["claimed"] - tensor["witness"]) <= tensor["bound"]
    assert certificate["input"]["name"] == "d(yhat)/d(x)"


def test_the_gradient_that_is_certified_is_that_of_the_mean_loss(handgrad):
    """One unit, one row: 2 (w x + b - y) x, by hand."""
    handgrad.write("t.csv", "x,y\n0.5,3\n")
    handgrad.write("more.csv", "x,y\n" + "".join(f"{i / 8},{i / 4 + 1}\n" for i in range(16)))
    ran = handgrad("train", "more.csv", "--target", "y", "--hidden", "1", "--hidden-activation", "identity", "--epochs",
                   "0", "--scale", "none", "--no-scale-target", "--dtype", "f64", "-o", "m.model", "--validation", "0")
    assert ran.code == 0, ran.err
    event, = handgrad("check", "m.model", "t.csv", "--json").events
    path = handgrad.folder / "m.model"
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    w1, b1, w2, b2 = (np.frombuffer(raw[8 + size:][slice(*header[name]["data_offsets"])], "<f8")[0]
                      for name in ("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"))
    delta = 2 * (w2 * (w1 * 0.5 + b1) + b2 - 3)
    expected = [delta * w2 * 0.5, delta * w2, delta * (w1 * 0.5 + b1), delta]
    assert [tensor["claimed"] for tensor in event["parameters"]] == pytest.approx(expected, rel=1e-14)
    assert event["input"]["claimed"] == pytest.approx(w2 * w1, rel=1e-14)


def test_rows_are_drawn_by_the_seed(regression):
    def certificate(*words):
        return regression("check", "m.model", "t.csv", "--json", *words).out

    assert json.loads(certificate("--rows", "7"))["rows"] == 7
    assert certificate("--rows", "7") == certificate("--rows", "7", "--seed", "0")
    assert certificate("--rows", "7") != certificate("--rows", "7", "--seed", "1")
    assert certificate("--rows", "7", "--threads", "1", "--simd", "scalar") == certificate("--rows", "7")


def test_the_table_for_people(regression):
    ran = regression("check", "m.model", "t.csv", "--rows", "5")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["verdict", "entries", "would", "see", "worst", "ulp", "at", "kinks"]
    assert lines[-1] == "PASS: 5 rows checked"  # no row weighs more than another
    assert max(map(len, lines)) <= 100 and ran.err == ""


def test_first_weights_of_zero_pass_as_zeros(handgrad):
    """Equal logits tie in the witness, and every hidden gradient is 0."""
    handgrad.write("t.csv", "a,b,c\n1,2,x\n2,1,y\n3,5,z\n")
    assert handgrad("train", "t.csv", "--target", "c", "--init", "zeros", "--epochs", "0", "--hidden", "4", "-o",
                    "m.model").code == 0
    ran = handgrad("check", "m.model", "t.csv")
    assert ran.code == 0 and ran.out.count("PASS (zero)") == 6, ran.out


def test_all_that_was_run_is_said(classification):
    certificate, = classification("check", "m.model", "t.csv", "--json").events
    runs = [run["what"] for run in certificate["runs"]]
    for what in ("rows in f32", "rows in f64", "1 row in f32", "2053 rows in f32", "a training step of",
                 "d(yhat)/d(x) in the table's units"):
        assert any(run.endswith(what) or run.startswith(what) for run in runs), (what, runs)


def test_one_class_only_is_zero_by_structure(handgrad):
    handgrad.write("t.csv", "a,b,k\n" + "".join(f"{i / 7},{i * i % 5},x\n" for i in range(20)))
    assert handgrad("train", "t.csv", "--target", "k", "--hidden", "8", "--epochs", "2", "--validation", "0", "-o",
                    "m.model").code == 0
    ran = handgrad("check", "m.model", "t.csv")
    assert ran.code == 0 and ran.out.count("PASS (zero)") == 6 and "Only so many" not in ran.out, ran.out


def test_of_weighted_rows_it_is_said_how_many_carry_the_weight(handgrad):
    """The row that counts stands last, where short batches of the first rows would miss it."""
    handgrad.write("t.csv", "a,y,w\n" + "".join(f"{i / 7},{i * i % 5},{int(i == 39)}\n" for i in range(40)))
    assert handgrad("train", "t.csv", "--target", "y", "--weight", "w", "--task", "regression", "--hidden", "8",
                    "--hidden-activation", "tanh", "--epochs", "2", "--validation", "0", "-o", "m.model").code == 0
    ran = handgrad("check", "m.model", "t.csv")
    assert ran.out.splitlines()[-1] == "PASS: 40 rows checked, of which 1 carries 99 % of the weight or more", ran.out
    assert "Only so many" not in ran.out
    event, = handgrad("check", "m.model", "t.csv", "--json").events
    assert event["carrying_rows"] == 1
    assert all(run["judged"] == run["tensors"] and run["verdict"] == "PASS" for run in event["runs"])
    assert any(run["what"] == "1 row in f32" for run in event["runs"])
    handgrad.write("none.csv", (handgrad.folder / "t.csv").read_text().replace(",1\n", ",0\n"))
    ran = handgrad("check", "m.model", "none.csv")
    assert ran.code == 3 and "weight" in ran.err


def test_what_overflows_is_said_in_words(handgrad):
    """dyhat/dx in the table's units is beyond 1e308 where a column of 1e-300 moves a target of 1e+200."""
    handgrad.write("t.csv", "a,b,y\n" + "".join(f"{i}e299,{i * i % 5}e-300,{i * 3 % 7}e200\n" for i in range(20)))
    assert handgrad("train", "t.csv", "--target", "y", "--task", "regression", "--hidden", "8", "--hidden-activation",
                    "tanh", "--epochs", "2", "--validation", "0", "--dtype", "f64", "-o", "m.model").code == 0
    ran = handgrad("check", "m.model", "t.csv")
    text = " ".join(ran.out.split())
    assert ran.code == 1 and "nan" not in text and "inf" not in text, ran.out
    assert "beyond the largest that the precision has" in text and "other units" in text
    assert "numbers of the rest overflow: d(yhat)/d(x) in the table's units (0 of 1)." in text
    event, = handgrad("check", "m.model", "t.csv", "--json").events
    assert event["input"]["detection_limit"] is None and event["input"]["verdict"] == "UNDETERMINED"


def test_mistakes_are_named(regression):
    regression.write("empty.csv", (regression.folder / "t.csv").read_text().splitlines()[0] + "\n")
    assert regression("check", "m.model", "empty.csv").code == 3
    assert regression("check", "missing.model", "t.csv").code == 6
    ran = regression("check", "m.model", "t.csv", "--rows", "0")
    assert ran.code == 2 and "--rows" in ran.err
    assert "UNDETERMINED" in regression("check", "--help").out
