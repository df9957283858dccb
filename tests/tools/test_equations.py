"""The tool that ties the derivation to code and tests: what it reads as a tag, whose tag it is, and what it refuses."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import equations  # noqa: E402  (after the path that leads to it)


@pytest.mark.parametrize(("text", "items"), [
    ("Eq. (4), w <- w - eta g", ["Eq. (4)"]),
    ("as Eq. (5)–(7) say", ["Eq. (5)", "Eq. (6)", "Eq. (7)"]),
    ("Eq. (12) to Eq. (14) for σ", ["Eq. (12)", "Eq. (13)", "Eq. (14)"]),
    ("Eq. (5), (6), (12)–(13) where", ["Eq. (5)", "Eq. (6)", "Eq. (12)", "Eq. (13)"]),
    ("Eq. (19)·(15), simplified", ["Eq. (19)", "Eq. (15)"]),
    ("Table 3, rows f and g, and Table 5", ["Table 3", "Table 5"]),
    ("Tables 1–3 in 2 steps", ["Table 1", "Table 2", "Table 3"]),
    ("Steps 2 to 4 of training; then step 5", ["Step 2", "Step 3", "Step 4", "Step 5"]),
    ("equation 4, table of 2 rows, (5)", []),
])
def test_tags_in_a_comment(text, items):
    assert equations.tags(text) == items


@pytest.mark.parametrize(("name", "items"), [
    ("Relu.Eq5to7_SlopeAtZeroIsOne", ["Eq. (5)", "Eq. (6)", "Eq. (7)"]),
    ("Table2_Step4.Eq18and19_Row", ["Table 2", "Step 4", "Eq. (18)", "Eq. (19)"]),
    ("test_step_of_eq_4_with_table_2", ["Eq. (4)", "Table 2"]),
    ("Tables.EqualRows", []),
])
def test_items_in_the_name_of_a_test(name, items):
    assert equations.named_by_test(name) == items


CODE = '''// Purpose: Eq. (1), which does not count here.
#pragma once
#define HANDGRAD_X(a) \\
    { Eq(a)
namespace handgrad::math {
/// Eq. (2) stands above a type.
template <class T>
struct Relu {
    int field = 3;  ///< Eq. (3) stands at a field, which computes nothing.
    /// Eq. (4) stands above a function,
    /// in two lines.
    template <class T>
    requires(std::is_same_v<T, float>) static T value(T z, const Settings& = {}) {
        return z > '{' ? z : T("}");  // Eq. (5)
    }
    static T derivative(T z) {  // Eq. (6)
        const auto slope = [](T x) {
            return x;  // Eq. (7)
        };
        return slope(z);
    }
};
/// Eq. (8)
template <class T>
void forward(const Net<T>& net, std::span<const T> x = {});
}  // namespace handgrad::math
/* Eq. (9) */
double handgrad::Net<double>::loss() const { return 0.0; }
'''


DERIVATION = "## 1. All\n" + "".join(f"- **Eq. ({n})** says {n}.\n" for n in range(1, 10)) + """
**Table 1** forward
**Table 2** backward
**Table 3** forward again
### 1.1 Steps
1. **Step 1** build
2. **Step 2** forward: |z|
"""


def project(folder, code=CODE, test="", python="", derivation=DERIVATION):
    for path, text in {"handgrad/math/relu.hpp": code, "tests/math/relu_test.cpp": test,
                       "tests/python/test_relu.py": python, "docs/derivation.md": derivation}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_a_tag_belongs_to_the_function_or_type_that_it_documents_or_stands_in(tmp_path):
    ties = equations.scan(project(tmp_path))
    owners = {item: [place.name for place in places] for item, places in ties.code.items() if places}
    assert owners == {"Eq. (2)": ["Relu"], "Eq. (4)": ["Relu::value"], "Eq. (5)": ["Relu::value"],
                      "Eq. (6)": ["Relu::derivative"], "Eq. (7)": ["Relu::derivative"], "Eq. (8)": ["forward"],
                      "Eq. (9)": ["Net::loss"]}


def test_tests_are_tied_by_their_names_and_by_tags_at_them(tmp_path):
    cpp = """// Purpose of the file: Eq. (1).
/// A helper for Eq. (2).
void helper() {}

// The rows of Table 3.
TEST(Relu, Eq5_SlopeAtZero) {
    EXPECT_EQ(1, 1);  // Eq. (6)
}

RC_GTEST_PROP(Relu, Step2_Anything, (int x)) {}

TEST_P(EveryPair,
       Table2_WithALongName) {
}
"""
    python = '"""Eq. (7)"""\n\ndef test_update():\n    """Eq. (4) by NumPy."""\n\nX = 1  # Eq. (8)\n'
    ties = equations.scan(project(tmp_path, test=cpp, python=python))
    named = {item: [test.name for test in tests] for item, tests in ties.tests.items() if tests}
    assert named == {"Eq. (5)": ["math.Relu.Eq5_SlopeAtZero"], "Table 3": ["math.Relu.Eq5_SlopeAtZero"],
                     "Eq. (6)": ["math.Relu.Eq5_SlopeAtZero"], "Step 2": ["math.Relu.Step2_Anything"], "Table 2": ["math.EveryPair.Table2_WithALongName"],
                     "Eq. (4)": ["test_relu.test_update"]}


def test_every_item_without_code_or_test_is_named(tmp_path):
    found = equations.problems(equations.scan(project(tmp_path)))
    assert "Eq. (1) has no code: no function in handgrad/ is tagged with it" in found
    assert "Eq. (2) has no test: none is named after it or tagged with it" in found
    assert not any(line.startswith("Eq. (2) has no code") for line in found)
    assert "Step 1 has no code: no function in handgrad/ is tagged with it" in found


def test_a_tag_that_names_nothing_is_an_error_with_its_place(tmp_path):
    ties = equations.scan(project(tmp_path, code="// Purpose.\n/// Eq. (20)\nvoid f();\n"))
    assert "handgrad/math/relu.hpp:2: the derivation has no Eq. (20)" in equations.problems(ties)


def test_the_items_and_what_they_say_are_those_of_the_derivation(tmp_path):
    items = equations.scan(project(tmp_path)).items
    assert list(items) == [*(f"Eq. ({n})" for n in range(1, 10)), "Table 1", "Table 2", "Table 3", "Step 1", "Step 2"]
    assert items["Eq. (3)"] == "says 3" and items["Step 2"] == "forward: \\|z\\|"


@pytest.mark.parametrize(("change", "problem"), [
    (("**Eq. (3)**", "**Eq. (2)**"), "docs/derivation.md:4: Eq. (2) stands there for the second time"),
    (("**Table 2**", "Table 2"), "docs/derivation.md: the numbers of its Table are [1, 3], not 1, 2, 3 and so on"),
])
def test_a_derivation_that_skips_or_repeats_a_number_is_refused(tmp_path, change, problem):
    assert problem in equations.problems(equations.scan(project(tmp_path, derivation=DERIVATION.replace(*change))))


@pytest.mark.parametrize(("path", "text", "cited"), [
    ("handgrad/nn/mlp.cpp", "// Purpose.\n// As derivation §1, §1.1–1.2 say.\n", "2: the derivation has no §1.2"),
    ("cli/explain.cpp", "// Purpose (derivation\n// §7).\n", "1: the derivation has no §7"),
    ("tools/demo", "heading '(derivation sections 1 and 2)'\n", "1: the derivation has no §2"),
    ("docs/derivation.md", DERIVATION + "as §1.3 says\n", "18: the derivation has no §1.3"),
])
def test_a_section_that_the_derivation_does_not_have_is_an_error_with_its_place(tmp_path, path, text, cited):
    project(tmp_path)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    problems = equations.problems(equations.scan(tmp_path))
    assert [line for line in problems if "§" in line] == [f"{path}:{cited}"]


def test_check_fails_for_a_page_that_is_not_up_to_date(tmp_path, capsys):
    project(tmp_path)
    equations.main([str(tmp_path)])
    equations.main(["--check", str(tmp_path)])
    assert "not up to date" not in capsys.readouterr().out
    (tmp_path / "docs/equations.md").write_text("old\n")
    assert equations.main(["--check", str(tmp_path)]) == 1
    assert "docs/equations.md is not up to date" in capsys.readouterr().out


def test_the_project_has_code_and_a_test_for_every_item():
    assert equations.problems(equations.scan(ROOT)) == []
