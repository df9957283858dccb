// Formulas as lines of text: scripts, fractions, spacing, and prose around them.
#include "handgrad/document/notation.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace handgrad::document {
namespace {

TEST(Notation, ReadsAsOneWouldWriteItOnALine) {
    const std::pair<const char*, const char*> lines[] = {
        {"\\frac{e^{-z_1}}{(1+e^{-z_1})^2}", "e^{−z₁}/(1 + e^{−z₁})²"},
        {"x\\cdot\\frac{\\partial l}{\\partial \\hat y}\\frac{\\partial\\hat y}{\\partial "
         "z_3}\\,W^{(2)}\\,\\frac{\\partial "
         "z_2}{\\partial z_1}",
         "x · (∂l/∂ŷ)(∂ŷ/∂z₃) W⁽²⁾ (∂z₂/∂z₁)"},
        {"-\\frac{1}{K}\\left[\\frac{y_j}{\\hat y_j}-\\frac{1-y_j}{1-\\hat y_j}\\right]",
         "−(1/K)[yⱼ/ŷⱼ − (1 − yⱼ)/(1 − ŷⱼ)]"},
        {"\\sum_{i}-[y_i\\log\\hat y_i+(1-y_i)\\log(1-\\hat y_i)]", "Σᵢ −[yᵢ log ŷᵢ + (1 − yᵢ) log(1 − ŷᵢ)]"},
        {"\\|W^{(2)}(W^{(1)}x+b^{(1)})^++b^{(2)}-y\\|^2", "‖W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾ − y‖²"},
        {"\\begin{cases}0&\\text{if }z_{1,i}<0\\\\1&\\text{else}\\end{cases}", "0 if z₁,ᵢ < 0; 1 else"},
        {"\\sum_{q}W^{(1)}_{pq}\\,x_q", "Σ_q W⁽¹⁾_{pq} x_q"},
        {"\\operatorname{diag}\\{\\mathbf{1}_{[0,\\infty)}(z_1)\\}\\in\\mathbb{R}^{4\\times4}",
         "diag{𝟙_[0,∞)(z₁)} ∈ ℝ^{4×4}"},
        {"\\frac{\\frac{a}{b}}{2c}", "(a/b)/(2c)"},
        {"\\frac{m}{\\sqrt{v}+\\varepsilon}", "m/(√v + ε)"},
        {"f_{1}'(z_{11,i})", "f₁′(z₁₁,ᵢ)"},
        {"e^{-|z|}", "e^{−|z|}"},
        {"\\left|a-b\\right|-|c|", "|a − b| − |c|"},
        {"w\\leftarrow w-\\eta\\,g", "w ← w − η g"},
        {"", ""},
    };
    for (const auto& [formula, line] : lines) {
        EXPECT_EQ(unicode_of(formula), line);
    }
}

TEST(Notation, MathMlHasTheSameStructure) {
    const std::pair<const char*, const char*> formulas[] = {
        {"x", "<mrow><mi>x</mi></mrow>"},
        {"W^{(1)}_{ij}",
         "<mrow><msubsup><mi>W</mi><mrow><mrow><mi>i</mi><mi>j</mi></mrow></mrow><mrow><mrow><mrow><mo fence=\"true\" "
         "form=\"prefix\" stretchy=\"false\">(</mo><mrow><mn>1</mn></mrow><mo fence=\"true\" form=\"postfix\" "
         "stretchy=\"false\">)</mo></mrow></mrow></mrow></msubsup></mrow>"},
        {"(\\frac{a}{b})^2",
         "<mrow><msup><mrow><mo fence=\"true\" "
         "form=\"prefix\">(</mo><mrow><mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac></mrow><mo "
         "fence=\"true\" form=\"postfix\">)</mo></mrow><mrow><mrow><mn>2</mn></mrow></mrow></msup></mrow>"},
        {"\\frac{a}{2}<\\sqrt{b}",
         "<mrow><mfrac><mrow><mi>a</mi></mrow><mrow><mn>2</mn></mrow></mfrac><mo>&lt;</mo><msqrt><mrow><mi>b</mi></"
         "mrow></msqrt></mrow>"},
        {"f'", "<mrow><msup><mi>f</mi><mrow><mo>′</mo></mrow></msup></mrow>"},
        {"\\sum_{i}\\hat y_i",
         "<mrow><munder><mo>∑</mo><mrow><mrow><mi>i</mi></mrow></mrow></munder><msub><mi>ŷ</mi><mrow><mrow><mi>i</"
         "mi></mrow></mrow></msub></mrow>"},
        {"\\begin{cases}0&\\text{if }z<0\\\\1&\\text{else}\\end{cases}",
         "<mrow><mrow><mo fence=\"true\" form=\"prefix\">{</mo><mtable class=\"cases\"><mtr><mtd><mrow><mn>0</mn></"
         "mrow></mtd><mtd><mrow><mtext>if\u00A0</mtext><mi>z</mi><mo>&lt;</mo><mn>0</mn></mrow></mtd></"
         "mtr><mtr><mtd><mrow><mn>1</mn></mrow></mtd><mtd><mrow><mtext>else</mtext></mrow></mtd></mtr></mtable></"
         "mrow></mrow>"},
    };
    for (const auto& [formula, inside] : formulas) {
        EXPECT_EQ(mathml_of(formula), "<math>" + std::string(inside) + "</math>");
    }
    EXPECT_TRUE(mathml_of("x", true).starts_with("<math display=\"block\">"));
}

TEST(Notation, ArgumentsTakeThePlaceOfZWithTheirIndices) {
    EXPECT_EQ(with_argument("e^{-\\z}+\\zeta+\\z^2", "z_{1,i}"), "e^{-z_{1,i}}+\\zeta+z_{1,i}^2");
    EXPECT_EQ(with_argument("\\z_j+\\z_k", "z_{3}"), "z_{3,j}+z_{3,k}");
    EXPECT_EQ(with_argument("\\z_j", "z"), "z_j");
}

TEST(Notation, ProseTurnsWhatStandsBetweenDollars) {
    EXPECT_EQ(unicode_of_prose("the factor $\\sigma'(z_1)$, and $n=3$ inputs"), "the factor σ′(z₁), and n = 3 inputs");
    EXPECT_EQ(unicode_of_prose("price in " + prose_of("US$\n$") + " is $y$"), "price in US$ $ is y");
}

TEST(Notation, NumbersHaveSixDigitsInBothForms) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    EXPECT_EQ(six_digits(-1.0 / 3), "-0.333333");
    EXPECT_EQ(six_digits(1234567.0), "1.23457e+06");
    EXPECT_EQ(six_digits(-0.0), "0");
    EXPECT_EQ(number_formula(1.5e-7), "1.5\\cdot10^{-7}");
    EXPECT_EQ(number_formula(1234567.0), "1.23457\\cdot10^{6}");
    EXPECT_EQ(number_formula(-infinity), "-\\infty");
    EXPECT_EQ(number_formula(std::numeric_limits<double>::quiet_NaN()), "\\mathrm{nan}");
}

}  // namespace
}  // namespace handgrad::document
