// Networks that are monotone in some of their inputs because of the signs of their weights.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "handgrad/nn/mlp.hpp"

namespace handgrad {

/// One for each input of a network: 1 where no output may fall when the input rises, −1 where none may rise, 0 where
/// the input is free. Every function of this file raises Error(usage) for a number of signs that is not that of the
/// inputs, and for other numbers.
using InputSigns = std::span<const int>;

/// Raises Error(usage) about the activation for a network in which signs of weights promise nothing: one with an
/// activation that falls somewhere (silu, gelu, gelu_tanh, leaky_relu of a negative slope), or with softmax.
void check_monotone(const Architecture& architecture, InputSigns inputs);

/// The sign that each parameter is held to, in the shape of the network: 1, −1, or 0 for those that are free (all
/// biases, and the first layer's weights of free inputs). docs/derivations/monotone.md (M2), (M3). Raises what
/// check_monotone() raises.
template <class T>
BasicMlp<T> weight_signs(const Architecture& architecture, InputSigns inputs);

/// Weights of the wrong sign become 0, the others stay: the nearest network that obeys. monotone (M8).
template <class T>
void hold_signs(BasicMlp<T>& net, const BasicMlp<T>& signs);
/// Weights keep their size and take their sign: first weights that obey. monotone (M9).
template <class T>
void take_signs(BasicMlp<T>& net, const BasicMlp<T>& signs);

/// A weight that breaks its sign.
struct WrongSign {
    std::size_t layer;   ///< from 0, as all of these
    std::size_t output;  ///< row of the weight
    std::size_t input;   ///< column
    double weight;
    int sign;  ///< that it should have

    /// `linear1.weight [3,0] = -0.2 must not be below 0`.
    [[nodiscard]] std::string text() const;
};
/// The first one; a NaN is one too. None: every output rises, or stays as it is, with each input of sign 1, and falls
/// or stays with each of sign −1, wherever the others are (monotone (M5)): comparisons alone, no arithmetic. Raises
/// what check_monotone() raises.
template <class T>
std::optional<WrongSign> first_wrong_sign(const BasicMlp<T>& net, InputSigns inputs);

}  // namespace handgrad
