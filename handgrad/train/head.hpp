// What stands at a network's end: the last activation and the loss that it is trained by.
#pragma once

#include "handgrad/math/activations.hpp"
#include "handgrad/math/losses.hpp"

namespace handgrad {

struct Head {
    Activation output;
    Loss loss;
};

/// The output activation that a loss of a regression goes with: under it every answer in the loss's domain is f(z) of
/// some z.
Activation output_for(Loss loss);

/// Raises Error(usage) naming both when the values of this output activation leave the domain of this loss (identity
/// with binary_cross_entropy, whose logarithm needs 0 < yhat < 1).
void check_pair(Activation output, Loss loss);

}  // namespace handgrad
