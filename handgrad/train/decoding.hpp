// One row of a network's outputs, and of their derivatives, in the user's terms: the formulas that tables and single
// rows share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/math/activations.hpp"

namespace handgrad {

/// y · scale + shift: from what the network learned to the user's units.
inline double in_user_units(const TargetColumn& target, double value) { return value * target.scale + target.shift; }

/// What a unit of output k is worth in the user's units.
inline double output_slope(const Preprocessing& preprocessing, std::size_t k) {
    return preprocessing.task == Task::regression ? preprocessing.targets[k].scale : 1.0;
}

/// ∂ŷ_k/∂x_j from the network's units to the user's: J_kj · output_slope(k) · input_slopes()[j].
template <class T>
double derivative_in_user_units(T J, double output_slope, double input_slope) {
    return static_cast<double>(J) * output_slope * input_slope;
}

/// The class that a row of outputs, or of 0/1 targets, stands for.
inline std::uint32_t class_of(const Preprocessing& preprocessing, std::span<const double> row) {
    if (preprocessing.one_output) {
        return row[0] > 0.5 ? 1 : 0;
    }
    return static_cast<std::uint32_t>(std::ranges::max_element(row) - row.begin());
}

/// Whether outputs of this activation lead to probabilities of the classes.
inline bool has_probabilities(Activation output) {
    return output == Activation::sigmoid || output == Activation::softmax;
}

/// Fills the probabilities of all classes from one row of σ or softmax outputs, or better from their logits, when there
/// are any: 1 − σ(z) is σ(−z).
inline void fill_probabilities(const Preprocessing& preprocessing, Activation output, std::span<const double> yhat,
                               std::span<const double> z, std::span<double> probabilities) {
    if (preprocessing.one_output) {
        probabilities[0] = z.empty() ? 1.0 - yhat[0] : math::Sigmoid::value(-z[0]);
        probabilities[1] = z.empty() ? yhat[0] : math::Sigmoid::value(z[0]);
        return;
    }
    if (z.empty()) {
        std::ranges::copy(yhat, probabilities.begin());
    } else if (output == Activation::softmax) {
        math::Softmax::value(z, probabilities);
    } else {
        std::ranges::transform(z, probabilities.begin(), [](double z_k) { return math::Sigmoid::value(z_k); });
    }
    if (output == Activation::sigmoid) {
        const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
        for (double& p : probabilities) {
            p = sum == 0.0 ? 1.0 / static_cast<double>(probabilities.size()) : p / sum;
        }
    }
}

}  // namespace handgrad
