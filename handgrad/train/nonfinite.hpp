// Where in a step the first value arose that is not finite: row, layer, stage, and the factor of Table 2.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/tape.hpp"

namespace handgrad {

struct NonfiniteOrigin {
    std::optional<std::size_t> row;  ///< of the batch; none where a sum over rows or the optimizer's step overflowed
    std::string stage;               ///< `linear2, forward: the pre-activation z3 = W(2) z2 + b(2), unit 4, is inf`
};

/// Looks through a step in the order of the computation: z and a of each layer, the loss, the derivatives by each z
/// from the last layer to the first, the gradients. `loss` is the batch's, penalty included. For the loss and its
/// derivative the stage tells the value of the formula as the derivation writes it beside that of the stable form
/// (§6.5) where the two differ.
template <class T>
NonfiniteOrigin first_nonfinite(const BasicTape<T>& tape, const BasicTape<T>& dtape, const BasicMlp<T>& grad,
                                const LossFunction& function, MatrixView<const T> y, double loss);

/// Whether no number is infinite or NaN.
template <class T>
bool all_finite(std::span<const T> values) {
    T zero = T(0);  // stays 0 unless it meets an infinity or a NaN: 0·∞ is NaN
    for (const T v : values) {
        zero += v * T(0);
    }
    return zero == T(0);
}

extern template NonfiniteOrigin first_nonfinite(const BasicTape<float>&, const BasicTape<float>&,
                                                const BasicMlp<float>&, const LossFunction&, MatrixView<const float>,
                                                double);
extern template NonfiniteOrigin first_nonfinite(const BasicTape<double>&, const BasicTape<double>&,
                                                const BasicMlp<double>&, const LossFunction&, MatrixView<const double>,
                                                double);

}  // namespace handgrad
