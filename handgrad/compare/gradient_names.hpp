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

/// In the order of the parameters, those that are there; arrays that are none are left out, with no number said of
/// them. Names are linear1.weight …, or those of one family that numbers its layers, in ascending order: 0.weight,
/// net.2.bias, fc1.weight, W1, b1, dW1, dJdW1, dL/dW1, ∂L/∂W1, gW1, W1_grad, grad_W1, Dense_0/kernel, dense/kernel:0
/// (the first of dense_1/kernel:0 …), theta1 (in the shape of W), weights.0 …. One family without a number is the last
/// layer (fc1, fc2, out) where the shapes fit, `input` the first. Where some names say that they are gradients (dW1,
/// W1.grad), those are meant and not what stands beside them (W1). Or arr_0 …, by shape where that leaves no doubt: as
/// they are before axes of length 1 are taken away. A file may hold some of the tensors. Weights under names that are
/// not ours stand as in × out when every shape says so that is not square, and where all are square when they are
/// called kernel or coef. Raises Error(data) listing what is there and what is expected when none fit, and with the
/// reason where it is open what is meant; with the problem of an array that is meant and cannot be read.
MatchedGradients match_gradient_names(std::span<const NamedArray> arrays, const Architecture& shape,
                                      const std::string& source);

/// The arrays that were matched, in the order of the file, without axes of length 1 beyond those of the parameter, and
/// the names of the others. Raises as match_gradient_names().
struct UnderstoodGradients {
    std::vector<NamedArray> arrays;
    std::vector<std::string> left_out;
};
UnderstoodGradients understood_gradients(std::span<const NamedArray> arrays, const Architecture& shape,
                                         const std::string& source);

/// W from Wᵀ: (in, out) becomes (out, in).
NamedArray turned(const NamedArray& array);

}  // namespace handgrad::compare
