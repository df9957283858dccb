// What intervals are made of in a model's file: tensors under `conformity.`, behind all others, and a text.
#pragma once

#include <string>
#include <string_view>

#include "handgrad/store/model.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad {

/// The metadata's key of the text, and of the checksum of the tensors.
inline constexpr std::string_view conformity_key = "conformity", conformity_hash_key = "conformity_hash";

bool belongs_to_conformity(std::string_view tensor);

/// Adds the tensors, the text and the checksum; of a model without them, nothing.
void add_conformity(TensorFile& file, const Model& model);

/// Fills model.conformity, whose network has been read, from a file with that text. Raises Error(model) naming the
/// tensor that is missing, too many, of another shape, or holds a number that cannot be.
void read_conformity(const TensorFile& file, Model& model, bool allow_nonfinite, const std::string& source);

}  // namespace handgrad
