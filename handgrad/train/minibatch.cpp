// Epochs of mini-batch steps on the engine, and where in one the first value arose that is not finite.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/nn/engine.hpp"
#include "handgrad/nn/monotone.hpp"
#include "handgrad/train/batches.hpp"
#include "handgrad/train/jacobian_solver.hpp"
#include "handgrad/train/nonfinite.hpp"
#include "handgrad/train/solver.hpp"

namespace handgrad {
namespace {

template <class T>
std::string weight_norms(const BasicMlp<T>& net) {
    std::string text;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        double squares = 0.0;
        const MatrixView<const T> W = net.weight(l);
        for (const T w : std::span<const T>(W.data(), W.rows() * W.columns())) {
            squares += static_cast<double>(w) * static_cast<double>(w);
        }
        char number[32];
        std::snprintf(number, sizeof number, "%.3g", std::fabs(std::sqrt(squares)));  // no sign before a NaN
        text += (l == 0 ? "linear" : ", linear") + std::to_string(l + 1) + " " + number;
    }
    return text;
}

/// Inputs and targets of each row side by side, from the beginning of a cache line on: a row of a shuffled table that
/// is larger than the caches then comes in as few lines as it can, and a step of a small network spends most of its
/// time on waiting for them. A second copy, so not made of tables that are small, of long rows, or that would take much
/// room.
template <class T>
class SideBySide {
public:
    SideBySide(const BasicDataset<T>& data, bool shuffled) : inputs_(data.x.columns()), outputs_(data.y.columns()) {
        constexpr std::size_t line = 64 / sizeof(T), longest = 512 / sizeof(T);
        constexpr std::size_t in_a_cache = std::size_t{1} << 20, most = std::size_t{1} << 29;
        const std::size_t stride = (inputs_ + outputs_ + line - 1) / line * line;
        const std::size_t bytes = data.rows() * stride * sizeof(T);
        if (!shuffled || stride > longest || bytes < in_a_cache || bytes > most) {
            return;
        }
        rows_ = Matrix<T>(data.rows(), stride);
        for (std::size_t row = 0; row < data.rows(); ++row) {
            std::ranges::copy(data.x.row(row), rows_.row(row).begin());
            std::ranges::copy(data.y.row(row), rows_.row(row).begin() + static_cast<std::ptrdiff_t>(inputs_));
        }
    }
    /// The same rows in their new place, if there is one.
    void take_the_place_of(EngineRows<T>& rows) const {
        if (rows_.rows() > 0) {
            const T* first = rows_.values().data();
            rows.x = MatrixView<const T>(first, rows_.rows(), inputs_, rows_.columns());
            rows.y = MatrixView<const T>(first + inputs_, rows_.rows(), outputs_, rows_.columns());
        }
    }

private:
    std::size_t inputs_, outputs_;
    Matrix<T> rows_;
};

/// Every row once an epoch: the five steps of each batch, on the kernels. Weights and moments stay in the engine; the
/// weights are copied out after each epoch, the moments when they are asked for.
template <class T>
class MinibatchSolver : public Solver<T> {
public:
    MinibatchSolver(const TrainProblem<T>& problem, const TrainState<T>& state)
        : data_(problem.data),
          options_(problem.options),
          conventions_(state.net.architecture().conventions),
          alpha_(penalty_strength(options_.optimizer)),
          batch_rows_(std::min(options_.batch, data_.rows())),
          steps_((data_.rows() + batch_rows_ - 1) / batch_rows_),
          losses_(steps_.size()),
          sequence_(options_.optimizer, conventions_, state.count),
          engine_(state.net, {.loss = options_.loss,
                              .rule = sequence_.rule(),
                              .batch = batch_rows_,
                              .row_weights = !data_.weights.empty(),
                              .penalty = alpha_,
                              .execution = options_.execution}),
          order_(all_rows(data_.rows())),
          side_by_side_(data_, options_.shuffle) {
        check_moments(state.moments, state);
        if (!options_.input_signs.empty()) {
            engine_.hold_signs(weight_signs<T>(state.net.architecture(), options_.input_signs));
        }
        if (state.begun) {
            go_on(state, *state.begun);
        } else {
            engine_.load_moments(state.moments);
            last_good_ = engine_.state();
        }
    }

    std::optional<Iteration> advance(TrainState<T>& state, const Pause& pause, const EpochPlan& plan) override {
        if (!begun_) {
            begin(state.epoch + 1, plan);
        }
        while (batches_ < steps_.size()) {
            take_steps(state, chunk(pause));
            if (batches_ < steps_.size() && pause()) {
                check_finite(state);
                engine_.store(state.net);
                return {};
            }
        }
        check_finite(state);
        engine_.store(state.net);
        begun_ = false;
        return Iteration{.loss = loss_sum_ / weight_sum_, .learning_rate = rate_};
    }

    void save(TrainState<T>& state) const override {
        state.moments.resize(sequence_.moments(), BasicMlp<T>::zeros_like(state.net));
        engine_.store_moments(state.moments);
        state.begun.reset();
        state.count = sequence_.count();
        if (begun_) {
            state.count = count_;
            state.begun = BegunEpoch<T>{.batches = batches_,
                                        .loss_sum = loss_sum_,
                                        .weight_sum = weight_sum_,
                                        .net = BasicMlp<T>::zeros_like(state.net),
                                        .moments = state.moments};
            engine_.store(state.begun->net, last_good_);
            engine_.store_moments(state.begun->moments, last_good_);
        }
    }

private:
    /// A fresh state has no moments, which then are 0; another one has all of them.
    void check_moments(const std::vector<BasicMlp<T>>& moments, const TrainState<T>& state) const {
        const auto fits = [&](const BasicMlp<T>& moment) {
            return moment.architecture().sizes == state.net.architecture().sizes;
        };
        const bool fresh = moments.empty() && state.count.steps == 0 && !state.begun;
        if (!fresh && (moments.size() != sequence_.moments() || !std::ranges::all_of(moments, fits))) {
            throw Error(ErrorKind::usage, "training: the state to go on from is that of another optimizer or network");
        }
    }

    /// Stands where that epoch was left.
    void go_on(const TrainState<T>& state, const BegunEpoch<T>& begun) {
        check_moments(begun.moments, state);
        if (begun.batches == 0 || begun.batches >= steps_.size() ||
            begun.net.architecture().sizes != state.net.architecture().sizes) {
            throw Error(ErrorKind::usage,
                        "training: the state to go on from is in the middle of an epoch of other data");
        }
        engine_.load(begun.net);
        engine_.load_moments(begun.moments);
        begin(state.epoch + 1, {});
        engine_.load(state.net);
        engine_.load_moments(state.moments);
        batches_ = begun.batches;
        loss_sum_ = begun.loss_sum;
        weight_sum_ = begun.weight_sum;
    }

    /// Lays out the epoch that starts from what the engine holds.
    void begin(std::size_t epoch, const EpochPlan& plan) {
        begun_ = true;
        count_ = sequence_.count();
        last_good_ = engine_.state();
        batches_ = 0;
        loss_sum_ = weight_sum_ = 0.0;
        take_order(order_, plan, options_, epoch);
        prepare_steps(epoch, plan.learning_rate);
    }

    /// How many steps to take before somebody is asked: all when nobody is, else as many as fit into a time that nobody
    /// feels.
    [[nodiscard]] std::size_t chunk(const Pause& pause) const {
        const std::size_t left = steps_.size() - batches_;
        return pause ? std::min(left, chunk_) : left;
    }

    /// The next steps of the epoch. How many at a time changes no bit: each begins where the one before it ended.
    void take_steps(TrainState<T>& state, std::size_t number) {
        const auto start = std::chrono::steady_clock::now();
        const std::size_t first_row = batches_ * batch_rows_;
        const std::size_t rows_here = std::min(number * batch_rows_, data_.rows() - first_row);
        EngineRows<T> rows = engine_rows<T>(data_, std::span(order_).subspan(first_row, rows_here));
        side_by_side_.take_the_place_of(rows);
        const auto steps = std::span(steps_).subspan(batches_, number);
        const std::size_t done = engine_.run(rows, batch_rows_, steps, losses_, !options_.allow_nonfinite);
        if (done < number) {
            report_nonfinite(state);
        }
        for (std::size_t i = 0; i < number; ++i) {
            if (!steps[i].skipped) {
                loss_sum_ += losses_[i] * steps[i].total_weight;
                weight_sum_ += steps[i].total_weight;
            }
        }
        batches_ += number;
        constexpr std::chrono::milliseconds unfelt{20};
        const auto took = std::chrono::steady_clock::now() - start;
        if (2 * took < unfelt) {
            chunk_ = std::min(2 * chunk_, steps_.size());
        } else if (took > unfelt) {
            chunk_ = std::max<std::size_t>(1, chunk_ / 2);
        }
    }

    void check_finite(TrainState<T>& state) {
        if (!options_.allow_nonfinite && !finite(engine_.state())) {
            report_nonfinite(state);
        }
    }

    [[nodiscard]] std::span<const std::size_t> rows_of(std::size_t number) const {
        const std::size_t first = number * batch_rows_;
        return std::span(order_).subspan(first, std::min(batch_rows_, data_.rows() - first));
    }

    void prepare_steps(std::size_t epoch, std::optional<double> given_rate) {
        const std::size_t steps = *options_.epochs * steps_.size();
        for (std::size_t number = 0; number < steps_.size(); ++number) {
            const std::span<const std::size_t> rows = rows_of(number);
            kernels::StepConstants<T>& step = steps_[number];
            step.total_weight = total_weight<T>(data_, rows);
            step.skipped = step.total_weight == 0.0;  // rows that count nothing teach nothing
            if (step.skipped) {
                continue;
            }
            rate_ = given_rate.value_or(scheduled_rate(options_.schedule, options_.optimizer.learning_rate,
                                                       (epoch - 1) * steps_.size() + number, steps, steps_.size()));
            const auto constants = sequence_.next<T>(rate_, penalty_of_batch(alpha_, conventions_, step.total_weight));
            step.weights = constants.weights;
            step.biases = constants.biases;
        }
    }

    [[nodiscard]] static bool finite(const EngineState<T>& state) {
        return all_finite<T>(state.parameters) && all_finite<T>(state.first) && all_finite<T>(state.second);
    }

    /// Runs the epoch again, step by step, to the first step that leaves a value that is not finite, and says where in
    /// it that value arose. Runs the epoch's bits again, so it finds what was found.
    [[noreturn]] void report_nonfinite(TrainState<T>& state) {
        BasicMlp<T>& net = state.net;
        const std::size_t epoch = state.epoch + 1;
        sequence_ = StepSequence(options_.optimizer, conventions_, count_);
        begun_ = false;
        engine_.restore(last_good_);
        std::size_t number = 0;
        for (; number + 1 < steps_.size(); ++number) {
            if (steps_[number].skipped) {
                continue;
            }
            engine_.store(net);
            EngineRows<T> rows = engine_rows<T>(data_, rows_of(number));
            double loss = 0.0;
            engine_.run(rows, batch_rows_, {&steps_[number], 1}, {&loss, 1}, true);
            if (!std::isfinite(loss) || !finite(engine_.state())) {
                break;
            }
        }
        if (number + 1 == steps_.size()) {
            engine_.store(net);
        }
        const NonfiniteOrigin origin = origin_in(number, net);
        const std::string norms = weight_norms(net);
        engine_.restore(last_good_);
        engine_.store(net);
        throw Diverged("training diverged in epoch " + std::to_string(epoch) + ", batch " + std::to_string(number + 1) +
                           " of " + std::to_string(steps_.size()) + ": the first value that is not finite is in " +
                           (origin.row ? "row " + std::to_string(*origin.row + 1) + " of the training rows, " : "") +
                           origin.stage + " (norms of the weights: " + norms + "); the weights of epoch " +
                           std::to_string(epoch - 1) +
                           " are kept. A smaller learning rate, or scaled columns, usually help",
                       epoch - 1, origin.row);
    }

    /// The same step in the plain loops, with the network as it was before it; the row is one of the data set.
    NonfiniteOrigin origin_in(std::size_t number, const BasicMlp<T>& net) const {
        const std::span<const std::size_t> rows = rows_of(number);
        Matrix<T> x(rows.size(), data_.x.columns()), y(rows.size(), data_.y.columns());
        std::vector<T> weights;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::ranges::copy(data_.x.row(rows[i]), x.row(i).begin());
            std::ranges::copy(data_.y.row(rows[i]), y.row(i).begin());
            if (!data_.weights.empty()) {
                weights.push_back(data_.weights[rows[i]]);
            }
        }
        BasicTape<T> tape(net, rows.size()), dtape(net, rows.size());
        BasicMlp<T> grad = BasicMlp<T>::zeros_like(net);
        forward(net, x, tape);                                                      // Step 2, Eq. (2)
        double l = loss(options_.loss, tape.output(), y, dtape.output(), weights);  // Step 3
        backward(net, tape, dtape, grad);                                           // Step 4
        l += penalty(net, alpha_, steps_[number].total_weight, &grad);
        NonfiniteOrigin origin = first_nonfinite<T>(tape, dtape, grad, options_.loss, y, l);
        if (origin.row) {
            origin.row = rows[*origin.row];
        }
        return origin;
    }

    const BasicDataset<T>& data_;
    TrainOptions options_;
    Conventions conventions_;
    double alpha_;
    std::size_t batch_rows_;
    std::vector<kernels::StepConstants<T>> steps_;
    std::vector<double> losses_;
    StepSequence sequence_;
    Engine<T> engine_;
    EngineState<T> last_good_;
    std::vector<std::size_t> order_;
    SideBySide<T> side_by_side_;
    std::size_t chunk_ = 1;

    bool begun_ = false;       ///< an epoch that is not over
    StepCount count_;          ///< at its beginning, as last_good_ is the rest of it
    std::size_t batches_ = 0;  ///< of it that are done …
    double loss_sum_ = 0.0;    ///< … each loss times its total weight, and the sum of those weights
    double weight_sum_ = 0.0;
    double rate_ = 0.0;  ///< of its last step
};

}  // namespace

template <class T>
std::unique_ptr<Solver<T>> optimizers::MinibatchSteps::solver(const TrainProblem<T>& problem,
                                                              const TrainState<T>& state) {
    if (problem.data.jacobians.rows() > 0) {
        return jacobian_solver(problem, state);
    }
    return std::make_unique<MinibatchSolver<T>>(problem, state);
}

template std::unique_ptr<Solver<float>> optimizers::MinibatchSteps::solver(const TrainProblem<float>&,
                                                                           const TrainState<float>&);
template std::unique_ptr<Solver<double>> optimizers::MinibatchSteps::solver(const TrainProblem<double>&,
                                                                            const TrainState<double>&);

}  // namespace handgrad
