// The gradient flow of a training while it goes on: what diagnose() measures of each layer, epoch by epoch, cheaply.
#pragma once

#include <cstddef>

#include "handgrad/nn/passes.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::diagnose {

/// So many training rows are measured on, the first in the order of the data set: one block, whatever its size.
inline constexpr std::size_t flow_rows = 256;

/// For FitCallbacks::measure. The first call takes the first weights, from which `moved` is measured. One forward and
/// one backward pass over at most flow_rows rows in the plain loops of nn/; changes nothing in the training.
FlowMeter gradient_flow(const LossFunction& function);

}  // namespace handgrad::diagnose
