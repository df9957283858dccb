// Which rows somebody's gradient is of: those in double, or those rounded to float.
#pragma once

#include <span>
#include <string>

#include "handgrad/compare/comparison.hpp"

namespace handgrad::compare {

/// `data`, or `to.rounded` when the right gradient of those rows is nearer to theirs, by all tensors together.
const BasicDataset<double>& nearer_rows(const BasicMlp<double>& net, const LossFunction& function,
                                        const BasicDataset<double>& data, std::span<const NamedArray> theirs,
                                        const std::string& source, const ComparedTo& to);

/// Whether a comparison as if in float may have missed mistakes that are too small to be seen in float, or in too few
/// numbers to be told from chance by float digits.
bool may_hide_mistakes(const Comparison& comparison);

/// Fewer tensors that do not pass, and of those fewer without a name.
bool is_better_understood(const Comparison& one, const Comparison& other);

}  // namespace handgrad::compare
