"""What the library says names settings, not options: each front end adds how a setting is said there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((?P<raw>.*?)\)"|"(?P<text>(?:\\.|[^"\\\n])*)"|\'(?:\\.|[^\'\\\n])\'', re.S)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*|`handgrad |\bhandgrad [a-z]+ [A-Z-]")
# Custom properties of CSS are written alike.
PROPERTIES = set(re.findall(r"--[a-z-]+", (ROOT / "handgrad/report/report_style.cpp").read_text(encoding="utf-8")))


def options(source):
    """The options and command lines in the string literals of a source text."""
    found = [option for token in TOKEN.finditer(source)
             for option in OPTION.findall(token["raw"] or token["text"] or "")]
    return [option for option in found if option not in PROPERTIES]


def test_no_message_of_the_library_speaks_of_options():
    files = sorted((ROOT / "handgrad").rglob("*.?pp"))
    said = {str(file.relative_to(ROOT)): options(file.read_text(encoding="utf-8")) for file in files}
    assert len(files) > 100 and {file: found for file, found in said.items() if found} == {}


def test_options_are_found_in_literals_and_nowhere_else():
    source = '''x = "use --drop"; // --no
    y = '"'; z = R"(a --share: "--impute" )"; "a \\"--seed" "by handgrad train DATA"'''
    assert options(source) == ["--drop", "--impute", "--seed", "handgrad train D"]
