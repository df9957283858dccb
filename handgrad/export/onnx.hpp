// A model as ONNX, and its derivatives as graphs of their own beside it.
#pragma once

#include <string>
#include <vector>

#include "handgrad/store/model.hpp"

namespace handgrad::exports {

struct OnnxOptions {
    std::string name{};        ///< of the graph: what the file is called, without its ending
    bool raw = false;          ///< from the columns of the table to the user's units, or labels and probabilities
    bool derivatives = false;  ///< also the graphs of derivatives
};

/// One graph: what stands before the file's name (`jac_` …, nothing before the model itself), and its bytes.
struct OnnxFile {
    std::string prefix;
    std::string bytes;
};

/// The model: `x` (batch × n) in its own type of numbers to `yhat` (batch × K). With `raw` one input for each column of
/// the table (batch × 1), doubles or texts, to `prediction` in the user's units (doubles), or `label` (texts, or int64)
/// and `probabilities`, or `probabilities` of yes; NaN is a missing number, "" a missing text. Derivatives by `x`, in
/// the names that CasADi looks for: `jac_` ∂ŷ/∂x, `fwd_` (∂ŷ/∂x) d, `adj_` v ∂ŷ/∂x, `jac_adj_` ∂²(v ŷ)/∂x². Each has
/// the lowest opset that has its operators. Activations are ONNX's where runtimes have them, else, as all derivatives,
/// what the formulas of math/ did, recorded. Raises Error(usage) where both are asked for, for columns that do not fit
/// the network, and for columns of dates.
std::vector<OnnxFile> onnx(const Model& model, const OnnxOptions& options);

}  // namespace handgrad::exports
