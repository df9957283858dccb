"""Numbers that are not finite are never a quiet answer: counted on standard error, exit 5, or allowed by name."""

import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from forged import Forged  # noqa: E402  (after the path that leads to it)

ANSWERS = {
    "predict": ("predict", "M", "t.csv", "--allow-extra"),
    "predict with derivatives": ("predict", "M", "t.csv", "--allow-extra", "--jacobian"),
    "predict to JSON": ("predict", "M", "t.csv", "--allow-extra", "--json"),
    "evaluate": ("evaluate", "M", "t.csv"),
    "sensitivity": ("sensitivity", "M", "t.csv"),
    "diagnose": ("diagnose", "M", "t.csv"),
    "explain": ("explain", "M", "t.csv", "--row", "1"),
    "report": ("report", "M", "t.csv", "-o", "r.html"),
}


def with_weights(handgrad, tensor, number, name):
    """m.model with all numbers of one tensor replaced."""
    forged = Forged((handgrad.folder / "m.model").read_bytes())
    begin, end = forged.header[tensor]["data_offsets"]
    numbers = bytearray(forged.numbers)
    numbers[begin:end] = struct.pack("<f", number) * ((end - begin) // 4)
    forged.numbers = bytes(numbers)
    (handgrad.folder / name).write_bytes(forged.bytes())
    return name


def words_of(answer, model):
    return [model if word == "M" else word for word in ANSWERS[answer]]


@pytest.mark.parametrize("answer", ANSWERS)
def test_weights_whose_sums_overflow_are_told_in_every_answer(regression, answer):
    ran = regression(*words_of(answer, with_weights(regression, "linear1.weight", 3e38, "big.model")))
    assert ran.code == 5, ran
    assert "not finite: " in ran.err and "--allow-nonfinite" in ran.err
    assert "healthy" not in ran.out


@pytest.mark.parametrize("answer", ANSWERS)
def test_they_are_counted_but_no_error_when_they_are_allowed(regression, answer):
    ran = regression(*words_of(answer, with_weights(regression, "linear1.weight", 3e38, "big.model")), "--allow-nonfinite")
    assert ran.code == 0, ran
    assert "not finite: " in ran.err


@pytest.mark.parametrize("answer", [*ANSWERS, "check", "encode", "inspect", "train"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_every_verb_that_loads_weights_refuses_them_unless_allowed(regression, answer, number):
    model = with_weights(regression, "linear2.bias", number, "bad.model")
    others = {"check": ["check", model, "t.csv"], "encode": ["encode", model, "t.csv"], "inspect": ["inspect", model],
              "train": ["train", "t.csv", "--target", "y", "--hidden", "4", "--epochs", "0", "-o", "n.model", "--init-from", model]}
    words = others[answer] if answer in others else words_of(answer, model)
    ran = regression(*words)
    assert ran.code == 4 and "is not a number to compute with" in ran.err and "--allow-nonfinite" in ran.err, ran
    allowed = regression(*words, "--allow-nonfinite")
    assert allowed.code != 4 and "healthy" not in allowed.out, allowed


def test_biases_that_a_flat_activation_hides_are_no_health(handgrad):
    handgrad.write("t.csv", "a,y\n" + "".join(f"{i / 7},{i % 5}\n" for i in range(40)))
    ran = handgrad("train", "t.csv", "--target", "y", "--hidden", "4", "--hidden-activation", "tanh", "--epochs", "3", "-o", "m.model")
    assert ran.code == 0, ran.err
    diagnosis = handgrad("diagnose", with_weights(handgrad, "linear1.bias", float("inf"), "flat.model"), "t.csv", "--json",
                         "--allow-nonfinite").events[0]
    assert diagnosis["factor"] != "none" and "biases are not all finite" in diagnosis["text"]
