// The settings that a model was trained with, as values by name: what its file keeps of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace handgrad {

/// Nothing chosen, yes or no, a whole number, a number, a name or text, or a list. An empty list is one of texts.
using SettingValue = std::variant<std::monostate, bool, std::uint64_t, double, std::string, std::vector<std::uint64_t>,
                                  std::vector<std::string>>;
/// By the names of train/settings.hpp, which says what they mean.
using SettingValues = std::map<std::string, SettingValue>;

/// The values as a JSON text, and back. Bytes that are not UTF-8 are replaced. The first raises Error(data) for a
/// number that is not finite, the second Error(model) beginning with `place` for a text that is none.
std::string setting_values_text(const SettingValues& values);
SettingValues read_setting_values(const std::string& text, const std::string& place);

}  // namespace handgrad
