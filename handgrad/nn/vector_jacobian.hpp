// The network as a part of somebody else's function: from ∂l/∂ŷ to ∂l/∂θ and ∂l/∂x in one call on the kernels.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {

template <class T>
class Engine;

/// The vector–Jacobian product of a network ŷ = ŷ(x, θ), for a loss of your own or a network inside a larger function:
/// what follows the network gives ∂l/∂ŷ, and gets the gradient by the parameters θ and what goes on to whatever made x.
/// n inputs, K outputs; l is the loss of the whole batch, so that a mean over the rows stands in ∂l/∂ŷ already.
///
///     VectorJacobian<float> product(net, most_rows);
///     product.forward(net, x, yhat);                  // ŷ, from which the caller finds ∂l/∂ŷ
///     product(net, x, dl_dyhat, yhat, grad, dl_dx);   // ∂l/∂θ, ∂l/∂x
///
/// Made once for a shape and a largest batch; calls then allocate nothing. Not for several threads at a time; it uses
/// threads of its own where a batch is worth it. The bits depend neither on those nor on the instruction set, sums run
/// in the order of docs/numerics.md; ŷ and ∂l/∂x are those of BasicPredictor, and where ∂l/∂ŷ is that of a loss which
/// LossGradient chains through ŷ, the gradients are its own. Raises Error(usage) for sizes and numbers of rows that do
/// not fit, and where what is written overlaps what is read.
template <class T>
class VectorJacobian {
public:
    VectorJacobian(const BasicMlp<T>& net, std::size_t most_rows, const Execution& execution = {});
    ~VectorJacobian();

    /// Step 2, Eq. (2): ŷ (rows × K) of x (rows × n).
    void forward(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                 std::type_identity_t<MatrixView<T>> yhat);

    /// From x (rows × n) and ∂l/∂ŷ (rows × K): ŷ (rows × K); ∂l/∂W⁽ˡ⁾ and ∂l/∂b⁽ˡ⁾ by Table 2, with ∂l/∂z of the output
    /// as (∂l/∂ŷ)(∂ŷ/∂z), which *overwrite* grad; and ∂l/∂x = δ₁ W⁽¹⁾ (rows × n; derivation §7), unless dl_dx is left
    /// out. `net` has the architecture of the one that this was made for.
    void operator()(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                    std::type_identity_t<MatrixView<const T>> dl_dyhat, std::type_identity_t<MatrixView<T>> yhat,
                    BasicMlp<T>& grad, std::type_identity_t<MatrixView<T>> dl_dx = {});

private:
    std::unique_ptr<Engine<T>> engine_;
    Architecture shape_;
    std::size_t most_rows_;
};

extern template class VectorJacobian<float>;
extern template class VectorJacobian<double>;

}  // namespace handgrad
