// The options that say how the update of one step is made, for the verbs that work one through.
#pragma once

#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "handgrad/explain/trace.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {

/// What overrules the optimizer that a model's file records.
struct StepGiven {
    OptimizerOptions values;
    std::vector<std::string> given;  ///< the settings of them that were

    [[nodiscard]] bool has(const Setting& setting) const;
    /// Whether anything was.
    [[nodiscard]] bool any() const { return !given.empty(); }
};

/// The settings of an optimizer (--optimizer, --learning-rate, --momentum …), under a heading.
void declare_step(Arguments& arguments, StepGiven& given, std::string heading);

/// The recorded optimizer with what was given put over it.
explain::StepOptions overruled(explain::StepOptions step, const StepGiven& given);

}  // namespace handgrad::cli
