// One row of a network's outputs, and of their derivatives, in the user's terms: the formulas that tables and single
// rows share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/losses.hpp"

namespace handgrad {

/// y · scale + shift: from what the network learned to the user's units.
inline double in_user_units(const TargetColumn& target, double value) { return value * target.scale + target.shift; }

/// What a unit of output k is worth in the user's units.
inline double output_slope(const Preprocessing& preprocessing, std::size_t k) {
    return preprocessing.task == Task::classification ? 1.0 : preprocessing.targets[k].scale;
}

/// ∂ŷ_k/∂x_j from the network's units to the user's: J_kj · output_slope(k) · input_slopes()[j].
template <class T>
double derivative_in_user_units(T J, double output_slope, double input_slope) {
    return static_cast<double>(J) * output_slope * input_slope;
}

/// ∂²ŷ_k/∂x_i∂x_j likewise: the same number, to the bit, for i and j exchanged.
template <class T>
double second_derivative_in_user_units(T H, double output_slope, double input_slope, double other_input_slope) {
    return static_cast<double>(H) * output_slope * (input_slope * other_input_slope);
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

/// −ln p of every class from logits of softmax: the loss cross_entropy of each by itself.
inline void fill_surprisals_of_shares(std::span<const double> z, std::span<double> surprisals) {
    const auto top = static_cast<std::size_t>(std::ranges::max_element(z) - z.begin());
    std::vector<double> one_hot(z.size()), scratch(z.size());
    one_hot[top] = 1.0;
    const double of_top = math::SoftmaxCrossEntropy::value<double>(z, one_hot, scratch);
    std::ranges::transform(z, surprisals.begin(), [&](double z_k) { return (z[top] - z_k) + of_top; });
}

/// −ln of the probability of no and of yes, label by label, from logits of σ outputs or, without them, from shares.
inline void fill_surprisals_of_labels(std::span<const double> z, std::span<const double> shares,
                                      std::span<double> surprisals) {
    for (std::size_t k = 0; k < shares.size(); ++k) {
        if (z.empty()) {
            surprisals[2 * k] = -std::log1p(-shares[k]);
            surprisals[2 * k + 1] = -std::log(shares[k]);
        } else {
            surprisals[2 * k] = math::SigmoidBinaryCrossEntropy::value(z[k], 0.0);
            surprisals[2 * k + 1] = math::SigmoidBinaryCrossEntropy::value(z[k], 1.0);
        }
    }
}

/// −ln of what fill_probabilities() gives, which is finite where that has become 0: from the logits, when there are
/// any.
inline void fill_surprisals(const Preprocessing& preprocessing, Activation output, std::span<const double> z,
                            std::span<const double> probabilities, std::span<double> surprisals) {
    if (z.empty()) {
        std::ranges::transform(probabilities, surprisals.begin(), [](double p) { return -std::log(p); });
        return;
    }
    if (preprocessing.one_output) {
        surprisals[0] = math::SigmoidBinaryCrossEntropy::value(z[0], 0.0);
        surprisals[1] = math::SigmoidBinaryCrossEntropy::value(z[0], 1.0);
        return;
    }
    if (output == Activation::softmax) {
        fill_surprisals_of_shares(z, surprisals);
        return;
    }
    std::vector<double> logarithms(z.size());  // of σ outputs, whose shares of their sum the probabilities are
    std::ranges::transform(z, logarithms.begin(),
                           [](double z_k) { return -math::SigmoidBinaryCrossEntropy::value(z_k, 1.0); });
    fill_surprisals_of_shares(logarithms, surprisals);
}

}  // namespace handgrad
