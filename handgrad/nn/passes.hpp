// Steps 2 to 4 of training: forward, loss and backward, and the Jacobian ∂ŷ/∂x, as free functions on plain types.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "handgrad/base/matrix.hpp"
#include "handgrad/math/losses.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/tape.hpp"

/// Every function here raises Error(usage) for arguments whose sizes do not fit the network and each other, and where
/// what it writes overlaps what it reads; the text names function and argument.
namespace handgrad {

/// Which loss, and what it needs beside ŷ and y. Its reduction over the outputs is declared by the model's conventions.
struct LossFunction {
    LossFunction(Loss which = Loss::squared_error) : kind(which) {}  // NOLINT(google-explicit-constructor)
    Loss kind;
    double huber_delta = 1.0;  ///< > 0
    double quantile = 0.5;     ///< in (0, 1)
    bool operator==(const LossFunction&) const = default;
};

/// That loss together with the output activation that it follows, as the formulas take both.
inline math::OutputLoss output_loss(const LossFunction& function, Activation output,
                                    const ActivationSettings& settings) {
    return {.kind = function.kind,
            .parameters = {.huber_delta = function.huber_delta, .quantile = function.quantile, .kink = settings.kink},
            .output = output,
            .settings = settings};
}

/// Step 2, Eq. (2), Table 1: fills z and a of every layer of `tape` from x (rows × n; at most tape.capacity() rows).
template <class T>
void forward(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x, BasicTape<T>& tape);

/// Step 3, Eq. (3) or Table 5: the mean of the loss over the rows of y (rows × K), by the sum of row_weights when there
/// are any. Fills doutput.a = ∂l/∂ŷ as written in Eq. (11), (19) (infinite where ŷ has reached 0 or 1), and
/// doutput.z = ∂l/∂z, straight from the logits where a form without cancellation exists (derivation §6.5), else chained
/// through the output activation's Jacobian. Both already hold the 1/rows of the mean.
template <class T>
double loss(const LossFunction& function, const TapeLayer<T>& output, std::type_identity_t<MatrixView<const T>> y,
            TapeLayer<T>& doutput, std::type_identity_t<std::span<const T>> row_weights = {});

/// The same value without the derivatives.
template <class T>
double loss_value(const LossFunction& function, const TapeLayer<T>& output, std::type_identity_t<MatrixView<const T>> y,
                  std::type_identity_t<std::span<const T>> row_weights = {});

/// For a loss of your own: doutput.z = ∂l/∂z from doutput.a = ∂l/∂ŷ, by the Jacobian of the output activation.
template <class T>
void output_backward(const TapeLayer<T>& output, TapeLayer<T>& doutput, std::size_t rows);

/// Step 4, Table 2: from dtape.output().z back to the first layer. *Adds* ∂l/∂W⁽ˡ⁾ = δₗ aᵀ and ∂l/∂b⁽ˡ⁾ = δₗ to `grad`,
/// so that the caller sets it to zero first; fills the inner layers of dtape.
template <class T>
void backward(const BasicMlp<T>& net, const BasicTape<T>& tape, BasicTape<T>& dtape, BasicMlp<T>& grad);

/// ∂ŷ/∂x = g′ W⁽ᴸ⁾ … f′ W⁽¹⁾ (K×n, derivation §7) at one row of a tape that forward() has filled.
template <class T>
void jacobian(const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t row,
              std::type_identity_t<MatrixView<T>> result);

/// ∂²(λᵀŷ)/∂x² (n×n, symmetric, derivation §7.8) at one row of a tape that forward() has filled, for outputs weighted
/// by lambda (K): of output k alone with λ = e_k.
template <class T>
void hessian(const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t row,
             std::type_identity_t<std::span<const T>> lambda, std::type_identity_t<MatrixView<T>> result);

/// The Jacobian term of training on derivatives, docs/derivations/sobolev.md (S3): strength times the mean over the
/// rows of x (rows × n), by the sum of row_weights when there are any, of Σ (∂ŷₖ/∂xᵢ − T)² over the entries of
/// `targets` (rows × K n, an output's n entries side by side) that are no NaN. *Adds* its gradient (S8) to `grad`
/// unless that is null. At a kink of an activation its slope is the one that the conventions declare, and no change of
/// it is counted: relu and leaky_relu give the biases of their layer no gradient.
template <class T>
double jacobian_loss(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                     std::type_identity_t<MatrixView<const T>> targets, double strength, BasicMlp<T>* grad,
                     std::type_identity_t<std::span<const T>> row_weights = {});

/// The L2 penalty of strength alpha as the conventions declare it, for a batch of so many rows, or of rows whose
/// weights have that sum; adds its derivative to `grad` unless that is null.
template <class T>
double penalty(const BasicMlp<T>& net, double alpha, double total_weight, BasicMlp<T>* grad);

}  // namespace handgrad
