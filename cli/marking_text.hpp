// What compare --answers tells people: a line for each quantity, each mistake in words, the score.
#pragma once

#include <string>

#include "handgrad/explain/marking.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::cli {

/// At most 100 places wide; the last line is the score.
std::string marking_text(const Marking& marking, const Model& model);

}  // namespace handgrad::cli
