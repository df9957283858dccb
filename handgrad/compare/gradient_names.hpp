// Which tensor of somebody's file is which parameter of the network.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "handgrad/data/npz.hpp"

namespace handgrad::compare {

/// For linear1.weight, linear1.bias, linear2.weight … its place in `arrays`. Raises Error(data) that lists what is
/// there and what is expected, unless the names are those, or one numbered family as comparison.hpp says.
std::vector<std::size_t> match_gradient_names(std::span<const NamedArray> arrays, std::size_t layers,
                                              const std::string& source);

}  // namespace handgrad::compare
