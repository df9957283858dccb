// What a model remembers of the optimizer that trained it.
#pragma once

#include <optional>

#include "handgrad/store/model.hpp"
#include "handgrad/train/optimizer.hpp"

namespace handgrad {

/// The optimizer that a model was trained with, as far as its provenance says so; none for a model from elsewhere.
std::optional<OptimizerOptions> recorded_optimizer(const Model& model);

}  // namespace handgrad
