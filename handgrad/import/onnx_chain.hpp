// A graph of ONNX that is a chain of layers, as a network.
#pragma once

#include <string>

#include "handgrad/import/foreign_network.hpp"
#include "handgrad/import/onnx_reader.hpp"

namespace handgrad::imports {

/// Raises Error(model) naming the node that is no layer of a chain, and what can stand in one.
ForeignNetwork network_of_chain(OnnxGraphRead graph, const std::string& source);

}  // namespace handgrad::imports
