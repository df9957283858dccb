// What stands below the tables of a derivation: the choices behind it, and what its letters stand for.
#pragma once

#include <vector>

#include "handgrad/document/notation.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::explain {

/// The choices on which tools differ, as the conventions of the network make them, each beside the equation that has it
/// so or otherwise.
std::vector<document::Prose> convention_notes(const Architecture& shape, const LossFunction& loss);

/// `$n=3$ inputs`, `$\Delta=1$ of huber` …
std::vector<document::Prose> letter_notes(const Architecture& shape, const LossFunction& loss);

}  // namespace handgrad::explain
