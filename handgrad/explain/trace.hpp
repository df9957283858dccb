// The numbers of one training step on one row: every z, factor, δ, gradient and updated parameter.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/document/notation.hpp"
#include "handgrad/math/conventions.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/tape.hpp"
#include "handgrad/train/optimizer.hpp"

namespace handgrad::explain {

/// Step 5 of the trace: the optimizer, and the penalty that belongs to the loss.
struct StepOptions {
    OptimizerOptions optimizer = {.kind = OptimizerKind::sgd};
    double penalty = 0.0;  ///< α of the L2 penalty of the loss; not AdamW's decay
};

/// A Jacobian of one row; diagonal ones keep their diagonal alone.
struct TracedJacobian {
    bool diagonal = false;
    Matrix<double> value;  ///< 1 × size when diagonal, else rows × columns

    [[nodiscard]] std::size_t rows() const { return diagonal ? value.columns() : value.rows(); }
    [[nodiscard]] std::size_t columns() const { return value.columns(); }
    [[nodiscard]] double at(std::size_t i, std::size_t j) const {
        if (!diagonal) {
            return value(i, j);
        }
        return i == j ? value(0, i) : 0.0;
    }
};

/// The factor ∂z₂/∂z₁ or ∂ŷ/∂z₃ of the first row of a layer that forward() has filled: Eq. (5), (6), (8), (9),
/// (12)–(15), or what stands for them.
template <class T>
TracedJacobian activation_jacobian(const TapeLayer<T>& layer);

/// Vectors are matrices of one column. The order is that of the Derivation: forward rows, Jacobians, deltas,
/// parameters. Everything was computed in the network's precision by the passes of nn/.
struct Trace {
    Matrix<double> x;
    Matrix<double> y;
    std::vector<Matrix<double>> parameters;  ///< before the step
    std::vector<Matrix<double>> forward;     ///< z₁, z₂ … ŷ
    double loss = 0.0;                       ///< of this row, without the penalty
    double penalty = 0.0;
    std::vector<TracedJacobian> jacobians;
    std::vector<Matrix<double>> deltas;     ///< the last layer's first; from the logits where a fused form exists
    std::vector<Matrix<double>> gradients;  ///< of the loss without its penalty
    std::vector<Matrix<double>> updated;    ///< after the first step of a fresh optimizer
};

/// x has n numbers as the network sees them, y has K. Raises Error(usage) for settings of the optimizer that make no
/// sense.
template <class T>
Trace trace(const BasicMlp<T>& net, const LossFunction& function, std::type_identity_t<std::span<const T>> x,
            std::type_identity_t<std::span<const T>> y, const StepOptions& options = {});

/// How the first step of this optimizer moves a weight w, Eq. (4) or what stands for it; prose says what it starts
/// from.
struct UpdateFormula {
    std::vector<document::Formula> rules;  ///< in their order, that of w the last: w ← w − η ∂l/∂w
    document::Formula first_step;          ///< what that is at the first step, when the optimizer remembers nothing yet
    document::Prose note;                  ///< may be empty
    document::Prose settings;              ///< `$\eta=0.001$`, …
};
UpdateFormula describe_update(const StepOptions& options, const Conventions& conventions);

extern template TracedJacobian activation_jacobian(const TapeLayer<float>&);
extern template TracedJacobian activation_jacobian(const TapeLayer<double>&);
extern template Trace trace(const BasicMlp<float>&, const LossFunction&, std::span<const float>, std::span<const float>,
                            const StepOptions&);
extern template Trace trace(const BasicMlp<double>&, const LossFunction&, std::span<const double>,
                            std::span<const double>, const StepOptions&);

}  // namespace handgrad::explain
