// What compare --answers tells people: a line for each quantity, each mistake in words, the score.
#pragma once

#include <string>

#include "handgrad/compare/marking.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/setting.hpp"

namespace handgrad::cli {

/// --tolerance of the verbs that mark. Half a number and twice a number have to stay mistakes.
inline constexpr SettingRange tolerance_range{.lowest = 0.0, .highest = 0.25};
inline constexpr const char* tolerance_help =
    "how far numbers may be off, relative (by the digits that the sheet asks for: half a unit of the last; 0.005 for "
    "3)";

/// At most 100 places wide; the last line is the score.
std::string marking_text(const compare::Marking& marking, const Model& model);

}  // namespace handgrad::cli
