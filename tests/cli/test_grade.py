"""`handgrad grade`, `compare --answers` on sheets as people fill them in, and sheets of whole numbers: from the sheet to
the marks of a class."""

import csv
import json
import re

import numpy as np
import pytest

LISTS = [("forward", "symbol"), ("jacobians", "symbol"), ("deltas", "symbol"), ("backward", "symbol"), ("update", "parameter")]
SYMBOLS = 18  # of a network with one hidden layer
WHOLE = ("explain", "--integers", "--sizes", "3,3,2", "--hidden-activation", "sigmoid")


def values_of(event):
    """Numbers by symbol, flat."""
    values = {item[key]: list(np.ravel(item["value"])) for name, key in LISTS for item in event[name]}
    return values | {"l": [event["loss"]]}


def filled(blank, values, write=lambda v: f"{v:.3g}"):
    """A sheet of blanks with numbers in the place of the underscores."""
    lines, waiting = [], []
    for line in blank.splitlines():
        symbol = line.split(" = ")[0]
        if symbol in values:
            waiting = list(values[symbol])
        while "____" in line and waiting:
            line = line.replace("____", write(waiting.pop(0)), 1)
        lines.append(line)
    return "\n".join(lines) + "\n"


class Class:
    """A network of whole numbers saved as ex.model and ex.csv, its sheet of row 1, and what belongs there."""

    def __init__(self, handgrad):
        self.handgrad = handgrad
        ran = handgrad(*WHOLE, "--blank", "--save", "ex")
        assert ran.code == 0 and "handgrad grade ex.model ex.csv FOLDER" in ran.err, ran
        self.blank = ran.out
        self.event, = handgrad("explain", "ex.model", "ex.csv", "--row", 1, "--json").events
        self.values = values_of(self.event)
        (handgrad.folder / "sub/deep").mkdir(parents=True)

    def hand_in(self, name, text):
        self.handgrad.write(f"sub/{name}", text)

    def grade(self, *options):
        return self.handgrad("grade", "ex.model", "ex.csv", "sub", *options)

    def graded(self, *options):
        *files, summary = self.grade("--json", *options).events
        assert {f["event"] for f in files} == {"graded"} and summary["event"] == "grading"
        return {f["file"]: f for f in files}, summary

    def mark(self, *options):
        return self.handgrad("compare", "ex.model", "ex.csv", "--answers", "sub/a.txt", "--row", 1, *options)


@pytest.fixture
def school(handgrad):
    return Class(handgrad)


def hand_in_all(school):
    """Ten of every kind."""
    doubled = school.values | {"dl/dz1": [2 * v for v in school.values["dl/dz1"]]}
    school.hand_in("anna.txt", filled(school.blank, school.values))
    school.hand_in("bernd.txt", filled(school.blank, school.values, lambda v: f"{v:.3g}".replace(".", ",").replace("-", "−")))
    school.hand_in("carla.txt", filled(school.blank, school.values, lambda v: f"{v:.1f}"))
    school.hand_in("dora.txt", filled(school.blank, doubled))
    school.hand_in("empty.txt", "")
    school.hand_in("other.txt", school.handgrad("explain", "--integers", "--sizes", "3,3,2,2", "--blank").out)
    school.hand_in("word.docx", b"PK\3\4")
    school.hand_in("=odd,\"name\".txt", filled(school.blank, school.values).replace("\nl = ", "\nl = <b>x</b> "))
    school.hand_in("deep/json.json", json.dumps(school.event))
    np.savez(school.handgrad.folder / "sub/grad.npz", a=np.zeros(3))
    school.hand_in(".hidden.txt", "no sheet")


def test_a_folder_is_graded_file_by_file_and_what_cannot_be_read_costs_only_its_own_row(school):
    hand_in_all(school)
    files, summary = school.graded()
    assert sorted(files) == sorted(["anna.txt", "bernd.txt", "carla.txt", "dora.txt", "empty.txt", "other.txt", "word.docx",
                                    "=odd,\"name\".txt", "deep/json.json", "grad.npz"])
    assert all(files[name]["score"] == 1 and files[name]["right"] == SYMBOLS for name in ("anna.txt", "bernd.txt", "deep/json.json"))
    assert files["carla.txt"]["causes"] == ["too_few_digits"] and files["carla.txt"]["wrong"] == 0
    assert 0.5 < files["carla.txt"]["score"] < 1 and files["carla.txt"]["imprecise"] > 0
    assert files["dora.txt"]["causes"] == ["factor_2"] and files["dora.txt"]["wrong"] == 1
    assert files["=odd,\"name\".txt"]["unreadable"] == 1
    assert files["=odd,\"name\".txt"]["score"] == pytest.approx(1 - 1 / SYMBOLS)
    for name, problem in (("empty.txt", "there is nothing in the file"), ("other.txt", "z4 is no quantity of this network"),
                          ("word.docx", "save it as plain text"), ("grad.npz", "linear1.weight")):
        assert files[name]["score"] is None and problem in files[name]["problem"], files[name]
        assert "sub/" not in files[name]["problem"]
    assert (summary["files"], summary["graded"], summary["failed"]) == (10, 6, 4)
    assert summary["mean_score"] == pytest.approx(np.mean([f["score"] for f in files.values() if f["score"] is not None]))


def test_the_table_csv_and_page_say_the_same(school):
    hand_in_all(school)
    ran = school.grade("-o", "sub/marks.csv")
    assert ran.code == 0 and ran.err == "" and max(map(len, ran.out.splitlines())) <= 100
    assert "6 of 10 files graded" in ran.out and re.search(r"^dora.txt +94 % +17 .*factor_2$", ran.out, re.MULTILINE)
    rows = {row["file"]: row for row in csv.DictReader((school.handgrad.folder / "sub/marks.csv").open(encoding="utf-8"))}
    assert len(rows) == 10 and rows["anna.txt"]["score"] == "1" and rows["dora.txt"]["wrong"] == "1"
    assert rows["'=odd,\"name\".txt"]["right"] == str(SYMBOLS - 1) and rows["empty.txt"]["score"] == ""
    ran = school.grade("-o", "sub/marks.html")  # marks.csv is now a file of the folder, marks.html is not
    assert ran.code == 0 and "6 of 11 files graded" in ran.out
    page = (school.handgrad.folder / "sub/marks.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>") and "<script" not in page and "src=" not in page and "http" not in page.replace("http://www.w3.org", "")
    assert page.count("<details>") == 6 and "&lt;b&gt;x&lt;/b&gt;" in page and "<b>x</b>" not in page
    assert "factor_2" in page and "anna.txt" in page and "z4 is no quantity" in page


def test_follow_through_marks_count_in_full(school):
    wrong = dict(school.values)
    z1, w2, b2 = (np.array(v) for v in (wrong["z1"], *(p["value"] for p in school.event["parameters"][2:])))
    wrong["z1"] = list(2 * z1)
    wrong["z2"] = list(1 / (1 + np.exp(-2 * z1)))
    wrong["z3"] = wrong["yhat"] = list(w2 @ np.array(wrong["z2"]) + b2)
    school.hand_in("a.txt", filled(school.blank, {s: wrong[s] for s in ("z1", "z2", "z3", "yhat")}))
    files, _ = school.graded()
    marks = {a["symbol"]: a for a in files["a.txt"]["answers"]}
    assert [marks[s]["mark"] for s in ("z1", "z2", "z3", "yhat")] == ["wrong", "follows", "follows", "follows"]
    assert files["a.txt"]["score"] == pytest.approx(3 / SYMBOLS) and marks["z3"]["follows_from"] == "z1"


def test_gradients_are_judged_over_all_rows_or_over_the_one_that_was_named(school):
    np.savez(school.handgrad.folder / "sub/one.npz", **{i["parameter"]: np.array(i["value"]) for i in school.event["backward"]})
    files, _ = school.graded()
    assert files["one.npz"]["kind"] == "gradients" and files["one.npz"]["score"] < 1 and files["one.npz"]["rows"] > 1
    files, _ = school.graded("--row", 1)
    assert files["one.npz"]["score"] == 1 and files["one.npz"]["rows"] == 1
    assert {t["verdict"] for t in files["one.npz"]["tensors"]} == {"PASS"}


def test_each_sheet_is_marked_as_the_row_that_it_says_unless_one_is_named(school):
    second = school.handgrad(*WHOLE, "--blank", "--row", 2).out
    event, = school.handgrad("explain", "ex.model", "ex.csv", "--row", 2, "--json").events
    school.hand_in("second.txt", filled(second, values_of(event)))
    school.hand_in("none.txt", "z1 = 1 2 3\n")
    files, _ = school.graded()
    assert (files["second.txt"]["row"], files["second.txt"]["score"]) == (2, 1)
    assert "does not say which row" in files["none.txt"]["problem"]
    files, _ = school.graded("--row", 1)
    assert "about row 2, not row 1" in files["second.txt"]["problem"] and files["none.txt"]["row"] == 1


@pytest.mark.parametrize(("folder", "options", "code", "answer"), [
    ("nowhere", [], 6, "nowhere: the folder cannot be read"),
    ("ex.csv", [], 6, "ex.csv: the folder cannot be read"),
    ("sub", [], 3, "sub: the folder holds no file; answer sheets end in .txt"),
    ("photos", [], 3, "photos: of 1 file none is a sheet or a gradient"),
    ("sub", ["-o", "marks.xls"], 2, "--output marks.xls: the ending says what to write"),
    ("sub", ["-o", "ex.model"], 2, "--output"),
    ("photos", ["--tolerance", "2"], 2, "--tolerance"),
])
def test_folders_without_anything_to_grade(school, folder, options, code, answer):
    (school.handgrad.folder / "photos").mkdir()
    school.handgrad.write("photos/a.jpg", b"\xff\xd8")
    ran = school.handgrad("grade", "ex.model", "ex.csv", folder, *options)
    assert ran.code == code and answer in ran.err and ran.out == "", ran


def test_a_row_that_is_not_there_is_no_students_mistake(school):
    school.hand_in("a.txt", school.blank)
    ran = school.grade("--row", 99)
    assert ran.code == 2 and "row 99: ex.csv has" in ran.err


# --- One sheet --------------------------------------------------------------------------------------------------------


RAISED = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
FORMS = {
    "minus of our own sheets": lambda v: f"{v:.4g}".replace("-", "−"),
    "decimal comma": lambda v: f"{v:.4g}".replace(".", ","),
    "ten to the power": lambda v: "{}·10^{}".format(*f"{v:.3e}".split("e")),
    "superscripts": lambda v: "{}×10{}".format(f"{v:.3e}".split("e")[0], f"{v:.3e}".split("e")[1].translate(RAISED)),
    "fractions": lambda v: f"{round(v * 10000)}/10000",
    "TeX": lambda v: "${}\\cdot10^{{{}}}$".format(*f"{v:.3e}".split("e")),
    "TeX comma": lambda v: f"${v:.4g}$".replace(".", "{,}"),
}


@pytest.mark.parametrize("form", FORMS)
def test_numbers_may_be_written_as_people_write_them(school, form):
    school.hand_in("a.txt", filled(school.blank, school.values, FORMS[form]))
    ran = school.mark()
    assert ran.code == 0 and ran.out.endswith(f"\n{SYMBOLS} of {SYMBOLS} right\n"), ran


def test_a_spreadsheets_csv_is_a_sheet_too(school):
    lines = ["Digits wanted: 4", "One step in numbers: row 1"]
    shapes = {item[key]: np.atleast_2d(item["value"]) for name, key in LISTS for item in school.event[name]}
    for symbol, values in shapes.items():
        lines += [";".join([symbol, *(f"{v:.4g}".replace(".", ",") for v in row), "", ""]) for row in values]
    school.hand_in("a.txt", "\n".join(lines))
    ran = school.mark("--json")
    marking, = ran.events
    assert marking["right"] == SYMBOLS - 1 and marking["blank"] == 1 and marking["digits"] == 4, ran.out


def test_marks_count_from_1_and_json_from_0(school):
    wrong = dict(school.values)
    wrong["z1"] = [wrong["z1"][0], wrong["z1"][1] + 1, wrong["z1"][2]]
    wrong["dl/dW1"] = [*wrong["dl/dW1"][:5], wrong["dl/dW1"][5] + 1, *wrong["dl/dW1"][6:]]
    school.hand_in("a.txt", filled(school.blank, wrong))
    ran = school.mark()
    assert ran.code == 1 and "at entry 2 stands" in ran.out and "at row 2, column 3 stands" in ran.out
    marks = {a["symbol"]: a["where"] for a in school.mark("--json").events[0]["answers"]}
    assert marks["z1"] == [1] and marks["dl/dW1"] == [1, 2]
    for text in (school.blank, school.handgrad("compare", "--help").out):
        assert "entries count from 1" in " ".join(text.split()).replace("Marks count entries", "entries count")


def test_a_cell_that_cannot_be_read_is_shown_and_costs_only_itself(school):
    sheet = filled(school.blank, {"z1": ["1", "<oops>", "3"]} | {k: v for k, v in school.values.items() if k != "z1"},
                   lambda v: v if isinstance(v, str) else f"{v:.4g}")
    school.hand_in("a.txt", sheet)
    ran = school.mark()
    assert ran.code == 1 and "'<oops>' is not a number (entry 2)" in ran.out
    marking, = school.mark("--json").events
    unreadable, = marking["answers"][0]["unreadable"]
    assert (unreadable["where"], unreadable["text"], unreadable["numbers"]) == ([1], "<oops>", 1)
    assert marking["right"] >= SYMBOLS - 1


def test_a_stray_line_costs_itself_and_is_named_and_all_of_explain_is_understood(school):
    school.hand_in("a.txt", filled(school.blank, school.values) + "dl/da1 = [ 1 2 3 ]\n")
    ran = school.mark()
    assert ran.code == 0 and f"{SYMBOLS} of {SYMBOLS} right" in ran.out and "dl/da1 is no symbol that the sheet asks for" in ran.out
    marking, = school.mark("--json").events
    assert len(marking["remarks"]) == 1 and marking["score"] == 1
    school.hand_in("a.txt", school.handgrad("explain", "ex.model", "ex.csv", "--row", 1).out)  # z₁ = W⁽¹⁾x + b⁽¹⁾ = [ … ]ᵀ
    marking, = school.mark("--json").events
    assert (marking["right"], marking["blank"]) == (SYMBOLS - 4, 4) and marking["remarks"] == []


def test_what_is_no_sheet_says_what_to_do_here_too(school):
    for name, text, answer in (("scan.pdf", "%PDF-1.4", "type its numbers"), ("a.docx", "PK\x03\x04", "save it as plain text"),
                               ("a.txt", "%PDF-1.4", "type its numbers"), ("b.txt", "PK\x03\x04", "save it as plain text"),
                               ("g.npz", "PK\x03\x04", "judge them as gradients")):
        school.hand_in(name, text)
        ran = school.handgrad("compare", "ex.model", "ex.csv", "--answers", f"sub/{name}", "--row", 1)
        assert ran.code == 3 and answer in ran.err, ran


def test_a_forgotten_rate_is_named_and_a_step_that_rounding_hides_is_not_accused(regression):
    event, = regression("explain", "m.model", "t.csv", "--row", 1, "--optimizer", "sgd", "--learning-rate", 0.01, "--json").events
    start, gradient = (np.ravel(event[part][-1]["value"]) for part in ("parameters", "backward"))
    for numbers, mark in ((start - gradient, "wrong +missing_rate"), (start - 0.02 * gradient, "wrong +factor_2"), (start - 0.01 * gradient, "right")):
        regression.write("a.txt", f"linear2.bias = [ {' '.join(map(str, numbers))} ]\n")
        ran = regression("compare", "m.model", "t.csv", "--answers", "a.txt", "--row", 1, "--optimizer", "sgd", "--learning-rate", 0.01)
        assert re.search(f"^linear2.bias +{mark}", ran.out, re.MULTILINE), (ran.out, start, gradient)


def test_an_inverted_mask_is_named(handgrad):
    assert handgrad("explain", "--integers", "--sizes", "3,3,2", "--save", "relu").code == 0
    event, = handgrad("explain", "relu.model", "relu.csv", "--row", 1, "--json").events
    mask = ", ".join(str(int(z < 0)) for z in event["forward"][0]["value"])
    handgrad.write("a.txt", f"dz2/dz1 = diag({mask})\n")
    ran = handgrad("compare", "relu.model", "relu.csv", "--answers", "a.txt", "--row", 1)
    assert ran.code == 1 and re.search("^dz2/dz1 +wrong +mask_inverted$", ran.out, re.MULTILINE), ran.out


def test_the_sheet_says_how_many_digits_are_wanted_and_marks_are_given_by_that(school):
    assert "Digits wanted: 3 " in school.blank
    three = filled(school.blank, school.values)
    five = filled(school.handgrad(*WHOLE, "--blank", "--digits", 5).out, school.values)
    school.hand_in("a.txt", three)
    assert school.mark().code == 0
    school.hand_in("a.txt", five)
    ran = school.mark()
    assert ran.code == 1 and "too_few_digits: right as far as it goes; 5 significant digits are wanted" in ran.out
    assert "wrong" not in ran.out
    assert school.mark("--tolerance", 0.005).code == 0
    assert school.mark("--tolerance", 0.005, "--json").events[0]["tolerance"] == 0.005
    for words, message in ((("--tolerance", 1), "--tolerance"), (("--tolerance", -1), "--tolerance")):
        assert message in school.mark(*words).err
    np.savez(school.handgrad.folder / "g.npz", a=np.zeros(3))
    ran = school.handgrad("compare", "ex.model", "ex.csv", "--gradients", "g.npz", "--tolerance", 0.1)
    assert ran.code == 2 and "--tolerance belongs to --answers" in ran.err


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_digits_wanted_travel_with_the_sheet_in_every_form(school, form):
    sheet = school.handgrad(*WHOLE, "--blank", "--digits", 4, "--format", form).out
    school.hand_in("a.txt", sheet)
    assert school.mark("--json").events[0]["digits"] == 4


def test_slips_of_the_way_forward_are_named(regression):
    event, = regression("explain", "m.model", "t.csv", "--row", 1, "--json").events
    weight, bias = (np.array(p["value"]) for p in event["parameters"][:2])
    x = np.array([cell["value"] for cell in event["row"]["x"]])
    raw = np.array([float(cell["cell"]) if i < 2 else cell["value"] for i, cell in enumerate(event["row"]["x"])])
    y = float(event["row"]["y"][0]["cell"])
    for symbol, values, cause in (("z1", weight @ x, "missing_bias"), ("z1", weight @ raw + bias, "raw_input"),
                                  ("z2", event["forward"][0]["value"], "missing_activation"),
                                  ("l", [(event["forward"][3]["value"][0] - y) ** 2], "raw_target")):
        regression.write("a.txt", f"{symbol} = [ {' '.join(map(str, values))} ]\n")
        ran = regression("compare", "m.model", "t.csv", "--answers", "a.txt", "--row", 1)
        assert ran.code == 1 and re.search(f"^{symbol} +wrong +{cause}$", ran.out, re.MULTILINE), ran.out


# --- Whole numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [
    ("--sizes", "3,2,1"), ("--sizes", "2,2"), ("--sizes", "3,4,4,2", "--hidden-activation", "relu,sigmoid"), ("--sizes", "8,8,8"),
    ("--sizes", "3,4,3", "--output-activation", "softmax"), ("--sizes", "3,4,1", "--output-activation", "sigmoid"),
    ("--sizes", "2,3,2", "--hidden-activation", "tanh", "--output-activation", "exp", "--optimizer", "adam"),
], ids=lambda words: "-".join(words).replace("--", ""))
def test_a_network_of_whole_numbers_can_be_solved_by_hand_saved_and_marked(handgrad, words):
    ran = handgrad("explain", "--integers", *words, "--save", "w.model", "--json")
    event, = ran.events
    numbers = [v for p in event["parameters"] for v in np.ravel(p["value"])] + [c["value"] for c in event["row"]["x"] + event["row"]["y"]]
    assert all(v == int(v) and abs(v) <= 3 for v in numbers)
    assert all(np.any(item["value"]) for item in event["backward"]) and all(np.any(item["value"]) for item in event["deltas"])
    rows = (handgrad.folder / "w.csv").read_text("utf-8").count("\n") - 1
    assert rows == 6
    for row in range(1, rows + 1):  # in each a unit is off and another on, and the one that is off is not without a gradient
        solved, = handgrad("explain", "w.model", "w.csv", "--row", row, "--json").events
        for z, layer in zip(solved["forward"][::2], solved["layers"]):
            if layer["activation"] == "relu":
                assert min(z["value"]) < 0 < max(z["value"]) and 0 not in z["value"], (row, z)
    handgrad.write("s.json", json.dumps(event))
    ran = handgrad("compare", "w.model", "w.csv", "--answers", "s.json", "--row", 1)
    assert ran.code == 0 and "left blank" not in ran.out, ran
    again, other = (handgrad("explain", "--integers", *words, "--json", *seed).events[0] for seed in ((), ("--seed", 7)))
    assert again["parameters"] == event["parameters"] != other["parameters"]
    assert handgrad("evaluate", "w.model", "w.csv").code == 0


@pytest.mark.parametrize(("words", "answer"), [
    (("--integers",), "--integers describes a network of its own; say with --sizes"),
    (("--sizes", "3,2,1", "--save", "x"), "--seed and --save belong to --integers"),
    (("--sizes", "3,2,1", "--seed", 1), "--seed and --save belong to --integers"),
    (("--integers", "--sizes", "3,2,1", "--row", 99), "row 99: exercise.csv has"),
    (("--integers", "--sizes", "3,1", "--output-activation", "softmax"), "whole numbers: no network of this shape"),
    (("--integers", "--sizes", "3,2,1", "--digits", 1), "--digits"),
    (("--integers", "--sizes", "3,9,1", "--blank"), "a layer of 9 is more than a hand fills in"),
])
def test_what_makes_no_sense_of_whole_numbers_is_refused(handgrad, words, answer):
    ran = handgrad("explain", *words)
    assert ran.code == 2 and answer in ran.err and ran.out == "", ran


def test_digits_are_shown_as_asked_where_nothing_is_blank(handgrad):
    text = handgrad(*WHOLE, "--digits", 3).out
    assert "shown with 3 digits" in text and not re.search(r"0\.\d*[1-9]\d{3,}", text.split("Step 2")[1].split("What the slopes")[0])
    assert "shown with six digits" in handgrad(*WHOLE).out
