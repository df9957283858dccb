// Whether a checkpoint is of the training that these settings and tables ask for.
#pragma once

#include <cstddef>

#include "handgrad/train/fit.hpp"

namespace handgrad {

/// Raises Error(usage) with a line for each setting and table that differs, `options` being those that fit() decided.
void refuse_another_training(const Model& checkpoint, const Table& table, const FitOptions& options);

/// Whether it is of the second training, on all rows.
bool in_the_second(const Model* checkpoint);
/// Whole epochs that the training of a checkpoint has done; 0 without one.
std::size_t epochs_done(const Model* checkpoint);

}  // namespace handgrad
