// What stands around the network in ONNX: the columns of the table before it, the user's units behind it.
#pragma once

#include <string>

#include "handgrad/export/onnx_graph.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::exports {

/// A graph with the network in it, from columns to what the user wants to know. Raises Error(usage) for columns of
/// dates.
template <class T>
void add_model_of_columns(OnnxGraph& graph, const Model& model, const BasicMlp<T>& net);

extern template void add_model_of_columns(OnnxGraph&, const Model&, const BasicMlp<float>&);
extern template void add_model_of_columns(OnnxGraph&, const Model&, const BasicMlp<double>&);

}  // namespace handgrad::exports
