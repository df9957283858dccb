// A formula of math/ as nodes of ONNX: it runs on the number that writes, and its steps become operators.
#pragma once

#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "handgrad/export/onnx_graph.hpp"
#include "handgrad/export/recording.hpp"
#include "handgrad/export/written_number.hpp"

namespace handgrad::exports {

/// The nodes of the last result of a recording whose arguments are names in the graph; where it is. What math/ does
/// with the bits of a number has no operator: exp, log and tanh are those of ONNX, log(1 + x) and 1 − tanh² are taken
/// from exp and log, and whatever else calls functions of elementary.hpp is put together from their own steps. A fused
/// product rounds once more here.
template <class T>
std::string drawn_recording(OnnxGraph& graph, const Recording& recording);

/// `formula` of these tensors, entry by entry.
template <class T, class Formula, class... Names>
std::string drawn(OnnxGraph& graph, const Formula& formula, const Names&... arguments) {
    FunctionSet functions("", sizeof(T) == sizeof(double));
    Recording recording(functions);
    formula(Written<T>::argument(recording, arguments)...).into(recording, "return");
    return drawn_recording<T>(graph, recording);
}

extern template std::string drawn_recording<float>(OnnxGraph&, const Recording&);
extern template std::string drawn_recording<double>(OnnxGraph&, const Recording&);

}  // namespace handgrad::exports
