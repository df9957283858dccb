"""`handgrad compare`: what it prints, its exit codes, the files it takes and the ones it refuses."""

import numpy as np
import pytest
from safetensors import numpy as tensor_file


@pytest.fixture
def gradients(handgrad):
    """A model of one linear layer on two rows, and its gradient by hand: Eq. (11), ŷ = x, y = 0, δ = 2 x / B."""
    handgrad.write("t.csv", "x1,x2,y\n1,0,0\n0,3,0\n")
    weights = {"linear1.weight": np.ones((2, 2)), "linear1.bias": np.zeros(2),
               "linear2.weight": np.ones((1, 2)), "linear2.bias": np.zeros(1)}
    tensor_file.save_file(weights, handgrad.folder / "w.safetensors")
    ran = handgrad("train", "t.csv", "--target", "y", "--task", "regression", "--hidden", 2, "--hidden-activation",
                   "identity", "--init-from", "w.safetensors", "--epochs", 0, "--validation", 0, "--scale", "none",
                   "--no-scale-target", "-o", "m.model")
    assert ran.code == 0, ran.err
    # ŷ = 2 and 6, so δ of the last layer is 2 and 6 (2 ŷ / B).
    return {"linear1.weight": np.array([[2.0, 18.0], [2.0, 18.0]]), "linear1.bias": np.array([8.0, 8.0]),
            "linear2.weight": np.array([[20.0, 20.0]]), "linear2.bias": np.array([8.0])}


def compare(handgrad, gradients, *options):
    np.savez(handgrad.folder / "g.npz", **gradients)
    return handgrad("compare", "m.model", "t.csv", "--gradients", "g.npz", *options)


def test_right_gradients_pass_with_exit_code_0_from_every_kind_of_file(handgrad, gradients):
    ran = compare(handgrad, gradients)
    assert ran.code == 0 and ran.err == "" and ran.out.count("PASS") == 4 and "fail: 0 of 4" in ran.out
    np.savez_compressed(handgrad.folder / "c.npz", **gradients)
    np.savez(handgrad.folder / "f.npz", **{n: np.asfortranarray(g.astype(">f4")) for n, g in gradients.items()})
    np.savez(handgrad.folder / "h.npz", **{n: g.astype(np.float16) for n, g in gradients.items()})
    tensor_file.save_file({n: g.astype(np.float32) for n, g in gradients.items()}, handgrad.folder / "s.safetensors")
    for file in ("c.npz", "f.npz", "h.npz", "s.safetensors"):
        assert handgrad("compare", "m.model", "t.csv", "--gradients", file).code == 0, file


def test_a_cause_is_named_in_words_with_its_equation_and_exit_code_1(handgrad, gradients):
    ran = compare(handgrad, {name: -gradient for name, gradient in gradients.items()})
    assert ran.code == 1 and ran.out.count("FAIL") == 4
    assert "yhat - y, not y - yhat (Eq. 10)" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 100


def test_what_is_unexplained_is_shown_where_it_differs_most(handgrad, gradients):
    gradients["linear1.weight"][1, 0] += 0.3
    ran = compare(handgrad, gradients)
    assert ran.code == 1 and ran.out.count("PASS") == 3
    assert "differs most at [1, 0]: theirs 2.3, ours 2;" in ran.out
    event, = compare(handgrad, gradients, "--json").events
    assert event["event"] == "comparison" and event["schema"] == 1
    tensor = event["tensors"][0]
    assert (tensor["name"], tensor["verdict"], tensor["cause"]) == ("linear1.weight", "FAIL", "unexplained")
    assert tensor["where"] == [1, 0]


def test_names_of_another_framework_are_understood_when_they_leave_no_doubt(handgrad, gradients):
    torch = {name.replace("linear1", "0").replace("linear2", "2"): g for name, g in gradients.items()}
    event, = compare(handgrad, torch, "--json").events
    assert [t["theirs"] for t in event["tensors"]] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert {t["verdict"] for t in event["tensors"]} == {"PASS"}


def test_missing_and_unknown_names_are_listed(handgrad, gradients):
    gradients["mean"] = gradients.pop("linear2.bias")
    ran = compare(handgrad, gradients)
    assert ran.code == 3 and "called linear1.weight, linear1.bias, linear2.weight, mean; expected" in ran.err


@pytest.mark.parametrize(("words", "code", "answer"), [
    ([], 2, "--gradients is missing"),
    (["--gradients", "none.npz"], 6, "none.npz"),
    (["--gradients", "t.csv"], 4, "t.csv"),
    (["--gradients", "bad.npz"], 3, "bad.npz: not an .npz archive"),
])
def test_files_that_are_not_there_or_something_else(handgrad, gradients, words, code, answer):
    assert gradients
    handgrad.write("bad.npz", b"\x93NUMPY")
    ran = handgrad("compare", "m.model", "t.csv", *words)
    assert ran.code == code and answer in ran.err, ran.err


def test_objects_are_refused_unread(handgrad, gradients):
    gradients["linear1.bias"] = np.array([{}, {}])
    ran = compare(handgrad, gradients)
    assert ran.code == 3 and "linear1.bias: an array of Python objects" in ran.err
