// A network as another program wrote it, before it is one of ours: layers, and what is known of their activations.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/math/activations.hpp"

namespace handgrad::imports {

/// One Linear: W (out × in, row by row) and b (out).
struct ForeignLayer {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::vector<double> weight{};
    std::vector<double> bias{};
    Activation activation = Activation::identity;  ///< behind it
};

struct ForeignNetwork {
    std::string format{};  ///< `ONNX`, `safetensors`, `NPZ`
    std::vector<ForeignLayer> layers{};
    bool knows_activations = false;       ///< else those of the layers say nothing
    std::optional<double> leaky_slope{};  ///< where it is known
    bool in_double = false;
    std::vector<double> input_shifts{}, input_scales{};    ///< of each input, or none
    std::vector<double> target_shifts{}, target_scales{};  ///< of each output, or none
    std::vector<std::string> left_out{};                   ///< names of what was not used
};

}  // namespace handgrad::imports
