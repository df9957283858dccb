// The parameters of a network as tensors of a file, and back.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/nn/mlp.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad {

/// The name and shape of each parameter, in the order of the flat buffer.
std::vector<std::pair<std::string, std::vector<std::size_t>>> parameter_shapes(const Architecture& architecture);

/// `prefix`linear1.weight (out×in), `prefix`linear1.bias …
template <class T>
void add_parameters(TensorFile& file, const BasicMlp<T>& net, const std::string& prefix = "");

/// Raises Error(model) unless every parameter is there in its shape.
void check_shapes(const TensorFile& file, const Architecture& architecture, const std::string& source,
                  const std::string& prefix = "");

/// The network whose shapes have been checked, its numbers cast to T. Raises Error(model) naming the place of a number
/// that is not finite, or not in T, unless that is allowed.
template <class T>
BasicMlp<T> read_parameters(const TensorFile& file, const Architecture& architecture, bool allow_nonfinite,
                            const std::string& source, const std::string& prefix = "");

}  // namespace handgrad
