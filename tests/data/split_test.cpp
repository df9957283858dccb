// Holding rows out by chance: sizes, completeness, repeatability, and fractions that make no sense.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "handgrad/data/preprocessing.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using Rows = std::vector<std::size_t>;

const RandomStream stream(0, Purpose::validation_split);

std::string error(std::size_t rows, double fraction) {
    return raised([&] { split_rows(all_rows(rows), fraction, stream); });
}

TEST(Split, AllRowsCountFromZero) {
    EXPECT_EQ(all_rows(3), (Rows{0, 1, 2}));
    EXPECT_TRUE(all_rows(0).empty());
}

TEST(Split, TheFractionIsRoundedToTheNearestRowButAtLeastOne) {
    EXPECT_EQ(split_rows(all_rows(10), 0.24, stream).held_out.size(), 2);
    EXPECT_EQ(split_rows(all_rows(10), 0.26, stream).held_out.size(), 3);
    EXPECT_EQ(split_rows(all_rows(10), 0.001, stream).held_out.size(), 1);
    EXPECT_EQ(split_rows(all_rows(2), 0.5, stream).kept.size(), 1);
}

TEST(Split, SeedAndPurposeDecideWhichRows) {
    const Rows rows = all_rows(100);
    const Rows held_out = split_rows(rows, 0.2, stream).held_out;
    EXPECT_EQ(held_out, split_rows(rows, 0.2, RandomStream(0, Purpose::validation_split)).held_out);
    EXPECT_NE(held_out, split_rows(rows, 0.2, RandomStream(1, Purpose::validation_split)).held_out);
    EXPECT_NE(held_out, split_rows(rows, 0.2, RandomStream(0, Purpose::test_split)).held_out);
}

RC_GTEST_PROP(Split, EveryRowIsInExactlyOnePartInTableOrder, (std::uint64_t seed)) {
    const Rows rows = *rc::gen::suchThat(rc::gen::unique<Rows>(rc::gen::inRange<std::size_t>(0, 1000)),
                                         [](const Rows& some) { return some.size() >= 4; });
    const Split split = split_rows(rows, 0.3, RandomStream(seed, Purpose::test_split));
    RC_ASSERT(std::is_sorted(split.kept.begin(), split.kept.end()));
    RC_ASSERT(std::is_sorted(split.held_out.begin(), split.held_out.end()));
    Rows both(rows.size());
    std::merge(split.kept.begin(), split.kept.end(), split.held_out.begin(), split.held_out.end(), both.begin());
    Rows sorted = rows;
    std::sort(sorted.begin(), sorted.end());
    RC_ASSERT(both == sorted);
}

TEST(Split, FractionsOutsideZeroToOneAreUsageErrors) {
    EXPECT_EQ(error(10, 0.0), "usage: the fraction of rows to hold out must lie between 0 and 1, not be 0");
    EXPECT_EQ(error(10, 1.0), "usage: the fraction of rows to hold out must lie between 0 and 1, not be 1");
    EXPECT_EQ(error(10, -0.5), "usage: the fraction of rows to hold out must lie between 0 and 1, not be -0.5");
    EXPECT_EQ(error(10, std::nan("")), "usage: the fraction of rows to hold out must lie between 0 and 1, not be nan");
}

TEST(Split, BothPartsNeedARow) {
    const std::string advice = " leaves none to train on; hold out less, or give more rows {validation=0, test=0}";
    EXPECT_EQ(error(1, 0.2), "data: holding out 0.2 of 1 row" + advice);
    EXPECT_EQ(error(3, 0.9), "data: holding out 0.9 of 3 rows" + advice);
    EXPECT_EQ(error(0, 0.5), "data: holding out 0.5 of 0 rows" + advice);
}

}  // namespace
}  // namespace handgrad
