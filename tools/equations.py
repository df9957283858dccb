#!/usr/bin/python3
"""Ties every equation, table and step of the derivation to the code that computes it and the tests that name it.

Usage: tools/equations.py [--check] [ROOT]    (default: the repository of this script)

The items are those that docs/derivation.md introduces. Reads tags in comments, `Eq. (12)`, `Eq. (5)–(7)`,
`Eq. (11), (19)`, `Table 2`, `Steps 2 to 4`, and names of tests, `Eq12_...`, `Eq5to7_...`, `Table2_...`, `Step4_...`,
`test_eq_12_...`, and writes docs/equations.md. A tag belongs to the function or type whose documentation or body it
stands in; others (the first line of a file, a field) explain but compute nothing, and do not count. With --check nothing is written: exits with 1 when an item lacks code or a test, when
a tag or a `derivation §6.5` names something that the derivation does not have, or when the page is not up to date.
"""

import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

PAGE = "docs/equations.md"
DERIVATION = "docs/derivation.md"

# --- The derivation ---------------------------------------------------------------------------------------------------

ITEM = re.compile(r"^(?:- |\d+\. )?\*\*(Eq\. \(\d+\)|Table \d+|Step \d+)\*\* (.+)$")
SECTION = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? ")
ORDER = ("Eq.", "Table", "Step")


def items_of(text):
    """Every equation, table and step that the derivation introduces (`**Eq. (12)** what it says`), in order of the page
    to write: (items with what they say, problems)."""
    found, wrong = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if match := ITEM.match(line):
            if match[1] in found:
                wrong.append(f"{DERIVATION}:{number}: {match[1]} stands there for the second time")
            found[match[1]] = match[2].rstrip(".").replace("|", "\\|")
    for kind in ORDER:
        numbers = sorted(number_of(item) for item in found if item.startswith(kind))
        if numbers != list(range(1, len(numbers) + 1)) or not numbers:
            wrong.append(f"{DERIVATION}: the numbers of its {kind} are {numbers}, not 1, 2, 3 and so on")
    return dict(sorted(found.items(), key=lambda entry: place_of(entry[0]))), wrong


def number_of(item):
    return int(re.search(r"\d+", item)[0])


def place_of(item):
    return ORDER.index(item.split()[0]), number_of(item)


def sections_of(text):
    """The numbers of the derivation's headings: `6`, `6.5`."""
    return {match[1] for line in text.splitlines() if (match := SECTION.match(line))}


# --- Tags in text ----------------------------------------------------------------------------------------------------

LIST = r"(?:\s*(?:[–-]|to|and|or|,|·)\s*(?:{label}\s*)?{number})*"
TAGS = {
    "Eq. ({})": re.compile(r"Eqs?\.\s*\(\d+\)" + LIST.format(label=r"Eqs?\.", number=r"\(\d+\)")),
    "Table {}": re.compile(r"\bTables?\s+\d+\b" + LIST.format(label="Tables?", number=r"\d+\b")),
    "Step {}": re.compile(r"\b[Ss]teps?\s+\d+\b" + LIST.format(label="[Ss]teps?", number=r"\d+\b")),
}
NUMBER_OR_RANGE = re.compile(r"(–|-|\bto\b)|(\d+)")
TEST_NAME = re.compile(r"(Eq|Table|Step|(?:(?<=_)|(?<![A-Za-z]))(?:eq|table|step)_)(\d+)(?:_?(to|and)_?(\d+))?(?!\d)")
TEST_LABEL = {"eq": "Eq. ({})", "table": "Table {}", "step": "Step {}"}


def expand(text, label):
    """The items that one match spells out, ranges filled in: `Eq. (5)–(7)` is three of them."""
    found, upto = [], False
    for match in NUMBER_OR_RANGE.finditer(text):
        if match[1]:
            upto = True
            continue
        number = int(match[2])
        found += range(found[-1] + 1, number + 1) if upto and found else [number]
        upto = False
    return [label.format(number) for number in found]


def tags(text):
    """All items that a piece of text names, in order."""
    return [item for label, tag in TAGS.items() for match in tag.finditer(text) for item in expand(match[0], label)]


def named_by_test(name):
    """All items that the name of a test names: `Eq5to7_Kink` is Eq. (5), (6) and (7)."""
    found = []
    for kind, first, joint, last in TEST_NAME.findall(name):
        numbers = [int(first)] if not last else [int(first), int(last)]
        numbers = list(range(numbers[0], numbers[1] + 1)) if joint == "to" else numbers
        found += [TEST_LABEL[kind.lower().rstrip("_")].format(number) for number in numbers]
    return found


# --- C++ files, as far as needed here ---------------------------------------------------------------------------------


@dataclass
class Line:
    """One line with its code (texts blanked, directives dropped) and its comment apart."""

    code: str = ""
    comment: str = ""


@dataclass
class Entity:
    """A function or a type: its name with the scopes around it, and its lines (from 0, both included)."""

    name: str
    first: int
    last: int
    is_function: bool


TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|                                              # comments
    R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)'(?:\\.|[^'\\\n])+'|  # texts and characters
    \n|[^/"'\nR]+|.                                                   # code""",
    re.DOTALL | re.VERBOSE,
)


def split_lines(text):
    """The lines of a C++ file, code and comment apart."""
    lines = [Line()]
    for match in TOKEN.finditer(text):
        token = match[0]
        is_comment = token.startswith(("//", "/*"))
        is_text = not is_comment and token[-1] in "\"'" and len(token) > 1
        for i, part in enumerate(token.split("\n")):
            if i > 0:
                lines.append(Line())
            if is_comment:
                lines[-1].comment += part
            else:
                lines[-1].code += '""' if is_text and i == 0 else "" if is_text else part
    in_directive = False
    for line in lines:
        in_directive = in_directive or line.code.lstrip().startswith("#")
        if in_directive:
            in_directive = line.code.rstrip().endswith("\\")
            line.code = ""
    return lines


def without_template_arguments(text):
    while (shorter := re.sub(r"<[^<>]*>", "", text)) != text:
        text = shorter
    return text


def classify(header):
    """What a piece of code before `{` or `;` declares: (kind, name), kind one of namespace, type, function, other."""
    header = without_template_arguments(re.sub(r"->|<=|>=|<<|>>(?!\s*[>(])|operator\s*[<>]", " ", header)).strip()
    if match := re.search(r"\bnamespace\s*([\w:]*)$", header):
        return "namespace", match[1]
    for match in re.finditer(r"(operator\s*\S+?|~?\w+(?:::~?\w+)*)\s*\(", header):
        if match[1] not in ("requires", "decltype", "noexcept", "alignas", "static_assert", "explicit"):
            is_call = "=" in header[: match.start()] and not match[1].startswith("operator")
            return ("other", "") if is_call else ("function", match[1])
    if match := re.search(r"\b(?:struct|class|concept)\s+(\w+)", header):
        return "type", match[1]
    return "other", ""


def entities(lines):
    """All functions and types of a file, in order of their first line."""
    found = []
    scopes = []  # (kind, name, entity or None)
    header, first, parentheses = "", None, 0

    def qualified(name):
        around = [scope for kind, scope, _ in scopes if scope and kind in ("namespace", "type")]
        parts = [part for scope in [*around, name] for part in scope.split("::")]
        return "::".join(part for part in parts if part not in ("handgrad", "math"))

    def in_function():
        return any(kind in ("function", "other") for kind, _, _ in scopes)

    for number, line in enumerate(lines):
        for character in line.code + " ":
            if first is None and not character.isspace() and character not in "{};":
                first = number
            parentheses += (character == "(") - (character == ")")
            if character not in "{};" or (parentheses > 0 and not in_function() and character != "}"):
                if parentheses > 0 and character in "{}":
                    character = " "
                header += character
                continue
            if parentheses > 0 and not in_function():
                continue  # a brace inside a default argument
            kind, name = ("other", "") if character == "}" or in_function() else classify(header)
            entity = None
            if kind in ("function", "type") and character in "{;":
                entity = Entity(qualified(name), number if first is None else first, number, kind == "function")
                found.append(entity)
            if character == "{":
                scopes.append((kind, name, entity))
            elif character == "}" and scopes:
                _, _, closed = scopes.pop()
                if closed:
                    closed.last = number
            header, first, parentheses = "", None, 0
    return sorted(found, key=lambda entity: entity.first)


def owner(lines, found, number):
    """The function or type that a comment on this line belongs to, or None."""
    inside = [e for e in found if e.is_function and e.first <= number <= e.last]
    if inside:
        return inside[-1]
    if lines[number].code.strip():
        return None
    below = number
    while below < len(lines) and not lines[below].code.strip() and lines[below].comment:
        below += 1
    starting = [e for e in found if e.first == below]
    return starting[0] if starting else None


# --- The project -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A function or type in a file."""

    path: str
    name: str


@dataclass(frozen=True)
class Test:
    """A test: its full name, and whether the name itself names the item."""

    path: str
    name: str
    by_name: bool


@dataclass
class Ties:
    """For every item what it says, the code and the tests; and tags that name nothing."""

    items: dict
    code: dict = field(default_factory=lambda: defaultdict(list))
    tests: dict = field(default_factory=lambda: defaultdict(list))
    unknown: list = field(default_factory=list)

    def tie(self, where, item, value, place):
        if item not in self.items:
            self.unknown.append(f"{place}: the derivation has no {item}")
        elif value not in where[item]:
            where[item].append(value)


CPP_TEST = re.compile(r"^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\s*"
                      r"\(\s*(\w+)\s*,\s*(\w+)")
PYTHON_TEST = re.compile(r"^\s*def (test_\w+)")


def scan_code(ties, root, path):
    lines = split_lines((root / path).read_text("utf-8"))
    found = entities(lines)
    for number, line in enumerate(lines):
        for item in tags(line.comment):
            entity = owner(lines, found, number)
            if entity:
                ties.tie(ties.code, item, Place(path, entity.name), f"{path}:{number + 1}")


def scan_cpp_tests(ties, root, path):
    lines = split_lines((root / path).read_text("utf-8"))
    room = Path(path).parent.name
    name, end = None, -1
    waiting = []  # comments above the next test
    for number, line in enumerate(lines):
        below = lines[number + 1].code if number + 1 < len(lines) else ""
        if match := line.code and CPP_TEST.match(line.code + below):  # a long name stands on the next line
            name = f"{room}.{match[1]}.{match[2]}"
            for item in named_by_test(name):
                ties.tie(ties.tests, item, Test(path, name, True), f"{path}:{number + 1}")
            line_tags = waiting + tags(line.comment)
            end = -1
        elif line.code.startswith("}"):
            name, end, line_tags = None, number, []
        else:
            line_tags = tags(line.comment) if name else []
        waiting = [] if line.code.strip() or not line.comment else waiting + tags(line.comment)
        for item in line_tags if name else []:
            named = item in named_by_test(name)
            ties.tie(ties.tests, item, Test(path, name, named), f"{path}:{number + 1}")


def scan_python_tests(ties, root, path):
    name = None
    for number, line in enumerate((root / path).read_text("utf-8").splitlines()):
        if match := PYTHON_TEST.match(line):
            name = f"{Path(path).stem}.{match[1]}"
            for item in named_by_test(name):
                ties.tie(ties.tests, item, Test(path, name, True), f"{path}:{number + 1}")
        elif re.match(r"\S", line):
            name = None
        for item in tags(line) if name else []:
            named = item in named_by_test(name)
            ties.tie(ties.tests, item, Test(path, name, named), f"{path}:{number + 1}")


LIST_OF_SECTIONS = r"\d+(?:\.\d+)?(?:(?:, | and |–)§?\d+(?:\.\d+)?)*"
CITATION = re.compile(r"\b[Dd]erivation(?:\.md)?,?\s(?:§|sections? )(" + LIST_OF_SECTIONS + ")")
OWN_CITATION = re.compile("§(" + LIST_OF_SECTIONS + ")")
CITING = ("handgrad/**/*.[hc]pp", "cli/*.[hc]pp", "tests/**/*.[hc]pp", "tests/cli/*.py", "tests/python/**/*.*[yt]",
          "docs/*.md", "tools/*", "*.md")
COMMENT_SIGN = re.compile(r"\n[ \t]*(?://+|#) ?")


def unknown_sections(root, sections):
    """Every place that cites a section (`derivation §6.5`) which the derivation does not have."""
    found = []
    for file in sorted({file for pattern in CITING for file in root.glob(pattern) if file.is_file()}):
        path = file.relative_to(root).as_posix()
        text = COMMENT_SIGN.sub("\n", file.read_text("utf-8"))
        for match in (OWN_CITATION if path == DERIVATION else CITATION).finditer(text):
            line = text[: match.start()].count("\n") + 1
            found += [f"{path}:{line}: the derivation has no §{cited}"
                      for cited in re.findall(r"\d+(?:\.\d+)?", match[1]) if cited not in sections]
    return found


def scan(root):
    """Everything that the project says of the derivation."""
    derivation = (root / DERIVATION).read_text("utf-8")
    items, wrong = items_of(derivation)
    ties = Ties(items)
    ties.unknown += wrong
    for file in sorted((root / "handgrad").rglob("*.[hc]pp")):
        if file != root / "handgrad/handgrad.hpp":  # includes only
            scan_code(ties, root, file.relative_to(root).as_posix())
    for file in sorted((root / "tests").rglob("*_test.cpp")):
        scan_cpp_tests(ties, root, file.relative_to(root).as_posix())
    for file in sorted((root / "tests").rglob("test_*.py")):
        if "tools" not in file.parts:
            scan_python_tests(ties, root, file.relative_to(root).as_posix())
    ties.unknown += unknown_sections(root, sections_of(derivation))
    return ties


# --- The page --------------------------------------------------------------------------------------------------------

HEAD = """# The derivation, tied to the code

Every equation, table and step of [the derivation](derivation.md), where it is computed and which tests name it. Written by
`tools/equations.py` from tags in comments and names of tests; `make test` fails when one has no code or no test.
"""
SHOWN_TESTS = 4


def list_of(entries, rest=0):
    more = [f"and {rest} more"] if rest else []
    return "<br>".join([*entries, *more]) or "none"


def row(ties, item):
    code = [f"[`{place.name}`](../{place.path})" for place in ties.code[item]]
    tests = sorted(ties.tests[item], key=lambda test: not test.by_name)
    shown = [f"[`{test.name}`](../{test.path})" for test in tests[:SHOWN_TESTS]]
    return f"| {item} | {ties.items[item]} | {list_of(code)} | {list_of(shown, len(tests) - len(shown))} |"


def page(ties):
    table = ["| item | says | code | tests |", "|---|---|---|---|"]
    return HEAD + "\n" + "\n".join(table + [row(ties, item) for item in ties.items]) + "\n"


def problems(ties):
    """What is missing or wrong, one line each."""
    found = list(ties.unknown)
    for item in ties.items:
        if not ties.code[item]:
            found.append(f"{item} has no code: no function in handgrad/ is tagged with it")
        if not ties.tests[item]:
            found.append(f"{item} has no test: none is named after it or tagged with it")
    return found


def main(arguments):
    check = "--check" in arguments
    roots = [argument for argument in arguments if argument != "--check"]
    root = Path(roots[0]) if roots else Path(__file__).resolve().parent.parent
    ties = scan(root)
    found = problems(ties)
    text = page(ties)
    file = root / PAGE
    if not check:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    elif not file.is_file() or file.read_text("utf-8") != text:
        found.append(f"{PAGE} is not up to date: run `make equations`")
    for line in found:
        print(line)
    print(f"equations: {len(ties.items)} items, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
