// Where a table leaves what the model has learned from: cells beyond the training range of their column.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad {

/// Whether what the network sees of an input lies in the range of the rows that it has learned from.
inline bool within_training_range(const TrainingRows& known, std::size_t input, double x) {
    return x >= known.lowest[input] && x <= known.highest[input];
}

/// A cell whose number lies beyond the lowest or highest that was learned from, or whose category was not.
struct OutsideCell {
    std::size_t row;
    std::size_t feature;  ///< of preprocessing.features
    double beyond;        ///< in widths of the range; infinite where that is a single number, or for a category
};

/// All of them, row after row; none where nothing tells the ranges: in a model from elsewhere, or of a file from before
/// there was this. Raises what apply_preprocessing() raises.
std::optional<std::vector<OutsideCell>> outside_cells(const Model& model, const Table& table,
                                                      const ApplyOptions& options = {.labels = Labels::absent});

/// `column 'age': 130, learned from 18 to 90`, with the cell as the table has it.
std::string outside_text(const Model& model, const Table& table, const OutsideCell& cell);

}  // namespace handgrad
