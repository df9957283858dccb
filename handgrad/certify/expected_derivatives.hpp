// What every derivative should be by the witness, and how far rounding can move it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/certify/rounding_bound.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::certify {

/// The gradient's entries, a vector for each parameter, and ∂ŷ/∂x of all rows, rows × (K·n).
struct Expectation {
    std::vector<std::vector<BoundedNumber>> parameters;
    std::vector<BoundedNumber> input;
};

/// Of the mean loss over a batch in which row i of `data` stands `times[i]` times (empty: once each); `arithmetic` is
/// that of the engine. ∂ŷ/∂x is that of the rows of `data`.
Expectation expected_derivatives(const BasicMlp<double>& net, const LossFunction& function,
                                 const BasicDataset<double>& data, const Arithmetic& arithmetic,
                                 std::span<const double> times = {});

}  // namespace handgrad::certify
