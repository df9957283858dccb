// A training's state in a model's file: tensors under `training.`, beside the model's own, and a text of counts.
#pragma once

#include <string>
#include <string_view>

#include "handgrad/store/model.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad {

/// The metadata's key of the counts, and of the checksum of the tensors behind the model's own.
inline constexpr std::string_view saved_training_key = "training", saved_training_hash_key = "training_hash";

/// Whether a tensor belongs to a training's state.
bool belongs_to_training(std::string_view tensor);

/// Adds the tensors and the text; of a model without a training, nothing.
void add_saved_training(TensorFile& file, const Model& model);

/// Fills model.training, whose network has been read, from a file with that text. Raises Error(model) naming the tensor
/// that is missing, too many or of another shape, and counts that contradict each other or the tensors.
void read_saved_training(const TensorFile& file, Model& model, const std::string& source);

}  // namespace handgrad
