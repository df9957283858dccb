// What Python names by a text, looked up; what is not there is refused with a list of what is.
#pragma once

#include <string>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/conventions.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::python {

/// All raise Error(usage).
Activation activation_named(const std::string& name);
LossFunction loss_named(const std::string& name);
LossFunction loss_named(const std::string& name, double huber_delta, double quantile);
const Conventions& conventions_named(const std::string& name);

}  // namespace handgrad::python
