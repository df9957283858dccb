// The options that say how the update of one step is made, for the verbs that work one through.
#pragma once

#include <optional>
#include <string>

#include "cli/arguments.hpp"
#include "handgrad/explain/trace.hpp"
#include "handgrad/train/optimizer.hpp"

namespace handgrad::cli {

/// What overrules the optimizer that a model's file records.
struct StepGiven {
    std::optional<OptimizerKind> kind;
    std::optional<double> learning_rate;
    std::optional<double> momentum;
    std::optional<bool> nesterov;
    std::optional<double> weight_decay;

    /// Whether anything was.
    [[nodiscard]] bool any() const { return kind || learning_rate || momentum || nesterov || weight_decay; }
};

/// --optimizer, --learning-rate, --momentum, --nesterov, --weight-decay, under a heading.
void declare_step(Arguments& arguments, StepGiven& given, std::string heading);

/// The recorded optimizer with what was given put over it.
explain::StepOptions overruled(explain::StepOptions step, const StepGiven& given);

}  // namespace handgrad::cli
