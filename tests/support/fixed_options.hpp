// Settings of a fit that a test names, so that a new default changes nothing of what it tests.
#pragma once

#include "handgrad/train/fit.hpp"

namespace handgrad {

/// He or Xavier first weights by activation, 32 hidden units, 200 epochs, a fifth held out.
inline FitOptions fixed_options() {
    FitOptions options;
    options.hidden = {32};
    options.conventions.first_weights = FirstWeights::by_activation;
    options.training.epochs = 200;
    options.validation = HeldOut{.fraction = 0.2};
    return options;
}

}  // namespace handgrad
