// The grammar of numbers, their limits, and the round trip through text.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "handgrad/data/table.hpp"
#include "tests/support/german_locale.hpp"

namespace handgrad {
namespace {

void expect_number(std::string_view cell, double value, char decimal = '.') {
    const ParsedNumber parsed = parse_number(cell, decimal);
    EXPECT_EQ(parsed.problem, NumberProblem::none) << cell;
    EXPECT_EQ(parsed.value, value) << cell;
}

void expect_problem(std::string_view cell, NumberProblem problem, char decimal = '.') {
    EXPECT_EQ(parse_number(cell, decimal).problem, problem) << cell;
}

TEST(Numbers, PlusSignsBareFractionsAndBlanksAroundAreAccepted) {
    expect_number("1.5", 1.5);
    expect_number("+1.5", 1.5);
    expect_number(" 1.5", 1.5);
    expect_number("1.5\t ", 1.5);
    expect_number(".5", 0.5);
    expect_number("-.5", -0.5);
    expect_number("5.", 5.0);
    expect_number("1e3", 1000.0);
    expect_number("1E+3", 1000.0);
    expect_number("5.e-1", 0.5);
    expect_number("00012", 12.0);
    EXPECT_TRUE(std::signbit(parse_number("-0").value));
}

TEST(Numbers, WhatIsNotWhollyADecimalNumberIsNone) {
    for (const char* cell :
         {"",       " ",   "-",     "+",        ".",   "-.",  "e5",  ".e5", "1e",  "1e+", "0x1p3", "1_000",
          "1.5abc", "1,5", "1.2.3", "+-5",      "-+5", "++5", "--5", "+ 5", "- 5", "1 2", "1e5.5", "nan",
          "NaN",    "inf", "-inf",  "infinity", "0b1", "１",  "1\n", "1f",  "$5",  "5%"}) {
        expect_problem(cell, NumberProblem::not_a_number);
    }
    expect_problem(std::string_view("1\0", 2), NumberProblem::not_a_number);
}

TEST(Numbers, TooLargeIsOutOfRangeAndTooSmallIsZero) {
    for (const char* cell : {"1e400", "-1e400", "1.8e308", "1e99999999999999999999", "0.001e400", "10000e305"}) {
        expect_problem(cell, NumberProblem::out_of_range);
    }
    for (const char* cell : {"1e-400", "-1e-400", "2e-324", "1e-99999999999999999999", "1000e-400", "0.00001e-320"}) {
        const ParsedNumber parsed = parse_number(cell);
        EXPECT_EQ(parsed.problem, NumberProblem::underflow) << cell;
        EXPECT_EQ(parsed.value, 0.0) << cell;
    }
    expect_number("1.7976931348623157e308", std::numeric_limits<double>::max());
    expect_number("5e-324", std::numeric_limits<double>::denorm_min());
    expect_number("0e99999", 0.0);
    expect_number("0.0e-99999", 0.0);
    expect_problem("0." + std::string(400, '0') + "1", NumberProblem::underflow);
    expect_problem("1" + std::string(400, '0'), NumberProblem::out_of_range);
    expect_number("1" + std::string(400, '0') + "e-400", 1.0);
}

TEST(Numbers, ADecimalCommaTakesThePlaceOfThePoint) {
    expect_number("1,5", 1.5, ',');
    expect_number("-0,25e1", -2.5, ',');
    expect_number(",5", 0.5, ',');
    expect_number("7", 7.0, ',');
    expect_problem("1.5", NumberProblem::not_a_number, ',');
    expect_problem("1.000,5", NumberProblem::not_a_number, ',');
    expect_problem("1,2,3", NumberProblem::not_a_number, ',');
}

TEST(Numbers, TheLocaleOfTheHostDoesNotMatter) {
    const GermanLocale locale;
    expect_number("1.5", 1.5);
    EXPECT_EQ(format_number(1.5), "1.5");
}

TEST(Numbers, AreWrittenAsShortAsTheyCanBeReadBack) {
    EXPECT_EQ(format_number(1.0), "1");
    EXPECT_EQ(format_number(0.1), "0.1");
    EXPECT_EQ(format_number(-2.5e-300), "-2.5e-300");
    EXPECT_EQ(format_number(-0.0), "-0");
    EXPECT_EQ(format_number(-std::numeric_limits<double>::min()), "-2.2250738585072014e-308");
}

RC_GTEST_PROP(Numbers, AnyFiniteDoubleSurvivesTheRoundTrip, (std::uint64_t bits)) {
    const double value = std::bit_cast<double>(bits);
    RC_PRE(std::isfinite(value));
    const ParsedNumber parsed = parse_number(format_number(value));
    RC_ASSERT(parsed.problem == NumberProblem::none);
    RC_ASSERT(std::bit_cast<std::uint64_t>(parsed.value) == bits);
}

}  // namespace
}  // namespace handgrad
