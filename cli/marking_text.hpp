// What compare --answers tells people: a line for each quantity, each mistake in words, the score.
#pragma once

#include <string>

#include "handgrad/compare/marking.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::cli {

/// At most 100 places wide; the last line is the score.
std::string marking_text(const compare::Marking& marking, const Model& model);

}  // namespace handgrad::cli
