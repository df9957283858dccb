// Epochs of mini-batch steps whose gradient is that of the loss and of the Jacobian term.
#include "handgrad/train/jacobian_solver.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/nn/jacobian_loss_gradient.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/monotone.hpp"
#include "handgrad/train/batches.hpp"
#include "handgrad/train/nonfinite.hpp"

namespace handgrad {
namespace {

/// Weights and moments stay in the user's layout: what moves them is the sum of three gradients, none of which is the
/// engine's alone.
template <class T>
class JacobianSolver : public Solver<T> {
public:
    JacobianSolver(const TrainProblem<T>& problem, const TrainState<T>& state)
        : data_(problem.data),
          options_(problem.options),
          alpha_(penalty_strength(options_.optimizer)),
          batch_rows_(std::min(options_.batch, data_.rows())),
          steps_((data_.rows() + batch_rows_ - 1) / batch_rows_),
          optimizer_(state.net, options_.optimizer, state.count),
          of_loss_(state.net, options_.loss, batch_rows_, !data_.weights.empty(), options_.execution),
          of_jacobians_(state.net, options_.execution),
          gradient_(BasicMlp<T>::zeros_like(state.net)),
          order_(all_rows(data_.rows())),
          x_(batch_rows_, data_.x.columns()),
          y_(batch_rows_, data_.y.columns()) {
        if (!options_.input_signs.empty()) {
            signs_ = weight_signs<T>(state.net.architecture(), options_.input_signs);
        }
        load(state.moments, state);
        if (state.begun) {
            go_on(state, *state.begun);
        }
    }

    std::optional<Iteration> advance(TrainState<T>& state, const Pause& pause, const EpochPlan& plan) override {
        if (!begun_) {
            begin(state, plan);
        }
        while (batches_ < steps_) {
            take_step(state);
            if (batches_ < steps_ && pause && pause()) {
                return {};
            }
        }
        begun_ = false;
        return Iteration{.loss = loss_sum_ / weight_sum_, .learning_rate = rate_};
    }

    void save(TrainState<T>& state) const override {
        state.moments = moments_of(state.net, optimizer_.first_state(), optimizer_.second_state());
        state.begun.reset();
        state.count = optimizer_.count();
        if (begun_) {
            state.count = count_;
            state.begun = BegunEpoch<T>{.batches = batches_,
                                        .loss_sum = loss_sum_,
                                        .weight_sum = weight_sum_,
                                        .net = net_,
                                        .moments = moments_of(net_, first_, second_)};
        }
    }

private:
    [[nodiscard]] std::size_t number_of_moments() const {
        return std::size_t{!optimizer_.first_state().empty()} + std::size_t{!optimizer_.second_state().empty()};
    }
    std::vector<BasicMlp<T>> moments_of(const BasicMlp<T>& net, std::span<const T> first,
                                        std::span<const T> second) const {
        std::vector<BasicMlp<T>> moments(number_of_moments(), BasicMlp<T>::zeros_like(net));
        for (std::size_t i = 0; i < moments.size(); ++i) {
            std::ranges::copy(i == 0 ? first : second, moments[i].parameters().begin());
        }
        return moments;
    }
    /// A fresh state has no moments, which then are 0; another one has all of them.
    void load(const std::vector<BasicMlp<T>>& moments, const TrainState<T>& state) {
        const auto fits = [&](const BasicMlp<T>& moment) {
            return moment.architecture().sizes == state.net.architecture().sizes;
        };
        if (moments.empty() && state.count.steps == 0 && !state.begun) {
            return;
        }
        if (moments.size() != number_of_moments() || !std::ranges::all_of(moments, fits)) {
            throw Error(ErrorKind::usage, "training: the state to go on from is that of another optimizer or network");
        }
        for (std::size_t i = 0; i < moments.size(); ++i) {
            std::ranges::copy(moments[i].parameters(),
                              (i == 0 ? optimizer_.first_state() : optimizer_.second_state()).begin());
        }
    }

    /// Stands where that epoch was left: with its beginning as that was, and as many steps counted as were taken.
    void go_on(const TrainState<T>& state, const BegunEpoch<T>& begun) {
        if (begun.batches == 0 || begun.batches >= steps_ ||
            begun.net.architecture().sizes != state.net.architecture().sizes) {
            throw Error(ErrorKind::usage,
                        "training: the state to go on from is in the middle of an epoch of other data");
        }
        load(begun.moments, state);
        TrainState<T> beginning{.net = begun.net, .moments = {}, .count = state.count, .epoch = state.epoch};
        begin(beginning, {});
        load(state.moments, state);
        for (; batches_ < begun.batches; ++batches_) {
            if (total_weight<T>(data_, rows_of(batches_)) > 0.0) {
                optimizer_.next(options_.optimizer.learning_rate);
            }
        }
        loss_sum_ = begun.loss_sum;
        weight_sum_ = begun.weight_sum;
    }

    void begin(const TrainState<T>& state, const EpochPlan& plan) {
        begun_ = true;
        net_ = state.net;
        first_.assign(optimizer_.first_state().begin(), optimizer_.first_state().end());
        second_.assign(optimizer_.second_state().begin(), optimizer_.second_state().end());
        count_ = optimizer_.count();
        batches_ = 0;
        loss_sum_ = weight_sum_ = 0.0;
        given_rate_ = plan.learning_rate;
        take_order(order_, plan, options_, state.epoch + 1);
    }

    [[nodiscard]] std::span<const std::size_t> rows_of(std::size_t number) const {
        const std::size_t first = number * batch_rows_;
        return std::span(order_).subspan(first, std::min(batch_rows_, data_.rows() - first));
    }

    void take_step(TrainState<T>& state) {
        const std::span<const std::size_t> rows = rows_of(batches_);
        const double weight = total_weight<T>(data_, rows);
        if (weight > 0.0) {  // rows that count nothing teach nothing
            const std::size_t all = *options_.epochs * steps_;
            rate_ = given_rate_.value_or(scheduled_rate(options_.schedule, options_.optimizer.learning_rate,
                                                        state.epoch * steps_ + batches_, all, steps_));
            const double loss = fill_gradient(state.net, rows, weight);
            optimizer_.update(state.net, gradient_, rate_);
            if (signs_) {
                hold_signs(state.net, *signs_);
            }
            check_finite(state, loss);
            loss_sum_ += loss * weight;
            weight_sum_ += weight;
        }
        ++batches_;
    }

    /// Loss, Jacobian term and penalty of these rows, and the gradient of their sum.
    double fill_gradient(const BasicMlp<T>& net, std::span<const std::size_t> rows, double weight) {
        weights_.clear();
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::ranges::copy(data_.x.row(rows[i]), x_.row(i).begin());
            std::ranges::copy(data_.y.row(rows[i]), y_.row(i).begin());
            if (!data_.weights.empty()) {
                weights_.push_back(data_.weights[rows[i]]);
            }
        }
        const MatrixView<const T> x = x_.view(), y = y_.view();
        double loss = of_loss_(net, x.rows_from(0, rows.size()), y.rows_from(0, rows.size()), gradient_, weights_);
        loss += of_jacobians_(net, {.x = data_.x, .targets = data_.jacobians, .weights = data_.weights, .order = rows},
                              options_.jacobian_weight, gradient_);
        return loss + penalty(net, alpha_, weight, &gradient_);
    }

    void check_finite(TrainState<T>& state, double loss) {
        if (options_.allow_nonfinite || (std::isfinite(loss) && all_finite<T>(std::as_const(state.net).parameters()) &&
                                         all_finite<T>(std::as_const(optimizer_).first_state()) &&
                                         all_finite<T>(std::as_const(optimizer_).second_state()))) {
            return;
        }
        const std::string where =
            "training diverged in epoch " + std::to_string(state.epoch + 1) + ", batch " +
            std::to_string(batches_ + 1) + " of " + std::to_string(steps_) + ": " +
            (std::isfinite(loss) ? "what the step makes of the weights" : "the loss with its Jacobian term") +
            " is not finite";
        state.net = net_;
        begun_ = false;
        throw Diverged(where + ". Try a smaller learning rate, or give the derivatives less weight", state.epoch,
                       std::nullopt);
    }

    const BasicDataset<T>& data_;
    TrainOptions options_;
    double alpha_;
    std::size_t batch_rows_, steps_;
    Optimizer<T> optimizer_;
    LossGradient<T> of_loss_;
    JacobianLossGradient<T> of_jacobians_;
    BasicMlp<T> gradient_;
    std::optional<BasicMlp<T>> signs_;  ///< that weights are held to, if they are
    std::vector<std::size_t> order_;
    Matrix<T> x_, y_;  ///< of a batch …
    std::vector<T> weights_;

    bool begun_ = false;  ///< an epoch that is not over …
    BasicMlp<T> net_;     ///< … and what it began with
    std::vector<T> first_, second_;
    StepCount count_;
    std::size_t batches_ = 0;  ///< of it that are done
    double loss_sum_ = 0.0, weight_sum_ = 0.0;
    double rate_ = 0.0;  ///< of its last step
    std::optional<double> given_rate_;
};

}  // namespace

template <class T>
std::unique_ptr<Solver<T>> jacobian_solver(const TrainProblem<T>& problem, const TrainState<T>& state) {
    return std::make_unique<JacobianSolver<T>>(problem, state);
}
template std::unique_ptr<Solver<float>> jacobian_solver(const TrainProblem<float>&, const TrainState<float>&);
template std::unique_ptr<Solver<double>> jacobian_solver(const TrainProblem<double>&, const TrainState<double>&);

}  // namespace handgrad
