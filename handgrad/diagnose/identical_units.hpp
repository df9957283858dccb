// Hidden units that are copies of each other: same weights in, same bias, same weights out, so that their gradients are
// the same too and no training ever tells them apart.
#pragma once

#include <vector>

#include "handgrad/nn/mlp.hpp"

namespace handgrad::diagnose {

/// For each layer the share of its units that have a copy in it, bit by bit; 0 for the last, whose outputs are told
/// apart by their targets. Units with no weight but 0, in or out, do not count: small weights are what ails them.
template <class T>
std::vector<double> identical_units(const BasicMlp<T>& net);

}  // namespace handgrad::diagnose
