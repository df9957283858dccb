// Holding rows out by chance: sizes, completeness, repeatability, and fractions that make no sense.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

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

std::vector<std::size_t> held_of_each(const Split& split, const std::vector<std::uint32_t>& labels) {
    std::vector<std::size_t> counts(*std::ranges::max_element(labels) + 1);
    for (const std::size_t row : split.held_out) {
        ++counts[labels[row]];
    }
    return counts;
}

TEST(Split, OfEachStratumItsShareAndNoneIsEmptied) {
    // 20 of 0, 7 of 1, 2 of 2, 1 of 3: of 29 that can spare a row, shares of 6 are 4.14, 1.45, 0.41.
    std::vector<std::uint32_t> strata(20, 0);
    strata.insert(strata.end(), {1, 1, 1, 1, 1, 1, 1, 2, 2, 3});
    EXPECT_EQ(held_of_each(split_by_strata(all_rows(30), strata, 0.2, stream), strata), (Rows{4, 2, 0, 0}));
    EXPECT_EQ(held_of_each(split_by_strata(all_rows(30), strata, 0.9, stream), strata), (Rows{19, 6, 1, 0}));
    const std::vector<std::uint32_t> singles{0, 1, 2, 3};
    EXPECT_TRUE(split_by_strata(all_rows(4), singles, 0.5, stream).held_out.empty());
    const std::vector<std::uint32_t> one(30, 0);
    EXPECT_EQ(split_by_strata(all_rows(30), one, 0.3, stream).held_out, split_rows(all_rows(30), 0.3, stream).held_out);
}

RC_GTEST_PROP(Split, GroupsStayTogetherAndNeitherPartIsEmpty, (std::uint64_t seed)) {
    const std::size_t count = *rc::gen::inRange<std::size_t>(4, 60);
    std::vector<std::uint32_t> groups;
    for (std::size_t row = 0; row < count; ++row) {
        groups.push_back(*rc::gen::inRange<std::uint32_t>(0, 6));
    }
    RC_PRE(std::ranges::adjacent_find(groups, std::not_equal_to{}) != groups.end());
    const Split split = split_by_groups(all_rows(count), groups, 0.3, RandomStream(seed, Purpose::test_split));
    RC_ASSERT(!split.kept.empty() && !split.held_out.empty());
    for (const std::size_t out : split.held_out) {
        RC_ASSERT(std::ranges::none_of(split.kept, [&](std::size_t in) { return groups[in] == groups[out]; }));
    }
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
