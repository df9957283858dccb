// The penalty in somebody's gradient: as the model has it, missing, or another one.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "handgrad/compare/hypothetical_gradient.hpp"
#include "handgrad/compare/settling.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::compare {

/// The gradient of a penalty of α = 1, as the conventions have it, and whether biases belong to it.
struct UnitPenalty {
    BasicMlp<double> gradient;
    double alpha;

    [[nodiscard]] std::vector<double> of(std::size_t parameter) const {
        const MatrixView<const double> W = gradient.weight(parameter / 2);
        const std::span<const double> b = gradient.bias(parameter / 2);
        if (parameter % 2 == 1) {
            return {b.begin(), b.end()};
        }
        return {W.data(), W.data() + W.rows() * W.columns()};
    }
};
UnitPenalty unit_penalty(const BasicMlp<double>& net, double alpha, double total_weight);

/// Adds the penalty's gradient to the right one, or to one with a mistake elsewhere; its product and the sum are
/// rounded in the unit roundoff `roundoff` of whoever adds.
void add_penalty(const UnitPenalty& unit, std::size_t parameter, double roundoff, TensorSums& sums);

/// To all tensors of a gradient; of a layer that was not wanted there is nothing to add to.
void add_penalties(const UnitPenalty& unit, double roundoff, HypotheticalGradient& gradient);

/// Names a penalty that is missing, too many, or not what the model has, and keeps its multiple in `factor`. `right` is
/// with the model's. `known`, which another tensor has too much, is tried where the tensor's own numbers do not tell.
void name_penalty(const BasicMlp<double>& net, const UnitPenalty& unit, std::size_t rows, const Compared& compared,
                  const TensorSums& right, std::optional<double> known, ComparedTensor& tensor);

/// Whether theirs is the right gradient with so many times the model's penalty.
bool has_penalty(const UnitPenalty& unit, double times, const Compared& compared, const TensorSums& right);

}  // namespace handgrad::compare
