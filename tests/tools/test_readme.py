"""What the README shows is what is tested: its program is the one that tests/consumer builds and runs."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_program_in_the_readme_is_the_consumer_test():
    program = (ROOT / "tests/consumer/five_steps.cpp").read_text("utf-8")
    assert f"```cpp\n{program}```\n" in (ROOT / "README.md").read_text("utf-8")
