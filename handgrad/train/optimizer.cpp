// Step 5: the constants of each step, and the formulas of math/updates.hpp on one flat buffer.
#include "handgrad/train/optimizer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <string>

#include "handgrad/base/checks.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/math/elementary.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad {
namespace {

/// cos x for 0 ≤ x ≤ π/2 by its power series, cut where the next term is below 1e-19: the standard library's cosine may
/// differ in the last bit between machines, and with it the weights.
double cosine_of(double x) {
    double sum = 0.0;
    for (int k = 22; k > 0; k -= 2) {
        sum = (1.0 + sum) * (-x * x / (k * (k - 1)));
    }
    return 1.0 + sum;
}

math::UpdateRule momentum_rule(const OptimizerOptions& options, const Conventions& conventions) {
    if (options.momentum == 0.0) {
        return math::UpdateRule::sgd;
    }
    if (conventions.momentum == Momentum::velocity) {
        return options.nesterov ? math::UpdateRule::nesterov_velocity : math::UpdateRule::velocity;
    }
    return options.nesterov ? math::UpdateRule::nesterov_gradient_sum : math::UpdateRule::gradient_sum;
}

template <class T>
math::UpdateConstants<T> rounded(const math::UpdateConstants<double>& c) {
    static_assert(sizeof(c) == 11 * sizeof(double), "every constant of a step is rounded here");
    return {.rate = static_cast<T>(c.rate),
            .mu = static_cast<T>(c.mu),
            .beta1 = static_cast<T>(c.beta1),
            .rest1 = static_cast<T>(c.rest1),
            .beta2 = static_cast<T>(c.beta2),
            .rest2 = static_cast<T>(c.rest2),
            .step = static_cast<T>(c.step),
            .inverse_root = static_cast<T>(c.inverse_root),
            .epsilon = static_cast<T>(c.epsilon),
            .decay = static_cast<T>(c.decay),
            .penalty = static_cast<T>(c.penalty)};
}

}  // namespace

// --- The optimizers -------------------------------------------------------------------------------------------------

namespace optimizers {

StepUpdate Sgd::step(const StepInputs& inputs) {
    return {.rule = momentum_rule(inputs.options, inputs.conventions),
            .constants = {.rate = inputs.learning_rate, .mu = inputs.options.momentum}};
}

StepUpdate Adam::step(const StepInputs& inputs) {
    const OptimizerOptions& o = inputs.options;
    const bool before = inputs.conventions.adam_epsilon == AdamEpsilon::before_correction;
    const double correction1 = 1.0 - inputs.beta1_power;
    const double correction2 = std::sqrt(1.0 - inputs.beta2_power);
    const double step = inputs.learning_rate / correction1;
    const double step_before = inputs.learning_rate * correction2 / correction1;
    return {.rule = math::UpdateRule::adam,
            .constants = {.beta1 = o.beta1,
                          .rest1 = 1.0 - o.beta1,
                          .beta2 = o.beta2,
                          .rest2 = 1.0 - o.beta2,
                          .step = before ? step_before : step,
                          .inverse_root = before ? 1.0 : 1.0 / correction2,
                          .epsilon = o.epsilon}};
}

StepUpdate Adamw::step(const StepInputs& inputs) {
    StepUpdate update = Adam::step(inputs);
    update.constants.decay = inputs.learning_rate * inputs.options.weight_decay;
    return update;
}

}  // namespace optimizers

/// What a caller gives for one step, where a schedule may come to 0.
void check_step(double value, const char* argument) {
    if (!settings::from_0.contains(value)) {
        throw Error(ErrorKind::usage, "optimizer: " + std::string(argument) + " = " + format_number(value) +
                                          " is out of range; it must be " + describe(settings::from_0));
    }
}

void check(const OptimizerOptions& options) {
    check_ranges(options, "optimizer");
    check_meaning(options, "optimizer");
    if (options.kind != OptimizerKind::sgd && (options.momentum != 0.0 || options.nesterov)) {
        throw Error(ErrorKind::usage,
                    "optimizer: momentum and nesterov belong to sgd (adam has its own momentum, beta1)");
    }
    const OptimizerOptions usual;
    const bool of_adam =
        options.beta1 != usual.beta1 || options.beta2 != usual.beta2 || options.epsilon != usual.epsilon;
    if (options.kind == OptimizerKind::sgd && of_adam) {
        throw Error(ErrorKind::usage,
                    "optimizer: beta1, beta2 and epsilon belong to adam and adamw, not to sgd; leave them out");
    }
    if (options.nesterov && options.momentum == 0.0) {
        throw Error(ErrorKind::usage, "optimizer: nesterov needs a momentum above 0").about("momentum");
    }
}

void refuse_signs(const OptimizerOptions& options) {
    if (!facts(options.kind).all_rows) {
        return;
    }
    throw Error(ErrorKind::usage, "monotone columns hold by the signs of the weights, which " +
                                      std::string(name(options.kind)) +
                                      " does not keep in its steps; take an optimizer of steps on batches, or leave "
                                      "the monotone columns out")
        .about("monotone")
        .about("optimizer", "adam");
}

StepSequence::StepSequence(const OptimizerOptions& options, const Conventions& conventions, const StepCount& count)
    : options_(options), conventions_(conventions), count_(count), rule_() {
    check(options);
    rule_ = update(options.learning_rate).rule;
}

std::size_t StepSequence::moments() const {
    return math::visit(rule_, []<class Rule>(Rule) { return static_cast<std::size_t>(Rule::states); });
}

StepUpdate StepSequence::update(double learning_rate) const {
    const StepInputs inputs{.options = options_,
                            .conventions = conventions_,
                            .learning_rate = learning_rate,
                            .beta1_power = count_.beta1_power,
                            .beta2_power = count_.beta2_power};
    return visit(options_.kind, [&]<class O>(O) -> StepUpdate {
        static_assert(TakesSteps<O> || !std::derived_from<O, optimizers::MinibatchSteps>,
                      "an optimizer of mini-batch steps has a function for them");
        if constexpr (TakesSteps<O>) {
            return O::step(inputs);
        } else {
            throw Error(ErrorKind::usage, "optimizer: " + std::string(O::facts.name) +
                                              " takes no single steps; it is one of whole trainings")
                .about("optimizer");
        }
    });
}

template <class T>
StepSequence::Constants<T> StepSequence::next(double learning_rate, double penalty) {
    check_step(learning_rate, "learning_rate");
    check_step(penalty, "penalty");
    ++count_.steps;
    count_.beta1_power *= options_.beta1;
    count_.beta2_power *= options_.beta2;
    math::UpdateConstants<double> constants = update(learning_rate).constants;
    const auto without_penalty = rounded<T>(constants);
    constants.penalty = penalty;
    Constants<T> result{.weights = rounded<T>(constants), .biases = without_penalty};
    if (conventions_.penalty == Penalty::all_parameters) {
        result.biases = result.weights;
    } else {
        result.biases.decay = T(0);
    }
    return result;
}

template <class T>
Optimizer<T>::Optimizer(const BasicMlp<T>& net, const OptimizerOptions& options, const StepCount& count)
    : steps_(options, net.architecture().conventions, count),
      learning_rate_(options.learning_rate),
      first_(steps_.moments() > 0 ? net.parameters().size() : 0),
      second_(steps_.moments() > 1 ? net.parameters().size() : 0) {}

template <class T>
void Optimizer<T>::update(BasicMlp<T>& net, const BasicMlp<T>& gradient, double learning_rate) {
    if (gradient.architecture().sizes != net.architecture().sizes) {
        checks::refuse({"update", "gradient"}, "has not the sizes of the network; make it by BasicMlp::zeros_like");
    }
    for (const AlignedVector<T>* state : {&first_, &second_}) {
        if (!state->empty()) {
            checks::equal({"update", "net"}, net.parameters().size(), "parameters", "the optimizer was made for",
                          state->size());
        }
    }
    const Constants constants = next(learning_rate);
    const std::span<const T> g = gradient.parameters();
    const std::span<T> w = net.parameters();
    const kernels::Kernels<T>& kernels = kernels::kernels<T>(best_simd_level());
    std::size_t at = 0;
    const auto state_at = [&](AlignedVector<T>& state) -> T* {
        if (state.empty()) {
            return nullptr;
        }
        return state.data() + at;
    };
    const auto move = [&](std::size_t count, const math::UpdateConstants<T>& c) {
        kernels.move(rule(), c, g.data() + at, count, w.data() + at, state_at(first_), state_at(second_));
        at += count;
    };
    for (std::size_t l = 0; l < net.layers(); ++l) {
        move(net.weight(l).rows() * net.weight(l).columns(), constants.weights);
        move(net.bias(l).size(), constants.biases);
    }
}

// --- Schedules ------------------------------------------------------------------------------------------------------

namespace schedules {

double constant(const ScheduleInputs& inputs) { return inputs.learning_rate; }

double cosine(const ScheduleInputs& inputs) {  // (1 + cos πt)/2 = cos² (πt/2)
    const double c = cosine_of(0.5 * std::numbers::pi * inputs.share);
    return inputs.learning_rate * c * c;
}

double step(const ScheduleInputs& inputs) {
    if (4 * inputs.epoch >= 3 * inputs.epochs) {
        return inputs.learning_rate * 0.01;
    }
    return inputs.learning_rate * (2 * inputs.epoch >= inputs.epochs ? 0.1 : 1.0);
}

double exponential(const ScheduleInputs& inputs) {
    return inputs.learning_rate * math::exp(-2.0 * std::numbers::ln10 * inputs.share);
}

double linear(const ScheduleInputs& inputs) { return inputs.learning_rate * (1.0 - inputs.share); }

}  // namespace schedules

double scheduled_rate(Schedule schedule, double learning_rate, std::size_t step, std::size_t steps,
                      std::size_t steps_per_epoch) {
    assert(step < steps && steps_per_epoch > 0);
    const ScheduleInputs inputs{.learning_rate = learning_rate,
                                .share = steps > 1 ? static_cast<double>(step) / static_cast<double>(steps - 1) : 0.0,
                                .epoch = step / steps_per_epoch,
                                .epochs = steps / steps_per_epoch};
    return schedule_list[static_cast<std::size_t>(schedule)].rate(inputs);
}

std::optional<OptimizerKind> find_optimizer(std::string_view name) {
    const auto* found = std::ranges::find(optimizer_list, name, &OptimizerFacts::name);
    return found == optimizer_list.end() ? std::nullopt : std::optional(found->kind);
}

std::optional<Schedule> find_schedule(std::string_view name) {
    const auto* found = std::ranges::find(schedule_list, name, &ScheduleFacts::name);
    return found == schedule_list.end() ? std::nullopt : std::optional(found->schedule);
}

template StepSequence::Constants<float> StepSequence::next(double, double);
template StepSequence::Constants<double> StepSequence::next(double, double);
template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace handgrad
