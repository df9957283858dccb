// The gradient that one would get with a named mistake in the backward pass, with a bound on what rounding may do to
// it.
#pragma once

#include <vector>

#include "handgrad/certify/judgement.hpp"
#include "handgrad/certify/rounding_bound.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::compare {

using certify::Hypothesis;
using certify::Slope;

/// Numbers with what rounding usually does to each at most, kinks included.
struct BoundedNumbers {
    std::vector<double> value;
    std::vector<double> error;
};

/// What becomes of the rows of a batch: each of these sums is one that somebody takes for ∂l/∂b or ∂l/∂W.
struct TensorSums {
    BoundedNumbers all;                           ///< Σ over rows: the gradient
    std::vector<certify::ExpectedEntry> entries;  ///< the same with all that a judgement needs
    BoundedNumbers again;  ///< Σ over rows of the sum so far: the gradient was not set to zero between rows
    BoundedNumbers first;  ///< biases only: of the first row
    BoundedNumbers last;   ///< biases only: of the last row
    BoundedNumbers units;  ///< biases only: of each row, the sum over units
};

/// linear1.weight, linear1.bias, linear2.weight …
struct HypotheticalGradient {
    std::vector<TensorSums> tensors;
    bool finite = true;  ///< otherwise the hypothesis cannot be told from anything
};

/// Of the mean loss over the rows of `data` (by weight where there are weights), computed in double. `unit` is half the
/// distance from 1 to the next number of the precision that the bound is for, that of a foreign arithmetic
/// (certify/rounding_bound.hpp). Rows are summed once more as a plain running sum of that precision: what that loses,
/// theirs may have lost too.
HypotheticalGradient hypothetical_gradient(const BasicMlp<double>& net, const LossFunction& function,
                                           const BasicDataset<double>& data, const Hypothesis& hypothesis, double unit);

}  // namespace handgrad::compare
