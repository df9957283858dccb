// The text of a diagnosis: every factor with its layers, cause and remedies, or what was found in order; then where
// training stands.
#pragma once

#include "handgrad/diagnose/advice.hpp"
#include "handgrad/diagnose/diagnosis.hpp"

namespace handgrad::diagnose {

/// Fills `text` and `try_settings` from the rest.
void say(Diagnosis& diagnosis, const Situation& situation);

}  // namespace handgrad::diagnose
