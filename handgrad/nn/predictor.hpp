// A trained network made ready to be used: outputs and their derivatives by the input, for one row or many.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {

/// Whether a predictor can differentiate; without, it keeps each first weight once rather than twice. To do it twice,
/// for networks of at most 32 inputs it keeps the products of a unit's first weights too, n/2 times as many.
enum class Differentiable { no, yes, twice };

/// ŷ = g(W⁽ᴸ⁾ … f(W⁽¹⁾ x + b⁽¹⁾) … + b⁽ᴸ⁾), Eq. (2), and ∂ŷ/∂x (derivation §7) of a network as it was when the
/// predictor was made, and ∂²ŷ/∂x² (§7.8); later changes of the network are not seen. n inputs, K outputs. Copies share
/// their weights.
///
/// It knows the network and nothing of a model's columns: x must be imputed, scaled and 0/1 of categories already, and
/// ŷ and ∂ŷ/∂x are in the network's units, so that a target that was scaled in training stays scaled, and classes are
/// numbers. ModelPredictor (train/model_predictor.hpp) takes rows and gives values in the units of the table.
///
/// All calls are const and may be made by several threads at once. A row's results do not depend, in any bit, on the
/// rows beside it, on the number of threads or on the instruction set, and ŷ is what training computes on the way.
/// No call allocates, but that a thread whose scratch does not fit on its stack (64 KiB: layers of more than some
/// hundred units) keeps some for later calls, and that ThreadPool::shared() starts its threads when it is first used.
/// Rows may lie anywhere (MatrixView), at no particular alignment, between each other too. Sizes that do not fit the
/// network, and what is written overlapping what is read, raise Error(usage), as a network without layers does when a
/// predictor is made, and derivatives of one made with Differentiable::no, second ones of one not made to do it twice.
template <class T>
class BasicPredictor {
public:
    explicit BasicPredictor(const BasicMlp<T>& net, const Execution& execution = {},
                            Differentiable differentiable = Differentiable::yes);

    [[nodiscard]] std::size_t inputs() const;
    [[nodiscard]] std::size_t outputs() const;

    /// ŷ of one row: x (n) to yhat (K).
    void predict(std::span<const T> x, std::span<T> yhat) const;
    /// ŷ of many: x (rows × n) to yhat (rows × K), by several threads when that pays.
    void predict(MatrixView<const T> x, MatrixView<T> yhat) const;
    /// … and the logits z (rows × K) with ŷ = g(z), from which probabilities keep digits that ŷ has lost.
    void predict(MatrixView<const T> x, MatrixView<T> z, MatrixView<T> yhat) const;

    /// ŷ (K) and J = ∂ŷ/∂x = g′ W⁽ᴸ⁾ … f′ W⁽¹⁾ (K × n, J_ki = ∂ŷ_k/∂x_i) at one row x (n).
    void jacobian(std::span<const T> x, std::span<T> yhat, MatrixView<T> J) const;
    /// The same for many: row b of J (rows × K n) holds the Jacobian of row b of x (rows × n), row after row.
    void jacobian(MatrixView<const T> x, MatrixView<T> yhat, MatrixView<T> J) const;
    /// … and the logits z (rows × K), in the same pass forward.
    void jacobian(MatrixView<const T> x, MatrixView<T> z, MatrixView<T> yhat, MatrixView<T> J) const;

    /// ŷ (rows × K) and v ∂ŷ/∂x (rows × n) with v (rows × K): one backward pass. The gradient by x of a loss that has
    /// ∂l/∂ŷ = v.
    void vector_jacobian(MatrixView<const T> x, MatrixView<const T> v, MatrixView<T> yhat, MatrixView<T> v_J) const;
    /// ŷ (rows × K) and ∂ŷ/∂x u (rows × K) with u (rows × n): one more forward pass. The change of ŷ along u.
    void jacobian_vector(MatrixView<const T> x, MatrixView<const T> u, MatrixView<T> yhat, MatrixView<T> J_u) const;

    /// ŷ (K) and H = ∂²ŷ/∂x² at one row x (n): K symmetric n × n matrices one after the other, H_kij = ∂²ŷ_k/∂x_i∂x_j.
    /// At a kink of an activation, or of its slope, its second derivative counts as 0.
    void hessian(std::span<const T> x, std::span<T> yhat, std::span<T> H) const;
    /// The same for many: row b of H (rows × K n n) holds those of row b of x (rows × n).
    void hessian(MatrixView<const T> x, MatrixView<T> yhat, MatrixView<T> H) const;
    /// ŷ (rows × K) and ∂²(λᵀŷ)/∂x² (rows × n n) with λ (rows × K), such as multipliers of constraints: as costly as
    /// the Hessian of a single output.
    void weighted_hessian(MatrixView<const T> x, MatrixView<const T> lambda, MatrixView<T> yhat, MatrixView<T> H) const;
    /// ŷ (rows × K) and ∂²(λᵀŷ)/∂x² u (rows × n) with λ (rows × K) and u (rows × n), without the matrix: one more pass
    /// forward and two back.
    void hessian_vector(MatrixView<const T> x, MatrixView<const T> lambda, MatrixView<const T> u, MatrixView<T> yhat,
                        MatrixView<T> H_u) const;

private:
    struct State;
    std::shared_ptr<const State> state_;
};

using Predictor = BasicPredictor<float>;

extern template class BasicPredictor<float>;
extern template class BasicPredictor<double>;

}  // namespace handgrad
