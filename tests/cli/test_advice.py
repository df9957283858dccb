"""What a message advises is an option of the verb that says it, or is marked as one of train; and following it helps."""

import re
from pathlib import Path

import pytest
from cli_support import arguments_for

LIBRARY = Path(__file__).resolve().parents[2] / "handgrad"
TABLE = "a,town,y\n" + "".join(f"{i},{('Rome', 'Oslo')[i % 2]},{i + 0.5}\n" for i in range(12))
VERBS = {
    "predict": (), "evaluate": (), "encode": (), "check": (), "diagnose": (), "sensitivity": (), "report": ("-o", "r.html"),
    "explain": ("--row", 1), "compare": ("--gradients", "g.npz"), "grade": ("sheets",),
}
# What is wrong with a table, and what of its advice helps: options of the verb, or of train.
WRONG = {
    "an unknown town": ("a,town,y\n1,Bonn,2\n2,Rome,3\n", ["--unknown", "ignore"], []),
    "several of them": ("a,town,y\n1,Bonn,2\n2,Bern,3\n", ["--unknown", "ignore"], []),
    "a missing town": ("a,town,y\n1,,2\n2,Rome,3\n", ["--unknown", "ignore"], []),
    "a missing number": ("a,town,y\n,Rome,2\n2,Rome,3\n", [], ["--impute", "mean"]),
    "one column more": ("a,town,b,y\n1,Rome,2,2\n2,Rome,3,3\n", ["--allow-extra"], []),
    "money": ("a,town,y\n$1,Rome,2\n$2,Rome,3\n", ["--currency"], []),
    "a word": ("a,town,y\n1,Rome,2\n2,Rome,3\nlots,Rome,4\n", ["--missing", "lots"], ["--impute", "mean"]),
    "a missing label": ("a,town,y\n2,Rome,3\n1,Rome,\n3,Oslo,4\n", ["--drop-missing-labels"], []),
}


def options_in(text):
    return re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)


@pytest.fixture
def model(handgrad):
    handgrad.write("t.csv", TABLE)
    assert handgrad("train", "t.csv", *arguments_for("y", validation=0)).code == 0
    (handgrad.folder / "sheets").mkdir()
    return handgrad


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_names_an_option_that_it_has_not(model, verb):
    own, of_train = (set(options_in(model(name, "--help").out)) for name in (verb, "train"))
    for name, (text, helps, in_training) in WRONG.items():
        model.write("new.csv", text)
        words = (verb, "m.model", "new.csv", *VERBS[verb])
        ran = model(*words)
        if verb == "predict" and name == "a missing label" or verb in ("compare", "grade") and ran.code == 6:
            continue
        if verb == "explain" and ran.code == 0 or verb == "grade" and "--" not in ran.err:
            continue  # another row than the one that is wrong; nothing to mark
        assert ran.code == 3, (name, ran)
        here, _, training = ran.err.splitlines()[0].partition("when training: ")
        assert set(options_in(here)) <= own and set(options_in(training)) <= of_train, ran.err
        assert set(options_in(" ".join(helps[:1]))) <= own, name
        if not in_training and verb not in ("compare", "grade", "explain"):
            again = model(*words, *helps)
            assert again.code in (0, 1), (name, again.err)  # check may not be able to tell on two rows


def test_every_setting_that_the_library_names_is_an_option_of_a_verb(handgrad):
    verbs = re.findall(r"^  (\w+) ", handgrad("--help").out.partition("Verbs")[2], re.M)
    options = {option for verb in verbs for option in options_in(handgrad(verb, "--help").out)}
    hints = re.compile(r'\.about\("([a-z_]+)"|(?:[{]|hints?\()\{"([a-z_]+)"(?:, [^{}]*)?\}')
    files = [path for room in ("data", "train") for path in (LIBRARY / room).glob("*.cpp")]
    named = {first or second for path in files for first, second in hints.findall(path.read_text("utf-8"))}
    assert len(verbs) > 8 and len(named) > 10
    missing = {name for name in named if f"--{name.replace('_', '-')}" not in options}
    assert missing == set()
