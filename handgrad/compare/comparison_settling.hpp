// Settles a comparison once the search is over: what the tensors of one file tell of each other.
#pragma once

#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/hypothetical_gradient.hpp"
#include "handgrad/compare/penalty_causes.hpp"
#include "handgrad/compare/settling.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::compare {

/// What the search had before it, and what it found.
struct SearchedTensors {
    const BasicMlp<double>& net;
    const LossFunction& function;
    const BasicDataset<double>& data;
    const UnitPenalty& penalty;
    const HypotheticalGradient& right;      ///< with the model's penalty
    const std::vector<Compared>& compared;  ///< in the order of the tensors of the comparison
};

/// Names the cause of each tensor that does not pass and the place to look where none fits, withdraws what agrees by
/// accident, and gives the verdict on the whole. `comparison` has a judgement of each tensor and the digits of all.
void settle_comparison(const SearchedTensors& searched, Comparison& comparison);

}  // namespace handgrad::compare
