// What to try against each factor, from what the model already has: nothing is advised that it has, and nothing that it
// cannot take.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/training_course.hpp"

namespace handgrad::diagnose {

/// How large what enters the network is.
enum class InputSize { usual, large, small };

/// A network, what is known of how it came about, and what was measured.
struct Situation {
    Architecture shape;
    LossFunction loss;
    OptimizerOptions steps;  ///< the optimizer whose step was measured
    double lowest_target = 0.0, highest_target = 0.0;
    std::vector<double> saturated{};  ///< of each layer, as in LayerDiagnosis
    std::vector<double> dead{};
    std::vector<double> weight_sizes{};
    std::vector<double> identical{};
    double largest_step = 0.0;  ///< the largest step over weight
    std::string step_size{};    ///< the same in words
    double unexplained = 0.0;   ///< as in Diagnosis
    InputSize inputs = InputSize::usual;
    std::string input_sizes{};  ///< the inputs that are far from size 1, in words
    std::string divergence{};   ///< how the network came to be called diverged or overflowing, in words
    std::string worth{};  ///< by how little it answers better than a constant, or worse, in words; empty where it is
                          ///< not so, or first weights
    bool fits_its_rows = true;   ///< it does better on the rows that it learned from
    bool targets_differ = true;  ///< from row to row

    // Of the model; as they stand here for a network alone.
    std::optional<Scale> scale{};  ///< of the columns of numbers; none: not known, or there are none
    bool trained = false;          ///< by `steps`, for at least one epoch
    bool target_unscaled = false;  ///< the targets are of a size far from 1, and could be scaled
    bool held_out_rows = true;     ///< or they can be asked for
    std::size_t epochs = 0;        ///< that were asked for
    std::size_t early_stopping = 0;
    std::size_t classes = 0;  ///< of a classification
};

/// Something to try, and the settings that it is; none where no setting does it.
struct Remedy {
    std::string phrase;
    std::vector<SettingHint> settings{};
};

/// A cause in words, and alternatives against it, the most promising first.
struct Advice {
    std::string cause;
    std::vector<Remedy> remedies{};
};

/// Ten times the weight decay that the optimizer is usually run with, or more.
bool decays_far_more_than_usual(const OptimizerOptions& options);

/// Against a factor, but `none`.
Advice advise(Factor factor, const Situation& situation);
/// What where training stands asks for; without a cause, and empty where there is nothing to try.
Advice advise(Course course, const Situation& situation);

}  // namespace handgrad::diagnose
