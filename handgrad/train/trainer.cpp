// A training's state advanced epoch by epoch: what surrounds the solver's steps.
#include "handgrad/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/checks.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/nn/engine.hpp"
#include "handgrad/nn/jacobian_loss_gradient.hpp"
#include "handgrad/nn/monotone.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/batches.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/solver.hpp"

namespace handgrad {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class T>
void check_weights(checks::Argument argument, const BasicDataset<T>& data) {
    if (!data.weights.empty()) {
        checks::equal(argument, data.weights.size(), "numbers", "rows there are", data.rows());
        checks::total_weight<T>(argument, data.weights);
    }
}

/// Jacobians of each row, or none.
template <class T>
void check_jacobians(checks::Argument argument, const BasicMlp<T>& net, const BasicDataset<T>& data) {
    if (data.jacobians.rows() > 0) {
        checks::equal(argument, data.jacobians.rows(), "rows", "the data have", data.rows());
        checks::equal(argument, data.jacobians.columns(), "columns", "outputs times inputs of the network are",
                      net.outputs() * net.inputs());
    }
}

/// Signs that these weights obey already, and a solver whose steps keep them.
template <class T>
void check_signs(const BasicMlp<T>& net, const TrainOptions& options) {
    if (options.input_signs.empty()) {
        return;
    }
    refuse_signs(options.optimizer);
    if (const std::optional<WrongSign> wrong = first_wrong_sign(net, options.input_signs)) {
        throw Error(ErrorKind::usage,
                    "training: the network to begin with is not monotone in the columns that are to "
                    "be: " +
                        wrong->text() +
                        "; begin with one that was trained with the same monotone columns, or with "
                        "fresh weights")
            .about("monotone");
    }
}

template <class T>
void check(const BasicMlp<T>& net, const BasicDataset<T>& data, const TrainOptions& options,
           const BasicDataset<T>* validation) {
    if (data.rows() == 0) {
        throw Error(ErrorKind::data, "training: there is no row to learn from");
    }
    check_ranges(options, "training");
    check_meaning(options, "training");
    check_signs(net, options);
    if (options.early_stopping.value_or(0) > 0 && validation == nullptr) {
        throw Error(ErrorKind::usage, "training: early stopping needs validation rows").about("validation");
    }
    if (data.x.columns() != net.inputs() || data.y.columns() != net.outputs() || data.y.rows() != data.rows()) {
        throw Error(ErrorKind::usage, "training: the data do not have the network's inputs and outputs");
    }
    if (validation != nullptr && (validation->x.columns() != net.inputs() || validation->y.columns() != net.outputs() ||
                                  validation->y.rows() != validation->rows())) {
        throw Error(ErrorKind::usage, "training: the validation rows do not have the network's inputs and outputs")
            .about("validation");
    }
    check_jacobians({"training", "jacobians"}, net, data);
    if (validation != nullptr) {
        check_jacobians({"training", "jacobians for validation"}, net, *validation);
    }
    check_weights({"training", "weights"}, data);
    if (validation != nullptr) {
        check_weights({"training", "weights for validation"}, *validation);
    }
}

void check(const EpochPlan& plan, std::size_t rows) {
    if (plan.learning_rate && !(*plan.learning_rate >= 0.0 && std::isfinite(*plan.learning_rate))) {
        throw Error(ErrorKind::usage, "training: the learning rate of an epoch must be a finite number, 0 or above")
            .about("learning_rate");
    }
    if (plan.order.empty()) {
        return;
    }
    std::vector<bool> seen(rows, false);
    std::size_t once = 0;
    for (const std::size_t row : plan.order) {
        if (row < rows && !seen[row]) {
            seen[row] = true;
            ++once;
        }
    }
    if (once != rows || plan.order.size() != rows) {
        throw Error(ErrorKind::usage,
                    "training: the order of an epoch must have each of the " + std::to_string(rows) + " rows once");
    }
}

/// The loss of a network on all rows of a data set, again and again.
template <class T>
class WholeLoss {
public:
    WholeLoss(const BasicMlp<T>& net, const BasicDataset<T>& data, const LossFunction& function, double alpha,
              const Execution& execution, double jacobian_weight = 0.0)
        : data_(data),
          jacobian_weight_(jacobian_weight),
          of_jacobians_(net, execution),
          order_(all_rows(data.rows())),
          engine_(net, {.loss = function,
                        .work = kernels::Work::loss,
                        .batch = data.rows(),
                        .row_weights = !data.weights.empty(),
                        .penalty = alpha,
                        .execution = execution}) {
        step_.total_weight = data.total_weight();
        step_.weights.penalty =
            static_cast<T>(penalty_of_batch(alpha, net.architecture().conventions, step_.total_weight));
    }
    double operator()(const BasicMlp<T>& net) {
        engine_.load(net);
        double loss = 0.0;
        engine_.run(engine_rows<T>(data_, order_), data_.rows(), {&step_, 1}, {&loss, 1}, false);
        if (jacobian_weight_ > 0.0 && data_.jacobians.rows() > 0) {
            loss += of_jacobians_.value(net, {.x = data_.x, .targets = data_.jacobians, .weights = data_.weights},
                                        jacobian_weight_);
        }
        return loss;
    }

private:
    const BasicDataset<T>& data_;
    double jacobian_weight_;
    JacobianLossGradient<T> of_jacobians_;
    std::vector<std::size_t> order_;
    Engine<T> engine_;
    kernels::StepConstants<T> step_;
};

template <class T>
TrainState<T> first_state(const BasicMlp<T>& net, const TrainOptions& options) {
    TrainState<T> state{.net = net, .moments = {}, .count = {}};
    if (options.early_stopping.value_or(0) > 0) {
        state.best = net;
    }
    return state;
}

template <class T>
std::unique_ptr<Solver<T>> solver_of(const TrainProblem<T>& problem, const TrainState<T>& state) {
    return visit(problem.options.optimizer.kind,
                 [&]<class O>(O) -> std::unique_ptr<Solver<T>> { return O::template solver<T>(problem, state); });
}

}  // namespace

std::size_t usual_epochs(std::size_t rows, std::size_t batch, bool early_stopping) {
    constexpr std::size_t least_steps = 3000;
    std::size_t least_epochs = 50;
    if (early_stopping) {
        least_epochs = 200;
    }
    const std::size_t steps_of_an_epoch = std::max<std::size_t>(1, rows / batch + (rows % batch == 0 ? 0 : 1));
    return std::max(least_epochs, (least_steps + steps_of_an_epoch - 1) / steps_of_an_epoch);
}

std::size_t usual_epochs(const TrainOptions& options, std::size_t rows) {
    if (facts(options.optimizer.kind).all_rows) {
        return usual_iterations;
    }
    return usual_epochs(rows, options.batch, options.early_stopping.value_or(0) > 0);
}

template <class T>
struct Trainer<T>::Parts {
    Parts(TrainState<T> from, const BasicDataset<T>& data, const TrainOptions& settings,
          const BasicDataset<T>* validation, const MakeSolver<T>& make)
        : state(std::move(from)), rows(data.rows()), options(settings), patience(settings.early_stopping.value_or(0)) {
        check(state.net, data, options, validation);
        options.epochs = options.epochs.value_or(usual_epochs(options, rows));
        if (patience > 0 && !state.best) {
            throw Error(ErrorKind::usage, "training: the state to go on from has no best weights for early stopping")
                .about("early_stopping");
        }
        if (!make && !facts(options.optimizer.kind).all_rows && !state.memory.solver.empty()) {
            throw Error(ErrorKind::usage, "training: the state to go on from is that of another optimizer, " +
                                              state.memory.solver + ", or network");
        }
        const TrainProblem<T> problem{.data = data, .options = options};
        solver = make ? make(problem, state) : solver_of(problem, state);
        paused = state.begun.has_value();
        state.begun.reset();  // the solver's now
        if (validation != nullptr) {
            validation_loss.emplace(state.net, *validation, options.loss, penalty_strength(options.optimizer),
                                    options.execution, options.jacobian_weight);
        }
    }

    void judge(const EpochReport& report) {
        if (patience == 0) {
            state.best_epoch = state.epoch;
        } else if (report.validation_loss < state.best_loss) {  // a NaN is never less
            state.best_loss = report.validation_loss;
            state.best_epoch = state.epoch;
            state.best = state.net;
        }
    }

    /// Not in the middle of the first epoch, as none has been judged.
    [[nodiscard]] bool gives_the_best() const { return patience > 0 && (state.epoch > 0 || !paused); }

    TrainState<T> state;  ///< but for moments, count and begun, which the solver keeps
    std::size_t rows;
    TrainOptions options;
    std::size_t patience;  ///< of early stopping; 0 without
    std::unique_ptr<Solver<T>> solver;
    std::optional<WholeLoss<T>> validation_loss;
    bool paused = false;   ///< in the middle of an epoch …
    double seconds = 0.0;  ///< … that has taken so long
};

template <class T>
Trainer<T>::Trainer(const BasicMlp<T>& net, const BasicDataset<T>& data, const TrainOptions& options,
                    const std::type_identity_t<BasicDataset<T>>* validation, const MakeSolver<T>& solver)
    : Trainer(first_state(net, options), data, options, validation, solver) {}

template <class T>
Trainer<T>::Trainer(TrainState<T> state, const BasicDataset<T>& data, const TrainOptions& options,
                    const std::type_identity_t<BasicDataset<T>>* validation, const MakeSolver<T>& solver)
    : parts_(std::make_unique<Parts>(std::move(state), data, options, validation, solver)) {}

template <class T>
Trainer<T>::Trainer(Trainer&&) noexcept = default;
template <class T>
Trainer<T>& Trainer<T>::operator=(Trainer&&) noexcept = default;
template <class T>
Trainer<T>::~Trainer() = default;

template <class T>
std::optional<Stopped> Trainer<T>::done() const {
    const TrainState<T>& state = parts_->state;
    const std::size_t patience = parts_->patience;
    if (state.over) {
        return state.over;
    }
    if (patience > 0 && state.epoch - state.best_epoch >= patience) {
        return Stopped::early;
    }
    return state.epoch >= epochs() ? std::optional(Stopped::epochs) : std::nullopt;
}

template <class T>
EpochReport Trainer<T>::advance() {
    return *advance({});
}

template <class T>
std::optional<EpochReport> Trainer<T>::advance(const Pause& pause) {
    return advance(pause, {});
}

template <class T>
std::optional<EpochReport> Trainer<T>::advance(const Pause& pause, const EpochPlan& plan) {
    TrainState<T>& state = parts_->state;
    if (state.epoch >= epochs()) {
        throw Error(ErrorKind::usage, "training: all " + std::to_string(epochs()) + " epochs are done").about("epochs");
    }
    if (state.over) {
        throw Error(ErrorKind::usage, "training: its solver has come to its end after epoch " +
                                          std::to_string(state.epoch) + ": " + std::string(name(*state.over)));
    }
    check(plan, parts_->rows);
    const Clock::time_point start = Clock::now();
    const std::optional<Iteration> seen = parts_->solver->advance(state, pause, plan);
    parts_->seconds += seconds_since(start);
    parts_->paused = !seen;
    if (!seen) {
        return {};
    }
    EpochReport report{.epoch = ++state.epoch, .epochs = epochs(), .loss = seen->loss};
    report.learning_rate = seen->learning_rate;
    report.progress = seen->progress;
    state.over = seen->over;
    report.seconds = std::exchange(parts_->seconds, 0.0);
    report.rows_per_second = static_cast<double>(parts_->rows) / std::max(report.seconds, 1e-9);
    if (parts_->validation_loss) {
        report.validation_loss = (*parts_->validation_loss)(state.net);
    }
    parts_->judge(report);
    report.best_epoch = state.best_epoch;
    state.history.push_back({.epoch = report.epoch,
                             .loss = report.loss,
                             .validation_loss = report.validation_loss,
                             .learning_rate = report.learning_rate});
    return report;
}

template <class T>
const BasicMlp<T>& Trainer<T>::net() const {
    return parts_->state.net;
}
template <class T>
std::size_t Trainer<T>::epoch() const {
    return parts_->state.epoch;
}
template <class T>
std::size_t Trainer<T>::epochs() const {
    return *parts_->options.epochs;
}
template <class T>
std::size_t Trainer<T>::best_epoch() const {
    return parts_->state.best_epoch;
}
template <class T>
TrainState<T> Trainer<T>::state() const {
    TrainState<T> copy = parts_->state;
    parts_->solver->save(copy);
    return copy;
}
template <class T>
const BasicMlp<T>& Trainer<T>::result() const {
    return parts_->gives_the_best() ? *parts_->state.best : parts_->state.net;
}
template <class T>
bool Trainer<T>::within_epoch() const {
    return parts_->paused && !parts_->gives_the_best();
}

template <class T>
TrainResult train(BasicMlp<T>& net, const BasicDataset<T>& data, const TrainOptions& options,
                  const std::type_identity_t<BasicDataset<T>>* validation,
                  const std::type_identity_t<OnEpoch<T>>& on_epoch) {
    const Clock::time_point start = Clock::now();
    Trainer<T> trainer(net, data, options, validation);
    const auto go_on = [&](const EpochReport& report) {
        std::ranges::copy(trainer.net().parameters(), net.parameters().begin());  // who is asked may look at `net`
        return !on_epoch || on_epoch(report, net);
    };
    TrainResult result;
    try {
        std::optional<Stopped> stopped = trainer.done();
        while (!stopped) {
            const EpochReport report = trainer.advance();
            result.progress = report.progress;
            stopped = go_on(report) ? trainer.done() : Stopped::callback;
        }
        result.stopped = *stopped;
    } catch (const Diverged&) {
        std::ranges::copy(trainer.net().parameters(), net.parameters().begin());
        throw;
    }
    std::ranges::copy(trainer.result().parameters(), net.parameters().begin());
    result.epochs = trainer.epoch();
    result.best_epoch = trainer.best_epoch();
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
    template Outputs<T> outputs(const BasicMlp<T>&, MatrixView<const T>, const Execution&);                       \
    template class Trainer<T>;
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
