// The values of options: texts from the command line or a configuration file, turned into numbers, names and lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/train/setting.hpp"

namespace handgrad::cli {

/// What was given for one option: the texts and where they stand (`--batch`, or `run.toml:3: batch`), for messages.
struct Given {
    std::string place;
    std::vector<std::string> values;  ///< in the order given; one for each time the option was used
    bool separate = false;            ///< elements of a list already taken apart (an array in a configuration file)
};

/// Raises Error(usage).
[[noreturn]] void usage_error(const std::string& message);

/// Takes what was given for an option. Raises Error(usage) beginning with the place when it makes no sense.
using Setter = std::function<void(const Given&)>;

/// Setters for the usual kinds of value.
Setter into(std::string& value);
Setter into(double& value, SettingRange range = {});
Setter into(std::optional<double>& value, SettingRange range = {});
Setter into(std::size_t& value, std::size_t lowest);
Setter into_seed(std::uint64_t& value);
Setter into(bool& flag);
Setter into(std::optional<bool>& flag);
/// A list: separated by commas, an element with a comma in it in double quotes; repeating the option adds to it.
Setter into(std::vector<std::string>& list);
/// One of `names`; takes the name's position in them.
Setter into_choice(std::vector<std::string> names, std::function<void(std::size_t)> take);

/// Parsing of single texts; each raises Error(usage) beginning with `place`.
double parse_real(const std::string& place, const std::string& text, SettingRange range = {});
std::size_t parse_count(const std::string& place, const std::string& text, std::size_t lowest = 0);
std::size_t parse_choice(const std::string& place, const std::string& text, const std::vector<std::string>& names);
std::vector<std::string> parse_list(const Given& given);
/// The last value; more than one raises Error(usage), since it is unclear which was meant.
const std::string& only_value(const Given& given);

}  // namespace handgrad::cli
