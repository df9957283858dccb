// The five steps of training as formulas, for the network at hand: Eq. (1) to (4).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "handgrad/document/notation.hpp"
#include "handgrad/explain/derivation.hpp"
#include "handgrad/explain/trace.hpp"

namespace handgrad::explain {

/// A line of one of the five steps.
struct TrainingStep {
    std::size_t number = 1;  ///< from 1 to 5; several lines may have the same
    std::string what;        ///< build, forward, loss, backward: zero; then accumulate; update
    document::Formula formula;
    std::string equations;  ///< `Eq. (1)`, `Table 2`; behind `as` where this network or its optimizer differs from it
};

/// Steps 1 to 5 (Eq. (1) to (4), Tables 1 to 5): z and a of each layer, ŷ as one formula, the loss, the gradients set
/// to zero and what is then added to each, the last layer's first, and the rules of the optimizer.
std::vector<TrainingStep> training_steps(const Derivation& derivation, const UpdateFormula& update);

}  // namespace handgrad::explain
