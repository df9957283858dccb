// What compare tells people: a line for each tensor, then each cause in words and what to do about it.
#pragma once

#include <string>

#include "handgrad/explain/comparison.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::cli {

/// At most 100 places wide.
std::string comparison_text(const Comparison& comparison, const Model& model);

}  // namespace handgrad::cli
