// Which layers get too much rather than too little: gradients that explode, inputs of another size than 1, steps as
// large as the weights, numbers that have run away; rules on a measured chain, argued in docs/diagnosis.md.
#pragma once

#include <cstddef>
#include <vector>

#include "handgrad/diagnose/advice.hpp"
#include "handgrad/diagnose/gradient_chain.hpp"
#include "handgrad/diagnose/starvation.hpp"

namespace handgrad::diagnose {

/// The thresholds of docs/diagnosis.md.
inline constexpr double exploding_reach = 1e3;  ///< a thousand times the step that a healthy layer makes
inline constexpr double far_off_reach = 30.0;   ///< the same where the answers are far off
inline constexpr double large_input = 20.0;     ///< root mean square of a column; scaled ones have 1
inline constexpr double small_input = 0.2;      ///< of the largest input of a row; with too small a step …
inline constexpr double small_step = 1e-3;      ///< … over weight …
inline constexpr double tiny_input = 0.02;      ///< … or by itself
inline constexpr double large_step = 0.5;       ///< half of the weights changed in one step
inline constexpr double wild_step = 0.3;        ///< the same where the answers are worse than always the mean
/// A loss by that of the same network with all weights 0: the answers are far off.
inline constexpr double runaway_error = 10.0;
/// The same of a network whose training is not known: first weights may answer three times as far off as 0.
inline constexpr double runaway_alone = 100.0;

/// What is too much in each layer; `none` where nothing is. `steps`: ‖ΔW⁽ˡ⁾‖ over ‖W⁽ˡ⁾‖, or over the size of first
/// weights where those are larger, or where the network is `worse_than_constant`: then weights that steps have blown up
/// are no measure.
struct Excess {
    InputSize inputs = InputSize::usual;
    std::vector<Factor> factors;
};
Excess judge_excess(const GradientChain& chain, const std::vector<Verdict>& starvation,
                    const std::vector<double>& steps, bool worse_than_constant);

}  // namespace handgrad::diagnose
