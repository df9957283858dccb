// Gradients with a mistake that changes more than a slope: each computed once over all rows, in double, without a
// bound.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::compare {

/// The values of linear1.weight, linear1.bias, linear2.weight …
using GradientValues = std::vector<std::vector<double>>;

/// What the gradient is computed from, and what may stand in its place.
struct GradientProblem {
    const BasicMlp<double>& net;
    LossFunction loss;
    const BasicDataset<double>& data;
    /// The rows as they stand in the table, numbers neither shifted nor scaled; empty where that is not known.
    const BasicDataset<double>* unscaled = nullptr;
    std::vector<double> learning_rates = {};  ///< of an update that may have come too early
    std::vector<std::size_t> batches = {};    ///< sizes of a batch that may have been meant
    GradientValues penalty = {};              ///< of the penalty, which an update moves the weights by too; empty: none
};

/// A mistake, and the gradient that it leads to.
struct Variation {
    Cause cause;
    std::string detail = {};                     ///< of which there are several: the layer, the number, the part
    std::vector<std::size_t> wrong_layers = {};  ///< whose backward pass is not right, from 0
    bool penalised = true;                       ///< the penalty belongs to it as to the right one
    std::function<GradientValues()> gradient;    ///< may be called by several threads
};

/// Without any mistake.
GradientValues right_gradient(const GradientProblem& problem);

/// All variations that can make a difference for this network, loss and table.
std::vector<Variation> variations(const GradientProblem& problem);

}  // namespace handgrad::compare
