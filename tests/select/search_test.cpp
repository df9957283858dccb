// Points of a search against scipy's, and which values a dimension takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "handgrad/base/error.hpp"
#include "handgrad/select/search_points.hpp"
#include "handgrad/select/search_space.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::selection {
namespace {

using testing::HasSubstr;

// scipy 1.10.1: scipy.stats.qmc.Sobol(12, scramble=False).random(8)[2:]
TEST(SearchPoints, AreThoseOfSobolAsScipyHasThem) {
    constexpr std::array<std::array<double, 12>, 6> expected{
        {{0.75, 0.25, 0.25, 0.25, 0.75, 0.75, 0.25, 0.75, 0.75, 0.75, 0.75, 0.75},
         {0.25, 0.75, 0.75, 0.75, 0.25, 0.25, 0.75, 0.25, 0.25, 0.25, 0.25, 0.25},
         {0.375, 0.375, 0.625, 0.875, 0.375, 0.125, 0.375, 0.875, 0.875, 0.625, 0.875, 0.375},
         {0.875, 0.875, 0.125, 0.375, 0.875, 0.625, 0.875, 0.375, 0.375, 0.125, 0.375, 0.875},
         {0.625, 0.125, 0.875, 0.625, 0.625, 0.875, 0.125, 0.125, 0.125, 0.375, 0.125, 0.625},
         {0.125, 0.625, 0.375, 0.125, 0.125, 0.375, 0.625, 0.625, 0.625, 0.875, 0.625, 0.125}}};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        for (std::size_t d = 0; d < most_dimensions; ++d) {
            EXPECT_EQ(sobol(static_cast<std::uint32_t>(i + 2), d) * 0x1p-32, expected[i][d]) << i << " " << d;
        }
    }
    // further on: scipy.stats.qmc.Sobol(12, scramble=False).random(1000)[999]
    EXPECT_EQ(sobol(999, 0) * 0x1p-32, 0.1572265625);
    EXPECT_EQ(sobol(999, 7) * 0x1p-32, 0.7119140625);
    EXPECT_EQ(sobol(999, 11) * 0x1p-32, 0.4423828125);
}

TEST(SearchPoints, OfEachBlockLieOneInEachSliceWhateverTheShift) {
    for (const std::uint64_t seed : {0U, 5U}) {
        for (std::size_t d = 0; d < most_dimensions; ++d) {
            std::set<int> slices;
            for (std::size_t i = 0; i < 64; ++i) {
                const double u = search_point(SearchMethod::sobol, i, most_dimensions, seed)[d];
                EXPECT_TRUE(u > 0.0 && u < 1.0);
                slices.insert(static_cast<int>(u * 64.0));
            }
            EXPECT_EQ(slices.size(), 64U) << d;
        }
    }
    EXPECT_NE(search_point(SearchMethod::sobol, 3, 2, 0), search_point(SearchMethod::sobol, 3, 2, 1));
    EXPECT_NE(search_point(SearchMethod::random, 3, 2, 0), search_point(SearchMethod::random, 4, 2, 0));
}

TEST(SearchSpace, TakesListsAndRanges) {
    const Dimension hidden = parse_dimension("hidden=8,32x16,none", "search");
    ASSERT_EQ(hidden.values.size(), 3U);
    EXPECT_EQ(setting_text(hidden.at(0.1)), "8");
    EXPECT_EQ(setting_text(hidden.at(0.5)), "32,16");
    EXPECT_EQ(setting_text(hidden.at(0.9)), setting_text(parse_dimension("hidden=none", "search").values[0]));
    const Dimension rate = parse_dimension("lr=1e-4..1e-2", "search");
    EXPECT_EQ(rate.setting, "learning_rate");
    EXPECT_EQ(std::get<double>(rate.at(0.5)), 1e-3);
    EXPECT_EQ(std::get<double>(rate.at(1e-12)), 1e-4);
    EXPECT_EQ(std::get<double>(rate.at(1.0 - 1e-12)), 1e-2);
    const Dimension width = parse_dimension("hidden=2..4", "search");
    std::set<std::string> widths;
    for (double u = 0.01; u < 1.0; u += 0.01) {
        widths.insert(setting_text(width.at(u)));
    }
    EXPECT_EQ(widths, (std::set<std::string>{"2", "3", "4"}));
    EXPECT_EQ(width.count(), 3U);
    EXPECT_FALSE(rate.count());
    const Dimension momentum = parse_dimension("momentum=0..0.9", "search");
    EXPECT_EQ(std::get<double>(momentum.at(0.5)), 0.45);
}

TEST(SearchSpace, HasAllItsCombinationsWhereTheyAreFew) {
    const std::vector<Dimension> space{parse_dimension("hidden=2,3", "s"),
                                       parse_dimension("optimizer=adam,sgd,adamw", "s")};
    const std::vector<SettingValues> all = all_combinations(space, 6);
    ASSERT_EQ(all.size(), 6U);
    EXPECT_EQ(std::get<std::string>(all[1].at("optimizer")), "sgd");
    EXPECT_EQ(setting_text(all[5].at("hidden")), "3");
    EXPECT_TRUE(all_combinations(space, 5).empty());
}

TEST(SearchSpace, IsTheUsualOneButForWhatIsFixed) {
    const FitOptions options;
    EXPECT_EQ(usual_space(options, 500, {}).size(), 6U);
    const std::vector<std::string> fixed{"hidden", "batch"};
    for (const Dimension& dimension : usual_space(options, 500, fixed)) {
        EXPECT_TRUE(std::ranges::find(fixed, dimension.setting) == fixed.end());
    }
    EXPECT_EQ(usual_space(options, 20, {}).back().values.size(), 1U);  // no batch larger than half the table but 16
}

std::string refused(const std::string& text) {
    try {
        parse_dimension(text, "search");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        return error.what();
    }
    return "accepted";
}

TEST(SearchSpace, SaysWhatCannotBeSearched) {
    EXPECT_THAT(refused("hiden=3"),
                HasSubstr("search: 'hiden' cannot be searched (did you mean 'hidden'?); choose from"));
    EXPECT_THAT(refused("seed=1,2"), HasSubstr("'seed' cannot be searched"));
    EXPECT_THAT(refused("hidden"), HasSubstr("is not NAME=VALUES"));
    EXPECT_THAT(refused("hidden="), HasSubstr("no values are named"));
    EXPECT_THAT(refused("hidden=8,,16"), HasSubstr("has a value that is empty"));
    EXPECT_THAT(refused("hidden=8,8"), HasSubstr("'8' is named twice"));
    EXPECT_THAT(refused("hidden=8,x"), HasSubstr("is not a whole number"));
    EXPECT_THAT(refused("learning-rate=0.1..0.01"), HasSubstr("the range 0.1..0.01 is empty"));
    EXPECT_THAT(refused("learning-rate=0.1..0.1"), HasSubstr("is empty"));
    EXPECT_THAT(refused("weight-decay=0..1"), HasSubstr("has no 0: begin above it, or list values: weight_decay=0,1"));
    EXPECT_THAT(refused("learning-rate=a..b"), HasSubstr("'a' is not a number"));
    EXPECT_THAT(refused("learning-rate=-1,2"), HasSubstr("learning_rate"));
    EXPECT_THAT(refused("momentum=0..1"), HasSubstr("momentum"));
    EXPECT_THAT(refused("hidden=2.5..7"), HasSubstr("whole numbers"));
    EXPECT_THAT(refused("optimizer=a..b"), HasSubstr("has names and no range"));
    EXPECT_THAT(refused("optimizer=adam,adm"), HasSubstr("adm"));
}

}  // namespace
}  // namespace handgrad::selection
