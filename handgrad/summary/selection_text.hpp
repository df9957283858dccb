// What cross-validation and search read like as plain text, at most 80 places wide unless names are long.
#pragma once

#include <string>

#include "handgrad/select/cross_validation.hpp"

namespace handgrad::summary {

/// How the rows were dealt: `5 folds, each with its share of every class`.
std::string folds_text(const select::FoldOptions& how, Task task, const std::string& group);

/// The scores of each fold with a picture, their mean and spread.
std::string cross_validation_text(const select::CrossValidation& result);

}  // namespace handgrad::summary
