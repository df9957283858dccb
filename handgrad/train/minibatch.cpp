// Epochs of mini-batch steps on the engine, and where in one the first value arose that is not finite.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/nn/engine.hpp"
#include "handgrad/train/batches.hpp"
#include "handgrad/train/nonfinite.hpp"
#include "handgrad/train/solver.hpp"

namespace handgrad {
namespace {

/// What these rows count in a mean.
template <class T>
double total_weight(const BasicDataset<T>& data, std::span<const std::size_t> rows) {
    if (data.weights.empty()) {
        return static_cast<double>(rows.size());
    }
    double sum = 0.0;
    for (const std::size_t row : rows) {
        sum += data.weight(row);
    }
    return sum;
}

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
        check_moments(state);
        engine_.load_moments(state.moments);
        last_good_ = engine_.state();
    }

    Iteration advance(TrainState<T>& state) override {
        const std::size_t epoch = state.epoch + 1;
        const StepCount count = sequence_.count();
        last_good_ = engine_.state();
        if (options_.shuffle) {
            permute(order_, RandomStream(options_.seed, Purpose::shuffle, static_cast<std::uint32_t>(epoch)),
                    kernels::table(options_.execution.level()).random_bits);
        }
        prepare_steps(epoch);
        EngineRows<T> rows = engine_rows<T>(data_, order_);
        side_by_side_.take_the_place_of(rows);
        const std::size_t done = engine_.run(rows, batch_rows_, steps_, losses_, !options_.allow_nonfinite);
        if (!options_.allow_nonfinite && (done < steps_.size() || !finite(engine_.state()))) {
            sequence_ = StepSequence(options_.optimizer, conventions_, count);
            report_nonfinite(epoch, state.net);
        }
        engine_.store(state.net);
        double loss_sum = 0.0, weight_sum = 0.0;
        for (std::size_t number = 0; number < steps_.size(); ++number) {
            if (!steps_[number].skipped) {
                loss_sum += losses_[number] * steps_[number].total_weight;
                weight_sum += steps_[number].total_weight;
            }
        }
        return {.loss = loss_sum / weight_sum, .learning_rate = rate_};
    }

    void save(TrainState<T>& state) const override {
        state.count = sequence_.count();
        state.moments.resize(sequence_.moments(), BasicMlp<T>::zeros_like(state.net));
        engine_.store_moments(state.moments);
    }

private:
    /// A fresh state has no moments, which then are 0; another one has all of them.
    void check_moments(const TrainState<T>& state) const {
        const auto fits = [&](const BasicMlp<T>& moment) {
            return moment.architecture().sizes == state.net.architecture().sizes;
        };
        const bool fresh = state.moments.empty() && state.count.steps == 0;
        if (!fresh && (state.moments.size() != sequence_.moments() || !std::ranges::all_of(state.moments, fits))) {
            throw Error(ErrorKind::usage, "training: the state to go on from is that of another optimizer or network");
        }
    }

    [[nodiscard]] std::span<const std::size_t> rows_of(std::size_t number) const {
        const std::size_t first = number * batch_rows_;
        return std::span(order_).subspan(first, std::min(batch_rows_, data_.rows() - first));
    }

    void prepare_steps(std::size_t epoch) {
        const std::size_t steps = *options_.epochs * steps_.size();
        for (std::size_t number = 0; number < steps_.size(); ++number) {
            const std::span<const std::size_t> rows = rows_of(number);
            kernels::StepConstants<T>& step = steps_[number];
            step.total_weight = total_weight<T>(data_, rows);
            step.skipped = step.total_weight == 0.0;  // rows that count nothing teach nothing
            if (step.skipped) {
                continue;
            }
            rate_ = scheduled_rate(options_.schedule, options_.optimizer.learning_rate,
                                   (epoch - 1) * steps_.size() + number, steps, steps_.size());
            const auto constants = sequence_.next<T>(rate_, penalty_of_batch(alpha_, conventions_, rows.size()));
            step.weights = constants.weights;
            step.biases = constants.biases;
        }
    }

    [[nodiscard]] static bool finite(const EngineState<T>& state) {
        return all_finite<T>(state.parameters) && all_finite<T>(state.first) && all_finite<T>(state.second);
    }

    /// Runs the epoch again, step by step, to the first step that leaves a value that is not finite, and says where in
    /// it that value arose. Runs the epoch's bits again, so it finds what was found.
    [[noreturn]] void report_nonfinite(std::size_t epoch, BasicMlp<T>& net) {
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
        l += penalty(net, alpha_, rows.size(), &grad);
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
    double rate_ = 0.0;
};

}  // namespace

template <class T>
std::unique_ptr<Solver<T>> optimizers::MinibatchSteps::solver(const TrainProblem<T>& problem,
                                                              const TrainState<T>& state) {
    return std::make_unique<MinibatchSolver<T>>(problem, state);
}

template std::unique_ptr<Solver<float>> optimizers::MinibatchSteps::solver(const TrainProblem<float>&,
                                                                           const TrainState<float>&);
template std::unique_ptr<Solver<double>> optimizers::MinibatchSteps::solver(const TrainProblem<double>&,
                                                                            const TrainState<double>&);

}  // namespace handgrad
