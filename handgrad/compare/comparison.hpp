// Somebody else's gradients against ours: for each tensor PASS, or the mistake that produces exactly those numbers.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/npz.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::compare {

/// What can be wrong with a gradient. A cause is named when the gradient with that mistake, computed anew, agrees with
/// the numbers in every entry of the tensor within the bound on rounding (docs/compare.md has the whole table):
enum class Cause {
    transposed,                 ///< (∂l/∂W)ᵀ, in that shape or read in that order
    sign,                       ///< −1 times
    factor_2,                   ///< 2 times
    factor_half,                ///< ½ times
    factor_outputs,             ///< K times or 1/K times: sum and mean over outputs exchanged
    factor_rows,                ///< B times or 1/B times: sum and mean over rows exchanged
    relu_at_zero,               ///< the slope at a kink by the other convention
    missing_output_derivative,  ///< without ∂ŷ/∂z of the last layer
    missing_hidden_derivative,  ///< without f′ in one hidden layer or in all
    derivative_at_activation,   ///< f′(f(z)) or g′(g(z)) in one hidden layer, all, or the last
    accumulated,                ///< not set to zero before: several times the gradient, or sums of sums over rows
    bias_sum,  ///< of a bias only: summed over units, over one row, or divided by rows unlike the weights
    unexplained,
};
inline constexpr std::array<std::string_view, 13> cause_names{"transposed",
                                                              "sign",
                                                              "factor_2",
                                                              "factor_half",
                                                              "factor_outputs",
                                                              "factor_rows",
                                                              "relu_at_zero",
                                                              "missing_output_derivative",
                                                              "missing_hidden_derivative",
                                                              "derivative_at_activation",
                                                              "accumulated",
                                                              "bias_sum",
                                                              "unexplained"};
inline std::string_view name(Cause cause) { return cause_names[static_cast<std::size_t>(cause)]; }

struct ComparedTensor {
    std::string name;    ///< linear1.weight …
    std::string theirs;  ///< the name in their file
    bool pass = false;
    std::vector<Cause> causes;              ///< empty on PASS; several: all of them together
    double factor = 1.0;                    ///< by which causes that are factors multiply
    std::vector<std::string> coincide;      ///< causes that on these data give the very same numbers, joined by `+`
    std::vector<std::size_t> wrong_layers;  ///< of missing_hidden_derivative, derivative_at_activation; from 0
    std::string shape_problem;              ///< when the shape cannot be compared
    // Where |theirs − ours| is largest, unless the shapes differ.
    std::vector<std::size_t> where;
    double their_value = 0.0;
    double our_value = 0.0;
    double relative = 0.0;  ///< that difference over the largest |ours| of the tensor
    double bound = 0.0;     ///< how large rounding could make it
};

struct Comparison {
    bool pass = true;
    std::size_t rows = 0;
    int digits = 53;                ///< binary digits of the precision that their numbers are judged in
    bool penalty_explains = false;  ///< theirs is the gradient of loss and L2 penalty together
    std::vector<ComparedTensor> tensors;
};

/// Reads .npz, .safetensors, or what the first bytes say. Raises Error(io), Error(data), Error(model).
std::vector<NamedArray> read_gradients(const std::string& path);

/// Ours is ∂l/∂W⁽ˡ⁾, ∂l/∂b⁽ˡ⁾ of the mean loss over all rows (by weight where there are weights) under the conventions
/// of the network, without penalty, computed in double. Theirs are matched by name: linear1.weight …, or all of one
/// numbered family that leaves no doubt (0.weight, 2.weight …; fc1.weight …; W1, b1 …, dW1, db1 …). Raises Error(data)
/// listing what is there and what is expected, for numbers that are not finite, and without rows or labels. `penalty`
/// is the α that the model was trained with: used only to say that it explains a difference.
Comparison compare_gradients(const BasicMlp<double>& net, const LossFunction& function,
                             const BasicDataset<double>& data, std::span<const NamedArray> theirs,
                             const std::string& source, double penalty = 0.0);
/// The same for a model and a labelled table, preprocessed as in training.
Comparison compare_gradients(const Model& model, const Table& table, std::span<const NamedArray> theirs,
                             const std::string& source, bool allow_extra = false);

}  // namespace handgrad::compare
