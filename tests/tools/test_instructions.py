"""The comparison of instruction counts with their table: what it fails on, what it asks to renew, what it lets pass."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import instructions  # noqa: E402  (after the path that leads to it)


def table(count, compiler="12.2.0", level="avx2"):
    return {"compiler": compiler, "instructions": {"T1": {level: count}}}


@pytest.mark.parametrize("now", [10000, 10199, 9801])
def test_counts_within_two_per_cent_pass_and_say_nothing(now):
    lines, wrong = instructions.compare(table(10000), table(now))
    assert wrong == []
    assert len(lines) == 2  # the heading and the workload


def test_more_than_two_per_cent_above_fails_and_names_workload_old_and_new():
    _, wrong = instructions.compare(table(10000), table(10201))
    assert wrong == ["T1 on avx2: 10000 instructions a step in the table, 10201 now, 2.0 % more"]


@pytest.mark.parametrize(("old", "new"), [
    (table(10000), table(9799)),
    (table(10000, level="scalar"), table(10000)),
])
def test_what_is_far_below_the_table_or_not_in_it_asks_for_a_new_table(old, new):
    lines, wrong = instructions.compare(old, new)
    assert wrong == []
    assert "--write" in lines[-1]


def test_another_compiler_is_named_and_compared_all_the_same():
    lines, wrong = instructions.compare(table(10000), table(11000, compiler="14.1.0"))
    assert lines[-1] == "the table is of compiler 12.2.0, this program of 14.1.0"
    assert len(wrong) == 1


def test_the_table_has_every_workload_and_the_levels_that_valgrind_knows():
    counts = instructions.read_table()["instructions"]
    assert list(counts) == list(instructions.STEPS)
    assert all({"scalar", "avx2"} <= set(levels) for levels in counts.values())
