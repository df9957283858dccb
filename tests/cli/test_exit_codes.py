"""Every verb ends with each exit code that can befall it: usage, bad data, a bad model, files that cannot be read or
written. Those that one verb alone has: 1 of check (test_preloaded.py, test_check.py) and compare, 5 below, 130 and 143
(test_signals.py), 141 (test_signals.py)."""

import re

import numpy as np
import pytest
from cli_support import Program, arguments_for, regression_table

CALLS = {"train": ["t.csv", "--target", "y", "--epochs", 1, "--init-from", "m.model", "--hidden", 4, "-o", "n.model"],
         "cv": ["t.csv", "--target", "y", "--folds", 2, "--epochs", 1, "--hidden", 2],
         "tune": ["t.csv", "--target", "y", "--trials", 2, "--folds", 2, "--epochs", 1, "-o", "u.model"],
         "predict": ["m.model", "t.csv"], "evaluate": ["m.model", "t.csv"],
         "encode": ["m.model", "t.csv", "-o", "x.npz"], "check": ["m.model", "t.csv", "--rows", 3],
         "compare": ["m.model", "t.csv", "--gradients", "g.npz"], "diagnose": ["m.model", "t.csv"],
         "sensitivity": ["m.model", "t.csv"], "explain": ["m.model", "t.csv", "--row", 1],
         "report": ["m.model", "t.csv", "-o", "r.html"], "inspect": ["m.model"],
         "grade": ["m.model", "t.csv", "sheets"], "bench": [],
         "export": ["m.model", "--to", "onnx", "-o", "m.onnx"], "import": ["m.model", "--hidden-activation", "relu", "-o", "i.model"]}
"""A call of each verb that does its work; bench measures for long, so of it a wrong one alone."""
WITHOUT_DATA = {"inspect", "bench", "export", "import"}
WITHOUT_MODEL = {"cv", "tune"}


@pytest.fixture(scope="module")
def handgrad(tmp_path_factory):
    program = Program(tmp_path_factory.mktemp("exit"))
    program.write("t.csv", regression_table())
    program.write("ragged.csv", "a,b,city,y\n1,2,Rome\n")
    assert program("train", "t.csv", *arguments_for("y")).code == 0
    program.write("bad.model", (program.folder / "m.model").read_bytes()[:-1])
    np.savez(program.folder / "g.npz", **{"linear1.bias": np.arange(4.0)})
    (program.folder / "sheets").mkdir()
    np.savez(program.folder / "sheets/g.npz", **{"linear1.bias": np.arange(4.0)})
    return program


def replaced(verb, old, new):
    return [verb, *(new if word == old else word for word in CALLS[verb])]


def verbs(*, with_data=False):
    return [verb for verb in CALLS if verb != "bench" and not (with_data and verb in WITHOUT_DATA)]


def test_every_verb_stands_here(handgrad):
    named = re.findall(r"^  ([a-z]+) ", handgrad("--help").out.split("Verbs")[-1], re.MULTILINE)
    assert set(CALLS) == {verb for verb in named if handgrad(verb, "--help").code == 0}


@pytest.mark.parametrize("verb", verbs())
def test_done_is_0_and_a_wrong_gradient_1(handgrad, verb):
    assert handgrad(verb, *CALLS[verb]).code == (1 if verb == "compare" else 0)


@pytest.mark.parametrize("verb", CALLS)
def test_usage_is_2(handgrad, verb):
    ran = handgrad(verb, *CALLS[verb], "--no-such-option")
    assert ran.code == 2 and "--no-such-option" in ran.err and ran.out == ""


@pytest.mark.parametrize("verb", verbs(with_data=True))
def test_bad_data_are_3(handgrad, verb):
    ran = handgrad(*replaced(verb, "t.csv", "ragged.csv"))
    assert ran.code == 3 and "ragged.csv:2" in ran.err


@pytest.mark.parametrize("verb", [verb for verb in verbs() if verb not in WITHOUT_MODEL])
def test_a_bad_model_is_4(handgrad, verb):
    ran = handgrad(*replaced(verb, "m.model", "bad.model"))
    assert ran.code == 4 and "bad.model" in ran.err


def test_a_divergence_is_5(handgrad):
    ran = handgrad("train", "t.csv", "--target", "y", "--optimizer", "sgd", "--lr", "1e30", "-o", "d.model")
    assert ran.code == 5 and "diverged" in ran.err


@pytest.mark.parametrize("verb", verbs())
@pytest.mark.parametrize("file", ["t.csv", "m.model"])
def test_what_cannot_be_read_is_6(handgrad, verb, file):
    if file in CALLS[verb]:
        ran = handgrad(*replaced(verb, file, "none.file"))
        assert ran.code == 6 and "none.file" in ran.err


@pytest.mark.parametrize("verb", verbs())
def test_what_cannot_be_written_is_6(handgrad, verb):
    """The file where it is asked for, else standard output."""
    words = CALLS[verb]
    if "-o" in words:
        ran = handgrad(*replaced(verb, words[-1], f"nowhere/{words[-1]}"))
        assert f"nowhere/{words[-1]}" in ran.err
    else:
        with open("/dev/full", "wb") as full:
            ran = handgrad(verb, *words, stdout=full)
    assert ran.code == 6
