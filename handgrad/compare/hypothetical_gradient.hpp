// The gradient that one would get with a named mistake in the backward pass, with a bound on what rounding may do to
// it.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <utility>
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
    BoundedNumbers again;         ///< Σ over rows of the sum so far: the gradient was not set to zero between rows
    BoundedNumbers first;         ///< biases only: of the first row
    BoundedNumbers last;          ///< biases only: of the last row
    BoundedNumbers units;         ///< biases only: of each row, the sum over units
    std::vector<double> penalty;  ///< what of `all` is the penalty's; empty: nothing
};

/// linear1.weight, linear1.bias, linear2.weight …
struct HypotheticalGradient {
    std::vector<TensorSums> tensors;
    bool finite = true;  ///< otherwise the hypothesis cannot be told from anything
};

/// Gradients of the mean loss over the rows of `data` (by weight where there are weights), computed in double. `unit`
/// is half the distance from 1 to the next number of the precision that the bound is for, that of a foreign arithmetic
/// (certify/rounding_bound.hpp). Rows are summed once more as a plain running sum of that precision: what that loses,
/// theirs may have lost too. The network, function and data must outlive it.
class HypotheticalGradients {
public:
    HypotheticalGradients(const BasicMlp<double>& net, const LossFunction& function, const BasicDataset<double>& data,
                          double unit)
        : net_(net), function_(function), data_(data), unit_(unit) {}

    /// Sums are left empty in layers that are not in `wanted` (all of them when that is empty).
    HypotheticalGradient operator()(const Hypothesis& hypothesis, const std::vector<bool>& wanted = {});
    /// Of several, side by side on so many threads, in their order.
    std::vector<HypotheticalGradient> operator()(std::span<const Hypothesis* const> hypotheses,
                                                 const std::vector<bool>& wanted, std::size_t threads);

private:
    using OutputBounds = std::vector<std::vector<certify::UnitBound>>;
    using Key = std::pair<Slope, bool>;
    HypotheticalGradient compute(const Hypothesis& hypothesis, const std::vector<bool>& wanted,
                                 const OutputBounds* known, OutputBounds& found) const;

    const BasicMlp<double>& net_;
    const LossFunction& function_;
    const BasicDataset<double>& data_;
    double unit_;
    /// Bounds of the last layer of each row, most of the work, by all that they depend on: output slope and kinks.
    std::map<Key, OutputBounds> of_output_;
};

}  // namespace handgrad::compare
