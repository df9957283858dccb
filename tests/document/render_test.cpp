// The written forms: width and alignment of text, escapes of Markdown and LaTeX, shortened matrices, blanks.
#include "handgrad/document/render.hpp"
#include "handgrad/explain/compose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/document/layout.hpp"
#include "tests/support/explained.hpp"

namespace handgrad::document {
namespace {

using explained::explanation;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::size_t widest(const std::string& text) {
    std::size_t width = 0;
    for (const std::string& line : lines_of(text)) {
        width = std::max(width, display_width(line));
    }
    return width;
}

TEST(Text, FitsIn100PlacesForEveryActivationAndLoss) {
    for (const Conventions& conventions : convention_presets) {
        for (const Activation activation : all_activations) {
            for (const Loss loss : all_losses) {
                const bool hidden = facts(activation).elementwise;
                for (const std::vector<std::size_t>& sizes :
                     std::vector<std::vector<std::size_t>>{{3, 4, 2}, {5, 4, 3, 2, 2, 12345}}) {
                    const explain::Explanation e =
                        explain::explain({.sizes = sizes,
                                          .hidden = hidden ? activation : Activation::relu,
                                          .output = activation,
                                          .conventions = conventions},
                                         loss, {.optimizer = {.kind = OptimizerKind::adamw}});
                    const std::string text = render_text(explain::compose(e, {.components = true}));
                    EXPECT_LE(widest(text), text_width) << text;
                    for (const std::string& line : lines_of(text)) {
                        EXPECT_FALSE(line.ends_with(' ')) << line;
                    }
                }
            }
        }
    }
}

TEST(Text, NumbersStandUnderEachOther) {
    Numbers numbers{.name = "W^{(1)}", .values = Matrix<double>(2, 2)};
    numbers.values(0, 0) = 1;
    numbers.values(1, 0) = -0.25;
    EXPECT_EQ(numbers_text(numbers),
              "W⁽¹⁾ = [     1  0 ]\n"
              "       [ -0.25  0 ]\n");
    numbers.formula = "a+b";
    numbers.updated = true;
    EXPECT_THAT(numbers_text(numbers), testing::StartsWith("W⁽¹⁾ ← a + b = [     1  0 ]\n"));
}

TEST(Text, ShortensWhatIsLong) {
    EXPECT_EQ(shown_indices(8).size(), 8U);
    EXPECT_EQ(shown_indices(9), (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, gap, 8}));
    EXPECT_EQ(shown_indices(9, 3), (std::vector<std::size_t>{0, gap, 8}));
    Numbers wide{.name = "W", .values = Matrix<double>(20, 500)};
    for (std::size_t i = 0; i < 20; ++i) {
        for (std::size_t j = 0; j < 500; ++j) {
            wide.values(i, j) = -1.23456789e-7 * static_cast<double>(1 + i + j);
        }
    }
    const std::string text = numbers_text(wide);
    EXPECT_EQ(lines_of(text).size(), 8U);
    EXPECT_LE(widest(text), text_width);
    EXPECT_THAT(text, HasSubstr("…"));
    EXPECT_THAT(text, HasSubstr("⋮"));
}

TEST(Text, ARowThatCannotBeShortenedIsWrapped) {
    Numbers wide{
        .name = "\\frac{\\partial l}{\\partial W^{(1)}}", .formula = "\\delta_1x^T", .values = Matrix<double>(1, 8)};
    for (double& value : wide.values.values()) {
        value = -1.23456e-107;
    }
    const std::string text = numbers_text(wide);
    EXPECT_LE(widest(text), text_width);
    EXPECT_EQ(lines_of(text).size(), 3U) << text;
    EXPECT_EQ(lines_of(text)[0], "∂l/∂W⁽¹⁾ = δ₁xᵀ");
}

TEST(Text, WrapsWordsAndCellsAtBlanks) {
    EXPECT_THAT(wrapped("one two  three", 8), testing::ElementsAre("one two", "three"));
    EXPECT_THAT(wrapped("", 8), testing::ElementsAre(""));
    const std::string table = table_text({{"a", "why"}, {"x", std::string(70, 'y') + " " + std::string(70, 'z')}});
    EXPECT_EQ(lines_of(table).size(), 4U);
    EXPECT_LE(widest(table), text_width);
}

TEST(Text, AnEmptyHeadingIsLeftOut) { EXPECT_EQ(table_text({{"", ""}, {"a", "b"}}), "a  b\n"); }

TEST(Text, ShowsTheRowItsPlaceAndTheFiveSteps) {
    const std::string text = render_text(explain::compose(explanation(), {}));
    EXPECT_THAT(text, HasSubstr("row 1 (homes.csv:2)"));
    EXPECT_THAT(text, HasSubstr("x₁  area          150           1\n"));
    EXPECT_THAT(text, HasSubstr("city_$|=Rome  Rome"));
    EXPECT_THAT(text, HasSubstr("float64"));
    for (const char* step : {"Step 1", "Step 2", "Step 3", "Step 4", "Step 5"}) {
        EXPECT_THAT(text, HasSubstr(step));
    }
    EXPECT_THAT(text, HasSubstr("W⁽¹⁾ ← W⁽¹⁾ − η (∂l/∂W⁽¹⁾) = ["));
}

TEST(Blank, LeavesOutFactorsAndNumbersButNotWhatIsGiven) {
    const std::string text = render_text(explain::compose(explanation(), {.components = true, .blank = true}));
    EXPECT_THAT(text, HasSubstr("z1 = [ ____  ____  ____  ____ ]\n"));
    EXPECT_THAT(text, HasSubstr("dl/dyhat = [ ____ ]\n"));
    EXPECT_THAT(text, HasSubstr("∂ŷ/∂z₃ = ____ "));
    EXPECT_THAT(text, HasSubstr("W⁽¹⁾ = [ "));
    for (const char* answer : {"δ₁ xᵀ", "Eq. (5)", "ŷ − y", "w − η", "diag"}) {
        EXPECT_THAT(text, Not(HasSubstr(answer)));
    }
}

TEST(Blank, IsRefusedForNetworksThatNoHandFillsIn) {
    explain::Explanation e = explanation();
    e.derivation.architecture.sizes[1] = 9;
    EXPECT_THROW(explain::compose(e, {.blank = true}), Error);
    e.row.reset();  // in symbols there is room
    EXPECT_NO_THROW(explain::compose(e, {.blank = true}));
}

TEST(Markdown, EscapesWhatWouldBeMarkupAndFencesNumbers) {
    const std::string text = render_markdown(explain::compose(explanation(), {}));
    EXPECT_THAT(text, testing::StartsWith("# The derivation of Linear₁ → f → Linear₂ → g\n"));
    EXPECT_THAT(text, HasSubstr("| city\\_\\$\\|=Rome | Rome |"));
    EXPECT_THAT(text, HasSubstr("squared\\_error"));
    EXPECT_THAT(text, HasSubstr("| layer | input | output | symbol | size |\n|---|---|---|---|---|\n"));
    EXPECT_THAT(text, HasSubstr("```\nW⁽¹⁾ = ["));
    std::size_t fences = 0;
    for (const std::string& line : lines_of(text)) {
        fences += line == "```" ? 1 : 0;
    }
    EXPECT_EQ(fences % 2, 0U);
}

TEST(Latex, EscapesNamesAndReplacesLettersThatItsFontsLack) {
    explain::Explanation e = explanation();
    e.row->inputs[0].name = "a_b&50%#{}~^\\ \xc3\xa9\xe4\xb8\xad\xff";
    const std::string text = render_latex(explain::compose(e, {}));
    EXPECT_THAT(text, HasSubstr("a\\_b\\&50\\%\\#\\{\\}\\textasciitilde{}\\textasciicircum{}\\textbackslash{} "
                                "\xc3\xa9[U+4E2D][U+FF]"));
    EXPECT_THAT(text, HasSubstr("\\begin{bmatrix}"));
    EXPECT_THAT(text, HasSubstr("$\\displaystyle x\\cdot \\frac{\\partial l}{\\partial \\hat y}"));
    EXPECT_TRUE(text.ends_with("\\end{document}\n"));
}

}  // namespace
}  // namespace handgrad::document
