"""What the pages show is what is tested: programs as they stand in examples/, and what they print, which ctest
(examples.*) and tests/consumer/run hold against the programs."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PROGRAMS = sorted((ROOT / "examples").glob("*.cpp"))


def printed(program):
    return program.with_suffix(".out").read_text("utf-8")


def test_the_readme_shows_the_five_steps_and_what_they_print():
    program = ROOT / "examples/five_steps.cpp"
    assert f"```cpp\n{program.read_text('utf-8')}```\n" in README
    assert f"```\n{printed(program)}```\n" in README


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_the_page_of_the_programs_shows_what_each_prints(program):
    page = (ROOT / "examples/README.md").read_text("utf-8")
    assert f"[{program.name}]({program.name})" in page
    assert f"```\n$ {program.stem}\n{printed(program)}```\n" in page
    assert f"(examples/{program.name})" in README
