// What a constant answer would cost on some rows, and what answers equal to the targets would: between both stands what
// a network has learned.
#pragma once

#include <limits>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::diagnose {

struct ConstantAnswer {
    double loss = std::numeric_limits<double>::quiet_NaN();     ///< of the best constant; NaN where none is the best
    double perfect = std::numeric_limits<double>::quiet_NaN();  ///< of ŷ = y
    bool targets_differ = false;                                ///< from one row to another

    /// The part of what there is to gain over a constant that such a loss has gained: 1 for ŷ = y, 0 for the constant,
    /// below 0 for what is worse. NaN where that cannot be told: targets are all alike, or no constant is the best.
    [[nodiscard]] double gained_by(double loss_of_answers) const {
        if (!targets_differ || !(loss > perfect)) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        return (loss - loss_of_answers) / (loss - perfect);
    }
};

/// The constant of each output that minimises the mean loss over the rows, without a penalty: the mean under
/// squared_error and the logarithmic losses, a median or quantile, or what lies between under huber. It need not lie in
/// the range of the network's outputs. Unknown under cross_entropy without a softmax, whose outputs no sum ties.
template <class T>
ConstantAnswer constant_answer(const Architecture& architecture, const LossFunction& function,
                               const BasicDataset<T>& data);

}  // namespace handgrad::diagnose
