// What an optimizer remembers, on its way between two trainings, two optimizers or two processes.
#pragma once

#include <vector>

#include "handgrad/store/train_state.hpp"
#include "python/src/network.hpp"

namespace handgrad::python {

/// Moments in the place of their parameters, and the count of steps.
struct OptimizerState {
    std::vector<Network> moments;
    StepCount count;
};

}  // namespace handgrad::python
