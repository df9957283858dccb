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

/// The witness's derivatives of each row with a share of 1: the same in every arithmetic, and in every batch that the
/// row stands in. `with_input`: ∂ŷ/∂x too. The same numbers for any `threads`.
std::vector<RowDerivatives> witnessed_rows(const BasicMlp<double>& net, const LossFunction& function,
                                           const BasicDataset<double>& data, bool with_input, std::size_t threads);

/// The gradient's entries, a vector for each parameter, and ∂ŷ/∂x of all rows, rows × (K·n).
struct Expectation {
    std::vector<std::vector<BoundedNumber>> parameters;
    std::vector<BoundedNumber> input;
};

/// What expected_derivatives() is asked for.
struct Expected {
    std::span<const double> times = {};  ///< row i of the data stands so many times in the batch; empty: once each
    bool input = true;                   ///< ∂ŷ/∂x of the rows of the data too
    std::size_t threads = 1;             ///< the numbers are the same for any
};
/// Of the mean loss over a batch of the rows of `data`; `found` is what witnessed_rows() has of them, and `arithmetic`
/// that of the engine.
Expectation expected_derivatives(const BasicMlp<double>& net, const LossFunction& function,
                                 const BasicDataset<double>& data, std::span<const RowDerivatives> found,
                                 const Arithmetic& arithmetic, const Expected& wanted);

}  // namespace handgrad::certify
