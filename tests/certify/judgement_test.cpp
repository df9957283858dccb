// The verdict on one tensor: what passes, what is refuted, and why something is undetermined.
#include "handgrad/certify/judgement.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace handgrad::certify {
namespace {

constexpr std::size_t columns = 4;

/// 6 × 4 numbers of size 1, each with what rounding usually does and the worst that it can.
std::vector<ExpectedEntry> expected(double usual, double worst) {
    std::vector<ExpectedEntry> entries;
    for (std::size_t i = 0; i < 24; ++i) {
        const double value = std::sin(1.0 + 3.0 * static_cast<double>(i));
        entries.push_back({.value = value, .size = 2.0, .usual = usual, .worst = worst});
    }
    return entries;
}
std::vector<double> claimed(const std::vector<ExpectedEntry>& entries, double times = 1.0) {
    std::vector<double> values;
    for (const ExpectedEntry& entry : entries) {
        values.push_back(times * entry.value);
    }
    return values;
}

TEST(Judgement, WhatAgreesPassesWithTheErrorThatItWouldHaveSeen) {
    const auto entries = expected(1e-6, 1e-4);
    std::vector<double> values = claimed(entries);
    values[3] += 5e-7;
    const Judgement judgement = judge(values, entries, columns);
    EXPECT_EQ(judgement.verdict, Verdict::pass);
    EXPECT_NEAR(judgement.detection_limit, 1e-6 * std::sqrt(2.0), 3e-7);
    EXPECT_EQ(judgement.reason(), "");
}

TEST(Judgement, NoMultipleAndNoZerosPassHoweverWideTheWorstCaseIs) {
    for (const double worst : {1e-4, 1e4}) {
        const auto entries = expected(1e-3, worst);
        for (const double times : {-1.0, 0.0, 0.5, 1.1, 2.0}) {
            EXPECT_EQ(judge(claimed(entries, times), entries, columns).verdict, Verdict::fail) << times << " " << worst;
        }
        for (std::size_t part = 0; part < columns; ++part) {
            std::vector<double> row = claimed(entries), column = row;
            for (std::size_t i = 0; i < row.size(); ++i) {
                row[i] *= i / columns == part ? 0.0 : 1.0;
                column[i] *= i % columns == part ? 0.0 : 1.0;
            }
            EXPECT_NE(judge(row, entries, columns).verdict, Verdict::pass);
            EXPECT_NE(judge(column, entries, columns).verdict, Verdict::pass);
        }
    }
}

TEST(Judgement, RightNumbersOfWhichTooLittleIsKnownAreUndetermined) {
    const auto vague = expected(0.05, 1.0);
    EXPECT_EQ(judge(claimed(vague), vague, columns).doubt, Doubt::no_digits);
    const auto unknown = expected(1e-6, std::numeric_limits<double>::infinity());
    EXPECT_EQ(judge(claimed(unknown), unknown, columns).verdict, Verdict::pass);

    auto kinks = expected(1e-6, 1e-4);
    kinks[5].jump = 3.0;
    std::vector<double> values = claimed(kinks);
    EXPECT_EQ(judge(values, kinks, columns).verdict, Verdict::pass);  // nobody needs the kink
    values[5] += 1.0;
    EXPECT_EQ(judge(values, kinks, columns).doubt, Doubt::kinks);

    auto small = expected(1e-6, 1e-4);
    for (std::size_t i = 0; i < columns; ++i) {
        small[i].value *= 1e-3;
        small[i].usual = small[i].worst = 1e-3;
    }
    const Judgement hidden = judge(claimed(small), small, columns);
    EXPECT_EQ(hidden.doubt, Doubt::part_hidden);
    EXPECT_EQ(hidden.reason(), "row 0 is so small that rounding would hide zeros in its place");

    const auto wide = expected(1e-6, 1.0);
    std::vector<double> odd = claimed(wide);
    odd[7] += 1e-3;
    EXPECT_EQ(judge(odd, wide, columns).doubt, Doubt::unusual);
}

TEST(Judgement, ATensorThatIsZeroByStructureIsJudgedBesideItsTerms) {
    auto entries = expected(1e-6, 1e-5);
    for (ExpectedEntry& entry : entries) {
        entry.value = 0.0;
    }
    const Judgement zero = judge(claimed(entries), entries, columns);
    EXPECT_TRUE(zero.zero);
    EXPECT_EQ(zero.verdict, Verdict::pass);
    EXPECT_NEAR(zero.detection_limit, 5e-7, 1e-8);
    std::vector<double> values = claimed(entries);
    values[2] = 0.1;
    EXPECT_EQ(judge(values, entries, columns).verdict, Verdict::fail);
}

TEST(Judgement, ANumberBeyondTheWorstCaseOrNoneAtAllIsRefuted) {
    const auto entries = expected(1e-6, 1e-4);
    for (const double wrong : {2e-4, std::numeric_limits<double>::quiet_NaN()}) {
        std::vector<double> values = claimed(entries);
        values[9] += wrong;
        const Judgement judgement = judge(values, entries, columns);
        EXPECT_EQ(judgement.verdict, Verdict::fail);
        EXPECT_EQ(judgement.failed, 1);
    }
}

/// Row 0 or column 0 of the tensor, with an entry that is farther away than that part may be, and the whole may.
TEST(Judgement, EachRowAndColumnHasToAgreeByItself) {
    for (const bool row : {true, false}) {
        auto entries = expected(1e-4, 1e-2);
        for (std::size_t i = 0; i < entries.size(); ++i) {
            entries[i].usual = (row ? i / columns : i % columns) == 0 ? 1e-8 : 1e-4;
        }
        std::vector<double> values = claimed(entries);
        values[0] += 1e-5;
        EXPECT_EQ(judge(values, entries, columns).doubt, Doubt::unusual);
        EXPECT_EQ(judge(claimed(entries), entries, columns).verdict, Verdict::pass);
    }
    const auto entries = expected(1e-4, 1e-2);
    std::vector<double> values = claimed(entries);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += i % 2 == 0 ? 1.5e-4 : -1.5e-4;
    }
    EXPECT_EQ(judge(values, entries, columns).doubt, Doubt::unusual);
}

TEST(Judgement, ARowOrColumnThatCouldBeZerosIsNamedUnlessItIsNegligible) {
    for (const bool row : {true, false}) {
        for (const double times : {2e-3, 1e-5}) {
            auto entries = expected(1e-6, 1e-4);
            for (std::size_t i = 0; i < entries.size(); ++i) {
                if ((row ? i / columns : i % columns) == 2) {
                    entries[i].value *= times;
                    entries[i].usual = entries[i].worst = 1e-3;
                }
            }
            const Judgement judgement = judge(claimed(entries), entries, columns);
            const Doubt doubt = times == 2e-3 ? Doubt::part_hidden : Doubt::none;
            EXPECT_EQ(judgement.doubt, doubt) << row << " " << times;
            EXPECT_EQ(judgement.reason().substr(0, 5), doubt == Doubt::none ? "" : (row ? "row 2" : "colum"));
        }
    }
}

TEST(Judgement, WhatLiesBelowTheFloorIsNoDifference) {
    auto entries = expected(1e-6, 1e-6);
    std::vector<double> values = claimed(entries);
    values[3] += 5e-4;
    EXPECT_EQ(judge(values, entries, columns).verdict, Verdict::fail);
    EXPECT_EQ(judge(values, entries, columns, 1e-3).verdict, Verdict::pass);
    EXPECT_FALSE(judge(values, entries, columns, 1e-3).zero);
    EXPECT_TRUE(judge(values, entries, columns, 100.0).zero);
    EXPECT_GT(judge(claimed(entries), entries, columns).detection_limit, 0.0);
    EXPECT_EQ(judge(claimed(entries), entries, columns, 1e-8).detection_limit, 0.0);
}

TEST(Judgement, AMultipleIsRefutedOfEnoughEntriesWhenLittleElseIsWrongAndItIsUnusual) {
    const auto entries = expected(1e-3, 1e4);
    EXPECT_EQ(judge(claimed(entries, 1.001), entries, columns).verdict, Verdict::pass);
    EXPECT_EQ(judge(claimed(entries, 1.0017), entries, columns).doubt, Doubt::unusual);
    EXPECT_EQ(judge(claimed(entries, 1.1), entries, columns).multiple, 1.1);
    std::vector<double> values = claimed(entries, 1.1);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += i % 2 == 0 ? 0.05 : -0.05;
    }
    EXPECT_EQ(judge(values, entries, columns).doubt, Doubt::unusual);
    const auto few = std::span(entries).first(7);
    values = claimed(entries, 1.1);
    EXPECT_EQ(judge(std::span(values).first(7), few, 1).doubt, Doubt::unusual);
    EXPECT_EQ(judge(std::span(values).first(8), std::span(entries).first(8), 1).verdict, Verdict::fail);
}

TEST(Judgement, WhatIsUsualIsNoMoreThanTheWorst) {
    const auto entries = expected(1e-3, 1e-6);
    EXPECT_NEAR(judge(claimed(entries), entries, columns).detection_limit, 1e-6 * std::sqrt(2.0), 3e-7);
    constexpr double infinite = std::numeric_limits<double>::infinity();
    EXPECT_EQ(expected_entry({.error = {.worst = infinite}, .usual = 1e-9}).usual, infinite);
    EXPECT_EQ(expected_entry({.error = {.worst = 1e-5}, .usual = 1e-9}).usual, 1e-9);
    EXPECT_EQ(expected_entry({.error = {.worst = 1e-190}, .usual = 1e-200}).usual, 1e-190);
}

TEST(Judgement, TermsThatCancelToTheLastDigitsLeaveAZero) {
    auto entries = expected(1e-14, 1e-13);
    for (const double value : {1e-13, 1e-10}) {
        for (ExpectedEntry& entry : entries) {
            entry.value = value;
        }
        const Judgement judgement = judge(claimed(entries), entries, columns);
        EXPECT_EQ(judgement.zero, value == 1e-13);
        EXPECT_EQ(judgement.verdict, Verdict::pass);
    }
}

TEST(Judgement, NumbersWhoseSquaresOverflowAreJudgedLikeOthers) {
    auto entries = expected(1e-6, 1e-4);
    const double limit = judge(claimed(entries), entries, columns).detection_limit;
    for (ExpectedEntry& entry : entries) {
        for (double ExpectedEntry::*part :
             {&ExpectedEntry::value, &ExpectedEntry::size, &ExpectedEntry::usual, &ExpectedEntry::worst}) {
            entry.*part *= 0x1p1000;
        }
    }
    const Judgement judgement = judge(claimed(entries), entries, columns);
    EXPECT_EQ(judgement.verdict, Verdict::pass);
    EXPECT_DOUBLE_EQ(judgement.detection_limit, limit);
    EXPECT_EQ(judge(claimed(entries, 1.1), entries, columns).verdict, Verdict::fail);
}

TEST(Judgement, WhatOverflowsIsSaidToAndNoShareIsNaN) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    for (const double value : {infinite, -infinite, std::numeric_limits<double>::quiet_NaN()}) {
        auto entries = expected(1e-6, 1e-4);
        std::vector<double> values = claimed(entries);
        values[5] = entries[5].value = value;
        const Judgement judgement = judge(values, entries, columns);
        EXPECT_EQ(judgement.doubt, Doubt::overflow);
        EXPECT_EQ(judgement.detection_limit, infinite);
        EXPECT_EQ(judgement.distance, infinite);
        values[6] += 1.0;  // what is wrong beside it is wrong
        EXPECT_EQ(judge(values, entries, columns).verdict, Verdict::fail);
    }
    auto entries = expected(1e-6, 1e-4);
    EXPECT_EQ(judge(claimed(entries), entries, columns, 0.0, 1.0).doubt, Doubt::overflow);  // sizes of 2
    entries = expected(infinite, infinite);
    const Judgement unbounded = judge(claimed(entries), entries, columns);
    EXPECT_EQ(unbounded.doubt, Doubt::no_digits);
    EXPECT_EQ(unbounded.reason().substr(0, 38), "nothing bounds what rounding may do to");
}

}  // namespace
}  // namespace handgrad::certify
