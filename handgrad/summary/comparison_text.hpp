// What compare tells people: a line for each tensor, then each cause in words and what to do about it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::summary {

/// One sentence on what is wrong and where to put it right. `wrong_layers`: whose slope is not right, from 0; `rows` of
/// the batch.
std::string remedy(compare::Cause cause, const std::vector<std::size_t>& wrong_layers, std::size_t rows,
                   const Model& model);

/// `[1, 0]`.
std::string index_text(const std::vector<std::size_t>& where);

/// Appends `text` wrapped at blanks to 100 places, each line indented.
void add_wrapped(std::string& to, std::string_view text, std::size_t indent);

/// At most 100 places wide.
std::string comparison_text(const compare::Comparison& comparison, const Model& model);

/// `PASS`, or `PASS (zero)` of a tensor that is 0 by structure.
std::string verdict_text(const certify::Judgement& judgement);
/// The smallest error that would have been seen, as a share of the tensor: `0.0003`, or `nothing`.
std::string detection_text(const certify::Judgement& judgement);

}  // namespace handgrad::summary
