// What moves a training: the seam for solvers that are not mini-batch steps.
#pragma once

#include <optional>

#include "handgrad/train/trainer.hpp"

namespace handgrad {

/// What is to be learned, and how. The data are referred to.
template <class T>
struct TrainProblem {
    const BasicDataset<T>& data;
    TrainOptions options;  ///< with the number of epochs
};

/// What an iteration saw.
struct Iteration {
    double loss;                       ///< as EpochReport::loss
    double learning_rate;              ///< of its last step; how long a step of a line search is, in its own direction
    std::optional<Stopped> over = {};  ///< why none can follow it
    std::optional<SolverProgress> progress = {};  ///< of a solver that sees all rows at once
};

/// Takes a state from one epoch to the next: all batches of mini-batch steps, or one iteration of a method that sees
/// all rows at once. Made for a problem and the state that it goes on from by the entry of an optimizer
/// (train/optimizer.hpp: O::solver). Between two calls the state is only looked at, so a solver may keep what it
/// remembers, and a copy of the weights, in a layout and a precision of its own.
template <class T>
class Solver {
public:
    Solver() = default;
    Solver(const Solver&) = delete;
    Solver& operator=(const Solver&) = delete;
    virtual ~Solver() = default;

    /// Epoch state.epoch + 1, or what is left of it: moves state.net, and nothing else of the state. Nothing when
    /// `pause` (which may be empty, and need not be asked by what takes no time) was true within it; the next call goes
    /// on. `plan`, which has been checked, is for an epoch that begins here. Raises Diverged with state.net as it was
    /// at the beginning of the epoch.
    virtual std::optional<Iteration> advance(TrainState<T>& state, const Pause& pause, const EpochPlan& plan) = 0;
    /// Writes what it remembers into state.moments, state.count and state.begun, or into state.memory; called when
    /// somebody wants to see them.
    virtual void save(TrainState<T>& state) const = 0;
};

}  // namespace handgrad
