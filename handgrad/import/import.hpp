// Networks of other programs as models: PyTorch's weights, NPZ, and ONNX.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/math/activations.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::imports {

/// What files of weights alone do not say.
struct ImportOptions {
    std::vector<Activation> hidden = {};     ///< one of all hidden layers, or one for each
    std::optional<Activation> output = {};   ///< else that of the file, or identity
    std::optional<double> leaky_slope = {};  ///< else that of the file, or 0.01
    std::vector<std::string> inputs = {};    ///< names of columns; else x1, x2 …
    std::vector<std::string> targets = {};   ///< else y, or y1, y2 …; of classes one
};

struct Imported {
    Model model;
    std::vector<std::string> notices;  ///< what was assumed, and what of the file was left out
};

/// A model from a file of another program. Its columns are numbers as the network takes them, one for each input; the
/// output activation says the task: softmax classes 0, 1 …, one σ the classes 0 and 1, several labels, any other a
/// regression; the loss is the one that usually goes with it.
/// Read are safetensors and NPZ (weights W as out × in under any names of PyTorch's kind, `coefs_0` and `kernel` as
/// in × out; by layers in their order) and ONNX: a chain of Gemm, or MatMul and Add, and activations that handgrad has.
/// Nothing but the file itself is opened. Raises Error(io); Error(model) with the cause for a file that is not sound,
/// that refers to other files, or that is another kind of network; Error(usage) for options that do not fit it.
Imported import_model(const std::string& path, const ImportOptions& options = {});
Imported parse_foreign(std::string_view bytes, const std::string& source, const ImportOptions& options = {});

}  // namespace handgrad::imports
