"""handgrad sensitivity: the derivative of each output by each column, in JSON and for people."""

import pytest

NAMES = {"name", "target", "mean", "sd", "rms", "sign", "permutation"}


def columns(handgrad, *words):
    ran = handgrad("sensitivity", *words, "--json")
    assert ran.code == 0, ran.err
    (event,) = ran.events
    assert event["schema"] == 1 and event["event"] == "sensitivity"
    return {(column["name"], column["target"]): column for column in event["columns"]}


def test_of_a_nearly_linear_table_it_is_near_the_slopes(regression):
    found = columns(regression, "m.model", "t.csv")
    assert set(found) == {(name, "y") for name in ("a", "b", "city=Lima", "city=Oslo", "city=Rome")}
    assert all(column.keys() >= NAMES for column in found.values())
    b = found["b", "y"]
    assert b["mean"] == pytest.approx(-2, abs=0.4) and b["sign"] == -1
    assert b["rms"] ** 2 == pytest.approx(b["mean"] ** 2 + b["sd"] ** 2)
    assert b["permutation"] > found["a", "y"]["permutation"] > 0
    assert found["city=Lima", "y"]["permutation"] == found["city=Oslo", "y"]["permutation"]


def test_the_mean_is_that_of_the_jacobians_of_predict(regression):
    rows = regression("predict", "m.model", "t.csv", "--jacobian").rows
    mean = sum(float(row["d(y)/d(b)"]) for row in rows) / len(rows)
    assert columns(regression, "m.model", "t.csv")["b", "y"]["mean"] == pytest.approx(mean, rel=1e-12)


def test_threads_and_instruction_sets_change_nothing(regression):
    one = regression("sensitivity", "m.model", "t.csv", "--json", "--threads", 1, "--simd", "scalar").out
    assert regression("sensitivity", "m.model", "t.csv", "--json", "--threads", 4).out == one


def test_classes_are_named_by_their_probability(classification):
    assert {target for _, target in columns(classification, "m.model", "t.csv")} == {"p(warm)"}


def test_without_labels_permutation_is_null_and_that_is_said(classification):
    classification.write("u.csv", "x,noise\n0.1,1\n0.9,2\n")
    ran = classification("sensitivity", "m.model", "u.csv", "--json")
    assert ran.code == 0 and "permutation" in ran.err
    assert all(column["permutation"] is None and column["rms"] > 0 for column in ran.events[0]["columns"])


def test_for_people_it_fits_in_100_places_the_strongest_first(regression):
    ran = regression("sensitivity", "m.model", "t.csv")
    lines = ran.out.splitlines()
    assert ran.code == 0 and max(map(len, lines)) <= 100
    heading = next(i for i, line in enumerate(lines) if line.startswith("column"))
    assert lines[heading + 1].startswith("b ") and lines[-1].startswith("y moves most with b")


@pytest.mark.parametrize(("words", "code", "answer"), [
    (["m.model", "t.csv", "--repeats", "0"], 2, "--repeats"),
    (["m.model", "none.csv"], 6, "none.csv"),
    (["m.model", "e.csv"], 3, "row"),
])
def test_what_cannot_be_done(regression, words, code, answer):
    regression.write("e.csv", "a,b,city,y\n")
    ran = regression("sensitivity", *words)
    assert (ran.code, ran.out) == (code, "") and answer in ran.err
