"""The surface: help, versions, options, configuration files, and what a slip of the finger gets for an answer."""

import re
import shlex
from pathlib import Path

import pytest
from cli_support import arguments_for, regression_table

ROOT = Path(__file__).resolve().parents[2]
VERBS = re.findall(r'Verb\{"([\w-]+)"', (ROOT / "cli/verbs.hpp").read_text("utf-8"))
PAGES = (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md"))


def test_alone_the_program_prints_help_with_examples_first_on_standard_output(handgrad):
    ran = handgrad()
    assert ran.code == 0 and ran.err == ""
    assert ran.out.index("Examples") < ran.out.index("Verbs")
    assert all(f"\n  {verb} " in ran.out for verb in VERBS)
    assert handgrad("--help") == handgrad("help") == ran


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_has_examples_before_usage_and_options(handgrad, verb):
    ran = handgrad(verb, "--help")
    assert ran.code == 0 and ran.err == ""
    assert ran.out.index("Examples") < ran.out.index("Usage:") < ran.out.index("--config FILE")
    assert max(map(len, ran.out.splitlines())) <= 120
    assert handgrad("help", verb).out == handgrad(verb, "-h").out == ran.out


def test_help_of_train_lists_activations_losses_optimizers_and_schedules_with_formulas(handgrad):
    lines = handgrad("train", "--help").out.splitlines()
    for name, formula in (("relu", "max(z, 0)"), ("softmax", "exp(z_j)/sum_i exp(z_i)"), ("squared_error", "d^2"),
                          ("sgd", "w <- w - eta g"), ("cosine", "eta (1 + cos(pi t))/2")):
        assert any(line.split()[:1] == [name] and formula in line for line in lines), name


def test_every_option_and_verb_that_a_page_names_is_there(handgrad):
    helps = "".join(handgrad(verb, "--help").out for verb in VERBS) + "--version"
    other = "".join(file.read_text("utf-8") for folder in ("tools", "bench", "tests/python") for file in (ROOT / folder).glob("*")
                    if file.is_file()) + "--install --build --prefix --cflags --libs --variable --preset --target --no-index --find-links"
    theirs = re.findall(r'(?:Name\{|name == )"([a-z0-9-]+)"', (ROOT / "cli" / "foreign_names.cpp").read_text())
    known = set(re.findall(r"--[a-z][a-z0-9-]*", helps + other)) | {f"--{name}" for name in theirs}
    for page in PAGES:
        text = page.read_text("utf-8")
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) - known == set(), page
        named = re.findall(r"(?:`|\$ )handgrad ([a-z]+(?:-[a-z]+)*)\b", text)
        assert set(named) - {*VERBS, "help", "model"} == set(), page  # `handgrad model` is the format of a file


def test_version(handgrad):
    ran = handgrad("--version")
    assert (ran.code, ran.out.split()[0]) == (0, "handgrad")


@pytest.mark.parametrize(("words", "answer"), [
    (["trian"], "unknown verb 'trian' (did you mean 'train'?)"),
    (["--config", "x"], "'--config': a verb comes first: train, predict, evaluate, "),
    (["help", "trian"], "did you mean 'train'?"),
    (["train", "t.csv", "-x"], "unknown option '-x'\n"),
    (["train"], "DATA is missing"),
    (["train", "t.csv", "--target", "y"], "--output is missing"),
    (["train", "t.csv", "-o", "m"], "--target is missing"),
    (["train", "t.csv", "u.csv", "--target", "y", "-o", "m"], "unexpected 'u.csv'"),
    (["train", "t.csv", "--lerning-rate", "1"], "unknown option '--lerning-rate' (did you mean '--learning-rate'?)"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--epochs"], "--epochs: a value is missing"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--epochs", "--seed", "1"], "--epochs: a value is missing"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--epochs", "1.5"], "--epochs: '1.5' is not a whole number"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--epochs", "-1"], "--epochs: '-1' is not a whole number"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--epochs", "1", "--epochs", "2"], "--epochs: one value is needed"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--batch", "0"], "--batch: '0' is not a whole number from 1 on"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--seed", "99999999999999999999"], "too large"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--lr", "fast"], "--learning-rate: 'fast' is not a number"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--lr", "0"], "--learning-rate: 0 is out of range"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--lr", "0x1"], "--learning-rate: '0x1' is not a number"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--quantile", "1"], "--quantile: 1 is out of range"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--beta2", "1"], "--beta2: 1 is out of range; it must be from 0 to"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--validation", "1.5"], "1.5 is out of range"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--hidden", "3,x"], "--hidden: 'x' is not a whole number"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--hidden", "3", "--hidden", "4"], "--hidden: one value is needed"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--hidden-activation", "rleu"], "did you mean 'relu'?"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--loss", "mse"], "write squared_error"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--optimizer", "lma"], "did you mean 'lm'?"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--threads", "0"], "--threads: '0' is not a whole number from 1"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--simd", "sse"], "choose from: auto, avx512, avx2, scalar"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--shuffle=maybe"], "'maybe' is neither true nor false"),
    (["train", "t.csv", "--target", '"y', "-o", "m"], "without a closing one"),
    (["train", "t.csv", "--target", "y", "-o", "t.csv"], "t.csv is the file that is read"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--early-stopping", "3", "--validation", "0"], "--validation"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--hidden", "3,3", "--hidden-activation", "relu,relu,tanh"], ""),
    (["train", "t.csv", "--target", "y", "-o", "m", "--hidden-activation", "softmax"], "softmax"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--loss", "binary_cross_entropy", "--output-activation",
      "identity"], "binary_cross_entropy"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--loss", "poisson", "--scale-target"], "--scale-target"),
    (["train", "t.csv", "--target", "y", "-o", "m", "--nesterov", "--optimizer", "adam"], ""),
    (["predict", "m.model"], "DATA is missing"),
    (["evaluate"], "MODEL is missing"),
    (["inspect", "m", "n"], "unexpected 'n'"),
])
def test_a_mistake_in_the_words_is_exit_2_with_an_answer_and_leaves_nothing(handgrad, words, answer):
    handgrad.write("t.csv", regression_table())
    ran = handgrad(*words)
    assert ran.code == 2, ran
    assert answer in ran.err and ran.out == ""
    assert ran.err.endswith("--help lists what can be said)\n")
    assert [path.name for path in handgrad.folder.iterdir()] == ["t.csv"]


def model_bytes(handgrad, *words):
    ran = handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", 2, "--quiet", *words)
    assert ran == type(ran)(0, "", ""), ran.err
    return [event for event in handgrad("inspect", "m.model", "--json").events][0]["parameters_hash"]


def test_aliases_mean_the_same_as_the_option(handgrad):
    handgrad.write("t.csv", regression_table())
    plain = model_bytes(handgrad, "--learning-rate", "0.5")
    assert plain == model_bytes(handgrad, "--lr", "0.5") == model_bytes(handgrad, "--eta=0.5", "--num-threads", "2")
    assert plain != model_bytes(handgrad)


def test_threads_and_simd_do_not_change_a_bit(handgrad):
    handgrad.write("t.csv", regression_table())
    assert model_bytes(handgrad) == model_bytes(handgrad, "--threads", "3", "--simd", "scalar")


def test_names_with_commas_are_quoted_or_repeated(handgrad):
    handgrad.write("t.csv", '"a,b",c,d,y\n' + "".join(f"{i},{i * i},{-i},{2 * i}\n" for i in range(30)))
    for words in (["--drop", '"a,b",d'], ["--drop", '"a,b"', "--drop", "d"]):
        ran = handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", 1, "--json", *words,
                       "--task", "regression")
        assert ran.events[0]["features"] == 1, ran.err


def test_hidden_none_is_a_single_linear_layer(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", 1, "--json", "--hidden", "none")
    assert ran.events[0]["layers"] == [{"name": "linear1", "in": 5, "out": 1, "activation": "identity"}]


def test_each_hidden_layer_may_have_its_own_activation(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", 1, "--json", "--hidden", "3,2",
                   "--hidden-activation", "tanh,relu")
    assert [layer["activation"] for layer in ran.events[0]["layers"]] == ["tanh", "relu", "identity"]


def test_weight_decay_is_0_but_less_than_1_for_adamw(handgrad):
    handgrad.write("t.csv", regression_table())
    for optimizer, decay in (("adam", "0"), ("adamw", "0.3")):
        model_bytes(handgrad, "--optimizer", optimizer)
        provenance = handgrad("inspect", "m.model", "--json").events[0]["provenance"]
        assert provenance["weight_decay"] == decay


def test_what_the_library_asks_for_is_said_in_options(handgrad):
    handgrad.write("t.csv", regression_table())

    def told(*words):
        return handgrad("train", "t.csv", "--target", "y", "-o", "m.model", "--epochs", 1, *words).err

    assert "early stopping needs validation rows (--validation)\n" in told("--early-stopping", 3, "--validation", 0)
    assert "choose another output activation or loss (--output-activation, --loss)\n" in told(
        "--loss", "binary_cross_entropy", "--output-activation", "identity")
    assert "cannot be scaled (--scale-target)\n" in told("--loss", "poisson", "--scale-target", "--task", "regression")
    assert re.search(r"whole, such as \S+ \(--task classification overrules\)\n", told())


def test_constants_of_adam_are_chosen_kept_and_worked_with(handgrad):
    handgrad.write("t.csv", regression_table())
    first = model_bytes(handgrad)
    assert first != model_bytes(handgrad, "--beta1", "0.25", "--beta2", "0.75", "--epsilon", "0.125")
    settings = handgrad("inspect", "m.model", "--json").events[0]["settings"]
    assert (settings["beta1"], settings["beta2"], settings["epsilon"]) == (0.25, 0.75, 0.125)
    assert settings["hidden"] == [32] and settings["validation"] == 0.2 and settings["loss"] is None
    optimizer = handgrad("explain", "m.model", "--json").events[0]["optimizer"]
    assert (optimizer["beta1"], optimizer["beta2"], optimizer["epsilon"]) == (0.25, 0.75, 0.125)
    optimizer = handgrad("explain", "m.model", "--json", "--beta1", "0.5").events[0]["optimizer"]
    assert (optimizer["beta1"], optimizer["beta2"]) == (0.5, 0.75)
    assert "beta1                0.25" in handgrad("inspect", "m.model").out


# --- Configuration files ----------------------------------------------------------------------------------------------

CONFIG = """\
# what every verb may say
quiet = true

[train]
target = "y"            # a text
output = 'm.model'
epochs = 2
learning_rate = 0.5     ; either spelling
hidden = [32]
no-shuffle = false

[predict]
proba = true
"""


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults(handgrad):
    handgrad.write("t.csv", regression_table())
    handgrad.write("run.toml", CONFIG)

    def learning_rate(*words):
        assert handgrad("train", "t.csv", "--config", "run.toml", *words).err == ""
        return handgrad("inspect", "m.model", "--json").events[0]["provenance"]["learning_rate"]

    assert learning_rate() == "0.5"
    assert learning_rate("--lr", "0.25") == "0.25"


@pytest.mark.parametrize(("line", "answer"), [
    ('"learnig\\u0000rate" = 1', "run.toml:2: unknown key 'learnig\\0rate'"),
    ("learnig_rate = 1", "run.toml:2: unknown key 'learnig_rate' (did you mean 'learning-rate'?)"),
    ("epochs = many", "run.toml:2: epochs: 'many' is not a whole number"),
    ("lr = -1", "run.toml:2: lr: -1 is out of range"),
    ("epochs 3", "run.toml:2: 'epochs 3' is not of the form key = value"),
    ("epochs = 3\nepochs = 4", "run.toml:3: 'epochs' is given twice"),
    ("lr = 3\neta = 4", "run.toml:3: eta: already given at run.toml:2: lr"),
    ('drop = "a', "run.toml:2: a text begins with \" and must end with \""),
    ('drop = ["a", "b"\n', "elements of an array are separated by ',' and it ends with ']'"),
    ('drop = ["a",\n', "an array begins with '['"),
    ('drop = "a" b', "run.toml:2: unexpected 'b' behind the value"),
    ("epochs =", "run.toml:2: a value is missing"),
    ("[trian]", "run.toml:2: section: unknown 'trian' (did you mean 'train'?)"),
    ("[train\nepochs = 3", "run.toml:2: a section begins with '['"),
    ("quiet = []", "run.toml:2: quiet: one value is needed, but 0 are given"),
    ("shuffle = yes", "run.toml:2: shuffle: 'yes' is neither true nor false"),
])
def test_a_mistake_in_the_file_is_exit_2_with_its_line(handgrad, line, answer):
    handgrad.write("t.csv", regression_table())
    handgrad.write("run.toml", "# comment\n" + line)
    ran = handgrad("train", "t.csv", *arguments_for("y")[:4], "--config", "run.toml")
    assert ran.code == 2 and answer in ran.err, ran.err
    assert not (handgrad.folder / "m.model").exists()


TOML_LINES = {
    "an inline table": ('train = {epochs = 3, lr = 0.5, drop = ["b"]}', "--epochs 3 --learning-rate 0.5 --drop b"),
    "dotted keys": ("train.epochs = 3\ntrain.lr = 0.5", "--epochs 3 --learning-rate 0.5"),
    "a quoted key and a quoted section": ('"epochs" = 3\n["train"]\n\'learning-rate\' = 0.5', "--epochs 3 --learning-rate 0.5"),
    "a text over lines": ('drop = """\nb"""', "--drop b"),
    "a literal text in three quotes": ("drop = \'\'\'b\'\'\'", "--drop b"),
    "unicode escapes": ('drop = "\\u0062"\nmissing = "\\U0001F600"', "--drop b --missing \'\U0001f600\'"),
    "underscores in numbers": ("seed = 1_000", "--seed 1000"),
    "hexadecimal, octal and binary numbers": ("seed = 0xff\nepochs = 0b11\nbatch = 0o20", "--epochs 3 --batch 16 --seed 255"),
    "a number with an exponent": ("lr = 5e-1", "--learning-rate 0.5"),
    "a date and a time": ("missing = [1979-05-27, 07:32:00, 1979-05-27T07:32:00Z]", "--missing 1979-05-27,07:32:00,1979-05-27T07:32:00Z"),
}


@pytest.mark.parametrize("kind", TOML_LINES)
def test_toml_is_read_in_full(handgrad, kind):
    lines, options = TOML_LINES[kind]
    handgrad.write("t.csv", "a,b,y\n" + "".join(f"{i},{i * i % 7},{2 * i}\n" for i in range(30)))
    handgrad.write("run.toml", lines + "\n")
    ran = handgrad("train", "t.csv", *arguments_for("y")[:4], "--config", "run.toml", "--quiet")
    assert ran.code == 0, ran.err
    told = shlex.split(handgrad("inspect", "m.model", "--json").events[0]["provenance"]["command"])
    wanted = shlex.split(options)
    for name, value in zip(wanted[::2], wanted[1::2], strict=True):
        assert told[told.index(name) + 1] == value


@pytest.mark.parametrize(("name", "lines", "answer"), [
    ("run.toml", "train = {epochs = 3}\nlr = {a = 1\n", "run.toml:2: Error while parsing inline table: "),
    ("run.toml", "train = {epochs = 3,\n", "run.toml:1: Error while parsing inline table: "),
    ("run.toml", "[[train]]\nepochs = 3", "run.toml:1: '[[train]]' is not the name of a verb"),
    ("run.toml", "[train]\nlr = {a = 1}", "run.toml:2: 'lr': an option takes a value or an array of values, no table"),
    ("run.toml", "drop = [[1], 2]", "run.toml:1: 'drop': an option takes a value or an array of values, no array"),
    ("run.toml", "epochs = 3.0", "run.toml:1: epochs: '3.0' is not a whole number"),
    ("run.ini", "train = {epochs = 3}", "run.ini:1: 'train': there are no tables in braces in INI"),
    ("run.cfg", "seed = 1_000", "run.cfg:1: seed: '1_000' is not a whole number"),
])
def test_what_is_neither_toml_nor_ini_is_explained_by_the_reader_that_got_further(handgrad, name, lines, answer):
    handgrad.write("t.csv", regression_table())
    handgrad.write(name, lines)
    ran = handgrad("train", "t.csv", *arguments_for("y")[:4], "--config", name)
    assert ran.code == 2 and answer in ran.err, ran.err


def test_a_missing_file_is_exit_2(handgrad):
    handgrad.write("t.csv", regression_table())
    ran = handgrad("train", "t.csv", *arguments_for("y"), "--config", "none.toml")
    assert ran.code == 2 and "none.toml" in ran.err and "No such file" in ran.err


def test_arrays_hold_names_with_commas_as_they_are(handgrad):
    handgrad.write("t.csv", '"a,b",c,d,y\n' + "".join(f"{i},{i * i},{-i},{2 * i}\n" for i in range(30)))
    handgrad.write("run.toml", 'drop = [  # none of these\n  "a,b",\n  "d",\n]\ntask = "regression"\n')
    ran = handgrad("train", "t.csv", *arguments_for("y"), "--json", "--config", "run.toml")
    assert ran.events[0]["features"] == 1, ran.err


def test_ini_files_serve_as_well(handgrad):
    handgrad.write("t.csv", regression_table())
    handgrad.write("run.ini", "\ufeff; an old friend\r\n[train]\r\ntarget=y\r\noutput = m.model\r\nepochs = 1\r\n")
    ran = handgrad("train", "t.csv", "--config", "run.ini", "--quiet")
    assert (ran.code, ran.err) == (0, "")
