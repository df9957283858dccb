// The five steps of training in one loop, and what surrounds it: batches, early stopping, the stop at non-finite
// values.
#include "handgrad/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/flush_to_zero.hpp"
#include "handgrad/base/random.hpp"

namespace handgrad {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Rows that outputs() and evaluate_loss() run through the network at a time.
constexpr std::size_t block_rows = 1024;

/// What rows count in a mean: the sum of their weights, or their number when there are none.
template <class T>
double total_weight(std::span<const T> weights, std::size_t rows) {
    double sum = weights.empty() ? static_cast<double>(rows) : 0.0;
    for (const T w : weights) {
        sum += static_cast<double>(w);
    }
    return sum;
}

/// The rows of one step, gathered from the data set by the shuffled index.
template <class T>
class Batch {
public:
    Batch(const BasicDataset<T>& data, std::size_t capacity)
        : x_(capacity, data.x.columns()), y_(capacity, data.y.columns()) {}

    void gather(const BasicDataset<T>& data, std::span<const std::size_t> rows) {
        rows_ = rows.size();
        weights_.clear();
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::ranges::copy(data.x.row(rows[i]), x_.row(i).begin());
            std::ranges::copy(data.y.row(rows[i]), y_.row(i).begin());
            if (!data.weights.empty()) {
                weights_.push_back(data.weights[rows[i]]);
            }
        }
    }
    [[nodiscard]] MatrixView<const T> x() const { return x_.view().rows_from(0, rows_); }
    [[nodiscard]] MatrixView<const T> y() const { return y_.view().rows_from(0, rows_); }
    [[nodiscard]] std::span<const T> weights() const { return weights_; }
    [[nodiscard]] std::size_t rows() const { return rows_; }

private:
    Matrix<T> x_, y_;
    std::vector<T> weights_;
    std::size_t rows_ = 0;
};

template <class T>
bool all_finite(std::span<const T> values) {
    T zero = T(0);  // stays 0 unless it meets an infinity or a NaN: 0·∞ is NaN
    for (const T v : values) {
        zero += v * T(0);
    }
    return zero == T(0);
}

/// Where the first non-finite value of a step arose, in the order of the computation.
template <class T>
std::string first_nonfinite_stage(const BasicTape<T>& tape, const BasicTape<T>& dtape, const BasicMlp<T>& grad,
                                  double loss) {
    const std::size_t rows = tape.rows();
    const auto bad = [rows](const Matrix<T>& m) { return !all_finite(m.values().first(rows * m.columns())); };
    const auto layer_name = [](std::size_t l) { return "linear" + std::to_string(l + 1); };
    for (std::size_t l = 0; l < tape.layers(); ++l) {
        if (bad(tape.layer(l).z)) {
            return layer_name(l) + ", forward: the pre-activation z = W a + b";
        }
        if (bad(tape.layer(l).a)) {
            return layer_name(l) + ", forward: the activation " + std::string(name(tape.layer(l).activation));
        }
    }
    if (!std::isfinite(loss)) {
        return "the loss";
    }
    for (std::size_t l = tape.layers(); l-- > 0;) {
        if (bad(dtape.layer(l).z)) {
            return layer_name(l) + ", backward: the derivative of the loss by z";
        }
        const MatrixView<const T> dW = grad.weight(l);
        if (!all_finite(std::span<const T>(dW.data(), dW.rows() * dW.columns())) || !all_finite(grad.bias(l))) {
            return layer_name(l) + ", backward: the gradient of its weights";
        }
    }
    return "the optimizer's step";
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

/// What one epoch after the other needs, made once.
template <class T>
class Epochs {
public:
    Epochs(BasicMlp<T>& net, const BasicDataset<T>& data, const TrainOptions& options)
        : net_(net),
          data_(data),
          options_(options),
          batch_rows_(std::min(options.batch, data.rows())),
          steps_per_epoch_((data.rows() + batch_rows_ - 1) / batch_rows_),
          tape_(net, batch_rows_),
          dtape_(net, batch_rows_),
          grad_(BasicMlp<T>::zeros_like(net)),
          optimizer_(net, options.optimizer),
          batch_(data, batch_rows_),
          last_good_(net),
          order_(all_rows(data.rows())) {}

    /// Every row once. Returns the mean loss over the batches as they were seen.
    double run(std::size_t epoch) {
        const FlushToZero flush_to_zero;
        const double alpha = penalty_strength(options_.optimizer);
        const std::size_t steps = options_.epochs * steps_per_epoch_;
        last_good_.take(net_);
        if (options_.shuffle) {
            order_ = permutation(data_.rows(),
                                 RandomStream(options_.seed, Purpose::shuffle, static_cast<std::uint32_t>(epoch)));
        }
        double loss_sum = 0.0, weight_sum = 0.0;
        for (std::size_t number = 0; number < steps_per_epoch_; ++number) {
            const std::size_t first = number * batch_rows_;
            batch_.gather(data_, std::span(order_).subspan(first, std::min(batch_rows_, data_.rows() - first)));
            const double weight = total_weight(batch_.weights(), batch_.rows());
            if (weight == 0.0) {
                continue;  // rows that count nothing teach nothing
            }
            rate_ = scheduled_rate(options_.schedule, options_.optimizer.learning_rate,
                                   (epoch - 1) * steps_per_epoch_ + number, steps, steps_per_epoch_);

            // Step 1, the model of Eq. (1), is net_.
            forward(net_, batch_.x(), tape_);  // Step 2, Eq. (2)
            double l = loss(options_.loss, tape_.output(), batch_.y(), dtape_.output(), batch_.weights());  // Step 3
            grad_.set_zero();                      // Step 4: first to zero,
            backward(net_, tape_, dtape_, grad_);  // then accumulate
            l += penalty(net_, alpha, batch_.rows(), &grad_);
            optimizer_.update(net_, grad_, rate_);  // Step 5, Eq. (4)

            stop_unless_finite(l, epoch, number + 1);
            loss_sum += l * weight;
            weight_sum += weight;
        }
        return loss_sum / weight_sum;
    }

    /// The learning rate of the last step.
    [[nodiscard]] double rate() const { return rate_; }

private:
    void stop_unless_finite(double l, std::size_t epoch, std::size_t number) {
        if (options_.allow_nonfinite ||
            (std::isfinite(l) && all_finite(std::as_const(net_).parameters()) && all_finite(optimizer_.first_state()) &&
             all_finite(optimizer_.second_state()))) {
            return;
        }
        const std::string where = first_nonfinite_stage(tape_, dtape_, grad_, l);
        const std::string norms = weight_norms(net_);
        last_good_.restore(net_);
        throw Diverged("training diverged in epoch " + std::to_string(epoch) + ", batch " + std::to_string(number) +
                           " of " + std::to_string(steps_per_epoch_) + ": the first value that is not finite is in " +
                           where + " (norms of the weights: " + norms + "); the weights of epoch " +
                           std::to_string(epoch - 1) +
                           " are kept. A smaller learning rate, or scaled columns, usually help",
                       epoch - 1);
    }

    BasicMlp<T>& net_;
    const BasicDataset<T>& data_;
    const TrainOptions& options_;
    std::size_t batch_rows_;
    std::size_t steps_per_epoch_;
    BasicTape<T> tape_, dtape_;
    BasicMlp<T> grad_;
    Optimizer<T> optimizer_;
    Batch<T> batch_;
    Snapshot<T> last_good_;
    std::vector<std::size_t> order_;
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
    Snapshot<T> best(net);
    double best_loss = std::numeric_limits<double>::infinity();
    TrainResult result;
    while (result.epochs < options.epochs && result.stopped == Stopped::epochs) {
        const Clock::time_point epoch_start = Clock::now();
        EpochReport report{.epoch = ++result.epochs, .epochs = options.epochs};
        report.loss = epochs.run(report.epoch);
        report.learning_rate = epochs.rate();
        report.seconds = seconds_since(epoch_start);
        report.rows_per_second = static_cast<double>(data.rows()) / std::max(report.seconds, 1e-9);
        if (validation != nullptr) {
            report.validation_loss = evaluate_loss(net, *validation, options.loss, penalty_strength(options.optimizer));
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
                     double weight_decay) {
    BasicTape<T> tape(net, std::min(block_rows, data.rows()));
    double sum = 0.0, weight_sum = 0.0;
    for (std::size_t first = 0; first < data.rows(); first += block_rows) {
        const std::size_t count = std::min(block_rows, data.rows() - first);
        const std::span<const T> weights =
            data.weights.empty() ? std::span<const T>{} : std::span<const T>(data.weights).subspan(first, count);
        const double weight = total_weight(weights, count);
        if (weight == 0.0) {
            continue;
        }
        forward(net, data.x.view().rows_from(first, count), tape);
        sum += weight * loss_value(function, tape.output(), data.y.view().rows_from(first, count), weights);
        weight_sum += weight;
    }
    return sum / weight_sum + penalty<T>(net, weight_decay, data.rows(), nullptr);
}

template <class T>
Outputs<T> outputs(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x) {
    BasicTape<T> tape(net, std::min(block_rows, x.rows()));
    Outputs<T> result{Matrix<T>(x.rows(), net.outputs()), Matrix<T>(x.rows(), net.outputs())};
    for (std::size_t first = 0; first < x.rows(); first += block_rows) {
        forward(net, x.rows_from(first, std::min(block_rows, x.rows() - first)), tape);
        const std::size_t count = tape.rows() * net.outputs();
        std::copy_n(tape.output().z.values().begin(), count, result.z.row(first).begin());
        std::copy_n(tape.output().a.values().begin(), count, result.yhat.row(first).begin());
    }
    return result;
}

#define HANDGRAD_INSTANTIATE(T)                                                                                   \
    template TrainResult train(BasicMlp<T>&, const BasicDataset<T>&, const TrainOptions&, const BasicDataset<T>*, \
                               const OnEpoch<T>&);                                                                \
    template double evaluate_loss(const BasicMlp<T>&, const BasicDataset<T>&, const LossFunction&, double);       \
    template Outputs<T> outputs(const BasicMlp<T>&, MatrixView<const T>);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
