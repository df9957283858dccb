// The text of a diagnosis: every factor with its layers, cause and remedies, or what was found in order; then where
// training stands.
#pragma once

#include <string>

#include "handgrad/diagnose/advice.hpp"
#include "handgrad/diagnose/diagnosis.hpp"

namespace handgrad::diagnose {

/// Fills `text` and `try_settings` from the rest. `divergence`: how the weights came to be called diverged.
void say(Diagnosis& diagnosis, const Situation& situation, const std::string& divergence);

}  // namespace handgrad::diagnose
