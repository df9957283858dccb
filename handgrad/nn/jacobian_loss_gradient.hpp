// The Jacobian term of training on derivatives and its gradient in one call on the kernels.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {
namespace kernels {
template <class T>
struct Kernels;
}  // namespace kernels
template <class T>
class LeafSums;

/// Rows to work on: `order` says which and in what order; empty for all as they come.
template <class T>
struct JacobianRows {
    MatrixView<const T> x;            ///< rows × n
    MatrixView<const T> targets;      ///< rows × K n, an output's n entries side by side; NaN where not known
    std::span<const T> weights = {};  ///< of the rows, or none
    std::span<const std::size_t> order = {};
};

/// Made once for a shape. Not for several threads at a time; it uses threads of its own where the rows are worth it.
/// The bits do not depend on `execution`: each row's sums are those of jacobian_loss(), by fma, and rows are added as
/// docs/numerics.md says. Raises Error(usage) for sizes and numbers that do not fit.
template <class T>
class JacobianLossGradient {
public:
    explicit JacobianLossGradient(const BasicMlp<T>& net, const Execution& execution = {});
    ~JacobianLossGradient();

    /// Returns strength · Σ wᵣ Σ (∂ŷₖ/∂xᵢ − T)²/Σ wᵣ (docs/derivations/sobolev.md (S3)) and *adds* its gradient (S8) to
    /// `grad`. `net` has the shape of the one that this was made for, and the conventions.
    double operator()(const BasicMlp<T>& net, const JacobianRows<T>& rows, double strength, BasicMlp<T>& grad);
    /// The same value alone, with no other effect.
    double value(const BasicMlp<T>& net, const JacobianRows<T>& rows, double strength);

private:
    double sum(const BasicMlp<T>& net, const JacobianRows<T>& rows, double strength, bool derivatives);

    Architecture shape_;
    const kernels::Kernels<T>& kernels_;
    std::size_t threads_;
    std::vector<Activation> activations_;
    std::unique_ptr<LeafSums<T>> leaves_;
};

extern template class JacobianLossGradient<float>;
extern template class JacobianLossGradient<double>;

}  // namespace handgrad
