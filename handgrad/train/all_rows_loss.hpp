// The loss of all rows of a training at once, with everything that belongs to it, and its gradient, in double: what
// solvers make small that take no mini-batch steps.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "handgrad/nn/jacobian_loss_gradient.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/train/data_in_double.hpp"
#include "handgrad/train/solver.hpp"

namespace handgrad {

/// l(w) = mean loss over the rows, by their weights + L2 penalty as the conventions declare it + Jacobian term where
/// the data have Jacobians. Computes in double whatever the precision of the data, of which it makes a copy where they
/// are not in double. The bits depend on neither threads nor instruction set.
class AllRowsLoss {
public:
    /// Keeps references to the problem's data where they are in double.
    template <class T>
    AllRowsLoss(const TrainProblem<T>& problem, const Architecture& architecture);

    /// The number of parameters, in the order of BasicMlp::parameters().
    [[nodiscard]] std::size_t size() const { return net_.parameters().size(); }
    /// Returns l(w) and overwrites `gradient` with ∂l/∂w.
    double operator()(std::span<const double> w, std::span<double> gradient);

private:
    DataInDouble data_;
    double alpha_, jacobian_weight_, total_weight_;
    BasicMlp<double> net_, gradient_;
    LossGradient<double> of_loss_;
    std::optional<JacobianLossGradient<double>> of_jacobians_;
};

/// What is raised where the loss of all rows, or its gradient, is not finite after so many epochs.
Diverged diverged_over_all_rows(std::size_t epoch);

}  // namespace handgrad
