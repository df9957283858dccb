// The wrong backward passes that are tried, those with the fewest causes first.
#pragma once

#include <string>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/hypothetical_gradient.hpp"

namespace handgrad::compare {

struct WrongPass {
    Hypothesis hypothesis;
    std::vector<Cause> causes;                   ///< in the order of Cause
    std::vector<std::size_t> wrong_layers = {};  ///< whose slope is not right, from 0
    std::string detail = {};
};

/// The right one, then all with one cause or two that can make a difference in a network of this shape: the other
/// convention at kinks; ∂ŷ/∂z missing or taken at ŷ; f′ missing or taken at the activation, in one hidden layer or in
/// all.
std::vector<WrongPass> wrong_passes(const Architecture& shape);

/// Whether any z of these rows x (rows × n) stands where the conventions of a kink differ: elsewhere the other one
/// gives the same gradient.
bool stands_at_kink(const BasicMlp<double>& net, const Matrix<double>& x);

}  // namespace handgrad::compare
