// The choices that a derivation leaves open or that tools make differently, as declared fields with three presets.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace handgrad {

/// The slope at a kink, where left and right derivative differ (relu and leaky_relu at z = 0; absolute_error and
/// quantile at ŷ = y).
enum class Kink {
    right_limit,   ///< the right derivative: ReLU′(0) = 1, as Eq. (5)–(7) say
    nearest_zero,  ///< of all slopes between left and right the one nearest to 0: ReLU′(0) = 0, |·|′(0) = 0
};

/// How the K outputs of a row become one loss. Rows are always averaged.
enum class Reduction { sum, mean, half_sum };

/// The L2 penalty of strength α that is added to the loss, and whose derivative is added to the gradient.
enum class Penalty {
    weights,          ///< ½α‖W‖², weights only
    all_parameters,   ///< ½α‖·‖² of weights and biases
    weights_per_row,  ///< ½α‖W‖² / (rows of the batch, or the sum of their weights), weights only
};

/// Where Adam adds its ε to the root of the second moment.
enum class AdamEpsilon { after_correction, before_correction };

/// How momentum is kept. `velocity`: v ← μv − ηg, w ← w + v (Nesterov: w ← w + μv − ηg).
/// `gradient_sum`: v ← μv + g, w ← w − ηv (Nesterov: w ← w − η(g + μv)); the two differ once η changes.
enum class Momentum { velocity, gradient_sum };

/// The distribution of the first weights; U(±a) is uniform on (−a, a).
enum class FirstWeights {
    by_activation,   ///< he for the relu family, else xavier; biases 0
    he,              ///< U(±√(6/n_in)), biases 0
    xavier,          ///< U(±√(6/(n_in + n_out))), biases 0
    lecun,           ///< U(±√(3/n_in)), biases 0
    zeros,           ///< all 0
    pytorch_linear,  ///< U(±1/√n_in), biases too
    sklearn_glorot,  ///< U(±√(6/(n_in + n_out))), with 2 for 6 when the hidden activation is sigmoid; biases too
};

/// Fields of the model. The default values are those of the derivation; see convention_presets for the others.
struct Conventions {
    std::string_view name = "handgrad";
    Reduction squared_error = Reduction::sum;          ///< Eq. (3): a sum, no ½, no mean
    Reduction binary_cross_entropy = Reduction::mean;  ///< Table 5: a mean over K
    Reduction other_losses = Reduction::sum;           ///< all but cross_entropy, which is −Σ y log p everywhere
    Kink kink = Kink::right_limit;                     ///< Eq. (7)
    Penalty penalty = Penalty::weights;
    AdamEpsilon adam_epsilon = AdamEpsilon::after_correction;
    Momentum momentum = Momentum::velocity;
    FirstWeights first_weights = FirstWeights::pytorch_linear;

    bool operator==(const Conventions&) const = default;
};

/// `handgrad` is the derivation's; `pytorch` and `sklearn` do as those libraries do, checked against them by a test.
inline constexpr std::array<Conventions, 3> convention_presets{
    Conventions{},
    Conventions{.name = "pytorch",
                .squared_error = Reduction::mean,
                .binary_cross_entropy = Reduction::mean,
                .other_losses = Reduction::mean,
                .kink = Kink::nearest_zero,
                .penalty = Penalty::all_parameters,
                .adam_epsilon = AdamEpsilon::after_correction,
                .momentum = Momentum::gradient_sum,
                .first_weights = FirstWeights::pytorch_linear},
    Conventions{.name = "sklearn",
                .squared_error = Reduction::half_sum,
                .binary_cross_entropy = Reduction::sum,
                .other_losses = Reduction::sum,
                .kink = Kink::nearest_zero,
                .penalty = Penalty::weights_per_row,
                .adam_epsilon = AdamEpsilon::before_correction,
                .momentum = Momentum::velocity,
                .first_weights = FirstWeights::sklearn_glorot},
};

/// The preset of that name, if there is one.
constexpr std::optional<Conventions> find_conventions(std::string_view name) {
    for (const Conventions& preset : convention_presets) {
        if (preset.name == name) {
            return preset;
        }
    }
    return std::nullopt;
}

}  // namespace handgrad
