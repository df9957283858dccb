// Which layers starve, and which factor of Table 2 is guilty of it: rules on a measured chain, argued in
// docs/diagnosis.md.
#pragma once

#include <vector>

#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/gradient_chain.hpp"

namespace handgrad::diagnose {

/// The thresholds of docs/diagnosis.md.
inline constexpr double starved_reach = 1e-3;      ///< a thousandth of the step that a healthy layer makes
inline constexpr double stuck_reach = 1e-2;        ///< the same of a network that has stopped before it learned
inline constexpr double stuck_error = 0.9;         ///< nine tenths of the targets' spread still unexplained
inline constexpr double most_units = 0.75;         ///< three of four units flat: the layer's width is gone
inline constexpr double small_weight_gain = 0.01;  ///< one W that takes two of the three powers of ten by itself
inline constexpr double material_error = 0.25;     ///< a quarter of the targets' spread still unexplained
inline constexpr double learned = 0.01;            ///< a hundredth of it: nothing is left to learn
inline constexpr double no_return = 0x1p-23;       ///< σ′ of an output that has rounded to 0 or 1 in float
inline constexpr std::size_t rows_for_dead = 10;   ///< fewer rows may miss the side where a unit lives

/// Of one layer.
struct Verdict {
    double reach = 0.0;  ///< how far a unit of weight moves the error's slope: gains from ∂l/∂ŷ down, times the input
    bool starved = false;
    Factor factor = Factor::none;
};
/// `border`: the reach below which a layer starves.
std::vector<Verdict> judge(const GradientChain& chain, double border = starved_reach);

}  // namespace handgrad::diagnose
