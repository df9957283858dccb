// Derivatives of the outputs and of the loss by the weights, and products with them, in one call on the kernels.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad {
namespace kernels {
enum class RowWork;
template <class T>
struct WeightLeaf;
template <class T>
struct Kernels;
}  // namespace kernels
template <class T>
class LeafSums;

/// Rows, what they should give and what they count.
template <class T>
struct LabelledRows {
    MatrixView<const T> x;            ///< rows × n
    MatrixView<const T> y;            ///< rows × K
    std::span<const T> weights = {};  ///< of the rows, or none
};

/// J = ∂ŷ/∂w of a network ŷ = ŷ(x, w) and what is made of it, row by row or summed over rows
/// (docs/derivations/levenberg_marquardt.md). w are all P parameters in the order of BasicMlp::parameters(); a
/// direction v of theirs is a network of the same shape, as their gradient is. Derivatives are those of ŷ; for those of
/// the logits z take a network with the same weights and the identity for its output activation. At a kink of an
/// activation its slope is the declared one, and no change of it is counted.
///
/// Made once for a shape. Not for several threads at a time; it uses threads of its own where the rows are worth it.
/// The bits do not depend on `execution`, sums run in the order of docs/numerics.md. Raises Error(usage) for sizes that
/// do not fit and where what is written overlaps what is read.
template <class T>
class WeightProducts {
public:
    explicit WeightProducts(const BasicMlp<T>& net, const Execution& execution = {});
    ~WeightProducts();

    /// ∂ŷₖ/∂w of row r in row r K + k of `result` (rows K × P), Eq. (L3).
    void jacobian(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                  std::type_identity_t<MatrixView<T>> result);
    /// J v (rows × K), (L1): how ŷ moves when the weights do.
    void along(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x, const BasicMlp<T>& v,
               std::type_identity_t<MatrixView<T>> result);
    /// Σ ∂²ŷ/∂wᵢ∂wⱼ vᵢ vⱼ (rows × K), (L2).
    void along_twice(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x, const BasicMlp<T>& v,
                     std::type_identity_t<MatrixView<T>> result);
    /// Jᵀ u for u (rows × K), summed over rows, (L4); overwrites `result`.
    void transposed(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                    std::type_identity_t<MatrixView<const T>> u, BasicMlp<T>& result);
    /// The gradient of each row's own loss (rows × P), without the 1/rows of the mean and without row weights.
    void row_gradients(const LossFunction& function, const BasicMlp<T>& net,
                       const std::type_identity_t<LabelledRows<T>>& rows, std::type_identity_t<MatrixView<T>> result);
    /// Jᵀ (∂²l/∂ŷ²) J v of the mean loss, (L5); overwrites `result`. Where loss and output activation are fused
    /// (derivation §7.4), z stands in the place of ŷ: (∂z/∂w)ᵀ (∂²l/∂z²) (∂z/∂w) v.
    void gauss_newton(const LossFunction& function, const BasicMlp<T>& net,
                      const std::type_identity_t<LabelledRows<T>>& rows, const BasicMlp<T>& v, BasicMlp<T>& result);
    /// (∂²l/∂w²) v of the mean loss, (L6), (L7); overwrites `result`. That of the penalty is penalty(v, …, &result),
    /// which adds αv where the conventions penalise.
    void hessian(const LossFunction& function, const BasicMlp<T>& net,
                 const std::type_identity_t<LabelledRows<T>>& rows, const BasicMlp<T>& v, BasicMlp<T>& result);

private:
    kernels::WeightLeaf<T> leaf_of(const char* function, const BasicMlp<T>& net, MatrixView<const T> x) const;
    void run(kernels::RowWork work, const kernels::WeightLeaf<T>& all, std::size_t rows, BasicMlp<T>* sum);
    void outputs_along(const char* called, kernels::RowWork work, const BasicMlp<T>& net, MatrixView<const T> x,
                       const BasicMlp<T>& v, MatrixView<T> result);
    void of_loss(const char* called, kernels::RowWork work, const LossFunction& function, const BasicMlp<T>& net,
                 const LabelledRows<T>& rows, const BasicMlp<T>& v, BasicMlp<T>& result);

    Architecture shape_;
    const kernels::Kernels<T>& kernels_;
    std::size_t threads_;
    std::vector<Activation> activations_;
    std::unique_ptr<LeafSums<T>> leaves_;
};

extern template class WeightProducts<float>;
extern template class WeightProducts<double>;

}  // namespace handgrad
