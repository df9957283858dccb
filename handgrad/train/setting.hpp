// What is to be known of one setting, beside its type and its default value.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace handgrad {

/// Limits of a number, ends included unless said otherwise; never infinite.
struct SettingRange {
    double lowest = -std::numeric_limits<double>::infinity();
    double highest = std::numeric_limits<double>::infinity();
    bool without_lowest = false;
    bool without_highest = false;

    [[nodiscard]] bool contains(double x) const {
        const bool above = without_lowest ? x > lowest : x >= lowest;
        const bool below = without_highest ? x < highest : x <= highest;
        return std::isfinite(x) && above && below;
    }
};
/// `above 0`, `from 0 to 1 (not itself)` …
std::string describe(const SettingRange& range);

enum class SettingGroup { table, network, training };

/// What is to be known of a setting beside its type and its default value, which are those of its field.
struct Setting {
    std::string_view name;  ///< `learning_rate`, fixed: it stands in model and configuration files
    SettingGroup group;
    std::string_view help;              ///< one line; `{}` stands for the names of a choice
    std::string_view value = {};        ///< what stands for its value in a help text, `RATE`; empty for yes and no
    std::string_view other_names = {};  ///< `lr,eta`
    std::string_view otherwise = {};    ///< what holds when nobody says, where the default value does not tell it
    SettingRange range = {};            ///< of a number, and of each number of a list
    std::string_view since = "0.1.0";
};

}  // namespace handgrad
