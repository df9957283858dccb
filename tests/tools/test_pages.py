"""The pages against the tree: every block is run or says what it is, every measured table says how and of what, and what
is counted or listed in prose is counted and listed by the code."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import equations  # noqa: E402  (after the path that leads to it)
import include_rules  # noqa: E402
import measured  # noqa: E402
import mutate  # noqa: E402
import pages  # noqa: E402

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
EACH_PAGE = pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def text_of(path):
    return (ROOT / path).read_text("utf-8")


# Blocks ---------------------------------------------------------------------------------------------------------------

@EACH_PAGE
def test_every_block_is_run_or_says_why_not(page):
    assert pages.problems(page) == []


@pytest.mark.parametrize(("text", "said"), [
    ("```\n$ handgrad\n```\n", "begins with ```console"),
    ("```bash\nmake\n```\n", "begins with ```console"),
    ("```sh\nmake\n```\n", "say behind it why"),
    ("```text\nz\n```\n", "say behind it why"),
    ("```console\nhandgrad\n```\n", "begins with a command"),
    ("```cpp examples/five_steps.cpp\nint main() {}\n```\n", "is not examples/five_steps.cpp as it is"),
    ("```cpp examples/six_steps.cpp\nint main() {}\n```\n", "no file examples/six_steps.cpp"),
    ("Type\n\n    make\n\nand wait\n", "without a fence"),
])
def test_a_block_that_nobody_runs_is_found(text, said):
    found = [pages.problem(block) for block in pages.blocks(text)] + ["a block without a fence"] * len(pages.indented(text))
    assert len(found) == 1 and said in found[0]


@pytest.mark.parametrize(("shown", "printed", "wanted"), [
    (["a", "b"], ["a", "c"], ["a", "c"]),
    (["1", "…", "9"], ["1", "2", "3", "8"], ["1", "…", "8"]),
    (["1", "…", "9"], ["1", "9"], ["1", "9"]),
    (["epoch 1  loss 2  7 rows/s  eta 1s"], ["epoch 1  loss 2  95 rows/s"], ["epoch 1  loss 2  7 rows/s  eta 1s"]),
    (["epoch 1  loss 2  7 rows/s  eta 1s"], ["epoch 1  loss 3  7 rows/s  eta 1s"], ["epoch 1  loss 3  7 rows/s  eta 1s"]),
    (["3 epochs in 0.01 s; best 2"], ["3 epochs in 0.52 s; best 3"], ["3 epochs in 0.52 s; best 3"]),
])
def test_only_times_and_what_is_left_out_may_differ(shown, printed, wanted):
    assert pages.as_shown(shown, printed) == wanted


def test_every_program_of_the_examples_has_its_place_and_what_it_prints():
    readme, page = text_of("README.md"), text_of("examples/README.md")
    for program in sorted((ROOT / "examples").glob("*.cpp")):
        assert f"(examples/{program.name})" in readme and f"[{program.name}]({program.name})" in page
        assert f"```console\n$ {program.stem}\n{program.with_suffix('.out').read_text('utf-8')}```\n" in page


# What pages point at --------------------------------------------------------------------------------------------------

@EACH_PAGE
def test_links_and_paths_lead_somewhere(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#"))]
    assert [link for link in links if not (page.parent / link).exists()] == []
    tops = "bench|cli|cmake|docs|examples|handgrad|python|tests|tools"
    paths = [path for path in re.findall(rf"`((?:{tops})/[\w./*-]*)`", text) if not re.search(r"NAME|ROOM|FILE", path)]
    assert [path for path in paths if not any(ROOT.glob(path.rstrip("/")))] == []


@EACH_PAGE
def test_targets_of_make_are_there(page):
    targets = set(re.findall(r"(?:`|^)make ([a-z][a-z-]+)", page.read_text("utf-8"), re.MULTILINE))
    assert {target for target in targets if not re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)} == set()


# Measured tables ------------------------------------------------------------------------------------------------------

FIGURE = re.compile(r"^\**[+−-]?\d[\d.,]*(?: ?(?:%|ns|µs|ms|s|GB/s|GFLOP/s|(?:±|×|to|at|:) (?:[+−-]?\d.*|–)))?\**$")
NOT_MEASURED = {("examples/data/README.md", "rows × columns")}  # counted below


def tables(text):
    """(line, header cells, rows of cells) of each table of a page."""
    found = []
    for match in re.finditer(r"^(\|.*\|)\n\|[-| :]+\|\n((?:\|.*\|\n?)+)", FENCE.sub("", text), re.MULTILINE):
        cells = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in (match[1], *match[2].splitlines())]
        found.append((match[0], cells[0], cells[1:]))
    return found


def is_measured(rows):
    """A third of the cells behind the first column, or more, are figures."""
    cells = [cell for row in rows for cell in row[1:] if cell]
    return bool(cells) and sum(bool(FIGURE.match(cell)) for cell in cells) * 3 >= len(cells)


@EACH_PAGE
def test_measured_tables_say_how_and_of_which_commit(page):
    text, name = page.read_text("utf-8"), str(page.relative_to(ROOT))
    if measured.STAMP.search("\n".join(text.split("\n")[:6])):
        return  # a script writes the whole page
    kept = measured.SECTION.sub("", text)
    loose = [header for _, header, rows in tables(kept) if is_measured(rows) and "at commit" not in header]
    assert [header for header in loose if not any((name, cell) in NOT_MEASURED for cell in header)] == []


def exists(commit):
    """Whether the history has that commit; without a history, or with a cut one, nobody can tell."""
    if not (ROOT / ".git").exists():
        return True
    asked = subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT, capture_output=True, check=False)
    shallow = subprocess.run(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, text=True,
                             check=False).stdout.strip() == "true"
    return asked.returncode == 0 or shallow


@EACH_PAGE
def test_commands_and_commits_of_measured_tables_exist(page):
    text = page.read_text("utf-8")
    sections = measured.sections(text)
    assert len(sections) == text.count("<!-- measured ")
    stamps = [(section.command, section.commit) for section in sections]
    if whole := measured.STAMP.search("\n".join(text.split("\n")[:6])):
        stamps.append(whole.groups())
    for command, commit in stamps:
        assert commit, f"{page.name} has a measured section without `COMMAND` at commit …"
        target = re.match(r"make ([\w-]+)", command)
        there = re.search(rf"^{target[1]}:", MAKEFILE, re.MULTILINE) if target else (ROOT / command.split()[0]).is_file()
        assert there, command
        assert exists(commit), f"there is no commit {commit}"
    for _, header, rows in tables(text):
        if header[-1] == "at commit":
            assert [row for row in rows if row[-1] and not exists(row[-1].strip("`+ "))] == []


def test_the_scores_of_the_readme_are_those_of_their_page():
    page = next(rows for _, header, rows in tables(text_of("docs/scores.md")) if header[:2] == ["score", "tables"])
    (readme,) = (rows for _, header, rows in tables(text_of("README.md")) if header[:2] == ["score", "tables"])
    assert len(page) == 3 and readme == [row[:5] + row[6:] for row in page]


def test_a_table_of_figures_without_a_command_is_found():
    planted = "| kind | ours | theirs |\n|---|---|---|\n| short | 16.1 | 13.6 ns |\n| long | 0.973 ± 0.006 | −1.9 |\n"
    words = "| field | type | meaning |\n|---|---|---|\n| `a` | integer | 1 at present |\n"
    assert is_measured(tables(planted)[0][2]) and not is_measured(tables(words)[0][2])


# What the code counts -------------------------------------------------------------------------------------------------

NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve").split()


def entries(path, macro):
    """Names in a list `#define MACRO(ENTRY) ENTRY(name, Type) …`."""
    body = re.search(rf"#define {macro}\(ENTRY\)(.*?)\n\n", text_of(path), re.DOTALL)[1]
    return re.findall(r"ENTRY\((\w+),", body)


def enumerators(path, name):
    body = re.search(rf"enum class {name}\b[^{{]*{{(.*?)}};", text_of(path), re.DOTALL)[1]
    return re.findall(r"^\s*(\w+)(?: = \d+)?(?:,|$)", re.sub(r"//.*", "", body), re.MULTILINE)


def strings(path, name):
    """The texts in the braces of `name{ … }`."""
    return re.findall(r'"(\w+)"', re.search(rf"\b{name}\{{(.*?)}};", text_of(path), re.DOTALL)[1])


def constant(path, name):
    value = re.search(rf"\b{name} = ([0-9.x'A-Fa-f+p-]+)", text_of(path))[1].replace("'", "")
    return float.fromhex(value) if value.startswith("0x") else float(value)


def items(kind):
    return sum(item.startswith(kind) for item in equations.items_of(text_of("docs/derivation.md"))[0])


def rows_of(table):
    return sum(1 for line in text_of(f"examples/data/{table}.csv").splitlines() if line) - 1


SUM_ORDER = "handgrad/math/sum_order.hpp"
STARVATION = "handgrad/diagnose/starvation.hpp"
EXCESS = "handgrad/diagnose/excess.hpp"
JUDGEMENT = "handgrad/certify/judgement.hpp"
COURSE = "handgrad/diagnose/training_course.hpp"
MARKING = "handgrad/compare/marking.hpp"
PROOF = "tests/slow/elementary_proof.cpp"
ACTIVATIONS = [name for name in entries("handgrad/math/activations.hpp", "HANDGRAD_ACTIVATIONS") if name != "softmax"]
LOSSES = entries("handgrad/math/losses.hpp", "HANDGRAD_LOSSES")
PROGRAMS = list((ROOT / "examples").glob("*.cpp"))
GOLDENS = re.findall(r'^ +\{"[\w-]+", +\{', text_of("tests/train/golden_test.cpp"), re.MULTILINE)
TABLES = list((ROOT / "examples/data").glob("*.csv"))
COUNTS = [
    # page, what stands there with the number in parentheses, the number
    ("README.md", r"and (\w+) formulas broken on purpose", len(mutate.MUTATIONS)),
    ("README.md", r"## (\w+) programs", len(PROGRAMS)),
    ("README.md", r"Eq\. \(1\)–\((\d+)\)", items("Eq.")),
    ("README.md", r"Tables 1–(\d+) and the five steps", items("Table")),
    ("README.md", r"Tables 1–5 and the (\w+) steps", items("Step")),
    ("README.md", r"trains (\w+) real tables", len(TABLES)),
    ("examples/README.md", r"# (\w+) programs", len(PROGRAMS)),
    ("examples/data/README.md", r"# (\w+) real tables", len(TABLES)),
    ("examples/data/README.md", r"`diabetes.csv` \| (\d+) ×", rows_of("diabetes")),
    ("examples/data/README.md", r"`breast_cancer.csv` \| (\d+) ×", rows_of("breast_cancer")),
    ("examples/data/README.md", r"`digits.csv` \| (\d+) ×", rows_of("digits")),
    ("CHANGELOG.md", r"code: (\w+) activations and softmax", len(ACTIVATIONS)),
    ("CHANGELOG.md", r"activations and softmax, (\w+) losses", len(LOSSES)),
    ("CHANGELOG.md", r"(\w+) complete C\+\+ programs", len(PROGRAMS)),
    ("docs/architecture.md", r"Eq\. 1–(\d+) literally", items("Eq.")),
    ("docs/architecture.md", r"(\d+) units \(`leaf_units`\)", constant(SUM_ORDER, "leaf_units")),
    ("docs/architecture.md", r"(\d+) rows \(`leaf_rows`\)", constant(SUM_ORDER, "leaf_rows")),
    ("docs/architecture.md", r"fewer than (\d+) outputs \(`narrow", constant(SUM_ORDER, "narrow_outputs")),
    ("docs/numerics.md", r"fewer than (\d+) outputs, at least", constant(SUM_ORDER, "narrow_outputs")),
    ("docs/numerics.md", r"leaves of (\d+) inputs", constant(SUM_ORDER, "leaf_units")),
    ("docs/numerics.md", r"of all but a narrow last layer \| leaves of (\d+) rows", constant(SUM_ORDER, "leaf_rows")),
    ("docs/numerics.md", r"hashes of (\d+) runs", len(GOLDENS)),
    ("docs/numerics.md", r"for each (\d+) neighbouring", constant(PROOF, "block")),
    ("docs/numerics.md", r"compares every (\d+)th", constant(PROOF, "verified")),
    ("docs/compare.md", r"those below (2⁻\S+) of the norm aside", constant(JUDGEMENT, "negligible_share")),
    ("docs/compare.md", r"below (2⁻\S+) of the sizes of the terms", constant(JUDGEMENT, "nothing_left")),
    ("docs/compare.md", r"is at most (\d+) % of the tensor's norm", 100 * constant(JUDGEMENT, "most_detection_limit")),
    ("docs/compare.md", r"independent, (\w+) standard", constant("handgrad/certify/rounding_bound.hpp", "probable_deviations")),
    ("docs/explain.md", r"Text is at most (\d+) places wide", constant("handgrad/document/layout.hpp", "text_width")),
    ("docs/explain.md", r"Of more than (\d+) rows or columns", constant("handgrad/document/document.hpp", "most_shown")),
    ("docs/diagnosis.md", r"its gain is under (2⁻\S+): in float", constant(STARVATION, "no_return")),
    ("docs/diagnosis.md", r"a test draws (\d+)", constant("tests/diagnose/training_course_test.cpp", "seeds")),
    ("docs/explain.md", r"line `Digits wanted: (\d+)`", constant("handgrad/explain/compose.hpp", "usual_digits_wanted")),
    ("docs/speed.md", r"best of (\d+) turns", constant("tests/slow/decimals.cpp", "repetitions")),
    ("docs/speed.md", r"the fastest of (\d+)\s+short runs", constant("bench/model_predictor.cpp", "runs")),
    ("docs/diagnosis.md", r"below 1/(\d+)\*\*", 1 / constant(STARVATION, "starved_reach")),
    ("docs/diagnosis.md", r"asks for a reach of 1/(\d+)", 1 / constant(STARVATION, "stuck_reach")),
    ("docs/diagnosis.md", r"‖W‖/√out below 1/(\d+)\*\*", 1 / constant(STARVATION, "small_weight_gain")),
    ("docs/diagnosis.md", r"or dead, on (\d+) rows or more", constant(STARVATION, "rows_for_dead")),
    ("docs/diagnosis.md", r"root mean square over rows is (\d+) or more", constant(EXCESS, "large_input")),
    ("docs/diagnosis.md", r"reach of (\d+) or more, the mirror", constant(EXCESS, "exploding_reach")),
    ("docs/diagnosis.md", r"of (\d+) or more where the answers are ten", constant(EXCESS, "far_off_reach")),
    ("docs/diagnosis.md", r"fewer than (\d+) epochs in the history", constant(COURSE, "fewest_epochs")),
    ("docs/diagnosis.md", r"trainings of less than (\d+) epochs", constant("handgrad/diagnose/diagnosis.cpp", "enough_epochs")),
]


def number(word):
    if word.startswith("2⁻"):
        return 2.0 ** -int(word[2:].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")))
    return NUMBERS.index(word.lower()) if word.lower() in NUMBERS else float(word)


@pytest.mark.parametrize(("page", "said", "counted"), COUNTS, ids=[f"{page}: {said}" for page, said, _ in COUNTS])
def test_what_is_counted_in_prose_is_counted_in_the_code(page, said, counted):
    match = re.search(said, text_of(page))
    assert match, f"{page} has nothing like {said} any more"
    assert number(match[1]) == pytest.approx(counted, rel=1e-12)


# What the code lists --------------------------------------------------------------------------------------------------

def first_cells(page, header):
    """The names in backticks in the first column of the table whose header begins so."""
    rows = next(rows for _, cells, rows in tables(text_of(page)) if cells[0] == header)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]


def names_behind(page, beginning):
    """The names in backticks in the line that begins so, behind that beginning."""
    line = next(line for line in text_of(page).splitlines() if line.startswith(beginning))
    return re.findall(r"`(\w+)`", line.removeprefix(beginning))


FACTORS = enumerators("handgrad/diagnose/diagnosis.hpp", "Factor")
COURSES = enumerators(COURSE, "Course")
CAUSES = [name for name in strings("handgrad/compare/comparison.hpp", "cause_names") if name != "unexplained"]


def named(listed):
    body = re.search(rf"{listed}\{{(.*?)}};", text_of("handgrad/store/convention_names.hpp"), re.DOTALL)[1]
    return re.findall(r', "(\w+)"', body)


LISTS = [
    ("docs/compare.md: causes", lambda: first_cells("docs/compare.md", "cause"), CAUSES),
    ("docs/explain.md: marks", lambda: first_cells("docs/explain.md", "mark"), strings(MARKING, "mark_names")),
    ("docs/explain.md: slips", lambda: first_cells("docs/explain.md", "slip"), strings(MARKING, "slip_names")),
    ("docs/diagnosis.md: courses", lambda: first_cells("docs/diagnosis.md", "course"), COURSES),
    ("docs/formats.md: factors", lambda: names_behind("docs/formats.md", "| `factor` |"), FACTORS),
    ("docs/formats.md: courses", lambda: names_behind("docs/formats.md", "| `training.course` |"), COURSES),
    ("docs/formats.md: first weights", lambda: names_behind("docs/formats.md", "| `first_weights` |"), named("first_weights_list")),
    ("docs/formats.md: kinks", lambda: names_behind("docs/formats.md", "| `kink` |"), named("kink_list")),
    ("docs/formats.md: reductions", lambda: names_behind("docs/formats.md", "| `squared_error` |"), named("reduction_list")),
    ("docs/formats.md: penalties", lambda: names_behind("docs/formats.md", "| `penalty` |"), named("penalty_list")),
    ("docs/formats.md: Adam's epsilon", lambda: names_behind("docs/formats.md", "| `adam_epsilon` |"), named("adam_epsilon_list")),
    ("docs/formats.md: momentum", lambda: names_behind("docs/formats.md", "| `momentum` | text"), named("momentum_list")),
]


@pytest.mark.parametrize(("listed", "coded"), [case[1:] for case in LISTS], ids=[case[0] for case in LISTS])
def test_what_is_listed_is_what_the_code_has(listed, coded):
    assert sorted(set(listed())) == sorted(coded)


def test_every_factor_is_explained():
    page = text_of("docs/diagnosis.md")
    assert [factor for factor in FACTORS if f"`{factor}`" not in page] == []


def test_every_purpose_of_random_numbers_and_who_draws_it_has_its_row():
    _, _, rows = next(table for table in tables(text_of("docs/numerics.md")) if table[1][0] == "purpose")
    documented, purpose = [], None
    for first, *_, place in rows:
        if numbered := re.match(r"(\d+) `(\w+)`", first):
            purpose = (int(numbered[1]), numbered[2])
        documented.append((*purpose, f"handgrad/{place.strip('`')}"))
    enum = re.search(r"enum class Purpose.*?}", text_of("handgrad/base/random.hpp"), re.DOTALL)[0]
    values = dict(re.findall(r"(\w+) = (\d+)", enum))
    used = {(int(values[name]), name, str(file.relative_to(ROOT)))
            for file in sorted((*(ROOT / "handgrad").rglob("*.?pp"), *(ROOT / "cli").glob("*.?pp")))
            for name in re.findall(r"Purpose::(\w+)", re.sub(r"//.*", "", file.read_text("utf-8")))}
    assert {name for _, name, _ in documented} == values.keys()
    assert set(documented) == used and len(documented) == len(used)


def test_the_picture_of_the_house_has_the_rooms_and_what_they_may_include():
    picture = next(block.text for block in pages.blocks(text_of("docs/architecture.md")) if "cli/" in block.text)
    found, room, train = {}, None, set(include_rules.ROOMS["train"].split()) | {"train"}
    for line in picture.splitlines():
        inside, _, outside = line.rpartition("│")
        if named := re.match(r"\s*│ (\w+)/", inside):
            room = named[1]
        if room and line.rstrip().endswith(("┐", "┤", "┘")):
            room = None
        for name, list_ in re.findall(r"(nn|data): ([\w ]+)", outside):
            found[name] = set(list_.split())
        if room and outside.strip() and ":" not in outside:
            found.setdefault(room, set()).update(train if "+" in outside else set(), set(outside.replace("+", "").split()))
    found = {name: rooms - {"nothing"} for name, rooms in found.items()}
    assert found == {name: set(rooms.split()) for name, rooms in include_rules.ROOMS.items()}


# Where the literal formulas break (derivation §6.5), calculated as they stand there ------------------------------------

def breaks_at(page, said):
    match = re.search(said.replace(" ", r"\s+"), page)
    assert match, f"docs/derivation.md has nothing like {said} any more"
    return [float(group.replace("−", "-")) for group in match.groups()]


def test_the_literal_formulas_break_where_the_derivation_says():
    page = text_of("docs/derivation.md")
    sigmoid = lambda z: type(z)(1) / (type(z)(1) + np.exp(-z))  # in the precision of z
    slope = lambda z: np.exp(-z) / ((type(z)(1) + np.exp(-z)) * (type(z)(1) + np.exp(-z)))
    zero, nan, zero_double, nan_double = breaks_at(
        page, r"is 0 for z ≤ (−\d+) and NaN for z ≤ (−\d+), where e\^{−z} overflows \((−\d+) and (−\d+) in float64\)")
    one, one_double = breaks_at(page, r"exactly 0 from z = ([\d.]+) on \(([\d.]+) in float64\)")
    (once,) = breaks_at(page, r"only once from z = ([\d.]+) on")
    percent, at = breaks_at(page, r"is (\d+) % wrong at z = (\d+)")
    with np.errstate(over="ignore", invalid="ignore"):
        for T, zero_at, nan_at in ((np.float32, zero, nan), (np.float64, zero_double, nan_double)):
            assert slope(T(zero_at)) == 0 and slope(T(zero_at + 1)) > 0
            assert np.isnan(slope(T(nan_at))) and not np.isnan(slope(T(nan_at + 1)))
        for T, one_at in ((np.float32, one), (np.float64, one_double)):
            assert sigmoid(T(one_at)) == 1 and sigmoid(T(one_at - 0.01)) < 1
        assert np.float32(sigmoid(np.float64(once))) == 1 > np.float32(sigmoid(np.float64(once - 0.01)))
        wrong = abs(float(slope(np.float32(at)) / (np.float32(1) - sigmoid(np.float32(at)))) - 1)
        assert round(100 * wrong) == percent
