// Which last activation, loss and task go together, by the domains that activations and losses declare.
#include "handgrad/store/head.hpp"

#include <cmath>
#include <utility>

#include "handgrad/base/error.hpp"

namespace handgrad {
namespace {

std::string text(std::string_view view) { return std::string(view); }

bool bounded_output(Activation activation) {
    return std::isfinite(facts(activation).lowest) || std::isfinite(facts(activation).highest);
}

void raise(const std::optional<HeadProblem>& problem) {
    if (!problem) {
        return;
    }
    Error error(ErrorKind::usage, problem->cause + "; " + problem->remedy);
    for (const std::string& setting : problem->settings) {
        error = std::move(error).about(setting);
    }
    throw error;
}

}  // namespace

Activation output_for(Loss loss) {
    switch (loss) {
        case Loss::binary_cross_entropy:
            return Activation::sigmoid;
        case Loss::cross_entropy:
            return Activation::softmax;
        case Loss::poisson:
            return Activation::exp;
        default:  // a loss of residuals
            return Activation::identity;
    }
}

Loss usual_loss(Activation output) {
    if (output == Activation::sigmoid) {
        return Loss::binary_cross_entropy;
    }
    if (output == Activation::softmax) {
        return Loss::cross_entropy;
    }
    if (output == Activation::exp) {
        return Loss::poisson;
    }
    return Loss::squared_error;
}

bool regression_loss(Loss loss) { return loss != Loss::squared_error && std::isinf(facts(loss).highest_target); }

bool may_scale_target(const Head& head) {
    return !bounded_output(head.output) && !std::isfinite(facts(head.loss).lowest_target);
}

bool serves_one_output(const Head& head) {
    return head.output != Activation::softmax && head.loss != Loss::cross_entropy;
}

std::optional<HeadProblem> problem_of_pair(const Head& head) {
    const ActivationFacts& values = facts(head.output);
    const LossFacts& domain = facts(head.loss);
    if (values.lowest >= domain.lowest_output && values.highest <= domain.highest_output) {
        return std::nullopt;
    }
    return HeadProblem{"the output activation " + text(values.name) + " takes values from " +
                           format_number(values.lowest) + " to " + format_number(values.highest) + ", but the loss " +
                           text(domain.name) + " is defined from " + format_number(domain.lowest_output) + " to " +
                           format_number(domain.highest_output) + " only",
                       "choose another output activation or loss",
                       {"output_activation", "loss"}};
}

std::optional<HeadProblem> senseless_problem(const Head& head, const Preprocessing& columns) {
    if (columns.task == Task::classification && columns.classes.size() == 1) {
        return std::nullopt;  // whatever the network learns, the class is right
    }
    const bool regression = columns.task == Task::regression;
    const bool one = columns.outputs() == 1;
    if (regression && one && head.output == Activation::softmax) {
        return HeadProblem{"softmax of one output is always 1, whatever the network learns",
                           "choose another output activation, or learn classes",
                           {"output_activation", "task"}};
    }
    if (regression && one && head.loss == Loss::cross_entropy) {
        return HeadProblem{"cross_entropy of one output is for shares that sum to 1, and one alone is always 1",
                           "choose another loss, or learn classes",
                           {"loss", "task"}};
    }
    if (!regression && regression_loss(head.loss)) {
        return HeadProblem{"the loss " + text(name(head.loss)) + " is for numbers, not for classes",
                           "choose another loss, or learn numbers by regression",
                           {"loss", "task"}};
    }
    if (!one && head.loss == Loss::cross_entropy && head.output == Activation::sigmoid) {
        return HeadProblem{
            "cross_entropy never punishes the outputs of other classes, so that sigmoid outputs all go to 1",
            "choose the output activation softmax, or the loss binary_cross_entropy",
            {"output_activation", "loss"}};
    }
    if (columns.task == Task::multilabel && head.output == Activation::softmax) {
        return HeadProblem{"softmax shares 1 among the outputs, so that of several labels one alone could be right",
                           "choose sigmoid, or learn shares by regression",
                           {"output_activation", "task"}};
    }
    return std::nullopt;
}

void check_pair(Activation output, Loss loss) { raise(problem_of_pair({output, loss})); }
void refuse_senseless(const Head& head, const Preprocessing& columns) { raise(senseless_problem(head, columns)); }

}  // namespace handgrad
