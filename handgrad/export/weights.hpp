// The weights of a model for programs that have layers of their own: NumPy, and PyTorch's nn.Sequential.
#pragma once

#include <string>

#include "handgrad/store/model.hpp"

namespace handgrad::exports {

/// An .npz archive of the network, in its own precision: `linear1.weight` (out × in), `linear1.bias`, …; `activations`
/// (Unicode texts, one for each layer) and `leaky_slope`; and what stands around it: `inputs` (names, `COLUMN` or
/// `COLUMN=CATEGORY`), `input_shift` and `input_scale` (the network sees (x − shift)/scale; 0 and 1 for categories),
/// `outputs` (names), `target_shift` and `target_scale` (ŷ of a regression is shift + scale · what the network puts
/// out; 0 and 1 for classes).
std::string npz_weights(const Model& model);

/// A safetensors file of the same numbers under the names of torch.nn.Sequential: `0.weight`, `0.bias`, `2.weight` …,
/// one place for each Linear and one behind it for its activation. Its metadata has `load`, the text of
/// torch_program() for a file of that name, and `format`, `pt`.
std::string torch_weights(const Model& model, const std::string& file_name);

/// The lines of Python that load such a file, named as it stands in them; they leave a torch.nn.Sequential in `net`.
std::string torch_program(const Model& model, const std::string& file);

}  // namespace handgrad::exports
