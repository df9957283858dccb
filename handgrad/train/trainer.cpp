// Epochs of the five steps on the engine, and what surrounds them: batches, early stopping, the stop at non-finite
// values.
#include "handgrad/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/nn/engine.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/nonfinite.hpp"

namespace handgrad {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

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

void check(bool good, const char* cause) {
    if (!good) {
        throw Error(ErrorKind::usage, std::string("training: ") + cause);
    }
}

/// α of the penalty that is part of the loss; AdamW's decay is not.
double penalty_strength(const OptimizerOptions& options) {
    return options.kind == OptimizerKind::adamw ? 0.0 : options.weight_decay;
}
/// What a batch of so many rows multiplies ½‖W‖² with.
double penalty_of_batch(double alpha, const Conventions& conventions, std::size_t rows) {
    return conventions.penalty == Penalty::weights_per_row ? alpha / static_cast<double>(rows) : alpha;
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

/// Rows of a data set as an engine takes them.
template <class T>
EngineRows<T> engine_rows(const BasicDataset<T>& data, std::span<const std::size_t> order) {
    return {.x = data.x,
            .y = data.y,
            .weights = data.weights.empty() ? nullptr : data.weights.data(),
            .order = order.data(),
            .count = order.size()};
}

/// A network's parameters as they were, to go back to.
template <class T>
class Snapshot {
public:
    explicit Snapshot(const BasicMlp<T>& net) { take(net); }
    void take(const BasicMlp<T>& net) { parameters_.assign(net.parameters().begin(), net.parameters().end()); }
    void restore(BasicMlp<T>& net) const { std::ranges::copy(parameters_, net.parameters().begin()); }

private:
    AlignedVector<T> parameters_;
};

/// The loss of a network on all rows of a data set, again and again.
template <class T>
class WholeLoss {
public:
    WholeLoss(const BasicMlp<T>& net, const BasicDataset<T>& data, const LossFunction& function, double alpha,
              const Execution& execution)
        : data_(data),
          order_(all_rows(data.rows())),
          engine_(net, {.loss = function,
                        .work = kernels::Work::loss,
                        .batch = data.rows(),
                        .row_weights = !data.weights.empty(),
                        .penalty = alpha,
                        .execution = execution}) {
        step_.total_weight = data.total_weight();
        step_.weights.penalty = static_cast<T>(penalty_of_batch(alpha, net.architecture().conventions, data.rows()));
    }
    double operator()(const BasicMlp<T>& net) {
        engine_.load(net);
        double loss = 0.0;
        engine_.run(engine_rows<T>(data_, order_), data_.rows(), {&step_, 1}, {&loss, 1}, false);
        return loss;
    }

private:
    const BasicDataset<T>& data_;
    std::vector<std::size_t> order_;
    Engine<T> engine_;
    kernels::StepConstants<T> step_;
};

/// What one epoch after the other needs, made once.
template <class T>
class Epochs {
public:
    Epochs(BasicMlp<T>& net, const BasicDataset<T>& data, const TrainOptions& options)
        : net_(net),
          data_(data),
          options_(options),
          alpha_(penalty_strength(options.optimizer)),
          batch_rows_(std::min(options.batch, data.rows())),
          steps_((data.rows() + batch_rows_ - 1) / batch_rows_),
          losses_(steps_.size()),
          optimizer_(net, options.optimizer),
          engine_(net, {.loss = options.loss,
                        .rule = optimizer_.rule(),
                        .batch = batch_rows_,
                        .row_weights = !data.weights.empty(),
                        .penalty = alpha_,
                        .execution = options.execution}),
          last_good_(engine_.state()),
          order_(all_rows(data.rows())),
          side_by_side_(data, options.shuffle) {}

    /// Every row once: the five steps of each batch, on the kernels. Returns the mean loss over the batches as they
    /// were seen; the weights stay in the engine until store().
    double run(std::size_t epoch) {
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
            report_nonfinite(epoch);
        }
        double loss_sum = 0.0, weight_sum = 0.0;
        for (std::size_t number = 0; number < steps_.size(); ++number) {
            if (!steps_[number].skipped) {
                loss_sum += losses_[number] * steps_[number].total_weight;
                weight_sum += steps_[number].total_weight;
            }
        }
        return loss_sum / weight_sum;
    }

    void store() { engine_.store(net_); }
    /// The learning rate of the last step.
    [[nodiscard]] double rate() const { return rate_; }

private:
    [[nodiscard]] std::span<const std::size_t> rows_of(std::size_t number) const {
        const std::size_t first = number * batch_rows_;
        return std::span(order_).subspan(first, std::min(batch_rows_, data_.rows() - first));
    }

    void prepare_steps(std::size_t epoch) {
        const std::size_t steps = options_.epochs * steps_.size();
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
            const auto constants =
                optimizer_.next(rate_, penalty_of_batch(alpha_, net_.architecture().conventions, rows.size()));
            step.weights = constants.weights;
            step.biases = constants.biases;
        }
    }

    [[nodiscard]] static bool finite(const EngineState<T>& state) {
        return all_finite<T>(state.parameters) && all_finite<T>(state.first) && all_finite<T>(state.second);
    }

    /// Runs the epoch again, step by step, to the first step that leaves a value that is not finite, and says where in
    /// it that value arose. Runs the epoch's bits again, so it finds what was found.
    [[noreturn]] void report_nonfinite(std::size_t epoch) {
        engine_.restore(last_good_);
        std::size_t number = 0;
        for (; number + 1 < steps_.size(); ++number) {
            if (steps_[number].skipped) {
                continue;
            }
            engine_.store(net_);
            EngineRows<T> rows = engine_rows<T>(data_, rows_of(number));
            double loss = 0.0;
            engine_.run(rows, batch_rows_, {&steps_[number], 1}, {&loss, 1}, true);
            if (!std::isfinite(loss) || !finite(engine_.state())) {
                break;
            }
        }
        if (number + 1 == steps_.size()) {
            engine_.store(net_);
        }
        const NonfiniteOrigin origin = origin_in(number);
        const std::string norms = weight_norms(net_);
        engine_.restore(last_good_);
        engine_.store(net_);
        throw Diverged("training diverged in epoch " + std::to_string(epoch) + ", batch " + std::to_string(number + 1) +
                           " of " + std::to_string(steps_.size()) + ": the first value that is not finite is in " +
                           (origin.row ? "row " + std::to_string(*origin.row + 1) + " of the training rows, " : "") +
                           origin.stage + " (norms of the weights: " + norms + "); the weights of epoch " +
                           std::to_string(epoch - 1) +
                           " are kept. A smaller learning rate, or scaled columns, usually help",
                       epoch - 1, origin.row);
    }

    /// The same step in the plain loops, with net_ as it was before it; the row is one of the data set.
    NonfiniteOrigin origin_in(std::size_t number) {
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
        BasicTape<T> tape(net_, rows.size()), dtape(net_, rows.size());
        BasicMlp<T> grad = BasicMlp<T>::zeros_like(net_);
        forward(net_, x, tape);                                                     // Step 2, Eq. (2)
        double l = loss(options_.loss, tape.output(), y, dtape.output(), weights);  // Step 3
        backward(net_, tape, dtape, grad);                                          // Step 4
        l += penalty(net_, alpha_, rows.size(), &grad);
        NonfiniteOrigin origin = first_nonfinite<T>(tape, dtape, grad, options_.loss, y, l);
        if (origin.row) {
            origin.row = rows[*origin.row];
        }
        return origin;
    }

    BasicMlp<T>& net_;
    const BasicDataset<T>& data_;
    const TrainOptions& options_;
    double alpha_;
    std::size_t batch_rows_;
    std::vector<kernels::StepConstants<T>> steps_;
    std::vector<double> losses_;
    Optimizer<T> optimizer_;
    Engine<T> engine_;
    EngineState<T> last_good_;
    std::vector<std::size_t> order_;
    SideBySide<T> side_by_side_;
    double rate_ = 0.0;
};

}  // namespace

template <class T>
TrainResult train(BasicMlp<T>& net, const BasicDataset<T>& data, const TrainOptions& options,
                  const std::type_identity_t<BasicDataset<T>>* validation,
                  const std::type_identity_t<OnEpoch<T>>& on_epoch) {
    if (data.rows() == 0) {
        throw Error(ErrorKind::data, "training: there is no row to learn from");
    }
    check(options.batch > 0, "a batch needs at least one row");
    check(options.early_stopping == 0 || validation != nullptr,
          "early stopping needs validation rows (--validation FRACTION or FILE)");
    check(data.x.columns() == net.inputs() && data.y.columns() == net.outputs() && data.y.rows() == data.rows(),
          "the data do not have the network's inputs and outputs");

    const Clock::time_point start = Clock::now();
    Epochs<T> epochs(net, data, options);
    std::optional<WholeLoss<T>> validation_loss;
    if (validation != nullptr) {
        validation_loss.emplace(net, *validation, options.loss, penalty_strength(options.optimizer), options.execution);
    }
    Snapshot<T> best(net);
    double best_loss = std::numeric_limits<double>::infinity();
    TrainResult result;
    while (result.epochs < options.epochs && result.stopped == Stopped::epochs) {
        const Clock::time_point epoch_start = Clock::now();
        EpochReport report{.epoch = ++result.epochs, .epochs = options.epochs};
        report.loss = epochs.run(report.epoch);
        report.learning_rate = epochs.rate();
        report.seconds = seconds_since(epoch_start);
        epochs.store();
        report.rows_per_second = static_cast<double>(data.rows()) / std::max(report.seconds, 1e-9);
        if (validation != nullptr) {
            report.validation_loss = (*validation_loss)(net);
        }
        if (options.early_stopping == 0) {
            result.best_epoch = report.epoch;
        } else if (report.validation_loss < best_loss) {  // a NaN is never less
            best_loss = report.validation_loss;
            result.best_epoch = report.epoch;
            best.take(net);
        } else if (report.epoch - result.best_epoch >= options.early_stopping) {
            result.stopped = Stopped::early;
        }
        report.best_epoch = result.best_epoch;
        if (on_epoch && !on_epoch(report, net)) {
            result.stopped = Stopped::callback;
        }
    }
    if (options.early_stopping != 0) {
        best.restore(net);
    }
    result.seconds = seconds_since(start);
    return result;
}

template <class T>
double evaluate_loss(const BasicMlp<T>& net, const BasicDataset<T>& data, const LossFunction& function,
                     double weight_decay, const Execution& execution) {
    if (data.rows() == 0) {
        return std::numeric_limits<double>::quiet_NaN();  // a mean of nothing
    }
    return WholeLoss<T>(net, data, function, weight_decay, execution)(net);
}

template <class T>
Outputs<T> outputs(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x, const Execution& execution) {
    Outputs<T> result{Matrix<T>(x.rows(), net.outputs()), Matrix<T>(x.rows(), net.outputs())};
    BasicPredictor<T>(net, execution, Differentiable::no).predict(x, result.z.view(), result.yhat.view());
    return result;
}

#define HANDGRAD_INSTANTIATE(T)                                                                                   \
    template TrainResult train(BasicMlp<T>&, const BasicDataset<T>&, const TrainOptions&, const BasicDataset<T>*, \
                               const OnEpoch<T>&);                                                                \
    template double evaluate_loss(const BasicMlp<T>&, const BasicDataset<T>&, const LossFunction&, double,        \
                                  const Execution&);                                                              \
    template Outputs<T> outputs(const BasicMlp<T>&, MatrixView<const T>, const Execution&);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
