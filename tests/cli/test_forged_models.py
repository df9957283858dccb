"""Model files from strangers, with checksums that fit: what no training makes is refused, whatever the verb, in a sentence."""

import copy
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import PROGRAM, arguments_for, classification_table, regression_table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from forged import Forged, with_value  # noqa: E402  (after the path that leads to it)

LAYER_COLUMNS = ["gradient_rms", "saturated", "dead", "moved", "starved"]
FEATURE, TARGET = ("preprocessing", "features", 0), ("preprocessing", "targets", 0)
CITY = ("preprocessing", "features", 2)
LONG = "x" * 1025

# Path, value, and what the refusal says; of the model of `regression`: a, b numbers, city a text, y the target.
IMPOSSIBLE = {
    "a layer too many": (("architecture", "sizes"), [5] + [1] * 1025, "1025 layers are more than 1024"),
    "a layer too wide": (("architecture", "sizes", 1), 2**24 + 1, "wider than 16777216"),
    "a layer of nothing": (("architecture", "sizes", 1), 0, "size 2 of 3 is 0"),
    "softmax inside": (("architecture", "hidden"), "softmax", "softmax can only stand at the output"),
    "activations for other layers": (("architecture", "each_hidden"), ["relu", "tanh"], "2 hidden activations for 1 hidden layers"),
    "poisson of any number": (("loss", "kind"), "poisson", "takes values from -inf to inf, but the loss poisson is defined from 0"),
    "shares of one output": (("loss", "kind"), "cross_entropy", "the loss cross_entropy is defined from 0"),
    "no huber_delta": (("loss", "huber_delta"), 0.0, "huber_delta must be positive"),
    "a quantile of 1": (("loss", "quantile"), 1.0, "quantile must lie between 0 and 1"),
    "a penalty below 0": (("loss", "weight_decay"), -1.0, "weight_decay must not be negative"),
    "a scale of 0": ((*FEATURE, "scale"), 0.0, "the scale of feature 'a' must be positive"),
    "a subnormal scale": ((*FEATURE, "scale"), 5e-324, "by which nothing can be divided without overflow"),
    "a subnormal scale of the target": ((*TARGET, "scale"), 1e-310, "the scale of target 'y' is 1e-310"),
    "a name of nothing": ((*FEATURE, "name"), "", "a feature has no name"),
    "a target of nothing": ((*TARGET, "name"), "", "a target has no name"),
    "a name too long": ((*FEATURE, "name"), LONG, "has 1025 bytes; at most 1024 are read"),
    "a name twice": ((*FEATURE, "name"), "b", "the column 'b' stands twice"),
    "a feature that is left out": (("preprocessing", "dropped"), ["b"], "the column 'b' is used and left out at once"),
    "categories out of order": ((*CITY, "categories"), ["Rome", "Oslo", "Lima"], "are not in the order of their bytes"),
    "a category twice": ((*CITY, "categories"), ["Lima", "Lima", "Oslo"], "a category of feature 'city' stands twice"),
    "scaled categories": ((*CITY, "scale"), 2.0, "has categories, which are neither scaled nor imputed"),
    "a decimal sign": (("preprocessing", "reading", "decimal"), "x", "the decimal mark must be '.' or ','"),
    "thousands": (("preprocessing", "reading", "thousands"), "x", "'x' cannot divide thousands"),
    "thousands as decimals": (("preprocessing", "reading", "thousands"), ".", "thousands and decimals are both divided by '.'"),
    "a delimiter": (("preprocessing", "reading", "delimiter"), "\n", "'\\n' cannot be the delimiter"),
    "classes of a regression": (("preprocessing", "classes"), ["a", "b"], "a regression has no classes"),
    "a history without losses": (("history",), {"columns": ["epoch"], "epochs": [[1]]}, "the column 'loss' is missing"),
    "an epoch too short": (("history", "epochs", 0), [1], "one number for each of the"),
    "half an epoch": (("history", "epochs", 0, 0), 0.5, "an epoch is not a whole number"),
    "no epochs": (("history", "epochs"), [], "it has no epochs"),
    "a learning rate below 0": (("history", "epochs", 0, 3), -1.0, "the column 'learning_rate' is out of range"),
    "other hidden layers": (("settings", "hidden"), [7], "settings.hidden: '7' is not what this model is"),
    "another loss": (("settings", "loss"), "huber", "settings.loss: 'huber' is not what this model is"),
    "another target": (("settings", "target"), ["z"], "settings.target: 'z' is not what this model is"),
    "another precision": (("settings", "dtype"), "f64", "settings.dtype: 'f64' is not what this model is"),
    "a learning rate of nothing": (("settings", "learning_rate"), 0.0, "settings.learning_rate: 0 is out of range"),
    "no batch": (("settings", "batch"), 0, "settings.batch: 0 is out of range"),
    "sgd's momentum for adam": (("settings", "momentum"), 0.5, "momentum and nesterov belong to sgd"),
    "an unknown setting": (("settings", "colour"), "red", "'colour' is not a setting that this version knows"),
    "answers of another network": (("training_rows", "constant_answer"), [0.0, 0.0], "a network of other inputs and outputs"),
    "rows from high to low": (("training_rows", "lowest", 0), 1e9, "the lowest number of an input is above its highest"),
    "a hash that is none": (("training_rows", "table_hash"), "x", "not one of 32 hexadecimal digits"),
    "a later format": (("format_version",), "5", "written by a later handgrad (format 5, this one reads 4); update handgrad"),
    "a later minor format": (("format_version",), "4.1", "written by a later handgrad (format 4.1, this one reads 4)"),
    "no format": (("format_version",), "two", "its format_version is 'two', which no handgrad writes"),
}


@pytest.fixture(scope="module", name="folder")
def train_models(tmp_path_factory):
    """Models and their tables, trained once for all."""
    folder = tmp_path_factory.mktemp("forged")
    for name, table, target in [("numbers", regression_table(40), "y"), ("classes", classification_table(40), "class")]:
        (folder / f"{name}.csv").write_text(table)
        subprocess.run([PROGRAM, "train", f"{name}.csv", *map(str, arguments_for(target, f"{name}.model")), "--diagnose", "-q"],
                       cwd=folder, check=True)
    return folder


def run(folder, *words):
    """Bounded in time and memory, so that a small file cannot cost much."""
    limited = f"ulimit -v 2000000; exec {PROGRAM} \"$@\""
    return subprocess.run(["bash", "-c", limited, "handgrad", *map(str, words)], cwd=folder, capture_output=True, timeout=30,
                          check=False)


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_no_training_makes_is_refused(folder, what):
    path, value, said = IMPOSSIBLE[what]
    (folder / "forged.model").write_bytes(with_value((folder / "numbers.model").read_bytes(), path, value))
    for words in [("inspect", "forged.model"), ("report", "forged.model", "numbers.csv", "-o", "r.html")]:
        ran = run(folder, *words)
        assert ran.returncode == 4, (ran.returncode, ran.stderr)
        message = ran.stderr.decode()
        assert "forged.model: " in message and said in message, message


def test_history_of_other_layers_is_refused(folder):
    forged = Forged((folder / "numbers.model").read_bytes())
    columns, epochs = forged.values["history"]["columns"], forged.values["history"]["epochs"]
    columns += [f"linear3.{name}" for name in LAYER_COLUMNS]
    for epoch in epochs:
        epoch += [0.0] * len(LAYER_COLUMNS)
    (folder / "forged.model").write_bytes(forged.bytes())
    ran = run(folder, "inspect", "forged.model")
    assert ran.returncode == 4 and b"its columns of layers are not those of 2 layers" in ran.stderr


def test_classes_must_stand_in_order(folder):
    (folder / "forged.model").write_bytes(
        with_value((folder / "classes.model").read_bytes(), ("preprocessing", "classes"), ["warm", "cold"]))
    ran = run(folder, "inspect", "forged.model")
    assert ran.returncode == 4 and b"the classes are not in the order of their bytes" in ran.stderr


def test_what_is_at_the_limit_is_read_as_far(folder):
    """1024 layers and names of 1024 bytes are no errors by themselves; one more of each is."""
    data = (folder / "numbers.model").read_bytes()
    (folder / "forged.model").write_bytes(with_value(data, (*FEATURE, "name"), LONG[1:]))
    assert run(folder, "inspect", "forged.model").returncode == 0
    forged = Forged(data)
    forged.values["architecture"]["sizes"] = [5] + [1] * 1024
    for part in ("history", "settings"):
        del forged.values[part]
    (folder / "forged.model").write_bytes(forged.bytes())
    ran = run(folder, "inspect", "forged.model")
    assert ran.returncode == 4 and b"tensor 'linear1.weight' is 4x5, but the network asks for 1x5" in ran.stderr


# --- A structured fuzzer: any value of the metadata in place of any other -------------------------------------------

EXTREMES = [None, True, False, 0, 1, 2, -1, 2**24, 2**53, 2**64 - 1, 0.5, -0.0, 1e-310, 5e-324, 1e300, -1e300, 1.7e308, "", "a", "x1",
            "\x1b[31m\n", "\u202e", "ü" * 600, "nan", "1,5", [], [0], [1.5], ["a"], ["a", "a"], [[1]], {}, {"a": 1}]
VERBS = {
    "inspect": [], "predict": ["T", "--proba"], "predict with derivatives": ["T", "--jacobian", "--json"], "evaluate": ["T"],
    "evaluate to JSON": ["T", "--json"], "check": ["T", "--rows", "8"], "diagnose": ["T", "--rows-top", "3"],
    "sensitivity": ["T", "--repeats", "1"], "explain": ["T", "--row", "2"], "explain the network": [], "encode": ["T"],
    "report": ["T", "-o", "r.html", "--certificate-rows", "4"], "train": [], "export": ["--to", "c99", "--raw", "-o", "."],
}


def places(value, path=()):
    """The paths to all values inside of a value."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value[:6]):
            yield from places(inner, (*path, i))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def mutate(values, draw):
    """One change: another value, one from elsewhere, one missing, one twice, a number nearby, an order turned round."""
    everywhere = [path for path in places(values) if path]
    path = draw.choice(everywhere)
    parent, key, old = at(values, path[:-1]), path[-1], at(values, path)
    kind = draw.randrange(6)
    if kind == 0:
        parent[key] = draw.choice(EXTREMES)
    elif kind == 1:
        parent[key] = copy.deepcopy(at(values, draw.choice(everywhere)))
    elif kind == 2:
        parent.pop(key)
    elif kind == 3 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(old))
    elif kind == 4 and isinstance(old, (int, float)) and not isinstance(old, bool):
        parent[key] = draw.choice([-old, old + 1, old * 1e300, old * 1e-300, old - 1, old + 0.5])
    elif isinstance(old, list):
        old.reverse()
    else:
        parent[key] = draw.choice(EXTREMES)


def words_of(verb, kind, model):
    name = verb.split()[0]
    if name == "train":
        target = {"numbers": "y", "classes": "class"}[kind]
        return ["train", f"{kind}.csv", "--target", target, "--hidden", "4", "--epochs", "1", "--init-from", model, "-o", "again.model"]
    rest = [f"{kind}.csv" if word == "T" else word for word in VERBS[verb] if not (word == "--proba" and kind == "numbers")]
    return [name, model, *rest]


def try_one(folder, kind, seed, verb=None):
    """A complaint, or nothing. A refusal is one of the file; an answer has no NaN that nobody speaks of."""
    draw = random.Random(seed)
    forged = Forged((folder / f"{kind}.model").read_bytes())
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        mutate(forged.values, draw)
    model = f"forged{os.getpid()}.model"
    try:
        (folder / model).write_bytes(forged.bytes())
    except (UnicodeError, ValueError, AttributeError):
        return None  # not to be written
    verb = verb or draw.choice(list(VERBS))
    ran = run(folder, *words_of(verb, kind, model))
    text = ran.stderr.decode(errors="replace")
    lines = ran.stdout.decode(errors="replace").lower()
    good = ran.returncode in (0, 2, 3, 4, 5) or (ran.returncode == 1 and verb == "check")
    placed = "forged" in text or f"{kind}.csv" in text or "not finite" in text
    silent = ran.returncode != 0 and verb != "check" and not placed
    quiet_nan = ran.returncode == 0 and verb.startswith("predict") and ("nan" in lines or "inf" in lines)
    raw = "\x1b" in text or "\u202e" in text
    if good and not silent and not quiet_nan and not raw and "fault of the program" not in text and len(text) < 20_000:
        return None
    return f"{kind} {seed} {verb}: exit {ran.returncode}: {text[:500]}"


COUNT = int(os.environ.get("HANDGRAD_FORGED", "0"))


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_any_metadata_are_read_or_refused(folder, kind):
    seeds = range(COUNT) if COUNT else range(120)
    complaints = [complaint for seed in seeds if (complaint := try_one(folder, kind, seed))]
    assert not complaints, "\n".join(complaints)
