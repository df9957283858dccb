"""No name from a file, and no name of a file, commands the terminal of whoever looks at it."""

import random

import pytest
from cli_support import arguments_for

ESC = "\x1b[31m"
NAMES = {"number": f"a{ESC}", "category": f"kind\u009b2J{ESC}", "target": f"y{ESC}\u202e"}
TABLE, MODEL = f"t{ESC}.csv", f"m{ESC}.model"
COMMANDS = ["\x1b", "\u009b", "\x7f", "\u202e", "\r"]


@pytest.fixture(name="trained")
def train_on_hostile_names(handgrad):
    draw = random.Random(1)
    lines = [",".join(NAMES.values())]
    for _ in range(60):
        lines.append(f"{draw.random():.4f},{draw.choice(['u', 'v'])}{ESC},{draw.choice(['no', 'yes'])}{ESC}\x7f")
    handgrad.write(TABLE, "\n".join(lines) + "\n")
    handgrad.trained = handgrad("train", TABLE, *arguments_for(NAMES["target"], MODEL), "--diagnose")
    assert handgrad.trained.code == 0, handgrad.trained.err
    return handgrad


def assert_harmless(*texts):
    for text in texts:
        assert not [command for command in COMMANDS if command in text], text


CALLS = {
    "inspect": [MODEL],
    "evaluate": [MODEL, TABLE],
    "check": [MODEL, TABLE],
    "diagnose": [MODEL, TABLE],
    "sensitivity": [MODEL, TABLE],
    "explain": [MODEL, TABLE, "--row", "1"],
    "explain in Markdown": [MODEL, TABLE, "--row", "1", "--format", "markdown"],
    "report": [MODEL, TABLE, "-o", f"r{ESC}.html"],
    "compare": [MODEL, TABLE, "--gradients", f"none{ESC}.npz"],
}


@pytest.mark.parametrize("call", CALLS)
def test_what_a_verb_says_is_harmless(trained, call):
    ran = trained(call.split()[0], *CALLS[call])
    assert ran.code in (0, 3) or call == "compare", ran.err
    assert_harmless(ran.out, ran.err)


def test_training_and_predicting_say_nothing_harmful(trained):
    assert_harmless(trained.trained.out, trained.trained.err)
    predicted = trained("predict", MODEL, TABLE, "--allow-extra")
    assert predicted.code == 0
    assert_harmless(predicted.err)
    assert ESC in predicted.out  # data stays as it is


@pytest.mark.parametrize("words", [
    ("train", f"none{ESC}.csv", "--target", "y", "-o", "m"),
    ("train", TABLE, "--target", f"z{ESC}", "-o", "m"),
    ("train", TABLE, f"--ep{ESC}", "3"),
    (f"ver{ESC}b",),
    ("inspect", TABLE),
    ("predict", MODEL, f"none{ESC}.csv"),
    ("train", TABLE, "--config", f"none{ESC}.toml"),
])
def test_mistakes_are_told_harmlessly(trained, words):
    ran = trained(*words)
    assert ran.code != 0
    assert_harmless(ran.out, ran.err)


def test_events_carry_names_as_they_are(trained):
    columns = trained("inspect", MODEL, "--json").events[0]["columns"]
    assert [column["name"] for column in columns] == [NAMES["number"], NAMES["category"]]
