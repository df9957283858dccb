// An optimizer from options, over the one that a model's file records.
#include "cli/step_options.hpp"

#include <utility>

#include "cli/describe.hpp"
#include "cli/network_options.hpp"
#include "cli/values.hpp"

namespace handgrad::cli {

void declare_step(Arguments& arguments, StepGiven& given, std::string heading) {
    arguments.group(std::move(heading));
    arguments.option(
        "--optimizer", "NAME", "sgd, adam or adamw",
        into_choice(names_of(optimizer_list), [&](std::size_t i) { given.kind = optimizer_list[i].kind; }));
    arguments.option("--learning-rate,--lr,--eta", "RATE", "step size eta",
                     into(given.learning_rate, {.lowest = 0.0, .without_lowest = true}));
    arguments.option("--momentum", "MU", "of sgd",
                     into(given.momentum, {.lowest = 0.0, .highest = 1.0, .without_highest = true}));
    arguments.flag("--nesterov", "Nesterov's momentum", into(given.nesterov));
    arguments.option("--weight-decay", "ALPHA", "sgd, adam: L2 penalty, part of the loss; adamw: decay beside the loss",
                     into(given.weight_decay, {.lowest = 0.0}));
}

explain::StepOptions overruled(explain::StepOptions step, const StepGiven& given) {
    OptimizerOptions& o = step.optimizer;
    if (given.kind && *given.kind != o.kind) {  // what belonged to the other one goes
        o = {.kind = *given.kind, .learning_rate = o.learning_rate};
    }
    o.learning_rate = given.learning_rate.value_or(o.learning_rate);
    o.momentum = given.momentum.value_or(o.momentum);
    o.nesterov = given.nesterov.value_or(o.nesterov);
    if (given.weight_decay) {
        (o.kind == OptimizerKind::adamw ? o.weight_decay : step.penalty) = *given.weight_decay;
    }
    return step;
}

}  // namespace handgrad::cli
