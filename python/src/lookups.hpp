// What Python names by a text, looked up; what is not there is refused with a list of what is. And what a loss is for.
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

/// Raises Error(data) with row and column of the first target outside the loss's domain. NaN is not looked at.
template <class T>
void check_domain(const LossFunction& function, MatrixView<const T> y);

}  // namespace handgrad::python
