// The loss of a batch and its gradient in one call on the kernels: steps 2 to 4 for those who move the weights
// themselves.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad {

template <class T>
class Engine;

/// Made once for a shape, a loss and a largest batch; calls then allocate nothing. Not for several threads at a time;
/// it uses threads of its own where a batch is worth it. The bits do not depend on `execution`. Raises Error(usage) for
/// settings, sizes and numbers of rows that do not fit.
template <class T>
class LossGradient {
public:
    LossGradient(const BasicMlp<T>& net, const LossFunction& function, std::size_t most_rows, bool row_weights = false,
                 const Execution& execution = {});
    ~LossGradient();

    /// Step 2 to 4, Table 2: returns the mean of the loss over the rows of x (rows × n) and y (rows × K), by the sum of
    /// row_weights when there are any, and *overwrites* grad with ∂l/∂W⁽ˡ⁾, ∂l/∂b⁽ˡ⁾. `net` has the shape of the one
    /// that this was made for, and the conventions.
    double operator()(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                      std::type_identity_t<MatrixView<const T>> y, BasicMlp<T>& grad,
                      std::type_identity_t<std::span<const T>> row_weights = {});

private:
    std::unique_ptr<Engine<T>> engine_;
    Architecture shape_;
    std::size_t most_rows_;
    bool row_weights_;
};

extern template class LossGradient<float>;
extern template class LossGradient<double>;

}  // namespace handgrad
