// Three terms and their gradients, each from the room that has it.
#include "handgrad/train/all_rows_loss.hpp"

#include <algorithm>

#include "handgrad/nn/passes.hpp"

namespace handgrad {
template <class T>
AllRowsLoss::AllRowsLoss(const TrainProblem<T>& problem, const Architecture& architecture)
    : data_(problem.data),
      alpha_(penalty_strength(problem.options.optimizer)),
      jacobian_weight_(problem.options.jacobian_weight),
      total_weight_(data_->total_weight()),
      net_(BasicMlp<double>::zeros(architecture)),
      gradient_(BasicMlp<double>::zeros(architecture)),
      of_loss_(net_, problem.options.loss, data_->rows(), !data_->weights.empty(), problem.options.execution) {
    if (jacobian_weight_ > 0.0 && data_->jacobians.rows() > 0) {
        of_jacobians_.emplace(net_, problem.options.execution);
    }
}

double AllRowsLoss::operator()(std::span<const double> w, std::span<double> gradient) {
    std::ranges::copy(w, net_.parameters().begin());
    double loss = of_loss_(net_, data_->x, data_->y, gradient_, data_->weights);
    if (of_jacobians_) {
        loss += (*of_jacobians_)(net_, {.x = data_->x, .targets = data_->jacobians, .weights = data_->weights},
                                 jacobian_weight_, gradient_);
    }
    if (alpha_ > 0.0) {
        loss += penalty(net_, alpha_, total_weight_, &gradient_);
    }
    std::ranges::copy(gradient_.parameters(), gradient.begin());
    return loss;
}

template AllRowsLoss::AllRowsLoss(const TrainProblem<float>&, const Architecture&);
template AllRowsLoss::AllRowsLoss(const TrainProblem<double>&, const Architecture&);

Diverged diverged_over_all_rows(std::size_t epoch) {
    return Diverged("training diverged in epoch " + std::to_string(epoch + 1) +
                        ": the loss over all rows or its gradient is not finite at the weights of epoch " +
                        std::to_string(epoch) +
                        ", from which no step leads on. Scaled columns, or smaller first weights, usually help",
                    epoch, std::nullopt);
}

}  // namespace handgrad
