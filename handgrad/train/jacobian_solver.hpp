// Mini-batch steps on the loss and the Jacobian term together.
#pragma once

#include <memory>

#include "handgrad/train/solver.hpp"

namespace handgrad {

/// For data that have Jacobians: every optimizer of mini-batch steps, by gradients of loss, term and penalty that are
/// added before the step. Raises Error(usage) for a state of another optimizer or network.
template <class T>
std::unique_ptr<Solver<T>> jacobian_solver(const TrainProblem<T>& problem, const TrainState<T>& state);

}  // namespace handgrad
