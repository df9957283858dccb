"""docs/formats.md against the program: every field that is printed or written stands there, and the reverse. (Its
examples are run again by tools/pages.py.)"""

import json
import re
from pathlib import Path

import numpy as np
from cli_support import classification_table, regression_table

PAGE = (Path(__file__).resolve().parents[2] / "docs/formats.md").read_text("utf-8")
TYPES = {"integer": int, "number": (int, float), "text": str, "boolean": bool, "null": type(None)}
QUICK = ("--hidden", 3, "--epochs", 2, "-o", "m.model")
OPEN_TEXTS = {"provenance", "format_version"}  # a map of any keys; a number


def documented():
    """{heading: {path: type}}, a path being names and [] for the elements of a list."""
    tables, heading = {}, None
    for line in PAGE.splitlines():
        if match := re.match(r"#+ (?:`(\w+)`)?", line):
            heading = match[1]
        elif heading and (match := re.match(r"\| `([^`]+)` \| ([a-z ]+) \|", line)):
            path = tuple(match[1].replace("[]", ".[]").split("."))
            tables.setdefault(heading, {})[path] = match[2]
    return tables


FIELDS = documented()


def matches(pattern, path):
    """NAME in capitals stands for any key."""
    return len(pattern) == len(path) and all(p == key or (p.isupper() and p != "[]") for p, key in zip(pattern, path))


def is_numbers(value):
    return value is None or isinstance(value, (int, float)) or (isinstance(value, list) and all(map(is_numbers, value)))


def compare(where, value, fields, seen, path=()):
    """Every leaf of the value has its line in the table, and the type that stands there."""
    found = next((pattern for pattern in fields if matches(pattern, path)), None)
    if found and fields[found] == "null" and value is not None:
        seen.add(found)
        found = None  # what it is otherwise follows
    place = f"{where}: {'.'.join(path)}"
    if found:
        seen.add(found)
        if fields[found] == "numbers":
            assert is_numbers(value), place
            return
        kinds = fields[found].split(" or ")
        fits = kinds == ["value"] or any(isinstance(value, TYPES[kind]) and (kind == "boolean") == isinstance(value, bool) for kind in kinds)
        assert fits, f"{place} is {value!r}, which is not {fields[found]}"
    elif isinstance(value, dict):
        for key, element in value.items():
            compare(where, element, fields, seen, (*path, key))
    elif isinstance(value, list):
        for element in value:
            compare(where, element, fields, seen, (*path, "[]"))
    else:
        whole = [pattern for pattern in fields if len(pattern) > len(path) and matches(pattern[:len(path)], path)]
        assert value is None and whole, f"{place} is not in docs/formats.md"


def print_all(handgrad):
    """Events of every verb, with the options that add fields."""
    events = []

    def run(*words, code=0):
        ran = handgrad(*words)
        assert ran.code == code, ran
        events.extend(ran.events)
        return ran.events

    handgrad.write("t.csv", regression_table())
    handgrad.write("c.csv", classification_table())
    handgrad.write("one.csv", "\n".join(regression_table().splitlines()[:2]))
    run("train", "t.csv", "--target", "y", *QUICK, "--hidden-activation", "sigmoid", "--test", 0.2, "--diagnose", "--json")
    run("evaluate", "m.model", "t.csv", "--json")
    run("predict", "m.model", "one.csv", "--jacobian", "--hessian", "--keep", "city", "--warn-outside", "--json")
    run("inspect", "m.model", "--json")
    run("check", "m.model", "one.csv", "--json")
    handgrad("train", "t.csv", "--target", "y", *QUICK[:-1], "held.model", "--monotone", "a+", "--quiet")
    run("check", "held.model", "one.csv", "--json")
    wide = ",".join(f"x{i}" for i in range(1500)) + ",y\n"
    handgrad.write("wide.csv", wide + "".join(",".join(str((i * j) % 7) for j in range(1501)) + "\n" for i in range(20)))
    handgrad("train", "wide.csv", "--target", "y", *QUICK[:-1], "w.model", "--quiet")
    assert run("check", "w.model", "wide.csv", "--rows", 2, "--json")[0]["hessian"] is None
    run("diagnose", "m.model", "t.csv", "--rows-top", 2, "--learning-rate", 100, "--json")
    run("sensitivity", "m.model", "t.csv", "--json")
    run("report", "m.model", "one.csv", "-o", "r.html", "--json")
    run("explain", "m.model", "one.csv", "--row", 1, "--blank", "--json")
    explained = run("explain", "m.model", "one.csv", "--row", 1, "--components", "--json")[0]
    run("encode", "m.model", "one.csv", "-o", "one.npz", "--json")
    run("export", "m.model", "--to", "c99", "-o", ".", "--json")
    run("export", "m.model", "--to", "onnx", "--derivatives", "-o", "m.onnx", "--json")
    run("import", "m.model", "--hidden-activation", "sigmoid", "-o", "i.model", "--json")

    doubled = {item["parameter"]: 2 * np.array(item["value"]) for item in explained["backward"]}
    doubled.popitem()
    np.savez(handgrad.folder / "doubled.npz", loss=1.0, **doubled)
    run("compare", "m.model", "one.csv", "--gradients", "doubled.npz", "--json", code=1)
    explained["forward"][1]["value"][0] += 1
    handgrad.write("answers.json", json.dumps(explained))
    explained["forward"][0]["value"][0] = "oops"
    handgrad.write("answers.json", json.dumps(explained))
    run("compare", "m.model", "one.csv", "--answers", "answers.json", "--row", 1, "--json", code=1)
    handgrad.write("stray.txt", "l = 1\nloss 5\n")
    run("compare", "m.model", "one.csv", "--answers", "stray.txt", "--row", 1, "--json", code=1)
    (handgrad.folder / "class").mkdir()
    for name in ("answers.json", "doubled.npz", "stray.txt"):
        (handgrad.folder / name).rename(handgrad.folder / "class" / name)
    run("grade", "m.model", "one.csv", "class", "--row", 1, "--json")

    handgrad("train", "t.csv", "--target", "y", *QUICK, "--interval-method", "cv+")
    run("predict", "m.model", "one.csv", "--interval", 0.8, "--json")
    header, first = regression_table().splitlines()[:2]
    handgrad.write("far.csv", "\n".join([header, *(",".join(["1e6", *first.split(",")[1:]]) for _ in range(1))]) + "\n")
    run("predict", "m.model", "far.csv", "--warn-outside", "--json")
    run("inspect", "m.model", "--json")

    run("train", "c.csv", "--target", "class", *QUICK, "--calibration", 0.3, "--class-weight", "balanced", "--json")
    run("predict", "m.model", "c.csv", "--proba", "--interval", 0.8, "--json")
    run("evaluate", "m.model", "c.csv", "--interval", 0.8, "--json")
    run("inspect", "m.model", "--json")
    labels = "a,l0,l1\n" + "".join(f"{i % 7},{i % 2},{i % 3 % 2}\n" for i in range(40))
    handgrad.write("labels.csv", labels)
    run("train", "labels.csv", "--target", "l0,l1", "-o", "labels.model", "--epochs", 2, "--early-stopping", 1, "--refit", "--json",
        "--optimizer", "lbfgs")
    run("train", "labels.csv", "--target", "a", "--task", "regression", "-o", "a.model", "--epochs", 2, "--early-stopping", 1, "--refit",
        "--json", "--optimizer", "lm")
    run("evaluate", "labels.model", "labels.csv", "--json")
    run("predict", "labels.model", "labels.csv", "--proba", "--json")
    run("train", "t.csv", "--target", "y", *QUICK, "--restarts", 2, "--json")
    run("cv", "t.csv", "--target", "y", "--epochs", 1, "--json")
    run("tune", "t.csv", "--target", "y", "--trials", 2, "--epochs", 1, "-o", "m.model", "--json")
    run("train", "c.csv", "--target", "class", *QUICK, "--json")
    log = handgrad("train", "c.csv", "--target", "class", *QUICK, "--json").out
    handgrad.write("run.jsonl", log)
    run("verify-run", "run.jsonl", "--json")
    handgrad.write("other.jsonl", log.replace('"parameters_hash":"', '"parameters_hash":"0'))
    run("verify-run", "other.jsonl", "--json", code=1)
    handgrad.write("other.csv", "x,noise,class\n0,0,cold\n1,0,cold\n0.9,1000,cold\n0.1,-1000,cold\n")
    run("evaluate", "m.model", "other.csv", "--json")
    run("inspect", "m.model", "--json")
    run("bench", "--workload", "S2,I1/10-32-1", "--threads", 1, "--repetitions", 2, "--stretch", 0.0005, "--json")
    run("bench", "--workload", "T1", "--list", "--json")
    return events


def test_every_event_has_the_fields_that_the_page_lists_and_no_others(handgrad):
    seen = {}
    for event in print_all(handgrad):
        name = event.pop("event")
        assert event.pop("schema") == 1
        assert name in FIELDS, f"the event {name} is not in docs/formats.md"
        compare(name, event, FIELDS[name], seen.setdefault(name, set()))
    in_files = {"__metadata__", "architecture", "conformity", "conventions", "loss", "preprocessing", "history", "settings",
                "training", "training_rows"}
    assert seen.keys() == FIELDS.keys() - in_files
    for name, fields in seen.items():
        empty_lists = {("settings", name, "[]") for name in ("categorical", "drop", "id", "monotone")}
        assert FIELDS[name].keys() - fields - empty_lists == set(), f"fields of {name} that no run printed"


def metadata_of(path):
    with path.open("rb") as file:
        return json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]


def test_the_texts_of_a_model_file_have_the_fields_that_the_page_lists_and_no_others(handgrad):
    handgrad.write("t.csv", "left,nr,when," + "\n".join(f"{i},{i},{1990 + i}-05-06," * bool(i) + line for i, line in
                                                        enumerate(regression_table().splitlines())) + "\n")
    handgrad.write("c.csv", classification_table())
    seen = {}
    for words in (("t.csv", "--target", "y", "--drop", "left", "--id", "nr", "--date", "when", "--hidden", "3,2", "--hidden-activation", "relu,tanh", "--monotone", "a+"),
                  ("c.csv", "--target", "class", "--class-weight", "balanced", "--calibration", 0.3),
                  ("c.csv", "--target", "class", "--early-stopping", 1, "--refit", "--checkpoint", "ck", "--optimizer", "lbfgs")):
        assert handgrad("train", *words, "--epochs", 1, "-o", "m.model").code == 0
        *_, written = (handgrad.folder / "m.model", *sorted((handgrad.folder / "ck").glob("checkpoint*")))
        metadata = metadata_of(written)
        compare("__metadata__", metadata, FIELDS["__metadata__"], seen.setdefault("__metadata__", set()))
        for name, text in metadata.items():
            if text.startswith("{") and name not in OPEN_TEXTS:
                compare(name, json.loads(text), FIELDS[name], seen.setdefault(name, set()))
    spelled = ("reading", "spelled_columns", "[]"), ("reading", "text_columns", "[]"), ("categorical", "[]")
    for name, fields in seen.items():
        assert FIELDS[name].keys() - fields - set(spelled) == set(), f"fields of {name} that no file has"
