// What the rows of each class count in the loss of a classification: by the sizes of the classes, or as a file says.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {

/// Of each class of `columns` by FitOptions::class_weight; none where that is empty. Balanced is n/(K n_c) of the rows
/// that are learned from, each counted by its weight as scikit-learn's compute_class_weight() does: n of all, n_c of
/// the class, K classes that have any; one that has none weighs 1. A file is a table of two columns, `class` and
/// `weight`, with a positive number for each class. Raises Error(usage) for a task without classes, Error(data) with
/// place and cause for a class that the table lacks or has twice, that is none of these, or whose weight is not
/// positive and finite; Error(io).
std::vector<double> class_weights(const std::string& choice, const Preprocessing& columns, const Table& table,
                                  std::span<const std::size_t> learned);

}  // namespace handgrad
