// Which tensor of a file of gradients is meant for which parameter.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/data/npz.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::compare {

struct MatchedTensor {
    std::size_t parameter;  ///< 2l: W of layer l from 0, 2l + 1: b
    std::size_t place;      ///< of the array
};

struct MatchedGradients {
    std::vector<MatchedTensor> tensors;
    Orientation orientation = Orientation::out_in;
};

/// In the order of the parameters, those that are there. Names are linear1.weight …, or those of one family that number
/// their layers, in ascending order: 0.weight, net.2.bias, fc1.weight, W1, b1, dW1, dJdW1, W1_grad, grad_W1, dl_dW1,
/// weights.0 …; or arr_0 …, by shape where that leaves no doubt. A file may hold some of the tensors. Weights under
/// names that are not ours stand as in × out when every shape says so that is not square, and where all are square when
/// they are called kernel or coef. Raises Error(data) listing what is there and what is expected when none or too many
/// fit.
MatchedGradients match_gradient_names(std::span<const NamedArray> arrays, const Architecture& shape,
                                      const std::string& source);

/// W from Wᵀ: (in, out) becomes (out, in).
NamedArray turned(const NamedArray& array);

}  // namespace handgrad::compare
