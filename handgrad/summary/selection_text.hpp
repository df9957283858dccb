// What cross-validation and search read like as plain text, at most 80 places wide unless names are long.
#pragma once

#include <string>

#include "handgrad/select/cross_validation.hpp"
#include "handgrad/select/tuning.hpp"

namespace handgrad::summary {

/// How the rows were dealt: `5 folds, each with its share of every class`.
std::string folds_text(const selection::FoldOptions& how, Task task, const std::string& group);

/// The scores of each fold with a picture, their mean and spread.
std::string cross_validation_text(const selection::CrossValidation& result);

/// What was searched, how far, and the best trials with their settings and a picture; the failures with their reasons,
/// and what the best score is worth. At most 100 places.
std::string tuning_text(const selection::Tuning& tuning);

}  // namespace handgrad::summary
