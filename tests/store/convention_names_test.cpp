// Names of conventions: each value has one, no two share one, and every field of the struct is listed.
#include "handgrad/store/convention_names.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string_view>

namespace handgrad {
namespace {

template <class Enum>
void expect_one_name_each() {
    std::set<std::string_view> names;
    for (const Named<Enum>& entry : list_of(Enum{})) {
        EXPECT_EQ(name(entry.value), entry.name);
        EXPECT_EQ(find_convention<Enum>(entry.name), entry.value);
        EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    }
    EXPECT_EQ(find_convention<Enum>("no such name"), std::nullopt);
}

TEST(ConventionNames, EachValueIsFoundUnderItsOneName) {
    expect_one_name_each<Kink>();
    expect_one_name_each<Reduction>();
    expect_one_name_each<Penalty>();
    expect_one_name_each<AdamEpsilon>();
    expect_one_name_each<Momentum>();
    expect_one_name_each<FirstWeights>();
}

TEST(ConventionNames, EveryFieldIsVisitedUnderItsOwnName) {
    // Each preset comes back from the names of its fields.
    for (const Conventions& preset : convention_presets) {
        std::map<std::string_view, std::string_view> texts;
        for_each_convention(preset, [&](std::string_view field, auto value) { texts[field] = name(value); });
        Conventions copy;
        copy.name = preset.name;
        for_each_convention(copy, [&](std::string_view field, auto& value) {
            value = *find_convention<std::remove_reference_t<decltype(value)>>(texts.at(field));
        });
        EXPECT_TRUE(copy == preset) << preset.name;
    }
}

TEST(ConventionNames, TheListsAreKnownWhileCompiling) {
    static_assert(name(Reduction::half_sum) == "half_sum");
    static_assert(find_convention<Kink>("nearest_zero") == Kink::nearest_zero);
}

}  // namespace
}  // namespace handgrad
