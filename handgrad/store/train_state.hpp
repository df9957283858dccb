// A training between two batches, as data: to be looked at, copied, kept in a file, and gone on from to the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/nn/mlp.hpp"

namespace handgrad {

/// How far an optimizer has come: all that its next constants depend on beside its options.
struct StepCount {
    std::size_t steps = 0;
    double beta1_power = 1.0;  ///< β₁ᵗ and β₂ᵗ after t steps, a product of t factors: not pow(β, t) to the last bit
    double beta2_power = 1.0;

    bool operator==(const StepCount&) const = default;
};

/// One line of a training's history.
struct EpochLosses {
    std::size_t epoch;       ///< from 1
    double loss;             ///< mean over the batches as they were seen
    double validation_loss;  ///< NaN without validation rows
    double learning_rate;    ///< of the last step

    bool operator==(const EpochLosses&) const = default;
};

/// How far an epoch has come that was left between two batches, and what it began with: that is where a divergence goes
/// back to.
template <class T>
struct BegunEpoch {
    std::size_t batches = 0;  ///< done, at least one and not all
    double loss_sum = 0.0;    ///< of these, each loss times the total weight of its rows …
    double weight_sum = 0.0;  ///< … and the sum of those weights
    BasicMlp<T> net;          ///< at the beginning of the epoch
    std::vector<BasicMlp<T>> moments{};
};

/// What a solver that takes no mini-batch steps remembers: numbers in an order of its own. In double, as it computes,
/// whatever the network's precision.
struct SolverMemory {
    std::string solver{};  ///< which one, with all that its order depends on; empty for none
    std::vector<double> numbers{};

    bool operator==(const SolverMemory&) const = default;
};

/// Why a training has come to its end, but for a divergence.
enum class Stopped {
    epochs,       ///< all that were asked for
    early,        ///< the validation loss has not fallen for too long
    callback,     ///< from outside
    gradient,     ///< no number of the gradient is larger than the tolerance
    no_progress,  ///< no step makes the loss smaller by more than rounding does
    evaluations,  ///< the loss has been computed as often as it may be
};
inline constexpr std::array<std::string_view, 6> stopped_names{"epochs",   "early",       "interrupted",
                                                               "gradient", "no_progress", "evaluations"};
/// As it stands in files and events.
constexpr std::string_view name(Stopped stopped) { return stopped_names[static_cast<std::size_t>(stopped)]; }
/// The reason of that name, if there is one.
constexpr std::optional<Stopped> find_stopped(std::string_view name) {
    for (std::size_t i = 0; i < stopped_names.size(); ++i) {
        if (stopped_names[i] == name) {
            return static_cast<Stopped>(i);
        }
    }
    return std::nullopt;
}

/// A training: everything that the batches to come depend on, beside the data and the options. The same state gives the
/// same bits, on any number of threads. The order of the rows is not in it, being a pure function: in epoch e it is
/// permutation(rows, RandomStream(seed, Purpose::shuffle, e)).
template <class T>
struct TrainState {
    BasicMlp<T> net;
    /// What the optimizer remembers of each parameter, each in the place of its parameter: none, momentum, or Adam's
    /// running means of g and g².
    std::vector<BasicMlp<T>> moments;
    StepCount count;                    ///< steps taken until the last whole epoch, for Adam's corrections
    std::size_t epoch = 0;              ///< whole epochs done
    std::optional<BasicMlp<T>> best{};  ///< with early stopping: the weights of the best epoch, at first the first ones
    double best_loss = std::numeric_limits<double>::infinity();  ///< on the validation rows, of the best epoch …
    std::size_t best_epoch = 0;  ///< … which this is; without early stopping the last one. epoch − best_epoch is
                                 ///< how long early stopping has waited
    std::vector<EpochLosses> history{};
    std::optional<BegunEpoch<T>> begun{};  ///< when it stands in the middle of epoch + 1
    SolverMemory memory{};                 ///< in the place of moments and count
    std::optional<Stopped> over{};         ///< why its solver has ended it
};

/// What the first of two trainings came to, when the second, on all rows, is under way.
struct FirstTraining {
    std::size_t epochs = 0;
    std::size_t best_epoch = 0;
    std::string stopped{};  ///< a name of Stopped, but not `interrupted`

    bool operator==(const FirstTraining&) const = default;
};

/// A training as a file keeps it, beside the model that it would give if it ended there.
template <class T>
struct SavedTraining {
    TrainState<T> state;
    std::optional<FirstTraining> first{};  ///< then the model is that of the first training, the state of the second
    double seconds = 0.0;                  ///< that the training took so far
    /// What a front end was told, by name: kept for it, to be told again.
    std::map<std::string, std::vector<std::string>> told{};
};

}  // namespace handgrad
