// What stands at a network's end: the last activation and the loss that it is trained by, and which of them go
// together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/losses.hpp"

namespace handgrad {

struct Head {
    Activation output;
    Loss loss;
};

/// The output activation that a loss of a regression goes with: under it every answer in the loss's domain is f(z) of
/// some z.
Activation output_for(Loss loss);

/// The loss that an output activation usually goes with.
Loss usual_loss(Activation output);

/// Losses whose targets know no upper bound are not meant for classes, so that naming one says “regression”; squared
/// error serves both.
bool regression_loss(Loss loss);

/// Whether the network may learn (y − shift)/scale: neither its output nor its loss ties y to a range.
bool may_scale_target(const Head& head);

/// Whether one output tells two classes apart: neither softmax nor cross_entropy does.
bool serves_one_output(const Head& head);

/// Why a head cannot serve, what would, and by which settings.
struct HeadProblem {
    std::string cause;
    std::string remedy;
    std::vector<std::string> settings;
};
/// Of a pair whose activation leaves the domain of the loss (identity with binary_cross_entropy, whose logarithm needs
/// 0 < yhat < 1).
std::optional<HeadProblem> problem_of_pair(const Head& head);
/// Of a pair that is defined but can only be a mistake for this task, its outputs and classes.
std::optional<HeadProblem> senseless_problem(const Head& head, const Preprocessing& columns);

/// Raise Error(usage) where there is such a problem: `CAUSE; REMEDY`, about its settings.
void check_pair(Activation output, Loss loss);
void refuse_senseless(const Head& head, const Preprocessing& columns);

}  // namespace handgrad
