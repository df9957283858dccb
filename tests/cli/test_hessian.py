"""predict --hessian: the second derivatives of what --jacobian differentiates, in the table's units."""

import itertools

import pytest
from cli_support import arguments_for, classification_table, regression_table

STEP = 1e-4


def trained(handgrad, table, target, *words):
    handgrad.write("t.csv", table)
    ran = handgrad("train", "t.csv", *arguments_for(target, epochs=30), "--dtype", "f64", "--learning-rate", "0.02", *words)
    assert ran.code == 0, ran.err
    return handgrad


def expect_differences(handgrad, table, outputs, inputs):
    """The rows of the table are one row, and that row with each of the first inputs a step further."""
    handgrad.write("new.csv", table)
    ran = handgrad("predict", "m.model", "new.csv", "--jacobian", "--hessian")
    assert ran.code == 0, ran.err
    first, *moved = ran.rows
    pairs = list(itertools.combinations_with_replacement(inputs, 2))
    assert [name for name in first if name.startswith("d2(")] == [
        f"d2({output})/d({i})d({j})" for output in outputs for i, j in pairs]
    for (i, j), output in itertools.product(pairs, outputs):
        for column, row in zip(inputs, moved):
            if column in (i, j):
                slope = f"d({output})/d({j if column == i else i})"
                difference = (float(row[slope]) - float(first[slope])) / STEP
                found = float(first[f"d2({output})/d({i})d({j})"])
                assert found == pytest.approx(difference, rel=2e-3, abs=1e-5), (output, i, j)
    return first


def test_columns_are_the_changes_of_those_of_jacobian(handgrad):
    trained(handgrad, regression_table(), "y", "--hidden-activation", "tanh")
    first = expect_differences(handgrad, f"a,b,city\n1,20,Rome\n{1 + STEP},20,Rome\n1,{20 + STEP},Rome\n", ["y"],
                               ["a", "b", "city=Lima", "city=Oslo", "city=Rome"])
    assert float(first["d2(y)/d(b)d(b)"]) != 0


@pytest.mark.parametrize("classes", [("cold", "warm"), ("cold", "mild", "warm")])
def test_of_a_classifier_they_are_those_of_the_probabilities(handgrad, classes):
    trained(handgrad, classification_table(classes=classes), "class", "--hidden-activation", "silu")
    outputs = [f"p({name})" for name in (classes if len(classes) > 2 else classes[1:])]
    first = expect_differences(handgrad, f"x,noise\n0.8,0.5\n{0.8 + STEP},0.5\n0.8,{0.5 + STEP}\n", outputs, ["x", "noise"])
    if len(classes) > 2:  # probabilities add up to 1
        assert sum(float(first[f"d2({p})/d(x)d(noise)"]) for p in outputs) == pytest.approx(0, abs=1e-12)


def test_a_network_that_is_linear_in_pieces_bends_nowhere(regression):
    rows = regression("predict", "m.model", "t.csv", "--hessian").rows  # relu
    assert {cell for row in rows for name, cell in row.items() if name.startswith("d2(")} == {"0"}


def test_json_threads_and_instruction_sets_give_the_same_numbers(handgrad):
    trained(handgrad, regression_table(), "y", "--hidden-activation", "sigmoid")
    ran = handgrad("predict", "m.model", "t.csv", "--hessian", "--threads", 1, "--simd", "scalar")
    assert handgrad("predict", "m.model", "t.csv", "--hessian", "--threads", 3).out == ran.out
    events = handgrad("predict", "m.model", "t.csv", "--hessian", "--json").events
    for row, event in zip(ran.rows, events, strict=True):
        assert event["hessian"] == {name: float(cell) for name, cell in row.items() if name.startswith("d2(")}
    assert "jacobian" not in events[0]


def test_more_numbers_than_can_be_meant_are_refused(handgrad):
    columns = 1500
    header = ",".join(f"x{i}" for i in range(columns)) + ",y"
    trained(handgrad, header + "\n" + "".join(",".join(str((i * j) % 7) for j in range(columns + 1)) + "\n" for i in range(20)),
            "y")
    ran = handgrad("predict", "m.model", "t.csv", "--hessian")
    assert (ran.code, ran.out) == (3, "")
    assert "pairs of inputs" in ran.err and "at most 1048576" in ran.err


def test_check_judges_them_too(handgrad):
    trained(handgrad, regression_table(), "y", "--hidden-activation", "tanh")
    ran = handgrad("check", "m.model", "t.csv", "--json")
    assert ran.code == 0, ran.out
    hessian = ran.events[0]["hessian"]
    assert (hessian["name"], hessian["verdict"], hessian["failed"]) == ("d2(yhat)/d(x)2", "PASS", 0)
    assert hessian["entries"] == 60 * 15 and not hessian["zero"]
    assert "d2(yhat)/d(x)2" in handgrad("check", "m.model", "t.csv").out


def test_check_of_a_piecewise_linear_network_has_none_to_judge(regression):
    assert regression("check", "m.model", "t.csv", "--json").events[0]["hessian"] is None
