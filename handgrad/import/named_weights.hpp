// Layers from arrays by their names.
#pragma once

#include <span>
#include <string>

#include "handgrad/data/npz.hpp"
#include "handgrad/import/foreign_network.hpp"

namespace handgrad::imports {

/// Layers in the order of the numbers in the names of their weights, or where those do not fit each other in the order
/// of the file; out × in or in × out as they fit, and where both do by the name. Raises Error(model) listing the arrays
/// where none are weights, and naming the one that does not fit.
ForeignNetwork network_of_arrays(std::span<const NamedArray> arrays, const std::string& source);

}  // namespace handgrad::imports
