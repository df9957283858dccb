// Somebody else's gradients against ours: for each tensor PASS, or the mistake that produces exactly those numbers.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/certify/certificate.hpp"
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
    accumulated,  ///< not set to zero before: several times the gradient, sums of sums over rows, a part once more
    bias_sum,     ///< of a bias only: summed over units, over one row, or divided by rows unlike the weights
    output_derivative_twice,  ///< ∂ŷ/∂z of the last layer once more, where it cancels or where it stands already
    hidden_derivative_twice,  ///< f′ twice in one hidden layer or in all
    slope_of_sigmoid,         ///< a (1 − a) for f′, as if the hidden activation were σ
    slope_of_tanh,            ///< 1 − a² for f′, as if it were tanh
    slope_of_relu,            ///< 1 for z > 0 for f′, as if it were ReLU
    z_in_slope,               ///< z (1 − z) or 1 − z² for f′: z taken for a
    mask_inverted,            ///< f′ of −z
    mask_of_gradient,         ///< 1 where ∂l/∂a > 0 for f′
    mask_of_other_layer,      ///< f′ of another layer
    softmax_diagonal,         ///< softmax's Jacobian taken as diagonal
    softmax_twice,            ///< softmax before a loss that applies it itself
    squared_error_gradient,   ///< that of squared error
    cross_entropy_gradient,   ///< that of cross-entropy
    loss_epsilon,             ///< of log(ŷ + ε)
    loss_clip,                ///< of ŷ held between ε and 1 − ε
    untransposed_weights,     ///< W for Wᵀ on the way back through a square layer
    updated_weights,          ///< W after the update on the way back
    z_for_activation,         ///< z for a in ∂l/∂W
    unscaled_inputs,          ///< x as in the table, neither shifted nor scaled (and targets)
    unscaled_targets,         ///< y as in the table
    part_of_batch,            ///< of the first or last rows alone
    bias_left_out,            ///< b is 0 in the forward pass
    never_computed,           ///< all zeros where the gradient is not
    penalty_missing,          ///< without the penalty that the model has
    penalty_extra,            ///< with a penalty that the model has not
    penalty_factor,           ///< with another multiple of the penalty: doubled, of the other sign, not by rows
    penalty_on_biases,        ///< with a penalty on biases, which the model leaves out
    factor_other,  ///< another multiple in every entry: a step size, a scale or a clip of the norm left in it
    row_weights,   ///< without the weights of the rows
    parameters,    ///< the parameters themselves
    unexplained,
};
inline constexpr std::array<std::string_view, 43> cause_names{"transposed",
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
                                                              "output_derivative_twice",
                                                              "hidden_derivative_twice",
                                                              "slope_of_sigmoid",
                                                              "slope_of_tanh",
                                                              "slope_of_relu",
                                                              "z_in_slope",
                                                              "mask_inverted",
                                                              "mask_of_gradient",
                                                              "mask_of_other_layer",
                                                              "softmax_diagonal",
                                                              "softmax_twice",
                                                              "squared_error_gradient",
                                                              "cross_entropy_gradient",
                                                              "loss_epsilon",
                                                              "loss_clip",
                                                              "untransposed_weights",
                                                              "updated_weights",
                                                              "z_for_activation",
                                                              "unscaled_inputs",
                                                              "unscaled_targets",
                                                              "part_of_batch",
                                                              "bias_left_out",
                                                              "never_computed",
                                                              "penalty_missing",
                                                              "penalty_extra",
                                                              "penalty_factor",
                                                              "penalty_on_biases",
                                                              "factor_other",
                                                              "row_weights",
                                                              "parameters",
                                                              "unexplained"};
inline std::string_view name(Cause cause) { return cause_names[static_cast<std::size_t>(cause)]; }

/// How weights stand in a file: W (out × in), or Wᵀ as frameworks keep it that compute x W.
enum class Orientation { out_in, in_out };
inline constexpr std::array<std::string_view, 2> orientation_names{"out_in", "in_out"};
inline std::string_view name(Orientation orientation) {
    return orientation_names[static_cast<std::size_t>(orientation)];
}

struct ComparedTensor {
    std::string name;                     ///< linear1.weight …
    std::string theirs;                   ///< the name in their file
    certify::Judgement judgement{};       ///< PASS, FAIL or UNDETERMINED, and the detection limit
    std::vector<Cause> causes{};          ///< of FAIL; several: all of them together
    std::string detail{};                 ///< of the cause, where there are several of a kind: `1e-07`, `of layer 2`
    std::string look_at{};                ///< unexplained: the factor that the other tensors leave to suspect
    double factor = 1.0;                  ///< by which causes that are factors multiply
    std::vector<std::string> coincide{};  ///< causes that on these data give the very same numbers, joined by `+`
    std::vector<std::size_t> wrong_layers{};  ///< of causes that lie in single layers; from 0
    std::string shape_problem{};              ///< when the shape cannot be compared
    // Where |theirs − ours| is largest, unless the shapes differ.
    std::vector<std::size_t> where{};
    double their_value = 0.0;
    double our_value = 0.0;
    double relative = 0.0;  ///< that difference over the largest |ours| of the tensor
    double bound = 0.0;     ///< how large rounding could make it
    /// Double numbers that agree as float numbers do: undetermined.
    bool as_float = false;

    [[nodiscard]] bool pass() const { return judgement.verdict == certify::Verdict::pass; }
};

inline constexpr const char* as_float_reason =
    "these float64 numbers agree with ours as far as float32 numbers would, no further: computed in float32 and stored "
    "or averaged afterwards, or differences of losses; hand in float32, or numbers computed in float64 throughout";

struct Comparison {
    certify::Verdict verdict = certify::Verdict::pass;
    std::size_t rows = 0;
    int digits = 53;  ///< binary digits of the precision that their numbers are judged in
    /// How their weights stand; as in × out they are judged as the transposes of ours.
    Orientation orientation = Orientation::out_in;
    std::vector<std::string> missing;   ///< of ours, in a file that holds only some
    std::vector<std::string> left_out;  ///< of theirs, those that are no parameter's gradient by their names
    std::vector<ComparedTensor> tensors;

    [[nodiscard]] bool pass() const { return verdict == certify::Verdict::pass; }
};

/// Reads NumPy's .npz or .safetensors (F16, BF16, F32, F64), told apart by the first bytes. An array that is not of
/// plain numbers is there with its problem. Raises Error(io) when nothing can be read (a folder, no rights),
/// Error(data) for everything else, with what to type instead.
std::vector<NamedArray> read_gradients(const std::string& path);
/// The same of bytes that are in memory already; `source` is a file's name, and stands in messages. Raises Error(data).
std::vector<NamedArray> parse_gradients(std::string_view bytes, const std::string& source);

/// What is known beside network, loss and rows, for causes that need it.
struct ComparedTo {
    double penalty = 0.0;                            ///< α that belongs to the loss: right is with its gradient
    const BasicDataset<double>* unscaled = nullptr;  ///< the rows as they stand in the table
    /// The rows as float numbers, which a float model and `encode` have: of two right gradients in double, one is of
    /// these.
    const BasicDataset<double>* rounded = nullptr;
    std::vector<double> learning_rates = {};  ///< of an update that may have come too early
    std::vector<std::size_t> batches = {};    ///< sizes of a batch that may have been meant
    std::size_t threads = 0;                  ///< at most so many; 0: all; no verdict depends on it
};

/// Ours is ∂l/∂W⁽ˡ⁾, ∂l/∂b⁽ˡ⁾ of the mean loss over all rows (by weight where there are weights) and of the penalty,
/// under the conventions of the network, computed in double. Theirs are matched by name (gradient_names.hpp); a file
/// may hold some of the tensors only, and others, which are left out. Raises Error(data) listing what is there and what
/// is expected, for numbers that are not finite, and without rows or labels.
Comparison compare_gradients(const BasicMlp<double>& net, const LossFunction& function,
                             const BasicDataset<double>& data, std::span<const NamedArray> theirs,
                             const std::string& source, const ComparedTo& to = {});
/// The same for a model and a labelled table, preprocessed as in training.
Comparison compare_gradients(const Model& model, const Table& table, std::span<const NamedArray> theirs,
                             const std::string& source, bool allow_extra = false, std::size_t threads = 0);

}  // namespace handgrad::compare
