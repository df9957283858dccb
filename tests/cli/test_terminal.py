"""No name from a file, and no name of a file, commands the terminal of whoever looks at it."""

import os
import pty
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


def hostile_in_lines(handgrad):
    """Names with line ends that would write a line of the program's own, and texts longer than a screen."""
    lines = ['"a\nhandgrad: all is well","kind\r\nPASS","y\nerror"']
    draw = random.Random(2)
    for _ in range(40):
        lines.append(f'{draw.random():.4f},"{draw.choice("uv")}\nPASS",{draw.random():.3f}')
    handgrad.write("lines.csv", "\n".join(lines) + "\n")
    ran = handgrad("train", "lines.csv", "--target", '"y\nerror"', "-o", "lines.model", "--epochs", 2, "--hidden", 3)
    assert ran.code == 0, ran.err
    return ran


LINES = ("PASS", "error", "handgrad: all is well")


@pytest.mark.parametrize("words", [
    ("inspect", "lines.model"), ("evaluate", "lines.model", "lines.csv"), ("diagnose", "lines.model", "lines.csv"),
    ("sensitivity", "lines.model", "lines.csv"), ("explain", "lines.model", "lines.csv", "--row", "1"),
    ("explain", "lines.model", "lines.csv", "--row", "1", "--format", "markdown"),
    ("explain", "lines.model", "lines.csv", "--row", "1", "--format", "latex"),
    ("predict", "lines.model", "other.csv"), ("evaluate", "lines.model", "other.csv"),
    ("train", "lines.csv", "--target", "z\nPASS", "-o", "n.model"),
    ("train", "lines.csv", "--target", "y", "-o", "n.model", "--config", "bad.toml"),
    ("inspect", "none\nPASS"), ("grade", "lines.model", "lines.csv", "none\nPASS"),
])
def test_a_line_end_in_a_name_ends_no_line(handgrad, words):
    trained = hostile_in_lines(handgrad)
    handgrad.write("other.csv", '"a\nhandgrad: all is well","kind\r\nPASS"\n1,"w\nPASS"\n')
    handgrad.write("bad.toml", '"key\\nPASS" = "value\\nPASS"\n')
    ran = handgrad(*words)
    for text in (trained.err, ran.err, ran.out):
        assert not [line for line in text.splitlines() if line.strip() in LINES or line.startswith(LINES[::2])], text


def test_a_message_about_a_long_value_is_short(handgrad):
    handgrad.write("t.csv", "a,y\n" + "".join(f"{i},{i}\n" for i in range(30)))
    for words in [("train", "t.csv", "--target", "y" * 100_000, "-o", "m"), ("train", "t.csv", "--epochs", "9" * 100_000),
                  ("inspect", "no" * 2000), ("x" * 100_000,)]:
        ran = handgrad(*words)
        assert ran.code != 0 and len(ran.err) < 6000


def test_a_page_shows_the_marks_that_turn_the_writing_round(trained):
    trained("report", MODEL, TABLE, "-o", "page.html")
    page = (trained.folder / "page.html").read_text()
    assert "\u202e" not in page and "\\u202e" in page


def test_on_a_terminal_even_data_give_no_orders(trained):
    ours, theirs = pty.openpty()
    ran = trained("predict", MODEL, TABLE, "--allow-extra", stdout=theirs)
    os.close(theirs)
    assert ran.code == 0, ran.err
    shown = os.read(ours, 100_000).decode().replace("\r\n", "\n")
    os.close(ours)
    assert_harmless(shown)
    assert "\\x1b" in shown


def test_events_carry_names_as_they_are(trained):
    columns = trained("inspect", MODEL, "--json").events[0]["columns"]
    assert [column["name"] for column in columns] == [NAMES["number"], NAMES["category"]]
